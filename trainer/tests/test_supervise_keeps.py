"""What keeps a run going with nobody there: restarts after a crash, the line for a device, and guards that need no trainer."""

from __future__ import annotations

import itertools
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from scene import Scene, running

from minillm import identity
from minillm.data_files import LARGEST_WHOLE_MODEL, changes_of, changes_of_run, describe
from minillm.ending import Ending
from minillm.restarts import Restarts
from minillm.room import Room
from minillm.rundir import read_json, write_json_whole
from minillm.waiting import Ticket, wanted_devices


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Any]:
    scenes: list[Scene] = []

    def make(name: str = "test", **config: Any) -> Scene:
        scenes.append(Scene(tmp_path, name, **config))
        return scenes[-1]

    yield make
    for scene in scenes:
        scene.clear()


def texts(scene: Scene, kind: str) -> list[str]:
    return [entry["text"] for entry in scene.journal() if entry["kind"] == kind]


# ---------------------------------------------------------------------------------------------------- restarts


def test_a_crash_is_followed_by_a_new_attempt(stage: Any) -> None:
    scene = stage(restarts=3)
    process = scene.supervise({"steps": 4, "end": -9, "fails": 2}, back_off=0.3)
    waiting = scene.until(lambda s: s["restartAt"] is not None)
    assert (waiting["state"], waiting["attempt"], waiting["restarts"], waiting["trainer"]) == ("starting", 2, 1, None)
    assert waiting["reason"].startswith("Restart 1 of 3 after a crash: Killed from outside (SIGKILL)")
    assert waiting["restartAt"] - waiting["heartbeat"] < 0.4
    assert process.wait(20) == 0
    status = scene.status()
    assert (status["state"], status["attempt"], status["restarts"], status["restartAt"]) == ("finished", 3, 2, None)
    events = scene.lines(scene.run.events)
    assert [event["seq"] for event in events] == list(range(len(events)))
    assert [event["attempt"] for event in events if event["kind"] == "start"] == [1, 2, 3]
    states = [text for text in texts(scene, "state") if text.startswith("Restart")]
    assert [text.split(":")[0] for text in states] == ["Restart 1 of 3 after a crash, in 0.3 s", "Restart 2 of 3 after a crash, in 0.9 s"]


def test_restarts_are_bounded(stage: Any) -> None:
    scene = stage(restarts=2)
    status = scene.to_end({"steps": 1, "end": -11}, back_off=0.05)
    assert (status["state"], status["attempt"], status["restarts"], status["exitCode"]) == ("failed", 3, 2, -11)
    assert texts(scene, "message") == ["It was restarted 2 times, which is what the config allows."]
    assert len(texts(scene, "exit")) == 3


@pytest.mark.parametrize(("end", "attempts"), [(2, 1), (3, 1), (1, 2)])
def test_what_would_come_again_is_not_tried_again(stage: Any, end: int, attempts: int) -> None:
    """Bad input, a stop, and the same failure at the same step."""
    scene = stage(restarts=5)
    assert scene.to_end({"steps": 3, "end": end, "cause": "KeyError: 'x'"}, back_off=0.05)["attempt"] == attempts


def test_no_restart_unless_asked(stage: Any) -> None:
    assert stage().to_end({"steps": 1, "end": -9})["attempt"] == 1


def test_unasked_it_writes_down_an_end_and_starts_nothing(stage: Any) -> None:
    """A viewer found the folder, and a stranger may have filled it: restarts that its config allows are not a person's word."""
    scene = stage(restarts=3)
    scene.end_unseen({"steps": 25, "silent": True})
    assert scene.supervise({"steps": 1}, unasked=True).wait(20) == 1
    assert (scene.status()["state"], scene.status()["attempt"]) == ("failed", 1)


def test_a_run_that_waits_to_restart_can_be_stopped(stage: Any) -> None:
    scene = stage(restarts=1)
    process = scene.supervise({"steps": 1, "end": -9}, back_off=60)
    scene.until(lambda s: s["restartAt"] is not None)
    refused = scene.outcome(scene.ask("pause"))
    assert (refused["outcome"], refused["text"].split(".")[0]) == ("refused", "There is no trainer yet that could pause")
    assert scene.outcome(scene.ask("stop"))["outcome"] == "done"
    assert process.wait(10) == 3
    assert scene.status()["reason"].startswith("Stopped on request while it waited. Restart 1 of 1 after a crash")


def test_a_stop_is_not_undone_by_a_restart(stage: Any) -> None:
    scene = stage(restarts=5)
    scene.supervise({"forever": 1, "deaf": 1}, grace=0.3)
    scene.until(running)
    scene.ask("stop")
    assert scene.until(lambda s: s["state"] == "stopped")["attempt"] == 1


def test_a_supervisor_that_dies_while_it_waits_loses_nothing(stage: Any) -> None:
    scene = stage(restarts=2)
    first = scene.supervise({"steps": 2, "end": -9}, back_off=60)
    scene.until(lambda s: s["restartAt"] is not None)
    first.kill()
    first.wait()
    status = scene.to_end({"steps": 3}, back_off=0.05)
    assert (status["state"], status["attempt"], status["restarts"]) == ("finished", 2, 1)


def test_the_waits_grow_and_end() -> None:
    restarts = Restarts(9, 0, 5.0)
    crash = Ending("failed", -9, "Killed.")
    assert [restarts.wait_after(crash, 7)[0] for _ in range(6)] == [5, 15, 45, 135, 300, 300]
    assert [restarts.wait_after(crash, step)[0] for step in (8, 8, 9, 9)] == [5, 15, 5, None], "a step that is new is a new beginning"


# ---------------------------------------------------------------------------------------------------- silence


def test_a_silent_trainer_is_told_of_once_and_goes_on(stage: Any) -> None:
    scene = stage(guards={"stall": {"action": "alert", "seconds": 1.0, "factor": 1.0}})
    process = scene.supervise({"forever": 1, "seconds": 0.05})
    trainer = scene.until(running)["trainer"]
    os.kill(trainer["pid"], signal.SIGSTOP)
    silent = scene.until(lambda s: s["silentSince"] is not None)
    assert silent["heartbeat"] - silent["silentSince"] < 4
    time.sleep(1.0)
    os.kill(trainer["pid"], signal.SIGCONT)
    assert scene.until(lambda s: s["silentSince"] is None)["state"] == "running"
    scene.ask("stop")
    assert process.wait(20) == 3
    (alert,) = [entry for entry in scene.journal() if entry["kind"] == "alert"]
    assert alert["rule"] == "stall"
    assert alert["numbers"]["seconds"] >= alert["numbers"]["limit"] == 1.0  # to a tenth


@pytest.mark.long
def test_a_stopped_supervisor_does_not_take_its_own_sleep_for_the_trainers(stage: Any) -> None:
    scene = stage(guards={"stall": {"action": "alert", "seconds": 3.0, "factor": 1.0}})
    process = scene.supervise({"steps": 100, "seconds": 0.05})
    trainer = scene.until(running)["trainer"]
    for number in (signal.SIGSTOP, signal.SIGCONT):  # as when the machine sleeps
        os.kill(process.pid, number)
        os.kill(trainer["pid"], number)
        time.sleep(3.5 if number == signal.SIGSTOP else 0)
    assert process.wait(20) == 0
    assert not [entry for entry in scene.journal() if entry["kind"] == "alert"]


def test_a_trainer_that_hangs_is_ended_and_started_again(stage: Any) -> None:
    scene = stage(restarts=1, guards={"stall": {"action": "stop", "seconds": 1.0, "factor": 1.0}})
    status = scene.to_end({"steps": 9, "hang": 5}, grace=0.6, back_off=0.05)
    # The stand-in goes on after the step at which it hung.
    assert (status["state"], status["attempt"], status["step"]) == ("finished", 2, 9)
    assert re.fullmatch(r"The trainer said nothing for \d s and was ended\.", texts(scene, "exit")[0])


# ---------------------------------------------------------------------------------------------------- the line


def test_runs_wait_in_order_of_submission(stage: Any) -> None:
    scenes = [stage(name, queue="always") for name in ("a", "b", "c")]
    processes = []
    for scene in scenes:
        processes.append(scene.supervise({"steps": 3, "held": 1}))
        scene.until(lambda s: s["state"] in ("queued", "running"))
    first, second, third = scenes
    queued = second.until(lambda s: s["state"] == "queued")
    assert (queued["behind"], queued["trainer"], queued["step"]) == ([first.run.id], None, 0)
    assert queued["reason"] == f"Waits for cpu, behind {first.run.id}."
    assert third.until(lambda s: s["behind"])["reason"] == f"Waits for cpu, behind {first.run.id} and 1 more."
    for scene in scenes:
        scene.go()
    assert [process.wait(30) for process in processes] == [0, 0, 0]
    spans = []
    for scene in scenes:
        events = scene.lines(scene.run.events)
        spans.append((events[0]["t"], events[-1]["t"]))
        assert scene.status()["behind"] == []
    assert all(before[1] < after[0] for before, after in itertools.pairwise(spans))


def test_a_queued_run_can_be_stopped(stage: Any) -> None:
    first, second = stage("a", queue="always"), stage("b", queue="always")
    first.supervise({"forever": 1})
    first.until(running)
    process = second.supervise({"steps": 1})
    second.until(lambda s: s["state"] == "queued")
    assert second.outcome(second.ask("stop"))["text"] == "The run had no trainer yet; it is stopped."
    assert process.wait(10) == 3
    assert second.status()["reason"] == f"Stopped on request while it waited. Waits for cpu, behind {first.run.id}."


def test_a_device_stays_taken_while_its_supervisor_is_replaced(stage: Any) -> None:
    first, second = stage("a", queue="always"), stage("b", queue="always")
    supervisor = first.supervise({"steps": 3, "held": 1})
    first.until(running)
    waiting = second.supervise({"steps": 2})
    second.until(lambda s: s["state"] == "queued")
    supervisor.kill()
    supervisor.wait()
    time.sleep(1.2)
    assert second.status()["state"] == "queued"
    successor = first.supervise({})
    first.until(lambda s: s["supervisor"]["pid"] == successor.pid)
    first.go()
    assert successor.wait(20) == 0
    assert waiting.wait(20) == 0
    assert first.lines(first.run.events)[-1]["t"] < second.lines(second.run.events)[0]["t"]


def test_a_killed_waiter_does_not_hold_up_the_line(stage: Any) -> None:
    scenes = [stage(name, queue="always") for name in ("a", "b", "c")]
    processes = []
    for scene in scenes:
        processes.append(scene.supervise({"steps": 3, "held": 1}))
        scene.until(lambda s: s["state"] in ("queued", "running"))
    processes[1].kill()
    processes[1].wait()
    for scene in scenes:
        scene.go()
    assert processes[2].wait(30) == 0
    resumed = scenes[1].to_end({"steps": 2})  # no --resume is needed: it never began
    assert (resumed["state"], resumed["attempt"]) == ("finished", 1)


def test_a_run_on_the_cpu_waits_for_nobody_unless_asked(stage: Any) -> None:
    first, second = stage("a"), stage("b")
    first.supervise({"forever": 1})
    first.until(running)
    assert second.to_end({"steps": 2})["state"] == "finished"


def test_each_run_gets_a_gpu_of_its_own(tmp_path: Path) -> None:
    wanted = ["cuda:0", "cuda:1"]
    a, b, c, d = (Ticket(name, which, tmp_path) for name, which in (("a", wanted), ("b", wanted), ("c", ["cuda:0"]), ("d", wanted)))
    assert (a.claim(wait=True), a.device) == ([], "cuda:0")
    assert (b.claim(wait=True), b.device) == ([], "cuda:1")
    assert (c.claim(wait=True), c.device) == (["a"], None)
    assert d.claim(wait=True) == ["a", "b", "c"]
    b.close()
    assert (d.claim(wait=True), d.device) == ([], "cuda:1")
    a.close()
    assert (c.claim(wait=True), c.device) == ([], "cuda:0")
    e = Ticket("e", ["cuda:0"], tmp_path)
    assert (e.claim(wait=False), e.device) == ([], "cuda:0")


@pytest.mark.parametrize(
    ("device", "found", "visible", "wanted"),
    [
        ("auto", ["cpu"], None, ["cpu"]),
        ("auto", ["mps", "cpu"], None, ["mps"]),
        ("auto", ["cuda: A", "cuda: B", "cpu"], None, ["cuda:0", "cuda:1"]),
        ("cuda:1", ["cuda: A", "cuda: B", "cpu"], None, ["cuda:1"]),
        ("cuda:1", ["cuda: A", "cuda: B", "cpu"], "3,5", ["cuda:5"]),
        ("cuda", ["cuda: A"], "GPU-1f", ["cuda:GPU-1f"]),
        ("cpu", ["cuda: A"], None, ["cpu"]),
    ],
)
def test_the_devices_that_a_run_asks_for(device: str, found: list[str], visible: str | None, wanted: list[str]) -> None:
    assert wanted_devices({"config": {"device": device}, "environment": {"devices": found}}, visible) == wanted


# ---------------------------------------------------------------------------------------------------- data, disk


def test_a_resume_refuses_data_that_changed(stage: Any, tmp_path: Path) -> None:
    data = tmp_path / "train.jsonl"
    data.write_text("one\ntwo\n")
    size, digest = describe(str(data))
    scene = stage()
    record = read_json(scene.run.run) or {}
    write_json_whole(scene.run.run, record | {"dataFiles": [{"path": str(data), "bytes": size, "sha256": digest}]})
    scene.to_end({"steps": 2, "end": 1})
    data.write_text("one\nTWO\n")
    before = scene.run.status.read_bytes()
    assert scene.supervise({}, resume=True).wait(20) == 1
    assert f"What the run reads has changed since it was launched: {data} has other content of the same size." in scene.run.log.read_text()
    assert scene.run.status.read_bytes() == before
    assert scene.to_end({"steps": 3}, resume=True, allow_changed_data=True)["state"] == "finished"


def test_changes_of_data_are_told_apart(tmp_path: Path) -> None:
    path = str(tmp_path / "x")
    Path(path).write_text("abc")
    was = {"path": path, "bytes": 3, "sha256": describe(path)[1]}
    assert changes_of([was]) == []
    assert changes_of("garbage") == []
    Path(path).write_text("abcd")
    assert changes_of([was]) == [f"{path} had 3 bytes and has 4."]
    Path(path).unlink()
    assert changes_of([was]) == [f"{path} cannot be read any more (No such file or directory)."]


def test_changes_of_large_models_are_told_without_reading_them_whole(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"\1" * (LARGEST_WHOLE_MODEL + 12_345))
    was = {"path": str(path), "bytes": path.stat().st_size, "sha256": describe(str(path), of_model=True)[1]}
    assert changes_of_run({"modelFiles": [was]}) == []
    path.write_bytes(b"\2" * (LARGEST_WHOLE_MODEL + 12_345))
    assert changes_of_run({"modelFiles": [was]}) == [f"{path} has other content of the same size."]


def test_a_nearly_full_disk_is_told_of(stage: Any) -> None:
    scene = stage(guards={"diskSpace": {"action": "pause", "free": 1e9}})
    scene.supervise({"forever": 1})
    scene.until(lambda s: s["state"] == "paused")
    (alert,) = [entry for entry in scene.journal() if entry["kind"] == "alert"]
    assert alert["rule"] == "diskSpace"
    assert alert["text"].startswith("The disk of the runs folder is nearly full")
    assert scene.outcome(scene.ask("continue"))["outcome"] == "done"
    scene.until(running)


def test_an_alert_comes_once_until_there_is_room_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minillm.room.EVERY", 0.0)
    room = Room(tmp_path, {"free": 1e9})
    assert room.look(0) is not None
    assert room.look(0) is None
    room.free = 0.0
    assert room.look(0) is None
    room.free = 1e18
    assert room.look(0) is not None


def test_pids_of_another_container_are_not_ours(stage: Any) -> None:
    scene = stage()
    scene.to_end({"steps": 1})
    ours = identity.identify(os.getpid())
    status = scene.status() | {"state": "running", "pidNamespace": "pid:[1]", "trainer": ours, "supervisor": ours}
    write_json_whole(scene.run.status, status)
    assert scene.supervise({}).wait(20) == 1
    assert "belongs to" in scene.run.log.read_text()
    write_json_whole(scene.run.status, status | {"trainer": None})
