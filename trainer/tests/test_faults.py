"""Some of the faults that a run must survive; all of them are `npm run faults`, which `npm run test:all` runs too."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from faults import processes
from faults.ground import Ground


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    ground = Ground(tmp_path_factory.mktemp("faults"))
    yield ground
    ground.clear()


def test_a_trainer_that_is_killed_comes_to_the_same_weights(ground: Ground) -> None:
    assert processes.trainer_killed_again_and_again(ground, kills=1).endswith("same weights")


@pytest.mark.long
def test_a_dead_supervisors_trainer_is_adopted(ground: Ground) -> None:
    assert processes.supervisor_killed(ground).startswith("adopted")
