"""How much memory a piece of work takes beyond what was there before."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path

import torch

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
PEAK = "5"
"""What `clear_refs` takes to forget the largest resident memory so far."""


def resident(field: str = "VmRSS") -> int:
    """Bytes of a memory field of this process: VmRSS now, VmHWM at most. Raises OSError where there is no /proc."""
    line = next(line for line in STATUS.read_text(encoding="ascii").splitlines() if line.startswith(field))
    return int(line.split()[1]) * 1024


def extra(work: Callable[[], object], device: str = "cpu") -> int:
    """Bytes that `work` took at its peak beyond what was held before: resident memory on a CPU, allocated on a GPU."""
    gc.collect()
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        work()
        return torch.cuda.max_memory_allocated(device) - before
    CLEAR.write_text(PEAK, encoding="ascii")
    before = resident()
    work()
    return resident("VmHWM") - before
