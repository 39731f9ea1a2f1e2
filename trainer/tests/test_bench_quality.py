"""The quality benchmark: what it makes of trials that have been made, and that one of ours can be made."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from bench.quality import SWITCHED, Book, conclude, seconds_to
from bench.quality_setting import DEMO, prepared
from bench.quality_trial import Trial


def record(side: str, seed: int, kls: list[float], budget: float = 50) -> dict:
    last = {"accuracy": 0.5, "errors": 0.1, "entropy": 0.2, "sampledAccuracy": 0.4}
    seen = [{"step": 10 * (i + 1), "cpu": 10.0 * (i + 1), "kl": kl} | last for i, kl in enumerate(kls)]
    return asdict(Trial(side, "gkd", 64, 0.002, seed)) | {"steps": 50, "cpu": 50.0, "perStep": 1.0, "seen": seen, "budget": budget}


def test_the_goal_is_reached_where_the_median_of_three_looks_is() -> None:
    assert seconds_to(0.45, record("ours", 1, [0.6, 0.44, 0.5, 0.44, 0.43])) == 30.0
    assert seconds_to(0.45, record("ours", 1, [0.6, 0.5, 0.5, 0.5, 0.44])) == 50.0
    assert seconds_to(0.45, record("ours", 1, [0.6, 0.5])) is None


def test_what_was_measured_is_kept_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    book = Book(tmp_path)
    for seed in (1, 2, 3):
        book.add(record("ours", seed, [0.5, 0.44, 0.43]))
        book.add(record("trl", seed, [0.6, 0.5, 0.46]))
    book.add(record("trl", 1, [0.5, 0.44, 0.44, 0.43], budget=100))
    again = Book(tmp_path)
    assert again.find(Trial("trl", "gkd", 64, 0.002, 1), 100) == book.records[-1]
    assert again.find(Trial("trl", "gkd", 64, 0.002, 1), 25) is None
    conclude(again, {"device": "none"})
    table, told = (lines := capsys.readouterr().out.splitlines())[2:-1], json.loads(lines[-1])
    assert told["secondsTo"] == {"ours": 20.0, "trl": 20.0}
    assert told["ratio"] == 1.0
    assert len(table) == 2 + 3
    assert [one["kl"] for one in told["trials"]] == pytest.approx([0.43, 0.46, 0.43])


@pytest.mark.long
def test_a_trial_of_ours(tmp_path: Path) -> None:
    student = tmp_path / "student"
    student.mkdir()
    for file in DEMO.joinpath("teacher").iterdir():
        (student / file.name).symlink_to(file)
    trial = Trial("ours", "gkd", 32, 0.002, 1, json.dumps({"phase": {"rollouts": 32, "rows": 100}, "teacher": {"precision": "bf16"}}))
    command = [sys.executable, "-m", "bench.quality_ours", "--folder", tmp_path, "--student", student, "--steps", "2"]
    done = subprocess.run(
        [*command, "--trial", json.dumps(asdict(trial))], check=True, stdout=subprocess.PIPE, text=True, cwd=DEMO.parent / "trainer"
    )
    made = json.loads(done.stdout.splitlines()[-1])
    assert made["steps"] == 2
    assert made["cpu"] > 0


@pytest.mark.long
def test_every_switch_makes_a_config(tmp_path: Path) -> None:
    """Each is another setting, and none is refused."""
    student = tmp_path / "student"
    student.symlink_to(DEMO / "teacher")
    found = set()
    for options in map(json.loads, SWITCHED.values()):
        phase = {"method": "minillm", "steps": 1, "batchSize": 8, "rollouts": 8, "rows": 8, "innerEpochs": 1} | options.get("phase", {})
        ready = prepared(tmp_path / "work", phase, seed=1, student=student, preset=options.get("preset", "recommended"))
        (made,) = ready.config.phases
        found.add(made.model_dump_json())
    assert len(found) == len(SWITCHED)


def test_a_book_without_trials_can_be_looked_at(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    conclude(Book(tmp_path), {"device": "none"})
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["ratio"] is None
