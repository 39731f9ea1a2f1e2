"""From hidden states to losses, through the language-model head, without ever holding the logits of a batch.

Rows are taken in chunks: a chunk's logits of student and teacher are made, everything that is wanted of them is
computed, and they are dropped. For a loss, the gradient at the logits is taken in the same pass in closed form, so
that only the gradients of hidden states and head remain. With z the student's logits, q = softmax(z/τ), p the
teacher's distribution at τ and l = log q − log p (arXiv 2306.08543, eq. 3, differentiated):

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
import torch.nn.functional as F
from torch import Tensor

from minillm.divergence import Divergence, gradient_at_logits
from minillm.language_model import LanguageModel

CHUNK_LOGITS = {"cpu": 1 << 24, "cuda": 1 << 26, "mps": 1 << 25}
"""Logits of one model in one chunk: 64 MiB of fp32 on a CPU, 256 MiB on a GPU."""


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
    parts: list[TokenTerms] = []
    weight, bias = student.head_weights()
    for rows in _chunks(hidden.shape[0], student, chunk_rows):
        logq = _tempered(student.shape(_raw(student, hidden[rows], weight, bias)), temperature)
        logp = _teacher_logp(teacher, hidden_teacher, rows, temperature if teacher_temperature is None else teacher_temperature)
        parts.append(terms_of(logq, logp, tokens[rows]))
    return _joined(parts)


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
    divergence: Divergence | None = None,
    temperature: float = 1.0,
    chunk_rows: int | None = None,
) -> tuple[Tensor, TokenTerms]:
    """Sum over rows of `loss`, differentiable in `hidden` [R,H] and in the student's head; and the detached terms [R].

    `loss(terms, rows)` gives the losses [r] of the rows in the slice, each a function of its own row's
    `logp_student`, `kl` and `divergence` (those that carry a gradient) and of constants. Divisors (token or sequence counts)
    belong in it, so that accumulated micro-batches sum to the batch.
    """
    weight, bias = student.head_weights()
    job = _Job(student, tokens, loss, teacher, hidden_teacher, divergence, temperature, chunk_rows)
    total = _HeadLoss.apply(hidden, weight, bias, job)
    return total, _joined(job.parts)


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
    divergence: Divergence | None
    temperature: float
    chunk_rows: int | None

    def __post_init__(self) -> None:
        self.parts: list[TokenTerms] = []


class _HeadLoss(torch.autograd.Function):
    """The sum of row losses. Forward already makes the gradients: backward only scales them."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor | None, job: _Job) -> Tensor:
        wants_hidden, wants_weight, wants_bias, _ = ctx.needs_input_grad
        total = torch.zeros((), dtype=job.student.math, device=hidden.device)
        d_hidden = torch.empty_like(hidden) if wants_hidden else None
        d_weight = torch.zeros_like(weight, dtype=job.student.math) if wants_weight else None
        d_bias = torch.zeros_like(bias, dtype=job.student.math) if wants_bias and bias is not None else None
        for rows in _chunks(hidden.shape[0], job.student, job.chunk_rows):
            value, d_raw = _chunk_loss(job, hidden[rows], weight, bias, rows, wants_gradient=any(ctx.needs_input_grad))
            total += value
            if d_raw is None:
                continue
            factor = d_raw.to(job.student.dtype)  # the products run in the compute dtype, as autocast's own would
            if d_hidden is not None:
                d_hidden[rows] = (factor @ weight.to(factor.dtype)).to(hidden.dtype)
            if d_weight is not None:
                d_weight += factor.T @ hidden[rows].to(factor.dtype)
            if d_bias is not None:
                d_bias += d_raw.sum(0)
        ctx.gradients = d_hidden, d_weight, d_bias
        ctx.dtypes = hidden.dtype, weight.dtype, None if bias is None else bias.dtype
        return total

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Any, ...]:
        scaled = [None if g is None else (g * upstream).to(t) for g, t in zip(ctx.gradients, ctx.dtypes, strict=True)]
        return (*scaled, None)


def _chunk_loss(
    job: _Job, hidden: Tensor, weight: Tensor, bias: Tensor | None, rows: slice, *, wants_gradient: bool
) -> tuple[Tensor, Tensor | None]:
    """Loss of a chunk, its terms (left in `job`), and the gradient [r,V] at the head's raw output."""
    logits = job.student.shape(_raw(job.student, hidden, weight, bias))
    logq = _tempered(logits, job.temperature)
    logp = _teacher_logp(job.teacher, job.hidden_teacher, rows, job.temperature)
    tokens = job.tokens[rows]
    terms, q, gap = _terms(logq, logp, tokens)
    at_logits = None
    if job.divergence is not None and logp is not None:
        terms.divergence, slope = job.divergence(logq, logp)
        at_logits = gradient_at_logits(q, slope)
        del slope
    del logq, logp
    job.parts.append(terms)
    if not wants_gradient:
        return job.loss(terms, rows).sum(), None
    with torch.enable_grad():
        live = {name: value.detach().requires_grad_() for name in LIVE if (value := getattr(terms, name)) is not None}
        value = job.loss(replace(terms, **live), rows).sum()
        found = torch.autograd.grad(value, list(live.values()), allow_unused=True) if value.requires_grad else [None] * len(live)
    by = dict(zip(live, found, strict=True))
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
    return value.detach(), d_logits


def _raw(model: LanguageModel, hidden: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """The head's output [r,V] before scaling and capping, multiplied in the compute dtype, returned in fp32."""
    dtype = model.dtype
    return F.linear(hidden.to(dtype), weight.to(dtype), None if bias is None else bias.to(dtype)).to(model.math)


def _teacher_logp(teacher: LanguageModel | None, hidden: Tensor | None, rows: slice, temperature: float) -> Tensor | None:
    if teacher is None or hidden is None:
        return None
    return _tempered(teacher.logits(hidden[rows]), temperature)


def _tempered(logits: Tensor, temperature: float) -> Tensor:
    return (logits if temperature == 1.0 else logits / temperature).log_softmax(-1)


def _chunks(count: int, model: LanguageModel, chunk_rows: int | None) -> Iterator[slice]:
    size = chunk_rows or max(1, CHUNK_LOGITS.get(model.device.type, CHUNK_LOGITS["cpu"]) // model.vocabulary)
    for start in range(0, max(count, 1), size):
        yield slice(start, min(start + size, count))


def _joined(parts: list[TokenTerms]) -> TokenTerms:
    if len(parts) == 1:
        return parts[0]
    columns = {field.name: [getattr(part, field.name) for part in parts] for field in fields(TokenTerms)}
    return TokenTerms(**{name: None if column[0] is None else torch.cat(column) for name, column in columns.items()})
