"""What both sides of the quality benchmark share: the pair, the words, one checkpoint to start from, one evaluator.

The pair is the demo's: a teacher of 1.8 million parameters and a student of 59 thousand that learn to pronounce English.
"""

from __future__ import annotations

import json
import resource
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from minillm.data import Example
from minillm.evaluate import evaluate
from minillm.language_model import LanguageModel
from minillm.prepare import Prepared, prepare
from minillm.resolve import resolve

DEMO = Path(__file__).resolve().parents[2] / "demo"
SFT = {"method": "sft", "steps": 2000, "batchSize": 64, "optimizer": {"learningRate": 0.006}}
"""What the student has learned from labelled words before any method begins."""
SFT_SEED = 10
COURSE = {"betas": [0.9, 0.95], "weightDecay": 0.0, "maxGradNorm": 1.0, "warmup": 0.03, "schedule": "linear", "finalLearningRate": 0.05}
"""Adam, clip and shape of the schedule, of both sides."""
TEMPERATURE = 1.0
SCORES = {
    "kl": "eval/kl_reverse", "accuracy": "eval/accuracy_greedy", "errors": "eval/error_rate_greedy", "entropy": "eval/entropy",
    "sampledAccuracy": "eval/accuracy_sampled", "sampledErrors": "eval/error_rate_sampled",
}  # fmt: skip
"""What is told of a student."""


def cpu_seconds() -> float:
    """CPU time of this process, all threads of it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def prepared(
    folder: Path, phase: dict[str, Any], *, seed: int, student: Path | None, teacher: dict[str, Any] | None = None,
    preset: str = "recommended",
) -> Prepared:  # fmt: skip
    """The demo's pair with one phase to train; without a checkpoint in `student`, from random weights."""
    start = {"model": str(DEMO / "student"), "init": "random", "tokenizer": "teacher"}
    config = {
        "name": "quality",
        "teacher": {"model": str(DEMO / "teacher")} | (teacher or {}),
        "student": start if student is None else {"model": str(student)},
        "data": {
            "train": str(DEMO / "labelled.jsonl.gz"), "validation": str(DEMO / "valid.jsonl"), "maxPromptTokens": 16, "maxNewTokens": 18,
        },
        "phases": [phase], "preset": preset, "threads": 1, "seed": seed, "device": "cpu", "precision": "fp32",
    }  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "quality.minillm.jsonc"
    path.write_text(json.dumps(config), encoding="utf-8")
    resolution = resolve(path)
    if resolution.config is None:
        raise SystemExit("\n".join(problem.text for problem in resolution.problems))
    return prepare(resolution.config, lambda *_: None, lambda *_: None)


def start_checkpoint(folder: Path) -> Path:
    """The checkpoint that every trial starts from: made once, kept in `folder`."""
    path = folder / "sft"
    if not (path / "model.safetensors").exists():
        ready = prepared(folder, SFT, seed=SFT_SEED, student=None)
        for n in range(1, ready.total + 1):
            ready.phases[0].step(n)
        ready.tokenizer.save_pretrained(path)
        ready.student.model.save_pretrained(path)
    return path


@dataclass
class Evaluator:
    """Held-out scores, always by our own decoder and against the teacher in fp32, whoever trained the student."""

    ready: Prepared
    words: Sequence[Example]

    def __call__(self, student: Any, *, greedy: bool = True) -> dict[str, float]:
        """Scores of a transformers model; without `greedy` those of sampled responses alone. Its mode (training or not) is put back."""
        was = student.training
        with torch.random.fork_rng(devices=[]):
            found = evaluate(LanguageModel(student), self.ready.teacher, self.words, self.ready.setting, lambda *_: None, greedy=greedy)
        student.train(was)
        return {short: found.metrics[name] for short, name in SCORES.items() if name in found.metrics}
