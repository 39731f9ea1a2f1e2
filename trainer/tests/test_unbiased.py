"""Sampling from the teacher-mixed policy, against exact mathematics: distributions that are tables, every response enumerated, fp64.

With weights per decision (w_1 … w_(t−1) on the single-step term at t, w_1 … w_k on each later reward r_k, w_1 … w_t on a baseline) the
gradient is that of the sequence-level KL, whatever α. The one-step weights of eq. (5) of arXiv 2306.08543 are an approximation, whose
bias is measured.
"""

from __future__ import annotations

import pytest
import torch
from toys import trajectories

from minillm import policy
from minillm.head import TokenTerms
from minillm.methods import RECOMMENDED, Objective

VOCABULARY, LENGTH, EOS = 4, 3, 2
EVERYTHING = trajectories(VOCABULARY, LENGTH, EOS)
MASK = torch.tensor([[t < len(response) for t in range(LENGTH)] for response in EVERYTHING])
TOKENS = torch.tensor([response + [0] * (LENGTH - len(response)) for response in EVERYTHING])


def prefix_index() -> torch.Tensor:
    """[N,T] which row of the tables the token at each place is drawn from."""
    known: dict[tuple[int, ...], int] = {}
    return torch.tensor([[known.setdefault(tuple(row[:t]), len(known)) for t in range(LENGTH)] for row in TOKENS.tolist()])


PREFIX = prefix_index()


def tables(seed: int, spread: float = 1.5) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits of student and teacher after each prefix."""
    generator = torch.Generator().manual_seed(seed)
    size = (int(PREFIX.max()) + 1, VOCABULARY)
    student, teacher = (spread * torch.randn(size, generator=generator, dtype=torch.float64) for _ in range(2))
    return student.requires_grad_(), teacher


def scores(student: torch.Tensor, teacher: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """log q(y_t), log p(y_t) and the token KL [N,T]."""
    logq, logp = student.log_softmax(-1), teacher.log_softmax(-1)
    kl = (logq.exp() * (logq - logp)).sum(-1)
    return logq[PREFIX, TOKENS], logp[PREFIX, TOKENS], kl[PREFIX]


def sequence_kl_gradient(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    logq, logp, _ = scores(student, teacher)
    whole_q, whole_p = ((part * MASK).sum(1) for part in (logq, logp))
    return torch.autograd.grad((whole_q.exp() * (whole_q - whole_p)).sum(), student)[0]


def expected_gradient(student: torch.Tensor, teacher: torch.Tensor, objective: Objective) -> torch.Tensor:
    """Of the training loss, over everything that the sampler could have drawn."""
    logq, logp, kl = scores(student, teacher)
    old, alpha = logq.detach(), policy.mixing_share(objective)
    mixed = ((1 - alpha) * old.exp() + alpha * logp.exp()).log()
    probability = (mixed * MASK).sum(1).exp()
    assert probability.sum().item() == pytest.approx(1, abs=1e-12)
    weight = policy.importance_weights(old, logp, objective)
    decisions = policy.prefix_weights(weight, MASK) if objective.importance_weight == "perDecision" else None
    advantage = policy.advantages(policy.rewards(logp, old, MASK, objective), MASK, objective, decisions)
    sampled = policy.sampled_tokens(old, weight, advantage, objective, decisions).where(list(range(len(EVERYTHING))), MASK)
    terms = TokenTerms(logq[MASK], torch.zeros(()), logp[MASK], kl[MASK])
    losses = sum(policy.token_losses(terms, sampled, objective))
    return torch.autograd.grad((losses * probability[:, None].expand(MASK.shape)[MASK]).sum(), student)[0]


EXACT = RECOMMENDED.model_copy(
    update={"importance_weight": "perDecision", "length_normalization": "none", "baseline": "none", "empty_future": "zero"}
)


def bias(seed: int, objective: Objective) -> float:
    student, teacher = tables(seed)
    exact = sequence_kl_gradient(student, teacher)
    return ((expected_gradient(student, teacher, objective) - exact).norm() / exact.norm()).item()


@pytest.mark.parametrize("baseline", ["none", "one", "maskedMean"])
@pytest.mark.parametrize("weight_single_step", [False, True])
@pytest.mark.parametrize("alpha", [0.0, 0.2, 0.7])
@pytest.mark.parametrize("seed", range(4))
def test_weights_per_decision_leave_no_bias(seed: int, alpha: float, weight_single_step: bool, baseline: str):
    """With or without w_t on the single-step term itself: its mean over y_t is 1 (D7). And whatever the baseline."""
    objective = EXACT.model_copy(update={"alpha": alpha, "weight_single_step": weight_single_step, "baseline": baseline})
    assert bias(seed, objective) < 1e-12


@pytest.mark.parametrize("clip_target", ["ratio", "weightedRatio"])
def test_no_clip_acts_on_fresh_rollouts_with_weights_per_decision(clip_target: str):
    assert bias(0, EXACT.model_copy(update={"clip_target": clip_target})) < 1e-12


def test_equation_two_with_its_constant_baseline():
    """Without the closed form, R_t − 1 from the token on is the same gradient; so it is without the 1."""
    sampled = EXACT.model_copy(update={"alpha": 0.0, "sampling": "student", "single_step": False, "long_term": "toGo"})
    assert bias(0, sampled.model_copy(update={"baseline": "one"})) < 1e-12
    assert bias(0, sampled) < 1e-12


@pytest.mark.parametrize("half", ["single", "long"])
def test_the_prefix_alone_is_not_enough(half: str):
    """Either term with weights short of what it needs: the single-step term without its prefix, or no term of the future."""
    change = {"importance_weight": "step"} if half == "single" else {"long_term": "off"}
    assert bias(0, EXACT.model_copy(update={"alpha": 0.2, **change})) > 0.01


def test_bias_of_the_one_step_weights():
    """In shares of the gradient's norm, over a dozen tables: lowest, median, highest, as docs/algorithm.md quotes them."""
    one_step = EXACT.model_copy(update={"importance_weight": "step"})

    def over_tables(**change: object) -> list[float]:
        found = sorted(bias(seed, one_step.model_copy(update=change)) for seed in range(12))
        return [found[0], found[6], found[-1]]

    assert max(over_tables(alpha=0.0)) < 1e-12
    assert over_tables(alpha=0.2) == pytest.approx([0.08, 0.32, 0.66], abs=0.01)
    assert over_tables(alpha=0.5) == pytest.approx([0.17, 0.70, 1.75], abs=0.01)
    assert over_tables(alpha=0.2, importance_weight="none") == pytest.approx([0.10, 0.36, 0.52], abs=0.01)
