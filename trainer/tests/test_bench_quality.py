"""The quality benchmark: what it makes of trials that have been made, and that one of ours can be made."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from bench.plays import LENGTHS, LONGEST_PROMPT, TEXT, Length, rows
from bench.quality import Book, best_of, beyond, conclude, seconds_to
from bench.quality_forms import COMPARED
from bench.quality_ours import others_of, phase_of
from bench.quality_setting import DEMO, SCORES, WORDS, prepared
from bench.quality_trial import Trial


def record(side: str, seed: int, kls: list[float], budget: float = 50) -> dict:
    last = dict.fromkeys(SCORES, 0.5)
    seen = [last | {"step": 10 * (i + 1), "cpu": 10.0 * (i + 1), "kl": kl} for i, kl in enumerate(kls)]
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


def test_the_search_goes_on_beyond_its_rates_while_the_best_is_at_their_edge() -> None:
    ends = {(32, 0.001): 0.5, (32, 0.002): 0.6, (64, 0.001): 0.7}
    assert beyond(ends) == (32, 0.0005)
    assert beyond(ends | {(32, 0.0005): 0.55}) is None
    assert beyond(ends | {(32, 0.0005): 0.45}) == (32, 0.00025)
    diverged = {(32, 0.001): float("nan"), (32, 0.002): 0.6}
    assert best_of(diverged) == (32, 0.002)
    assert beyond(diverged) == (32, 0.004)


@pytest.mark.long
def test_a_trial_of_ours(tmp_path: Path) -> None:
    student = tmp_path / "student"
    student.mkdir()
    for file in DEMO.joinpath("teacher").iterdir():
        (student / file.name).symlink_to(file)
    trial = Trial("ours", "gkd", 32, 0.002, 1, json.dumps({"phase": {"rollouts": 32, "rows": 100}, "teacher": {"precision": "bf16"}}))
    command = [sys.executable, "-m", "bench.quality_ours", "--folder", tmp_path, "--student", student, "--steps", "2"]
    command += ["--task", json.dumps(asdict(WORDS))]
    done = subprocess.run(
        [*command, "--trial", json.dumps(asdict(trial))], check=True, stdout=subprocess.PIPE, text=True, cwd=DEMO.parent / "trainer"
    )
    made = json.loads(done.stdout.splitlines()[-1])
    assert made["steps"] == 2
    assert made["cpu"] > 0


@pytest.mark.long
@pytest.mark.parametrize("form", COMPARED)
def test_everything_compared_is_another_config(tmp_path: Path, form: str) -> None:
    """None is refused, and no two are the same."""
    student = tmp_path / "student"
    student.symlink_to(DEMO / "teacher")
    found = set()
    for side, method, options in COMPARED[form]:
        trial = Trial(side, method, 8, 0.001, 1, options)
        ready = prepared(tmp_path / "work", phase_of(trial, WORDS, 1) | {"rows": 8}, seed=1, student=student, **others_of(trial))
        (made,) = ready.config.phases
        found.add(made.model_dump_json())
    assert len(found) == len(COMPARED[form])


def test_a_book_without_trials_can_be_looked_at(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    conclude(Book(tmp_path), {"device": "none"})
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["ratio"] is None


@pytest.mark.parametrize("length", LENGTHS.values(), ids=LENGTHS)
def test_rows_of_the_plays_are_pieces_of_the_text(length: Length) -> None:
    text = gzip.decompress(TEXT.read_bytes()).decode()
    made = rows(text[:50_000], length)
    assert len(made) > 900 / length.lines
    for row in made:
        assert row["prompt"] + row["response"] in text
        assert len(row["prompt"]) <= LONGEST_PROMPT
        assert len(row["response"]) < length.longest, "the end token has room"
