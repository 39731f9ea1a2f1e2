"""The losses of a policy gradient on rollouts, as the switches of an objective say: what `minillm` and `opd` share.

Shapes: N rows, T response columns, R real tokens of a micro-batch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from weakref import ref

import torch
import torch.nn.functional as F
from torch import Tensor

from minillm import policy
from minillm.data import Example
from minillm.head import TokenTerms, token_terms
from minillm.methods import MiniLlmPhase, Objective
from minillm.methods import Rounds as RoundSettings
from minillm.phases import Metrics
from minillm.phases.learner import Learner
from minillm.phases.rounds import Law, Rounds, Sampler, sampled_batches
from minillm.sequences import Rollout


class PolicyGradient:
    """Rounds of rollouts, and the gradient of a mini-batch of them."""

    def __init__(self, learner: Learner, settings: RoundSettings, objective: Objective, examples: Sequence[Example]) -> None:
        self.learner, self.objective = learner, objective
        groups = (settings.mask_groups or 1) if isinstance(settings, MiniLlmPhase) else 1
        law = Law(objective.temperature or 1.0, objective.sampling or "student", policy.mixing_share(objective), groups)
        sampler = Sampler(learner.index, learner.bench, law, settings.rollout_chunk)
        size = settings.batch_size
        self.rounds = Rounds(
            sampler, examples, size=size, rollouts=settings.rollouts or size, inner_epochs=settings.inner_epochs, describe=self.describe
        )
        # What was made of a round, which it does not keep alive: the next one is sampled in its place.
        self._rewarded: tuple[ref[Rollout], Tensor] | None = None
        self._sampled: tuple[ref[Rollout], policy.SampledTokens] | None = None
        self._ratios: list[tuple[list[int], Tensor]] = []
        """Of the last mini-batch: rows of the round, and the ratio of each of their tokens [R]. Looked at when somebody asks."""

    def describe(self, rollout: Rollout) -> Metrics:
        """What the rollouts say about advantages and weights. Means are over real tokens."""
        mask = rollout.mask
        metrics = {"advantage/std": float(self.advantages(rollout)[mask].std(correction=0))}
        if self.objective.importance_weight != "none":
            weight = policy.importance_weights(rollout.logp_student, rollout.logp_teacher, self.objective)
            prefixes = self.decisions(rollout)
            metrics |= {
                "weight/mean": float(weight[mask].mean()),
                # Of the weights that the loss is multiplied with.
                "weight/ess": float(policy.effective_share((weight if prefixes is None else prefixes)[mask])),
                "share/teacher": float(rollout.from_teacher[mask].float().mean()),
            }
        return metrics

    def advantages(self, rollout: Rollout) -> Tensor:
        """Advantages [N,T] with baseline (and spread) over all of the round."""
        return policy.advantages(self.rewards(rollout), rollout.mask, self.objective, self.decisions(rollout))

    def rewards(self, rollout: Rollout) -> Tensor:
        """Rewards [N,T]; the teacher at temperature 1 where the objective wants it so."""
        if self._rewarded is None or self._rewarded[0]() is not rollout:
            logp = rollout.logp_teacher
            if self.objective.reward_temperature == "student" and self.objective.temperature != 1.0:
                logp = self.plain_logp(rollout)
            self._rewarded = ref(rollout), policy.rewards(logp, rollout.logp_student, rollout.mask, self.objective)
        return self._rewarded[1]

    def plain_logp(self, rollout: Rollout) -> Tensor:
        """log p(y_t) [N,T] at temperature 1, from the teacher's cached hidden states."""
        terms = token_terms(self.learner.bench.teacher, rollout.hidden_teacher[rollout.mask], rollout.response_ids[rollout.mask])
        return torch.zeros_like(rollout.logp_teacher).masked_scatter(rollout.mask, terms.logp_student.to(rollout.logp_teacher.dtype))

    def decisions(self, rollout: Rollout) -> Tensor | None:
        """Weights of whole prefixes [N,T], where the objective wants them."""
        if self.objective.importance_weight != "perDecision":
            return None
        weight = policy.importance_weights(rollout.logp_student, rollout.logp_teacher, self.objective)
        return policy.prefix_weights(weight, rollout.mask)

    def accumulate(self, rollout: Rollout, chosen: Sequence[int]) -> Metrics:
        """Adds the gradient of the mini-batch `chosen` to the student's; returns its losses.

        The divisor counts the tokens (or sequences) of the whole mini-batch: micro-batches change memory, not the gradient.
        """
        bench, objective = self.learner.bench, self.objective
        everything = self.sampled_tokens(rollout, chosen)
        divisor = policy.reduction_divisor(objective, int(rollout.mask[chosen].sum()), len(chosen))
        self._ratios = []
        sums = torch.zeros(5, dtype=bench.student.math, device=bench.student.device)  # not fp64, which Apple's GPUs lack
        for rows, batch in sampled_batches(rollout, chosen, self.learner.settings, bench.pad):
            sampled = everything.where(rows, rollout.mask)

            def loss(terms: TokenTerms, at: slice, sampled: policy.SampledTokens = sampled) -> Tensor:
                single, long = policy.token_losses(terms, sampled.at(at), objective)
                sums[:2] += torch.stack([single.detach().sum(), long.detach().sum()])
                return (single + long) / divisor

            if not objective.single_step:
                batch.hidden_teacher = None  # its log-probabilities of the sampled tokens are all that counts
            _, terms = self.learner.accumulate(batch, loss, temperature=objective.temperature or 1.0)
            sums[2:4] += torch.stack(policy.clip_shares(terms.logp_student, sampled, objective)) * len(batch.tokens)
            self._ratios.append((rows, policy.policy_ratio(terms.logp_student, sampled, objective)[0]))
            sums[4] += ((terms.logp_student - sampled.logp_old).expm1() ** 2).sum()
        single, long, high, low, moved = sums.tolist()
        tokens = int(rollout.mask[chosen].sum())
        return {
            "loss/single": single / divisor, "loss/long": long / divisor, "clip/high": high / tokens, "clip/low": low / tokens,
            "ratio/std": math.sqrt(moved / tokens),
        }  # fmt: skip

    def most_clipped(self, count: int) -> list[policy.ClippedRow]:
        """The responses of the last mini-batch whose tokens were clipped most, and those with the most extreme ratios first."""
        rollout, found = self.rounds.buffer, list[policy.ClippedRow]()
        if rollout is None:
            return found
        for rows, ratio in self._ratios:
            lengths = rollout.mask[rows].sum(1).tolist()
            for row, length, own in zip(rows, lengths, ratio.split(lengths), strict=True):
                found.append(policy.clipped_row(rollout.response_ids[row, :length].tolist(), own, self.objective))
        return sorted(found, key=lambda row: row.extreme, reverse=True)[:count]

    def sampled_tokens(self, rollout: Rollout, chosen: Sequence[int]) -> policy.SampledTokens:
        """What the loss needs of the round's tokens [N,T]; the same at every step of a round, unless a mini-batch is whitened by itself."""
        by_itself = self.objective.whiten == "allPositions"
        if by_itself or self._sampled is None or self._sampled[0]() is not rollout:
            weights = policy.importance_weights(rollout.logp_student, rollout.logp_teacher, self.objective)
            advantages = self.reference_advantages(rollout, chosen) if by_itself else self.advantages(rollout)
            made = policy.sampled_tokens(rollout.logp_student, weights, advantages, self.objective, self.decisions(rollout))
            self._sampled = ref(rollout), made
        return self._sampled[1]

    def reference_advantages(self, rollout: Rollout, chosen: Sequence[int]) -> Tensor:
        """Advantages [N,T] of `chosen`, 0 elsewhere, whitened over the mini-batch padded to the longest response allowed (D5)."""
        width, longest = rollout.mask.shape[1], self.learner.bench.config.data.max_new_tokens
        out = torch.zeros_like(rollout.logp_student)
        rows = torch.as_tensor(chosen)
        decisions = self.decisions(rollout)
        given = [self.rewards(rollout), rollout.mask, *([] if decisions is None else [decisions])]
        padded = [F.pad(matrix[rows], (0, longest - width)) for matrix in given]
        out[rows] = policy.advantages(padded[0], padded[1], self.objective, *padded[2:])[:, :width]
        return out
