"""DistiLLM (arXiv 2402.03898): a skew divergence on given responses and on replayed responses of the student.

With probability φ a step trains on responses of the student, else on given ones. φ rises whenever the validation loss has: the
student then needs to see what it does itself. Of the student's steps a share that falls from 1 to 0 over the phase samples new
responses into the replay buffer (all of them until it is full); the others take from the buffer, with the teacher's hidden
states as they were read once.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from minillm import decode, draws
from minillm.data import Example, Passes, shuffled
from minillm.divergence import choose
from minillm.evaluate import rows_together
from minillm.head import TokenTerms
from minillm.methods import DistillmPhase, Divergence
from minillm.phases import Metrics, Workbench, micro_batches
from minillm.phases.corpus import CorpusTerm
from minillm.phases.learner import Learner
from minillm.phases.pairs import Batch, ShuffledBatches, length, pairs_of, token_count
from minillm.phases.rounds import Law, Sampler, sampled_batches
from minillm.sequences import Rollout, join


class Distillm(Learner):
    method = "distillm"

    def __init__(
        self, index: int, settings: DistillmPhase, bench: Workbench, examples: Sequence[Example], corpus: Tensor | None,
        held_out: Sequence[Example],
    ) -> None:  # fmt: skip
        super().__init__(index, settings, bench, settings.steps)
        self.choices, self.examples = settings, examples
        self.divergence = choose(Divergence(kind=settings.divergence, skew=settings.skew))
        self.batches = ShuffledBatches(pairs_of(examples), settings.batch_size, bench.config.seed, index)
        self.prompts = Passes(len(examples), bench.config.seed, index, 3)
        self.sampler = Sampler(index, bench, Law(settings.temperature), min(rows_together(bench.config.data), settings.batch_size))
        self.corpus = CorpusTerm.of(self, corpus)
        self.held_out = [(example.prompt_ids, example.responses[0]) for example in held_out if example.responses]
        self.share = settings.student_share
        self.loss_before: float | None = None
        self.buffer: Rollout | None = None
        """In the machine's memory: a step takes a batch of it, and a GPU has better uses for the rest."""
        self.made = 0
        """Responses that the student has sampled so far."""

    def step(self, n: int) -> Metrics:
        settings = self.choices
        # Nothing is set before sampling is over: until then a stop may come, and the step is then begun anew.
        share, loss_before, told = self.adapt(n)
        coin = draws.uniform(self.bench.config.seed, draws.stream("whose responses", self.index), torch.tensor([n]), 0).item()
        own = coin < share
        full = self.buffer is not None and len(self.buffer) >= settings.replay_capacity
        if own and (not full or coin < share * (1 - n / self.steps)):
            self.extend()
        self.share, self.loss_before = share, loss_before
        if own:
            assert self.buffer is not None
            chosen = shuffled(len(self.buffer), self.bench.config.seed, self.index, n, 4)[: settings.batch_size]
            replayed = self.buffer.select(chosen).to(self.bench.student.device)
            began = self.begin(n, dropout=False)
            tokens, count = int(replayed.mask.sum()), len(replayed)
            batches: Iterable[Batch] = (batch for _, batch in sampled_batches(replayed, range(count), settings, self.bench.pad))
        else:
            pairs = self.batches[n]
            began = self.begin(n, dropout=False)
            tokens, count = token_count(pairs), len(pairs)
            bench = self.bench
            batches = (Batch.given(some, bench.pad, bench.student.device, bench.teacher) for some in micro_batches(pairs, settings, length))

        def loss(terms: TokenTerms, _rows: slice) -> Tensor:
            assert terms.divergence is not None
            return terms.divergence / tokens

        apart = sum(self.accumulate(batch, loss, divergence=self.divergence, temperature=settings.temperature)[0] for batch in batches)
        metrics = {"loss/total": apart, "loss/divergence": apart, "share/student": float(own)} | told
        if self.corpus is not None:
            metrics["loss/lm"] = self.corpus.accumulate(n, count)
            metrics["loss/total"] += self.corpus.weight * metrics["loss/lm"]
        return self.finish(n, began, tokens, metrics)

    def adapt(self, n: int) -> tuple[float, float | None, Metrics]:
        """φ at step `n`, the validation loss as it was last looked at, and what there is to tell. When it is time, it is looked at now,
        and φ is higher where it has risen."""
        settings = self.choices
        if settings.adapt_by == 0 or not self.held_out or (n - 1) % (settings.adapt_every or 1):
            return self.share, self.loss_before, {}
        bench = self.bench
        bench.student.model.eval()
        prompts, responses = zip(*self.held_out, strict=True)
        rows = rows_together(bench.config.data)
        scores = decode.score(bench.student, None, prompts, responses, pad=bench.pad, chunk=rows, heed=bench.heed)
        loss = -float(scores.logp_student.sum()) / int(scores.mask.sum())
        risen = self.loss_before is not None and loss >= self.loss_before + settings.adapt_tolerance
        share = min(1.0, self.share + settings.adapt_by) if risen else self.share
        return share, loss, {"loss/validation": loss, "share/adaptive": share}

    def extend(self) -> None:
        """Samples a batch of responses into the buffer; the oldest leave it. Raises Stopped, and then nothing has changed."""
        size, number = self.settings.batch_size, self.made // self.settings.batch_size
        rows = range(self.made, self.made + size)
        fresh, metrics = self.sampler.sample([self.examples[self.prompts[row]].prompt_ids for row in rows], rows, number)
        self.bench.report_rollout(number, metrics)
        fresh = fresh.to("cpu")
        both = fresh if self.buffer is None else join([self.buffer, fresh], self.bench.pad)
        self.buffer = both.select(slice(max(0, len(both) - self.choices.replay_capacity), len(both)))
        self.made += size

    def tensors(self, n: int) -> dict[str, Tensor]:
        if n == self.steps:
            return {}
        before = math.nan if self.loss_before is None else self.loss_before
        state = {"adaptive": torch.tensor([self.share, before, self.made], dtype=torch.float64)}
        return state if self.buffer is None else state | self.buffer.tensors()

    def restore(self, tensors: dict[str, Tensor]) -> None:
        if not tensors:
            return
        share, before, made = tensors["adaptive"].tolist()
        self.share, self.made = share, int(made)
        self.loss_before = None if math.isnan(before) else before
        if "rows" in tensors:
            self.buffer = Rollout.from_tensors(tensors)

    def release(self) -> None:
        super().release()
        self.buffer = None
