"""What the teacher says of given responses, read once before the first step and kept beside the models.

It never changes, and neither do the responses: passes after the first need not run it again. Either its last hidden states are kept
(its head then gives the whole distribution, as without a cache), or its likeliest tokens (`top_tokens.py`), which take
a fraction of it for a large model and need no head. It lies in the memory of the machine, not of a GPU.

A resume reads again, in the same order and company, and so finds the same to the bit.

Shapes: R response tokens of all pairs, H hidden width, k tokens kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import torch
from torch import Tensor

from minillm.head import likeliest
from minillm.methods import TeacherCached
from minillm.phases import Workbench
from minillm.phases.pairs import Batch, Pair, length, token_count
from minillm.sequences import collate, of_similar_length, read
from minillm.top_tokens import TopTokens

AUTO_BYTES = 1 << 30
"""How large `auto` lets the hidden states be."""
ID, LOGP = 4, 4
"""Bytes of what is kept of a token."""
REPORT_EVERY = 50
"""Passes between two reports of progress."""


class TeacherCache:
    """Of the pairs of a phase."""

    def __init__(self, bench: Workbench, pairs: Sequence[Pair], count: int | None) -> None:
        """`count`: how many of the likeliest tokens to keep; None keeps hidden states."""
        self.bench, self.pairs = bench, pairs
        self.count = None if count is None else min(count, bench.teacher.vocabulary - 1)
        self.starts = list(accumulate((len(response) for _, response in pairs), initial=0))
        self.columns: list[Tensor] = []
        """Hidden states [R,H]; or ids [R,k] and log p [R,k+1] of the likeliest tokens and the rest."""

    @property
    def filled(self) -> bool:
        return bool(self.columns)

    def rows(self, indices: Sequence[int]) -> Tensor:
        """Where the tokens of these pairs lie, pair after pair."""
        return torch.cat([torch.arange(self.starts[i], self.starts[i + 1]) for i in indices])

    @torch.no_grad()
    def fill(self) -> None:
        """Reads everything. Raises Stopped, and then nothing is filled."""
        bench, done = self.bench, 0
        columns: list[Tensor] = []
        groups = of_similar_length([length(pair) for pair in self.pairs], bench.teacher.device)
        for number, some in enumerate(groups):
            bench.heed()
            if number % REPORT_EVERY == 0:
                bench.progress("the teacher reads the responses", done, len(self.pairs), "responses")
            hidden = read(bench.teacher, *collate([self.pairs[i] for i in some], bench.pad, bench.teacher.device))
            for place, values in enumerate(self.kept_of(hidden)):
                if len(columns) == place:
                    columns.append(torch.empty((self.starts[-1], values.shape[1]), dtype=values.dtype))
                columns[place][self.rows(some)] = values.cpu()
            done += len(some)
        bench.progress("the teacher reads the responses", done, len(self.pairs), "responses")
        self.columns = columns

    def kept_of(self, hidden: Tensor) -> list[Tensor]:
        if self.count is None:
            return [hidden]
        top = likeliest(self.bench.teacher, hidden, self.count)
        return [top.ids.to(torch.int32), top.logp]

    def batch(self, indices: Sequence[int]) -> Batch:
        """These pairs with what was kept of the teacher, once it is filled."""
        device = self.bench.student.device
        batch = Batch.given([self.pairs[i] for i in indices], self.bench.pad, device)
        kept = [column[self.rows(indices)].to(device) for column in self.columns]
        if self.count is None:
            (batch.hidden_teacher,) = kept
        else:
            batch.top = TopTokens(kept[0].long(), kept[1])
        return batch


def kept_bytes(settings: TeacherCached, tokens: int, width: int, number: int) -> int:
    """How large the cache of so many response tokens is, with a teacher of this hidden width whose numbers have `number` bytes; 0 for none.

    `auto` takes hidden states as far as they are not larger than `AUTO_BYTES`.
    """
    states = tokens * width * number
    match settings.teacher_cache:
        case "off":
            return 0
        case "auto":
            return states if states <= AUTO_BYTES else 0
        case "states":
            return states
        case "topTokens":
            return tokens * (settings.cache_tokens * (ID + LOGP) + LOGP)


def cache_for(settings: TeacherCached, bench: Workbench, pairs: Sequence[Pair], passes: float) -> TeacherCache | None:
    """The cache that the settings ask for; `auto` asks for none where the responses are read but once."""
    teacher = bench.teacher
    tokens, number = token_count(pairs), torch.finfo(teacher.dtype).bits // 8
    if not kept_bytes(settings, tokens, teacher.head.weight.shape[1], number) or (settings.teacher_cache == "auto" and passes <= 1):
        return None
    return TeacherCache(bench, pairs, settings.cache_tokens if settings.teacher_cache == "topTokens" else None)
