"""Supervised fine-tuning: cross-entropy on the responses, mean over the tokens of a batch.

A row with several accepted answers gives a training pair for each of them: the student learns the distribution over
answers, not the first one.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import torch
from torch import Tensor

from minillm import draws
from minillm.config import SftPhase
from minillm.data import Example, shuffled
from minillm.head import cross_entropy
from minillm.optimizer import learning_rate, make_optimizer, update
from minillm.phases import Metrics, Workbench, micro_batches, peak_memory

POOL = 40
"""Batches that are formed together: large enough to sort by length, small enough to stay shuffled."""

Pair = tuple[list[int], list[int]]


class Sft:
    method = "sft"

    def __init__(self, index: int, settings: SftPhase, bench: Workbench, examples: Sequence[Example]) -> None:
        self.index, self.settings, self.bench = index, settings, bench
        self.pairs: list[Pair] = [(example.prompt_ids, response) for example in examples for response in example.responses]
        self.per_epoch = math.ceil(len(self.pairs) / settings.batch_size)
        self.steps = settings.steps or max(1, round((settings.epochs or 1) * self.per_epoch))
        self.optimizer = make_optimizer(bench.student.model, settings.optimizer)
        self._epoch, self._batches = -1, list[list[int]]()

    def step(self, n: int) -> Metrics:
        began = time.perf_counter()
        student = self.bench.student
        student.model.train()
        # Dropout draws from torch's generator: seeded by the step, so that its state need not be kept.
        torch.manual_seed(draws.stream("dropout", self.bench.config.seed, self.index, n))
        batch = [self.pairs[i] for i in self.batch(n)]
        tokens = sum(len(response) for _, response in batch)
        loss = torch.zeros((), device=student.device)
        for micro in micro_batches(batch, self.settings.micro_batch_size):
            ids, targets = collate(micro, self.bench.pad, student.device)
            inputs = ids[:, :-1]
            # Padding lies on the right, where a causal model does not look from any real token: no mask is needed.
            hidden, _ = student.hidden(inputs, torch.ones_like(inputs), torch.arange(inputs.shape[1], device=ids.device).expand_as(inputs))
            wanted = targets[:, 1:]
            value, _ = cross_entropy(student, hidden[wanted], ids[:, 1:][wanted], divisor=tokens)
            value.backward()
            loss += value.detach()
        rate = learning_rate(self.settings.optimizer, n, self.steps)
        norm = update(student.model, self.optimizer, self.settings.optimizer, rate)
        cost = float(loss)
        seconds = time.perf_counter() - began
        return {
            "loss/total": cost, "loss/sft": cost, "grad/norm": norm, "rate/learning": rate, "time/step": seconds,
            "throughput/tokens": tokens / seconds, "memory/peak": peak_memory(student.device),
        }  # fmt: skip

    def batch(self, n: int) -> list[int]:
        """Pairs of step `n`: each pass is shuffled, sorted by length within pools, and cut into batches that are shuffled again."""
        epoch, place = divmod(n - 1, self.per_epoch)
        if epoch != self._epoch:
            seed, size = self.bench.config.seed, self.settings.batch_size
            order = shuffled(len(self.pairs), seed, self.index, epoch)
            pools = (order[start : start + POOL * size] for start in range(0, len(order), POOL * size))
            sorted_pools = (sorted(pool, key=lambda i: len(self.pairs[i][0]) + len(self.pairs[i][1])) for pool in pools)
            batches = [pool[start : start + size] for pool in sorted_pools for start in range(0, len(pool), size)]
            self._epoch, self._batches = epoch, [batches[i] for i in shuffled(len(batches), seed, self.index, epoch, 1)]
        return self._batches[place]

    def tensors(self, n: int) -> dict[str, Tensor]:
        return {}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        pass


def collate(pairs: Sequence[Pair], pad: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Prompt and response one after the other, padded on the right: ids [B,T], and which of them are response tokens [B,T]."""
    width = max(len(prompt) + len(response) for prompt, response in pairs)
    ids = [prompt + response + [pad] * (width - len(prompt) - len(response)) for prompt, response in pairs]
    place = torch.arange(width)
    begin = torch.tensor([len(prompt) for prompt, _ in pairs])[:, None]
    end = begin + torch.tensor([len(response) for _, response in pairs])[:, None]
    return torch.tensor(ids).to(device), ((begin <= place) & (place < end)).to(device)
