"""Generalised knowledge distillation (arXiv 2306.13649): a divergence on the student's own responses and on given ones.

λ is the share of a step's sequences that the student has sampled. No gradient goes through sampling.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from torch import Tensor

from minillm.data import Example
from minillm.defaults import on_policy_size
from minillm.divergence import choose
from minillm.head import TokenTerms
from minillm.methods import Divergence, GkdPhase
from minillm.phases import Metrics, Workbench, micro_batches
from minillm.phases.learner import Learner
from minillm.phases.pairs import Batch, Pair, ShuffledBatches, length, pairs_of, token_count
from minillm.phases.rounds import Law, Rounds, Sampler, sampled_batches


class Gkd(Learner):
    method = "gkd"

    def __init__(self, index: int, settings: GkdPhase, bench: Workbench, examples: Sequence[Example], prompts: Sequence[Example]) -> None:
        super().__init__(index, settings, bench, settings.steps)
        self.temperature = settings.temperature
        self.divergence = choose(Divergence(kind="jsd", beta=settings.beta, jsd_scale=settings.jsd_scale))
        own = on_policy_size(settings)
        given = settings.batch_size - own
        self.batches = ShuffledBatches(pairs_of(examples), given, bench.config.seed, index, "given") if given else None
        self.rounds = None
        if own:
            sampler = Sampler(index, bench, Law(settings.temperature), settings.rollout_chunk)
            self.rounds = Rounds(sampler, prompts, size=own, rollouts=settings.rollouts or own, inner_epochs=settings.inner_epochs)

    def step(self, n: int) -> Metrics:
        sampled = self.rounds.at(n) if self.rounds is not None else None
        given = self.batches[n] if self.batches is not None else []
        began = self.begin(n, dropout=False)
        tokens = token_count(given) + (int(sampled[0].mask[sampled[1]].sum()) if sampled is not None else 0)

        def loss(terms: TokenTerms, _rows: slice) -> Tensor:
            assert terms.divergence is not None
            return terms.divergence / tokens

        total = 0.0
        for batch in self.micro_batches(given, sampled):
            total += self.accumulate(batch, loss, divergence=self.divergence, temperature=self.temperature)[0]
        return self.finish(n, began, tokens, {"loss/total": total, "loss/divergence": total})

    def micro_batches(self, given: list[Pair], sampled: tuple | None) -> Iterable[Batch]:
        bench, settings = self.bench, self.settings
        if sampled is not None:
            yield from (batch for _, batch in sampled_batches(*sampled, settings, bench.pad))
        if given:
            for some in micro_batches(given, settings, length):
                yield Batch.given(some, bench.pad, bench.student.device, bench.teacher)

    def tensors(self, n: int) -> dict[str, Tensor]:
        return self.rounds.tensors(n) if self.rounds is not None else {}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        if self.rounds is not None:
            self.rounds.restore(tensors)

    def release(self) -> None:
        super().release()
        if self.rounds is not None:
            self.rounds.release()
