"""2N steps are N, a stop and N more, to the bit; and what is asked of a trainer between two steps."""

from __future__ import annotations

import gc
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import MakeRun, copy_run, events_of

from minillm.checkpoint import State
from minillm.interrupt import Interrupt, Stopped
from minillm.progress import SAVING
from minillm.record import Record
from minillm.rundir import EventWriter, RunDir, read_json, trainer_requests
from minillm.train import Trainer, train

TRAINER = Path(__file__).resolve().parents[1]


class StopsAfter(EventWriter):
    """Asks the trainer to stop as soon as it has told of a step."""

    def __init__(self, run: RunDir, attempt: int, step: int, interrupt: Interrupt) -> None:
        super().__init__(run, attempt)
        self.at, self.interrupt = step, interrupt

    def write(self, kind: str, **fields: Any) -> int:
        seq = super().write(kind, **fields)
        if kind == "step" and fields["step"] == self.at:
            self.interrupt.ask("the test says so")
        return seq


class Arms(EventWriter):
    """Notices when the trainer has told of something."""

    def __init__(self, run: RunDir, attempt: int, told: dict[str, Any]) -> None:
        super().__init__(run, attempt)
        self.told, self.armed = told, False

    def write(self, kind: str, **fields: Any) -> int:
        seq = super().write(kind, **fields)
        self.armed |= self.told.items() <= {"kind": kind, **fields}.items()
        return seq


def train_into(run: RunDir, attempt: int, told: dict[str, Any], looks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asks to stop at the so manyth look for a request that the trainer takes within its work, once it has told of something."""
    monkeypatch.setattr("minillm.interrupt.LOOK_EVERY", 0.0)
    events, taken = Arms(run, attempt, told), 0

    def asked() -> bool:
        nonlocal taken
        taken += events.armed
        return taken >= looks

    with pytest.raises(Stopped, match="Stopped on request"):
        Trainer(run, attempt, events, Interrupt(asked)).live()


def train_until(run: RunDir, attempt: int, step: int) -> None:
    interrupt = Interrupt()
    with pytest.raises(Stopped, match="the test says so"):
        Trainer(run, attempt, StopsAfter(run, attempt, step, interrupt), interrupt).live()


def outcome(run: RunDir) -> dict[str, Any]:
    """What training came to, without times: losses of every step, samples, evaluations and the last weights."""
    steps = {}
    for event in events_of(run, "step") + events_of(run, "rollout"):
        timeless = {name: value for name, value in event["metrics"].items() if not name.startswith(("time", "throughput", "memory"))}
        steps[event["kind"], event["step"]] = timeless
    names = sorted({path.name[:13] for path in run.checkpoints.iterdir()})
    samples = {}
    for path in run.samples.glob("*.jsonl"):
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        name = path.name[:13] + path.name.partition(".")[2]
        samples[name] = [{key: value for key, value in line.items() if key != "checkpoint"} for line in lines]
    scores = {
        (event["step"], event["subject"], event["full"]): {k: v for k, v in event["metrics"].items() if k != "time/evaluation"}
        for event in events_of(run, "evaluation")
    }
    (last,) = [path for path in run.checkpoints.iterdir() if path.name.startswith("step-00000016")]
    return {"steps": steps, "names": names, "samples": samples, "scores": scores, "weights": (last / "model.safetensors").read_bytes()}


# sft from 1 to 6, then rounds of four steps, two to an inner epoch: 7-10, 11-14, 15-16
PLACES = {2: "within sft", 7: "within an inner epoch", 8: "between inner epochs", 10: "between rounds", 13: "in the second round"}


def test_resume_is_exact_wherever_it_stopped(make_run: MakeRun) -> None:
    through = make_run("through")
    assert train(through.path, 1) == 0
    expected = outcome(through)
    for step, place in PLACES.items():
        run = make_run(f"from{step}")
        train_until(run, 1, step)
        assert train(run.path, 2) == 0, place
        (resumed,) = events_of(run, "resume")
        assert resumed["step"] == step
        found = outcome(run)
        found["names"] = [name for name in found["names"] if int(name[5:]) in (5, 6, 10, 15, 16)]
        for part, value in expected.items():
            assert found[part] == value, (place, part)
        seqs = [event["seq"] for event in events_of(run)]
        assert seqs == list(range(len(seqs)))


def test_a_killed_trainer_goes_on_from_its_last_checkpoint_and_repeats_what_was_lost(make_run: MakeRun) -> None:
    run = make_run(inspect__rows=1)
    train_until(run, 1, 12)
    shutil.rmtree(run.checkpoints / "step-00000012-a1")  # as if it had been killed there: the scheduled ones alone are left
    assert train(run.path, 2) == 0
    assert events_of(run, "resume")[0]["checkpoint"] == "step-00000010-a1"
    steps = [(event["attempt"], event["step"]) for event in events_of(run, "step")]
    assert steps == [(1, n) for n in range(1, 13)] + [(2, n) for n in range(11, 17)]
    losses = [event["metrics"]["loss/total"] for event in events_of(run, "step") if event["step"] in (11, 12)]
    assert losses[:2] == losses[2:]


def test_a_resumed_attempt_keeps_nothing_of_what_it_read(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """The moments of a checkpoint, copied into the optimizer, are as large as the student twice over."""
    read: list[weakref.ref[torch.Tensor]] = []
    living: list[int] = []
    resume, conclude = Trainer.resume, Record.conclude

    def remember(self: Trainer, state: State) -> tuple[int, int]:
        read.extend(weakref.ref(tensor) for tensor in state.optimizer.values())
        return resume(self, state)

    def count(self: Record, name: str, step: int) -> None:
        gc.collect()
        living.append(sum(tensor() is not None for tensor in read))
        conclude(self, name, step)

    monkeypatch.setattr(Trainer, "resume", remember)
    monkeypatch.setattr(Record, "conclude", count)
    run = make_run(inspect__rows=1, evaluation__rows=3)
    train_until(run, 1, 9)
    assert train(run.path, 2) == 0
    assert len(read) > 10
    assert living == [0]


def test_a_damaged_checkpoint_is_passed_over_with_a_message(make_run: MakeRun) -> None:
    run = make_run(inspect__rows=1)
    train_until(run, 1, 12)
    damages = {"model.safetensors": 100, "state/rollout.safetensors": None, "state/state.json": 3}
    for number, (file, size) in enumerate(damages.items()):
        broken = copy_run(run, f"broken{number}")
        path = broken.checkpoints / "step-00000012-a1" / file
        if size is None:
            path.unlink()
        else:
            os.truncate(path, size)
        assert train(broken.path, 2) == 0
        (message,) = [event for event in events_of(broken, "message") if event["attempt"] == 2]
        assert message["level"] == "warning"
        assert message["text"].startswith("Checkpoint step-00000012-a1 cannot be used (")
        assert file.split("/")[-1] in message["text"]
        assert events_of(broken, "resume")[0]["checkpoint"] == "step-00000010-a1"


def test_an_attempt_without_a_checkpoint_begins_again(make_run: MakeRun) -> None:
    run = make_run(inspect__rows=1, phases__1__steps=1)
    with open(run.events, "w", encoding="utf-8") as file:
        file.write('{"v":1,"seq":0,"t":1,"attempt":1,"kind":"progr')
    assert train(run.path, 2) == 0
    assert not [line for line in run.events.read_text(encoding="utf-8").splitlines()[1:] if json.loads(line)["kind"] == "resume"]


def test_a_finished_run_has_nothing_left_to_do(make_run: MakeRun) -> None:
    run = make_run(inspect__rows=1)
    assert train(run.path, 1) == 0
    before = {path: path.stat().st_mtime_ns for path in run.path.rglob("*.safetensors")}
    assert train(run.path, 2) == 0
    assert {path: path.stat().st_mtime_ns for path in run.path.rglob("*.safetensors")} == before
    assert not [event for event in events_of(run, "step") if event["attempt"] == 2]


def test_an_evaluation_that_was_cut_short_is_made_up(make_run: MakeRun) -> None:
    run = make_run(inspect__rows=1)
    train_until(run, 1, 10)  # asked right after the step: the checkpoint is written, its samples and evaluation are not
    assert not (run.evaluations / "step-00000010-a1.json").exists()
    assert train(run.path, 2) == 0
    assert (run.evaluations / "step-00000010-a1.json").exists()
    assert (run.samples / "step-00000010-a1.jsonl").exists()


@pytest.mark.parametrize("looks", [1, 11])
def test_a_round_is_cut_short_and_sampled_anew(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, looks: int) -> None:
    """Asked at the first token of a round, or in its second chunk."""
    through = make_run("through", inspect__rows=1)
    assert train(through.path, 1) == 0
    run = make_run("cut", inspect__rows=1)
    train_into(run, 1, {"kind": "step", "step": 14}, looks, monkeypatch)
    assert events_of(run, "step")[-1]["step"] == 14
    assert [event["round"] for event in events_of(run, "rollout")] == [0, 1]
    assert events_of(run, "checkpoint")[-1]["name"] == "step-00000014-a1"
    assert train(run.path, 2) == 0
    assert events_of(run, "resume")[0]["step"] == 14
    for part in ("steps", "scores", "weights"):
        assert outcome(run)[part] == outcome(through)[part], part


def test_a_request_is_heard_in_the_midst_of_a_round(make_run: MakeRun) -> None:
    """A round of thousands of responses: it is not waited for, and what was learned before is kept."""
    run = make_run(phases__1__rollouts=20_000, phases__1__batchSize=4, evaluation__rows=2, inspect__rows=1)

    def operate() -> None:
        wait_for(run, "phase", index=1)
        ask(run, "stop")

    thread = threading.Thread(target=operate)
    thread.start()
    code = train(run.path, 1)
    thread.join()
    assert code == 3
    assert events_of(run, "rollout") == []
    told = [event["what"] if event["kind"] == "progress" else event["kind"] for event in events_of(run)]
    assert told.count(SAVING) == told.count("checkpoint") > 0
    assert all(told[place - 1] == SAVING for place, kind in enumerate(told) if kind == "checkpoint")
    (answer,) = events_of(run, "control")
    assert (answer["step"], answer["text"]) == (6, "Stopped after step 6; checkpoint step-00000006-a1 was written.")
    assert not trainer_requests(run)


def ask(run: RunDir, verb: str) -> None:
    part = run.control_trainer / f".{verb}"
    part.write_text(json.dumps({"v": 1, "id": f"id-{verb}", "verb": verb, "args": {}, "by": "test", "t": time.time()}), encoding="utf-8")
    part.rename(run.control_trainer / f"{verb}.json")


def wait_for(run: RunDir, kind: str, count: int = 1, seconds: float = 60.0, **fields: Any) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if run.events.exists():
            lines = run.events.read_text(encoding="utf-8").split("\n")[:-1]
            found = [e for e in map(json.loads, lines) if e["kind"] == kind and all(e.get(k) == v for k, v in fields.items())]
            if len(found) >= count:
                return
        time.sleep(0.02)
    raise AssertionError(f"no {kind} {fields} within {seconds} s")


def test_requests_are_acted_on_between_steps(make_run: MakeRun) -> None:
    run = make_run(phases__1__steps=20_000, checkpoints__every=50_000, inspect__rows=1)
    problems: list[BaseException] = []

    def operate() -> None:
        try:
            wait_for(run, "step", 8)
            ask(run, "pause")
            wait_for(run, "control", verb="pause")
            still = len(events_of(run, "step"))
            time.sleep(0.3)
            assert len(events_of(run, "step")) == still
            ask(run, "checkpoint")
            wait_for(run, "control", verb="checkpoint")
            ask(run, "evaluate")
            wait_for(run, "control", verb="evaluate")
            ask(run, "continue")
            wait_for(run, "step", still + 3)
            ask(run, "dance")
            wait_for(run, "control", verb="dance")
        except BaseException as error:
            problems.append(error)
        finally:
            ask(run, "stop")

    thread = threading.Thread(target=operate)
    thread.start()
    code = train(run.path, 1)
    thread.join()
    assert not problems
    assert code == 3
    outcomes = {event["verb"]: event for event in events_of(run, "control")}
    assert {verb: event["outcome"] for verb, event in outcomes.items()} == {
        "pause": "done", "checkpoint": "done", "evaluate": "done", "continue": "done", "dance": "refused", "stop": "done",
    }  # fmt: skip
    assert not trainer_requests(run)
    paused = outcomes["pause"]["step"]
    assert outcomes["checkpoint"]["step"] == outcomes["evaluate"]["step"] == outcomes["continue"]["step"] == paused
    assert (run.evaluations / f"step-{paused:08d}-a1.json").exists()
    record = read_json(run.exit)
    assert record is not None
    assert (record["exitCode"], record["reason"]) == (3, "stopped")
    assert (run.checkpoints / f"step-{outcomes['stop']['step']:08d}-a1" / "state" / "files.json").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.long)], ids=lambda number: number.name)
def test_a_signal_ends_it_with_a_checkpoint(make_run: MakeRun, number: signal.Signals) -> None:
    run = make_run(phases__0__steps=100_000, checkpoints__every=1_000_000)
    command = [sys.executable, "-P", "-m", "minillm", "train", str(run.path), "--attempt", "1"]
    with open(run.log, "ab") as log:
        process = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(TRAINER)}, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        wait_for(run, "step", 5)
        process.send_signal(number)
        assert process.wait(30) == 3, run.log.read_text()
        last = events_of(run, "step")[-1]["step"]
        assert events_of(run, "checkpoint")[-1]["name"] == f"step-{last:08d}-a1"
        (end,) = events_of(run, "end")
        assert (end["exitCode"], end["reason"], end["cause"]) == (3, "stopped", f"{number.name} received")
        assert "Traceback" not in run.log.read_text()
    finally:
        process.kill()
        process.wait()


def test_another_processor_is_told_of(make_run: MakeRun) -> None:
    run = make_run()
    train_until(run, 1, 7)
    state = run.checkpoints / "step-00000007-a1" / "state" / "state.json"
    record = json.loads(state.read_text())
    here = record["environment"]["hardware"]
    record["environment"]["hardware"] = "Z" * len(here)  # of the same size, which is checked
    del record["environment"]["threads"]  # as an older trainer wrote it: nothing can be said
    room = len(state.read_text())
    state.write_text(json.dumps(record, separators=(",", ":")).ljust(room))
    train_until(run, 2, 8)
    texts = [event["text"] for event in events_of(run, "message") if event["level"] == "warning" and "bit for bit" in event["text"]]
    assert texts == [f"Training goes on, but not bit for bit: hardware was {'Z' * len(here)} and is {here}."]


def test_the_start_is_looked_at_once(make_run: MakeRun) -> None:
    """Killed before the first checkpoint of its own, a run of distillation alone goes on from step 0."""
    phase = {"method": "rkl", "steps": 4, "batchSize": 4, "optimizer": {"learningRate": 0.01}}
    run = make_run(phases=[phase], checkpoints__every=4)
    train_until(run, 1, 2)
    shutil.rmtree(run.checkpoints / "step-00000002-a1")
    assert train(run.path, 2) == 0
    assert [event["checkpoint"] for event in events_of(run, "resume")] == ["step-00000000-a1"]
    assert [event["name"] for event in events_of(run, "checkpoint")] == ["step-00000000-a1", "step-00000002-a1", "step-00000004-a2"]


@pytest.mark.parametrize("every", [0.0, 60.0])
def test_stopped_before_the_first_step(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, every: float) -> None:
    """While it loads, or when it has."""
    monkeypatch.setattr("minillm.interrupt.LOOK_EVERY", every)
    run = make_run()
    ask(run, "stop")
    assert train(run.path, 1) == 3
    assert not run.checkpoints.exists()
    (answer,) = events_of(run, "control")
    assert (answer["outcome"], "nothing to keep" in answer["text"]) == ("done", True)
    assert bool(events_of(run, "start")) == (every > 0)
    assert not trainer_requests(run)
