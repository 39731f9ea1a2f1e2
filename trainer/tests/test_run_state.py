"""The state of a run is concluded alike by the trainer's side and by the viewers'."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest

from minillm import identity
from minillm.beginning import CannotSupervise, last_known
from minillm.identity import Machine, same_boot, same_machine
from minillm.run_state import STATES, Facts, conclude, forsaken
from minillm.rundir import RunDir

SHARED = json.loads((Path(__file__).resolve().parents[2] / "test" / "fixtures" / "run-states.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", SHARED["cases"], ids=lambda case: case["name"])
def test_the_table_that_both_languages_share(case: dict[str, Any]) -> None:
    facts = SHARED["facts"] | case["facts"]
    unreadable = facts["unreadable"]
    since = None if unreadable is None else math.inf if unreadable["changed"] is None else unreadable["changed"]
    known = Facts(
        facts["status"], facts["exit"], facts["sameHost"], facts["sameBoot"], facts["supervisorAlive"], facts["trainerAlive"],
        facts["created"], facts["now"], facts["clock"], since,
    )  # fmt: skip
    assert conclude(known) == case["state"]
    assert case["state"] in STATES
    if "forsaken" in case:
        assert forsaken(known) == case["forsaken"]


@pytest.mark.parametrize("case", SHARED["places"], ids=lambda case: case["name"])
def test_places_as_both_languages_see_them(case: dict[str, Any]) -> None:
    record = {key: value for key, value in (SHARED["place"] | case["record"]).items() if value != "absent"}
    there = SHARED["place"] | case["machine"]
    machine = Machine(there["host"], there["bootId"], there["pidNamespace"])
    assert (same_machine(record, machine), same_boot(record, machine)) == (case["sameHost"], case["sameBoot"])


def test_a_boot_has_a_name_that_no_clock_moves() -> None:
    assert re.fullmatch(r"(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", identity.boot_id())


@pytest.mark.parametrize("status", [{"v": 99, "state": "running"}, {"v": 1, "state": "dancing"}])
def test_what_a_newer_version_supervises_is_left_alone(tmp_path: Path, status: dict[str, Any]) -> None:
    run = RunDir(tmp_path / "20260101-000000-r")
    run.path.mkdir()
    run.status.write_text(json.dumps(status), encoding="utf-8")
    with pytest.raises(CannotSupervise, match="newer version"):
        last_known(run)


def test_a_status_that_cannot_be_opened_is_not_taken_for_none(tmp_path: Path) -> None:
    run = RunDir(tmp_path / "20260101-000000-r")
    run.path.mkdir()
    assert last_known(run) == {}
    run.status.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CannotSupervise, match="cannot be read"):
        last_known(run)
