"""A trial of one of our methods."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench.quality_setting import COURSE, TEMPERATURE, Task, prepared
from bench.quality_trial import Trial, Watch, conduct, looking


def phase_of(trial: Trial, task: Task, steps: int) -> dict[str, Any]:
    """As a config says it."""
    phase: dict[str, Any] = {
        "method": trial.method, "steps": steps, "batchSize": trial.batch, "optimizer": {"learningRate": trial.rate} | COURSE,
    }  # fmt: skip
    if trial.method in ("gkd", "minillm", "opd"):
        phase |= {"prompts": task.prompts, "rows": task.rows, "rollouts": 256, "rolloutChunk": 256, "innerEpochs": 1}
    if trial.method in ("gkd", "opd", "distillm"):
        phase |= {"temperature": TEMPERATURE}
    if trial.method == "gkd":
        phase |= {"onPolicyShare": 1.0, "beta": 1.0}
    return phase | json.loads(trial.options or "{}").get("phase", {})


def others_of(trial: Trial) -> dict[str, Any]:
    """Settings of the run besides its phase."""
    options = json.loads(trial.options or "{}")
    return {key: options[key] for key in ("teacher", "preset") if key in options}


def train(folder: Path, task: Task, trial: Trial, student: Path, steps: int, at: list[int]) -> Watch:
    ready = prepared(folder, phase_of(trial, task, steps), task=task, seed=trial.seed, student=student, **others_of(trial))
    watch = Watch(looking(ready, steps) if at else None, at)
    for n in range(1, steps + 1):
        ready.phases[0].step(n)
        watch.after(n)
    return watch


if __name__ == "__main__":
    conduct(train)
