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
from typing import Any, NamedTuple

UNKNOWN_BOOT = "unknown"
"""The boot of a system that does not tell."""


class Machine(NamedTuple):
    """Where this process runs; what `same_machine` and `same_boot` compare a record with."""

    host: str
    boot_id: str
    pid_namespace: str | None


def host() -> str:
    return socket.gethostname()


def boot_id() -> str:
    """A text that changes when the machine restarts, and only then; UNKNOWN_BOOT where the system does not tell."""
    try:
        if sys.platform == "linux":
            return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        if sys.platform == "darwin":
            # The time of the boot would not do: it moves whenever the clock is corrected.
            command = ["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"]
            return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() or UNKNOWN_BOOT
    except (OSError, subprocess.SubprocessError):
        pass
    return UNKNOWN_BOOT


def pid_namespace() -> str | None:
    """Which processes our pids speak of: in another container the same number is another process. None where there is but one."""
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return None


def this_machine() -> Machine:
    return Machine(host(), boot_id(), pid_namespace())


def same_machine(record: dict[str, Any], machine: Machine | None = None) -> bool:
    """The record's pids are those of `machine` (default: this one) and of its container. src/contract/runPlace.ts concludes alike.

    A record without a namespace is of an older version, and one with None of a system without namespaces: a host that sees
    into a container of the same name sees other processes under its numbers.
    """
    here = machine or this_machine()
    return record.get("host") == here.host and ("pidNamespace" not in record or record["pidNamespace"] == here.pid_namespace)


def same_boot(record: dict[str, Any], machine: Machine | None = None) -> bool:
    """The record is of `machine`, and nothing proves that there was a restart since: a boot that nobody knows does not."""
    here = machine or this_machine()
    told = record.get("bootId")
    restarted = isinstance(told, str) and told != "" and UNKNOWN_BOOT not in (told, here.boot_id) and told != here.boot_id
    return same_machine(record, here) and not restarted


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
