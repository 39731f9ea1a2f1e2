"""Sampling: rollouts of the teacher-mixed policy, and plain generation and scoring for evaluation.

A rollout is one pass. Tokens, both log-probabilities, the exact token KL, entropy and the teacher's hidden states
all come from the forward passes that sampling makes anyway; nothing is scored again.

Common mask: a draw from αp + (1−α)q (arXiv 2306.08543, eq. 4) is a coin, then a draw from p or from q. The coin of a
step is shared by the rows of a chunk, so the teacher is needed only where it falls on him; he then reads all tokens
since his last turn in one pass. Each row's law is exactly the mixture; rows of a chunk share the mask of turns.

Shapes: B rows of a chunk, P prompt columns, T response columns, n pending columns, H hidden width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from minillm import draws
from minillm.head import terms_of, token_terms
from minillm.language_model import LanguageModel
from minillm.sequences import Rollout, left_pad, positions, response_hidden, right_pad

PENDING_LOGITS = {"cpu": 1 << 26, "cuda": 1 << 28, "mps": 1 << 27}
"""Student log-probabilities that may wait for the teacher: 256 MiB on a CPU, 1 GiB on a GPU. Beyond, he reads early."""


class _Reader:
    """A model reading the rows of a chunk, a block of columns at a time, with its cache."""

    def __init__(self, model: LanguageModel, ids: Tensor, mask: Tensor) -> None:
        self.model, self.ids, self.mask = model, ids, mask
        self.positions = positions(mask)
        self.cache = model.new_cache()
        self.seen = 0

    def read(self, end: int) -> Tensor:
        """Hidden states [B,n,H] of the columns from the last one read up to `end`."""
        start, self.seen = self.seen, end
        hidden, _ = self.model.hidden(self.ids[:, start:end], self.mask[:, :end], self.positions[:, start:end], self.cache)
        return hidden


def inverse_cdf(probabilities: Tensor, uniform: Tensor) -> Tensor:
    """Token [B] at which the cumulative distribution of `probabilities` [B,V] passes `uniform` [B] (fp64).

    Summed in fp64 (where the device has it), so that the boundaries between tokens do not depend on the vocabulary's size.
    """
    wide = torch.float32 if probabilities.device.type == "mps" else torch.float64
    cdf = probabilities.cumsum(-1, dtype=wide)
    token = torch.searchsorted(cdf, uniform.to(wide)[:, None] * cdf[:, -1:], right=True)[:, 0]
    return token.clamp_(max=probabilities.shape[-1] - 1)


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
) -> Rollout:
    """Samples a response to each prompt from the mixture, in the order of `prompts`.

    `rows` name the prompts in the random draws: the same (seed, stream, row) gives the same draws in any company.
    `sampling` is `student` (α = 0), `lockStep` (the teacher runs at every step) or `commonMask`; under the last, the
    turns of chunk k are the hash of (seed, stream, k), where chunks are cut from the prompts sorted by length.
    """
    share = 0.0 if sampling == "student" else alpha
    order = sorted(range(len(prompts)), key=lambda i: (len(prompts[i]), i))
    names = torch.tensor(list(rows), dtype=torch.int64)
    parts: list[Rollout] = []
    with student.computing():
        for group, start in enumerate(range(0, len(order), chunk)):
            chosen = order[start : start + chunk]
            parts.append(
                _rollout_chunk(
                    student, teacher, [prompts[i] for i in chosen], names[chosen], group,
                    lock_step=sampling == "lockStep", alpha=share, temperature=temperature, steps=max_new_tokens, eos=eos, pad=pad,
                    seed=seed, stream=stream,
                )
            )  # fmt: skip
    joined = _joined(parts, pad)
    back = torch.empty(len(order), dtype=torch.int64)
    back[torch.tensor(order)] = torch.arange(len(order))
    return Rollout(**{name: tensor[back.to(tensor.device)] for name, tensor in joined.tensors().items()})


def _rollout_chunk(
    student: LanguageModel,
    teacher: LanguageModel,
    prompts: list[Sequence[int]],
    rows: Tensor,
    group: int,
    *,
    lock_step: bool,
    alpha: float,
    temperature: float,
    steps: int,
    eos: int,
    pad: int,
    seed: int,
    stream: int,
) -> Rollout:
    """One chunk of prompts, decoded together."""
    device = student.device
    prompt_ids, prompt_mask = left_pad(prompts, pad, device)
    count, width = prompt_ids.shape
    ids = torch.cat([prompt_ids, prompt_ids.new_full((count, steps), pad)], 1)
    mask = torch.cat([prompt_mask, prompt_mask.new_ones((count, steps))], 1)
    uniform = _draws(seed, stream, rows, steps, device)
    coins = draws.uniform(seed, draws.stream("teacher's turn", stream), torch.tensor([group]), torch.arange(steps)) < alpha
    turns = coins.tolist()

    reading_student, reading_teacher = _Reader(student, ids, mask), _Reader(teacher, ids, mask)
    patience = max(1, PENDING_LOGITS.get(device.type, PENDING_LOGITS["cpu"]) // (count * student.vocabulary))
    pending: list[Tensor] = []  # log q [B,V] of the steps that the teacher has not seen
    columns = _Columns([], [], [], [], [])
    from_teacher = torch.zeros((count, steps), dtype=torch.bool, device=device)
    lengths = torch.full((count,), steps, dtype=torch.int64, device=device)
    ended = torch.zeros(count, dtype=torch.bool, device=device)
    taken = 0
    for t in range(steps):
        logq = (student.logits(reading_student.read(width + t)[:, -1]) / temperature).log_softmax(-1)
        pending.append(logq)
        block = None
        if (alpha > 0 and (lock_step or turns[t])) or len(pending) >= patience:
            block = _teacher_block(reading_teacher, width + t, len(pending), temperature)
        if lock_step and block is not None and alpha > 0:
            # The mixture's own inverse CDF: below α the draw is spent on the teacher, above it on the student.
            u = uniform[:, t]
            theirs = u < alpha
            token = torch.where(
                theirs,
                inverse_cdf(block.logp[:, -1].exp(), (u / alpha).clamp(max=1.0)),
                inverse_cdf(logq.exp(), ((u - alpha) / (1 - alpha)).clamp(min=0.0)),
            )
            from_teacher[:, t] = theirs
        elif turns[t] and not lock_step and block is not None:
            token = inverse_cdf(block.logp[:, -1].exp(), uniform[:, t])
            from_teacher[:, t] = True
        else:
            token = inverse_cdf(logq.exp(), uniform[:, t])
        ids[:, width + t] = torch.where(ended, pad, token)
        taken = t + 1
        if block is not None:
            columns.settle(block, pending, ids[:, width + taken - len(pending) : width + taken])
            pending = []
        now = ~ended & (token == eos)
        lengths = torch.where(now, taken, lengths)
        ended |= now
        if bool(ended.all()):
            break
    if pending:
        block = _teacher_block(reading_teacher, width + taken - 1, len(pending), temperature)
        columns.settle(block, pending, ids[:, width + taken - len(pending) : width + taken])
    real = torch.arange(taken, device=device) < lengths[:, None]
    return columns.rollout(rows.to(device), prompt_ids, prompt_mask, ids[:, width : width + taken], real, from_teacher[:, :taken] & real, ended)


@dataclass
class _Block:
    """What the teacher says about the pending steps: log p [B,n,V] and his hidden states [B,n,H]."""

    logp: Tensor
    hidden: Tensor


def _teacher_block(reader: _Reader, end: int, pending: int, temperature: float) -> _Block:
    """The teacher reads up to column `end`; his last `pending` positions are the ones that nobody scored yet."""
    hidden = reader.read(end)[:, -pending:]
    return _Block((reader.model.logits(hidden) / temperature).log_softmax(-1), hidden)


@dataclass
class _Columns:
    """What is kept of each block of steps, as [B,n] tensors in order of time (hidden states: [B,n,H])."""

    logp_student: list[Tensor]
    logp_teacher: list[Tensor]
    kl: list[Tensor]
    entropy: list[Tensor]
    hidden: list[Tensor]

    def settle(self, block: _Block, pending: list[Tensor], tokens: Tensor) -> None:
        """Scores the pending steps, whose student log-probabilities and tokens [B,n] are known, and lets go of them."""
        shape = tokens.shape
        terms = terms_of(torch.stack(pending, 1).flatten(0, 1), block.logp.flatten(0, 1), tokens.flatten())
        assert terms.logp_teacher is not None and terms.kl is not None
        self.logp_student.append(terms.logp_student.view(shape))
        self.logp_teacher.append(terms.logp_teacher.view(shape))
        self.kl.append(terms.kl.view(shape))
        self.entropy.append(terms.entropy.view(shape))
        self.hidden.append(block.hidden)

    def rollout(
        self, rows: Tensor, prompt_ids: Tensor, prompt_mask: Tensor, ids: Tensor, mask: Tensor, from_teacher: Tensor, ended: Tensor
    ) -> Rollout:
        def whole(blocks: list[Tensor]) -> Tensor:
            return torch.where(mask, torch.cat(blocks, 1), 0.0)

        return Rollout(
            rows, prompt_ids, prompt_mask, ids, mask, whole(self.logp_student), whole(self.logp_teacher), whole(self.kl),
            whole(self.entropy), torch.cat(self.hidden, 1), from_teacher, ended,
        )  # fmt: skip


def _draws(seed: int, stream: int, rows: Tensor, steps: int, device: torch.device) -> Tensor:
    """All draws of a chunk at once, [B,T]. Made on the CPU: some devices have no fp64, and a hash is the same anywhere."""
    made = draws.uniform(seed, stream, rows[:, None], torch.arange(steps))
    return made.to(device, torch.float32 if device.type == "mps" else torch.float64)


def _joined(parts: list[Rollout], pad: int) -> Rollout:
    """Chunks as one rollout, padded to the widest of them."""
    prompt = max(part.prompt_ids.shape[1] for part in parts)
    response = max(part.response_ids.shape[1] for part in parts)

    def widened(part: Rollout, name: str, tensor: Tensor) -> Tensor:
        value = pad if name in ("prompt_ids", "response_ids") else 0
        if name in ("prompt_ids", "prompt_mask"):
            return torch.nn.functional.pad(tensor, (prompt - tensor.shape[1], 0), value=value)
        if tensor.dim() == 1:
            return tensor
        more = response - tensor.shape[1]
        return torch.nn.functional.pad(tensor, (0, more) if tensor.dim() == 2 else (0, 0, 0, more), value=value)

    columns = [{name: widened(part, name, tensor) for name, tensor in part.tensors().items()} for part in parts]
    return Rollout(**{name: torch.cat([column[name] for column in columns]) for name in columns[0]})


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
            uniform = None if temperature == 0 else _draws(seed, stream, names, max_new_tokens, model.device)
            made = _generate_chunk(model, [prompts[i] for i in chosen], uniform, temperature, max_new_tokens, eos, pad)
            for i, response in zip(chosen, made, strict=True):
                responses[i] = response
    return responses


def _generate_chunk(
    model: LanguageModel, prompts: list[Sequence[int]], uniform: Tensor | None, temperature: float, steps: int, eos: int, pad: int
) -> list[list[int]]:
    prompt_ids, prompt_mask = left_pad(prompts, pad, model.device)
    count, width = prompt_ids.shape
    ids = torch.cat([prompt_ids, prompt_ids.new_full((count, steps), pad)], 1)
    reader = _Reader(model, ids, torch.cat([prompt_mask, prompt_mask.new_ones((count, steps))], 1))
    ended = torch.zeros(count, dtype=torch.bool, device=model.device)
    for t in range(steps):
        logits = model.logits(reader.read(width + t)[:, -1])
        token = logits.argmax(-1) if uniform is None else inverse_cdf((logits / temperature).softmax(-1), uniform[:, t])
        ids[:, width + t] = torch.where(ended, pad, token)
        ended |= token == eos
        if bool(ended.all()):
            break
    return [response[: response.index(eos) + 1] if eos in response else response for response in ids[:, width:].tolist()]


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
    order = sorted((i for i in range(len(prompts)) if lengths[i]), key=lambda i: (len(prompts[i]) + lengths[i], i))
    mask = torch.arange(max(lengths, default=0)) < torch.tensor(lengths, dtype=torch.int64)[:, None]
    names = ("logp_student", "entropy") if teacher is None else ("logp_student", "entropy", "logp_teacher", "kl")
    scores = {name: torch.zeros(mask.shape, dtype=student.math) for name in names}
    for start in range(0, len(order), chunk):
        chosen = order[start : start + chunk]
        prompt_ids, prompt_mask = left_pad([prompts[i] for i in chosen], pad, student.device)
        ids, real = right_pad([responses[i] for i in chosen], pad, student.device)
        terms = token_terms(
            student,
            response_hidden(student, prompt_ids, prompt_mask, ids, real),
            ids[real],
            teacher=teacher,
            hidden_teacher=None if teacher is None else response_hidden(teacher, prompt_ids, prompt_mask, ids, real),
            temperature=temperature,
            teacher_temperature=teacher_temperature,
        )
        index = torch.tensor(chosen)
        for name in names:
            part = torch.zeros(real.shape, dtype=student.math)
            part[real.cpu()] = getattr(terms, name).cpu()
            scores[name][index, : real.shape[1]] = part
    return TokenScores(mask, scores["logp_student"], scores["entropy"], scores.get("logp_teacher"), scores.get("kl"))
