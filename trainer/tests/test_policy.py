import math

import pytest
import torch

from minillm import policy
from minillm.head import TokenTerms
from minillm.methods import PAPER, RECOMMENDED, REFERENCE, Objective

LENGTHS = [4, 2, 1, 4]
MASK = torch.arange(4) < torch.tensor(LENGTHS)[:, None]
REWARD = torch.tensor([[-1.0, 0.5, -2.0, 0.25], [-0.5, -0.75, 0, 0], [0.4, 0, 0, 0], [1.0, -1.0, 2.0, -3.0]], dtype=torch.float64)


def straight(objective: Objective, reward=REWARD, lengths=LENGTHS):
    """Returns by their definition, one token at a time; None where a mean is over nothing."""
    made = []
    for row, length in zip(reward.tolist(), lengths, strict=True):
        values: list[float | None] = []
        for t in range(length):
            start = t + 1 if objective.long_term == "future" else t
            powers = [objective.discount ** (k - start) for k in range(start, length)]
            total = sum(power * row[k] for power, k in zip(powers, range(start, length), strict=True))
            divisor = {"none": 1.0, "mean": sum(powers), "remainingLength": float(length - start)}[objective.length_normalization]
            values.append(None if start >= length and objective.length_normalization != "none" else total / divisor)
        made.append(values)
    return made


@pytest.mark.parametrize("discount", [0.0, 0.95, 1.0])
@pytest.mark.parametrize("normalization", ["mean", "remainingLength", "none"])
@pytest.mark.parametrize("long_term", ["future", "toGo"])
def test_returns_match_their_definition(long_term: str, normalization: str, discount: float):
    objective = RECOMMENDED.model_copy(
        update={"long_term": long_term, "length_normalization": normalization, "discount": discount, "baseline": "none"}
    )
    found = policy.advantages(REWARD, MASK, objective)
    for i, row in enumerate(straight(objective)):
        for t, value in enumerate(row):
            assert found[i, t].item() == pytest.approx(0.0 if value is None else value, abs=1e-12)
    assert (found[~MASK] == 0).all()


def test_numbers_computed_by_hand():
    objective = RECOMMENDED.model_copy(update={"baseline": "none"})
    row = policy.advantages(REWARD, MASK, objective)[0].tolist()
    assert row == pytest.approx([(0.5 - 2 + 0.25) / 3, (-2 + 0.25) / 2, 0.25, 0.0])
    discounted = objective.model_copy(update={"discount": 0.5})
    row = policy.advantages(REWARD, MASK, discounted)[0].tolist()
    assert row == pytest.approx([(0.5 - 1 + 0.0625) / 1.75, (-2 + 0.125) / 1.5, 0.25, 0.0])


def test_a_constant_reward_has_a_constant_mean_whatever_the_discount():
    """What D3 gets wrong: with the undiscounted length as divisor, early tokens of long answers get almost no signal."""
    reward, mask = torch.full((1, 100), -0.3, dtype=torch.float64), torch.ones(1, 100, dtype=torch.bool)
    ours = policy.advantages(reward, mask, RECOMMENDED.model_copy(update={"baseline": "none", "discount": 0.95}))
    assert ours[0, :-1].tolist() == pytest.approx([-0.3] * 99)
    theirs = policy.advantages(reward, mask, REFERENCE.model_copy(update={"baseline": "none", "whiten": "none"}))
    assert theirs[0, 0].item() == pytest.approx(-0.3 * (1 - 0.95**100) / (0.05 * 100))


def test_baseline_is_the_mean_of_the_defined_returns():
    found = policy.advantages(REWARD, MASK, RECOMMENDED)
    values = [value for row in straight(RECOMMENDED) for value in row if value is not None]
    mean = sum(values) / len(values)
    for i, row in enumerate(straight(RECOMMENDED)):
        for t, value in enumerate(row):
            assert found[i, t].item() == pytest.approx(0.0 if value is None else value - mean)
    assert found[2, 0].item() == 0.0, "a one-token answer has no future, so nothing pushes it"
    zero = RECOMMENDED.model_copy(update={"empty_future": "zero"})
    found, mean = policy.advantages(REWARD, MASK, zero), sum(values) / sum(LENGTHS)
    assert found[2, 0].item() == pytest.approx(-mean), "a return of 0 meets the baseline, and counts in it"
    assert found[0, 0].item() == pytest.approx(values[0] - mean)


def test_whitening_over_real_tokens():
    objective = RECOMMENDED.model_copy(update={"whiten": "realTokens"})
    found = policy.advantages(REWARD, MASK, objective)
    defined = torch.tensor([[value is not None for value in row] + [False] * (4 - len(row)) for row in straight(objective)])
    assert found[defined].mean().item() == pytest.approx(0, abs=1e-12)
    assert found[defined].var(correction=0).item() == pytest.approx(1, abs=1e-6)


def test_reference_whitens_over_every_position():
    """Formulas of the published code, written out: reward to go, remaining length, mean and variance with padding as 0."""
    found = policy.advantages(REWARD, MASK, REFERENCE)
    returns = torch.zeros_like(REWARD)
    for i, row in enumerate(straight(REFERENCE)):
        returns[i, : len(row)] = torch.tensor(row, dtype=torch.float64)
    expected = (returns - returns.mean()) / (returns.var(correction=0) + 1e-8).sqrt()
    torch.testing.assert_close(found[MASK], expected[MASK])
    assert found[MASK].mean().abs() > 0.01, "which is not centred on real tokens"


@pytest.mark.parametrize("objective", [RECOMMENDED, PAPER, REFERENCE.model_copy(update={"whiten": "realTokens"})])
def test_padding_and_company_do_not_change_an_advantage(objective: Objective):
    wider = torch.nn.functional.pad(REWARD, (0, 3), value=9.0)
    found = policy.advantages(wider, torch.nn.functional.pad(MASK, (0, 3)), objective)
    torch.testing.assert_close(found[:, :4], policy.advantages(REWARD, MASK, objective))
    alone = objective.model_copy(update={"baseline": "none", "whiten": "none"})
    together = policy.advantages(REWARD, MASK, alone)
    for i in range(4):
        torch.testing.assert_close(policy.advantages(REWARD[i : i + 1], MASK[i : i + 1], alone)[0], together[i])


def test_no_long_term_has_no_advantage():
    assert policy.advantages(REWARD, MASK, RECOMMENDED.model_copy(update={"long_term": "off"})).abs().sum() == 0


def test_rewards_are_clipped_and_zero_at_padding():
    logp, logq = torch.tensor([[-1.0, -9.0, -3.0]]), torch.tensor([[-2.0, -1.0, -1.0]])
    mask = torch.tensor([[True, True, False]])
    assert policy.rewards(logp, logq, mask, RECOMMENDED).tolist() == [[1.0, -8.0, 0.0]]
    assert policy.rewards(logp, logq, mask, RECOMMENDED.model_copy(update={"reward_clip": 2.0})).tolist() == [[1.0, -2.0, 0.0]]
    scaled = RECOMMENDED.model_copy(update={"reward_clip": 3.0, "reward_scale": 2.0})
    assert policy.rewards(logp, logq, mask, scaled).tolist() == [[2.0, -3.0, 0.0]], "scaled, then clipped"


@pytest.mark.parametrize("alpha", [0.0, 0.2, 0.7])
def test_importance_weights_are_one_in_expectation_and_bounded(alpha: float):
    torch.manual_seed(0)
    logq, logp = torch.randn(2, 50, 6, dtype=torch.float64).mul(3).log_softmax(-1)
    objective = RECOMMENDED.model_copy(update={"alpha": alpha})
    weight = policy.importance_weights(logq, logp, objective)
    mixture = alpha * logp.exp() + (1 - alpha) * logq.exp()
    torch.testing.assert_close((mixture * weight).sum(-1), torch.ones(50, dtype=torch.float64))
    torch.testing.assert_close(weight, logq.exp() / mixture)
    assert weight.max() <= 1 / (1 - alpha) + 1e-12
    single = torch.randn(50, dtype=torch.float64)  # any function of the prefix: dropping w leaves its expectation (D7)
    torch.testing.assert_close((mixture * weight * single[:, None]).sum(-1), single)


def test_the_student_alone_has_no_weights():
    objective = RECOMMENDED.model_copy(update={"sampling": "student", "alpha": 0.2})
    assert policy.importance_weights(torch.tensor([-1.0]), torch.tensor([-5.0]), objective).tolist() == [1.0]


def terms(logq: list[float]) -> TokenTerms:
    made = torch.tensor(logq, dtype=torch.float64).requires_grad_()
    return TokenTerms(made, torch.zeros(len(logq)), torch.zeros(len(logq)), torch.full((len(logq),), 0.5, dtype=torch.float64))


def tokens(advantage: list[float], weight: list[float], objective: Objective = RECOMMENDED) -> policy.SampledTokens:
    old = torch.zeros(len(weight), dtype=torch.float64)
    return policy.sampled_tokens(old, *(torch.tensor(x, dtype=torch.float64) for x in (weight, advantage)), objective)


LOG = [math.log(r) for r in (1.0, 1.1, 1.5, 0.5, 1.5, 0.5)]
ADVANTAGE = [1.0, -1.0, 2.0, 2.0, -2.0, -2.0]
WEIGHT = [1.25, 0.4, 1.0, 1.2, 0.5, 1.1]


def test_clip_of_the_ratio_with_the_weight_outside():
    live = terms(LOG)
    single, long = policy.token_losses(live, tokens(ADVANTAGE, WEIGHT), RECOMMENDED)
    surrogate = [1.0, -1.1, 2.4, 1.0, -3.0, -1.6]  # min(ρA, clip(ρ, 0.8, 1.2)A)
    assert long.tolist() == pytest.approx([-w * s for w, s in zip(WEIGHT, surrogate, strict=True)])
    assert single.tolist() == pytest.approx([0.5] * 6)
    long.sum().backward()
    moved = [1.0, 1.1, 0.0, 0.5, 1.5, 0.0]  # ρ where the clip does not hold
    expected = [-w * a * r for w, a, r in zip(WEIGHT, ADVANTAGE, moved, strict=True)]
    assert live.logp_student.grad.tolist() == pytest.approx(expected)


def test_clip_of_the_weighted_ratio():
    """At θ = θ_old already, what the teacher likes and the student does not (u < 0.8), or the reverse, gets no gradient (D8)."""
    live = terms([0.0, 0.0, 0.0, 0.0])
    weight = [1.25, 1.25, 0.4, 0.4]
    _, long = policy.token_losses(live, tokens([1.0, -1.0, 1.0, -1.0], weight, PAPER), PAPER)
    assert long.tolist() == pytest.approx([-1.2, 1.25, -0.4, 0.8])
    long.sum().backward()
    assert live.logp_student.grad.tolist() == pytest.approx([0.0, 1.25, -0.4, 0.0])


def test_weight_on_the_single_step_term():
    single, _ = policy.token_losses(terms(LOG), tokens(ADVANTAGE, WEIGHT, PAPER), PAPER)
    assert single.tolist() == pytest.approx([0.5 * w for w in WEIGHT])
    off = RECOMMENDED.model_copy(update={"single_step": False})
    assert policy.token_losses(terms(LOG), tokens(ADVANTAGE, WEIGHT), off)[0].abs().sum() == 0


def test_no_importance_weight():
    objective = RECOMMENDED.model_copy(update={"importance_weight": "none"})
    _, long = policy.token_losses(terms([0.0]), tokens([2.0], [0.5], objective), objective)
    assert long.tolist() == [-2.0]


def test_clip_shares():
    high, low = policy.clip_shares(torch.tensor(LOG, dtype=torch.float64), tokens(ADVANTAGE, WEIGHT), RECOMMENDED)
    assert (high.item(), low.item()) == pytest.approx((2 / 6, 2 / 6))


def test_divisors():
    assert policy.reduction_divisor(RECOMMENDED, tokens=40, sequences=8) == 40
    assert policy.reduction_divisor(RECOMMENDED.model_copy(update={"reduction": "sequenceSum"}), tokens=40, sequences=8) == 8


def test_effective_share():
    assert policy.effective_share(torch.tensor([1.0, 1.0, 1.0])).item() == pytest.approx(1.0)
    assert policy.effective_share(torch.tensor([1.0, 0.0, 0.0, 0.0])).item() == pytest.approx(0.25)
