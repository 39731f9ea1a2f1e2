"""The long-term part of MiniLLM: rewards, importance weights, advantages and the clipped surrogate.

Pure functions of tensors; every paper/code difference is a switch of `Objective` (arXiv 2306.08543, eq. 3 to 7).
Nothing here carries a gradient except `token_losses`, through the terms that the head gives.

Shapes: N rows, T response columns, R real tokens of a mini-batch (`matrix[mask]`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from minillm.head import TokenTerms
from minillm.methods import Objective


def rewards(logp_teacher: Tensor, logp_student: Tensor, mask: Tensor, objective: Objective) -> Tensor:
    """Reward of each token, r_t = log p(y_t)/q(y_t) [N,T], scaled, then clipped to ±`reward_clip` where that is set; 0 at padding."""
    reward = logp_teacher - logp_student
    if objective.reward_scale is not None:
        reward = reward * objective.reward_scale
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


def prefix_weights(weight: Tensor, mask: Tensor) -> Tensor:
    """w_1 … w_t [N,T] from the weights of single tokens: exact where those of eq. (5) are an approximation, and far noisier."""
    return torch.where(mask, weight, 1.0).cumprod(1)


def mixing_share(objective: Objective) -> float:
    """α of eq. (4) as it is sampled: 0 when the student samples alone."""
    return 0.0 if objective.sampling == "student" or objective.alpha is None else objective.alpha


def advantages(reward: Tensor, mask: Tensor, objective: Objective, decisions: Tensor | None = None) -> Tensor:
    """What the long-term term multiplies ∇log q(y_t) with [N,T]; 0 at padding.

    The return is the discounted sum of rewards after the token (`future`, R_(t+1) of eq. 3) or from the token on
    (`toGo`), divided as `length_normalization` says: `mean` by the same sum of discounts, which makes it a weighted
    mean (eq. 6); `remainingLength` by the number of tokens in it.

    The last token's future is empty, and what it is given acts on length. `empty_future` `leftOut`: advantage 0, and it
    counts neither in baseline nor deviation, so that ending is pushed neither way; `zero`: a return of 0 like any other.

    With `decisions` (the prefix weights w_1 … w_t [N,T]) each later reward is weighted with its own: nothing else corrects for
    tokens drawn from the teacher then. A baseline is weighted with w_1 … w_t, without which its mean would not be 0.

    Baseline and deviation are over all rows given. With `whiten` `allPositions` both are over the whole matrix,
    padding included (as 0), so the result depends on T: give it the matrix as the reference would pad it.
    """
    if objective.long_term == "off":
        return torch.zeros_like(reward)
    value, counts = _returns(reward if decisions is None else reward * decisions, mask, objective)
    over = torch.ones_like(counts) if objective.whiten == "allPositions" else counts
    if objective.baseline in ("maskedMean", "one"):
        baseline = _mean(value, over) if objective.baseline == "maskedMean" else 1.0
        value = value - baseline * (1.0 if decisions is None else decisions)
    if objective.whiten in ("realTokens", "allPositions"):
        value = value * (_mean((value - _mean(value, over)) ** 2, over) + 1e-8).rsqrt()
    return torch.where(counts, value, 0.0)


def _returns(reward: Tensor, mask: Tensor, objective: Objective) -> tuple[Tensor, Tensor]:
    """Normalised returns [N,T], and which of them are defined."""
    discount = 1.0 if objective.discount is None else objective.discount
    real = mask.to(reward.dtype)
    place = torch.arange(mask.shape[1], device=mask.device)
    # [T,T]: how far token k lies behind the first one that the return of t counts. Below 0, it is not counted.
    ahead = place - place[:, None] - int(objective.long_term == "future")
    counted = (ahead >= 0).to(reward.dtype)
    powers = discount ** ahead.clamp(min=0).to(reward.dtype) * counted
    count = real @ counted.T
    divisor = {"none": torch.ones_like(count), "mean": real @ powers.T}.get(objective.length_normalization or "mean", count)
    total = (reward * real) @ powers.T
    return total / torch.where(count > 0, divisor, 1.0), mask if objective.empty_future == "zero" else mask & (count > 0)


def _mean(value: Tensor, over: Tensor) -> Tensor:
    return torch.where(over, value, 0.0).sum() / over.sum().clamp(min=1)


@dataclass
class SampledTokens:
    """What the loss needs of each sampled token, without gradient: all [N,T], or all [R]."""

    logp_old: Tensor
    """log q_old(y_t), of the student that sampled."""
    weight: Tensor
    """Importance weight of the long-term term: w_t of eq. (5), or 1."""
    advantage: Tensor
    single_weight: Tensor
    """Importance weight of the single-step term."""

    def where(self, rows: Sequence[int], mask: Tensor) -> SampledTokens:
        """The real tokens [R] of some rows, row after row."""
        return SampledTokens(**{field.name: getattr(self, field.name)[rows][mask[rows]] for field in fields(self)})

    def at(self, part: slice) -> SampledTokens:
        return SampledTokens(**{field.name: getattr(self, field.name)[part] for field in fields(self)})


def sampled_tokens(
    logp_old: Tensor, weight: Tensor, advantage: Tensor, objective: Objective, decisions: Tensor | None = None
) -> SampledTokens:
    """Everything [N,T] that a loss needs, from the one-step weights w_t and, with `perDecision`, those of the prefixes.

    The single-step term at t is a function of the prefix: per decision it is weighted by w_1 … w_(t−1). Where it is to be
    weighted itself (D7), by w_t as well.
    """
    ones = torch.ones_like(weight)
    if decisions is not None:
        before = torch.cat([ones[:, :1], decisions[:, :-1]], 1)
        return SampledTokens(logp_old, ones, advantage, decisions if objective.weight_single_step else before)
    weight = weight if objective.importance_weight == "step" else ones
    return SampledTokens(logp_old, weight, advantage, weight if objective.weight_single_step else ones)


def token_losses(terms: TokenTerms, sampled: SampledTokens, objective: Objective) -> tuple[Tensor, Tensor]:
    """Single-step and long-term loss of each token [R], not yet reduced.

    Single-step: K_t, with its weight. Long-term: the clipped surrogate of Alg. 1, −w·min(ρA, clip(ρ)A) with ρ = q/q_old
    (`ratio`), or −min(uA, clip(u)A) with u = w·ρ (`weightedRatio`).
    """
    single = torch.zeros_like(terms.logp_student)
    if objective.single_step:
        if terms.kl is None:
            raise ValueError("the single-step term needs the teacher")
        single = terms.kl * sampled.single_weight
    if objective.long_term == "off":
        return single, torch.zeros_like(single)
    ratio, outside = policy_ratio(terms.logp_student, sampled, objective)
    clip = objective.clip_range
    bounded = ratio if clip is None else ratio.clamp(1 - clip, 1 + clip)
    return single, -outside * torch.minimum(ratio * sampled.advantage, bounded * sampled.advantage)


def policy_ratio(logp_student: Tensor, sampled: SampledTokens, objective: Objective) -> tuple[Tensor, Tensor]:
    """The ratio that is clipped, and the weight left outside of the clip (D8)."""
    ratio = (logp_student - sampled.logp_old).exp()
    weight = sampled.weight
    return (ratio * weight, torch.ones_like(weight)) if objective.clip_target == "weightedRatio" else (ratio, weight)


@dataclass(frozen=True)
class ClippedRow:
    """A response on which the policy has moved, as the step before the update saw it."""

    ids: list[int]
    share: float
    """Of its tokens, those whose ratio lies outside of the clip."""
    smallest: float
    largest: float
    """Ratios among its tokens."""

    @property
    def extreme(self) -> tuple[float, float]:
        """By which such rows are sorted."""
        return self.share, max(self.largest, 1 / max(self.smallest, 1e-30))


def clipped_row(ids: list[int], ratio: Tensor, objective: Objective) -> ClippedRow:
    """`ratio` [T]: of the row's real tokens, as they are clipped."""
    clip = math.inf if objective.clip_range is None else objective.clip_range
    outside = (ratio > 1 + clip) | (ratio < 1 - clip)
    return ClippedRow(ids, float(outside.float().mean()), float(ratio.min()), float(ratio.max()))


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
