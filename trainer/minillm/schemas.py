"""Writes `schemas/*.json` from the models, for editors and for the TypeScript types."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter

from minillm import contract
from minillm.config import Config
from minillm.methods import PRESETS
from minillm.metrics import catalogue_json

RECORDS: dict[str, type[BaseModel]] = {
    "status": contract.Status,
    "journal": contract.JournalEntry,
    "exit": contract.Exit,
    "control": contract.ControlRequest,
    "control-outcome": contract.ControlOutcome,
    "sample": contract.Sample,
    "token-detail": contract.TokenDetail,
    "token-index": contract.TokenIndex,
    "run": contract.Run,
    "user": contract.User,
    "resolution": contract.Resolution,
    "preflight": contract.Preflight,
    "probe": contract.Probe,
}


def describe_presets(schema: dict[str, Any]) -> None:
    """Adds to each switch what the presets set it to: a person who hovers sees what leaving it out means."""
    for name, prop in schema["$defs"]["Objective"]["properties"].items():
        field = next(key for key, info in type(PRESETS["paper"]).model_fields.items() if (info.alias or key) == name)
        values = ", ".join(f"{preset}: {json.dumps(getattr(objective, field))}" for preset, objective in PRESETS.items())
        prop["description"] = f"{prop['description']}\n\nPresets — {values}."


def for_editors(node: Any) -> None:
    """Moves docstrings to `markdownDescription`, which the editor renders with its code spans."""
    if isinstance(node, dict):
        if isinstance(node.get("description"), str):
            node["markdownDescription"] = node["description"]
        for value in node.values():
            for_editors(value)
    elif isinstance(node, list):
        for value in node:
            for_editors(value)


def schemas() -> dict[str, Any]:
    """File name → content of everything in `schemas/` that Python makes."""
    config = Config.model_json_schema(by_alias=True)
    describe_presets(config)
    for_editors(config)
    config["$schema"] = "http://json-schema.org/draft-07/schema#"
    config["allowComments"] = True
    config["allowTrailingCommas"] = True
    out: dict[str, Any] = {"config.schema.json": config, "metrics.json": catalogue_json()}
    out["event.schema.json"] = TypeAdapter(contract.AnyEvent).json_schema(by_alias=True, mode="serialization") | {"title": "Event"}
    for name, model in RECORDS.items():
        out[f"{name}.schema.json"] = model.model_json_schema(by_alias=True, mode="serialization")
    return out


def write(folder: Path) -> list[Path]:
    """Writes every schema; returns the paths. Raises OSError when the folder cannot be written."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, content in schemas().items():
        path = folder / name
        path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        paths.append(path)
    return paths
