"""The supervisor with the trainer that it is for: a small real run, stopped, resumed and finished, and every record it leaves."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from minillm.contract import AnyEvent, ControlOutcome, Exit, JournalEntry, Sample, Status
from minillm.resolve import resolve
from minillm.rundir import RunDir, read_json, write_json_whole

TRAINER = Path(__file__).resolve().parents[1]
DEMO = TRAINER.parent / "demo"
CONFIG = {
    "name": "small",
    "teacher": {"model": str(DEMO / "teacher")},
    "student": {"model": str(DEMO / "student"), "init": "random", "tokenizer": "teacher"},
    "data": {
        "train": str(DEMO / "labelled.jsonl.gz"), "validation": str(DEMO / "valid.jsonl"), "maxPromptTokens": 16, "maxNewTokens": 18,
    },
    "phases": [
        {"method": "sft", "steps": 250, "rows": 100, "batchSize": 16},
        {"method": "minillm", "steps": 4, "rows": 100, "rollouts": 16, "batchSize": 8},
    ],
    "evaluation": {"rows": 8, "finalRows": 8, "sharpeningControl": False},
    "inspect": {"rows": 2},
    "checkpoints": {"every": 200},
    "threads": 1,
}  # fmt: skip


def supervise(run: RunDir, *options: str) -> subprocess.Popen[bytes]:
    with open(run.log, "ab") as log:
        command = [sys.executable, "-m", "minillm", "supervise", str(run.path), *options]
        return subprocess.Popen(command, cwd=TRAINER, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.long  # the command line's tests do as much with each change
def test_a_small_run_is_stopped_resumed_and_finished(tmp_path: Path) -> None:
    path = tmp_path / "small.minillm.jsonc"
    path.write_text(json.dumps(CONFIG))
    resolution = resolve(path)
    assert resolution.config is not None, resolution.problems
    run = RunDir(tmp_path / "20260101-000000-small")
    run.control_done.mkdir(parents=True)
    config = resolution.config.model_dump(mode="json", by_alias=True)
    write_json_whole(run.run, {"v": 1, "id": run.id, "name": "small", "created": time.time(), "config": config})

    first = supervise(run)
    try:
        while (status := read_json(run.status) or {}).get("step", 0) == 0:
            assert first.poll() is None, run.log.read_text()
            time.sleep(0.02)
        assert (status["state"], status["phase"], status["total"]) == ("running", "sft", 254)
        write_json_whole(run.control / "please.json", {"v": 1, "id": "please", "verb": "stop", "args": {}, "by": "test", "t": time.time()})
        assert first.wait(30) == 3
    finally:
        first.kill()
    outcome = ControlOutcome.model_validate(read_json(run.control_done / "please.json"))
    assert outcome.outcome == "done"
    assert outcome.text.startswith("Stopped after step ")
    status = Status.model_validate(read_json(run.status))
    assert (status.state, status.reason, status.exit_code) == ("stopped", "Stopped on request.", 3)
    assert 0 < status.step < 250

    assert supervise(run, "--resume").wait(60) == 0, run.log.read_text()
    status = Status.model_validate(read_json(run.status))
    assert (status.state, status.attempt, status.step, status.phase) == ("finished", 2, 254, "minillm")
    ended = Exit.model_validate(read_json(run.exit))
    assert (ended.attempt, ended.exit_code, ended.reason) == (2, 0, "finished")

    events = lines(run.events)
    for event in events:
        TypeAdapter(AnyEvent).validate_python(event)
    assert [event["seq"] for event in events] == list(range(len(events)))
    assert [event["step"] for event in events if event["kind"] == "step"] == list(range(1, 255))
    assert {event["attempt"] for event in events} == {1, 2}
    for entry in lines(run.journal):
        JournalEntry.model_validate(entry)
    samples = sorted(file for file in run.samples.glob("*.jsonl") if not file.name.endswith(".tokens.jsonl"))
    assert samples
    for file in samples:
        for sample in lines(file):
            Sample.model_validate(sample)
