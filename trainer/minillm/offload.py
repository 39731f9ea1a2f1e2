"""A teacher that leaves the GPU while the student learns: its weights wait in the machine's memory until it reads again.

Between two rounds of sampling its head alone is asked, on hidden states that were kept; its body need not lie beside the student's
gradients and activations. Whoever runs it has it fetched, so that nobody can find it missing.
"""

from __future__ import annotations

import torch
from torch import nn

from minillm.errors import BadInput
from minillm.language_model import LanguageModel
from minillm.lora import Origin

DEVICES = ("cuda",)
"""Those with a memory of their own. On Apple's GPUs, as on a CPU, there is nowhere else to wait."""


class Offloaded:
    """The frozen weights of a model's body, but for what its head shares: here, or away."""

    def __init__(self, model: LanguageModel) -> None:
        self.device = model.device
        stay = {id(parameter) for parameter in model.head.parameters()}
        leave = [parameter for parameter in model.body.parameters() if id(parameter) not in stay]
        self.weights = [(parameter, _waiting(parameter)) for parameter in leave]
        self.here = True
        model.body.register_forward_pre_hook(self._fetch)

    def rest(self) -> None:
        """Gives up the memory of the weights on the device."""
        if not self.here:
            return
        for parameter, _ in self.weights:
            parameter.data = parameter.data.new_empty(0)
        self.here = False

    def _fetch(self, _module: nn.Module, _inputs: object) -> None:
        if self.here:
            return
        if self.device.type == "cuda":
            torch.cuda.empty_cache()  # what updates left in small pieces
        for parameter, waiting in self.weights:
            parameter.data = waiting.to(self.device, non_blocking=True, copy=True)
        self.here = True


def _waiting(parameter: nn.Parameter) -> torch.Tensor:
    """The values in the machine's memory: locked there, which makes the way back several times faster."""
    held = torch.empty_like(parameter, device="cpu", pin_memory=parameter.device.type == "cuda", requires_grad=False)
    return held.copy_(parameter.detach())


def offload(*teachers: LanguageModel) -> list[Offloaded]:
    """Lets the teachers leave, where their device has a memory of its own.

    Raises BadInput for one that is the student's own base model, whose weights the student needs.
    """
    if any(isinstance(teacher, Origin) for teacher in teachers):
        sentence = "The teacher is the student's own base model, held once, and cannot leave the GPU without it: leave teacher.offload out."
        raise BadInput(sentence, pointer="/teacher/offload")
    return [Offloaded(teacher) for teacher in dict.fromkeys(teachers) if teacher.device.type in DEVICES]
