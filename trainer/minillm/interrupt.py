"""What may come between two steps: a request to stop, a signal, a pause. And between the chunks of anything long."""

from __future__ import annotations

import signal
from types import FrameType


class Stopped(Exception):
    """Raised in the midst of loading, an evaluation or samples, which nothing is lost by cutting short."""


class Interrupt:
    """Remembers that someone wants the trainer to stop; a step in progress is always finished."""

    def __init__(self) -> None:
        self.wanted = False
        self.reason = ""

    def listen(self) -> None:
        """SIGINT and SIGTERM both ask to stop. Call once, from the main thread."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._receive)

    def ask(self, reason: str) -> None:
        self.wanted, self.reason = True, self.reason or reason

    def check(self) -> None:
        """Raises Stopped when someone wants the trainer to stop. For places where no step is half done."""
        if self.wanted:
            raise Stopped(self.reason)

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        self.ask(f"{signal.Signals(number).name} received")
