"""What commands of this package answer: `resolve`, `preflight`, `probe`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from minillm.config import Config
from minillm.contract.record import Record


class ConfigEdit(Record):
    """A value that a key of the config should have."""

    pointer: str
    value: bool | int | float | str | dict[str, bool | int | float | str]


class Problem(Record):
    """What is wrong with an input, in one sentence: what, where, what is allowed, how to mend."""

    text: str
    file: str | None = None
    line: int | None = None
    """Of a data file, from 1."""
    pointer: str | None = None
    """JSON pointer into the config: `/phases/0/steps`."""
    severity: Literal["error", "warning"] = "error"
    edits: list[ConfigEdit] = Field(default_factory=list)
    """What would mend it, all of them together; empty where that is for a person to say."""


class CheckRow(Record):
    """One thing that was looked at, and how it is."""

    name: str
    health: Literal["good", "warning", "bad"]
    text: str


class Preflight(Record):
    """Answer of `minillm preflight`: what can be said of a run once its models and data are loaded."""

    config: Config | None = None
    """None when it cannot be used."""
    problems: list[Problem]
    checks: list[CheckRow] = Field(default_factory=list)


class Resolution(Record):
    """Answer of `minillm resolve`."""

    config: Config | None = None
    """None when there are errors."""
    problems: list[Problem]


class Probe(Record):
    """Answer of `minillm probe`: what an interpreter has."""

    python_version: str
    executable: str
    packages: dict[str, str]
    """Versions of what is installed."""
    missing: list[str]
    """Required packages that are not there."""
    problems: list[str]
    """Sentences: too old, too new, broken import."""
    devices: list[str]
    """`cpu`, `cuda: NVIDIA …`, `mps`."""
