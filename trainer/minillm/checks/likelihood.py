"""How well the teacher knows the references: a wrong template, tokenizer or teacher shows here before anything is trained."""

from __future__ import annotations

import math
from collections.abc import Sequence

from minillm import decode
from minillm.contract import CheckRow
from minillm.data import Example
from minillm.findings import Findings
from minillm.language_model import LanguageModel

ROWS = 200
TOKENS = 20_000
"""Prompts and answers at the most: a check is to take seconds."""
CHUNK = 16
POOR = 0.5
"""Nats per token, as a share of those of guessing (log V), above which a teacher does not know what it teaches."""
WORSE = 0.05
"""Nats per token by which a student may be ahead."""


def measure(model: LanguageModel, examples: Sequence[Example], pad: int) -> float | None:
    """Mean −log p in nats per token of the first answers, end token included; None where there are none."""
    prompts, answers, room = [], [], TOKENS
    for example in examples:
        if example.responses and len(prompts) < ROWS and (room > 0 or not prompts):
            prompts.append(example.prompt_ids)
            answers.append(example.responses[0])
            room -= len(example.prompt_ids) + len(example.responses[0])
    if not prompts:
        return None
    was_training = model.model.training
    model.model.eval()
    scores = decode.score(model, None, prompts, answers, pad=pad, chunk=CHUNK)
    model.model.train(was_training)
    return -float(scores.logp_student.sum()) / int(scores.mask.sum())


def judge(teacher: float, student: float | None, vocabulary: int, path: str, findings: Findings) -> CheckRow:
    """Both in nats per token on the references in `path`. `student` is None where it was not measured."""
    guessing = math.log(vocabulary)
    said = f"The teacher finds the references at {teacher:.2f} nats a token (perplexity {math.exp(min(teacher, 50)):,.1f})"
    beside = "" if student is None else f", the student at {student:.2f}"
    health = "good"
    if teacher > POOR * guessing:
        health = "warning"
        findings.warn(
            f"The teacher does not know the references of {path}: {teacher:.2f} nats a token (guessing has {guessing:.2f}). Is "
            "data.template the one that it was trained with, and are these rows of the kind that it was trained on?",
            "/data/template",
        )
    elif student is not None and teacher > student + WORSE:
        health = "warning"
        findings.warn(
            f"The teacher knows the references of {path} less well than the student does ({teacher:.2f} against {student:.2f} nats a "
            "token): distillation would lead away from them. Is data.template the one that it was trained with? Else fine-tune it first.",
            "/data/template",
        )
    return CheckRow(name="Teacher", health=health, text=f"{said}{beside}; guessing has {guessing:.2f}.")
