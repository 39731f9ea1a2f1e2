"""What every phase does in the same way: gradients of a batch through the head, the update, and what is told of a step."""

from __future__ import annotations

import time

import torch
from torch import Tensor

from minillm import draws, methods
from minillm.divergence import Divergence
from minillm.head import RowLoss, TokenTerms, accumulate_loss
from minillm.optimizer import learning_rate, make_optimizer, update
from minillm.phases import Metrics, Workbench, peak_memory
from minillm.phases.pairs import Batch
from minillm.policy import ClippedRow
from minillm.sequences import read


class Learner:
    """The student in one phase: its optimizer and the course of its learning rate."""

    def __init__(self, index: int, settings: methods.Phase, bench: Workbench, steps: int) -> None:
        self.index, self.settings, self.bench, self.steps = index, settings, bench, steps
        self.optimizer = make_optimizer(bench.student.model, settings.optimizer)

    def begin(self, n: int, *, dropout: bool) -> float:
        """Readies the student for step `n`; returns the time.

        Dropout is for labels: whoever follows a distribution (the teacher's, or its own of a moment ago) does without. It draws
        from torch's generator, which is seeded by the step, so that its state need not be kept.
        """
        self.bench.student.model.train(dropout)
        if dropout:
            torch.manual_seed(draws.stream("dropout", self.bench.config.seed, self.index, n))
        return time.perf_counter()

    def accumulate(
        self, batch: Batch, loss: RowLoss, *, divergence: Divergence | None = None, temperature: float = 1.0
    ) -> tuple[float, TokenTerms]:
        """Adds the gradient of the summed row losses to the student's; returns the sum and the terms [R].

        Divisors in `loss` count the whole step: micro-batches change memory, not the gradient.
        """
        student = self.bench.student
        value, terms = accumulate_loss(
            student, read(student, batch.ids, batch.wanted), batch.tokens, loss, divergence=divergence, temperature=temperature,
            teacher=None if batch.hidden_teacher is None else self.bench.teacher, hidden_teacher=batch.hidden_teacher, top=batch.top,
        )  # fmt: skip
        return float(value), terms

    def finish(self, n: int, began: float, tokens: int, metrics: Metrics) -> Metrics:
        """Makes the update of step `n`, and adds to the step's metrics what all phases tell."""
        student = self.bench.student
        rate = learning_rate(self.settings.optimizer, n, self.steps)
        norm = update(student.model, self.optimizer, self.settings.optimizer, rate)
        seconds = time.perf_counter() - began
        return metrics | {
            "grad/norm": norm, "rate/learning": rate, "time/step": seconds, "throughput/tokens": tokens / seconds,
            "memory/peak": peak_memory(student.device),
        }  # fmt: skip

    def tensors(self, n: int) -> dict[str, Tensor]:
        """What going on after step `n` needs besides weights and optimizer: nothing, unless a phase says so."""
        return {}

    def most_clipped(self, count: int) -> list[ClippedRow]:
        """The responses of the last step that were clipped most: none, where nothing is clipped."""
        return []

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Takes back what `tensors` gave."""

    def release(self) -> None:
        """After the last step: gives up what only another step would need, which would lie beside that of the phases to come."""
        self.optimizer.state.clear()
