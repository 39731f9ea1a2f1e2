"""The committed schemas say what the models say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from minillm.methods import PRESETS, Objective
from minillm.schemas import write

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"


def test_the_committed_schemas_are_fresh(tmp_path: Path) -> None:
    made = {path.name: path.read_text(encoding="utf-8") for path in write(tmp_path)}
    committed = {path.name: path.read_text(encoding="utf-8") for path in SCHEMAS.glob("*.json")}
    assert sorted(committed) == sorted(made)
    stale = [name for name, text in made.items() if committed[name] != text]
    assert stale == [], "run `npm run generate` and commit the result"


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_says_every_switch(preset: str) -> None:
    assert PRESETS[preset].model_fields_set == set(Objective.model_fields)
    unset = [key for key, value in PRESETS[preset].model_dump().items() if value is None]
    assert unset in ([], ["reward_clip"])


def test_a_person_who_hovers_reads_what_every_key_means() -> None:
    config = json.loads((SCHEMAS / "config.schema.json").read_text(encoding="utf-8"))
    objects = {"Config": config} | {name: part for name, part in config["$defs"].items() if "properties" in part}
    silent = [
        f"{name}.{key}"
        for name, part in objects.items()
        for key, field in part["properties"].items()
        if "markdownDescription" not in field and "$ref" not in field and key not in ("data", "optimizer")
    ]
    assert silent == []
