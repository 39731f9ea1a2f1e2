"""Products with wide matrices on a CPU, by the faster of two libraries.

Torch multiplies fp32 matrices with MKL, which does not use all that AMD processors with AVX-512 have, most where few rows meet a wide
matrix: at every token of a decode. Torch brings oneDNN too, and there that is up to 2.7 times as fast (`npm run bench:products`). What
decides is what the processor is, never a clock: a machine always rounds in the same way.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from minillm.processor import processor

WIDE = 1 << 19
"""Elements of a matrix from which oneDNN is hardly ever the slower one, whatever the number of rows."""


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`torch.nn.functional.linear`: x [..,K] times weight [N,K], which may be the transpose of what is stored, plus bias [N]."""
    if not _suits(x, weight):
        return F.linear(x, weight, bias)
    if torch.is_grad_enabled() and any(tensor is not None and tensor.requires_grad for tensor in (x, weight, bias)):
        return _Linear.apply(x, weight, bias)
    return by_onednn(x, weight, bias)


def use_faster_products(model: nn.Module) -> int:
    """Lets the wide linear layers of a model multiply by `linear`, in place; returns how many. Nothing that is saved changes."""
    count = 0
    for module in model.modules():
        kind = _FASTER.get(type(module))
        if kind is not None and module.weight.numel() >= WIDE and module.weight.device.type == "cpu" and onednn_is_faster():
            module.__class__ = kind
            count += 1
    return count


@cache
def onednn_is_faster() -> bool:
    """Whether this is a processor that MKL is slow on, and this torch has the other way, which gives the same."""
    wide = torch.backends.cpu.get_cpu_capability().startswith("AVX512")
    if not ("AMD" in processor() and wide and torch.backends.mkldnn.is_available()):
        return False
    x, weight, bias = torch.arange(6.0).view(2, 3), torch.arange(12.0).view(3, 4).t(), torch.ones(4)
    try:
        return torch.allclose(by_onednn(x, weight, bias), F.linear(x, weight, bias))
    except (AttributeError, RuntimeError):  # an operation that torch does not document
        return False


def _suits(x: Tensor, weight: Tensor) -> bool:
    return (
        weight.numel() >= WIDE and x.dtype == weight.dtype == torch.float32 and x.device.type == "cpu"
        and not torch.is_autocast_enabled("cpu") and onednn_is_faster()
    )  # fmt: skip


def by_onednn(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """`linear` by the operation that torch's own compiler emits; no gradient goes through it."""
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")


class _Linear(torch.autograd.Function):
    """The product and its gradients. That at the weight has many rows on both sides, and is as fast by MKL."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return by_onednn(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        wants_x, wants_weight, wants_bias = ctx.needs_input_grad
        rows = upstream.flatten(0, -2)
        return (
            by_onednn(upstream, weight.t(), None) if wants_x else None,
            rows.t() @ x.flatten(0, -2) if wants_weight else None,
            rows.sum(0) if wants_bias else None,
        )


class _WideLinear(nn.Linear):
    def forward(self, input: Tensor) -> Tensor:
        return linear(input, self.weight, self.bias)


class _WideConv1D(Conv1D):
    def forward(self, x: Tensor) -> Tensor:
        # Its own way elsewhere: autocast keeps the cast of a weight, and none of its transpose.
        return linear(x, self.weight.t(), self.bias) if _suits(x, self.weight) else super().forward(x)


_FASTER: dict[type, type] = {nn.Linear: _WideLinear, Conv1D: _WideConv1D}
