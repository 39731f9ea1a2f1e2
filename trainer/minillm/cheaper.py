"""A teacher that reads in bf16 while everything else stays as it is: a second copy, for training alone.

Evaluation, samples and token views go on with the first one. What the copy changes is measured before the first step.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from minillm.data import Example
from minillm.errors import BadInput
from minillm.head import token_terms
from minillm.language_model import LanguageModel
from minillm.lora import Origin
from minillm.sequences import collate, of_similar_length, read

PROBED_ROWS = 16
"""Rows of tokens on which speeds are compared, each as long as a prompt and a response may be."""
PROBE_SECONDS = 0.3
"""Of a small teacher that is ten pairs of passes and more."""
WORTH = 0.8
"""Share of the time under which the cheaper teacher is chosen: a second copy of the weights is not for nothing."""
MEASURED_ROWS = 64
LARGEST_SHIFT = 1e-3
"""Nats per token by which the copy may differ from the teacher, KL(p‖p'), to be chosen unasked."""


@dataclass(frozen=True)
class Shift:
    """What the copy p' changes on given responses, in nats per token."""

    mean: float
    """KL(p‖p')."""
    largest: float
    """Of any token."""
    tokens: int


@dataclass(frozen=True)
class Reading:
    """The teacher as it reads in training, in which precision, and what there is to tell of it."""

    teacher: LanguageModel
    precision: str
    """`same` or `bf16`: what a resume takes, so that it need not measure again and cannot choose otherwise."""
    told: str | None = None


def choose(teacher: LanguageModel, wanted: str, examples: Sequence[Example], pad: int, width: int) -> Reading:
    """The teacher that `teacher.precision` asks for. Speeds are compared under `auto` alone, on rows of `width` tokens.

    Raises BadInput where there is no teacher apart from the student to copy.
    """
    if wanted == "same" or teacher.dtype == torch.bfloat16 or (wanted == "auto" and (isinstance(teacher, Origin) or not examples)):
        return Reading(teacher, "same")
    if isinstance(teacher, Origin):
        sentence = "The teacher is the student's own base model, held once, and has no second copy in bf16: leave teacher.precision out."
        raise BadInput(sentence, pointer="/teacher/precision")
    cheaper = in_bf16(teacher)
    shift = measure(teacher, cheaper, examples, pad)
    said = (
        ""
        if shift is None
        else f"it differs by {shift.mean:.1e} nats per token, at most by {shift.largest:.1e} (KL), on {shift.tokens} tokens"
    )
    if wanted == "bf16":
        return Reading(cheaper, "bf16", f"The teacher reads in bf16 while training{': ' + said if said else ''}.")
    share = time_share(teacher, cheaper, width)
    measured = f"a pass in bf16 takes {share:.2f} of the time, and {said}"
    if share <= WORTH and shift is not None and shift.mean <= LARGEST_SHIFT:
        return Reading(cheaper, "bf16", f"The teacher reads in bf16 while training: {measured}.")
    return Reading(teacher, "same", f"The teacher keeps its precision: {measured}.")


def in_bf16(teacher: LanguageModel) -> LanguageModel:
    """A copy of the teacher whose weights and passes are in bf16."""
    model = copy.deepcopy(teacher.model).to(torch.bfloat16)
    made = LanguageModel(model, torch.bfloat16, teacher.name)
    made.vocabulary = teacher.vocabulary
    return made


@torch.no_grad()
def measure(teacher: LanguageModel, cheaper: LanguageModel, examples: Sequence[Example], pad: int) -> Shift | None:
    """The shift on the first answers among `examples`; None when there is none."""
    pairs = [(example.prompt_ids, example.responses[0]) for example in examples if example.responses][:MEASURED_ROWS]
    if not pairs:
        return None
    found: list[Tensor] = []
    for group in of_similar_length([len(prompt) + len(response) for prompt, response in pairs], teacher.device):
        ids, wanted = collate([pairs[row] for row in group], pad, teacher.device)
        hidden, other = (read(model, ids, wanted) for model in (teacher, cheaper))
        kl = token_terms(teacher, hidden, ids[wanted], teacher=cheaper, hidden_teacher=other).kl
        assert kl is not None
        found.append(kl)
    tokens = torch.cat(found)
    return Shift(float(tokens.mean()), float(tokens.max()), tokens.numel())


def time_share(teacher: LanguageModel, cheaper: LanguageModel, width: int) -> float:
    """Time of the copy's pass over rows of `width` tokens as a share of the teacher's: of the best pass of each."""
    models = (teacher, cheaper)
    until = time.perf_counter() + PROBE_SECONDS
    best = [_pass_seconds(model, 1, width) for model in models]  # warms both up; of large models one row is enough to tell
    many: list[list[float]] = []
    while time.perf_counter() < until:
        many.append([_pass_seconds(model, PROBED_ROWS, width) for model in models])
    if many:
        best = [min(times) for times in zip(*many, strict=True)]
    return best[1] / best[0]


@torch.no_grad()
def _pass_seconds(model: LanguageModel, rows: int, width: int) -> float:
    ids = (torch.arange(rows * width, device=model.device) % model.vocabulary).view(rows, width)
    began = time.perf_counter()
    read(model, ids, torch.ones_like(ids, dtype=torch.bool))[-1, -1].item()  # an accelerator is waited for
    return time.perf_counter() - began
