"""Divergences between the teacher's next-token distribution p and the student's q: value and gradient in closed form.

With z the student's logits, q = softmax(z/τ), and s_v = ∂D/∂log q_v (the log-probabilities taken as free), the gradient is

    ∂D/∂z_v = (s_v − q_v Σ_u s_u) / τ

so that a divergence is its value and s; anything proportional to q may be left out of s, because it cancels. Gradients go through q
wherever it stands, in mixtures too. All functions take log q and log p [R,V] and are finite for q near one-hot.

Sources: generalised JSD, arXiv 2306.13649; skew divergences, arXiv 2402.03898; α–β divergences, arXiv 2505.04560.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from minillm import methods

Divergence = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""(log q, log p), both [R,V] → the divergence [R] in nats, and s [R,V]."""


def forward_kl(logq: Tensor, logp: Tensor) -> tuple[Tensor, Tensor]:
    """KL(p‖q)."""
    p = logp.exp()
    return (p * (logp - logq)).sum(-1), -p


def soft_cross_entropy(logq: Tensor, logp: Tensor) -> tuple[Tensor, Tensor]:
    """−Σ p log q: the forward KL and the teacher's own entropy, which has no gradient."""
    p = logp.exp()
    return -(p * logq).sum(-1), -p


def reverse_kl(logq: Tensor, logp: Tensor) -> tuple[Tensor, Tensor]:
    """KL(q‖p)."""
    slope = logq.exp() * (logq - logp)
    return slope.sum(-1), slope


def jsd(logq: Tensor, logp: Tensor, *, beta: float, published_scale: bool = False) -> tuple[Tensor, Tensor]:
    """Generalised JSD: β KL(p‖m) + (1−β) KL(q‖m) with m = βp + (1−β)q, divided by β(1−β).

    The division makes it continuous: forward KL at β = 0, reverse KL at β = 1. With `published_scale` it is left out, and the two
    ends are the KLs all the same: from 0.99 to 1 the loss then jumps a hundredfold.
    """
    if beta in (0.0, 1.0):
        return (reverse_kl if beta else forward_kl)(logq, logp)
    q_to_m = _log_mixture_ratio(logp - logq, beta)  # log m/q
    p_to_m = _log_mixture_ratio(logq - logp, 1 - beta)  # log m/p
    q = logq.exp()
    slope = -q * q_to_m / beta
    value = slope.sum(-1) - (logp.exp() * p_to_m).sum(-1) / (1 - beta)
    return (value * beta * (1 - beta), slope * (beta * (1 - beta))) if published_scale else (value, slope)


def skew_kl(logq: Tensor, logp: Tensor, *, skew: float) -> tuple[Tensor, Tensor]:
    """KL(p ‖ αp + (1−α)q), α = `skew`: bounded by −log α where q has no mass."""
    ratio = _log_mixture_ratio(logq - logp, 1 - skew)  # log m/p
    p = logp.exp()
    return -(p * ratio).sum(-1), -(1 - skew) * (logq - ratio).exp()


def skew_reverse_kl(logq: Tensor, logp: Tensor, *, skew: float) -> tuple[Tensor, Tensor]:
    """KL(q ‖ (1−α)p + αq), α = `skew`: bounded by −log α where p has no mass."""
    if skew == 0.0:
        return reverse_kl(logq, logp)
    ratio = _log_mixture_ratio(logp - logq, 1 - skew)  # log m/q
    q = logq.exp()
    return -(q * ratio).sum(-1), -q * (ratio + skew * (-ratio).exp())


def alpha_beta(logq: Tensor, logp: Tensor, *, alpha: float, beta: float) -> tuple[Tensor, Tensor]:
    """Σ [α p^(α+β) + β q^(α+β) − (α+β) p^α q^β] / (αβ(α+β)), and its limits where α or β is 0.

    (1, 0) is the forward KL, (0, 1) the reverse KL. α weights tokens by the teacher's probability, β by the student's.
    """
    total = alpha + beta
    p_all, q_all = (total * logp).exp(), (total * logq).exp()
    mixed = (alpha * logp + beta * logq).exp()
    slope = _power_difference(q_all, mixed, logp - logq, alpha)
    # Of two ways to write the same sum, the one that divides by the larger power.
    if alpha <= beta:
        return (slope + (p_all - q_all) / total).sum(-1) / beta, slope
    return (_power_difference(p_all, mixed, logq - logp, beta) + (q_all - p_all) / total).sum(-1) / alpha, slope


def _power_difference(own: Tensor, mixed: Tensor, gap: Tensor, power: float) -> Tensor:
    """(own − own·e^(power·gap)) / power, where `mixed` is that product: without cancellation, and its limit where `power` is 0."""
    if power == 0.0:
        return -own * gap
    return torch.where((power * gap).abs() < 1, -own * torch.expm1(power * gap), own - mixed) / power


def total_variation(logq: Tensor, logp: Tensor) -> tuple[Tensor, Tensor]:
    """½ Σ |p − q|."""
    q = logq.exp()
    gap = q - logp.exp()
    return 0.5 * gap.abs().sum(-1), 0.5 * q * gap.sign()


def gradient_at_logits(q: Tensor, slope: Tensor) -> Tensor:
    """∂D/∂(z/τ) [R,V] from s."""
    return torch.addcmul(slope, q, slope.sum(-1, keepdim=True), value=-1.0)


def choose(settings: methods.Divergence) -> Divergence:
    """The divergence that a config names."""
    match settings.kind:
        case "forwardKl":
            return forward_kl
        case "reverseKl":
            return reverse_kl
        case "jsd":
            return partial(jsd, beta=settings.beta, published_scale=settings.jsd_scale == "published")
        case "skewKl":
            return partial(skew_kl, skew=settings.skew)
        case "skewReverseKl":
            return partial(skew_reverse_kl, skew=settings.skew)
        case "alphaBeta":
            return partial(alpha_beta, alpha=settings.powers[0], beta=settings.powers[1])
        case "tvd":
            return total_variation


def _log_mixture_ratio(gap: Tensor, share: float) -> Tensor:
    """log(share·e^gap + 1 − share): of a mixture to one of its two parts. Exact near 0, without overflow far from it."""
    if share == 1.0:
        return gap
    near = torch.log1p(share * torch.expm1(gap.clamp(max=1.0)))
    far = torch.logaddexp(gap + math.log(share), torch.full_like(gap, math.log1p(-share))) if share > 0 else gap * 0
    # Of a mixture that is mostly the other part, what is left far below 0 is 1 − share: a difference that fp32 has no digits for.
    return torch.where(gap < 1.0 if share <= 0.5 else gap.abs() < 1.0, near, far)
