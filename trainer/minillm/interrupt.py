"""What may come between two steps: a request to stop, a signal, a pause. And between the parts of anything long."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from types import FrameType

ON_REQUEST = "Stopped on request."
LOOK_EVERY = 0.5
"""Seconds between looks for a request within anything long. Its parts may take far less, and the folder may lie on a slow disk."""

Heed = Callable[[], None]
"""Called between the parts of anything long, as often as they come; raises Stopped to end it."""


def undisturbed() -> None:
    """Heeds nobody."""


class Stopped(Exception):
    """Raised in the midst of loading, sampling, an evaluation or samples, which nothing is lost by cutting short."""


class Interrupt:
    """Remembers that someone wants the trainer to stop. An update in progress is always finished; what comes before it in a step has
    changed nothing yet, and is begun again by a resume."""

    def __init__(self, asked: Callable[[], bool] = lambda: False) -> None:
        """`asked` looks whether there is a request to stop."""
        self.wanted = False
        self.reason = ""
        self._asked = asked
        self._looked = time.monotonic()

    def listen(self) -> None:
        """SIGINT and SIGTERM both ask to stop. Call once, from the main thread."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._receive)

    def ask(self, reason: str) -> None:
        self.wanted, self.reason = True, self.reason or reason

    def check(self) -> None:
        """Raises Stopped when someone wants the trainer to stop. For places where no step is half done."""
        now = time.monotonic()
        if not self.wanted and now - self._looked >= LOOK_EVERY:
            self._looked = now
            if self._asked():
                self.ask(ON_REQUEST)
        if self.wanted:
            raise Stopped(self.reason)

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        self.ask(f"{signal.Signals(number).name} received")
