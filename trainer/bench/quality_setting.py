"""What both sides of the quality benchmark share: a task, one checkpoint to start from, one evaluator."""

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
SFT_SEED = 10
COURSE = {"betas": [0.9, 0.95], "weightDecay": 0.0, "maxGradNorm": 1.0, "warmup": 0.03, "schedule": "linear", "finalLearningRate": 0.05}
"""Adam, clip and shape of the schedule, of both sides."""
TEMPERATURE = 1.0
SCORES = {
    "kl": "eval/kl_reverse", "accuracy": "eval/accuracy_greedy", "errors": "eval/error_rate_greedy", "entropy": "eval/entropy",
    "goldNll": "eval/nll_gold", "length": "eval/length",
    "sampledAccuracy": "eval/accuracy_sampled", "sampledErrors": "eval/error_rate_sampled",
}  # fmt: skip
"""What is told of a student."""


@dataclass(frozen=True)
class Task:
    """A pair of models and what the student learns."""

    name: str
    teacher: str
    student: str
    """A folder with a model's form; its weights do not count."""
    labelled: str
    """Rows with answers: the student is fine-tuned on them before any method begins, and methods on given responses take them."""
    prompts: str
    rows: int | None
    """Prompts that are sampled from."""
    validation: str
    max_prompt: int
    max_new: int
    sft: dict[str, Any]


WORDS = Task(
    name="words", teacher=str(DEMO / "teacher"), student=str(DEMO / "student"), labelled=str(DEMO / "labelled.jsonl.gz"),
    prompts=str(DEMO / "train.jsonl.gz"), rows=60_000, validation=str(DEMO / "valid.jsonl"), max_prompt=16, max_new=18,
    sft={"method": "sft", "steps": 2000, "batchSize": 64, "optimizer": {"learningRate": 0.006}},
)  # fmt: skip
"""The demo's: a teacher of 1.8 million parameters and a student of 59 thousand that learn to pronounce English."""


def cpu_seconds() -> float:
    """CPU time of this process, all threads of it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def prepared(
    folder: Path, phase: dict[str, Any], *, task: Task = WORDS, seed: int, student: Path | None, teacher: dict[str, Any] | None = None,
    preset: str = "recommended",
) -> Prepared:  # fmt: skip
    """The task's pair with one phase to train; without a checkpoint in `student`, from random weights."""
    start = {"model": task.student, "init": "random", "tokenizer": "teacher"}
    config = {
        "name": "quality",
        "teacher": {"model": task.teacher} | (teacher or {}),
        "student": start if student is None else {"model": str(student)},
        "data": {
            "train": task.labelled, "validation": task.validation, "maxPromptTokens": task.max_prompt, "maxNewTokens": task.max_new,
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


def start_checkpoint(folder: Path, task: Task) -> Path:
    """The checkpoint that every trial starts from: made once, kept in `folder`."""
    path = folder / "sft"
    if not (path / "model.safetensors").exists():
        ready = prepared(folder, task.sft, task=task, seed=SFT_SEED, student=None)
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
