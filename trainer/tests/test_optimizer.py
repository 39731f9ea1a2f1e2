"""Schedules at their ends, decay where it belongs, and a gradient that is not finite."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from minillm.methods import Optimizer
from minillm.optimizer import learning_rate, make_optimizer, optimizer_tensors, restore_optimizer, update


@pytest.mark.parametrize(("schedule", "middle"), [("linear", 0.55), ("cosine", 0.55), ("constant", 1.0)])
def test_the_rate_rises_then_follows_the_schedule(schedule: str, middle: float) -> None:
    settings = Optimizer(learning_rate=2.0, warmup=0.1, schedule=schedule, final_learning_rate=0.1)
    rates = [learning_rate(settings, step, 100) for step in range(1, 101)]
    assert rates[0] == pytest.approx(0.2)
    assert rates[9] == 2.0
    assert rates[54] == pytest.approx(2 * middle)
    assert rates[99] == pytest.approx(2.0 if schedule == "constant" else 0.2)
    assert learning_rate(settings, 1, 1) == 2.0


def test_decay_shrinks_matrices_alone() -> None:
    model = nn.Linear(3, 2)
    nn.init.ones_(model.bias)
    settings = Optimizer(learning_rate=0.5, weight_decay=0.1)
    before = model.weight.detach().clone()
    optimizer = make_optimizer(model, settings)
    (model.weight * 0).sum().backward()
    model.bias.grad = torch.zeros(2)
    update(model, optimizer, settings, 0.5)
    torch.testing.assert_close(model.weight.detach(), before * (1 - 0.5 * 0.1))
    assert model.bias.tolist() == [1.0, 1.0]


def test_a_gradient_that_is_not_finite_changes_nothing() -> None:
    model, settings = nn.Linear(3, 2), Optimizer(learning_rate=0.5)
    optimizer, before = make_optimizer(model, settings), model.weight.detach().clone()
    (model.weight.sum() * torch.inf).backward()
    with pytest.raises(FloatingPointError, match="gradient is not finite"):
        update(model, optimizer, settings, 0.5)
    assert torch.equal(model.weight, before)
    assert not optimizer_tensors(model, optimizer)


def test_a_restored_optimizer_takes_the_same_step() -> None:
    settings = Optimizer(learning_rate=0.1)
    model, twin = nn.Linear(3, 2), nn.Linear(3, 2)
    optimizer, restored = make_optimizer(model, settings), make_optimizer(twin, settings)

    def step(it: nn.Linear, by: torch.optim.AdamW, x: float) -> float:
        it(torch.full((1, 3), x)).square().sum().backward()
        return update(it, by, settings, 0.1)

    for x in (1.0, -2.0, 0.5):
        step(model, optimizer, x)
    twin.load_state_dict(model.state_dict())
    restore_optimizer(twin, restored, {key: value.clone() for key, value in optimizer_tensors(model, optimizer).items()})
    assert step(model, optimizer, 3.0) == step(twin, restored, 3.0)
    assert torch.equal(model.weight, twin.weight)
    with pytest.raises(KeyError):
        restore_optimizer(twin, restored, {"other/exp_avg": torch.zeros(1)})
