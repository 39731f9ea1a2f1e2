"""What the supervisor noted down, and how the trainer ended: `journal.jsonl`, `exit.json`."""

from __future__ import annotations

from typing import Literal

from minillm.contract.record import Metrics, Number, Record
from minillm.contract.status import State
from minillm.rundir import VERSION


class JournalEntry(Record):
    """A line of `journal.jsonl`, written by the supervisor."""

    v: int = VERSION
    seq: int
    t: Number
    attempt: int
    kind: Literal["state", "control", "signal", "exit", "message", "alert"]
    text: str
    """One sentence."""
    rule: str | None = None
    """Of an alert: name of the guard in the config."""
    numbers: Metrics | None = None
    """Of an alert: what was measured, and the threshold (`limit`)."""
    state: State | None = None
    control: str | None = None
    """Id of the request."""
    verb: str | None = None
    outcome: str | None = None
    signal: str | None = None
    exit_code: int | None = None


class Exit(Record):
    """`exit.json`: written by the trainer as it ends, so that an end without a witness is known."""

    v: int = VERSION
    run: str
    attempt: int
    t: Number
    exit_code: int
    reason: Literal["finished", "stopped", "failed", "bad input"]
    cause: str | None = None
