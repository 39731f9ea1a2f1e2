"""Gradient checkpointing: a layer's activations are dropped, and computed again when its gradient is wanted.

The library's own switch acts only on a model in training mode, where dropout acts too, and takes the cache away. Here it acts
wherever gradients are recorded: sampling, which records none, keeps its cache, and a student without dropout stays without.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint
from transformers.modeling_layers import GradientCheckpointingLayer

from minillm.errors import BadInput


def recompute(model: nn.Module, name: str, pointer: str | None = None) -> int:
    """Makes every decoder layer recompute; returns their number. Raises BadInput for a model without such layers."""
    layers = [module for module in model.modules() if isinstance(module, GradientCheckpointingLayer)]
    if not layers:
        raise BadInput(f"The {name} has no layers that can be recomputed; leave student.recompute out.", pointer=pointer)
    for layer in layers:
        _wrap(layer)
    return len(layers)


def _wrap(layer: Any) -> None:
    forward = layer.forward

    def recomputed(*args: Any, **kwargs: Any) -> Any:
        if not torch.is_grad_enabled():
            return forward(*args, **kwargs)
        return checkpoint(forward, *args, use_reentrant=False, **kwargs)

    layer.forward = recomputed
