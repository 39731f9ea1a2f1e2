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
from minillm.language_model import LanguageModel
from minillm.lora import Origin
from minillm.sequences import collate, read

PROBED_ROWS = 16
"""Rows of tokens on which speeds are compared, each as long as a prompt and a response may be."""
PROBE_SECONDS = 1.0
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
    for pair in pairs:
        ids, wanted = collate([pair], pad, teacher.device)
        logp, other = (model.logits(read(model, ids, wanted)).log_softmax(-1) for model in (teacher, cheaper))
        found.append((logp.exp() * (logp - other)).sum(-1))
    tokens = torch.cat(found)
    return Shift(float(tokens.mean()), float(tokens.max()), tokens.numel())


@torch.no_grad()
def time_share(teacher: LanguageModel, cheaper: LanguageModel, width: int) -> float:
    """Time of the copy's pass over a few rows as a share of the teacher's: the best of each within a second in all."""
    ids = (torch.arange(PROBED_ROWS * width, device=teacher.device) % teacher.vocabulary).view(PROBED_ROWS, width)
    wanted = torch.ones_like(ids, dtype=torch.bool)
    best = [float("inf"), float("inf")]
    until = time.perf_counter() + PROBE_SECONDS
    while best[1] == float("inf") or time.perf_counter() < until:
        for which, model in enumerate((teacher, cheaper)):
            began = time.perf_counter()
            read(model, ids, wanted)
            best[which] = min(best[which], time.perf_counter() - began)
    return best[1] / best[0]
