"""The long-term part of MiniLLM: rewards, importance weights, advantages and the clipped surrogate.

Pure functions of tensors; every paper/code difference is a switch of `Objective` (arXiv 2306.08543, eq. 3 to 7).
Nothing here carries a gradient except `token_losses`, through the terms that the head gives.

Shapes: N rows, T response columns, R real tokens of a mini-batch (`matrix[mask]`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from minillm.config import Objective
from minillm.head import TokenTerms


def rewards(logp_teacher: Tensor, logp_student: Tensor, mask: Tensor, objective: Objective) -> Tensor:
    """Reward of each token, r_t = log p(y_t)/q(y_t) [N,T], clipped to ±`reward_clip` where that is set; 0 at padding."""
    reward = logp_teacher - logp_student
    if objective.reward_clip is not None:
        reward = reward.clamp(-objective.reward_clip, objective.reward_clip)
    return torch.where(mask, reward, 0.0)


def importance_weights(logp_student: Tensor, logp_teacher: Tensor, objective: Objective) -> Tensor:
    """One-step weights w_t = q/(αp+(1−α)q) of eq. (5), at most 1/(1−α). Ones where the student alone sampled."""
    alpha = mixing_share(objective)
    if alpha == 0.0:
        return torch.ones_like(logp_student)
    mixed = torch.logaddexp(logp_teacher + math.log(alpha), logp_student + math.log1p(-alpha))
    return (logp_student - mixed).exp()


def mixing_share(objective: Objective) -> float:
    """α of eq. (4) as it is sampled: 0 when the student samples alone."""
    return 0.0 if objective.sampling == "student" or objective.alpha is None else objective.alpha


def advantages(reward: Tensor, mask: Tensor, objective: Objective) -> Tensor:
    """What the long-term term multiplies ∇log q(y_t) with [N,T]; 0 at padding.

    The return is the discounted sum of rewards after the token (`future`, R_(t+1) of eq. 3) or from the token on
    (`toGo`), divided as `length_normalization` says: `mean` by the same sum of discounts, which makes it a weighted
    mean (eq. 6); `remainingLength` by the number of tokens in it.

    The last token's future is empty. As a sum it is 0 like any other value. As a mean it is undefined: the token
    then gets advantage 0 and counts neither in baseline nor deviation, so that ending is pushed neither way.

    Baseline and deviation are over all rows given. With `whiten` `allPositions` both are over the whole matrix,
    padding included (as 0), so the result depends on T: give it the matrix as the reference would pad it.
    """
    if objective.long_term == "off":
        return torch.zeros_like(reward)
    value, counts = _returns(reward, mask, objective)
    over = torch.ones_like(counts) if objective.whiten == "allPositions" else counts
    if objective.baseline == "maskedMean":
        value = value - _mean(value, over)
    if objective.whiten in ("realTokens", "allPositions"):
        value = value * (_mean((value - _mean(value, over)) ** 2, over) + 1e-8).rsqrt()
    return torch.where(counts, value, 0.0)


def _returns(reward: Tensor, mask: Tensor, objective: Objective) -> tuple[Tensor, Tensor]:
    """Normalised returns [N,T], and which of them are defined."""
    discount = 1.0 if objective.discount is None else objective.discount
    real = mask.to(reward.dtype)
    reward = reward * real
    total, discounts, count = (torch.zeros_like(reward) for _ in range(3))
    run = torch.zeros_like(reward[:, 0])
    run_discounts, run_count = run, run
    for t in range(reward.shape[1] - 1, -1, -1):
        if objective.long_term == "future":
            total[:, t], discounts[:, t], count[:, t] = run, run_discounts, run_count
        run = reward[:, t] + discount * run
        run_discounts = real[:, t] + discount * run_discounts
        run_count = real[:, t] + run_count
        if objective.long_term == "toGo":
            total[:, t], discounts[:, t], count[:, t] = run, run_discounts, run_count
    if objective.length_normalization == "none":
        return total, mask
    divisor = discounts if objective.length_normalization == "mean" else count
    return total / torch.where(count > 0, divisor, 1.0), mask & (count > 0)


def _mean(value: Tensor, over: Tensor) -> Tensor:
    return torch.where(over, value, 0.0).sum() / over.sum().clamp(min=1)


@dataclass
class SampledTokens:
    """What the loss needs of each sampled token, all [R] and without gradient."""

    logp_old: Tensor
    """log q_old(y_t), of the student that sampled."""
    weight: Tensor
    """Importance weight w_t, eq. (5)."""
    advantage: Tensor


def token_losses(terms: TokenTerms, sampled: SampledTokens, objective: Objective) -> tuple[Tensor, Tensor]:
    """Single-step and long-term loss of each token [R], not yet reduced.

    Single-step: K_t, times w_t with `weight_single_step`. Long-term: the clipped surrogate of Alg. 1,
    −w·min(ρA, clip(ρ)A) with ρ = q/q_old (`ratio`), or −min(uA, clip(u)A) with u = w·ρ (`weightedRatio`).
    """
    single = torch.zeros_like(terms.logp_student)
    if objective.single_step:
        if terms.kl is None:
            raise ValueError("the single-step term needs the teacher")
        single = terms.kl * sampled.weight if objective.weight_single_step else terms.kl
    if objective.long_term == "off":
        return single, torch.zeros_like(single)
    ratio, outside = policy_ratio(terms.logp_student, sampled, objective)
    clip = objective.clip_range
    bounded = ratio if clip is None else ratio.clamp(1 - clip, 1 + clip)
    return single, -outside * torch.minimum(ratio * sampled.advantage, bounded * sampled.advantage)


def policy_ratio(logp_student: Tensor, sampled: SampledTokens, objective: Objective) -> tuple[Tensor, Tensor]:
    """The ratio that is clipped, and the weight left outside of the clip (D8)."""
    ratio = (logp_student - sampled.logp_old).exp()
    weight = sampled.weight if objective.importance_weight == "step" else torch.ones_like(sampled.weight)
    return (ratio * weight, torch.ones_like(weight)) if objective.clip_target == "weightedRatio" else (ratio, weight)


def clip_shares(logp_student: Tensor, sampled: SampledTokens, objective: Objective) -> tuple[Tensor, Tensor]:
    """Shares of tokens whose ratio lies above 1+ε and below 1−ε."""
    ratio, _ = policy_ratio(logp_student, sampled, objective)
    clip = math.inf if objective.clip_range is None else objective.clip_range
    return (ratio > 1 + clip).float().mean(), (ratio < 1 - clip).float().mean()


def reduction_divisor(objective: Objective, tokens: int, sequences: int) -> int:
    """What the summed token losses of a mini-batch are divided by: its real tokens, or its sequences."""
    return max(1, tokens if objective.reduction == "tokenMean" else sequences)


def effective_share(weight: Tensor) -> Tensor:
    """Effective sample share (Σw)²/(nΣw²) of importance weights [R], between 0 and 1."""
    return weight.sum() ** 2 / (weight.numel() * (weight**2).sum())
