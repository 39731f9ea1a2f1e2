"""Whether the disk has room for what is to come. Standard library only."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EVERY = 10.0
"""Seconds between looks."""
AMPLE = 1.1
"""The alert clears once this many times the limit is free."""
GIB = 1 << 30


@dataclass(frozen=True)
class Alert:
    text: str
    numbers: dict[str, float]
    verb: str | None
    """What to ask of the run."""


class Room:
    """Guard against a full disk: one alert until there is ample room again."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        free = settings.get("free")
        self.folder, self.action = folder, settings.get("action", "alert")
        self.free = (free if isinstance(free, int | float) else 1.0) * GIB
        self._alerted = False
        self._looked = float("-inf")

    def look(self, checkpoint_bytes: int) -> Alert | None:
        """An alert, once, when less is free than the config asks for besides two checkpoints of that size. Raises OSError."""
        now = time.monotonic()
        if self.action == "off" or now - self._looked < EVERY:
            return None
        self._looked = now
        disk = os.statvfs(self.folder)
        free, limit = disk.f_bavail * disk.f_frsize, self.free + 2 * checkpoint_bytes
        if free > limit * AMPLE:
            self._alerted = False
        if free >= limit or self._alerted:
            return None
        self._alerted = True
        text = f"The disk of the runs folder is nearly full: {free / GIB:.1f} GiB are free, {limit / GIB:.1f} GiB are wanted."
        return Alert(text, {"free": free, "limit": limit}, self.action if self.action in ("pause", "stop") else None)
