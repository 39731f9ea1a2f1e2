"""From hidden states to losses, through the language-model head, without ever holding the logits of a batch.

Rows are taken in chunks: a chunk's logits of student and teacher are made, everything that is wanted of them is
computed, and they are dropped. For a loss, the gradient at the logits is taken in the same pass in closed form, so
that only the gradients of hidden states and head remain. With z the student's logits, q = softmax(z/τ), p the
teacher's distribution at τ and l = log q − log p (arXiv 2306.08543, eq. 3, differentiated):

    K = Σ_v q_v l_v              ∂K/∂z_v       = q_v (l_v − K) / τ
    log q_y                      ∂log q_y/∂z_v = (1[v = y] − q_v) / τ

Losses are fp32 (fp64 when the model is). Shapes: R rows (real tokens), H hidden width, V shared vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

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
        logq = (student.shape(_raw(student, hidden[rows], weight, bias)) / temperature).log_softmax(-1)
        logp = _teacher_logp(teacher, hidden_teacher, rows, temperature if teacher_temperature is None else teacher_temperature)
        parts.append(terms_of(logq, logp, tokens[rows]))
    return _joined(parts)


def terms_of(logq: Tensor, logp: Tensor | None, tokens: Tensor) -> TokenTerms:
    """Terms from log-probabilities [R,V] of student and teacher."""
    q = logq.exp()
    picked = tokens[:, None]
    return TokenTerms(
        logp_student=logq.gather(-1, picked)[:, 0],
        entropy=-(q * logq).sum(-1),
        logp_teacher=None if logp is None else logp.gather(-1, picked)[:, 0],
        kl=None if logp is None else (q * (logq - logp)).sum(-1),
    )


def head_loss(
    student: LanguageModel,
    hidden: Tensor,
    tokens: Tensor,
    loss: RowLoss,
    *,
    teacher: LanguageModel | None = None,
    hidden_teacher: Tensor | None = None,
    temperature: float = 1.0,
    chunk_rows: int | None = None,
) -> tuple[Tensor, TokenTerms]:
    """Sum over rows of `loss`, differentiable in `hidden` [R,H] and in the student's head; and the detached terms [R].

    `loss(terms, rows)` gives the losses [r] of the rows in the slice, each a function of its own row's
    `logp_student` and `kl` (the two that carry a gradient) and of constants. Divisors (token or sequence counts)
    belong in it, so that accumulated micro-batches sum to the batch.
    """
    weight, bias = student.head_weights()
    job = _Job(student, tokens, loss, teacher, hidden_teacher, temperature, chunk_rows)
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
    logq = (logits / job.temperature).log_softmax(-1)
    logp = _teacher_logp(job.teacher, job.hidden_teacher, rows, job.temperature)
    tokens = job.tokens[rows]
    terms = terms_of(logq, logp, tokens)
    job.parts.append(terms)
    if not wants_gradient:
        return job.loss(terms, rows).sum(), None
    inputs = [t.detach().requires_grad_() for t in (terms.logp_student, terms.kl) if t is not None]
    with torch.enable_grad():
        live = TokenTerms(inputs[0], terms.entropy, terms.logp_teacher, inputs[1] if len(inputs) > 1 else None)
        value = job.loss(live, rows).sum()
        grads = torch.autograd.grad(value, inputs, allow_unused=True) if value.requires_grad else [None] * len(inputs)
    by_logq, by_kl = grads[0], grads[1] if len(grads) > 1 else None
    q = logq.exp()
    d_logits = torch.zeros_like(q)
    if by_kl is not None and logp is not None and terms.kl is not None:
        d_logits += q * (logq - logp - terms.kl[:, None]) * by_kl[:, None]
    if by_logq is not None:
        d_logits -= q * by_logq[:, None]
        d_logits.scatter_add_(-1, tokens[:, None], by_logq[:, None])
    return value.detach(), d_logits * job.student.slope(logits) / job.temperature


def _raw(model: LanguageModel, hidden: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """The head's output [r,V] before scaling and capping, multiplied in the compute dtype, returned in fp32."""
    dtype = model.dtype
    return F.linear(hidden.to(dtype), weight.to(dtype), None if bias is None else bias.to(dtype)).to(model.math)


def _teacher_logp(teacher: LanguageModel | None, hidden: Tensor | None, rows: slice, temperature: float) -> Tensor | None:
    if teacher is None or hidden is None:
        return None
    return (teacher.logits(hidden[rows]) / temperature).log_softmax(-1)


def _chunks(count: int, model: LanguageModel, chunk_rows: int | None) -> Iterator[slice]:
    size = chunk_rows or max(1, CHUNK_LOGITS.get(model.device.type, CHUNK_LOGITS["cpu"]) // model.vocabulary)
    for start in range(0, max(count, 1), size):
        yield slice(start, min(start + size, count))


def _joined(parts: list[TokenTerms]) -> TokenTerms:
    if len(parts) == 1:
        return parts[0]
    columns = {field.name: [getattr(part, field.name) for part in parts] for field in fields(TokenTerms)}
    return TokenTerms(**{name: None if column[0] is None else torch.cat(column) for name, column in columns.items()})
