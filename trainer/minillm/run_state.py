"""The state of a run, concluded from facts alone. Standard library only.

The same table of cases (test/fixtures/run-states.json) holds for this and for src/contract/runState.ts, which finds the words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

ENDED = ("finished", "failed", "stopped")
STATES = (*ENDED, "queued", "starting", "running", "paused", "stopping", "stalled", "lost", "unknown")
EXIT_STATES = {"finished": "finished", "stopped": "stopped", "failed": "failed", "bad input": "failed"}
LAUNCH_GRACE = 30.0
"""Seconds that a launcher may take between making the folder and the supervisor's first status."""
HEARTBEAT_GRACE = 5.0
"""Seconds that a heartbeat may be late before silence is called a stall."""
SILENT = 300.0
"""Seconds of silence after which a person may say that a run which cannot be looked at from here is gone."""


@dataclass(frozen=True)
class Facts:
    """What is known about a run at one moment: its files, and what the machine says about its processes."""

    status: dict[str, Any] | None
    exit: dict[str, Any] | None
    same_host: bool
    """The status was written on this machine, and its pids are ours."""
    same_boot: bool
    supervisor_alive: bool
    trainer_alive: bool
    created: float
    now: float
    """Unix time."""
    clock: float | None
    """The machine's monotonic clock, where it is one for all processes."""
    unreadable_since: float | None = None
    """A status is there and cannot be used: when it was replaced last (Unix time; infinity where nobody knows)."""


def conclude(facts: Facts) -> str:
    status, exit_ = facts.status, facts.exit
    if facts.unreadable_since is not None:
        return "unknown"
    if status is None:
        return "starting" if facts.now - facts.created < LAUNCH_GRACE else "lost"
    state = str(status.get("state"))
    if state in ENDED:
        return state
    if not facts.same_host:
        return "unknown"
    gone = not facts.supervisor_alive and not facts.trainer_alive
    if gone and exit_ is not None and exit_.get("attempt") == status.get("attempt"):
        return EXIT_STATES.get(str(exit_.get("reason")), "failed")
    if not facts.same_boot or gone:
        return "lost"
    if not facts.supervisor_alive or heartbeat_late(facts) > HEARTBEAT_GRACE or status.get("silentSince") is not None:
        return "stalled"
    return state


def forsaken(facts: Facts) -> bool:
    """What goes on cannot be known, but nobody has heard of it for long: a person may say that it is gone, and resume it."""
    if facts.status is not None and (facts.same_host or facts.status.get("state") in ENDED):
        return False
    heard = facts.unreadable_since if facts.status is None else facts.status.get("heartbeat")
    return isinstance(heard, int | float) and facts.now - heard > SILENT


def heartbeat_late(facts: Facts) -> float:
    """Seconds by which the next heartbeat is overdue. By the clock that stands still while the machine sleeps, where there is one."""
    assert facts.status is not None
    beat, by, clock = (facts.status.get(key) for key in ("heartbeat", "nextHeartbeatBy", "heartbeatClock"))
    if not isinstance(beat, int | float) or not isinstance(by, int | float):
        return 0.0
    if isinstance(clock, int | float) and facts.clock is not None and facts.clock >= clock:
        return facts.clock - clock - (by - beat)
    return facts.now - by
