"""The life of a trainer: load, train phase after phase, keep what a run keeps, answer requests, and say how it ended."""

from __future__ import annotations

import contextlib
import math
import platform
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import torch
import transformers
from pydantic import ValidationError

from minillm import __version__, checkpoint, recordable
from minillm.checks.notes import Notes
from minillm.config import Config
from minillm.ending import lowers_memory
from minillm.errors import BadInput
from minillm.guards import Alert, Guards
from minillm.interrupt import ON_REQUEST, Interrupt, Stopped
from minillm.models import hardware
from minillm.optimizer import restore_optimizer
from minillm.phases import Metrics
from minillm.prepare import Prepared, prepare
from minillm.recall import recall
from minillm.record import Record, environment
from minillm.rundir import VERSION, EventWriter, RunDir, answer_request, read_json, trainer_requests, write_json_whole
from minillm.sequences import Rollout

FINISHED, FAILED, BAD_INPUT, STOPPED = 0, 1, 2, 3
"""Exit codes."""
TELL_EVERY = 0.5
"""Seconds between progress events of the same activity."""
LOOK_EVERY = 0.1
"""Seconds between looks for requests while paused."""


def train(run_dir: str | Path, attempt: int) -> int:
    """Trains the run in `run_dir`, from the start or from its newest checkpoint when `attempt` is not the first. Returns the exit code.

    Whatever happens, `exit.json` and an `end` event say it, as far as the disk lets them.
    """
    run = RunDir(run_dir)
    interrupt = Interrupt(lambda: any(request["verb"] == "stop" for request in trainer_requests(run)))
    interrupt.listen()
    transformers.utils.logging.disable_progress_bar()  # the log is a file
    events = EventWriter(run, attempt)
    trainer = Trainer(run, attempt, events, interrupt)
    code, reason, cause = FINISHED, "finished", None
    try:
        trainer.live()
    except Stopped as stop:
        code, reason, cause = STOPPED, "stopped", str(stop) or None
    except BadInput as error:
        code, reason, cause = BAD_INPUT, "bad input", error.sentence
    except Exception as error:
        say(traceback.format_exc().rstrip())
        code, reason, cause = FAILED, "failed", last_cause(error, trainer.knobs())
    if cause:
        say(cause)
    record = {"v": VERSION, "run": run.id, "attempt": attempt, "t": time.time(), "exitCode": code, "reason": reason, "cause": cause}
    try:
        write_json_whole(run.exit, record)
        if code == STOPPED:
            trainer.answer_stops()
        events.write("end", reason=reason, exitCode=code, step=trainer.step, cause=cause)
        events.sync()
    except OSError:
        say(traceback.format_exc().rstrip())
    return code


def say(text: str) -> None:
    """Into the log. One that cannot be written, on a full disk, ends no run."""
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def last_cause(error: BaseException, knobs: str) -> str:
    """The innermost reason of a failure in one line. `knobs` says what needs less memory."""
    while error.__cause__ is not None:
        error = error.__cause__
    line = next((text.strip() for text in str(error).splitlines() if text.strip()), "")
    if isinstance(error, torch.OutOfMemoryError):
        return f"The GPU's memory ran out: use {knobs}."
    if isinstance(error, FloatingPointError):
        return line
    return f"{type(error).__name__}: {line}" if line else type(error).__name__


class Trainer:
    """One attempt at a run."""

    def __init__(self, run: RunDir, attempt: int, events: EventWriter, interrupt: Interrupt) -> None:
        self.run, self.attempt, self.events, self.interrupt = run, attempt, events, interrupt
        self.step = 0
        """Optimizer steps done, over all phases."""
        self.phase = 0
        self.resumed = False
        self._told: tuple[str, float] = ("", 0.0)
        self._given_up: set[str] = set()

    def live(self) -> None:
        """From loading to the last evaluation. Raises Stopped, BadInput, or what went wrong."""
        config = self.config()
        found = self.newest_checkpoint() if self.attempt > 1 else None
        if found is not None:
            weights = config.student.model_copy(update={"model": str(found.folder), "init": "weights", "revision": None})
            chosen = found.record["environment"].get("teacherPrecision", "same")  # never measured twice in a run
            teacher = config.teacher.model_copy(update={"precision": chosen})
            config = config.model_copy(update={"student": weights, "teacher": teacher})
        prepared = prepare(config, self.progress, self.report_rollout, self.look_at_rollout, self.interrupt.check)
        self.guards = Guards(config.guards, self.alert, lambda ids: prepared.tokenizer.decode(ids, skip_special_tokens=True))
        self.prepared, self.record = prepared, Record(self.run, self.attempt, self.events, prepared, self.interrupt, self.progress)
        begin, resumed_at = (self.resume(found), found.name) if found is not None else ((0, 0), None)
        del found  # moments and rollouts as they were read: a second copy of what training holds
        self.notes = Notes(prepared, self.events, say)
        if resumed_at is not None:
            recall(self.guards, self.run.events)
        else:
            self.notes.before_the_first_step()
        self.tell_start()
        for sentence in prepared.told:
            self.message("info", sentence)
        if resumed_at is not None and self.due(*begin):  # the one before may have died before it had looked
            self.look_at_student(resumed_at)
        for index in range(begin[0], len(prepared.phases)):
            done = begin[1] if index == begin[0] else 0
            if done < prepared.phases[index].steps:
                self.train_phase(index, done)
        self.record.conclude(checkpoint.listed(self.run)[0], self.step)

    def knobs(self) -> str:
        """The settings that lower the need for memory in the phase at hand."""
        with contextlib.suppress(BadInput):
            return lowers_memory(self.config().phases[self.phase].model_dump(by_alias=True))
        return lowers_memory(None)

    def config(self) -> Config:
        record = read_json(self.run.run)
        try:
            return Config.model_validate((record or {})["config"])
        except (KeyError, ValidationError) as error:
            why = error.errors()[0]["msg"] if isinstance(error, ValidationError) else "it has no config"
            raise BadInput(f"{self.run.run} cannot be used: {why}. Start the run from its config again.") from None

    # ---------------------------------------------------------------------------------------------- resume

    def newest_checkpoint(self) -> checkpoint.State | None:
        for name, state in checkpoint.candidates(self.run):
            if isinstance(state, checkpoint.State):
                return state
            self.message("warning", f"Checkpoint {name} cannot be used ({state}); the one before it is tried.")
        self.message("info", "There is no checkpoint to go on from: training starts at the beginning.")
        return None

    def resume(self, state: checkpoint.State) -> tuple[int, int]:
        """Goes back to a checkpoint; returns the phase and its steps done."""
        record = state.record
        index, n, self.step = record["phase"], record["phaseStep"], record["step"]
        then, now = record["environment"], environment(self.prepared)
        changed = [f"{key} was {then[key]} and is {now[key]}" for key in now if key in then and then[key] != now[key]]
        if changed:
            self.message("warning", f"Training goes on, but not bit for bit: {'; '.join(changed)}.")
        phase = self.prepared.phases[index]
        restore_optimizer(self.prepared.student.model, phase.optimizer, state.optimizer)
        phase.restore(state.rollout)
        self.resumed = True
        self.events.write("resume", step=self.step, checkpoint=state.name)
        return index, n

    # ---------------------------------------------------------------------------------------------- training

    def train_phase(self, index: int, done: int) -> None:
        prepared = self.prepared
        phase, first = prepared.phases[index], prepared.first_steps[index]
        self.phase = index
        self.events.write("phase", index=index, method=phase.method, firstStep=first, steps=phase.steps)
        if self.step == prepared.distillation == 0 and not self.resumed:  # what distillation started from, to compare with
            self.look_at_student(self.record.save(0, index, 0))
        while done < phase.steps:
            self.attend(index, done)
            n = done + 1
            try:
                metrics = phase.step(n)
            except Stopped:  # before it has changed anything, so that it is as between two steps
                continue
            except FloatingPointError as error:
                sentence = f"At step {self.step + 1} ({phase.method}) {error}."
                if not self.guards.not_finite(sentence):
                    raise FloatingPointError(sentence) from None
                metrics = {"grad/norm": math.nan}  # the update was not made
            else:
                self.guards.step(metrics, phase.most_clipped)
            self.step += 1
            done = n
            self.events.write("step", step=self.step, phase=index, metrics=metrics)
            if self.due(index, n):
                self.look_at_student(self.record.save(self.step, index, n))
        phase.release()

    def due(self, index: int, n: int) -> bool:
        """Whether a checkpoint is due after step `n` of a phase: every so many steps, and at the end of a phase."""
        step = self.prepared.first_steps[index] - 1 + n
        return n == self.prepared.phases[index].steps or step % self.prepared.every == 0

    def look_at_student(self, name: str) -> None:
        self.record.sample(name, self.step)
        first = self.record.scores("teacher") is None
        self.record.evaluate(name, self.step)
        if first:
            self.notes.of_the_first_evaluation(self.record.scores("teacher"), self.record.scores(name))
        if (scores := self.record.scores(name)) is not None:
            self.guards.evaluation(name, scores, self.record.samples(name))
        self.tell_given_up()

    def report_rollout(self, round_number: int, metrics: Metrics) -> None:
        self.events.write("rollout", step=self.step, phase=self.phase, round=round_number, metrics=metrics)
        self.guards.rollout(self.phase, metrics)
        self.tell_given_up()

    def tell_given_up(self) -> None:
        """Of models that are no longer decoded with CUDA graphs: once."""
        sentences = recordable.given_up(self.prepared.student, self.prepared.teacher, self.prepared.reading.teacher)
        new = set(sentences) - self._given_up
        self._given_up |= new
        for sentence in sorted(new):
            self.message("warning", sentence)

    def look_at_rollout(self, rollout: Rollout) -> Metrics:
        return self.guards.look_at(rollout)

    def alert(self, alert: Alert) -> None:
        level = "error" if alert.action in ("stop", "pause") else "warning"
        say(f"{alert.rule}: {alert.text}")
        self.events.write(
            "alert", step=self.step, rule=alert.rule, level=level, text=alert.text, action=alert.action, numbers=alert.numbers,
            samples=alert.samples,
        )  # fmt: skip

    # ---------------------------------------------------------------------------------------------- requests

    def attend(self, index: int, n: int) -> None:
        """After step `n` of a phase: does what was asked for. Raises Stopped when that is to stop, with a checkpoint written."""
        paused = self.act_on_alerts(index, n)
        while True:
            for request in trainer_requests(self.run):
                paused = self.answer(request, index, n, paused)
            if self.interrupt.wanted:
                self.save_before_stop(index, n)
                self.interrupt.check()
            if not paused:
                return
            time.sleep(LOOK_EVERY)

    def act_on_alerts(self, index: int, n: int) -> bool:
        """Does what the guards want; returns whether training is paused now."""
        paused = False
        for alert in self.guards.take():
            if alert.action == "stop":
                self.interrupt.ask(f"the guard {alert.rule} ended it, for {alert.text[0].lower()}{alert.text[1:].rstrip('.')}")
            elif self.step > 0 and n > 0:
                self.record.sample(self.record.save(self.step, index, n), self.step)
            if alert.action == "pause":
                paused = True
                text = f"The guard {alert.rule} paused it: {alert.text}"
                self.events.write("control", step=self.step, id=f"guard-{alert.rule}", verb="pause", outcome="done", text=text)
        return paused

    def answer(self, request: dict[str, Any], index: int, n: int, paused: bool) -> bool:
        """Acts on one request; returns whether training is paused now."""
        verb, outcome = request.get("verb"), "done"
        match verb:
            case "stop":
                name = self.save_before_stop(index, n)
                kept = f"checkpoint {name} was written" if name else "there was nothing to keep yet"
                text = f"Stopped after step {self.step}; {kept}."
                self.interrupt.ask(ON_REQUEST)
            case "pause":
                text, paused = f"Paused after step {self.step}.", True
            case "continue":
                text, paused = f"Goes on after step {self.step}.", False
            case "checkpoint":
                name = self.record.save(self.step, index, n)
                self.record.sample(name, self.step)
                text = f"Checkpoint {name} was written."
            case "evaluate":
                self.look_at_student(name := self.record.save(self.step, index, n))
                text = f"Checkpoint {name} was evaluated."
            case _:
                text, outcome = f'The trainer does not know "{verb}".', "refused"
        answer_request(self.run, self.events, request, step=self.step, outcome=outcome, text=text)
        return paused

    def answer_stops(self) -> None:
        """At the end: answers what asked to stop in the midst of loading, samples or an evaluation, where all that was learned is kept."""
        newest = next(iter(checkpoint.listed(self.run)), None)
        text = f"Stopped; checkpoint {newest} is the newest." if newest else "Stopped; there was nothing to keep yet."
        for request in trainer_requests(self.run):
            if request["verb"] == "stop":
                answer_request(self.run, self.events, request, step=self.step, outcome="done", text=text)

    def save_before_stop(self, index: int, n: int) -> str | None:
        """A checkpoint of the student as it is; none before the first step, which a resume repeats."""
        if self.step == 0:
            return None
        if n == 0:  # between two phases: the end of the one before is a checkpoint already
            return checkpoint.listed(self.run)[0]
        return self.record.save(self.step, index, n)

    # ---------------------------------------------------------------------------------------------- telling

    def tell_start(self) -> None:
        prepared = self.prepared
        models = {"teacher": prepared.teacher, "student": prepared.student}
        versions = {"python": platform.python_version(), "torch": torch.__version__, "transformers": transformers.__version__}
        self.events.write(
            "start", device=device_name(prepared), precision=prepared.precision, threads=prepared.threads,
            versions=versions | {"minillm": __version__},
            parameters={who: sum(p.numel() for p in model.model.parameters()) for who, model in models.items()},
            vocabulary=prepared.student.vocabulary, rows=prepared.rows, total=prepared.total,
            plan=[
                {"method": phase.method, "firstStep": first, "steps": phase.steps}
                for phase, first in zip(prepared.phases, prepared.first_steps, strict=True)
            ],
        )  # fmt: skip

    def message(self, level: str, text: str) -> None:
        say(text)
        self.events.write("message", level=level, text=text)

    def progress(self, what: str, done: float, total: float | None, unit: str) -> None:
        """Tells of something long; raises Stopped when someone wants the trainer to stop."""
        self.interrupt.check()
        now = time.monotonic()
        if what != self._told[0] or done == total or now - self._told[1] >= TELL_EVERY:
            self._told = (what, now)
            self.events.write("progress", what=what, done=done, total=total, unit=unit)


def device_name(prepared: Prepared) -> str:
    if prepared.device.type == "cuda":
        return f"cuda: {hardware(prepared.device)}"
    return prepared.device.type
