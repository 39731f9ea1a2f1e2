"""One trial of the quality benchmark, in a process of its own: one method trains for so many steps, its student is looked at on the way.

Both sides get the same models, the same prompts, the same optimizer (ours, of torch) and the same course of the learning rate. What
counts is the CPU time of the training loop, data loading and logging of the loop included; looking at the student is not charged,
and neither is loading.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from bench.quality_setting import Evaluator, Task, cpu_seconds
from minillm.prepare import Prepared

UNCOUNTED = 4
"""First steps of a measurement of the cost: what is set up in them is no part of a step."""


@dataclass(frozen=True)
class Trial:
    side: str
    """`ours` or `trl`."""
    method: str
    batch: int
    rate: float
    seed: int
    options: str = ""
    """Further settings of ours, as JSON: {"phase": {…}, "teacher": {…}, "preset": …}."""

    @property
    def name(self) -> str:
        return f"{self.side} {self.method}{' ' + self.options if self.options else ''}"


class Watch:
    """Charges CPU time to training, and looks at the student between two steps without charging it."""

    def __init__(self, look: Callable[[int], dict[str, float]] | None, at: list[int]) -> None:
        self.look, self.at = look, set(at)
        self.spent, self.began = 0.0, cpu_seconds()
        self.seen: list[dict[str, float]] = []
        self.steps: list[float] = []

    def after(self, step: int) -> None:
        now = cpu_seconds()
        self.spent += now - self.began
        self.steps.append(self.spent)
        if step in self.at and self.look is not None:
            self.seen.append({"step": step, "cpu": self.spent} | self.look(step))
        self.began = cpu_seconds()


def looking(ready: Prepared, last: int) -> Callable[[int], dict[str, float]]:
    """Scores of the student at a step: greedy responses are made at the end alone."""
    evaluator = Evaluator(ready, ready.final)
    return lambda step: evaluator(ready.student.model, greedy=step == last)


def conduct(train: Callable[[Path, Task, Trial, Path, int, list[int]], Watch]) -> None:
    """The whole process: `train` gets the folder to work in, task, trial, checkpoint, steps, and those after which to look."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--task", required=True, help="a Task as JSON")
    parser.add_argument("--student", type=Path, required=True)
    parser.add_argument("--trial", required=True, help="a Trial as JSON")
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--looks", type=int, nargs="*", default=[], help="steps after which the student is scored")
    options = parser.parse_args()
    torch.set_num_threads(1)
    trial = Trial(**json.loads(options.trial))
    watch = train(options.folder, Task(**json.loads(options.task)), trial, options.student, options.steps, options.looks)
    counted = watch.steps[-1] - (watch.steps[UNCOUNTED - 1] if len(watch.steps) > UNCOUNTED else 0.0)
    per_step = counted / max(1, len(watch.steps) - UNCOUNTED)
    ahead = max(0.0, watch.steps[min(UNCOUNTED, len(watch.steps)) - 1] - UNCOUNTED * per_step)
    cost = {"cpu": watch.spent, "perStep": per_step, "ahead": ahead}
    print(json.dumps(asdict(trial) | {"steps": options.steps} | cost | {"seen": watch.seen}))
