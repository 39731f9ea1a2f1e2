"""The line in which runs wait for a device: tickets in one folder of this user and machine, in order of submission. Standard library only.

There is no daemon. A ticket is a file that its supervisor keeps locked; the kernel lets go of the lock when the last process that
holds it dies, and the trainer holds it too, so that a device stays taken while its supervisor is being replaced.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minillm import identity

NAME = re.compile(r"(\d{10})\.json")


def cache_folder() -> Path:
    """Where this user's caches lie; src/launch/trainerPackage.ts says the same."""
    xdg = os.environ.get("XDG_CACHE_HOME")
    if xdg and os.path.isabs(xdg):
        return Path(xdg) / "minillm"
    return Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "minillm"


def wanted_devices(record: dict[str, Any], visible: str | None) -> list[str]:
    """The devices of which a run needs one, from its run.json: `cuda:<index or UUID>`, `mps` or `cpu`.

    `visible` is CUDA_VISIBLE_DEVICES, in whose order torch counts the GPUs.
    """
    config, environment = record.get("config") or {}, record.get("environment") or {}
    found = [str(device) for device in environment.get("devices") or []]
    count = sum(device.startswith("cuda") for device in found)
    names = [name.strip() for name in visible.split(",") if name.strip()] if visible else [str(n) for n in range(max(1, count))]
    gpus = [f"cuda:{name}" for name in names]
    device = str(config.get("device") or "auto")
    if device == "auto":
        device = "cuda" if count else "mps" if "mps" in found else "cpu"
    if device == "cuda":
        return gpus
    if device.startswith("cuda:"):
        index = int(device.partition(":")[2])
        return [gpus[index]] if index < len(gpus) else [device]
    return [device]


@dataclass(frozen=True)
class Other:
    """Another run's ticket."""

    number: int
    run: str
    devices: list[str]
    """Those of which it waits for one, or the one that it uses."""
    using: bool


class Ticket:
    """A place in the line. Raises OSError where the folder cannot be used."""

    def __init__(self, run: str, wanted: list[str], folder: Path | None = None) -> None:
        self.run, self.wanted = run, wanted
        self.folder = folder or cache_folder() / "queue" / re.sub(r"[^\w.-]", "_", identity.host())
        self.folder.mkdir(parents=True, exist_ok=True)
        self.number = -1
        self.fd: int | None = None
        """Locked as long as the ticket is valid."""
        self.device: str | None = None
        """The one that is ours."""

    def claim(self, *, wait: bool) -> list[str] | None:
        """Takes a device if it is our turn. Returns the ids of the runs that are before us: [] when `device` is ours now, None when
        it cannot be said at this moment. Without `wait` a device is taken whoever has it."""
        with self._alone() as alone:
            if not alone:
                return None
            others = list(self._others())
            if self.fd is None:
                self._draw(max((other.number for other in others), default=-1) + 1)
            before = [other for other in others if other.using or other.number < self.number]
            busy = {device for other in before for device in other.devices}
            free = [device for device in self.wanted if device not in busy]
            if free or not wait:
                self.device = (free or self.wanted)[0]
                self._write([self.device], using=True)
                return []
            return [other.run for other in before if set(other.devices) & set(self.wanted)]

    def close(self) -> None:
        """Gives up the place; what the trainer still holds goes with the trainer."""
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None

    @contextlib.contextmanager
    def _alone(self) -> Iterator[bool]:
        """One process at a time; False when another is at it. Never waits: it might be a stopped one."""
        fd = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            yield _lock(fd)
        finally:
            os.close(fd)

    def _others(self) -> Iterator[Other]:
        """The tickets whose owners live; the others are cleared."""
        for path in sorted(self.folder.iterdir()):
            match = NAME.fullmatch(path.name)
            if match is None or int(match[1]) == self.number:
                continue
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            try:
                if _lock(fd):
                    path.unlink(missing_ok=True)
                    continue
                record = json.loads(os.pread(fd, 1 << 16, 0) or b"{}")
            except ValueError:
                continue
            finally:
                os.close(fd)
            yield Other(int(match[1]), str(record.get("run")), list(record.get("devices") or []), bool(record.get("using")))

    def _draw(self, number: int) -> None:
        fd = os.open(self.folder / f"{number:010d}.json", os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.number, self.fd = number, fd
        self._write(self.wanted, using=False)

    def _write(self, devices: list[str], *, using: bool) -> None:
        assert self.fd is not None
        data = json.dumps({"run": self.run, "devices": devices, "using": using}).encode()
        os.pwrite(self.fd, data, 0)
        os.ftruncate(self.fd, len(data))


def _lock(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        raise
    return True
