"""The stop ladder: from a request to force, each step at a stated time. Standard library only."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence

Rung = tuple[float, signal.Signals]
"""Seconds after the rung before, and the signal that is then sent."""


class Ladder:
    """Signals to send and when. Times are monotonic: a machine that sleeps or sets its clock skips no step."""

    def __init__(self, rungs: Sequence[Rung], severity: int, why: str) -> None:
        self._rungs = list(rungs)
        self._severity = severity
        self._next = time.monotonic() + self._rungs[0][0]
        self._held = False
        self.why = why
        """What is going on, in one sentence."""
        self.last_sent: signal.Signals | None = None

    @classmethod
    def stop(cls, grace: float) -> Ladder:
        """The trainer was asked to stop: SIGINT after `grace` seconds, SIGTERM and SIGKILL after a third and a sixth of it."""
        rungs = [(grace, signal.SIGINT), (grace / 3, signal.SIGTERM), (grace / 6, signal.SIGKILL)]
        return cls(rungs, 0, "Asked to stop: it ends its step and writes a checkpoint.")

    @classmethod
    def kill(cls, grace: float) -> Ladder:
        """SIGTERM now, SIGKILL after a twelfth of `grace`."""
        return cls([(0.0, signal.SIGTERM), (grace / 12, signal.SIGKILL)], 1, "Asked to end at once.")

    @classmethod
    def stalled(cls, grace: float) -> Ladder:
        """A trainer that says nothing any more is told to end, and killed when that has no effect either."""
        return cls([(0.0, signal.SIGTERM), (grace / 3, signal.SIGKILL)], 1, "The trainer says nothing any more; it is ended.")

    def harsher_than(self, other: Ladder) -> bool:
        return self._severity > other._severity

    def hold(self, saving: bool) -> None:
        """Once a tick: while the trainer is `saving`, a stop waits, and the next rung has its whole time again when that is over. Who
        was asked to end at once is not waited for."""
        self._held = saving and self._severity == 0 and bool(self._rungs)
        if self._held:
            self._next = max(self._next, time.monotonic() + self._rungs[0][0])

    def due(self) -> signal.Signals | None:
        """The signal whose time has come, once; None while there is none."""
        if not self._rungs or time.monotonic() < self._next:
            return None
        _, number = self._rungs.pop(0)
        if self._rungs:
            self._next = time.monotonic() + self._rungs[0][0]
        self.last_sent = number
        self.why = {
            signal.SIGINT: "The request had no effect in time; the trainer is interrupted, which still writes a checkpoint.",
            signal.SIGTERM: "The trainer is told to end; work since the last checkpoint may be lost.",
            signal.SIGKILL: "The trainer did not end by itself; it is killed.",
        }[number]
        return number

    def deadline(self, now: float) -> float | None:
        """Wall-clock time of the next, harsher step, when it is `now`; None when there is none left, or it waits."""
        return round(now + max(0.0, self._next - time.monotonic()), 3) if self._rungs and not self._held else None
