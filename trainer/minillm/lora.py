"""Low-rank adaptation of the student (arXiv 2106.09685): its weights stay, and every linear layer learns a small correction.

y = Wx + (α/r)·B·A·x with A [r,in] and B [out,r]. Only A and B train: optimizer and gradients are as small as they. A checkpoint is
still a whole model, with the corrections added to the weights; beside it lie A and B, from which training goes on to the bit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.pytorch_utils import Conv1D

from minillm import draws
from minillm.config import Lora
from minillm.errors import BadInput
from minillm.rundir import read_json, write_json_whole

TENSORS, RECORD = "adapter.safetensors", "adapter.json"


class LowRank(nn.Module):
    """A frozen linear layer and its correction, which is 0 at first."""

    def __init__(self, base: nn.Linear | Conv1D, settings: Lora, generator: torch.Generator) -> None:
        super().__init__()
        self.base, self.scale = base, settings.alpha / settings.rank
        wide, out = base.weight.shape if isinstance(base, Conv1D) else base.weight.shape[::-1]
        bound = 1 / math.sqrt(wide)
        down = torch.empty(settings.rank, wide).uniform_(-bound, bound, generator=generator)
        self.down, self.up = nn.Parameter(down), nn.Parameter(torch.zeros(out, settings.rank))

    @property
    def weight(self) -> Tensor:
        """Of the frozen layer: some models look at its dtype."""
        return self.base.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.base(x) + F.linear(F.linear(x, self.down), self.up) * self.scale

    def correction(self) -> Tensor:
        """What the weight would have to be larger by, in its own layout."""
        delta = (self.up @ self.down) * self.scale
        return delta.T if isinstance(self.base, Conv1D) else delta


def attach(model: nn.Module, settings: Lora, seed: int, name: str, pointer: str | None = None) -> int:
    """Freezes the model and gives every linear layer of its decoder layers a correction; returns their number.

    Raises BadInput for a model in which there are none to be found.
    """
    model.requires_grad_(False)
    generator = torch.Generator().manual_seed(draws.stream("lora", seed))
    count = 0
    for layer in [module for module in model.modules() if isinstance(module, GradientCheckpointingLayer)]:
        for parent in list(layer.modules()):
            for key, child in list(parent.named_children()):
                if isinstance(child, nn.Linear | Conv1D) and not isinstance(parent, LowRank):
                    setattr(parent, key, LowRank(child, settings, generator))
                    count += 1
    if count == 0:
        raise BadInput(f"The {name} has no linear layers that LoRA could adapt; leave student.lora out.", pointer=pointer)
    return count


def corrections(model: nn.Module) -> dict[str, LowRank]:
    return {name: module for name, module in model.named_modules() if isinstance(module, LowRank)}


@contextmanager
def merged(model: Any) -> Iterator[None]:
    """The model as an ordinary one, corrections added to its weights, while it is saved; to the bit as before afterwards."""
    places = []
    for name, layer in corrections(model).items():
        parent_name, _, key = name.rpartition(".")
        places.append((model.get_submodule(parent_name), key, layer, layer.base.weight.data))
    try:
        for parent, key, layer, weight in places:
            layer.base.weight.data = weight + layer.correction().detach().to(weight.dtype)
            setattr(parent, key, layer.base)
        yield
    finally:
        for parent, key, layer, weight in places:
            layer.base.weight.data = weight
            setattr(parent, key, layer)


def save(model: nn.Module, state: Path) -> None:
    """Writes A and B of every layer, and from which weights they start, into a checkpoint's state. Nothing without LoRA."""
    layers = corrections(model)
    if layers:
        save_file({f"{name}.{part}": getattr(layer, part).detach().cpu().contiguous() for name, layer in layers.items()
                   for part in ("down", "up")}, state / TENSORS)  # fmt: skip
        write_json_whole(state / RECORD, {"base": getattr(model, "minillm_base")})  # noqa: B009


def base_of(folder: Path) -> dict[str, Any] | None:
    """The model and revision from which a checkpoint's corrections start; None for any other folder."""
    record = read_json(folder / "state" / RECORD)
    return record["base"] if record is not None else None


def restore(model: nn.Module, folder: Path) -> None:
    """Puts back what `save` wrote."""
    tensors = load_file(folder / "state" / TENSORS)
    with torch.no_grad():
        for name, layer in corrections(model).items():
            layer.down.copy_(tensors[f"{name}.down"])
            layer.up.copy_(tensors[f"{name}.up"])
