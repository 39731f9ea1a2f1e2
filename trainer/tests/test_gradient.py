"""The gradient of the training loss against exact mathematics, on a case small enough to enumerate.

Five tokens, one of them the end token, at most three of them in a response: 85 responses, summed one by one.
"""

import math

import pytest
import torch
from torch import Tensor
from toys import full_logits, teacher, toy, trajectories

from minillm import decode, draws, policy
from minillm.head import head_loss
from minillm.language_model import LanguageModel
from minillm.methods import RECOMMENDED, Objective
from minillm.sequences import Rollout, left_pad, response_hidden, right_pad

VOCABULARY, LENGTH, EOS, PAD = 5, 3, 2, 0
PROMPTS = [[3, 1, 4], [4]]


def gradient(loss: Tensor, model: LanguageModel) -> Tensor:
    """One vector over all weights of the model."""
    return torch.cat([part.flatten() for part in torch.autograd.grad(loss, list(model.model.parameters()))])


def log_probabilities(model: LanguageModel, prompt: list[int], responses: list[list[int]]) -> Tensor:
    """Of whole responses, by the model's own forward pass; what follows a response cannot reach it."""
    ids = torch.tensor([prompt + response + [PAD] * (LENGTH - len(response)) for response in responses])
    logp = model.model(input_ids=ids).logits[:, len(prompt) - 1 : -1].log_softmax(-1)
    picked = logp.gather(-1, ids[:, len(prompt) :, None])[..., 0]
    real = torch.arange(LENGTH) < torch.tensor([len(response) for response in responses])[:, None]
    return (picked * real).sum(1)


def sequence_kl(student: LanguageModel, mentor: LanguageModel) -> Tensor:
    """KL(q‖p) over whole responses, eq. (1), by enumeration; mean over the prompts."""
    total = torch.zeros((), dtype=torch.float64)
    everything = trajectories(VOCABULARY, LENGTH, EOS)
    for prompt in PROMPTS:
        logq, logp = (log_probabilities(model, prompt, everything) for model in (student, mentor))
        total = total + (logq.exp() * (logq - logp.detach())).sum()
    return total / len(PROMPTS)


def every_response(student: LanguageModel, mentor: LanguageModel) -> Rollout:
    """A rollout that holds each response to each prompt once."""
    pairs = [(prompt, response) for prompt in PROMPTS for response in trajectories(VOCABULARY, LENGTH, EOS)]
    prompt_ids, prompt_mask = left_pad([prompt for prompt, _ in pairs], PAD)
    ids, mask = right_pad([response for _, response in pairs], PAD)
    scores = decode.score(student, mentor, [p for p, _ in pairs], [r for _, r in pairs], pad=PAD)
    assert scores.logp_teacher is not None
    assert scores.kl is not None
    with torch.no_grad():
        flat = response_hidden(mentor, prompt_ids, prompt_mask, ids, mask)
    hidden = torch.zeros((*mask.shape, flat.shape[-1]), dtype=flat.dtype).masked_scatter(mask[..., None], flat)
    return Rollout(
        rows=torch.arange(len(pairs)), prompt_ids=prompt_ids, prompt_mask=prompt_mask, response_ids=ids, mask=mask,
        logp_student=scores.logp_student, logp_teacher=scores.logp_teacher, kl=scores.kl, entropy=scores.entropy, hidden_teacher=hidden,
        from_teacher=torch.zeros_like(mask), ended=(ids == EOS).any(1),
    )  # fmt: skip


def training_loss(
    student: LanguageModel, mentor: LanguageModel, rollout: Rollout, objective: Objective, *, row_weight: Tensor | None = None,
    advantage: Tensor | None = None, divisor: int | None = None, chunk_rows: int | None = None,
) -> Tensor:  # fmt: skip
    """The loss of a mini-batch as a training step computes it; `row_weight` turns its mean over rows into an expectation."""
    mask = rollout.mask
    reward = policy.rewards(rollout.logp_teacher, rollout.logp_student, mask, objective)
    advantage = policy.advantages(reward, mask, objective) if advantage is None else advantage
    weight = policy.importance_weights(rollout.logp_student, rollout.logp_teacher, objective)
    shares = (torch.ones(len(rollout), dtype=torch.float64) if row_weight is None else row_weight)[:, None].expand(mask.shape)[mask]
    divisor = divisor or policy.reduction_divisor(objective, int(mask.sum()), len(rollout))
    sampled = policy.sampled_tokens(rollout.logp_student, weight, advantage, objective).where(list(range(len(rollout))), mask)

    def loss(terms, rows):
        return sum(policy.token_losses(terms, sampled.at(rows), objective)) * shares[rows] / divisor

    hidden = response_hidden(student, rollout.prompt_ids, rollout.prompt_mask, rollout.response_ids, mask)
    return head_loss(
        student, hidden, rollout.response_ids[mask], loss, teacher=mentor, hidden_teacher=rollout.hidden_teacher[mask],
        temperature=objective.temperature, chunk_rows=chunk_rows,
    )[0]  # fmt: skip


EXACT = RECOMMENDED.model_copy(
    update={"alpha": 0.0, "sampling": "student", "length_normalization": "none", "baseline": "none", "reduction": "sequenceSum"}
)
"""No mixing, no length normalisation, no baseline, sums over sequences: the case in which eq. (3) is the gradient of eq. (1)."""


def moved(student: LanguageModel, direction: Tensor, step: float) -> None:
    with torch.no_grad():
        torch.nn.utils.vector_to_parameters(
            torch.nn.utils.parameters_to_vector(student.model.parameters()) + step * direction, student.model.parameters()
        )


@pytest.mark.parametrize("name", ["llama-tied", "llama", "gpt2"])
def test_expected_gradient_is_that_of_the_sequence_kl(name: str):
    student, mentor = toy(name, VOCABULARY, seed=1), teacher(name, VOCABULARY, seed=2)
    rollout = every_response(student, mentor)
    probability = rollout.logp_student.sum(1).exp()  # of each response, under q_old: the weights of the expectation
    assert probability.sum().item() == pytest.approx(len(PROMPTS))
    ours = gradient(training_loss(student, mentor, rollout, EXACT, row_weight=probability, divisor=len(PROMPTS), chunk_rows=7), student)
    exact = gradient(sequence_kl(student, mentor), student)
    assert exact.norm() > 0.1
    assert ((ours - exact).norm() / exact.norm()).item() < 1e-6


def test_derivative_along_any_direction_is_its_finite_difference():
    """GPT-2, because the library computes it in fp64 throughout (Llama's norms are fp32)."""
    student, mentor = toy("gpt2", VOCABULARY, seed=1), teacher("gpt2", VOCABULARY, seed=2)
    rollout = every_response(student, mentor)
    probability = rollout.logp_student.sum(1).exp()
    ours = gradient(training_loss(student, mentor, rollout, EXACT, row_weight=probability, divisor=len(PROMPTS)), student)
    generator, step = torch.Generator().manual_seed(0), 1e-5
    for _ in range(5):
        direction = torch.randn(ours.shape, generator=generator, dtype=torch.float64)
        direction /= direction.norm()
        values = []
        for sign in (1, -1):
            moved(student, direction, sign * step)
            with torch.no_grad():
                values.append(sequence_kl(student, mentor).item())
            moved(student, direction, -sign * step)
        assert abs((values[0] - values[1]) / (2 * step) - (ours @ direction).item()) < 1e-6 * ours.norm().item()


def test_single_step_alone_is_not_that_gradient():
    """The long-term term is needed: the test above would notice its absence."""
    student, mentor = toy("llama", VOCABULARY, seed=1), teacher("llama", VOCABULARY, seed=2)
    rollout = every_response(student, mentor)
    probability = rollout.logp_student.sum(1).exp()
    alone = EXACT.model_copy(update={"long_term": "off"})
    ours = gradient(training_loss(student, mentor, rollout, alone, row_weight=probability, divisor=len(PROMPTS)), student)
    exact = gradient(sequence_kl(student, mentor), student)
    assert ((ours - exact).norm() / exact.norm()).item() > 0.01


def real_rollout(student: LanguageModel, mentor: LanguageModel, temperature: float = 1.0) -> Rollout:
    prompts = [[3, 1, 4], [4], [1, 3], [3, 3, 4, 1], [4, 1]]
    return decode.rollout(
        student, mentor, prompts, rows=range(5), sampling="commonMask", alpha=0.3, temperature=temperature, max_new_tokens=6, eos=EOS,
        pad=PAD, seed=3, stream=draws.stream("rollout", 1), chunk=2,
    )  # fmt: skip


@pytest.mark.parametrize("temperature", [1.0, 0.8])
def test_recommended_equals_its_formula_written_out(temperature: float):
    objective = RECOMMENDED.model_copy(update={"alpha": 0.3, "temperature": temperature})
    student, mentor = toy("llama-tied", VOCABULARY, seed=1), teacher("llama-tied", VOCABULARY, seed=2)
    rollout = real_rollout(student, mentor, temperature)
    q_old = [table(student, prompt, response, temperature) for prompt, response in texts(rollout)]
    generator = torch.Generator().manual_seed(0)
    size = sum(p.numel() for p in student.model.parameters())
    moved(student, torch.randn(size, generator=generator, dtype=torch.float64), 0.02)  # an update later: ratios are not 1, some are clipped
    ours = training_loss(student, mentor, rollout, objective, chunk_rows=3)

    # One token at a time, from the models' own logits, by the definitions.
    per_row, futures = [], []
    for (prompt, response), old in zip(texts(rollout), q_old, strict=True):
        q, p = table(student, prompt, response, temperature), table(mentor, prompt, response, temperature)
        reward = [(p[t, token] - old[t, token]).item() for t, token in enumerate(response)]
        future = [sum(reward[t + 1 :]) / (len(reward) - t - 1) if t + 1 < len(reward) else None for t in range(len(reward))]
        futures += [value for value in future if value is not None]
        per_row.append((response, q, p, old, future))
    baseline = sum(futures) / len(futures)
    total, count, clipped = torch.zeros((), dtype=torch.float64), 0, 0
    for response, q, p, old, future in per_row:
        for t, token in enumerate(response):
            kl = sum(q[t, v].exp() * (q[t, v] - p[t, v]) for v in range(VOCABULARY))
            advantage = 0.0 if future[t] is None else future[t] - baseline
            share_of_student = (1 - 0.3) * old[t, token].exp() + 0.3 * p[t, token].exp()
            weight = (old[t, token].exp() / share_of_student).item()
            ratio = (q[t, token] - old[t, token].detach()).exp()
            bounded = ratio.clamp(0.8, 1.2)
            clipped += int(bounded.item() != ratio.item())
            total = total + kl - weight * torch.minimum(ratio * advantage, bounded * advantage)
            count += 1
    expected = total / count
    assert clipped > 0
    assert ours.item() == pytest.approx(expected.item(), rel=1e-6)
    a, b = gradient(ours, student), gradient(expected, student)
    assert ((a - b).norm() / b.norm()).item() < 1e-6


def texts(rollout: Rollout) -> list[tuple[list[int], list[int]]]:
    prompts = [ids[mask.bool()].tolist() for ids, mask in zip(rollout.prompt_ids, rollout.prompt_mask, strict=True)]
    return [(prompt, ids[mask].tolist()) for prompt, ids, mask in zip(prompts, rollout.response_ids, rollout.mask, strict=True)]


def table(model: LanguageModel, prompt: list[int], response: list[int], temperature: float) -> Tensor:
    return (full_logits(model, prompt + response)[len(prompt) - 1 : -1] / temperature).log_softmax(-1)


@pytest.mark.parametrize("reduction", ["tokenMean", "sequenceSum"])
def test_micro_batches_sum_to_the_batch(reduction: str):
    """With unequal lengths: divisors count the whole mini-batch."""
    objective = RECOMMENDED.model_copy(update={"alpha": 0.3, "reduction": reduction})
    student, mentor = toy("llama", VOCABULARY, seed=1), teacher("llama", VOCABULARY, seed=2)
    rollout = real_rollout(student, mentor)
    reward = policy.rewards(rollout.logp_teacher, rollout.logp_student, rollout.mask, objective)
    advantage = policy.advantages(reward, rollout.mask, objective)
    divisor = policy.reduction_divisor(objective, int(rollout.mask.sum()), len(rollout))
    whole = gradient(training_loss(student, mentor, rollout, objective, advantage=advantage), student)
    parts = torch.zeros_like(whole)
    for rows in ([0, 3], [1], [2, 4]):
        part = rollout.select(rows)
        cut = advantage[rows][:, : part.mask.shape[1]]
        parts += gradient(training_loss(student, mentor, part, objective, advantage=cut, divisor=divisor), student)
    assert ((parts - whole).norm() / whole.norm()).item() < 1e-6


def test_the_loss_of_a_prompt_does_not_depend_on_its_padding():
    student, mentor = toy("gpt2", VOCABULARY, seed=1), teacher("gpt2", VOCABULARY, seed=2)
    rollout = real_rollout(student, mentor)
    alone = rollout.select([1])
    assert alone.prompt_ids.shape[1] < rollout.prompt_ids.shape[1]
    padded = Rollout(**{name: tensor[1:2] for name, tensor in rollout.tensors().items()})
    objective = RECOMMENDED.model_copy(update={"baseline": "none"})
    a, b = (gradient(training_loss(student, mentor, part, objective), student) for part in (alone, padded))
    assert math.isfinite(a.norm().item())
    assert ((a - b).norm() / b.norm()).item() < 1e-6
