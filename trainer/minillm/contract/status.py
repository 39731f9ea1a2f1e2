"""What a run is doing, as its supervisor tells it: `status.json`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from minillm.contract.record import Number, Record
from minillm.rundir import VERSION

State = Literal["queued", "starting", "running", "paused", "stopping", "stalled", "finished", "failed", "stopped", "lost", "unknown"]
"""`stalled`, `lost` and `unknown` are never written: a reader concludes them from the facts."""


class Process(Record):
    pid: int
    start_time: str
    """Start of the process as the kernel tells it (clock ticks since boot, or a date): with the pid, its identity."""


class Status(Record):
    """`status.json`: written by the supervisor alone, whole, by rename."""

    v: int = VERSION
    run: str
    """Id of the run."""
    state: State
    attempt: int
    """Counts the trainer processes of this run, from 1."""
    host: str
    """Name of the machine."""
    boot_id: str
    """Changes when the machine restarts."""
    pid_namespace: str | None = None
    """The container in which the pids below are counted, where the system tells."""
    supervisor: Process | None = None
    trainer: Process | None = None
    phase: str | None = None
    """Method of the phase at work."""
    step: int = 0
    total: int = 0
    """Optimizer steps of the whole run; 0 while unknown."""
    eta: Number | None = None
    """Seconds left, by the supervisor's reckoning."""
    activity: str | None = None
    """What the trainer is busy with, in words: "loading the teacher", "evaluating"."""
    started: Number
    """Unix time of the run's first start."""
    heartbeat: Number
    """Unix time of this record."""
    heartbeat_clock: Number | None = None
    """The machine's monotonic clock at this record, in seconds: it stands still while the machine sleeps, and nobody sets it."""
    next_heartbeat_by: Number
    """Unix time after which silence means that the supervisor is gone or the machine slept."""
    silent_since: Number | None = None
    """Unix time of the trainer's last word, once its silence is longer than it should be; sleep does not count."""
    behind: list[str] = Field(default_factory=list)
    """While queued: ids of the runs that it waits for."""
    restarts: int = 0
    """Automatic restarts since a person last started the run."""
    restart_at: Number | None = None
    """After a crash: Unix time of the next automatic restart."""
    stop_deadline: Number | None = None
    """While stopping: Unix time of the next, harsher step of the stop ladder."""
    exit_code: int | None = None
    reason: str | None = None
    """Why it ended, or why it waits, in one sentence."""
