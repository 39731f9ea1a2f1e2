"""A run's turn at its device: whether it waits for one, and what it tells while it does. Standard library only."""

from __future__ import annotations

import os
import time
from functools import cached_property
from typing import Any

from minillm.bulletin import Bulletin
from minillm.waiting import Ticket, wanted_devices

LOOK = 0.5
"""Seconds between looks at the line for the device."""


class Turn:
    """A place in the line, over all attempts of a run: a device once taken stays taken until `close`."""

    def __init__(self, told: Bulletin, record: dict[str, Any], queue: Any) -> None:
        """`queue` as in the config: "auto" waits for everything but the CPU, "always" and "never" say it."""
        self._told, self._record, self._queue = told, record, queue
        self._ticket: Ticket | None = None
        self._looked = float("-inf")

    @cached_property
    def wanted(self) -> list[str]:
        """The devices of which the run needs one."""
        return wanted_devices(self._record, os.environ.get("CUDA_VISIBLE_DEVICES"))

    def has_come(self) -> bool:
        """Asked again and again, from the beginning of an attempt. Raises OSError where the line cannot be used."""
        self._ticket = self._ticket or Ticket(self._told.run.id, self.wanted)
        ticket, told, now = self._ticket, self._told, time.monotonic()
        if ticket.device is not None:
            return True
        if now - self._looked < LOOK:
            return False
        behind = ticket.claim(wait=self._queue == "always" or (self._queue == "auto" and self.wanted != ["cpu"]))
        if behind is None:  # somebody else is looking; that takes no time
            return False
        self._looked = now
        if behind and behind != told.behind:
            told.behind = behind
            others = "" if len(behind) == 1 else f" and {len(behind) - 1} more"
            told.waits = f"Waits for {' or '.join(self.wanted)}, behind {behind[0]}{others}."
            told.safely(lambda: told.enter("queued", str(told.waits)))
        return not behind

    @property
    def environment(self) -> dict[str, str]:
        """What shows the trainer the GPU that is its own, and no other."""
        device = self._ticket.device if self._ticket is not None else None
        gpu = (device or "").partition(":")[2]
        return {"CUDA_VISIBLE_DEVICES": gpu} if gpu else {}

    @property
    def held(self) -> list[int]:
        """Descriptors that the trainer holds too, so that the device stays taken while its supervisor is being replaced."""
        return [self._ticket.fd] if self._ticket is not None and self._ticket.fd is not None else []

    def close(self) -> None:
        """Gives up the place, or the device."""
        if self._ticket is not None:
            self._ticket.close()
            self._ticket = None
