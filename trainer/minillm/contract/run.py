"""What was started, and what its user says of it: `run.json`, `user.json`."""

from __future__ import annotations

from pydantic import Field

from minillm.config import Config
from minillm.contract.record import Number, Record
from minillm.rundir import VERSION


class Provenance(Record):
    """State of the workspace's git repository at launch."""

    git: bool
    reason: str | None = None
    """Why there is no git information."""
    commit: str | None = None
    branch: str | None = None
    remote: str | None = None
    """Without user name or password."""
    dirty: bool = False
    patch: str | None = None
    """Path in the run folder of the binary-safe patch against `commit`."""
    untracked: list[str] = Field(default_factory=list)
    """Untracked text files kept in `provenance/untracked/`."""
    untracked_left_out: list[str] = Field(default_factory=list)
    """Untracked files that are binary or over the size limit."""


class Environment(Record):
    """The interpreter that runs the trainer."""

    python: str
    """Path of the interpreter."""
    reason: str
    """Why this one was chosen."""
    python_version: str
    packages: dict[str, str]
    devices: list[str]
    trainer: str | None = None
    """Hash of the trainer's package that the run was launched with: the name of its copy in the user's cache."""


class DataFile(Record):
    """A file that the run reads, as it was at launch."""

    path: str
    bytes: int
    sha256: str
    """Of the whole file; of its first and last 64 MiB when it is larger than 1 GiB."""


class Parent(Record):
    """Where a fork began."""

    run: str
    """Id of the other run."""
    checkpoint: str
    """Name of its checkpoint, whose weights lie in this run's `start/`."""
    path: str
    """Folder of the other run at the time."""


class Run(Record):
    """`run.json`: written once by the launcher."""

    v: int = VERSION
    id: str
    name: str
    created: Number
    """Unix time."""
    config: Config
    """As resolved: every default and every switch of the preset filled in, paths absolute."""
    config_source: str
    """Path of the file that was launched."""
    workspace: str
    provenance: Provenance
    command: list[str]
    environment: Environment
    parent: Parent | None = None
    """Of a fork: the run and checkpoint that this one started from."""
    data_files: list[DataFile] = Field(default_factory=list)
    """What a resume must find unchanged."""
    model_files: list[DataFile] = Field(default_factory=list)
    """The same of the local folders that models and tokenizers were read from. Of a file larger than 16 MiB the hash is that of 64 slices
    of 64 KiB, the first, the last and those at even distances between: weights that were trained on differ in all of them."""


class User(Record):
    """`user.json`: what a person says about a run."""

    v: int = VERSION
    name: str | None = None
    tags: list[str] = Field(default_factory=list)
    note: str | None = None
    pins: list[str] = Field(default_factory=list)
