"""Supervised fine-tuning: cross-entropy on the responses, mean over the tokens of a batch."""

from __future__ import annotations

from collections.abc import Sequence

from minillm.data import Example
from minillm.methods import SftPhase
from minillm.phases import Metrics, Workbench, micro_batches, steps_of
from minillm.phases.learner import Learner
from minillm.phases.pairs import Batch, Pair, ShuffledBatches, length, pairs_of, token_count


class Sft(Learner):
    method = "sft"

    def __init__(self, index: int, settings: SftPhase, bench: Workbench, examples: Sequence[Example]) -> None:
        self.pairs = pairs_of(examples)
        self.batches = ShuffledBatches(self.pairs, settings.batch_size, bench.config.seed, index)
        super().__init__(index, settings, bench, steps_of(settings, self.batches.per_epoch))

    def step(self, n: int) -> Metrics:
        return fine_tune(self, n, self.batches[n])


def fine_tune(learner: Learner, n: int, pairs: Sequence[Pair]) -> Metrics:
    """Optimizer step `n` towards the responses of `pairs`."""
    began = learner.begin(n, dropout=True)
    bench, tokens = learner.bench, token_count(pairs)
    loss = 0.0
    for some in micro_batches(pairs, learner.settings, length):
        batch = Batch.given(some, bench.pad, bench.student.device)
        loss += learner.accumulate(batch, lambda terms, _rows: -terms.logp_student / tokens)[0]
    return learner.finish(n, began, tokens, {"loss/total": loss, "loss/sft": loss})
