"""Every divergence against its definition, differentiated by autograd in dense fp64."""

import math
from functools import partial

import pytest
import torch
from test_head import ROWS, material
from torch import Tensor
from toys import teacher, toy

from minillm import divergence
from minillm.divergence import (
    alpha_beta,
    choose,
    forward_kl,
    jsd,
    reverse_kl,
    skew_kl,
    skew_reverse_kl,
    soft_cross_entropy,
    total_variation,
)
from minillm.head import head_loss
from minillm.methods import Divergence


def kl(p: Tensor, q: Tensor) -> Tensor:
    return (p * (p.log() - q.log())).sum(-1)


def generalised_jsd(p: Tensor, q: Tensor, beta: float) -> Tensor:
    m = beta * p + (1 - beta) * q
    return beta * kl(p, m) + (1 - beta) * kl(q, m)


def powers(p: Tensor, q: Tensor, a: float, b: float) -> Tensor:
    return -(p**a * q**b - a / (a + b) * p ** (a + b) - b / (a + b) * q ** (a + b)).sum(-1) / (a * b)


CASES = {
    "forward KL": (forward_kl, kl),
    "reverse KL": (reverse_kl, lambda p, q: kl(q, p)),
    "soft cross-entropy": (soft_cross_entropy, lambda p, q: -(p * q.log()).sum(-1)),
    "total variation": (total_variation, lambda p, q: 0.5 * (p - q).abs().sum(-1)),
}
for share in (0.1, 0.5, 0.9):
    CASES[f"JSD {share}, as published"] = partial(jsd, beta=share, published_scale=True), partial(generalised_jsd, beta=share)
    CASES[f"JSD {share}"] = partial(jsd, beta=share), lambda p, q, b=share: generalised_jsd(p, q, b) / (b * (1 - b))
    CASES[f"skew KL {share}"] = partial(skew_kl, skew=share), lambda p, q, a=share: kl(p, a * p + (1 - a) * q)
    CASES[f"skew reverse KL {share}"] = partial(skew_reverse_kl, skew=share), lambda p, q, a=share: kl(q, (1 - a) * p + a * q)
CASES["skew KL 0"] = partial(skew_kl, skew=0.0), kl
CASES["skew reverse KL 0"] = partial(skew_reverse_kl, skew=0.0), lambda p, q: kl(q, p)
for a, b in ((0.2, 0.7), (1.0, 1.0), (0.5, 0.5), (1.5, 0.3)):
    CASES[f"α–β {a} {b}"] = partial(alpha_beta, alpha=a, beta=b), partial(powers, a=a, b=b)


@pytest.mark.parametrize("chunk", [1, 5, None])
@pytest.mark.parametrize("case", CASES)
def test_chunked_equals_dense_autograd(case: str, chunk: int | None):
    ours, definition = CASES[case]
    student, mentor, hidden, hidden_teacher, tokens = material("gemma2", cut=1)  # a soft cap, and a vocabulary that is cut
    weight_d, weight_q = torch.randn(2, ROWS, dtype=torch.float64)
    q, p = ((model.logits(h) / 0.8).softmax(-1) for model, h in ((student, hidden), (mentor, hidden_teacher)))
    values = definition(p.detach(), q)
    expected = (weight_d * values - weight_q * q.gather(-1, tokens[:, None])[:, 0].log()).sum()
    wanted = torch.autograd.grad(expected, [hidden, student.head.weight])
    found, terms = head_loss(
        student, hidden, tokens, lambda terms, rows: weight_d[rows] * terms.divergence - weight_q[rows] * terms.logp_student,
        teacher=mentor, hidden_teacher=hidden_teacher, divergence=ours, temperature=0.8, chunk_rows=chunk,
    )  # fmt: skip
    torch.testing.assert_close(terms.divergence, values.detach(), rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)
    for a, b in zip(torch.autograd.grad(found, [hidden, student.head.weight]), wanted, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12)


def logs(rows: int = 20, width: int = 9, spread: float = 2.0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return tuple((spread * torch.randn(rows, width, generator=generator, dtype=torch.float64)).log_softmax(-1) for _ in range(2))


def gradient(ours: divergence.Divergence, logq: Tensor, logp: Tensor) -> Tensor:
    return divergence.gradient_at_logits(logq.exp(), ours(logq, logp)[1])


@pytest.mark.parametrize(
    ("corner", "near", "limit"),
    [
        (partial(jsd, beta=0.0), partial(jsd, beta=1e-7), forward_kl),
        (partial(jsd, beta=1.0), partial(jsd, beta=1 - 1e-7), reverse_kl),
        (partial(skew_kl, skew=0.0), partial(skew_kl, skew=1e-9), forward_kl),
        (partial(skew_reverse_kl, skew=0.0), partial(skew_reverse_kl, skew=1e-9), reverse_kl),
        (partial(alpha_beta, alpha=1.0, beta=0.0), partial(alpha_beta, alpha=1.0, beta=1e-6), forward_kl),
        (partial(alpha_beta, alpha=0.0, beta=1.0), partial(alpha_beta, alpha=1e-6, beta=1.0), reverse_kl),
    ],
)
def test_no_jump_at_the_ends(corner, near, limit):
    logq, logp = logs()
    for ours, tolerance in ((corner, 1e-12), (near, 1e-4)):
        torch.testing.assert_close(ours(logq, logp)[0], limit(logq, logp)[0], rtol=tolerance, atol=tolerance)
        torch.testing.assert_close(gradient(ours, logq, logp), gradient(limit, logq, logp), rtol=tolerance, atol=tolerance)


def test_the_published_scale_jumps():
    logq, logp = logs()
    inside, end = (partial(jsd, beta=beta, published_scale=True)(logq, logp)[0].sum() for beta in (0.99, 1.0))
    assert end / inside > 50
    torch.testing.assert_close(inside, partial(jsd, beta=0.99)(logq, logp)[0].sum() * 0.99 * 0.01)


def test_continuous_scale_in_fp32_near_the_ends():
    logq, logp = logs()
    for beta in (1e-4, 0.01, 0.99, 1 - 1e-4):
        exact, slope = jsd(logq, logp, beta=beta)
        value, short = jsd(logq.float(), logp.float(), beta=beta)
        torch.testing.assert_close(value.double(), exact, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(short.double(), slope, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("share", [1e-4, 1e-6, 1e-8, 1e-12])
def test_far_apart_in_fp32_near_the_ends(share: float):
    """Where one of the two gives a token next to nothing, a mixture with a small share of the other is that share."""
    logq, logp = logs(spread=20.0)
    for ours in (
        partial(jsd, beta=share),
        partial(jsd, beta=1 - share),
        partial(skew_kl, skew=share),
        partial(skew_reverse_kl, skew=share),
    ):
        exact, slope = ours(logq, logp)
        value, short = ours(logq.float(), logp.float())
        torch.testing.assert_close(value.double(), exact, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(short.double(), slope, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("powers", [(1e-3, 0.7), (0.7, 1e-3), (1e-5, 1.0), (1.0, 1e-5), (1e-7, 1.0), (0.0, 1.0), (1.0, 0.0), (0.2, 0.7)])
def test_small_powers_in_fp32(powers: tuple[float, float]):
    logq, logp = logs()
    exact, slope = alpha_beta(logq, logp, alpha=powers[0], beta=powers[1])
    value, short = alpha_beta(logq.float(), logp.float(), alpha=powers[0], beta=powers[1])
    torch.testing.assert_close(value.double(), exact, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(short.double(), slope, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("case", CASES)
def test_near_one_hot_distributions_give_finite_numbers(case: str, dtype: torch.dtype):
    """Student sure of one token, teacher of another, and the reverse: probabilities underflow to 0, and nothing may be NaN."""
    ours = CASES[case][0]
    loud = torch.tensor([[0.0, 300.0, -300.0, 5.0], [300.0, 0.0, 0.0, 0.0]], dtype=dtype)
    logq, logp = loud.log_softmax(-1), loud.flip(-1).log_softmax(-1)
    for one, other in ((logq, logp), (logp, logq), (logq, logq)):
        value, _ = ours(one, other)
        assert value.isfinite().all()
        assert gradient(ours, one, other).isfinite().all()
    if case != "soft cross-entropy":
        assert ours(logq, logq)[0].abs().max() < 1e-6


@pytest.mark.parametrize("case", CASES)
def test_divergences_are_positive_and_have_their_minimum_at_the_teacher(case: str):
    logq, logp = logs()
    assert (CASES[case][0](logq, logp)[0] > 0).all()
    if case != "total variation":  # whose gradient is a step there
        assert gradient(CASES[case][0], logp, logp).abs().max() < 1e-12


def test_skew_is_bounded_where_the_kl_is_not():
    logq, logp = torch.tensor([[0.0, -80.0]]).log_softmax(-1), torch.tensor([[-80.0, 0.0]]).log_softmax(-1)
    assert forward_kl(logq, logp)[0].item() == pytest.approx(80)
    for skewed in (skew_kl, skew_reverse_kl):
        assert skewed(logq, logp, skew=0.1)[0].item() == pytest.approx(-math.log(0.1), rel=1e-5)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"kind": "forwardKl"}, forward_kl),
        ({"kind": "reverseKl"}, reverse_kl),
        ({"kind": "tvd"}, total_variation),
        ({"kind": "jsd", "beta": 0.3}, partial(jsd, beta=0.3)),
        ({"kind": "jsd", "beta": 0.3, "jsd_scale": "published"}, partial(jsd, beta=0.3, published_scale=True)),
        ({"kind": "skewKl", "skew": 0.2}, partial(skew_kl, skew=0.2)),
        ({"kind": "skewReverseKl", "skew": 0.2}, partial(skew_reverse_kl, skew=0.2)),
        ({"kind": "alphaBeta", "powers": (0.3, 0.4)}, partial(alpha_beta, alpha=0.3, beta=0.4)),
    ],
)
def test_a_config_names_its_divergence(settings, expected):
    logq, logp = logs()
    for a, b in zip(choose(Divergence(**settings))(logq, logp), expected(logq, logp), strict=True):
        assert torch.equal(a, b)


def test_a_divergence_that_no_loss_reads_costs_no_gradient():
    student, mentor = toy("llama"), teacher("llama")
    hidden = torch.randn(4, 16, dtype=torch.float64, requires_grad=True)
    tokens, cached = torch.arange(4), torch.randn(4, 16, dtype=torch.float64)
    both = []
    for chosen in (None, forward_kl):
        loss, terms = head_loss(
            student, hidden, tokens, lambda terms, _rows: terms.kl, teacher=mentor, hidden_teacher=cached, divergence=chosen
        )  # fmt: skip
        both.append(torch.autograd.grad(loss, hidden)[0])
    assert torch.equal(*both)
    assert terms.divergence is not None
