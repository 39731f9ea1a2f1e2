"""What a supervisor tells of its run: the facts of the moment in `status.json`, and what happened in `journal.jsonl`.

Standard library only.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable
from typing import Any

from minillm import identity
from minillm.ladder import Ladder
from minillm.progress import Progress
from minillm.rundir import VERSION, LineWriter, RunDir, write_json_whole
from minillm.trainer_process import TrainerProcess

HEARTBEAT = 1.0
"""Seconds from one heartbeat to the next."""
SLACK = 5.0
"""Seconds that a heartbeat may be late before its silence means something."""
ENDED = ("finished", "failed", "stopped")


class Bulletin:
    """The one writer of both files. What is to be told is set here as it changes; `write` tells it."""

    def __init__(self, run: RunDir, attempt: int, before: dict[str, Any]) -> None:
        self.run = run
        self.journal = LineWriter(run.journal, attempt)
        self.attempt = attempt
        self.state = "starting"
        self.trainer: TrainerProcess | None = None
        self.progress = Progress(run.events, attempt, 0)
        self.ladder: Ladder | None = None
        self.behind: list[str] = []
        self.silent_since: float | None = None
        self.restarts = 0
        self.restart_at: float | None = None
        """Monotonic."""
        self.waits: str | None = None
        """Why there is no trainer yet, in one sentence."""
        self.exit_code: int | None = None
        self.reason: str | None = None
        """Why it ended."""
        started = before.get("started")
        self._started = started if isinstance(started, int | float) else round(time.time(), 3)
        self._beat = float("-inf")
        self._complaints: set[str] = set()

    def begin_attempt(self, attempt: int, offset: int) -> None:
        """A new trainer is to come, whose events begin at `offset`; until it tells more, what was last known of the run is shown."""
        known = {"phase": self.progress.phase, "step": self.progress.step, "total": self.progress.total}
        self.attempt = self.journal.attempt = attempt
        self.trainer, self.ladder, self.silent_since = None, None, None
        self.progress = Progress(self.run.events, attempt, offset)
        self.progress.set_out_from(known)

    def note(self, kind: str, text: str, **fields: Any) -> None:
        """Appends to the journal. Raises OSError."""
        self.journal.write(kind, text=text, **fields)

    def enter(self, state: str, text: str, **fields: Any) -> None:
        """Tells of a new state."""
        self.state = state
        self.note("state", text, state=state, **fields)
        self.write()

    def note_trainer(self, text: str) -> None:
        """Also says who the trainer is: should status.json ever be unreadable, the journal knows."""
        assert self.trainer is not None
        where = {"host": identity.host(), "bootId": identity.boot_id(), "pidNamespace": identity.pid_namespace()}
        self.note("state", text, state=self.state, trainer=self.trainer.record, **where)

    def beat(self) -> None:
        """The heartbeat, when it is due."""
        if time.monotonic() - self._beat >= HEARTBEAT:
            self.write(durable=False)

    def write(self, *, durable: bool = True) -> None:
        """Replaces status.json. Raises OSError."""
        now, clock, progress = time.time(), time.monotonic(), self.progress
        over = self.state in ENDED
        activity = progress.activity if progress.started or progress.activity else "loading Python packages"
        write_json_whole(self.run.status, {
            "v": VERSION, "run": self.run.id, "state": self.state, "attempt": self.attempt,
            "host": identity.host(), "bootId": identity.boot_id(), "pidNamespace": identity.pid_namespace(),
            "supervisor": identity.identify(os.getpid()), "trainer": None if self.trainer is None else self.trainer.record,
            "phase": progress.phase, "step": progress.step, "total": progress.total,
            "eta": None if over or progress.paused or self.waits else progress.seconds_left(now),
            "activity": None if over or self.waits else activity,
            "started": self._started, "heartbeat": round(now, 3), "nextHeartbeatBy": round(now + HEARTBEAT + SLACK, 3),
            "heartbeatClock": round(clock, 3) if sys.platform == "linux" else None,
            "silentSince": self.silent_since, "behind": self.behind, "restarts": self.restarts,
            "restartAt": None if self.restart_at is None else round(now + max(0.0, self.restart_at - clock), 3),
            "stopDeadline": None if self.ladder is None else self.ladder.deadline(now),
            "exitCode": self.exit_code, "reason": self.reason if over else self.waits if self.ladder is None else self.ladder.why,
        }, durable=durable)  # fmt: skip
        self._beat = clock

    def safely(self, act: Callable[[], None]) -> bool:
        """Does what may fail for the disk's sake without giving up the run over it; says each new fault once, in the log."""
        try:
            act()
        except OSError as error:
            if str(error) not in self._complaints:
                self._complaints.add(str(error))
                with contextlib.suppress(OSError):
                    print(f"The supervisor cannot write: {error}. The trainer goes on.", file=sys.stderr, flush=True)
            return False
        return True
