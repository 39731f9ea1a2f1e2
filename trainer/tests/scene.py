"""Run folders with supervisors on them, and the stand-in for the trainer: a stage for tests with real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from minillm import identity
from minillm.contract import ControlOutcome, JournalEntry, Status
from minillm.rundir import RunDir, read_json, write_json_whole

TRAINER = Path(__file__).resolve().parents[1]
DRIVE = """
import json, sys
from minillm.supervise import CannotSupervise, supervise
path, plan, stand_in, options = sys.argv[1:]
try:
    sys.exit(supervise(path, trainer=[sys.executable, stand_in, plan], **json.loads(options)))
except CannotSupervise as error:
    sys.exit(str(error))
"""


class Scene:
    """One run folder, and the supervisors started on it."""

    def __init__(self, folder: Path, name: str = "test", **config: Any) -> None:
        self.run = RunDir(folder / f"20260101-000000-{name}")
        self.cache = folder / "cache"
        """Where the line for the devices is kept: runs of one folder share it."""
        for made in (self.run.control_done, self.run.control_trainer):
            made.mkdir(parents=True)
        write_json_whole(self.run.run, {"v": 1, "id": self.run.id, "name": name, "created": time.time(), "config": config})
        self.run.log.touch()
        self.processes: list[subprocess.Popen[bytes]] = []

    def supervise(self, plan: dict[str, Any], **options: Any) -> subprocess.Popen[bytes]:
        stand_in = TRAINER / "tests" / "stand_in.py"
        command = [sys.executable, "-c", DRIVE, str(self.run.path), json.dumps(plan), str(stand_in), json.dumps(options)]
        env = os.environ | {"XDG_CACHE_HOME": str(self.cache)}
        with open(self.run.log, "ab") as log:
            process = subprocess.Popen(command, cwd=TRAINER, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.processes.append(process)
        return process

    def go(self) -> None:
        """Lets a stand-in go on that is held."""
        (self.run.path / "go").touch()

    def to_end(self, plan: dict[str, Any], **options: Any) -> dict[str, Any]:
        self.supervise(plan, **options).wait(60)
        return self.status()

    def end_unseen(self, plan: dict[str, Any]) -> None:
        """A trainer that goes to its end after its supervisor was killed."""
        first = self.supervise(plan)
        trainer = self.until(running)["trainer"]
        first.kill()
        first.wait()
        while identity.alive(trainer):
            time.sleep(0.02)

    def status(self) -> dict[str, Any]:
        status = read_json(self.run.status)
        assert status is not None
        Status.model_validate(status)
        return status

    def until(self, holds: Callable[[dict[str, Any]], Any], seconds: float = 30) -> dict[str, Any]:
        """The status, once it is as wanted."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            status = read_json(self.run.status)
            if status is not None and holds(status):
                return status
            time.sleep(0.01)
        raise AssertionError(f"never came: {read_json(self.run.status)}\n{self.run.log.read_text()}")

    def lines(self, path: Path) -> list[dict[str, Any]]:
        return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]

    def journal(self) -> list[dict[str, Any]]:
        entries = self.lines(self.run.journal)
        for entry in entries:
            JournalEntry.model_validate(entry)
        assert [entry["seq"] for entry in entries] == list(range(len(entries)))
        return entries

    def ask(self, verb: str, name: str | None = None) -> str:
        name = name or f"{time.time_ns()}-{verb}"
        write_json_whole(self.run.control / f"{name}.json", {"v": 1, "id": name, "verb": verb, "args": {}, "by": "test", "t": time.time()})
        return name

    def outcome(self, name: str, seconds: float = 30) -> dict[str, Any]:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if (outcome := read_json(self.run.control_done / f"{name}.json")) is not None:
                ControlOutcome.model_validate(outcome)
                return outcome
            time.sleep(0.01)
        raise AssertionError(f"no outcome of {name}")

    def clear(self) -> None:
        status = read_json(self.run.status) or {}
        for process in self.processes:
            process.kill()
            process.wait()
        if identity.alive(status.get("trainer")):
            os.killpg(status["trainer"]["pid"], signal.SIGKILL)


def running(status: dict[str, Any]) -> bool:
    return status["state"] == "running" and status["step"] > 0
