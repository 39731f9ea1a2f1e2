"""AdamW and the course of its learning rate, counted in optimizer steps of one phase."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from minillm import methods
from minillm.errors import BadInput


def make_optimizer(model: nn.Module, settings: methods.Optimizer) -> torch.optim.AdamW:
    """AdamW over the parameters that train; weight decay on matrices only (not on norms and biases)."""
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": settings.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    fused = parameters[0].device.type in ("cpu", "cuda")
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=0.0, betas=settings.betas, fused=fused)


def learning_rate(settings: methods.Optimizer, step: int, steps: int) -> float:
    """The rate of optimizer step `step` (from 1) of a phase of `steps`: a linear rise, then the schedule, which ends at the final share."""
    peak = settings.learning_rate
    if peak is None:
        raise BadInput("optimizer.learningRate is missing: give a number above 0, such as 0.0005.", pointer="/phases")
    rise = math.ceil(settings.warmup * steps)
    if step <= rise:
        return peak * step / rise
    done = (step - rise) / max(1, steps - rise)
    low = settings.final_learning_rate
    if settings.schedule == "linear":
        return peak * (1 - (1 - low) * done)
    if settings.schedule == "cosine":
        return peak * (low + (1 - low) * 0.5 * (1 + math.cos(math.pi * done)))
    return peak


def update(model: nn.Module, optimizer: torch.optim.Optimizer, settings: methods.Optimizer, rate: float) -> float:
    """One step along the gradients that lie in `model`, scaled down to the largest norm; clears them. Returns the norm before.

    Raises FloatingPointError, with model and optimizer as they were, when the gradient is not finite.
    """
    norm = float(nn.utils.clip_grad_norm_(model.parameters(), settings.max_grad_norm))
    if not math.isfinite(norm):
        optimizer.zero_grad(set_to_none=True)
        raise FloatingPointError("the gradient is not finite; lower optimizer.learningRate, or use precision fp32")
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return norm


def optimizer_tensors(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimizer's state as `<parameter>/<entry>` → tensor; empty before the first step."""
    tensors = {}
    for name, parameter in model.named_parameters():
        for entry, value in optimizer.state.get(parameter, {}).items():
            tensors[f"{name}/{entry}"] = value.detach()
    return tensors


def restore_optimizer(model: nn.Module, optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Puts back what `optimizer_tensors` gave. Raises KeyError when it names a parameter that the model does not have."""
    parameters = dict(model.named_parameters())
    for key, value in tensors.items():
        name, entry = key.rsplit("/", 1)
        parameter = parameters[name]
        # AdamW keeps its step counts where it makes them; the moments lie beside the parameter.
        place = parameter.device if value.ndim or next(iter(optimizer.param_groups))["fused"] else torch.device("cpu")
        optimizer.state[parameter][entry] = value.to(place, copy=True)
