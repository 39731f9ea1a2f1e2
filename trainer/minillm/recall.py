"""What the guards of a run that goes on know of it: its events, told to them again.

What came after the checkpoint from which an attempt went on is void: it is done again, and told of again.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from minillm.guards import Guards

KINDS = ("start", "resume", "rollout", "step", "evaluation", "alert")
WANTED = tuple(f'"kind":"{kind}"'.encode() for kind in KINDS)
"""As `EventWriter` writes it: other lines, which may be many, are not taken apart."""


def recall(guards: Guards, events: Path) -> None:
    """Brings new `guards` to where those of the attempts before were: nothing is told or done again, rules count on.

    A rule that is broken but of which nobody was told (the trainer died in between) is told of when it is looked at next.
    """
    kept = list[dict[str, Any]]()
    resumed = 0
    for event in _read(events):
        match event["kind"]:
            case "resume":
                resumed = event["attempt"]
                kept = [one for one in kept if one["step"] <= event["step"]]
            case "start" if event["attempt"] > 1 and event["attempt"] != resumed:  # from the beginning again
                kept.clear()
            case "start":
                pass
            case _:
                kept.append(event)
    tell, guards.tell = guards.tell, lambda _alert: None
    for event in kept:
        with contextlib.suppress(KeyError, TypeError, ValueError, AttributeError):  # a line that somebody else wrote
            _repeat(guards, event)
    guards.tell = tell
    guards.take()
    guards.broken &= {str(event.get("rule")) for event in kept if event["kind"] == "alert"}


def _repeat(guards: Guards, event: dict[str, Any]) -> None:
    if event["kind"] == "alert":
        return
    metrics = {name: float(value) for name, value in event["metrics"].items()}  # "NaN" among them
    match event["kind"]:
        case "rollout":
            guards.rollout(event["phase"], metrics)
        case "step" if metrics.keys() == {"grad/norm"} and not math.isfinite(metrics["grad/norm"]):
            guards.not_finite("")
        case "step":
            guards.step(metrics)
        case "evaluation" if event["subject"] == "student" and not event["full"]:
            guards.evaluation(event["checkpoint"], metrics, [])


def _read(events: Path) -> Iterator[dict[str, Any]]:
    """The events that matter here, in order; lines that are none are left out. Raises OSError."""
    with open(events, "rb") as file:
        for line in file:
            if not any(kind in line[:200] for kind in WANTED):
                continue
            try:
                event = json.loads(line)
                whole = isinstance(event["attempt"], int) and (event["kind"] == "start" or isinstance(event["step"], int))
            except (ValueError, TypeError, KeyError, RecursionError):
                continue
            if whole:
                yield event
