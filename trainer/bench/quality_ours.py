"""A trial of one of our methods."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench.quality_setting import COURSE, TEMPERATURE, prepared
from bench.quality_trial import PROMPTS, ROWS, Trial, Watch, conduct, looking


def train(folder: Path, trial: Trial, student: Path, steps: int, at: list[int]) -> Watch:
    options = json.loads(trial.options or "{}")
    phase: dict[str, Any] = {
        "method": trial.method, "steps": steps, "batchSize": trial.batch, "optimizer": {"learningRate": trial.rate} | COURSE,
    }  # fmt: skip
    if trial.method in ("gkd", "minillm", "opd"):
        phase |= {"prompts": PROMPTS, "rows": ROWS, "rollouts": 256, "rolloutChunk": 256, "innerEpochs": 1}
    if trial.method in ("distillm", "opd"):
        phase |= {"temperature": TEMPERATURE}
    if trial.method == "gkd":
        phase |= {"onPolicyShare": 1.0, "beta": 1.0, "temperature": TEMPERATURE}
    others = {key: options[key] for key in ("teacher", "preset") if key in options}
    ready = prepared(folder, phase | options.get("phase", {}), seed=trial.seed, student=student, **others)
    watch = Watch(looking(ready, steps) if at else None, at)
    for n in range(1, steps + 1):
        ready.phases[0].step(n)
        watch.after(n)
    return watch


if __name__ == "__main__":
    conduct(train)
