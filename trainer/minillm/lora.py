"""Low-rank adaptation of the student (arXiv 2106.09685): its weights stay, and every linear layer learns a small correction.

y = Wx + (α/r)·B·A·x with A [r,in] and B [out,r]. Only A and B train: optimizer and gradients are as small as they. A checkpoint is
still a whole model, with the corrections added to the weights; beside it lie A and B, as peft keeps them: from them training goes on
to the bit, and peft puts them on the model that they started from.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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
from minillm.language_model import LanguageModel
from minillm.rundir import read_json, write_json_whole

FOLDER, TENSORS, RECORD = "adapter", "adapter_model.safetensors", "adapter_config.json"
"""In a checkpoint: peft's names."""
PARTS = {"down": "lora_A", "up": "lora_B"}
"""Our names of A and B, and peft's."""


@dataclass
class Switch:
    """Whether the corrections of a model count: one for all of its layers."""

    on: bool = True

    @contextmanager
    def off(self) -> Iterator[None]:
        before, self.on = self.on, False
        try:
            yield
        finally:
            self.on = before


class LowRank(nn.Module):
    """A frozen linear layer and its correction, which is 0 at first."""

    def __init__(self, base: nn.Linear | Conv1D, settings: Lora, generator: torch.Generator, switch: Switch) -> None:
        super().__init__()
        self.base, self.scale, self.switch = base, settings.alpha / settings.rank, switch
        wide, out = base.weight.shape if isinstance(base, Conv1D) else base.weight.shape[::-1]
        bound = 1 / math.sqrt(wide)
        down = torch.empty(settings.rank, wide).uniform_(-bound, bound, generator=generator)
        self.down, self.up = nn.Parameter(down), nn.Parameter(torch.zeros(out, settings.rank))

    @property
    def weight(self) -> Tensor:
        """Of the frozen layer: some models look at its dtype."""
        return self.base.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.base(x) if not self.switch.on else self.base(x) + F.linear(F.linear(x, self.down), self.up) * self.scale

    def correction(self) -> Tensor:
        """What the weight would have to be larger by, in its own layout."""
        delta = (self.up @ self.down) * self.scale
        return delta.T if isinstance(self.base, Conv1D) else delta


def attach(model: nn.Module, settings: Lora, seed: int, name: str, pointer: str | None = None) -> int:
    """Freezes the model and gives every linear layer of its decoder layers a correction; returns their number.

    Raises BadInput for a model in which there are none to be found.
    """
    model.requires_grad_(False)
    generator, switch = torch.Generator().manual_seed(draws.stream("lora", seed)), Switch()
    count = 0
    for layer in [module for module in model.modules() if isinstance(module, GradientCheckpointingLayer)]:
        for parent in list(layer.modules()):
            for key, child in list(parent.named_children()):
                if isinstance(child, nn.Linear | Conv1D) and not isinstance(parent, LowRank):
                    setattr(parent, key, LowRank(child, settings, generator, switch))
                    count += 1
    if count == 0:
        raise BadInput(f"The {name} has no linear layers that LoRA could adapt; leave student.lora out.", pointer=pointer)
    return count


def narrow(model: nn.Module, dtype: torch.dtype) -> None:
    """Frozen matrices in the compute dtype: what does not train needs no master copy, and would be cast anew at every pass."""
    for parameter in model.parameters():
        if not parameter.requires_grad and parameter.ndim >= 2:
            parameter.data = parameter.data.to(dtype)


def corrections(model: nn.Module) -> dict[str, LowRank]:
    return {name: module for name, module in model.named_modules() if isinstance(module, LowRank)}


class Origin(LanguageModel):
    """A student's base model: the same weights, read without the corrections. As a teacher it takes no memory of its own."""

    def __init__(self, student: LanguageModel, name: str) -> None:
        super().__init__(student.model, student.dtype, name)
        self.switch = next(iter(corrections(student.model).values())).switch

    @contextmanager
    def computing(self) -> Iterator[None]:
        with super().computing(), self.switch.off():
            yield


@contextmanager
def merged(model: Any) -> Iterator[None]:
    """The model as an ordinary one, corrections added to its weights, while it is saved; to the bit as before afterwards.

    The sums lie on the CPU, in fp32 at least: a smaller dtype would round most of a correction away, and a GPU may have no room.
    """
    places = []
    for name, layer in corrections(model).items():
        parent_name, _, key = name.rpartition(".")
        places.append((model.get_submodule(parent_name), key, layer, layer.base.weight.data))
    try:
        for parent, key, layer, weight in places:
            wide = torch.promote_types(weight.dtype, torch.float32)
            layer.base.weight.data = weight.to("cpu", wide) + layer.correction().detach().to("cpu", wide)
            setattr(parent, key, layer.base)
        yield
    finally:
        for parent, key, layer, weight in places:
            layer.base.weight.data = weight
            setattr(parent, key, layer)


def save(model: nn.Module, checkpoint: Path) -> None:
    """Writes A and B of every layer, and from which weights they start, into a checkpoint. Nothing without LoRA."""
    layers = corrections(model)
    if not layers:
        return
    folder = checkpoint / FOLDER
    folder.mkdir()
    tensors = {key(name, part): getattr(layer, part) for name, layer in layers.items() for part in PARTS}
    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, folder / TENSORS, {"format": "pt"})
    some = next(iter(layers.values()))
    base: Any = getattr(model, "minillm_base")  # noqa: B009
    write_json_whole(folder / RECORD, {
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": base["model"], "revision": base["revision"],
        "r": some.down.shape[0], "lora_alpha": some.scale * some.down.shape[0], "lora_dropout": 0.0, "bias": "none",
        "fan_in_fan_out": isinstance(some.base, Conv1D), "target_modules": list(layers), "inference_mode": True,
    })  # fmt: skip


def key(layer: str, part: str) -> str:
    """What peft calls A or B of a layer."""
    return f"base_model.model.{layer}.{PARTS[part]}.weight"


def base_of(folder: Path, settings: Lora) -> dict[str, Any] | None:
    """The model and revision from which a checkpoint's corrections start; None for any other folder, or where they are of another size."""
    record = read_json(folder / FOLDER / RECORD)
    if record is None or (record["r"], record["lora_alpha"]) != (settings.rank, settings.alpha):
        return None
    return {"model": record["base_model_name_or_path"], "revision": record["revision"]}


def restore(model: nn.Module, folder: Path) -> None:
    """Puts back what `save` wrote."""
    tensors = load_file(folder / FOLDER / TENSORS)
    with torch.no_grad():
        for name, layer in corrections(model).items():
            for part in PARTS:
                getattr(layer, part).copy_(tensors[key(name, part)])
