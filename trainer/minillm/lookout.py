"""The guards that need no trainer: whether it still says something, and whether the disk has room. Standard library only."""

from __future__ import annotations

import time
from typing import Any

from minillm.bulletin import Bulletin
from minillm.room import Room
from minillm.rundir import RunDir
from minillm.silence import Silence


class Lookout:
    """Looks once a tick; tells of what it finds, once until it is over."""

    def __init__(self, run: RunDir, told: Bulletin, guards: dict[str, Any]) -> None:
        self._told = told
        self._settings = guards.get("stall") or {}
        self._room = Room(run.path, guards.get("diskSpace") or {})
        self.begin_attempt()

    def begin_attempt(self) -> None:
        self.silence = Silence(self._settings)
        self.ended_after: float | None = None
        """Seconds of silence for which the trainer was ended."""
        self._heard = 0

    def look(self) -> str | None:
        """What is to be done: "end" the trainer, which says nothing; "pause" or "stop" the run. Raises OSError."""
        return self._look_at_trainer() or self._look_at_disk()

    def _look_at_trainer(self) -> str | None:
        told, silence, progress = self._told, self.silence, self._told.progress
        silence.look(progress.heard != self._heard or progress.paused or told.ladder is not None)
        self._heard = progress.heard
        limit = silence.limit(progress.step_seconds())
        if silence.action != "off" and silence.silent > limit:
            if told.silent_since is not None:
                return None
            told.silent_since = round(time.time() - silence.silent, 3)
            text = f"The trainer has said nothing for {silence.silent:.0f} s, and {limit:.0f} s are allowed."
            told.note("alert", text, rule="stall", numbers={"seconds": round(silence.silent, 2), "limit": round(limit, 2)})
            told.write()
            if silence.action != "stop":
                return None
            self.ended_after = silence.silent
            return "end"
        if told.silent_since is not None and told.ladder is None:
            told.silent_since = None
            told.note("message", "The trainer speaks again.")
            told.write()
        return None

    def _look_at_disk(self) -> str | None:
        alert = self._room.look(self._told.progress.checkpoint_bytes)
        if alert is None:
            return None
        self._told.note("alert", alert.text, rule="diskSpace", numbers=alert.numbers)
        return alert.verb
