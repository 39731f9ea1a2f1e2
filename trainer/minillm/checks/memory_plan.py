"""What a run will hold in memory, part by part, from its config, the sizes of its models and the lengths of its rows.

Some of it is held all the time: weights, the optimizer's moments, rollouts. On top of that comes whatever the run is busy with,
of which the largest counts: an update, a round of sampling, an evaluation. Estimates are of bytes that torch allocates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from minillm.checks.sizes import Sizes
from minillm.config import Config
from minillm.decode import PENDING_LOGITS
from minillm.evaluate import LARGEST_CHUNK, rows_together
from minillm.head import CHUNK_LOGITS
from minillm.methods import Phase, Rounds
from minillm.models import TINY, held_once

FP32, BF16 = 4, 2
MIXED = 0.65
"""Activations under autocast to bf16, as a share of those in fp32: linear layers keep half, norms and residuals all of it."""
HEAD_COPIES = 3
"""Matrices of logits that a loss holds at once: the student's, the teacher's, and what is made of them."""
SCORED_COPIES = 7
"""Matrices of logits that scoring sampled steps holds at once: both models', as they wait and side by side, q and log q − log p."""
WORKING = 3
"""Widths of the widest layer, besides four of the residual, that a layer works on where nothing is kept for a backward pass."""
AHEAD = 5
"""Steps between two turns of the teacher under a common mask, in multiples of the mean: longer waits are rare."""
CROWDED = 1.25
"""A chunk may be that much larger than asked for, so that no second one is needed."""


@dataclass(frozen=True)
class Lengths:
    """Tokens of the longest prompt, and of the longest prompt with its answer, among the rows of one phase or of an evaluation."""

    prompt: int
    whole: int
    rows: int = LARGEST_CHUNK


@dataclass(frozen=True)
class Plan:
    """Bytes, by what they are for."""

    held: Mapping[str, float]
    """All the time."""
    busy: Mapping[tuple[int, str], Mapping[str, float]]
    """By phase and activity (`update`, `sampling`); evaluation belongs to phase -1."""

    @property
    def worst(self) -> tuple[int, str]:
        """The phase and activity that need most."""
        return max(self.busy, key=lambda key: sum(self.busy[key].values()))

    @property
    def total(self) -> float:
        return sum(self.held.values()) + sum(self.busy[self.worst].values())


def make_plan(
    config: Config, teacher: Sizes, student: Sizes, phases: Mapping[int, Lengths], evaluated: Lengths | None, dtype: torch.dtype,
    device: str,
) -> Plan:  # fmt: skip
    """`phases`: lengths of each phase's rows, by its place; `evaluated`: of validation and inspection rows. `dtype`: of forward passes."""
    models = _Models(config, teacher, student, torch.finfo(dtype).bits // 8, device)
    held = {
        "student": FP32 * student.parameters + FP32 * models.adapted, "teacher": models.bytes * teacher.parameters,
        "optimizer": 2 * FP32 * models.trained,
    }  # fmt: skip
    if held_once(config):
        held["teacher"] = 0.0
    elif config.teacher.precision != "same" and models.bytes > BF16:
        held["teacher"] += BF16 * teacher.parameters  # the copy that reads in training
    busy: dict[tuple[int, str], dict[str, float]] = {}
    buffers = 0.0
    for index, lengths in phases.items():
        phase = config.phases[index]
        busy[index, "update"] = models.update(phase, lengths)
        if isinstance(phase, Rounds) or phase.method == "distillm":
            rollouts, kept = _rollouts(phase)
            buffers += models.buffer(kept, config.data.max_new_tokens)
            busy[index, "sampling"] = models.sampling(phase, lengths, rollouts)
        elif phase.method == "seqkd":
            tokens = rows_together(config.data) * (lengths.prompt + config.data.max_new_tokens)
            busy[index, "sampling"] = {"cache": models.cache(teacher, tokens)}
    if buffers:
        held["rollouts"] = buffers
    if evaluated is not None:
        busy[-1, "evaluation"] = models.evaluation(evaluated)
    return Plan(held, busy)


@dataclass(frozen=True)
class _Models:
    config: Config
    teacher: Sizes
    student: Sizes
    bytes: int
    """Of a number in a forward pass."""
    device: str

    @property
    def mixed(self) -> bool:
        return self.bytes < FP32

    @property
    def adapted(self) -> int:
        """Parameters that LoRA adds."""
        return 0 if self.config.student.lora is None else self.config.student.lora.rank * self.student.linear

    @property
    def trained(self) -> int:
        return self.adapted or self.student.parameters

    def update(self, phase: Phase, lengths: Lengths) -> dict[str, float]:
        rows = phase.micro_batch_size or phase.batch_size
        own = isinstance(phase, Rounds) or phase.method == "distillm"
        longest = max(lengths.whole, lengths.prompt + self.config.data.max_new_tokens) if own else lengths.whole
        answers = min(longest, self.config.data.max_new_tokens)
        taught = phase.method != "sft"
        parts = {
            "gradients": FP32 * self.trained,
            "activations": self.activations(rows, longest),
            "logits": self.head(rows * answers, HEAD_COPIES if taught else HEAD_COPIES - 1),
        }
        if taught and not (own and phase.method in ("minillm", "opd")):  # where rollouts hold what he said
            parts["logits"] += self.bytes * rows * answers * self.teacher.width
            parts["activations"] = max(parts["activations"], self.working(self.teacher, rows, longest))
        return parts

    def activations(self, rows: int, length: int) -> float:
        """What a forward pass of the student keeps for its backward pass, of sequences of this length."""
        size, student = (MIXED if self.mixed else 1.0), self.student
        whole = rows * (size * student.activations * length + student.attention * length**2 * self.eager(student))
        if self.config.student.recompute and student.layers:  # a layer's inputs are kept, and one layer is computed again
            whole = whole / student.layers + rows * length * student.layers * student.width * FP32
        copies = self.bytes * student.parameters if self.mixed else 0  # autocast keeps what it has cast
        return whole + copies

    def sampling(self, phase: Phase, lengths: Lengths, rollouts: int) -> dict[str, float]:
        chunk = min(rollouts, round(CROWDED * getattr(phase, "rollout_chunk", phase.batch_size)))
        steps = self.config.data.max_new_tokens
        tokens = chunk * (lengths.prompt + steps)
        objective = getattr(phase, "objective", None)
        alpha = (objective.alpha or 0.0) if objective is not None else 0.0
        waiting = 1 if objective is not None and objective.sampling == "lockStep" else min(steps, round(AHEAD / alpha)) if alpha else steps
        budget = PENDING_LOGITS.get(self.device, PENDING_LOGITS["cpu"])
        logits = min(budget + chunk * self.student.vocabulary, chunk * waiting * self.student.vocabulary)
        return {
            "caches": self.cache(self.student, tokens) + self.cache(self.teacher, tokens),
            "logits": SCORED_COPIES * FP32 * logits,
            "work": max(self.working(model, chunk, lengths.prompt) for model in (self.student, self.teacher)),
            "rollouts": self.buffer(rollouts + chunk, steps),  # the whole, and a part on its way there
            "copies": self.bytes * self.student.parameters if self.mixed else 0,
        }

    def evaluation(self, lengths: Lengths) -> dict[str, float]:
        data = self.config.data
        rows = min(lengths.rows, rows_together(data))
        longest = max(lengths.whole, lengths.prompt + data.max_new_tokens)
        both = (self.student, self.teacher)
        answers = rows * data.max_new_tokens
        return {
            "caches and work": max(max(self.cache(model, rows * longest), self.working(model, rows, longest)) for model in both),
            "logits": self.head(answers, HEAD_COPIES) + self.bytes * answers * (self.student.width + self.teacher.width),
            "copies": self.bytes * self.student.parameters if self.mixed else 0,
        }  # fmt: skip

    def cache(self, model: Sizes, tokens: float) -> float:
        return self.bytes * model.cached * tokens

    def working(self, model: Sizes, rows: int, length: int) -> float:
        """What a forward pass that keeps nothing holds at once: one layer's own."""
        per_pair = 2 * model.attention / max(1, model.layers) * self.eager(model)
        return rows * (length * self.bytes * (4 * model.width + WORKING * model.widest) + length**2 * per_pair)

    def head(self, rows: float, copies: int) -> float:
        wide = self.student.vocabulary
        return copies * FP32 * min(rows * wide, CHUNK_LOGITS.get(self.device, CHUNK_LOGITS["cpu"]) + wide)

    def buffer(self, rollouts: int, steps: int) -> float:
        """Rollouts: the teacher's hidden states, and a few numbers a token."""
        return rollouts * steps * (self.bytes * self.teacher.width + 8 * FP32)

    def eager(self, model: Sizes) -> bool:
        """Whether attention is plain, and keeps a number for each pair of tokens."""
        return self.device == "cpu" and model.parameters <= TINY


def _rollouts(phase: Phase) -> tuple[int, int]:
    """Sequences of a round, and sequences that are kept."""
    if phase.method == "distillm":
        return phase.batch_size, getattr(phase, "replay_capacity", phase.batch_size)
    rollouts = getattr(phase, "rollouts", None) or phase.batch_size
    return rollouts, rollouts
