"""The language-modelling term on a corpus (L_PT of arXiv 2306.08543): what keeps a student's general abilities."""

from __future__ import annotations

import torch
from torch import Tensor

from minillm.data import Passes
from minillm.divergence import soft_cross_entropy
from minillm.head import TokenTerms
from minillm.methods import DistillmPhase, MiniLlmPhase, Phase
from minillm.phases import micro_batches
from minillm.phases.learner import Learner
from minillm.phases.pairs import Batch
from minillm.sequences import read


def weights_of(phase: Phase) -> tuple[float, float]:
    """The weight of the term in a phase's loss, 0 where it has none (as a resolved config says it without a corpus), and κ."""
    match phase:
        case MiniLlmPhase(objective=objective):
            weight = objective.lm_weight or 0.0
            return weight, (objective.lm_teacher_share or 0.0) if weight else 0.0
        case DistillmPhase():
            return phase.lm_weight or 0.0, 0.0
    return 0.0, 0.0


class CorpusTerm:
    """(1−κ)·CE with the text + κ·CE with the teacher's distribution, on blocks that are each used once a pass."""

    def __init__(self, learner: Learner, blocks: Tensor, weight: float, teacher_share: float) -> None:
        self.learner, self.blocks, self.weight, self.teacher_share = learner, blocks, weight, teacher_share
        self.order = Passes(len(blocks), learner.bench.config.seed, learner.index, "corpus")

    @classmethod
    def of(cls, learner: Learner, blocks: Tensor | None) -> CorpusTerm | None:
        """As the settings of the phase say; None where they want none, or there is no corpus."""
        weight, share = weights_of(learner.settings)
        return cls(learner, blocks, weight, share) if blocks is not None and weight else None

    def accumulate(self, n: int, count: int) -> float:
        """Adds `weight` times the gradient on `count` blocks, one for each sequence of step `n`; returns the unweighted loss."""
        bench, share = self.learner.bench, self.teacher_share
        first = (n - 1) * self.learner.settings.batch_size
        chosen = [self.order[first + k] for k in range(count)]
        divisor = count * (self.blocks.shape[1] - 1) / self.weight
        total = 0.0

        def loss(terms: TokenTerms, _rows: slice) -> Tensor:
            hard = -(1 - share) * terms.logp_student / divisor
            return hard if terms.divergence is None else hard + share * terms.divergence / divisor

        for some in micro_batches(chosen, self.learner.settings, lambda _: self.blocks.shape[1]):
            ids = self.blocks[list(some)].to(bench.student.device, torch.int64)  # they are held as int32
            batch = Batch(ids, torch.ones_like(ids, dtype=torch.bool))
            if share > 0:
                with torch.no_grad():
                    batch.hidden_teacher = read(bench.teacher, batch.ids, batch.wanted)
            total += self.learner.accumulate(batch, loss, divergence=soft_cross_entropy if share > 0 else None)[0]
        return total / self.weight
