"""The supervisor: starts or adopts the trainer of one run and is its witness. Standard library only.

It owns `status.json` and `journal.jsonl`, takes in the requests in `control/`, waits for the device, starts again what crashed, and
ends when the run has. Its own death harms nothing: the trainer has a session of its own and writes its log through a descriptor of
its own, and the next supervisor adopts it by its identity. One supervisor a run, by a lock on a file.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from minillm.beginning import CannotSupervise, how_to_begin, last_known, only_supervisor, same_boot
from minillm.bulletin import Bulletin
from minillm.control import Requests
from minillm.data_files import changes_of_run
from minillm.ending import Ending, judge, out_of_memory_kills
from minillm.ladder import Ladder
from minillm.lookout import Lookout
from minillm.restarts import Restarts
from minillm.rundir import RunDir, read_json
from minillm.trainer_process import TrainerProcess
from minillm.turn import Turn

TICK = 0.1
"""Seconds between looks at the trainer and at `control/`."""
SLEPT = 5.0
"""Seconds by which the wall clock outruns the monotonic one when the machine slept: a smaller step is a clock being set."""
LINGER = 2.0
"""Seconds that a supervisor which is told to end waits for the trainer: at log-out the system ends both."""
LONGEST_SAVE = 1800.0
"""Seconds for which a stop waits for a checkpoint: one of a large model on a slow disk takes many minutes."""
EXIT_CODES = {"finished": 0, "failed": 1, "stopped": 3}
STATE_TEXT = {"running": "Training.", "paused": "Paused.", "stopping": "Stopping."}
GONE_WITHOUT_WORD = Ending("failed", None, "The trainer ended while no supervisor watched, and left no word why. The log may say more.")
RESTARTED = Ending("failed", None, "The machine restarted during the run.")


class ToldToEnd(Exception):
    """The supervisor is to go; the run is not over."""


def supervise(
    path: str | Path, *, resume: bool = False, unasked: bool = False, grace: float = 60.0, back_off: float = 5.0,
    allow_changed_data: bool = False, trainer: Sequence[str] | None = None,
) -> int:  # fmt: skip
    """Sees a run to its end; returns 0 finished, 1 failed, 3 stopped.

    A run that is new is started, one whose trainer lives is adopted, and one whose trainer ended unseen gets its end written
    down. With `resume`, a run that has ended gets a new attempt. `unasked`: no person asked for this, a viewer found the folder, and a
    stranger may have filled it; a living trainer is adopted and an end written down, but nothing that ended or never began is started.
    `grace` is how long a stop request may take, in seconds, before signals follow (or twice as long as the longest update, if that is
    more); `back_off` how long the first automatic restart waits. `trainer` is the command to start, in place of this package's own;
    `--attempt K` and the folder are added. Raises CannotSupervise.
    """
    run = RunDir(path)
    record = read_json(run.run)
    if record is None:
        raise CannotSupervise(f"{run.path} is no run folder: it has no readable run.json.")
    with only_supervisor(run):
        supervisor = Supervisor(run, record, grace, trainer or [sys.executable, "-P", "-m", "minillm", "train", "--gate"])
        return supervisor.see_to_end(resume, unasked, back_off, allow_changed_data)


class Supervisor:
    def __init__(self, run: RunDir, record: dict[str, Any], grace: float, command: Sequence[str]) -> None:
        self.run, self.record, self.grace = run, record, grace
        self.command = list(command)
        config = record.get("config") if isinstance(record.get("config"), dict) else {}
        self.config: dict[str, Any] = config or {}
        self.before = last_known(run)
        self.stop_request: str | None = None
        """Id of the request that began the stop."""
        self.asked_to_end: signal.Signals | None = None
        self.oom_kills = out_of_memory_kills()
        self.log_offset = 0
        self._clocks = time.time(), time.monotonic()

    # ------------------------------------------------------------------------------------------ the whole

    def see_to_end(self, resume: bool, unasked: bool, back_off: float, allow_changed_data: bool) -> int:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        attempt, begin = how_to_begin(self.run, self.before, resume)
        if unasked and begin == "new":
            raise CannotSupervise(f"The run {self.run.id} has no trainer to be supervised: resume it to start one.")
        changes = [] if begin != "new" or attempt == 1 or allow_changed_data else changes_of_run(self.record)
        if changes:
            sentence = f"What the run reads has changed since it was launched: {changes[0]} --allow-changed-data goes on with it."
            raise CannotSupervise(sentence)
        self.told = Bulletin(self.run, attempt, self.before)
        self.told.progress.set_out_from(self.before)
        self.lookout = Lookout(self.run, self.told, self.config.get("guards") or {})
        self.turn = Turn(self.told, self.record, self.config.get("queue", "auto"))
        self.requests = Requests(self.run)
        made = self.before.get("restarts")
        allowed = 0 if unasked and begin == "settle" else self.config.get("restarts")
        self.restarts = Restarts(allowed if isinstance(allowed, int) else 0, made if isinstance(made, int) and not resume else 0, back_off)
        self.told.restarts = self.restarts.made
        try:
            ending = self._settle_or_adopt(begin) if begin != "new" else self._attempt(attempt)
            while (wait := self._wait_for_restart(ending)) is not None:
                ending = self._hold_until(wait) or self._attempt(self.told.attempt)
        except ToldToEnd:
            return 0
        return self._end(ending)

    def _settle_or_adopt(self, begin: str) -> Ending:
        if begin == "settle":
            return self._unseen_end()
        self.told.safely(self._adopt)
        return self._watch()

    def _attempt(self, attempt: int) -> Ending:
        """One trainer, from its turn at the device to its end."""
        self.lookout.begin_attempt()
        self.told.begin_attempt(attempt, size_of(self.run.events))
        self.stop_request = None
        if (ending := self._wait_for_turn()) is not None:
            return ending
        self._start()
        if self.told.trainer is None:
            return Ending("failed", None, "The trainer could not be started; the log says why.")
        return self._watch()

    def _watch(self) -> Ending:
        """Until the trainer's end. Raises ToldToEnd."""
        trainer = self.told.trainer
        assert trainer is not None
        while trainer.alive():
            for act in (self._hear, self._press, self._look_out, self._tell):
                self.told.safely(act)
            self._leave_if_told()
            time.sleep(TICK)
        code = trainer.collect()
        while self.told.progress.follow():
            pass
        return self._unseen_end() if trainer.child is None else self._seen_end(code)

    # ------------------------------------------------------------------------------------------ without a trainer

    def _wait_for_turn(self) -> Ending | None:
        """Takes the device; waits for it if the run is to. Returns how the run ended meanwhile, or None."""
        try:
            return self._hold(self.turn.has_come)
        except OSError as error:
            self.turn.close()
            text = f"The line for {' or '.join(self.turn.wanted)} cannot be used ({error}): the run begins at once."
            self.told.safely(lambda: self.told.note("message", text))
        return None

    def _wait_for_restart(self, ending: Ending) -> float | None:
        """Monotonic time of the next attempt, or None when there is none."""
        told = self.told
        waiting = [*self.requests.open.values(), *self.requests.take()]
        self._note_refused()
        stopping = told.ladder is not None and self.lookout.ended_after is None
        unwanted = stopping or self.asked_to_end is not None or any(request["verb"] in ("stop", "kill") for request in waiting)
        if unwanted or ending is RESTARTED:  # after a restart of the machine a person says what goes on
            return None
        wait, why = self.restarts.wait_after(ending, told.progress.step)
        if wait is not None and (changes := changes_of_run(self.record)):
            wait, why = None, f"It is not restarted, for what it reads has changed: {changes[0]}"
        if wait is None:
            if why:
                told.safely(lambda: told.note("message", why))
            return None
        until = time.monotonic() + wait
        told.safely(lambda: told.note("exit", ending.reason, exitCode=ending.code))
        told.safely(lambda: self._close_requests(ending))
        told.begin_attempt(told.attempt + 1, size_of(self.run.events))
        told.restarts, told.restart_at, told.waits = self.restarts.made, until, f"{why}: {ending.reason}"
        told.safely(lambda: told.enter("starting", f"{why}, in {wait:g} s: {ending.reason}"))
        return until

    def _hold_until(self, moment: float) -> Ending | None:
        ending = self._hold(lambda: time.monotonic() >= moment)
        self.told.restart_at = None
        return ending

    def _hold(self, ready: Callable[[], bool]) -> Ending | None:
        """Waits, without a trainer, until `ready`. Returns how the run ended meanwhile, or None. Raises ToldToEnd."""
        while not ready():
            stopped: list[Ending] = []
            self.told.safely(lambda stopped=stopped: stopped.extend(self._hear_while_waiting()))
            if stopped:
                return stopped[0]
            self.told.safely(self.told.beat)
            self._leave_if_told()
            time.sleep(TICK)
        self.told.waits, self.told.behind = None, []
        return None

    def _hear_while_waiting(self) -> list[Ending]:
        ended = []
        for request in self.requests.take():
            if request["verb"] in ("stop", "kill"):
                ended.append(Ending("stopped", None, f"Stopped on request while it waited. {self.told.waits}"))
                self._settle(request, "done", "The run had no trainer yet; it is stopped.")
            else:
                self._settle(request, "refused", f"There is no trainer yet that could {request['verb']}. {self.told.waits}")
        self._note_refused()
        return ended

    # ------------------------------------------------------------------------------------------ beginning

    def _start(self) -> None:
        told = self.told
        told.safely(lambda: told.enter("starting", f"Attempt {told.attempt} starts."))
        self.oom_kills = out_of_memory_kills()
        self.log_offset = size_of(self.run.log)
        command = [*self.command, str(self.run.path), "--attempt", str(told.attempt)]
        try:
            told.trainer = TrainerProcess.start(command, self.run, self.turn.environment, self.turn.held)
        except OSError as error:
            print(f"The trainer cannot be started: {error}", file=sys.stderr, flush=True)
            return
        written = told.safely(told.write)
        pid = told.trainer.record["pid"]
        told.safely(lambda: told.note_trainer(f"The trainer is process {pid}."))
        if written:
            told.trainer.open_gate()
        else:  # nobody could ever find it again
            told.trainer.close_gate()
            told.trainer = None

    def _adopt(self) -> None:
        told, process = self.told, self.before["trainer"]
        told.trainer = TrainerProcess(process, None)
        told.state = self.before.get("state", "running")
        while told.progress.follow():
            pass
        told.note_trainer(f"A new supervisor adopts the trainer, process {process['pid']}.")
        if any(request["verb"] == "stop" for request in self.requests.open.values()) or told.state == "stopping":
            self._begin_to_stop(self._patient_stop())
        told.write()

    # ------------------------------------------------------------------------------------------ while it runs

    def _hear(self) -> None:
        """News from the trainer, and requests."""
        progress = self.told.progress
        progress.follow()
        self._notice_sleep()
        for answer in progress.answers:
            request = self.requests.open.get(str(answer.get("id")))
            if request is not None:
                self._settle(request, *outcome_of(answer))
        progress.answers = []
        for request in self.requests.take():
            self._obey(request)
        self._note_refused()

    def _press(self) -> None:
        """The stop ladder."""
        told = self.told
        if told.ladder is None or told.trainer is None:
            return
        since = told.progress.saving_since
        told.ladder.hold(since is not None and time.monotonic() - since < LONGEST_SAVE)
        if (number := told.ladder.due()) is not None:
            told.trainer.signal(number)
            told.note("signal", told.ladder.why, signal=number.name)
            told.write()

    def _look_out(self) -> None:
        """The guards that need no trainer."""
        match self.lookout.look():
            case None:
                return
            case "end":
                self._begin_to_stop(Ladder.stalled(self.grace))
            case verb:
                now = time.time()
                self._obey({"v": 1, "id": f"{now * 1000:.0f}-guard", "verb": verb, "args": {}, "by": "guard", "t": now})

    def _tell(self) -> None:
        """The state when it changes, and once a second the heartbeat."""
        state = self._state_now()
        if state != self.told.state:
            self.told.enter(state, STATE_TEXT.get(state, "Starting."))
        else:
            self.told.beat()

    def _state_now(self) -> str:
        if self.told.ladder is not None:
            return "stopping"
        if self.told.progress.paused:
            return "paused"
        return "running" if self.told.progress.started else "starting"

    def _obey(self, request: dict[str, Any]) -> None:
        """Acts before it writes: on a full disk a run can still be stopped."""
        verb = request["verb"]
        if verb == "kill":
            self._begin_to_stop(Ladder.kill(self.grace))
            self._settle(request, "done", "The trainer is ended at once; work since the last checkpoint may be lost.")
        elif verb == "stop" and self.told.ladder is not None and self.stop_request != request["id"]:
            self._settle(request, "done", "The run is stopping already.")
        else:
            if verb == "stop" and self.told.ladder is None:
                self.stop_request = request["id"]
                self._begin_to_stop(self._patient_stop())
            self.requests.forward(request)
            self.told.note("control", f"{request['by']} asks: {verb}.", control=request["id"], verb=verb)

    def _patient_stop(self) -> Ladder:
        """Of a trainer that finishes its update first, for which it may take twice as long as for the longest so far."""
        return Ladder.stop(max(self.grace, 2 * self.told.progress.longest_update))

    def _begin_to_stop(self, ladder: Ladder) -> None:
        if self.told.ladder is None or ladder.harsher_than(self.told.ladder):
            self.told.ladder = ladder

    def _notice_sleep(self) -> None:
        wall, steady = time.time(), time.monotonic()
        before_wall, before_steady = self._clocks
        self._clocks = wall, steady
        if abs((wall - before_wall) - (steady - before_steady)) > SLEPT:
            self.told.progress.interrupt_clock()
            self.told.note("message", "The machine slept, or its clock was set.")

    def _leave_if_told(self) -> None:
        """Told to end: leaves the trainer alone, unless it is ending too. Raises ToldToEnd when this supervisor is to go."""
        if self.asked_to_end is None:
            return
        number, trainer = self.asked_to_end, self.told.trainer
        until = time.monotonic() + LINGER
        while trainer is not None and time.monotonic() < until:
            if not trainer.alive():
                return
            time.sleep(TICK)
        rest = "the run waits until it is resumed" if trainer is None else "the trainer goes on"
        text = f"The supervisor is told to end ({number.name}); {rest}."
        self.told.safely(lambda: self.told.note("signal", text, signal=number.name))
        raise ToldToEnd

    def _on_signal(self, number: int, _frame: Any) -> None:
        self.asked_to_end = signal.Signals(number)

    # ------------------------------------------------------------------------------------------ the end

    def _seen_end(self, code: int | None) -> Ending:
        return self._judge(code, self._exit_record(), out_of_memory=out_of_memory_kills() > self.oom_kills)

    def _unseen_end(self) -> Ending:
        """The end of a trainer whose exit code nobody could collect: what it wrote itself, or that it wrote nothing."""
        record = self._exit_record()
        forced = None if self.told.ladder is None else self.told.ladder.last_sent
        if record is None and forced is None:
            return GONE_WITHOUT_WORD if same_boot(self.before) else RESTARTED
        code = record["exitCode"] if record is not None else -forced if forced is not None else None
        return self._judge(code, record, out_of_memory=False)

    def _judge(self, code: int | None, record: dict[str, Any] | None, *, out_of_memory: bool) -> Ending:
        ladder = self.told.ladder
        if (silent := self.lookout.ended_after) is not None and code != 0:
            return Ending("failed", code, f"The trainer said nothing for {silent:.0f} s and was ended.")
        forced = None if ladder is None else ladder.last_sent
        asked = ladder is not None
        return judge(
            code, record, asked=asked, forced=forced, log=self.run.log, log_offset=self.log_offset, out_of_memory=out_of_memory,
            phase=self._phase(),
        )  # fmt: skip

    def _phase(self) -> dict[str, Any] | None:
        """What is being trained, as the config has it; None while everything is being loaded. All phases of a method have the same keys."""
        progress = self.told.progress
        phases = self.config.get("phases")
        known = phases if progress.started and isinstance(phases, list) else []
        return next((phase for phase in known if isinstance(phase, dict) and phase.get("method") == progress.phase), None)

    def _exit_record(self) -> dict[str, Any] | None:
        record = read_json(self.run.exit)
        ours = record is not None and record.get("attempt") == self.told.attempt and isinstance(record.get("exitCode"), int)
        return record if ours else None

    def _end(self, ending: Ending) -> int:
        """Writes down how it ended. A full disk is waited out: nothing else tells the end to those who look."""
        told = self.told
        while told.progress.follow():
            pass
        told.ladder, told.restart_at, told.waits, told.behind, told.silent_since = None, None, None, [], None
        told.state, told.exit_code, told.reason = ending.state, ending.code, ending.reason
        self.turn.close()
        until = time.monotonic() + 600
        while not told.safely(lambda: self._write_end(ending)) and self.run.path.exists() and time.monotonic() < until:
            time.sleep(1)
        return EXIT_CODES[ending.state] if ending.code != 2 else 2

    def _write_end(self, ending: Ending) -> None:
        self.told.write()
        self._close_requests(ending)
        self.told.note("exit", ending.reason, state=ending.state, exitCode=ending.code)

    def _close_requests(self, ending: Ending) -> None:
        """Whatever is still open ends with the attempt."""
        answers = {str(answer.get("id")): answer for answer in self.told.progress.answers}
        for request in [*self.requests.open.values(), *self.requests.take()]:
            if request["id"] in answers:
                self._settle(request, *outcome_of(answers[request["id"]]))
            elif request["verb"] in ("stop", "kill"):
                self._settle(request, "done", ending.reason)
            else:
                self._settle(request, "interrupted", f"The run ended first: {ending.reason}")

    # ------------------------------------------------------------------------------------------ writing

    def _settle(self, request: dict[str, Any], outcome: str, text: str) -> None:
        self.requests.settle(request, outcome, text)
        self.told.note("control", text, control=request["id"], verb=request["verb"], outcome=outcome)

    def _note_refused(self) -> None:
        for refused in self.requests.refused:
            self.told.note("control", refused["text"], control=refused["id"], verb=refused["verb"], outcome="refused")


def size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def outcome_of(answer: dict[str, Any]) -> tuple[str, str]:
    """Outcome and sentence of a control event."""
    return "done" if answer.get("outcome") == "done" else "refused", str(answer.get("text") or "The trainer has answered.")
