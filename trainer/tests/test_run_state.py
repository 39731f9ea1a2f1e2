"""The state of a run is concluded alike by the trainer's side and by the viewers'."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from minillm.run_state import Facts, conclude

SHARED = json.loads((Path(__file__).resolve().parents[2] / "test" / "fixtures" / "run-states.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", SHARED["cases"], ids=lambda case: case["name"])
def test_the_table_that_both_languages_share(case: dict[str, Any]) -> None:
    facts = SHARED["facts"] | case["facts"]
    found = conclude(Facts(
        facts["status"], facts["exit"], facts["sameHost"], facts["sameBoot"], facts["supervisorAlive"], facts["trainerAlive"],
        facts["created"], facts["now"], facts["clock"],
    ))  # fmt: skip
    assert found == case["state"]
