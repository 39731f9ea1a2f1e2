"""Sampling: rollouts of the teacher-mixed policy, and plain generation and scoring for evaluation.

A rollout is one pass. Tokens, both log-probabilities, the exact token KL, entropy and the teacher's hidden states
all come from the forward passes that sampling makes anyway; nothing is scored again.

Common mask: a draw from αp + (1−α)q (arXiv 2306.08543, eq. 4) is a coin, then a draw from p or from q. The coin of a
step is shared by the rows of a group, so the teacher is needed only where it falls on him; he then reads all tokens
since his last turn in one pass. Each row's law is exactly the mixture; rows of a group share the mask of turns.

Rows that have ended leave the chunk when the teacher has seen them to their end.

Shapes: B rows still being decoded, T response columns, n pending columns, H hidden width, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from minillm import draws
from minillm.decode_alone import rollout_alone
from minillm.head import BLOCK_LOGITS, terms_of, token_terms
from minillm.language_model import LanguageModel
from minillm.reader import Reader, Rows, draw_columns, inverse_cdf
from minillm.sequences import Rollout, assemble, collate, of_similar_length, read

PENDING_LOGITS = {"cpu": 1 << 26, "cuda": 1 << 28, "mps": 1 << 27}
"""Student log-probabilities that may wait for the teacher: 256 MiB on a CPU, 1 GiB on a GPU. Beyond that he reads early."""
CROWDED = 0.5
"""Share of ended rows at which the teacher reads early, so that they can leave."""
LEAVING = 0.1
"""Share of ended rows from which moving the others together costs less than decoding on."""


@dataclass(frozen=True)
class _Law:
    """The policy that is sampled from."""

    alpha: float
    lock_step: bool
    temperature: float
    steps: int
    eos: int
    pad: int


@torch.no_grad()
def rollout(
    student: LanguageModel,
    teacher: LanguageModel,
    prompts: Sequence[Sequence[int]],
    rows: Sequence[int],
    *,
    sampling: str = "commonMask",
    alpha: float = 0.2,
    temperature: float = 1.0,
    max_new_tokens: int,
    eos: int,
    pad: int,
    seed: int,
    stream: int,
    chunk: int = 64,
    groups: int = 4,
) -> Rollout:
    """Samples a response to each prompt from the mixture, in the order of `prompts`.

    `rows` name the prompts in the random draws: the same (seed, stream, row) gives the same draws in any company.
    `sampling` is `student` (α = 0), `lockStep` (the teacher runs at every step) or `commonMask`; under the last, a hash deals
    the rows to `groups`, each with turns of its own. So a response is the same whatever is decoded beside it.
    """
    law = _Law(0.0 if sampling == "student" else alpha, sampling == "lockStep", temperature, max_new_tokens, eos, pad)
    names = torch.tensor(list(rows), dtype=torch.int64)
    group_of = mask_groups(seed, stream, names, groups) if law.alpha > 0 and not law.lock_step else [0] * len(prompts)

    def parts() -> Iterator[tuple[Rollout, list[int]]]:
        for chosen in chunks([len(prompt) for prompt in prompts], group_of, chunk):
            some, uniform = [prompts[i] for i in chosen], draw_columns(seed, stream, names[chosen], max_new_tokens, student.device)
            if law.alpha == 0 and uniform.numel() * student.vocabulary <= _room(student):
                made = rollout_alone(student, teacher, some, names[chosen], uniform, temperature=temperature, eos=eos, pad=pad)
            else:
                turns = teachers_turns(seed, stream, group_of[chosen[0]], law.alpha, max_new_tokens)
                decoded = Rows(some, max_new_tokens, pad, student.device)
                made = _rollout_chunk(Reader(student, decoded), Reader(teacher, decoded), names[chosen], uniform, turns, law=law)
                del decoded
            yield made, chosen
            del made

    with student.computing():
        return assemble(parts(), len(prompts), max(map(len, prompts)), max_new_tokens, pad)


def _room(student: LanguageModel) -> int:
    """How many log-probabilities of the student may wait for the teacher."""
    return PENDING_LOGITS.get(student.device.type, PENDING_LOGITS["cpu"])


def chunks(lengths: Sequence[int], group_of: Sequence[int], size: int) -> list[list[int]]:
    """Prompts that are decoded together: of one group, of similar length, about `size` of them (at most a quarter more, so that a
    group slightly larger than a chunk needs no second one)."""
    made: list[list[int]] = []
    for group in sorted(set(group_of)):
        members = sorted((i for i in range(len(lengths)) if group_of[i] == group), key=lambda i: (lengths[i], i))
        pieces = max(1, math.ceil(len(members) / size - 0.25))
        cuts = [round(piece * len(members) / pieces) for piece in range(pieces + 1)]
        made += [members[start:end] for start, end in pairwise(cuts)]
    return made


def mask_groups(seed: int, stream: int, rows: Tensor, groups: int) -> list[int]:
    """Which of the common masks each row has: a hash of seed, stream and row."""
    return (draws.uniform(seed, draws.stream("mask group", stream), rows, 0) * groups).long().tolist()


def teachers_turns(seed: int, stream: int, group: int, alpha: float, steps: int) -> list[bool]:
    """The common mask of a group: at which steps its tokens come from the teacher, each with probability α."""
    coins = draws.uniform(seed, draws.stream("teacher's turn", stream), torch.tensor([group]), torch.arange(steps))
    return (coins < alpha).tolist()


def _rollout_chunk(
    reading_student: Reader, reading_teacher: Reader, names: Tensor, uniform: Tensor, turns: list[bool], *, law: _Law
) -> Rollout:
    """One chunk of prompts decoded together, from its draws [B,T] and, under a common mask, the teacher's turns."""
    student, rows = reading_student.model, reading_student.rows
    kept = _Kept(rows, law)
    budget = _room(student)
    pending: list[Tensor] = []  # log q [B,V] of the steps that the teacher has not seen
    over = 0  # rows that have ended but still take part
    for step in range(law.steps):
        end = rows.width + step
        logq = (student.logits(reading_student.read(end)[:, -1]) / law.temperature).log_softmax(-1)
        pending.append(logq)
        turn = law.alpha > 0 and (law.lock_step or turns[step])
        block = None
        if turn or len(pending) * logq.numel() >= budget or over >= CROWDED * logq.shape[0]:
            block = _Block(reading_teacher, end, len(pending), law.temperature)
        token, theirs = _draw(logq, block.last()[:, -1] if turn and block is not None else None, uniform[:, step], law)
        rows.ids[:, end] = torch.where(rows.ended, law.pad, token)
        kept.add(step, rows.ids[:, end], theirs)
        rows.ended |= token == law.eos
        if block is not None or rows.due(step):
            over = int(rows.ended.sum())
        if block is not None:
            kept.settle(block, pending, rows.ids[:, end + 1 - len(pending) : end + 1], step + 1)
            if LEAVING * logq.shape[0] <= over < logq.shape[0]:
                stay = (~rows.ended).nonzero()[:, 0]
                uniform, over = uniform[stay], 0
                for part in (rows, reading_student, reading_teacher):
                    part.keep(stay)
        if over == rows.alive.shape[0]:
            break
    if pending:
        block = _Block(reading_teacher, end, len(pending), law.temperature)
        kept.settle(block, pending, rows.ids[:, end + 1 - len(pending) : end + 1], step + 1)
    return kept.rollout(names, step + 1)


def _draw(logq: Tensor, logp: Tensor | None, uniform: Tensor, law: _Law) -> tuple[Tensor, Tensor | bool]:
    """Tokens [B] and whether they are the teacher's. With `logp` it is his turn: alone, or in lock step as part of the mixture.

    In lock step a draw below α is spent on the teacher and one above it on the student, each stretched to (0, 1): the
    inverse distribution function of the mixture, with its two parts laid end to end.
    """
    if logp is None:
        return inverse_cdf(logq.exp(), uniform), False
    if not law.lock_step:
        return inverse_cdf(logp.exp(), uniform), True
    theirs = uniform < law.alpha
    from_teacher = inverse_cdf(logp.exp(), (uniform / law.alpha).clamp(max=1.0))
    from_student = inverse_cdf(logq.exp(), ((uniform - law.alpha) / (1 - law.alpha)).clamp(min=0.0))
    return torch.where(theirs, from_teacher, from_student), theirs


class _Block:
    """The teacher has read up to column `end`; the last `pending` positions are the ones that he has not scored yet.

    Log-probabilities are made of a few positions at a time: together, those of the block would be as large as all that waits for them.
    """

    def __init__(self, reader: Reader, end: int, pending: int, temperature: float) -> None:
        self.model, self.temperature = reader.model, temperature
        self.hidden = reader.read(end)[:, -pending:]
        """[B,n,H]."""
        size = max(1, BLOCK_LOGITS.get(self.model.device.type, BLOCK_LOGITS["cpu"]) // (self.hidden.shape[0] * self.model.vocabulary))
        self.parts = [slice(max(0, stop - size), stop) for stop in range(pending, 0, -size)][::-1]
        self._last: Tensor | None = None

    def logp(self, part: slice) -> Tensor:
        """log p [B,k,V] at the positions of a part."""
        if part.stop == self.hidden.shape[1] and self._last is not None:
            return self._last
        hidden = self.hidden[:, part]
        logits = self.model.logits(hidden.flatten(0, 1))  # one product, not one for each row
        return (logits / self.temperature).log_softmax(-1).unflatten(0, hidden.shape[:2])

    def last(self) -> Tensor:
        """log p of the last part, at once: his turn waits for it."""
        self._last = self.logp(self.parts[-1])
        return self._last


class _Kept:
    """What stays of a chunk: a place for every row and step, filled as rows are decoded."""

    def __init__(self, rows: Rows, law: _Law) -> None:
        self.rows, self.law = rows, law
        self.prompt_ids, self.prompt_mask = rows.prompt_ids, rows.prompt_mask
        self.shape = (rows.alive.shape[0], law.steps)
        self.ids = torch.full(self.shape, law.pad, dtype=torch.int64, device=rows.ids.device)
        self.from_teacher = torch.zeros(self.shape, dtype=torch.bool, device=rows.ids.device)
        self.scores: dict[str, Tensor] = {}

    def add(self, step: int, token: Tensor, theirs: Tensor | bool) -> None:
        self.ids[self.rows.alive, step] = token
        self.from_teacher[self.rows.alive, step] = theirs

    def settle(self, block: _Block, pending: list[Tensor], tokens: Tensor, end: int) -> None:
        """Scores the pending steps before `end`, whose student log-probabilities and tokens [B,n] are known; empties `pending`."""
        begin = end - tokens.shape[1]
        for part in block.parts:
            logq = torch.stack([pending.pop(0) for _ in range(part.start, part.stop)], 1)
            logp = block.logp(part)
            terms = terms_of(logq.flatten(0, 1), logp.flatten(0, 1), tokens[:, part].flatten())
            del logq, logp
            by_step = {"logp_student": terms.logp_student, "logp_teacher": terms.logp_teacher, "kl": terms.kl, "entropy": terms.entropy}
            values = {name: value.view(tokens[:, part].shape) for name, value in by_step.items() if value is not None}
            for name, value in {**values, "hidden_teacher": block.hidden[:, part]}.items():
                if name not in self.scores:
                    self.scores[name] = value.new_zeros((*self.shape, *value.shape[2:]))
                self.scores[name][self.rows.alive, begin + part.start : begin + part.stop] = value

    def rollout(self, names: Tensor, steps: int) -> Rollout:
        """The first `steps` columns as a rollout; everything after a row's first end token is padding."""
        ids = self.ids[:, :steps]
        ends = ids == self.law.eos
        before = ends.long().cumsum(1) - ends.long()  # end tokens before this one
        mask = before == 0
        scores = {name: value[:, :steps] * (mask if value.dim() == 2 else mask[..., None]) for name, value in self.scores.items()}
        return Rollout(
            rows=names.to(ids.device), prompt_ids=self.prompt_ids, prompt_mask=self.prompt_mask, response_ids=ids.where(mask, self.law.pad),
            mask=mask, from_teacher=self.from_teacher[:, :steps] & mask, ended=ends.any(1), **scores,
        )  # fmt: skip


@torch.no_grad()
def generate(
    model: LanguageModel,
    prompts: Sequence[Sequence[int]],
    rows: Sequence[int],
    *,
    temperature: float = 1.0,
    max_new_tokens: int,
    eos: int,
    pad: int,
    seed: int,
    stream: int,
    chunk: int = 256,
) -> list[list[int]]:
    """A response to each prompt, as token ids up to and with the end token (without one: cut off). Temperature 0 is greedy."""
    order = sorted(range(len(prompts)), key=lambda i: (len(prompts[i]), i))
    responses: list[list[int]] = [[] for _ in prompts]
    with model.computing():
        for start in range(0, len(order), chunk):
            chosen = order[start : start + chunk]
            names = torch.tensor([rows[i] for i in chosen], dtype=torch.int64)
            uniform = draw_columns(seed, stream, names, max_new_tokens, model.device)
            law = _Law(0.0, False, temperature, max_new_tokens, eos, pad)
            for i, response in zip(chosen, _generate_chunk(model, [prompts[i] for i in chosen], uniform, law), strict=True):
                responses[i] = response
    return responses


def _generate_chunk(model: LanguageModel, prompts: list[Sequence[int]], uniform: Tensor, law: _Law) -> list[list[int]]:
    rows = Rows(prompts, law.steps, law.pad, model.device)
    reader = Reader(model, rows)
    made = torch.full((len(prompts), law.steps), law.pad, dtype=torch.int64, device=model.device)
    for step in range(law.steps):
        end = rows.width + step
        logits = model.logits(reader.read(end)[:, -1])
        token = logits.argmax(-1) if law.temperature == 0 else inverse_cdf((logits / law.temperature).softmax(-1), uniform[:, step])
        rows.ids[:, end] = torch.where(rows.ended, law.pad, token)
        made[rows.alive, step] = rows.ids[:, end]
        rows.ended |= token == law.eos
        if not rows.due(step):
            continue
        over = int(rows.ended.sum())
        if over == rows.alive.shape[0]:
            break
        if over >= CROWDED * rows.alive.shape[0]:
            stay = (~rows.ended).nonzero()[:, 0]
            uniform = uniform[stay]
            for part in (rows, reader):
                part.keep(stay)
    return [response[: response.index(law.eos) + 1] if law.eos in response else response for response in made.tolist()]


@dataclass
class TokenScores:
    """Scores of given responses, [N,T] on the CPU, in nats, 0 at padding; `mask` [N,T] marks the real tokens."""

    mask: Tensor
    logp_student: Tensor
    entropy: Tensor
    logp_teacher: Tensor | None
    kl: Tensor | None


@torch.no_grad()
def score(
    student: LanguageModel,
    teacher: LanguageModel | None,
    prompts: Sequence[Sequence[int]],
    responses: Sequence[Sequence[int]],
    *,
    temperature: float = 1.0,
    teacher_temperature: float = 1.0,
    pad: int,
    chunk: int = 256,
) -> TokenScores:
    """Token scores of `responses` (with their end tokens), in the order given. An empty response has no scores."""
    lengths = [len(response) for response in responses]
    given = [i for i in range(len(prompts)) if lengths[i]]
    mask = torch.arange(max(lengths, default=0)) < torch.tensor(lengths, dtype=torch.int64)[:, None]
    names = ("logp_student", "entropy") if teacher is None else ("logp_student", "entropy", "logp_teacher", "kl")
    scores = {name: torch.zeros(mask.shape, dtype=student.math) for name in names}
    for places in of_similar_length([len(prompts[i]) + lengths[i] for i in given], student.device, chunk):
        chosen = [given[place] for place in places]
        ids, wanted = collate([(prompts[i], responses[i]) for i in chosen], pad, student.device)
        real = mask[chosen]
        terms = token_terms(
            student,
            read(student, ids, wanted),
            ids[wanted],
            teacher=teacher,
            hidden_teacher=None if teacher is None else read(teacher, ids, wanted),
            temperature=temperature,
            teacher_temperature=teacher_temperature,
        )
        index = torch.tensor(chosen)
        for name in names:
            part = torch.zeros(real.shape, dtype=student.math)
            part[real] = getattr(terms, name).cpu()
            scores[name][index] = part
    return TokenScores(mask, scores["logp_student"], scores["entropy"], scores.get("logp_teacher"), scores.get("kl"))
