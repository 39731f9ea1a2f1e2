"""Which machine this is, and which process is which. Standard library only.

A pid alone is no identity: it is reused. With the process's start time it is one, on one boot of one machine. The editor
reads the same facts (src/rundir/liveness.ts) and must come to the same strings.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any


def host() -> str:
    return socket.gethostname()


def boot_id() -> str:
    """A text that changes when the machine restarts; "unknown" where the system does not tell."""
    try:
        if sys.platform == "linux":
            return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        if sys.platform == "darwin":
            return subprocess.run(["/usr/sbin/sysctl", "-n", "kern.boottime"], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        pass
    return "unknown"


def pid_namespace() -> str | None:
    """Which processes our pids speak of: in another container the same number is another process. None where there is but one."""
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return None


def start_time(pid: int) -> str | None:
    """Start of a living process as the kernel tells it; None when it is gone or a zombie, which is as good as gone."""
    if sys.platform == "linux":
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None
        # The command may hold spaces and brackets; the fields that count follow its last bracket.
        fields = stat[stat.rindex(")") + 2 :].split()
        return None if fields[0] in "ZX" else fields[19]
    command = ["/bin/ps", "-o", "state=,lstart=", "-p", str(pid)]
    # A date is written in the reader's language and time zone: both sides ask for the same ones.
    env = {**os.environ, "LC_ALL": "C", "TZ": "UTC"}
    told = subprocess.run(command, capture_output=True, text=True, check=False, env=env).stdout.split()
    return None if not told or told[0].startswith("Z") else " ".join(told[1:])


def identify(pid: int) -> dict[str, Any] | None:
    """The record of a living process (`contract.Process`), or None."""
    start = start_time(pid)
    return None if start is None else {"pid": pid, "startTime": start}


def alive(process: Any) -> bool:
    """The recorded process exists, is no zombie, and is the one that was recorded. Anything may come in: it was read from a file."""
    if not isinstance(process, dict):
        return False
    pid, start = process.get("pid"), process.get("startTime")
    return isinstance(pid, int) and pid > 0 and isinstance(start, str) and start_time(pid) == " ".join(start.split())
