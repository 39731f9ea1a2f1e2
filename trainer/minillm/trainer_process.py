"""The trainer as the supervisor sees it: a process group with an identity, started here or adopted. Standard library only."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minillm import identity
from minillm.rundir import RunDir


@dataclass
class TrainerProcess:
    record: dict[str, Any]
    """Pid and start time; the pid is also the id of its process group."""
    child: subprocess.Popen[bytes] | None
    """None when an earlier supervisor started it: its exit code is then out of reach."""

    @classmethod
    def start(cls, command: Sequence[str], run: RunDir, extra: Mapping[str, str], keep: Sequence[int]) -> TrainerProcess:
        """Starts it in a session of its own, closed at its gate. It writes log.txt through its own descriptor, never through
        a pipe of ours, which would break with us. `extra` is added to its environment; the descriptors in `keep` it holds as long as
        it lives. Raises OSError."""
        package = str(Path(__file__).resolve().parents[1])
        env = {**os.environ, "PYTHONPATH": package, "PYTHONSAFEPATH": "1", "PYTHONUNBUFFERED": "1", **extra}
        log = os.open(run.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
        try:
            child = subprocess.Popen(
                command, cwd=run.path, env=env, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True, pass_fds=keep,
            )  # fmt: skip
        finally:
            os.close(log)
        return cls(identity.identify(child.pid) or {"pid": child.pid, "startTime": "gone"}, child)

    def open_gate(self) -> None:
        """Lets it begin, now that it is written down who it is. A supervisor that dies before leaves no trainer that nobody
        knows of: then the gate closes without a word."""
        if self.child is not None and self.child.stdin is not None:
            with contextlib.suppress(BrokenPipeError), self.child.stdin as gate:
                gate.write(b"go\n")

    def close_gate(self) -> None:
        """Lets it end without having begun."""
        if self.child is not None and self.child.stdin is not None:
            self.child.stdin.close()
            self.child.wait()

    def alive(self) -> bool:
        return identity.alive(self.record)

    def signal(self, number: signal.Signals) -> None:
        """Signals the whole group, if the trainer still is who it was."""
        if self.alive():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.record["pid"], number)

    def collect(self) -> int | None:
        """After its end: ends what is left of its group, and returns the exit code (-N: killed by signal N; None: unknown)."""
        if self.child is None:
            return None
        # Until the zombie is collected, its pid and with it the group's id cannot be another's.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.child.pid, signal.SIGKILL)
        return self.child.wait()
