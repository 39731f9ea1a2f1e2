"""The supervisor, with real processes: every end, every request, and the deaths that it must outlive."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from scene import TRAINER, Scene, running

from minillm import identity
from minillm.contract import Status
from minillm.ending import judge
from minillm.progress import SAVING
from minillm.rundir import LineWriter, read_json, write_json_whole


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(tmp_path)
    yield scene
    scene.clear()


def test_a_run_that_finishes(scene: Scene) -> None:
    process = scene.supervise({"steps": 4})
    assert process.wait(20) == 0
    status = scene.status()
    assert (status["state"], status["exitCode"], status["reason"]) == ("finished", 0, "Finished.")
    assert (status["attempt"], status["step"], status["total"], status["phase"]) == (1, 4, 4, "sft")
    assert status["host"] == identity.host()
    assert status["bootId"] == identity.boot_id()
    assert [entry["state"] for entry in scene.journal() if entry.get("state")][-1] == "finished"
    assert "a line" in scene.run.log.read_text()


@pytest.mark.parametrize(
    ("plan", "state", "code", "reason"),
    [
        ({"end": 1, "cause": "OutOfMemoryError: 2 GiB more"}, "failed", 1, "OutOfMemoryError: 2 GiB more"),
        ({"end": 1, "silent": 1, "print": "Traceback\n  File x\nModuleNotFoundError: No module named 'torch'\n"}, "failed", 1,
         "ModuleNotFoundError: No module named 'torch'"),
        ({"end": 1, "silent": 1, "print": ""}, "failed", 1, "The trainer ended with exit code 1; the log may say why."),
        ({"end": 2, "cause": "train.jsonl, line 37: not JSON."}, "failed", 2, "train.jsonl, line 37: not JSON."),
        ({"end": 3}, "stopped", 3, "Stopped on request."),
        ({"end": -11}, "failed", -11,
         "Killed by signal 11 (SIGSEGV): a crash in native code: a faulty driver, or packages that do not fit together."),
    ],
)  # fmt: skip
def test_other_ends(scene: Scene, plan: dict[str, Any], state: str, code: int, reason: str) -> None:
    process = scene.supervise(plan)
    assert process.wait(20) == {"stopped": 3}.get(state, 2 if code == 2 else 1)
    status = scene.status()
    assert (status["state"], status["exitCode"], status["reason"]) == (state, code, reason)


def test_killed_from_outside_is_said_in_words(tmp_path: Path) -> None:
    scene = Scene(tmp_path, phases=[{"method": "minillm", "rolloutChunk": 64}, {"method": "sft", "microBatchSize": 8}])
    try:
        status = scene.to_end({"end": -9})
    finally:
        scene.clear()
    assert (status["state"], status["exitCode"]) == ("failed", -9)
    assert status["reason"] == (
        "Killed from outside (SIGKILL), most likely because memory ran out; what needs less: a smaller microBatchSize or data.maxNewTokens."
    )


@pytest.mark.parametrize(
    ("phase", "less"),
    [
        ({"method": "sft", "microBatchSize": 8}, "a smaller microBatchSize or data.maxNewTokens"),
        ({"method": "sft", "microBatchSize": 1}, "a smaller data.maxNewTokens"),
        ({"method": "sft", "microBatchSize": 8, "microBatchTokens": 99}, "a smaller microBatchSize, microBatchTokens or data.maxNewTokens"),
        ({"method": "minillm", "microBatchSize": 8, "rolloutChunk": 64}, "a smaller microBatchSize, rolloutChunk or data.maxNewTokens"),
        ({"method": "distillm", "batchSize": 9, "microBatchSize": 3}, "a smaller microBatchSize, batchSize or data.maxNewTokens"),
        (None, "smaller models"),
    ],
)
def test_memory_that_ran_out_names_keys_that_the_phase_has(phase: dict[str, Any] | None, less: str, tmp_path: Path) -> None:
    given: dict[str, Any] = {"asked": False, "forced": None, "log": tmp_path / "log.txt", "log_offset": 0, "phase": phase}
    while_loading = " while it was loading" if phase is None else ""
    seen = judge(-9, None, **given, out_of_memory=True).reason
    assert seen == f"Killed by the system (SIGKILL){while_loading}, because memory ran out: use {less}."
    assert judge(-9, None, **given, out_of_memory=False).reason.endswith(f"what needs less: {less}.")


def test_a_child_that_the_trainer_left_behind_ends_with_it(scene: Scene) -> None:
    assert scene.to_end({"steps": 2, "deaf": 1})["state"] == "finished"
    assert identity.start_time(int((scene.run.path / "grandchild").read_text())) is None


def test_a_log_out_that_ends_both_is_still_written_down(scene: Scene) -> None:
    supervisor = scene.supervise({"forever": 1})
    trainer = scene.until(running)["trainer"]
    supervisor.terminate()
    os.kill(trainer["pid"], signal.SIGTERM)
    assert supervisor.wait(10) == 1
    assert scene.status()["reason"] == (
        "Killed by signal 15 (SIGTERM): something outside asked it to end, such as a log-out or a shutdown."
    )


def test_a_command_that_does_not_exist(scene: Scene) -> None:
    code = "import sys; from minillm.supervise import supervise; sys.exit(supervise(sys.argv[1], trainer=['/nonexistent']))"
    command = [sys.executable, "-c", code, str(scene.run.path)]
    assert subprocess.run(command, cwd=TRAINER, capture_output=True, timeout=20, check=False).returncode == 1
    assert scene.status()["state"] == "failed"


def test_a_stop_request_is_honoured(scene: Scene) -> None:
    scene.supervise({"forever": 1})
    scene.until(running)
    name = scene.ask("stop")
    outcome = scene.outcome(name)
    assert (outcome["outcome"], outcome["by"], outcome["verb"]) == ("done", "test", "stop")
    assert outcome["text"].startswith("stop after step ")
    status = scene.until(lambda s: s["state"] == "stopped")
    assert status["exitCode"] == 3
    assert not any(scene.run.control_trainer.iterdir())
    assert not list(scene.run.control.glob("*.json"))
    assert not [entry for entry in scene.journal() if entry["kind"] == "signal"]


def test_the_ladder_ends_a_trainer_that_ignores_everything(scene: Scene) -> None:
    scene.supervise({"forever": 1, "deaf": 1}, grace=0.9)
    trainer = scene.until(running)["trainer"]
    grandchild = int((scene.run.path / "grandchild").read_text())
    asked = time.time()
    name = scene.ask("stop")
    stopping = scene.until(lambda s: s["state"] == "stopping")
    assert asked < stopping["stopDeadline"] < asked + 2
    assert scene.outcome(name)["text"] == "Stopped by force (SIGKILL); work since the last checkpoint is lost."
    status = scene.until(lambda s: s["state"] == "stopped")
    assert (status["exitCode"], status["stopDeadline"]) == (-9, None)
    assert [entry["signal"] for entry in scene.journal() if entry["kind"] == "signal"] == ["SIGINT", "SIGTERM", "SIGKILL"]
    assert not identity.alive(trainer)
    assert identity.start_time(grandchild) is None


def test_the_ladder_waits_for_a_checkpoint_that_is_being_written(scene: Scene) -> None:
    scene.supervise({"forever": 1, "saves": 2.5}, grace=0.6)  # force would come after 0.9 s
    scene.until(running)
    name = scene.ask("stop")
    waiting = scene.until(lambda s: s["activity"] == SAVING and s["state"] == "stopping")
    assert waiting["stopDeadline"] is None
    assert scene.outcome(name)["text"].startswith("stop after step ")
    assert scene.until(lambda s: s["state"] == "stopped")["exitCode"] == 3
    assert not [entry for entry in scene.journal() if entry["kind"] == "signal"]


def test_an_end_at_once_waits_for_no_checkpoint(scene: Scene) -> None:
    scene.supervise({"forever": 1, "saves": 60})
    scene.until(running)
    scene.ask("stop")
    scene.until(lambda s: s["activity"] == SAVING)
    scene.ask("kill")
    assert scene.until(lambda s: s["state"] == "stopped", 20)["reason"].startswith("Stopped by force (SIGTERM)")


def test_long_updates_are_given_twice_their_time(scene: Scene) -> None:
    scene.supervise({"forever": 1, "deaf": 1, "updates": 300}, grace=0.9)
    scene.until(running)
    asked = time.time()
    scene.ask("stop")
    assert scene.until(lambda s: s["state"] == "stopping")["stopDeadline"] == pytest.approx(asked + 600, abs=30)


def test_a_kill_request_does_not_wait(scene: Scene) -> None:
    scene.supervise({"forever": 1})
    scene.until(running)
    name = scene.ask("kill")
    assert scene.outcome(name)["outcome"] == "done"
    assert scene.until(lambda s: s["state"] == "stopped", 3)["reason"].startswith("Stopped by force (SIGTERM)")


def test_two_stops_at_once_both_have_an_outcome(scene: Scene) -> None:
    scene.supervise({"forever": 1})
    scene.until(running)
    assert [scene.outcome(name)["outcome"] for name in [scene.ask("stop", "a"), scene.ask("stop", "b")]] == ["done", "done"]


def test_pause_continue_and_what_stays_open(scene: Scene) -> None:
    scene.supervise({"forever": 1})
    scene.until(running)
    paused = scene.ask("pause")
    assert scene.outcome(paused)["outcome"] == "done"
    assert scene.until(lambda s: s["state"] == "paused")["eta"] is None
    open_one = scene.ask("evaluate")
    assert scene.outcome(scene.ask("continue"))["outcome"] == "done"
    scene.until(running)
    scene.ask("stop")
    outcome = scene.outcome(open_one)
    assert (outcome["outcome"], outcome["text"]) == ("interrupted", "The run ended first: Stopped on request.")


def test_what_is_no_request_is_refused_with_a_sentence(scene: Scene) -> None:
    scene.supervise({"forever": 1})
    scene.until(running)
    control = scene.run.control
    garbage: dict[str, tuple[bytes, str]] = {
        "not-json": (b"{stop", "The request is not JSON."),
        "not-utf8": (b'{"verb":"\xff"}', "The request is not JSON."),
        "deep": (b"[" * 60_000, "The request is not JSON."),
        "a-list": (b"[1]", "The request is not a JSON object."),
        "empty": (b"", "The request is not JSON."),
        "huge": (b" " * 70_000, "The request is larger than 65536 bytes."),
        "unknown-verb": (b'{"verb":"dance"}', '"dance" is no verb; there are stop, kill, pause, continue, checkpoint, evaluate.'),
        "no-verb": (b"{}", "null is no verb; there are stop, kill, pause, continue, checkpoint, evaluate."),
        "bad-args": (b'{"verb":"checkpoint","args":[]}', '"args" must be an object of texts, numbers and booleans.'),
        "newer": (b'{"v":9,"verb":"stop"}', "The request is of record version 9; this supervisor knows versions up to 1."),
        "other": (b'{"id":"../../run","verb":"stop"}', "The id in the request is not the name of its file."),
        "sp ace": (b'{"verb":"stop"}', "The name of a request has at most 100 letters, digits, dots, dashes and underscores."),
    }
    for name, (content, _) in garbage.items():
        (control / f".{name}").write_bytes(content)
        (control / f".{name}").rename(control / f"{name}.json")
    os.mkfifo(control / "pipe.json")
    os.symlink("/etc/passwd", control / "link.json")
    (control / "folder.json").mkdir()
    for name, (_, text) in garbage.items():
        outcome = scene.outcome(name)
        assert (outcome["outcome"], outcome["text"]) == ("refused", text)
    assert scene.outcome("pipe")["text"] == "The request is not a plain file."
    assert scene.outcome("link")["outcome"] == "refused"
    assert [path.name for path in control.glob("*.json")] == ["folder.json"]
    assert scene.outcome(scene.ask("checkpoint"))["outcome"] == "done"


def test_the_trainer_outlives_its_supervisor_and_is_adopted(scene: Scene) -> None:
    first = scene.supervise({"steps": 120, "held": 60})
    before = scene.until(running)
    first.kill()
    first.wait()
    assert identity.alive(before["trainer"])
    name = scene.ask("checkpoint")  # nobody hears it yet
    time.sleep(0.3)
    second = scene.supervise({"steps": 1})
    adopted = scene.until(lambda s: s["supervisor"]["pid"] == second.pid)
    assert (adopted["attempt"], adopted["trainer"], adopted["started"]) == (1, before["trainer"], before["started"])
    scene.go()
    assert scene.outcome(name)["outcome"] == "done"
    assert second.wait(20) == 0
    status = scene.status()
    assert (status["state"], status["step"], status["exitCode"]) == ("finished", 120, 0)
    events = scene.lines(scene.run.events)
    assert [event["seq"] for event in events] == list(range(len(events)))
    assert [event["step"] for event in events if event["kind"] == "step"] == list(range(1, 121))


def test_a_stop_goes_on_under_the_next_supervisor(scene: Scene) -> None:
    first = scene.supervise({"forever": 1, "deaf": 1}, grace=60)
    scene.until(running)
    name = scene.ask("stop")
    scene.until(lambda s: s["state"] == "stopping")
    first.kill()
    first.wait()
    scene.supervise({}, grace=0.3)
    assert scene.outcome(name)["outcome"] == "done"
    assert scene.until(lambda s: s["state"] == "stopped")["reason"].startswith("Stopped by force (SIGKILL)")


def test_a_trainer_is_found_by_the_journal_when_the_status_is_garbage(scene: Scene) -> None:
    first = scene.supervise({"forever": 1})
    before = scene.until(running)
    first.kill()
    first.wait()
    scene.run.status.write_text('{"state":"run')
    second = scene.supervise({"forever": 1})
    adopted = scene.until(lambda s: s["supervisor"]["pid"] == second.pid)
    assert (adopted["trainer"], adopted["attempt"]) == (before["trainer"], 1)


@pytest.mark.parametrize(("silent", "state"), [(False, "finished"), (True, "failed")])
def test_an_end_that_nobody_saw_is_settled(scene: Scene, silent: bool, state: str) -> None:
    scene.end_unseen({"steps": 25, "silent": silent})
    code = scene.supervise({"steps": 1}).wait(20)
    status = scene.status()
    assert (status["state"], status["attempt"], code) == (state, 1, 1 if silent else 0)
    assert status["reason"] == (
        "The trainer ended while no supervisor watched, and left no word why. The log may say more." if silent else "Finished."
    )


@pytest.mark.parametrize("known", ["a status without a trainer", "nothing"])
def test_unasked_it_begins_no_attempt(scene: Scene, known: str) -> None:
    if known != "nothing":
        first = scene.supervise({"forever": 1})
        status = scene.until(running)
        scene.clear()
        first.wait()
        write_json_whole(scene.run.status, status | {"trainer": None})
        ended = {"v": 1, "run": scene.run.id, "attempt": 1, "t": 0.0, "exitCode": 1, "reason": "failed", "cause": "x"}
        write_json_whole(scene.run.exit, ended)
    before = scene.run.events.read_bytes() if scene.run.events.exists() else b""
    assert scene.supervise({"steps": 1}, unasked=True).wait(20) == 1
    assert "has no trainer to be supervised: resume it to start one" in scene.run.log.read_text()
    assert (scene.run.events.read_bytes() if scene.run.events.exists() else b"") == before


def test_a_reused_pid_is_not_adopted(scene: Scene) -> None:
    scene.to_end({"steps": 2})
    status = scene.status()
    status |= {"state": "running", "trainer": {"pid": os.getpid(), "startTime": "1"}}
    write_json_whole(scene.run.status, status)
    assert scene.supervise({}).wait(20) == 0
    assert scene.status()["state"] == "finished"
    assert scene.status()["attempt"] == 1


def test_of_two_supervisors_one_wins(scene: Scene) -> None:
    both = [scene.supervise({"forever": 1}), scene.supervise({"forever": 1})]
    status = scene.until(running)
    end = time.monotonic() + 10
    while time.monotonic() < end and all(process.poll() is None for process in both):
        time.sleep(0.02)
    (loser,) = [process for process in both if process.poll() is not None]
    assert loser.returncode == 1
    assert status["supervisor"]["pid"] != loser.pid
    assert f"The run {scene.run.id} already has a supervisor." in scene.run.log.read_text()
    assert len([event for event in scene.lines(scene.run.events) if event["kind"] == "start"]) == 1


def test_the_status_can_be_read_at_every_moment(scene: Scene) -> None:
    process = scene.supervise({"steps": 40, "seconds": 0.03})
    scene.until(lambda s: True)
    read, bad = 0, []

    def read_on() -> None:
        nonlocal read
        while process.poll() is None:
            try:
                Status.model_validate(json.loads(scene.run.status.read_text()))
            except (ValueError, OSError) as error:
                bad.append(error)
            read += 1

    reader = threading.Thread(target=read_on)
    reader.start()
    for _ in range(8):
        scene.ask("pause")
        scene.ask("continue")
        time.sleep(0.1)
    reader.join()
    assert bad == []
    assert read > 500


def test_the_heartbeat_promises_the_next_one(scene: Scene) -> None:
    scene.supervise({"forever": 1})
    first = scene.until(running)["heartbeat"]
    second = scene.until(lambda s: s["heartbeat"] > first + 0.5)
    assert second["heartbeat"] - first < 3
    assert second["heartbeat"] + 1 < second["nextHeartbeatBy"] < second["heartbeat"] + 20


def test_resume_starts_a_new_attempt_where_the_last_one_ended(scene: Scene) -> None:
    first = scene.to_end({"steps": 5, "end": 1, "cause": "KeyError: 'x'"})
    assert (first["attempt"], first["state"]) == (1, "failed")
    refused = scene.supervise({"steps": 9})
    assert refused.wait(20) == 1
    assert "has ended (failed); --resume starts a new attempt" in scene.run.log.read_text()
    second = scene.to_end({"steps": 9}, resume=True)
    assert (second["attempt"], second["state"], second["step"], second["started"]) == (2, "finished", 9, first["started"])
    events = scene.lines(scene.run.events)
    assert [event["seq"] for event in events] == list(range(len(events)))
    assert [event["attempt"] for event in events if event["kind"] == "start"] == [1, 2]
    assert {entry["attempt"] for entry in scene.journal()} == {1, 2}


def test_a_supervisor_told_to_end_leaves_the_trainer_and_says_so(scene: Scene) -> None:
    process = scene.supervise({"forever": 1})
    trainer = scene.until(running)["trainer"]
    process.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    assert process.poll() is None
    process.terminate()
    assert process.wait(10) == 0
    assert identity.alive(trainer)
    assert scene.journal()[-1]["text"] == "The supervisor is told to end (SIGTERM); the trainer goes on."


def test_a_run_of_another_host_is_left_alone(scene: Scene) -> None:
    scene.to_end({"steps": 1})
    status = scene.status() | {"state": "running", "host": "elsewhere"}
    write_json_whole(scene.run.status, status)
    assert scene.supervise({}, resume=True).wait(20) == 1
    assert "belongs to elsewhere" in scene.run.log.read_text()
    assert read_json(scene.run.status) == status
    write_json_whole(scene.run.status, status | {"heartbeat": time.time() - 3600})
    assert scene.to_end({"steps": 1}, resume=True)["attempt"] == 2


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "minillm", "supervise", str(tmp_path)]
    done = subprocess.run(command, cwd=TRAINER, capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stderr) == (2, f"{tmp_path} is no run folder: it has no readable run.json.\n")
    assert list(tmp_path.iterdir()) == []


def test_a_trainer_whose_supervisor_died_at_its_birth_does_not_begin(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "minillm", "train", "--gate", str(tmp_path), "--attempt", "1"]
    done = subprocess.run(command, cwd=TRAINER, stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (3, b"", b"")
    assert list(tmp_path.iterdir()) == []


def test_the_supervisor_needs_the_standard_library_alone() -> None:
    code = "import sys; import minillm.supervise; print({'torch', 'pydantic', 'numpy', 'transformers'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-S", "-c", code], cwd=TRAINER, capture_output=True, text=True, check=True, timeout=20)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("name", ["samples", "checkpoints", "control/trainer", "checkpoints/.part", "checkpoints/step-00000001-a1/state"])
def test_a_run_whose_folders_are_links_is_not_supervised(scene: Scene, tmp_path: Path, name: str) -> None:
    """They would lead out of a folder that a stranger made."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "files.json").write_text("{}")
    link = scene.run.path / name
    if link.is_dir():
        shutil.rmtree(link)
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(outside)
    assert scene.supervise({"steps": 2}).wait(20) == 1
    assert f"{name} in {scene.run.path} is a link, through which nothing is written" in scene.run.log.read_text()
    assert [path.name for path in outside.iterdir()] == ["files.json"]


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("as it was")
    for name in (".status.json.part", "events.jsonl"):
        (tmp_path / name).symlink_to(outside)
    with pytest.raises(OSError, match="symbolic links"):
        write_json_whole(tmp_path / "status.json", {})
    with pytest.raises(OSError, match="symbolic links"):
        LineWriter(tmp_path / "events.jsonl", 1)
    assert outside.read_text() == "as it was"
