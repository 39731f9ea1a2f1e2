"""How long the trainer has said nothing, and whether that is long. Standard library only."""

from __future__ import annotations

import time
from typing import Any

LONGEST_TICK = 2.0
"""Seconds. Whatever a look comes later than that, it was this process (or the machine) that slept, which says nothing of the trainer."""


class Silence:
    """Silence is summed up look by look: time that nobody looked does not count, so neither sleep nor a set clock looks like a stall."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.seconds = _number(settings.get("seconds"), 600.0)
        self.factor = _number(settings.get("factor"), 20.0)
        self.action = settings.get("action", "alert")
        self.silent = 0.0
        """Seconds since the trainer's last word."""
        self._looked = time.monotonic()

    def look(self, heard: bool) -> None:
        """Once a tick; `heard`: the trainer wrote since the last look, or has reason to be silent."""
        now = time.monotonic()
        self.silent = 0.0 if heard else self.silent + min(now - self._looked, LONGEST_TICK)
        self._looked = now

    def limit(self, step_seconds: float | None) -> float:
        """Seconds of silence that mean something, where a step lately took `step_seconds`."""
        return max(self.seconds, self.factor * (step_seconds or 0.0))


def _number(value: Any, otherwise: float) -> float:
    return float(value) if isinstance(value, int | float) and value > 0 else otherwise
