"""Prompts with responses to them, and batches of these with what the teacher makes of every token.

All methods meet here: whether a response was given, sampled by the student or written by the teacher, it is laid out, masked and
counted in the same way, its end token included.

Shapes: B rows, T columns, R real response tokens of all rows (row after row), H hidden width.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from minillm.data import Example, shuffled
from minillm.language_model import LanguageModel
from minillm.sequences import Rollout, collate, read, shifted
from minillm.top_tokens import TopTokens

BATCHES_SORTED = 40
"""Batches that are formed together: large enough to sort by length, small enough to stay shuffled."""

Pair = tuple[list[int], list[int]]
"""Tokens of a prompt and of a response to it."""


def pairs_of(examples: Sequence[Example]) -> list[Pair]:
    """A pair for each accepted answer of each row: the student learns the distribution over answers, not the first one."""
    return [(example.prompt_ids, response) for example in examples for response in example.responses]


def length(pair: Pair) -> int:
    return len(pair[0]) + len(pair[1])


def token_count(pairs: Sequence[Pair]) -> int:
    return sum(len(response) for _, response in pairs)


class ShuffledBatches:
    """Batches of pairs, pass after pass. The batch of step n depends on the key and on n alone."""

    def __init__(self, pairs: Sequence[Pair], size: int, *key: int | str) -> None:
        self.pairs, self.size, self.key = pairs, size, key
        self.per_epoch = math.ceil(len(pairs) / size)
        self._epoch, self._batches = -1, list[list[int]]()

    def indices(self, n: int) -> list[int]:
        """Which pairs step `n` (from 1) takes: each pass is shuffled, sorted by length within pools, and cut into batches that are
        shuffled again."""
        epoch, place = divmod(n - 1, self.per_epoch)
        if epoch != self._epoch:
            order = shuffled(len(self.pairs), *self.key, epoch)
            pools = (order[start : start + BATCHES_SORTED * self.size] for start in range(0, len(order), BATCHES_SORTED * self.size))
            sorted_pools = (sorted(pool, key=self.length) for pool in pools)
            batches = [pool[start : start + self.size] for pool in sorted_pools for start in range(0, len(pool), self.size)]
            self._epoch, self._batches = epoch, [batches[i] for i in shuffled(len(batches), *self.key, epoch, 1)]
        return self._batches[place]

    def length(self, index: int) -> int:
        return length(self.pairs[index])

    def __getitem__(self, n: int) -> list[Pair]:
        return [self.pairs[i] for i in self.indices(n)]


@dataclass
class Batch:
    """Sequences of one forward pass, with what is known of the teacher's distributions where it has a say."""

    ids: Tensor
    """[B,T], padded on the right."""
    wanted: Tensor
    """[B,T] bool: the response tokens, which are what is predicted."""
    hidden_teacher: Tensor | None = None
    """[R,H]."""
    top: TopTokens | None = None
    """Of R rows."""

    @property
    def tokens(self) -> Tensor:
        """[R] the response tokens."""
        return self.ids[:, 1:][self.wanted[:, 1:]]

    @classmethod
    def given(cls, pairs: Sequence[Pair], pad: int, device: torch.device, teacher: LanguageModel | None = None) -> Batch:
        """Given pairs; with a teacher, it reads them now."""
        batch = cls(*collate(pairs, pad, device))
        if teacher is not None:
            with torch.no_grad():
                batch.hidden_teacher = read(teacher, batch.ids, batch.wanted)
        return batch

    @classmethod
    def sampled(cls, rollout: Rollout, pad: int, rows: Sequence[int] | None = None) -> Batch:
        """Rollouts (or some rows of them), which the teacher has read already. The order of tokens is that of `response_ids[mask]`."""
        index = torch.arange(len(rollout)) if rows is None else torch.as_tensor(rows, dtype=torch.int64)
        index = index.to(rollout.mask.device)
        mask = rollout.mask[index]
        batch = cls(*shifted(rollout.prompt_ids[index], rollout.prompt_mask[index], rollout.response_ids[index], mask, pad))
        row, column = mask.nonzero(as_tuple=True)
        batch.hidden_teacher = rollout.hidden_teacher[index[row], column]
        return batch
