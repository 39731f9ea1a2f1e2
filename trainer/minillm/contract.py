"""What is written into a run directory, as models: the contract between trainer, supervisor and viewers.

`python -m minillm schemas` turns these into `schemas/*.json`; the TypeScript types come from there. Keys in
records are camelCase. Losses and KL are in nats,
times in seconds, sizes in bytes. A number that is not finite is written as the string "NaN", "Infinity" or
"-Infinity". Readers keep unknown kinds and fields, and open a newer `v` read-only.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from minillm.config import Config
from minillm.rundir import VERSION


class Record(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        use_attribute_docstrings=True,
        extra="allow",
        json_schema_serialization_defaults_required=True,
    )


Number = float | Literal["NaN", "Infinity", "-Infinity"]
Metrics = dict[str, Number]

# ------------------------------------------------------------------------------------------------ status.json

State = Literal["queued", "starting", "running", "paused", "stopping", "stalled", "finished", "failed", "stopped", "lost", "unknown"]
"""`stalled`, `lost` and `unknown` are never written: a reader concludes them from the facts."""


class Process(Record):
    pid: int
    start_time: str
    """Start of the process as the kernel tells it (clock ticks since boot, or a date): with the pid, its identity."""


class Status(Record):
    """`status.json`: written by the supervisor alone, whole, by rename."""

    v: int = VERSION
    run: str
    """Id of the run."""
    state: State
    attempt: int
    """Counts the trainer processes of this run, from 1."""
    host: str
    """Name of the machine."""
    boot_id: str
    """Changes when the machine restarts."""
    pid_namespace: str | None = None
    """The container in which the pids below are counted, where the system tells."""
    supervisor: Process | None = None
    trainer: Process | None = None
    phase: str | None = None
    """Method of the phase at work."""
    step: int = 0
    total: int = 0
    """Optimizer steps of the whole run; 0 while unknown."""
    eta: Number | None = None
    """Seconds left, by the supervisor's reckoning."""
    activity: str | None = None
    """What the trainer is busy with, in words: "loading the teacher", "evaluating"."""
    started: Number
    """Unix time of the run's first start."""
    heartbeat: Number
    """Unix time of this record."""
    heartbeat_clock: Number | None = None
    """The machine's monotonic clock at this record, in seconds: it stands still while the machine sleeps, and nobody sets it."""
    next_heartbeat_by: Number
    """Unix time after which silence means that the supervisor is gone or the machine slept."""
    silent_since: Number | None = None
    """Unix time of the trainer's last word, once its silence is longer than it should be; sleep does not count."""
    behind: list[str] = Field(default_factory=list)
    """While queued: ids of the runs that it waits for."""
    restarts: int = 0
    """Automatic restarts since a person last started the run."""
    restart_at: Number | None = None
    """After a crash: Unix time of the next automatic restart."""
    stop_deadline: Number | None = None
    """While stopping: Unix time of the next, harsher step of the stop ladder."""
    exit_code: int | None = None
    reason: str | None = None
    """Why it ended, or why it waits, in one sentence."""


# ------------------------------------------------------------------------------------------------ events.jsonl


class Event(Record):
    v: int = VERSION
    seq: int
    """Grows by one for the run's whole life."""
    t: Number
    """Unix time."""
    attempt: int


class PhasePlan(Record):
    method: str
    first_step: int
    """Global step of the phase's first optimizer step, from 1."""
    steps: int


class StartEvent(Event):
    """The trainer has loaded everything and will train."""

    kind: Literal["start"] = "start"
    device: str
    precision: str
    threads: int
    versions: dict[str, str]
    parameters: dict[str, int]
    """Parameter counts of `teacher` and `student`."""
    vocabulary: int
    rows: dict[str, int]
    """Rows in use: `train`, `prompts`, `validation`, `inspect`, and how many were left out (`tooLong`)."""
    plan: list[PhasePlan]
    total: int


class PhaseEvent(Event):
    kind: Literal["phase"] = "phase"
    index: int
    method: str
    first_step: int
    steps: int


class StepEvent(Event):
    """One optimizer step."""

    kind: Literal["step"] = "step"
    step: int
    """Global step, from 1."""
    phase: int
    metrics: Metrics


class RolloutEvent(Event):
    """One round of sampling; `step` is the last optimizer step before it."""

    kind: Literal["rollout"] = "rollout"
    step: int
    phase: int
    round: int
    metrics: Metrics


class SamplesEvent(Event):
    kind: Literal["samples"] = "samples"
    step: int
    checkpoint: str
    """Name of the checkpoint, or `teacher`."""
    path: str
    """Relative to the run folder."""
    count: int
    bytes: int = 0
    """Size of the lines."""
    token_bytes: int = 0
    """Size of their token detail; 0 without it."""


class CheckpointEvent(Event):
    """The folder is complete and stays."""

    kind: Literal["checkpoint"] = "checkpoint"
    step: int
    name: str
    path: str
    bytes: int
    seconds: Number
    phase: str


class EvaluationEvent(Event):
    kind: Literal["evaluation"] = "evaluation"
    step: int
    checkpoint: str
    subject: Literal["student", "teacher", "control"]
    """`control`: the start of distillation, sampled at the temperature that gives it the final student's entropy."""
    full: bool
    """All final rows, or the fixed subset that is scored at each checkpoint."""
    rows: int
    temperature: Number
    metrics: Metrics
    path: str


class AlertEvent(Event):
    kind: Literal["alert"] = "alert"
    step: int
    rule: str
    """Name of the guard in the config."""
    level: Literal["info", "warning", "error"]
    text: str
    """One sentence, with the numbers."""
    action: str = "alert"
    """What is done about it."""
    numbers: Metrics = Field(default_factory=dict)
    """What was measured, and the threshold (`limit`)."""
    samples: list[str] = Field(default_factory=list)
    """Responses that show it, as text."""


class ControlEvent(Event):
    """A request that the trainer acted on."""

    kind: Literal["control"] = "control"
    step: int
    id: str
    verb: str
    outcome: Literal["done", "refused"]
    text: str
    """One sentence."""


class ResumeEvent(Event):
    kind: Literal["resume"] = "resume"
    step: int
    checkpoint: str


class MessageEvent(Event):
    kind: Literal["message"] = "message"
    level: Literal["info", "warning", "error"]
    text: str
    pointer: str | None = None
    """Of a note from the checks at the start: JSON pointer into the config."""


class ProgressEvent(Event):
    """Something other than training that takes a while: a download, loading, an evaluation."""

    kind: Literal["progress"] = "progress"
    what: str
    done: Number
    total: Number | None = None
    unit: str = ""


class EndEvent(Event):
    kind: Literal["end"] = "end"
    reason: Literal["finished", "stopped", "failed", "bad input"]
    exit_code: int
    step: int
    cause: str | None = None
    """The last cause of a failure, in one line."""


AnyEvent = Annotated[
    StartEvent | PhaseEvent | StepEvent | RolloutEvent | SamplesEvent | CheckpointEvent | EvaluationEvent | AlertEvent
    | ControlEvent | ResumeEvent | MessageEvent | ProgressEvent | EndEvent,
    Field(discriminator="kind"),
]


class JournalEntry(Record):
    """A line of `journal.jsonl`, written by the supervisor."""

    v: int = VERSION
    seq: int
    t: Number
    attempt: int
    kind: Literal["state", "control", "signal", "exit", "message", "alert"]
    text: str
    """One sentence."""
    rule: str | None = None
    """Of an alert: name of the guard in the config."""
    numbers: Metrics | None = None
    """Of an alert: what was measured, and the threshold (`limit`)."""
    state: State | None = None
    control: str | None = None
    """Id of the request."""
    verb: str | None = None
    outcome: str | None = None
    signal: str | None = None
    exit_code: int | None = None


class Exit(Record):
    """`exit.json`: written by the trainer as it ends, so that an end without a witness is known."""

    v: int = VERSION
    run: str
    attempt: int
    t: Number
    exit_code: int
    reason: Literal["finished", "stopped", "failed", "bad input"]
    cause: str | None = None


# ------------------------------------------------------------------------------------------------ control/


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


# ------------------------------------------------------------------------------------------------ samples/


class Sample(Record):
    """A line of `samples/<checkpoint>.jsonl`: one response to one inspection prompt."""

    v: int = VERSION
    checkpoint: str
    """Name of the checkpoint, or `teacher`."""
    step: int
    prompt_id: str
    prompt: str
    draw: int
    """0 is greedy; draw k > 0 is sampled with the prompt's own seed k, the same at every checkpoint."""
    seed: int | None = None
    ids: list[int]
    """Response tokens, with the end token if it came."""
    text: str
    score: Metrics = Field(default_factory=dict)
    """`rougeL`, `exact`, `errorRate` against the best reference."""
    kl: Number | None = None
    """Mean token reverse KL, KL(student‖teacher), on this response."""
    kl_sequence: Number | None = None
    """The sum of the token reverse KL over this response."""
    repetition: Number = 0.0
    """Share of the runs of four tokens that came before: 0 says nothing twice."""
    length: int
    stop: Literal["eos", "length"]
    references: list[str] = Field(default_factory=list)


class TokenDetail(Record):
    """A line of `samples/<checkpoint>.tokens.jsonl`: one response token by token, in nats, at temperature 1.

    The lists have one entry per token. What a model that did not look would have said is null: the teacher's own samples have only his.
    """

    v: int = VERSION
    checkpoint: str
    step: int
    prompt_id: str
    prompt: str
    kind: Literal["draw", "reference"]
    """`reference`: an accepted answer, as if the student had given it."""
    draw: int
    """As in `Sample`; of a reference its place among them."""
    ids: list[int]
    """Tokens of the response, with the end token if it came."""
    pieces: list[str]
    """The text that each token adds. Empty for a token that ends inside a character: the one that completes it has it all."""
    special: list[int]
    """Places of tokens that are no text; their piece is their name."""
    logp_student: list[Number] | None
    logp_teacher: list[Number] | None
    entropy_student: list[Number] | None
    entropy_teacher: list[Number] | None
    kl: list[Number] | None
    """Exact reverse KL at each token."""
    reward: list[Number] | None
    """What the objective pays for each token: log p/q, clipped where the config says so."""
    top: list[list[tuple[int, Number | None, Number | None]]]
    """Per token the likeliest of both models together: id, log-prob under the student, under the teacher."""
    names: dict[str, str]
    """Text of every id in `ids` and `top`; bytes that are no character as `\\xe6`."""


class TokenPlace(Record):
    prompt_id: str
    kind: Literal["draw", "reference"]
    draw: int
    offset: int
    """Bytes before the line."""
    length: int
    """Bytes of the line, with its end."""


class TokenIndex(Record):
    """`samples/<checkpoint>.tokens.index`: where each line of `<checkpoint>.tokens.jsonl` lies."""

    v: int = VERSION
    bytes: int
    """Size of the file that this index belongs to: another size means that the two are being replaced."""
    lines: list[TokenPlace]




# ------------------------------------------------------------------------------------------------ run.json


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


# ------------------------------------------------------------------------------------------------ python -m minillm …


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
