"""From hidden states to losses, through the language-model head, without ever holding the logits of a batch.

Rows are taken in chunks, large enough for the products with the head's weights: a chunk's logits of student and teacher are
made, everything that is wanted of them is computed, and they are dropped. What is computed element by element goes through
blocks of a few rows, which stay in the cache and leave nothing of the chunk's size behind. For a loss, the gradient at the logits is
taken in the same pass in closed form, and takes their place: two matrices [chunk,V] are all that is held, whatever the
number of rows. With z the student's logits, q = softmax(z/τ), p the teacher's distribution at τ and l = log q − log p (arXiv
2306.08543, eq. 3, differentiated):

    K = Σ_v q_v l_v              ∂K/∂z_v       = q_v (l_v − K) / τ
    log q_y                      ∂log q_y/∂z_v = (1[v = y] − q_v) / τ

and any other divergence as `divergence.py` gives it. Losses are fp32 (fp64 when the model is).
Shapes: R rows (real tokens), H hidden width, V shared vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor

from minillm.divergence import Divergence, gradient_at_logits
from minillm.language_model import LanguageModel
from minillm.products import linear
from minillm.repeatable import repeatable
from minillm.top_tokens import TopTokens, between_buckets, top_tokens

CHUNK_LOGITS = {"cpu": 1 << 25, "cuda": 1 << 26, "mps": 1 << 25}
"""Logits of one model in one chunk: 128 MiB of fp32 on a CPU, 256 MiB on a GPU."""
BLOCK_LOGITS = {"cpu": 1 << 20, "cuda": 1 << 24, "mps": 1 << 23}
"""Logits of one model that are worked on together: 4 MiB of fp32 on a CPU, which its cache holds; more where a call costs a launch."""
SLAB = 1 << 24
"""Elements of the head's gradient that are made apart and then added, where it is kept in another dtype than the products."""


@dataclass
class TokenTerms:
    """What the head gives for each row, all [R], in nats, at the asked temperature."""

    logp_student: Tensor
    """log q(y)."""
    entropy: Tensor
    """Entropy of q; never differentiated."""
    logp_teacher: Tensor | None = None
    """log p(y); None without a teacher."""
    kl: Tensor | None = None
    """Exact reverse KL(q‖p) over the vocabulary; None without a teacher."""
    divergence: Tensor | None = None
    """The divergence that was asked for; None where none was."""


LIVE = ("logp_student", "kl", "divergence")
"""The terms through which a loss may be differentiated."""
RowLoss = Callable[[TokenTerms, slice], Tensor]
"""The loss of some rows [r] from their terms; the slice says which rows of the whole they are."""


@torch.no_grad()
def token_terms(
    student: LanguageModel,
    hidden: Tensor,
    tokens: Tensor,
    *,
    teacher: LanguageModel | None = None,
    hidden_teacher: Tensor | None = None,
    temperature: float = 1.0,
    teacher_temperature: float | None = None,
    chunk_rows: int | None = None,
) -> TokenTerms:
    """Terms of `tokens` [R] from the student's `hidden` [R,H] and, where given, the teacher's [R,H']. No gradient."""
    heads = _Heads(student, teacher)
    columns = _Columns(hidden.shape[0])
    for rows in _chunks(hidden.shape[0], student, chunk_rows):
        raw, raw_teacher = heads.raw(hidden[rows], None if hidden_teacher is None else hidden_teacher[rows])
        for block in _blocks(rows, student):
            logq = log_softmax(student.shape(raw[block]), temperature)
            logp = None
            if teacher is not None and raw_teacher is not None:
                logp = log_softmax(teacher.shape(raw_teacher[block]), temperature if teacher_temperature is None else teacher_temperature)
            at = slice(rows.start + block.start, rows.start + block.stop)
            columns.fill(at, terms_of(logq, logp, tokens[at]))
    return columns.terms()


def terms_of(logq: Tensor, logp: Tensor | None, tokens: Tensor) -> TokenTerms:
    """Terms from log-probabilities [R,V] of student and teacher."""
    return _terms(logq, logp, tokens)[0]


def _terms(logq: Tensor, logp: Tensor | None, tokens: Tensor) -> tuple[TokenTerms, Tensor, Tensor | None]:
    """The terms, and what the gradient needs of the way there: q and l = log q − log p, both [R,V]."""
    q = logq.exp()
    gap = None if logp is None else logq - logp
    picked = tokens[:, None]
    terms = TokenTerms(
        logp_student=logq.gather(-1, picked)[:, 0],
        entropy=-(q * logq).sum(-1),
        logp_teacher=None if logp is None else logp.gather(-1, picked)[:, 0],
        kl=None if gap is None else (q * gap).sum(-1),
    )
    return terms, q, gap


def head_loss(
    student: LanguageModel,
    hidden: Tensor,
    tokens: Tensor,
    loss: RowLoss,
    *,
    teacher: LanguageModel | None = None,
    hidden_teacher: Tensor | None = None,
    top: TopTokens | None = None,
    divergence: Divergence | None = None,
    temperature: float = 1.0,
    chunk_rows: int | None = None,
) -> tuple[Tensor, TokenTerms]:
    """Sum over rows of `loss`, differentiable in `hidden` [R,H] and in the student's head; and the detached terms [R].

    `loss(terms, rows)` gives the losses [r] of the rows in the slice, each a function of its own row's
    `logp_student`, `kl` and `divergence` (those that carry a gradient) and of constants. Divisors (token or sequence counts)
    belong in it, so that accumulated micro-batches sum to the batch.

    The teacher is known by its hidden states [R,H'], to which its head is applied, or by its `top` tokens, which need no head: then
    `divergence` is all that is known of it.
    """
    job = _Job(student, tokens, loss, teacher, hidden_teacher, top, divergence, temperature, chunk_rows)
    total = _HeadLoss.apply(hidden, *student.head_weights(), job)
    return total, job.columns.terms()


def accumulate_loss(
    student: LanguageModel,
    hidden: Tensor,
    tokens: Tensor,
    loss: RowLoss,
    *,
    teacher: LanguageModel | None = None,
    hidden_teacher: Tensor | None = None,
    top: TopTokens | None = None,
    divergence: Divergence | None = None,
    temperature: float = 1.0,
    chunk_rows: int | None = None,
) -> tuple[Tensor, TokenTerms]:
    """Adds the gradient of `head_loss` to the `.grad` of all that it depends on; the sum and the terms [R] carry none.

    The head's own gradient goes to its place block by block: no second matrix of the head's size is made.
    """
    job = _Job(student, tokens, loss, teacher, hidden_teacher, top, divergence, temperature, chunk_rows)
    job.into = tuple(_grad_of(p, student.vocabulary) for p in (student.head.weight, getattr(student.head, "bias", None)))
    weight, bias = student.head_weights()
    total = _HeadLoss.apply(hidden, weight.detach(), None if bias is None else bias.detach(), job)
    with repeatable(student):
        total.backward()
    return total.detach(), job.columns.terms()


@torch.no_grad()
def likeliest(model: LanguageModel, hidden: Tensor, count: int, *, chunk_rows: int | None = None) -> TopTokens:
    """The `count` likeliest tokens after each row of `hidden` [R,H] at temperature 1, fewer than the vocabulary has."""
    heads = _Heads(model, None)
    parts = list[TopTokens]()
    for rows in _chunks(hidden.shape[0], model, chunk_rows):
        raw, _ = heads.raw(hidden[rows], None)
        parts += [top_tokens(log_softmax(model.shape(raw[block]), 1.0), count) for block in _blocks(rows, model)]
    return TopTokens(torch.cat([part.ids for part in parts]), torch.cat([part.logp for part in parts]))


def cross_entropy(
    student: LanguageModel, hidden: Tensor, tokens: Tensor, *, divisor: float, chunk_rows: int | None = None
) -> tuple[Tensor, TokenTerms]:
    """−Σ log q(token) / `divisor`, at temperature 1."""
    return head_loss(student, hidden, tokens, lambda terms, _rows: -terms.logp_student / divisor, chunk_rows=chunk_rows)


@dataclass
class _Job:
    """What one pass over the rows needs besides the differentiable tensors, and the terms that it leaves."""

    student: LanguageModel
    tokens: Tensor
    loss: RowLoss
    teacher: LanguageModel | None
    hidden_teacher: Tensor | None
    top: TopTokens | None
    divergence: Divergence | None
    temperature: float
    chunk_rows: int | None
    into: tuple[Tensor | None, Tensor | None] = (None, None)
    """Where the gradients of weight and bias are added, when not handed to autograd."""

    def __post_init__(self) -> None:
        self.columns = _Columns(self.tokens.shape[0])


def _grad_of(parameter: Tensor | None, vocabulary: int) -> Tensor | None:
    """The part of `parameter.grad` that belongs to the shared vocabulary, made where there is none; None for what does not train."""
    if parameter is None or not parameter.requires_grad:
        return None
    if parameter.grad is None:
        parameter.grad = torch.zeros_like(parameter)
    return parameter.grad[:vocabulary]


class _HeadLoss(torch.autograd.Function):
    """The sum of row losses. Forward already makes the gradients: backward only scales them."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor | None, job: _Job) -> Tensor:
        wants_hidden, wants_weight, wants_bias, _ = ctx.needs_input_grad
        math, dtype = job.student.math, job.student.dtype
        total = torch.zeros((), dtype=math, device=hidden.device)
        d_hidden = torch.empty_like(hidden) if wants_hidden else None
        d_weight = torch.zeros_like(weight, dtype=math) if wants_weight else job.into[0]
        d_bias = torch.zeros_like(bias, dtype=math) if wants_bias and bias is not None else job.into[1]
        wants_gradient = any(g is not None for g in (d_hidden, d_weight, d_bias))
        heads = _Heads(job.student, job.teacher)
        for rows in _chunks(hidden.shape[0], job.student, job.chunk_rows):
            raw, raw_teacher = heads.raw(hidden[rows], None if job.hidden_teacher is None else job.hidden_teacher[rows])
            for block in _blocks(rows, job.student):
                at = slice(rows.start + block.start, rows.start + block.stop)
                total += _block_loss(job, raw[block], None if raw_teacher is None else raw_teacher[block], at, wants_gradient)
            del raw_teacher
            if not wants_gradient:
                continue
            factor = raw.to(dtype)  # now the gradient; the products run in the compute dtype, as autocast's own would
            if d_hidden is not None:
                d_hidden[rows] = factor @ heads.weight
            if d_weight is not None:
                _add_product(d_weight, factor.T, hidden[rows].to(dtype))
            if d_bias is not None:
                d_bias += raw.sum(0)
            del raw, factor
        ctx.gradients = d_hidden, d_weight if wants_weight else None, d_bias if wants_bias else None
        ctx.dtypes = hidden.dtype, weight.dtype, None if bias is None else bias.dtype
        return total

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Any, ...]:
        scaled = [None if g is None else (g * upstream).to(t) for g, t in zip(ctx.gradients, ctx.dtypes, strict=True)]
        return (*scaled, None)


def _block_loss(job: _Job, raw: Tensor, raw_teacher: Tensor | None, rows: slice, wants_gradient: bool) -> Tensor:
    """Loss of a few rows from the heads' outputs [r,V]; leaves their terms in `job`, and the gradient at `raw` in its place."""
    logits = job.student.shape(raw)
    logq = log_softmax(logits, job.temperature)
    logp = None if job.teacher is None or raw_teacher is None else log_softmax(job.teacher.shape(raw_teacher), job.temperature)
    tokens = job.tokens[rows]
    terms, q, gap = _terms(logq, logp, tokens)
    at_logits = None
    if (found := _divergence(job, logq, logp, rows)) is not None:
        terms.divergence, slope = found
        at_logits = gradient_at_logits(q, slope)
        del found, slope
    del logq, logp
    job.columns.fill(rows, terms)
    if not wants_gradient:
        return job.loss(terms, rows).sum()
    with torch.enable_grad():
        live = {name: value.detach().requires_grad_() for name in LIVE if (value := getattr(terms, name)) is not None}
        value = job.loss(replace(terms, **live), rows).sum()
        slopes = torch.autograd.grad(value, list(live.values()), allow_unused=True) if value.requires_grad else [None] * len(live)
    by = dict(zip(live, slopes, strict=True))
    by_logq, by_kl, by_divergence = by["logp_student"], by.get("kl"), by.get("divergence")
    if gap is not None and terms.kl is not None and by_kl is not None:
        d_logits = gap.sub_(terms.kl[:, None]).mul_(by_kl[:, None])  # in place: nothing else needs l
        if by_logq is not None:
            d_logits.sub_(by_logq[:, None])
        d_logits.mul_(q)
    else:
        d_logits = q.mul_(0.0 if by_logq is None else -by_logq[:, None])
    if at_logits is not None and by_divergence is not None:
        d_logits.add_(at_logits.mul_(by_divergence[:, None]))
    if by_logq is not None:
        d_logits.scatter_add_(-1, tokens[:, None], by_logq[:, None])
    slope = job.student.slope(logits)
    if isinstance(slope, Tensor) or slope != job.temperature:
        d_logits.mul_(slope / job.temperature)
    raw.copy_(d_logits)
    return value.detach()


def _divergence(job: _Job, logq: Tensor, logp: Tensor | None, rows: slice) -> tuple[Tensor, Tensor] | None:
    """The divergence of a few rows and its slope, from as much of the teacher's distribution as is known; None where none is asked for."""
    if job.divergence is None:
        return None
    if job.top is not None:
        return between_buckets(job.divergence, logq, job.top.at(rows))
    return None if logp is None else job.divergence(logq, logp)


class _Heads:
    """The heads of student and teacher in their compute dtypes: cast once for all chunks, where they must be."""

    def __init__(self, student: LanguageModel, teacher: LanguageModel | None) -> None:
        self.student, self.teacher = student, teacher
        self.weight, self.bias = _cast(student)
        self.weight_teacher, self.bias_teacher = _cast(teacher) if teacher is not None else (None, None)

    def raw(self, hidden: Tensor, hidden_teacher: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """The heads' outputs [r,V] before scaling and capping, multiplied in the compute dtype, returned in fp32."""
        raw = linear(hidden.to(self.student.dtype), self.weight, self.bias).to(self.student.math)
        if self.teacher is None or hidden_teacher is None or self.weight_teacher is None:
            return raw, None
        theirs = linear(hidden_teacher.to(self.teacher.dtype), self.weight_teacher, self.bias_teacher)
        return raw, theirs.to(self.student.math)


def _cast(model: LanguageModel) -> tuple[Tensor, Tensor | None]:
    weight, bias = model.head_weights()
    return weight.detach().to(model.dtype), None if bias is None else bias.detach().to(model.dtype)


def _add_product(into: Tensor, left: Tensor, right: Tensor) -> None:
    """into [V,H] += left [V,r] @ right [r,H], without another matrix [V,H]."""
    if into.dtype == left.dtype:
        into.addmm_(left, right)
        return
    step = max(1, SLAB // into.shape[1])
    for start in range(0, into.shape[0], step):
        into[start : start + step] += left[start : start + step] @ right


def log_softmax(logits: Tensor, temperature: float) -> Tensor:
    return (logits if temperature == 1.0 else logits / temperature).log_softmax(-1)


def _chunks(count: int, model: LanguageModel, chunk_rows: int | None) -> Iterator[slice]:
    size = chunk_rows or max(1, CHUNK_LOGITS.get(model.device.type, CHUNK_LOGITS["cpu"]) // model.vocabulary)
    for start in range(0, max(count, 1), size):
        yield slice(start, min(start + size, count))


def _blocks(rows: slice, model: LanguageModel) -> Iterator[slice]:
    """The rows of a chunk a few at a time, counted from its first."""
    count, size = rows.stop - rows.start, max(1, BLOCK_LOGITS.get(model.device.type, BLOCK_LOGITS["cpu"]) // model.vocabulary)
    for start in range(0, max(count, 1), size):
        yield slice(start, min(start + size, count))


class _Columns:
    """The terms of all rows, filled block by block.

    They are laid out before the blocks: small tensors that stay, made between large ones that go, would leave the allocator of a CPU
    with holes that nothing fits into, and the memory of every block would be taken anew.
    """

    def __init__(self, rows: int) -> None:
        self.rows, self.columns = rows, dict[str, Tensor | None]()

    def fill(self, at: slice, terms: TokenTerms) -> None:
        for field in fields(TokenTerms):
            values = getattr(terms, field.name)
            if field.name not in self.columns:
                self.columns[field.name] = None if values is None else values.new_empty(self.rows)
            if (column := self.columns[field.name]) is not None:
                column[at] = values

    def terms(self) -> TokenTerms:
        return TokenTerms(**self.columns)
