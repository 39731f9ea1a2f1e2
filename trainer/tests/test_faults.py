"""Some of the faults that a run must survive; all of them are `npm run faults`, and one long test here."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from faults import processes
from faults.ground import Ground

TRAINER = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    ground = Ground(tmp_path_factory.mktemp("faults"))
    yield ground
    ground.clear()


def test_a_trainer_that_is_killed_comes_to_the_same_weights(ground: Ground) -> None:
    assert processes.trainer_killed_again_and_again(ground, kills=1).endswith("same weights")


def test_a_dead_supervisors_trainer_is_adopted(ground: Ground) -> None:
    assert processes.supervisor_killed(ground).startswith("adopted")


@pytest.mark.long
def test_every_fault_is_survived() -> None:
    done = subprocess.run(["node", "scripts/faults.mjs"], cwd=TRAINER.parent, capture_output=True, text=True, check=False)
    print(done.stdout, done.stderr)
    counts = json.loads(done.stdout.splitlines()[-1])
    assert counts["faults"] > 20
    assert counts == {"faults": counts["faults"], "survived": counts["faults"], "lost": 0, "doubled": 0}
