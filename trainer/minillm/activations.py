"""Activation functions in one piece.

GPT-2, GPT-Neo, GPT-J and Phi use GELU in its tanh form, which the library writes as a chain of eight operations on the widest tensors of a
layer, most of which a backward pass keeps. Torch has the same function as one operation that keeps its input alone.
"""

from __future__ import annotations

from torch import nn
from transformers.activations import FastGELUActivation, NewGELUActivation

CHAINS = (NewGELUActivation, FastGELUActivation)
"""The same function, written out in two ways."""


def fuse_activations(model: nn.Module) -> int:
    """Puts the single operation in the place of each chain, in place; returns how many there were. Nothing that is saved changes."""
    chains = [(module, name) for module in model.modules() for name, child in module.named_children() if isinstance(child, CHAINS)]
    for module, name in chains:
        setattr(module, name, nn.GELU(approximate="tanh"))
    return len(chains)
