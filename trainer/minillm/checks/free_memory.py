"""How much memory there is for a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

GROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Room:
    """Bytes of one device."""

    free: float
    """Now, what can be given up for others included."""
    total: float
    """That there would be if nothing else ran; with swap on a CPU."""


def look(device: torch.device) -> Room | None:
    """None where the system does not tell."""
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        reserved = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)  # torch's own, and idle
        return Room(free + reserved, total)
    return _of_system()


def _of_system(meminfo: Path = Path("/proc/meminfo"), group: Path = GROUP) -> Room | None:
    try:
        lines = dict(line.split(":", 1) for line in meminfo.read_text().splitlines() if ":" in line)
        free, total, swap = (int(lines[key].split()[0]) * 1024 for key in ("MemAvailable", "MemTotal", "SwapTotal"))
    except (OSError, KeyError, ValueError):
        return None
    return _within(Room(free, total + swap), group)


def _within(room: Room, group: Path) -> Room:
    """A container may have less than the machine."""
    try:
        limit, used = (int((group / name).read_text()) for name in ("memory.max", "memory.current"))
        idle = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())["inactive_file"]
    except (OSError, KeyError, ValueError):  # no such file, or "max"
        return room
    return Room(min(room.free, limit - used + int(idle)), min(room.total, limit))
