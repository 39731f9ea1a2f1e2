"""Rollouts of a mixture of teacher and student, in one pass.

Tokens, both log-probabilities, the exact token KL, entropy and the teacher's hidden states all come from the forward passes that sampling
makes anyway; nothing is scored again.

The student decodes all rows of a chunk together. The teacher reads group by group, each into a cache of its own: rows of a group have
their turns of the teacher at the same steps, and at a turn it reads all tokens since the last one in one pass. Until then, the student's
log-probabilities wait. Rows that have ended leave the chunk when the teacher has seen them to their end.

Shapes: B rows still being decoded, b of a group, T response columns, n pending columns, H hidden width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor

from minillm.head import BLOCK_LOGITS, CHUNK_LOGITS, log_softmax, terms_of
from minillm.interrupt import Heed
from minillm.language_model import LanguageModel
from minillm.reader import Reader, Rows, inverse_cdf
from minillm.recording import TOGETHER
from minillm.sequences import Rollout

PENDING_LOGITS = {"cpu": 1 << 26, "cuda": 1 << 28, "mps": 1 << 27}
"""Student log-probabilities that may wait for the teacher: 256 MiB on a CPU, 1 GiB on a GPU. Beyond that it reads early."""
CROWDED = 0.5
"""Share of ended rows in a group at which the teacher reads early, so that they can leave."""
LEAVING = 0.1
"""Share of ended rows in a group from which moving the others together costs less than decoding on."""


@dataclass(frozen=True)
class Turns:
    """Who draws the tokens of a chunk."""

    theirs: Tensor
    """[B,T] bool: the tokens that are the teacher's."""
    groups: Sequence[tuple[int, Sequence[bool]]]
    """How many rows each group has, which lie one after the other, and at which steps [T] some of its tokens may be the teacher's."""


def pending_room(student: LanguageModel) -> int:
    """How many log-probabilities of the student may wait for the teacher."""
    return PENDING_LOGITS.get(student.device.type, PENDING_LOGITS["cpu"])


def rollout_mixed(
    student: LanguageModel, teacher: LanguageModel, prompts: Sequence[Sequence[int]], names: Tensor, uniform: Tensor, turns: Turns, *,
    temperature: float, eos: int, pad: int, heed: Heed,
) -> Rollout:  # fmt: skip
    """A response to each prompt from the draws [B,T], with what both models think of every token of it. `heed` is called at every token."""
    steps, theirs = uniform.shape[1], turns.theirs
    rows = Rows(prompts, steps, pad, student.device)
    reader, groups = Reader(student, rows), _groups(teacher, prompts, rows, turns, temperature)
    kept = _Kept(rows, steps)
    for step in range(steps):
        heed()
        end, last = rows.width + step, step + 1 == steps
        logits = student.logits(reader.read(end)[:, -1])
        for group in groups:
            group.pending.append(log_softmax(logits[group.span], temperature))
        del logits
        for group in _to_read(groups, step, pending_room(student)):
            group.read(end)
        token = torch.cat([group.draw(step, uniform[group.span, step], theirs[group.span, step]) for group in groups])
        rows.ids[:, end] = torch.where(rows.ended, pad, token)
        rows.ended |= token == eos
        if rows.due(step) or any(group.block is not None for group in groups):
            _look(groups, rows)
        for group in groups:
            if group.block is None and (last or group.over == group.size):
                group.read(end)
            if group.block is not None:
                kept.settle(group, step + 1)
        stay = None if last else _leave(groups, rows.ended, reader.crowded(LEAVING))
        if stay is None:
            continue
        groups = [group for group in groups if group.size]
        if not groups:
            break
        uniform, theirs = uniform[stay], theirs[stay]
        rows.keep(stay)
        reader.keep(stay)
        for group, span in zip(groups, _side_by_side([group.size for group in groups]), strict=True):
            group.span = span
    return kept.rollout(names, turns.theirs, step + 1, eos=eos, pad=pad)


class _Group:
    """Rows of a chunk with the same turns, and the teacher as it reads them."""

    def __init__(self, reader: Reader, span: slice, turns: Sequence[bool], temperature: float) -> None:
        self.reader, self.turns, self.temperature = reader, turns, temperature
        self.span, self.size = span, span.stop - span.start
        """Where its rows lie among those of the chunk, and how many they are."""
        self.pending: list[Tensor] = []
        """log q [b,V] of the steps that the teacher has not seen."""
        self.block: _Block | None = None
        """What it has read at this step."""
        self.over = 0
        """Rows that have ended but still take part, as of the last look."""

    @property
    def waiting(self) -> int:
        """Log-probabilities that wait for the teacher."""
        return sum(logq.numel() for logq in self.pending)

    def due(self, step: int) -> bool:
        """Whether the teacher must read before the next token is drawn, or should, so that rows can leave."""
        return self.turns[step] or self.over >= CROWDED * self.size

    def read(self, end: int) -> None:
        self.block = _Block(self.reader.model, self.reader.read(end, self.span)[:, -len(self.pending) :], self.temperature)

    def draw(self, step: int, uniform: Tensor, theirs: Tensor) -> Tensor:
        """Tokens [b]: the teacher's where `theirs` says so, the student's elsewhere."""
        law = self.pending[-1]
        if self.turns[step]:
            assert self.block is not None
            law = torch.where(theirs[:, None], self.block.last(), law)
        return inverse_cdf(law.exp(), uniform)

    def keep(self, index: Tensor) -> None:
        """Goes on with the rows of `index` alone, of which there may be none."""
        self.size, self.over = len(index), 0
        if self.size:
            self.reader.keep(index)


def _groups(teacher: LanguageModel, prompts: Sequence[Sequence[int]], rows: Rows, turns: Turns, temperature: float) -> list[_Group]:
    made = []
    for span, (_, at) in zip(_side_by_side([size for size, _ in turns.groups]), turns.groups, strict=True):
        begin = rows.width - max(map(len, prompts[span]))
        made.append(_Group(Reader(teacher, rows, begin, 1 if all(at) else TOGETHER), span, at, temperature))
    return made


def _side_by_side(sizes: Sequence[int]) -> list[slice]:
    return [slice(end - size, end) for size, end in zip(sizes, accumulate(sizes), strict=True)]


def _to_read(groups: Sequence[_Group], step: int, room: int) -> Iterator[_Group]:
    """The groups that the teacher reads now: those that are due and, as long as what waits has no room, those that have waited longest."""
    waiting = sum(group.waiting for group in groups)
    for group in sorted(groups, key=lambda group: (not group.due(step), -len(group.pending))):
        if group.due(step) or waiting >= room:
            waiting -= group.waiting
            yield group


def _look(groups: Sequence[_Group], rows: Rows) -> None:
    """Counts the rows that have ended, in all groups at once: a device is waited for."""
    counts = torch.stack([rows.ended[group.span].sum() for group in groups]).tolist()
    for group, count in zip(groups, counts, strict=True):
        group.over = count


def _leave(groups: Sequence[_Group], ended: Tensor, share: float) -> Tensor | None:
    """Takes rows that have ended out of the groups that the teacher has just read, where they are `share` of a group or what its reader
    wants; returns the rows of the chunk that stay, None where all do."""
    read = [group for group in groups if not group.pending]
    leaving = [group for group in read if group.over >= min(group.reader.crowded(share), 1.0) * group.size]
    if not leaving:
        return None
    stay = torch.ones_like(ended)
    for group in leaving:
        stay[group.span] = ~ended[group.span]
        group.keep(stay[group.span].nonzero()[:, 0])
    return stay.nonzero()[:, 0]


class _Block:
    """What the teacher thinks at the positions [b,n] that it has not scored yet.

    Its head takes many positions in one product; log-probabilities are made of few of them at a time, so that all that is computed from
    them stays in the cache.
    """

    def __init__(self, teacher: LanguageModel, hidden: Tensor, temperature: float) -> None:
        self.teacher, self.hidden, self.temperature = teacher, hidden, temperature
        device, wide = teacher.device.type, hidden.shape[0] * teacher.vocabulary
        self.few, many = (max(1, sizes.get(device, sizes["cpu"]) // wide) for sizes in (BLOCK_LOGITS, CHUNK_LOGITS))
        self.waves = _cut_from_the_end(slice(0, hidden.shape[1]), many)
        self._last: Tensor | None = None

    def logits(self, wave: slice) -> Tensor:
        """The logits [b,k,V] at some positions."""
        hidden = self.hidden[:, wave]
        return self.teacher.logits(hidden.flatten(0, 1)).unflatten(0, hidden.shape[:2])

    def last(self) -> Tensor:
        """log p [b,V] at the last position: the turn waits for it."""
        self._last = self.logits(self.waves[-1])
        return log_softmax(self._last[:, -1], self.temperature)

    def parts(self) -> Iterator[tuple[slice, Tensor]]:
        """A few positions after the other, and log p [b,k,V] there."""
        for wave in self.waves:
            logits = self._last if wave is self.waves[-1] and self._last is not None else self.logits(wave)
            for part in _cut_from_the_end(wave, self.few):
                yield part, log_softmax(logits[:, part.start - wave.start : part.stop - wave.start], self.temperature)
            del logits


def _cut_from_the_end(whole: slice, size: int) -> list[slice]:
    """Slices one after the other, of which the first alone may be smaller than `size`."""
    return [slice(max(whole.start, stop - size), stop) for stop in range(whole.stop, whole.start, -size)][::-1]


class _Kept:
    """What stays of a chunk: a place for every row and step, filled as the teacher reads."""

    def __init__(self, rows: Rows, steps: int) -> None:
        self.rows = rows
        self.shape = (rows.alive.shape[0], steps)
        self.values: dict[str, Tensor] = {}

    def settle(self, group: _Group, end: int) -> None:
        """Scores the pending steps of a group, which are those before `end`, by what the teacher has read; neither waits any longer."""
        block, group.block = group.block, None
        assert block is not None
        begin = end - len(group.pending)
        alive = self.rows.alive[group.span]
        tokens = self.rows.ids[group.span, self.rows.width + begin : self.rows.width + end]
        for part, logp in block.parts():
            logq = torch.stack([group.pending.pop(0) for _ in range(part.start, part.stop)], 1)
            picked = tokens[:, part]
            terms = terms_of(logq.flatten(0, 1), logp.flatten(0, 1), picked.flatten())
            del logq, logp
            by_step = {"logp_student": terms.logp_student, "logp_teacher": terms.logp_teacher, "kl": terms.kl, "entropy": terms.entropy}
            values = {name: value.view(picked.shape) for name, value in by_step.items() if value is not None}
            for name, value in {**values, "response_ids": picked, "hidden_teacher": block.hidden[:, part]}.items():
                if name not in self.values:
                    self.values[name] = value.new_zeros((*self.shape, *value.shape[2:]))
                self.values[name][alive, begin + part.start : begin + part.stop] = value

    def rollout(self, names: Tensor, theirs: Tensor, steps: int, *, eos: int, pad: int) -> Rollout:
        """The first `steps` columns as a rollout; everything after a row's first end token is padding."""
        kept = {name: value[:, :steps] for name, value in self.values.items()}
        ids = kept.pop("response_ids")
        ends = ids == eos
        before = ends.long().cumsum(1) - ends.long()  # end tokens before this one
        mask = before == 0
        scores = {name: value * (mask if value.dim() == 2 else mask[..., None]) for name, value in kept.items()}
        return Rollout(
            rows=names.to(ids.device), prompt_ids=self.rows.prompt_ids, prompt_mask=self.rows.prompt_mask,
            response_ids=ids.where(mask, pad), mask=mask, from_teacher=theirs[:, :steps] & mask, ended=ends.any(1), **scores,
        )  # fmt: skip
