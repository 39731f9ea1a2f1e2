"""The supervisor: starts or adopts the trainer of one run and is its witness. Standard library only.

It owns `status.json` and `journal.jsonl`, takes in the requests in `control/`, and ends when the trainer has ended. Its own
death harms nothing: the trainer has a session of its own and writes its log through a descriptor of its own, and the
next supervisor adopts it by its identity. One supervisor a run, by a lock on a file.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from minillm import identity
from minillm.control import Requests
from minillm.ending import Ending, judge, out_of_memory_kills
from minillm.ladder import Ladder
from minillm.progress import Progress
from minillm.rundir import VERSION, LineWriter, RunDir, read_json, write_json_whole
from minillm.trainer_process import TrainerProcess

TICK = 0.1
"""Seconds between looks at the trainer and at `control/`."""
HEARTBEAT = 1.0
SLACK = 5.0
"""Seconds that a heartbeat may be late before its silence means something."""
SILENT = 300.0
"""Seconds after which the supervisor of another machine counts as gone, if someone wants to resume its run here."""
SLEPT = 5.0
"""Seconds by which the wall clock outruns the monotonic one when the machine slept: a smaller step is a clock being set."""
LINGER = 2.0
"""Seconds that a supervisor which is told to end waits for the trainer: at log-out the system ends both."""
ENDED = ("finished", "failed", "stopped")
EXIT_CODES = {"finished": 0, "failed": 1, "stopped": 3}
GONE_WITHOUT_WORD = Ending("failed", None, "The trainer ended while no supervisor watched, and left no word why. The log may say more.")
RESTARTED = Ending("failed", None, "The machine restarted during the run. Its checkpoints are complete.")


class CannotSupervise(Exception):
    """This run is not to be supervised from here; the message says why, in one sentence."""


def supervise(path: str | Path, *, resume: bool = False, grace: float = 60.0, trainer: Sequence[str] | None = None) -> int:
    """Sees a run to its end; returns 0 finished, 1 failed, 3 stopped.

    A run that is new is started, one whose trainer lives is adopted, and one whose trainer ended unseen gets its end written
    down. With `resume`, a run that has ended gets a new attempt. `grace` is how long a stop request may take, in seconds,
    before signals follow. `trainer` is the command to start, in place of this package's own; `--attempt K` and the folder are added.
    Raises CannotSupervise.
    """
    run = RunDir(path)
    if read_json(run.run) is None:
        raise CannotSupervise(f"{run.path} is no run folder: it has no readable run.json.")
    with only_supervisor(run):
        return Supervisor(run, grace, trainer or [sys.executable, "-P", "-m", "minillm", "train", "--gate"]).see_to_end(resume)


@contextlib.contextmanager
def only_supervisor(run: RunDir) -> Iterator[None]:
    """Holds the run's lock. The kernel lets go of it when this process dies, however that happens."""
    fd = os.open(run.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            raise CannotSupervise(f"The run {run.id} already has a supervisor.") from None
        sentence = f"{run.lock} cannot be locked ({error.strerror}): choose a runs folder on a file system with file locks."
        raise CannotSupervise(sentence) from None
    try:
        yield
    finally:
        os.close(fd)


class Supervisor:
    def __init__(self, run: RunDir, grace: float, command: Sequence[str]) -> None:
        self.run = run
        self.grace = grace
        self.command = list(command)
        self.before = last_known(run)
        exit_before = read_json(run.exit) or {}
        self.attempt = max([a for a in (self.before.get("attempt"), exit_before.get("attempt")) if isinstance(a, int)], default=0)
        self.trainer: TrainerProcess | None = None
        self.ladder: Ladder | None = None
        self.stop_request: str | None = None
        """Id of the request that began the stop."""
        self.asked_to_end: signal.Signals | None = None
        self.oom_kills = out_of_memory_kills()
        self.log_offset = 0
        self._state = "starting"
        self._beat = float("-inf")
        self._clocks = time.time(), time.monotonic()
        self._complaints: set[str] = set()

    # ------------------------------------------------------------------------------------------ the whole

    def see_to_end(self, resume: bool) -> int:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        begin = self._how_to_begin(resume)
        if begin == "new":
            self.attempt += 1
        self.journal = LineWriter(self.run.journal, self.attempt)
        self.requests = Requests(self.run)
        offset = self.run.events.stat().st_size if begin == "new" and self.run.events.exists() else 0
        self.progress = Progress(self.run.events, self.attempt, offset)
        self.progress.set_out_from(self.before)
        if begin == "settle":
            return self._end(self._unseen_end())
        if begin == "adopt":
            self._safely(self._adopt)
        else:
            self._start()
        if self.trainer is None:
            return self._end(Ending("failed", None, "The trainer could not be started; the log says why."))
        while self.trainer.alive():
            for act in (self._hear, self._press, self._tell):
                self._safely(act)
            if self.asked_to_end is not None and self._leave():
                return 0
            time.sleep(TICK)
        code = self.trainer.collect()
        return self._end(self._unseen_end() if self.trainer.child is None else self._seen_end(code))

    def _how_to_begin(self, resume: bool) -> str:
        """ "new", "adopt" or "settle", from the facts that the last supervisor left."""
        state, where = self.before.get("state"), self.before.get("host")
        if not self.before:
            return "new"
        if self._same_boot() and identity.alive(self.before.get("trainer")):
            return "adopt"
        if state in ENDED and not resume:
            raise CannotSupervise(f"The run {self.run.id} has ended ({state}); --resume starts a new attempt from its newest checkpoint.")
        silent = time.time() - beat if isinstance(beat := self.before.get("heartbeat"), int | float) else float("inf")
        if state not in ENDED and where != identity.host() and not (resume and silent > SILENT):
            raise CannotSupervise(f"The run {self.run.id} belongs to {where}: supervise it there.")
        if resume or state in ENDED:
            return "new"
        if self.before.get("trainer") is None:  # the last supervisor died before its trainer came through the gate
            return "new"
        return "settle"

    def _same_boot(self) -> bool:
        return self.before.get("host") == identity.host() and self.before.get("bootId") == identity.boot_id()

    # ------------------------------------------------------------------------------------------ beginning

    def _start(self) -> None:
        self._note("state", f"Attempt {self.attempt} starts.", state="starting")
        self._write_status()
        self.log_offset = self.run.log.stat().st_size if self.run.log.exists() else 0
        command = [*self.command, str(self.run.path), "--attempt", str(self.attempt)]
        try:
            self.trainer = TrainerProcess.start(command, self.run)
        except OSError as error:
            print(f"The trainer cannot be started: {error}", file=sys.stderr, flush=True)
            return
        self._write_status()
        self._note_trainer(f"The trainer is process {self.trainer.record['pid']}.")
        self.trainer.open_gate()

    def _adopt(self) -> None:
        process = self.before["trainer"]
        self.trainer = TrainerProcess(process, None)
        self._state = self.before.get("state", "running")
        while self.progress.follow():
            pass
        self._note_trainer(f"A new supervisor adopts the trainer, process {process['pid']}.")
        if any(request["verb"] == "stop" for request in self.requests.open.values()) or self._state == "stopping":
            self._begin_to_stop(Ladder.stop(self.grace))
        self._write_status()

    # ------------------------------------------------------------------------------------------ while it runs

    def _hear(self) -> None:
        """News from the trainer, and requests."""
        self.progress.follow()
        self._notice_sleep()
        for answer in self.progress.answers:
            request = self.requests.open.get(str(answer.get("id")))
            if request is not None:
                self._settle(request, *outcome_of(answer))
        self.progress.answers = []
        for request in self.requests.take():
            self._obey(request)
        for refused in self.requests.refused:
            self._note("control", refused["text"], control=refused["id"], verb=refused["verb"], outcome="refused")

    def _press(self) -> None:
        """The stop ladder."""
        if self.ladder is not None and self.trainer is not None and (number := self.ladder.due()) is not None:
            self.trainer.signal(number)
            self._note("signal", self.ladder.why, signal=number.name)
            self._write_status()

    def _tell(self) -> None:
        """The state when it changes, and once a second the heartbeat."""
        state = self._state_now()
        if state != self._state:
            self._state = state
            self._note("state", {"running": "Training.", "paused": "Paused.", "stopping": "Stopping."}.get(state, "Starting."), state=state)
            self._write_status()
        elif time.monotonic() - self._beat >= HEARTBEAT:
            self._write_status(durable=False)

    def _state_now(self) -> str:
        if self.ladder is not None:
            return "stopping"
        if self.progress.paused:
            return "paused"
        return "running" if self.progress.started else "starting"

    def _obey(self, request: dict[str, Any]) -> None:
        """Acts before it writes: on a full disk a run can still be stopped."""
        verb = request["verb"]
        if verb == "kill":
            self._begin_to_stop(Ladder.kill(self.grace))
            self._settle(request, "done", "The trainer is ended at once; work since the last checkpoint may be lost.")
        elif verb == "stop" and self.ladder is not None and self.stop_request != request["id"]:
            self._settle(request, "done", "The run is stopping already.")
        else:
            if verb == "stop" and self.ladder is None:
                self.stop_request = request["id"]
                self._begin_to_stop(Ladder.stop(self.grace))
            self.requests.forward(request)
            self._note("control", f"{request['by']} asks: {verb}.", control=request["id"], verb=verb)

    def _begin_to_stop(self, ladder: Ladder) -> None:
        if self.ladder is None or ladder.harsher_than(self.ladder):
            self.ladder = ladder

    def _notice_sleep(self) -> None:
        wall, steady = time.time(), time.monotonic()
        before_wall, before_steady = self._clocks
        self._clocks = wall, steady
        if abs((wall - before_wall) - (steady - before_steady)) > SLEPT:
            self.progress.interrupt_clock()
            self._note("message", "The machine slept, or its clock was set.")

    def _leave(self) -> bool:
        """Told to end: leaves the trainer alone, unless it is ending too. Returns whether this supervisor is to go."""
        number, self.asked_to_end = self.asked_to_end, None
        until = time.monotonic() + LINGER
        while time.monotonic() < until:
            if self.trainer is None or not self.trainer.alive():
                return False
            time.sleep(TICK)
        name = "" if number is None else number.name
        self._safely(lambda: self._note("signal", f"The supervisor is told to end ({name}); the trainer goes on.", signal=name))
        return True

    def _on_signal(self, number: int, _frame: Any) -> None:
        self.asked_to_end = signal.Signals(number)

    # ------------------------------------------------------------------------------------------ the end

    def _seen_end(self, code: int | None) -> Ending:
        return self._judge(code, self._exit_record(), out_of_memory=out_of_memory_kills() > self.oom_kills)

    def _unseen_end(self) -> Ending:
        """The end of a trainer whose exit code nobody could collect: what it wrote itself, or that it wrote nothing."""
        record = self._exit_record()
        forced = None if self.ladder is None else self.ladder.last_sent
        if record is None and forced is None:
            return GONE_WITHOUT_WORD if self._same_boot() else RESTARTED
        code = record["exitCode"] if record is not None else -forced if forced is not None else None
        return self._judge(code, record, out_of_memory=False)

    def _judge(self, code: int | None, record: dict[str, Any] | None, *, out_of_memory: bool) -> Ending:
        asked = self.ladder is not None
        forced = None if self.ladder is None else self.ladder.last_sent
        return judge(code, record, asked=asked, forced=forced, log=self.run.log, log_offset=self.log_offset, out_of_memory=out_of_memory)

    def _exit_record(self) -> dict[str, Any] | None:
        record = read_json(self.run.exit)
        return record if record is not None and record.get("attempt") == self.attempt and isinstance(record.get("exitCode"), int) else None

    def _end(self, ending: Ending) -> int:
        """Writes down how it ended. A full disk is waited out: nothing else tells the end to those who look."""
        while self.progress.follow():
            pass
        self.ladder = None
        self._state = ending.state
        until = time.monotonic() + 600
        while not self._safely(lambda: self._write_end(ending)) and self.run.path.exists() and time.monotonic() < until:
            time.sleep(1)
        return EXIT_CODES[ending.state] if ending.code != 2 else 2

    def _write_end(self, ending: Ending) -> None:
        self._write_status(exit_code=ending.code, reason=ending.reason)
        answers = {str(answer.get("id")): answer for answer in self.progress.answers}
        for request in [*self.requests.open.values(), *self.requests.take()]:
            if request["id"] in answers:
                self._settle(request, *outcome_of(answers[request["id"]]))
            elif request["verb"] in ("stop", "kill"):
                self._settle(request, "done", ending.reason)
            else:
                self._settle(request, "interrupted", f"The run ended first: {ending.reason}")
        self._note("exit", ending.reason, state=ending.state, exitCode=ending.code)

    # ------------------------------------------------------------------------------------------ writing

    def _settle(self, request: dict[str, Any], outcome: str, text: str) -> None:
        self.requests.settle(request, outcome, text)
        self._note("control", text, control=request["id"], verb=request["verb"], outcome=outcome)

    def _note(self, kind: str, text: str, **fields: Any) -> None:
        self.journal.write(kind, text=text, **fields)

    def _note_trainer(self, text: str) -> None:
        """Also says who the trainer is: should status.json ever be unreadable, the journal knows."""
        assert self.trainer is not None
        self._note("state", text, state=self._state, trainer=self.trainer.record, host=identity.host(), bootId=identity.boot_id())

    def _write_status(self, *, durable: bool = True, exit_code: int | None = None, reason: str | None = None) -> None:
        now = time.time()
        over = self._state in ENDED
        progress = self.progress
        started = self.before.get("started")
        activity = progress.activity if progress.started or progress.activity else "loading Python packages"
        if self.ladder is not None:
            reason = self.ladder.why
        write_json_whole(self.run.status, {
            "v": VERSION, "run": self.run.id, "state": self._state, "attempt": self.attempt,
            "host": identity.host(), "bootId": identity.boot_id(),
            "supervisor": identity.identify(os.getpid()), "trainer": None if self.trainer is None else self.trainer.record,
            "phase": progress.phase, "step": progress.step, "total": progress.total,
            "eta": None if over or progress.paused else progress.seconds_left(now),
            "activity": None if over else activity,
            "started": started if isinstance(started, int | float) else round(now, 3),
            "heartbeat": round(now, 3), "nextHeartbeatBy": round(now + HEARTBEAT + SLACK, 3),
            "stopDeadline": None if self.ladder is None else self.ladder.deadline(now),
            "exitCode": exit_code, "reason": reason,
        }, durable=durable)
        if not isinstance(started, int | float):
            self.before["started"] = round(now, 3)
        self._beat = time.monotonic()

    def _safely(self, act: Callable[[], None]) -> bool:
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


def outcome_of(answer: dict[str, Any]) -> tuple[str, str]:
    """Outcome and sentence of a control event."""
    return "done" if answer.get("outcome") == "done" else "refused", str(answer.get("text") or "The trainer has answered.")


def last_known(run: RunDir) -> dict[str, Any]:
    """The last status, or what the journal still tells of it; {} for a run that never had a supervisor."""
    status = read_json(run.status)
    if status is not None:
        return status
    try:
        lines = run.journal.read_bytes().splitlines()
    except OSError:
        return {}
    for line in reversed(lines):
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and (entry.get("kind") == "exit" or "trainer" in entry):
            return entry
    return {}
