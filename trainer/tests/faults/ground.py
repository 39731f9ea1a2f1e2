"""Where the faults happen: a workspace with tiny real models, runs in it with real supervisors, and what must hold afterwards."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from conftest import DEMO, RUN, fill_workspace
from transformers import AutoTokenizer

import minillm
from minillm import identity
from minillm.beginning import same_boot, same_machine
from minillm.contract import DataFile, Environment, Provenance, Run
from minillm.data_files import describe
from minillm.resolve import resolve
from minillm.run_state import Facts, conclude
from minillm.rundir import RunDir, read_json, write_json_whole

TRAINER = Path(minillm.__file__).resolve().parents[1]
"""The package that runs are made with: `npm run faults` gives a copy, so that who edits meanwhile changes nothing."""
CLI = os.environ.get("MINILLM_CLI")
"""The command line, freshly built, to ask what people would be told; without it the trainer's side is asked."""
PHASES = [
    {"method": "sft", "steps": 16, "batchSize": 4, "optimizer": {"learningRate": 0.01}},
    {
        "method": "minillm", "steps": 32, "batchSize": 4, "rollouts": 8, "rolloutChunk": 4, "innerEpochs": 2,
        "optimizer": {"learningRate": 0.005},
    },
]  # fmt: skip
"""About two seconds of training, in which everything happens several times."""
SHORT = ("Finished.", "Training.", "Starting.", "Stopped on request.")
ENDED = ("finished", "failed", "stopped")


class Lost(Exception):
    """More than the work since the last checkpoint is gone, or the truth about it."""


class Doubled(Exception):
    """Something is there twice."""


class Untried(Exception):
    """This machine does not allow the fault to be made; the message says why."""


def require(holds: object, text: str) -> None:
    if not holds:
        raise Lost(text)


class Ground:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.workspace = folder / "workspace"
        self.workspace.mkdir()
        fill_workspace(self.workspace, AutoTokenizer.from_pretrained(DEMO / "teacher"))
        self.env = os.environ | {"PYTHONPATH": str(TRAINER), "XDG_CACHE_HOME": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
        self.staged: list[Staged] = []
        reference = self.stage("reference")
        reference.start()
        reference.until(lambda s: s["state"] == "finished", 120)
        self.weights = reference.final_weights()
        """What an undisturbed run comes to, to the bit."""
        self.steps = reference.losses()

    def stage(self, name: str, runs: Path | None = None, **config: Any) -> Staged:
        """A run folder as the launcher makes it, whose trainer gives the reference's weights if nobody disturbs it for good."""
        runs = runs or self.folder / "runs" / name
        source = self.workspace / f"{name}.minillm.jsonc"
        checkpoints = {"every": 4, "keep": 3}
        changed = RUN | {"phases": PHASES, "checkpoints": checkpoints, "inspect": {"rows": 2, "draws": 1}, "restarts": 0} | config
        source.write_text(json.dumps(changed), encoding="utf-8")
        resolution = resolve(source, self.workspace)
        assert resolution.config is not None, resolution.problems
        run = RunDir(runs / f"20260101-000000-{name}")
        run.control_trainer.mkdir(parents=True)
        run.control_done.mkdir()
        run.log.touch()
        files = []
        for path in (self.workspace / "train.jsonl", self.workspace / "valid.jsonl"):
            size, digest = describe(str(path))
            files.append(DataFile(path=str(path), bytes=size, sha256=digest))
        record = Run(
            id=run.id, name=name, created=time.time(), config=resolution.config, config_source=str(source), workspace=str(self.workspace),
            provenance=Provenance(git=False), command=[], data_files=files,
            environment=Environment(python=sys.executable, reason="", python_version="", packages={}, devices=["cpu"]),
        )  # fmt: skip
        write_json_whole(run.run, record.model_dump(mode="json", by_alias=True))
        self.staged.append(Staged(self, run))
        return self.staged[-1]

    def forever(self, name: str, **config: Any) -> Staged:
        """A run that is far from its end."""
        return self.stage(name, phases=[PHASES[0] | {"steps": 100_000}], checkpoints={"every": 50, "keep": 2}, **config)

    def clear(self) -> None:
        for staged in self.staged:
            staged.clear()
        self.staged = []


class Staged:
    """One run, and what is done to it."""

    def __init__(self, ground: Ground, run: RunDir) -> None:
        self.ground, self.run = ground, run
        self.supervisors: list[subprocess.Popen[bytes]] = []

    # ------------------------------------------------------------------------------------------ doing

    def start(self, *options: str, drive: str | None = None, before_exec: Callable[[], None] | None = None) -> subprocess.Popen[bytes]:
        """Starts a supervisor, detached as the launcher does; `drive` is Python code that does it instead."""
        fast = ("--back-off", "0.1", "--grace", "12")
        command = [sys.executable, "-P", "-m", "minillm", "supervise", str(self.run.path), *fast, *options]
        if drive is not None:
            command = [sys.executable, "-P", "-c", drive, str(self.run.path)]
        with open(self.run.log, "ab") as log:
            self.supervisors.append(subprocess.Popen(
                command, cwd=self.run.path, env=self.ground.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, preexec_fn=before_exec,  # noqa: PLW1509
            ))  # fmt: skip
        return self.supervisors[-1]

    def kill(self, who: str, number: signal.Signals = signal.SIGKILL) -> None:
        record = self.status()[who]
        require(identity.alive(record), f"the {who} is not alive: {self.state()}")
        os.kill(record["pid"], number)
        if number == signal.SIGKILL:
            for supervisor in self.supervisors:
                if supervisor.pid == record["pid"]:
                    supervisor.wait()

    def ask(self, verb: str) -> str:
        name = f"{time.time_ns()}-{verb}"
        request = {"v": 1, "id": name, "verb": verb, "args": {}, "by": "faults", "t": time.time()}
        write_json_whole(self.run.control / f"{name}.json", request)
        return name

    def outcome(self, name: str, seconds: float = 20) -> dict[str, Any]:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if (outcome := read_json(self.run.control_done / f"{name}.json")) is not None:
                return outcome
            time.sleep(0.02)
        raise Lost(f"the request {name} has no outcome")

    def clear(self) -> None:
        status = read_json(self.run.status) or {}
        for supervisor in self.supervisors:
            with contextlib.suppress(ProcessLookupError):
                os.kill(supervisor.pid, signal.SIGCONT)
            supervisor.kill()
            supervisor.wait()
        for who in ("supervisor", "trainer"):
            record = status.get(who)
            if identity.alive(record) and record["pid"] != os.getpid():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(record["pid"], signal.SIGKILL)

    # ------------------------------------------------------------------------------------------ looking

    def status(self) -> dict[str, Any]:
        return read_json(self.run.status) or {}

    def facts(self) -> Facts:
        """What a viewer knows at this moment."""
        status = read_json(self.run.status)
        here = status is not None and same_machine(status)
        boot = status is not None and same_boot(status)
        alive = {who: boot and identity.alive((status or {}).get(who)) for who in ("supervisor", "trainer")}
        created = (read_json(self.run.run) or {}).get("created", 0.0)
        exited = read_json(self.run.exit)
        since = self.run.status.stat().st_mtime if status is None and self.run.status.exists() else None
        return Facts(status, exited, here, boot, alive["supervisor"], alive["trainer"], created, time.time(), time.monotonic(), since)

    def state(self) -> str:
        return conclude(self.facts())

    def until(self, holds: Callable[[dict[str, Any]], Any], seconds: float = 60) -> dict[str, Any]:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if (status := self.status()) and holds(status):
                return status
            time.sleep(0.01)
        last = self.run.log.read_text().splitlines()[-1:]
        raise Lost(f"waited in vain; the state is {self.state()}: {self.status().get('reason')}; {last}")

    def until_state(self, state: str, seconds: float = 60) -> None:
        until = time.monotonic() + seconds
        while self.state() != state:
            if time.monotonic() > until:
                raise Lost(f"the state is {self.state()} and not {state} after {seconds:g} s: {self.status().get('reason')}")
            time.sleep(0.02)

    def until_step(self, step: int) -> None:
        """As soon as the events tell of that step: the status tells of it up to a second later."""
        self.until(lambda _: any(event["kind"] == "step" and event["step"] >= step for event in self.events()))

    def tell(self) -> dict[str, Any]:
        """What the command line tells of the run; the state must be what the trainer's side concludes."""
        if CLI is None:
            return {"state": self.state(), "text": str(self.status().get("reason")), "problem": None}
        answer = subprocess.run(["node", CLI, "list", "--json", "--runs", str(self.run.path.parent)], capture_output=True, check=False)
        require(answer.returncode == 0, f"the command line fails: {answer.stderr.decode()[-300:]}")
        told: dict[str, Any] = next(one for one in json.loads(answer.stdout) if one["id"] == self.run.id)
        require(told["state"] == self.state(), f"the command line says {told['state']}, the facts say {self.state()}")
        require(20 < len(told["text"]) < 500 or told["text"] in SHORT, f"no sentence: {told['text']!r}")
        return told

    def events(self) -> list[dict[str, Any]]:
        found = []
        for line in self.run.events.read_bytes().split(b"\n") if self.run.events.exists() else []:
            with contextlib.suppress(ValueError, RecursionError):
                event = json.loads(line)
                if isinstance(event, dict) and isinstance(event.get("seq"), int):
                    found.append(event)
        return found

    def sampling(self) -> bool:
        """The trainer is at its samples now."""
        last = self.run.events.read_bytes()[-400:].splitlines() if self.run.events.exists() else []
        return bool(last) and b'"what":"samples' in last[-1]

    def checkpoints(self) -> list[int]:
        """Steps of the complete checkpoints."""
        names = [path.name for path in self.run.checkpoints.glob("step-*")] if self.run.checkpoints.is_dir() else []
        return sorted(int(name[5:13]) for name in names)

    # ------------------------------------------------------------------------------------------ what must hold

    def check_streams(self) -> None:
        """Every event and journal entry once, none missing."""
        for path in (self.run.events, self.run.journal):
            seqs = []
            for line in path.read_bytes().split(b"\n") if path.exists() else []:
                with contextlib.suppress(ValueError):
                    seqs.append(json.loads(line)["seq"])
            if len(set(seqs)) < len(seqs):
                raise Doubled(f"{path.name} has {len(seqs) - len(set(seqs))} numbers twice")
            require(seqs == list(range(len(seqs))), f"{path.name} lacks numbers")

    def finish(self, *options: str, resume: bool = True, start: int | None = None) -> str:
        """Brings the run to its end, by a resume unless it goes on by itself, and compares it with the undisturbed one. It must go on
        from the newest checkpoint, or from step `start`."""
        if resume:
            before = self.checkpoints()
            self.start("--resume", *options)
            self.until(lambda s: s["state"] in ENDED and s["attempt"] > 1, 120)
        else:
            before = []
            self.until(lambda s: s["state"] in ENDED, 120)
        told = self.tell()
        require(told["state"] == "finished", f"it ended as {told['state']}: {told['text']}")
        self.check_streams()
        resumed = [event["step"] for event in self.events() if event["kind"] == "resume"]
        if resume and before:
            wanted = max(before) if start is None else start
            require(resumed and resumed[-1] == wanted, f"there were checkpoints at {before}, but it went on from {resumed}")
        if self.losses() != self.ground.steps:
            raise Lost("its losses are not those of the undisturbed run")
        require(self.final_weights() == self.ground.weights, "its weights are not those of the undisturbed run")
        return f"went on from step {resumed[-1]}, same weights" if resumed else "same weights"

    def final_weights(self) -> bytes:
        (last,) = self.run.checkpoints.glob("step-00000048-*")
        return (last / "model.safetensors").read_bytes()

    def losses(self) -> dict[int, float]:
        return {event["step"]: event["metrics"]["loss/total"] for event in self.events() if event["kind"] == "step"}


def watch_for(present: Callable[[], bool], running: Callable[[], bool], seconds: float = 60) -> bool:
    """Looks as fast as it can until `present`; False when it was over before."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and running():
        for _ in range(100):
            if present():
                return True
    return False


@contextlib.contextmanager
def small_disk(folder: Path, mebibytes: int) -> Iterator[Path]:
    """A file system of its own. Raises Untried where none may be mounted."""
    folder.mkdir(parents=True, exist_ok=True)
    command: Sequence[str] = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        done = False
    if not done:
        raise Untried("a small disk can be mounted by the superuser only")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)
