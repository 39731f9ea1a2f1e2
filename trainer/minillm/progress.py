"""Where the trainer is: follows its events as they are written. Standard library only."""

from __future__ import annotations

import json
import math
import os
import time
from collections import deque
from pathlib import Path
from typing import Any

SLICE = 1 << 20
LONGEST_LINE = 8 << 20
"""Bytes; a longer line is no event of ours and is skipped."""
SAVING = "writing a checkpoint"
"""What a trainer is doing when it had better not be disturbed."""
RECENT = 400
"""Steps that the estimate of the time left looks back on: enough to hold several evaluations, few enough to follow a change."""


class Tail:
    """Whole new lines of a growing file, from an offset on. A last line without an end is not there yet."""

    def __init__(self, path: Path, offset: int) -> None:
        self.path = path
        self.offset = offset
        self.rest = b""
        self.skipping = False

    def read(self) -> tuple[list[bytes], bool]:
        """New lines out of at most 1 MB, and whether there is more."""
        try:
            with open(self.path, "rb") as file:
                size = os.fstat(file.fileno()).st_size
                if size < self.offset:  # replaced by a shorter file: begin anew
                    self.offset, self.rest, self.skipping = 0, b"", False
                file.seek(self.offset)
                data = file.read(SLICE)
        except OSError:
            return [], False
        self.offset += len(data)
        *lines, rest = (self.rest + data).split(b"\n")
        if self.skipping and lines:
            lines, self.skipping = lines[1:], False
        if self.skipping or len(rest) > LONGEST_LINE:
            rest, self.skipping = b"", True
        self.rest = rest
        return lines, self.offset < size


class Progress:
    """Phase, step, activity and time left of one attempt, and what the trainer answered to requests."""

    def __init__(self, events: Path, attempt: int, offset: int) -> None:
        self.attempt = attempt
        self.started = False
        """Everything is loaded and training goes on."""
        self.paused = False
        self.phase: str | None = None
        self.step = 0
        self.total = 0
        self.activity: str | None = None
        self.answers: list[dict[str, Any]] = []
        """Control events, for the supervisor to take."""
        self.heard = 0
        """Events of this attempt so far."""
        self.checkpoint_bytes = 0
        """Size of the largest checkpoint of this attempt."""
        self.saving_since: float | None = None
        """Monotonic time at which a checkpoint was begun that is not yet whole; None while there is none."""
        self.longest_update = 0.0
        """Seconds of the longest update of this attempt: what a step does once it can no longer be cut short."""
        self._tail = Tail(events, offset)
        self._plan: list[dict[str, Any]] = []
        self._pace: dict[str, deque[float]] = {}
        """Method → seconds from one step to the next, with the evaluations and rollouts between them."""
        self._last: tuple[int, float] | None = None
        """Step and time of the last step event; None when the time since then says nothing (a pause, a sleep)."""

    def set_out_from(self, status: dict[str, Any]) -> None:
        """Shows what was last known of the run until this attempt tells more."""
        self.phase = status.get("phase") if isinstance(status.get("phase"), str) else None
        self.step, self.total = _whole(status.get("step"), 0), _whole(status.get("total"), 0)

    def follow(self) -> bool:
        """Takes in what is new, at most 1 MB. Returns whether there is more."""
        lines, more = self._tail.read()
        for line in lines:
            try:
                event = json.loads(line)
            except (ValueError, RecursionError):
                continue  # a torn or foreign line: readers count them, here they say nothing
            if isinstance(event, dict) and event.get("attempt") == self.attempt:
                self._fold(event)
        return more

    def interrupt_clock(self) -> None:
        """Says that the time until the next step is not the step's own: the machine slept or the run was paused."""
        self._last = None

    def seconds_left(self, now: float) -> float | None:
        """Seconds until the last step, from the recent pace of each phase's method; None while a method to come was never seen."""
        if not self._plan or self.step >= self.total or self._last is None:
            return None
        left = 0.0
        for phase in self._plan:
            end = phase["firstStep"] + phase["steps"] - 1
            steps = end - max(self.step, phase["firstStep"] - 1)
            pace = self._pace.get(phase["method"])
            if steps > 0 and not pace:
                return None
            if steps > 0 and pace:
                left += steps * sum(pace) / len(pace)
        return round(max(0.0, left - max(0.0, now - self._last[1])), 1)

    def step_seconds(self) -> float | None:
        """The longest that a step, with what came between it and the one before, has taken lately; None before there were two."""
        return max((max(pace) for pace in self._pace.values() if pace), default=None)

    def _fold(self, event: dict[str, Any]) -> None:
        kind = event.get("kind")
        self.heard += 1
        self.saving_since = time.monotonic() if kind == "progress" and event.get("what") == SAVING else None
        if kind == "start":
            self.started, self.activity = True, None
            self.total = _whole(event.get("total"), self.total)
            self._plan = [phase for phase in event.get("plan") or [] if _is_plan(phase)]
        elif kind == "phase":
            self.phase, self.activity, self._last = str(event.get("method")), None, None
        elif kind == "step":
            self._stepped(_whole(event.get("step"), self.step), event.get("t"))
            self.longest_update = max(self.longest_update, _seconds(event, "time/step"))
        elif kind == "rollout":
            self.activity = None
        elif kind == "progress":
            self.activity = str(event.get("what"))
        elif kind == "checkpoint":
            self.activity = None
            self.checkpoint_bytes = max(self.checkpoint_bytes, _whole(event.get("bytes"), 0))
        elif kind == "resume":
            self.step = _whole(event.get("step"), self.step)
        elif kind == "control":
            if event.get("outcome") == "done" and event.get("verb") in ("pause", "continue"):
                self.paused = event["verb"] == "pause"
                self.interrupt_clock()
            self.answers.append(event)
        elif kind == "end":
            self.step, self.activity = _whole(event.get("step"), self.step), None

    def _stepped(self, step: int, t: Any) -> None:
        self.step, self.activity = step, None
        if not isinstance(t, int | float) or not math.isfinite(t):
            return
        if self._last is not None and step > self._last[0] and t >= self._last[1]:
            pace = self._pace.setdefault(self.phase or "", deque(maxlen=RECENT))
            pace.append((t - self._last[1]) / (step - self._last[0]))
        self._last = (step, t)


def _whole(value: Any, otherwise: int) -> int:
    return value if isinstance(value, int) and value >= 0 else otherwise


def _seconds(event: dict[str, Any], metric: str) -> float:
    """What a metric of an event says; 0 where it says nothing."""
    metrics = event.get("metrics")
    value = metrics.get(metric) if isinstance(metrics, dict) else None
    return value if isinstance(value, int | float) and math.isfinite(value) else 0.0


def _is_plan(phase: Any) -> bool:
    return (
        isinstance(phase, dict)
        and isinstance(phase.get("method"), str)
        and all(isinstance(phase.get(key), int) for key in ("firstStep", "steps"))
    )
