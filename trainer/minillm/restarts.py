"""Whether a run that crashed is started again, and when. Standard library only."""

from __future__ import annotations

from minillm.ending import Ending

STEEPNESS, LONGEST = 3, 300.0
"""Each wait without progress in between is that many times as long as the one before, in seconds at most."""


class Restarts:
    """Counts the automatic restarts since a person last started the run."""

    def __init__(self, allowed: int, made: int, first_wait: float) -> None:
        self.allowed, self.made, self.first_wait = allowed, made, first_wait
        self._last: tuple[str, int] | None = None
        self._in_vain = 0
        """Crashes in a row without a step that is new."""

    def wait_after(self, ending: Ending, step: int) -> tuple[float | None, str]:
        """Seconds until the next attempt, or None when there is none; and why, as part of a sentence ("" when it was never asked for).

        A failure that comes again at the same step with the same words would come a third time.
        """
        if ending.state != "failed" or ending.code == 2 or self.allowed == 0:
            return None, ""
        self._in_vain = 0 if self._last is None or step > self._last[1] else self._in_vain + 1
        same, self._last = self._last == (ending.reason, step) and ending.code == 1, (ending.reason, step)
        if same:
            return None, f"It failed in the same way at step {step} before: it is not restarted again."
        if self.made >= self.allowed:
            return None, f"It was restarted {_times(self.made)}, which is what the config allows."
        wait = min(LONGEST, self.first_wait * STEEPNESS**self._in_vain)
        self.made += 1
        return wait, f"Restart {self.made} of {self.allowed} after a crash"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
