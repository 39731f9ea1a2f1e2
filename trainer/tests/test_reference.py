"""The `reference` preset against a straight transcription of what the published code computes, on frozen rollouts.

The transcription shares nothing with the trainer but the models: it pads as that code does, loops over positions, takes whole
logits from the models' own forward passes, and lets autograd do the rest.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from test_phases import Prepare, gradients, prepared  # noqa: F401
from torch import Tensor

from minillm.phases.minillm import MiniLlm
from minillm.prepare import Prepared

GAMMA, EPSILON, SCALING, REWARD_CLIP, KD_RATIO, LM_COEF = 0.95, 0.2, 0.5, 100.0, 0.5, 1.0
ALPHA = 0.2


def log_softmax(model: Any, ids: Tensor, mask: Tensor) -> Tensor:
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    return model(input_ids=ids, attention_mask=mask, position_ids=positions).logits.log_softmax(-1)


def returns(rewards: list[list[float]], mask: list[list[int]]) -> Tensor:
    """G_t: discounted rewards from t on, over the number of real tokens from t on."""
    rows = []
    for reward, real in zip(rewards, mask, strict=True):
        row = []
        for t in range(len(reward)):
            left = max(1, sum(real[t:]))
            row.append(sum(GAMMA ** (k - t) * reward[k] for k in range(t, len(reward))) / left)
        rows.append(row)
    return torch.tensor(rows, dtype=torch.float64)


def published(ready: Prepared, pairs: list[Any], logq_old: Tensor, logp: Tensor, blocks: Tensor) -> dict[str, Tensor]:
    """The loss and its parts. `logq_old` and `logp` [B,L] are what sampling recorded, padded to the longest response allowed."""
    longest, pad = ready.config.data.max_new_tokens, ready.setting.pad
    width = max(len(prompt) for prompt, _ in pairs)
    ids, seen, mask = [], [], []
    for prompt, response in pairs:
        before, after = width - len(prompt), longest - len(response)
        ids.append([pad] * before + prompt + response + [pad] * after)
        seen.append([0] * before + [1] * (len(prompt) + len(response)) + [0] * after)
        mask.append([1] * len(response) + [0] * after)
    query, attention, real = torch.tensor(ids), torch.tensor(seen), torch.tensor(mask)

    rewards = ((logp - logq_old) / SCALING).clamp(-REWARD_CLIP, REWARD_CLIP) * real
    weight = (logq_old - ((1 - ALPHA) * logq_old.exp() + ALPHA * logp.exp()).log()).exp()
    value = returns(rewards.tolist(), mask)
    advantage = (value - value.mean()) / ((value - value.mean()).square().mean() + 1e-8).sqrt()

    full_q = log_softmax(ready.student.model, query, attention)[:, width - 1 : -1]
    with torch.no_grad():
        full_p = log_softmax(ready.teacher.model, query, attention)[:, width - 1 : -1]
    logq = full_q.gather(-1, query[:, width:, None])[..., 0]
    u = weight * (logq - logq_old).exp()
    clipped = torch.max(-advantage * u, -advantage * u.clamp(1 - EPSILON, 1 + EPSILON))
    pg = (clipped * real).sum() / real.sum()
    q = full_q.exp()
    cross_entropy, entropy = -(q * full_p).sum(-1), -(q * full_q).sum(-1)
    reg = ((cross_entropy - entropy) * real).sum() / real.sum()

    whole = torch.ones_like(blocks)
    lm_q = log_softmax(ready.student.model, blocks, whole)[:, :-1]
    with torch.no_grad():
        lm_p = log_softmax(ready.teacher.model, blocks, whole)[:, :-1]
    hard = -lm_q.gather(-1, blocks[:, 1:, None]).mean()
    soft = -(lm_p.exp() * lm_q).sum(-1).mean()
    pt = (1 - KD_RATIO) * hard + KD_RATIO * soft
    return {"loss/total": pg + reg + LM_COEF * pt, "loss/long": pg, "loss/single": reg, "loss/lm": pt}


def double(ready: Prepared) -> None:
    for model in (ready.student, ready.teacher):
        model.model.double()
        model.dtype = torch.float64


@pytest.mark.parametrize("micro", [6, 2])
def test_loss_and_gradient_on_frozen_rollouts(
    prepared: Prepare, workspace: Path, monkeypatch: pytest.MonkeyPatch, micro: int  # noqa: F811
) -> None:  # fmt: skip
    (workspace / "blocks.jsonl").write_text('{"text": "a b c d e f g h i j k"}\n' * 20, encoding="utf-8")
    ready = prepared(
        preset="reference", data__corpus="blocks.jsonl",
        phases__1={"method": "minillm", "steps": 4, "batchSize": 6, "microBatchSize": micro, "rollouts": 12, "innerEpochs": 1},
    )  # fmt: skip
    double(ready)
    phase = ready.phases[1]
    assert isinstance(phase, MiniLlm)
    assert phase.corpus is not None
    monkeypatch.setattr(phase, "finish", lambda _n, _began, _tokens, metrics: metrics)
    phase.policy.rounds.at(1)
    rollout, chosen = phase.policy.rounds.at(2)
    with torch.no_grad():  # an update later: ratios that are not 1, some of them clipped
        for parameter in ready.student.model.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))

    everything = rollout.pairs()
    pairs = [everything[row] for row in chosen]
    longest = ready.config.data.max_new_tokens
    logq_old, logp = (
        torch.nn.functional.pad(matrix[chosen], (0, longest - matrix.shape[1])) for matrix in (rollout.logp_student, rollout.logp_teacher)
    )
    blocks = phase.corpus.blocks[[phase.corpus.order[place] for place in range(6, 12)]]
    lengths = {len(response) for _, response in pairs}
    assert len(lengths) > 1, "padding must matter"

    found, metrics = gradients(ready, lambda: phase.step(2))
    parts = published(ready, pairs, logq_old, logp, blocks)
    expected, _ = gradients(ready, parts["loss/total"].backward)
    assert 0 < metrics["clip/high"] + metrics["clip/low"] < 1
    for name, value in parts.items():
        assert metrics[name] == pytest.approx(value.item(), rel=1e-5), name
    flat = [torch.cat([grads[name].flatten() for name in expected]) for grads in (found, expected)]
    assert ((flat[0] - flat[1]).norm() / flat[1].norm()).item() < 1e-5


@pytest.mark.parametrize(("switch", "value"), [
    ("longTerm", "future"), ("discount", 1.0), ("lengthNormalization", "mean"), ("whiten", "realTokens"), ("weightSingleStep", True),
    ("clipTarget", "ratio"), ("lmTeacherShare", 0.0), ("importanceWeight", "none"), ("rewardClip", 0.1),
])  # fmt: skip
def test_every_switch_counts(prepared: Prepare, workspace: Path, monkeypatch: pytest.MonkeyPatch, switch: str, value: Any) -> None:  # noqa: F811
    """Turned away from the preset, the loss on the same rollouts is another one: no switch is without effect."""
    (workspace / "blocks.jsonl").write_text('{"text": "a b c d e f g h i j k"}\n' * 20, encoding="utf-8")
    losses = []
    for objective in ({}, {switch: value}):
        ready = prepared(
            preset="reference", data__corpus="blocks.jsonl",
            phases__1={"method": "minillm", "steps": 4, "batchSize": 6, "rollouts": 6, "objective": objective},
        )  # fmt: skip
        phase = ready.phases[1]
        monkeypatch.setattr(phase, "finish", lambda _n, _began, _tokens, metrics: metrics)
        phase.policy.rounds.at(1)
        with torch.no_grad():
            for parameter in ready.student.model.parameters():
                parameter.add_(0.05 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
        losses.append(phase.step(2)["loss/total"])  # the second pass over the same rollouts
    assert losses[0] != pytest.approx(losses[1], rel=1e-4)


def test_reward_scaling_cancels_in_the_whitening(prepared: Prepare, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    """D9: it changes what is logged, not what is learned."""
    losses = []
    for scale in (1.0, 2.0):
        objective = {"rewardScale": scale}
        settings = {"method": "minillm", "steps": 4, "batchSize": 6, "rollouts": 6, "objective": objective}
        ready = prepared(preset="reference", phases__1=settings)
        phase = ready.phases[1]
        monkeypatch.setattr(phase, "finish", lambda _n, _began, _tokens, metrics: metrics)
        losses.append(phase.step(1)["loss/long"])
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_rewards_with_the_teacher_at_temperature_one(prepared: Prepare) -> None:  # noqa: F811
    """D14: the student is sampled and scored at the temperature, the teacher's reward ignores it."""
    objective = {"temperature": 0.7, "rewardClip": 50.0}
    ready = prepared(preset="reference", phases__1={"method": "minillm", "steps": 4, "batchSize": 6, "rollouts": 6, "objective": objective})
    phase = ready.phases[1]
    rollout, _ = phase.policy.rounds.at(1)
    found = phase.policy.rewards(rollout)
    for row, (prompt, response) in enumerate(rollout.pairs()):
        ids, picked, at = torch.tensor([prompt + response]), torch.tensor(response)[:, None], slice(len(prompt) - 1, -1)
        logq = (ready.student.model(input_ids=ids).logits[0, at] / 0.7).log_softmax(-1).gather(-1, picked)[:, 0]
        logp = ready.teacher.model(input_ids=ids).logits[0, at].log_softmax(-1).gather(-1, picked)[:, 0]
        torch.testing.assert_close(found[row, : len(response)], 2 * (logp - logq).detach(), rtol=1e-3, atol=1e-4)
    assert (rollout.logp_teacher[rollout.mask] - found[rollout.mask] / 2 - rollout.logp_student[rollout.mask]).abs().max() > 0.1
