"""How long a piece of work takes, on any device."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Took:
    wall: float
    """Seconds until the work was done, on the device too."""
    cpu: float
    """CPU-seconds of all threads: what a busy machine changes least."""

    def of(self, device: str) -> float:
        """What sides are compared by: CPU-seconds on a CPU, which others may be using too; else seconds."""
        return self.cpu if device == "cpu" else self.wall


def took(work: Callable[[], object], device: str = "cpu") -> Took:
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
    return Took(time.perf_counter() - wall, time.process_time() - cpu)
