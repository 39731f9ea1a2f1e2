"""Requests to a run, and what became of them: `control/`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from minillm.contract.record import Number, Record
from minillm.rundir import VERSION


class ControlRequest(Record):
    """`control/<id>.json`. The supervisor alone consumes it; the outcome lies in `control/done/<id>.json`."""

    v: int = VERSION
    id: str
    verb: Literal["stop", "kill", "pause", "continue", "checkpoint", "evaluate"]
    args: dict[str, str | float | bool] = Field(default_factory=dict)
    by: str
    """Who asks: `panel`, `palette`, `cli`, …"""
    t: Number


class ControlOutcome(ControlRequest):
    verb: str
    """Of what was refused it may be any word."""
    outcome: Literal["done", "refused", "interrupted"]
    text: str
