"""A teacher of whom only the likeliest tokens are known: divergences between buckets, against their definition in dense fp64."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from test_divergence import CASES
from test_head import ROWS, material
from torch import Tensor

from minillm.divergence import forward_kl, reverse_kl
from minillm.head import head_loss, likeliest
from minillm.top_tokens import TopTokens


def buckets(distribution: Tensor, ids: Tensor) -> Tensor:
    """Probabilities of these tokens and of all others together, [R,k+1]."""
    kept = distribution.gather(-1, ids)
    return torch.cat([kept, distribution.scatter(-1, ids, 0.0).sum(-1, keepdim=True)], -1)


def value(case: str | Callable, count: int | None, chunk: int | None = None) -> tuple[Tensor, list[Tensor]]:
    """Divergence [R], and gradients of its weighted sum. Without `count` from the teacher's hidden states."""
    student, mentor, hidden, hidden_teacher, tokens = material("gemma2", vocabulary=13)
    divergence = CASES[case][0] if isinstance(case, str) else case
    weights = torch.linspace(-1, 2, ROWS, dtype=torch.float64)
    known = {"teacher": mentor, "hidden_teacher": hidden_teacher} if count is None else {"top": likeliest(mentor, hidden_teacher, count)}

    def loss(terms, rows):
        return weights[rows] * (terms.divergence + 0.3 * terms.logp_student)

    total, terms = head_loss(student, hidden, tokens, loss, divergence=divergence, chunk_rows=chunk, **known)
    return terms.divergence, list(torch.autograd.grad(total, [hidden, student.head.weight]))


@pytest.mark.parametrize("chunk", [5, pytest.param(None, marks=pytest.mark.long)])
@pytest.mark.parametrize("case", CASES)
def test_between_buckets_it_equals_dense_autograd(case: str, chunk: int | None) -> None:
    student, mentor, hidden, hidden_teacher, tokens = material("gemma2", vocabulary=13)
    weights = torch.linspace(-1, 2, ROWS, dtype=torch.float64)
    ids = mentor.logits(hidden_teacher).topk(4, -1).indices
    logq = student.logits(hidden).log_softmax(-1)
    expected = CASES[case][1](buckets(mentor.logits(hidden_teacher).softmax(-1), ids), buckets(logq.exp(), ids))
    total = (weights * (expected + 0.3 * logq.gather(-1, tokens[:, None])[:, 0])).sum()
    gradients = torch.autograd.grad(total, [hidden, student.head.weight])
    found, found_gradients = value(case, 4, chunk)
    torch.testing.assert_close(found, expected.detach(), rtol=1e-10, atol=1e-12)
    for a, b in zip(found_gradients, gradients, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("case", ["forward KL", "reverse KL", "JSD 0.1", "α–β 0.2 0.7"])
def test_with_one_token_in_the_bucket_nothing_is_lost(case: str) -> None:
    whole, coarse = value(case, None), value(case, 12)
    torch.testing.assert_close(coarse[0], whole[0], rtol=1e-10, atol=1e-12)
    for a, b in zip(coarse[1], whole[1], strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("divergence", [forward_kl, reverse_kl])
def test_fewer_tokens_never_tell_the_models_further_apart(divergence: Callable) -> None:
    by_count = torch.stack([value(divergence, count)[0] for count in range(1, 13)])
    assert (by_count.diff(dim=0) >= -1e-12).all()
    assert by_count[0].sum() < 0.9 * by_count[-1].sum()


def test_what_is_left_of_a_sure_teacher_keeps_its_digits() -> None:
    """Where the rest has a probability of 1e-12, 1 less the others would be 0 in fp32."""
    student, mentor, hidden, hidden_teacher, tokens = material("llama")
    for model in (student, mentor):
        model.model.float()
        model.dtype = torch.float32
    sure = hidden_teacher.float() * 30 / mentor.logits(hidden_teacher.float()).std()
    top = likeliest(mentor, sure, 4)
    exact = torch.log_softmax(mentor.logits(sure).double(), -1).sort(-1, descending=True).values[:, 4:].logsumexp(-1)
    assert exact.min() < -25
    torch.testing.assert_close(top.logp[:, -1].double(), exact, rtol=1e-4, atol=1e-4)
    loss, _ = head_loss(
        student, hidden.float(), tokens, lambda terms, _rows: terms.divergence, divergence=forward_kl, top=TopTokens(top.ids, top.logp)
    )
    assert loss.isfinite()
