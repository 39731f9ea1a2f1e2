"""Distillation on given responses: at every token, the student's distribution is drawn to the teacher's.

`kd` mixes a divergence with cross-entropy, (1−κ)·CE + κ·D; `rkl` is the reverse KL alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from minillm.data import Example
from minillm.divergence import choose
from minillm.head import TokenTerms
from minillm.methods import Divergence, KdPhase, RklPhase
from minillm.phases import Metrics, Workbench, micro_batches, steps_of
from minillm.phases.learner import Learner
from minillm.phases.pairs import Batch, ShuffledBatches, pairs_of, token_count
from minillm.phases.teacher_cache import cache_for


class Kd(Learner):
    def __init__(self, index: int, settings: KdPhase | RklPhase, bench: Workbench, examples: Sequence[Example]) -> None:
        self.method = settings.method
        self.batches = ShuffledBatches(pairs_of(examples), settings.batch_size, bench.config.seed, index)
        super().__init__(index, settings, bench, steps_of(settings, self.batches.per_epoch))
        of_kd = isinstance(settings, KdPhase)
        self.share = settings.teacher_share if of_kd else 1.0
        self.divergence = choose(settings.divergence if of_kd else Divergence(kind="reverseKl"))
        self.cache = cache_for(settings, bench, self.batches.pairs, self.steps / self.batches.per_epoch)

    def step(self, n: int) -> Metrics:
        chosen, tokens = self.batches.indices(n), token_count(self.batches[n])
        if self.cache is not None and not self.cache.filled:
            self.cache.fill()
        began = self.begin(n, dropout=False)
        apart, hard = 0.0, 0.0
        for some in micro_batches(chosen, self.settings, self.batches.length):

            def loss(terms: TokenTerms, _rows: slice) -> Tensor:
                assert terms.divergence is not None
                return (self.share * terms.divergence - (1 - self.share) * terms.logp_student) / tokens

            _, terms = self.accumulate(self.batch(some), loss, divergence=self.divergence)
            assert terms.divergence is not None
            apart += float(terms.divergence.sum()) / tokens
            hard -= float(terms.logp_student.sum()) / tokens
        total = self.share * apart + (1 - self.share) * hard
        return self.finish(n, began, tokens, {"loss/total": total, "loss/divergence": apart, "loss/sft": hard})

    def batch(self, chosen: Sequence[int]) -> Batch:
        """These pairs, and what the teacher says of them: kept from before, or read now."""
        if self.cache is not None:
            return self.cache.batch(chosen)
        bench = self.bench
        return Batch.given([self.batches.pairs[i] for i in chosen], bench.pad, bench.student.device, bench.teacher)

    def release(self) -> None:
        super().release()
        self.cache = None
