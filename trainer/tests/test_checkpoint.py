"""What stays of a run's checkpoints."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from minillm.checkpoint import candidates, kept, listed, prune
from minillm.rundir import RunDir


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    """Four checkpoints, and nothing but their files' sizes tells whether they are whole."""
    run = RunDir(tmp_path / "20260101-000000-r")
    for step in (10, 20, 30, 40):
        state = run.checkpoints / f"step-{step:08d}-a1" / "state"
        state.mkdir(parents=True)
        (state.parent / "model.safetensors").write_bytes(b"x" * 1000)
        (state / "state.json").write_text("{}")
        (state / "files.json").write_text(json.dumps({"files": {"model.safetensors": 1000, "state/state.json": 2}}))
    return run


def steps(run: RunDir) -> list[int]:
    return sorted(int(name[5:13]) for name in listed(run))


HARMS: dict[str, Callable[[Path], object]] = {
    "cut off": lambda folder: os.truncate(folder / "model.safetensors", 999),
    "gone": lambda folder: (folder / "model.safetensors").unlink(),
    "no list": lambda folder: (folder / "state" / "files.json").unlink(),
    "a list of nothing": lambda folder: (folder / "state" / "files.json").write_text('{"files": {}}'),
    "a list that is none": lambda folder: (folder / "state" / "files.json").write_text('{"files": [1]}'),
}


@pytest.mark.parametrize("harm", HARMS)
def test_the_newest_that_training_could_go_on_from_stays(run: RunDir, harm: str) -> None:
    for step in (30, 40):
        HARMS[harm](run.checkpoints / f"step-{step:08d}-a1")
    assert prune(run, 1, set()) == ["step-00000010-a1"]
    assert steps(run) == [20, 30, 40]
    whole = [name for name, state in candidates(run) if not isinstance(state, str)]
    assert whole == ["step-00000020-a1"]


def test_the_state_stays_in_the_newest_two_and_in_what_is_needed_to_make_them_two(run: RunDir) -> None:
    prune(run, None, set())
    assert [name for name, _ in candidates(run)] == ["step-00000040-a1", "step-00000030-a1"]
    HARMS["cut off"](run.checkpoints / "step-00000040-a1")
    prune(run, None, set())
    assert [name for name, _ in candidates(run)] == ["step-00000040-a1", "step-00000030-a1"]
    assert steps(run) == [10, 20, 30, 40]


def test_keep_counts_from_the_newest_and_spares_the_protected_and_the_pinned(run: RunDir) -> None:
    (run.path / "user.json").write_text('{"pins": ["step-00000020-a1", 7]}')
    assert prune(run, 1, {"step-00000010-a1"}) == ["step-00000030-a1"]
    assert steps(run) == [10, 20, 40]


def test_what_a_resumed_attempt_went_back_behind_does_not_count(run: RunDir) -> None:
    assert kept(run) == [f"step-{step:08d}-a1" for step in (10, 20, 30, 40)]
    for name in ("step-00000030-a2", "step-00000040-a10"):
        (run.checkpoints / name).mkdir()
    assert kept(run) == ["step-00000010-a1", "step-00000020-a1", "step-00000030-a2", "step-00000040-a10"]
    (run.checkpoints / "step-00000020-a11").mkdir()
    assert kept(run) == ["step-00000010-a1", "step-00000020-a11"]
