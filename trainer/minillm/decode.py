"""Sampling: rollouts of the teacher-mixed policy, and plain generation and scoring for evaluation.

Common mask: a draw from αp + (1−α)q (arXiv 2306.08543, eq. 4) is a coin, then a draw from p or from q. The coin of a
step is shared by the rows of a group, so the teacher is needed only at its own turns; it then reads all tokens
since its last turn in one pass. Each row's law is exactly the mixture; rows of a group share the mask of turns.

Shapes: B rows that are decoded together, T response columns.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

import torch
from torch import Tensor

from minillm import draws
from minillm.decode_alone import rollout_alone
from minillm.decode_mixed import Turns, pending_room, rollout_mixed
from minillm.head import token_terms
from minillm.interrupt import Heed, undisturbed
from minillm.language_model import LanguageModel
from minillm.reader import Reader, Rows, draw_columns, inverse_cdf
from minillm.sequences import Rollout, assemble, collate, of_similar_length, read

OVERFULL = 1.25
"""How much larger than asked a chunk may be, so that rows which are slightly too many for one need no second."""
CROWDED = 0.5
"""Share of ended rows at which plain generation goes on without them."""


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
    heed: Heed = undisturbed,
) -> Rollout:
    """Samples a response to each prompt from the mixture, in the order of `prompts`.

    `rows` name the prompts in the random draws: the same (seed, stream, row) gives the same draws in any company.
    `sampling` is `student` (α = 0), `lockStep` (the teacher runs at every step) or `commonMask`; under the last, a hash deals
    the rows to `groups`, each with turns of its own. So a response is the same whatever is decoded beside it. `heed` is called at every
    token, and what it raises to end it is passed on.
    """
    alpha = 0.0 if sampling == "student" else alpha
    masked = alpha > 0 and sampling == "commonMask"
    names = torch.tensor(list(rows), dtype=torch.int64)
    group_of = mask_groups(seed, stream, names, groups) if masked else [0] * len(prompts)
    turns = {
        group: teachers_turns(seed, stream, group, alpha, max_new_tokens) if masked else [alpha > 0] * max_new_tokens
        for group in set(group_of)
    }

    def decoded(chosen: list[int]) -> Rollout:
        some, uniform = [prompts[i] for i in chosen], draw_columns(seed, stream, names[chosen], max_new_tokens, student.device)
        law = {"temperature": temperature, "eos": eos, "pad": pad, "heed": heed}
        if alpha == 0 and uniform.numel() * student.vocabulary <= pending_room(student):
            return rollout_alone(student, teacher, some, names[chosen], uniform, **law)
        if masked:
            theirs = torch.tensor([turns[group_of[i]] for i in chosen], device=student.device)
        else:
            theirs, uniform = in_lock_step(uniform, alpha)
        sizes = [(len(list(members)), turns[group]) for group, members in groupby(chosen, key=group_of.__getitem__)]
        return rollout_mixed(student, teacher, some, names[chosen], uniform, Turns(theirs, sizes), **law)

    def parts() -> Iterator[tuple[Rollout, list[int]]]:
        for chosen in chunks([len(prompt) for prompt in prompts], group_of, chunk):
            made = decoded(chosen)
            yield made, chosen
            del made

    with student.computing():
        return assemble(parts(), len(prompts), max(map(len, prompts)), max_new_tokens, pad)


def chunks(lengths: Sequence[int], group_of: Sequence[int], size: int) -> list[list[int]]:
    """Prompts that are decoded together, about `size` of them: whole groups, one after the other, or a part of one, of similar length."""
    made: list[list[int]] = []
    for group in sorted(set(group_of)):
        members = sorted((i for i in range(len(lengths)) if group_of[i] == group), key=lambda i: (lengths[i], i))
        pieces = max(1, math.ceil(len(members) / size - (OVERFULL - 1)))
        cuts = [round(piece * len(members) / pieces) for piece in range(pieces + 1)]
        for piece in (members[start:end] for start, end in pairwise(cuts)):
            if made and len(made[-1]) + len(piece) <= OVERFULL * size:
                made[-1] += piece
            else:
                made.append(piece)
    return made


def mask_groups(seed: int, stream: int, rows: Tensor, groups: int) -> list[int]:
    """Which of the common masks each row has: a hash of seed, stream and row."""
    return (draws.uniform(seed, draws.stream("mask group", stream), rows, 0) * groups).long().tolist()


def teachers_turns(seed: int, stream: int, group: int, alpha: float, steps: int) -> list[bool]:
    """The common mask of a group: at which steps its tokens come from the teacher, each with probability α."""
    coins = draws.uniform(seed, draws.stream("teacher's turn", stream), torch.tensor([group]), torch.arange(steps))
    return (coins < alpha).tolist()


def in_lock_step(uniform: Tensor, alpha: float) -> tuple[Tensor, Tensor]:
    """Which tokens are the teacher's, and the draws of all tokens from the model whose they are.

    A draw below α is spent on the teacher and one above it on the student, each stretched to (0, 1): the inverse distribution function
    of the mixture, with its two parts laid end to end.
    """
    theirs = uniform < alpha
    return theirs, torch.where(theirs, (uniform / alpha).clamp(max=1.0), ((uniform - alpha) / (1 - alpha)).clamp(min=0.0))


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
    heed: Heed = undisturbed,
) -> list[list[int]]:
    """A response to each prompt, as token ids up to and with the end token (without one: cut off). Temperature 0 is greedy.

    `heed` is called at every token, and what it raises to end it is passed on.
    """
    order = sorted(range(len(prompts)), key=lambda i: (len(prompts[i]), i))
    responses: list[list[int]] = [[] for _ in prompts]
    with model.computing():
        for start in range(0, len(order), chunk):
            chosen = order[start : start + chunk]
            names = torch.tensor([rows[i] for i in chosen], dtype=torch.int64)
            uniform = draw_columns(seed, stream, names, max_new_tokens, model.device)
            some = [prompts[i] for i in chosen]
            for i, response in zip(chosen, _generate_chunk(model, some, uniform, temperature, eos, pad, heed), strict=True):
                responses[i] = response
    return responses


def _generate_chunk(
    model: LanguageModel, prompts: list[Sequence[int]], uniform: Tensor, temperature: float, eos: int, pad: int, heed: Heed
) -> list[list[int]]:
    steps = uniform.shape[1]
    rows = Rows(prompts, steps, pad, model.device)
    reader = Reader(model, rows)
    made = torch.full((len(prompts), steps), pad, dtype=torch.int64, device=model.device)
    for step in range(steps):
        heed()
        end = rows.width + step
        logits = model.logits(reader.read(end)[:, -1])
        token = logits.argmax(-1) if temperature == 0 else inverse_cdf((logits / temperature).softmax(-1), uniform[:, step])
        rows.ids[:, end] = torch.where(rows.ended, pad, token)
        made[rows.alive, step] = rows.ids[:, end]
        rows.ended |= token == eos
        stay = rows.staying(step, CROWDED)
        if stay is None:
            continue
        if len(stay) == 0:
            break
        uniform = uniform[stay]
        for part in (rows, reader):
            part.keep(stay)
    return [response[: response.index(eos) + 1] if eos in response else response for response in made.tolist()]


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
    heed: Heed = undisturbed,
) -> TokenScores:
    """Token scores of `responses` (with their end tokens), in the order given. An empty response has no scores.

    `heed` is called before every pass, and what it raises to end it is passed on.
    """
    lengths = [len(response) for response in responses]
    given = [i for i in range(len(prompts)) if lengths[i]]
    mask = torch.arange(max(lengths, default=0)) < torch.tensor(lengths, dtype=torch.int64)[:, None]
    names = ("logp_student", "entropy") if teacher is None else ("logp_student", "entropy", "logp_teacher", "kl")
    scores = {name: torch.zeros(mask.shape, dtype=student.math) for name in names}
    for places in of_similar_length([len(prompts[i]) + lengths[i] for i in given], student.device, chunk):
        heed()
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
