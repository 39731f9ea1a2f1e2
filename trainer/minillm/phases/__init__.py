"""The phases of a run. A phase is the body of one optimizer step; `train.py` calls it, step after step.

What a phase does at step n is a function of the seed, n, and the weights (and of the rollouts in use, which
`tensors` hands to the checkpoint): so a run that stops anywhere goes on as if it had not.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import torch
from torch import Tensor

from minillm.config import Config
from minillm.interrupt import Heed, undisturbed
from minillm.language_model import LanguageModel
from minillm.methods import Passes
from minillm.methods import Phase as PhaseSettings
from minillm.policy import ClippedRow
from minillm.sequences import Rollout

Metrics = dict[str, float]
T = TypeVar("T")


@dataclass(frozen=True)
class Workbench:
    """What every phase works with."""

    config: Config
    student: LanguageModel
    teacher: LanguageModel
    eos: int
    pad: int
    report_rollout: Callable[[int, Metrics], None]
    """Takes the number of the round and what was measured while sampling it."""
    progress: Callable[[str, float, float | None, str], None]
    """Takes what is being done, how far it is, of how much, and the unit; may raise to end it."""
    look_at_rollout: Callable[[Rollout], Metrics]
    """Takes a round as it was sampled; gives more to measure of it."""
    spare_teacher: Callable[[], None] = lambda: None
    """Told that the teacher's body is not needed for a while."""
    heed: Heed = undisturbed
    """Called in whatever takes long before a step has changed anything."""


class Phase(Protocol):
    method: str
    steps: int
    """Optimizer steps of the whole phase."""
    optimizer: torch.optim.Optimizer

    def step(self, n: int) -> Metrics:
        """Does optimizer step `n` of the phase, from 1. Raises FloatingPointError when the gradient is not finite, and Stopped before
        anything has changed that `tensors` or a checkpoint keeps: the step was not begun then."""

    def most_clipped(self, count: int) -> list[ClippedRow]:
        """The responses of the last step that were clipped most."""

    def tensors(self, n: int) -> dict[str, Tensor]:
        """What going on after step `n` needs besides weights and optimizer."""

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Takes back what `tensors` gave."""

    def release(self) -> None:
        """After the last step: gives up optimizer and rollouts."""


def steps_of(settings: Passes, per_epoch: int) -> int:
    """Optimizer steps of a phase that counts in passes or in steps."""
    return settings.steps or max(1, round((settings.epochs or 1) * per_epoch))


def micro_batches(items: Sequence[T], settings: PhaseSettings, length: Callable[[T], int]) -> list[Sequence[T]]:
    """`items` in their order, in groups that go through the models together: of no more sequences than `micro_batch_size`, and of no
    more tokens than `micro_batch_tokens` once each is padded to the longest of its group. A sequence longer than that goes alone."""
    size, tokens = settings.micro_batch_size or len(items), settings.micro_batch_tokens
    groups, begin, longest = list[Sequence[T]](), 0, 0
    for place, item in enumerate(items):
        longest = max(longest, length(item))
        count = place - begin + 1
        if count > 1 and (count > size or (tokens is not None and count * longest > tokens)):
            groups.append(items[begin:place])
            begin, longest = place, length(item)
    return groups + ([items[begin:]] if items else [])


def peak_memory(device: torch.device) -> int:
    """Largest memory in bytes so far: allocated on a GPU, else resident."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest if sys.platform == "darwin" else largest * 1024
