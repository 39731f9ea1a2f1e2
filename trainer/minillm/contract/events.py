"""What happened, line by line: `events.jsonl`, written by the trainer."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from minillm.contract.record import Metrics, Number, Record
from minillm.rundir import VERSION


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
    """Rows in use: `train`, `prompts`, `validation`, `inspect` (prompts that are sampled), and how many were left out (`tooLong`)."""
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
    StartEvent
    | PhaseEvent
    | StepEvent
    | RolloutEvent
    | SamplesEvent
    | CheckpointEvent
    | EvaluationEvent
    | AlertEvent
    | ControlEvent
    | ResumeEvent
    | MessageEvent
    | ProgressEvent
    | EndEvent,
    Field(discriminator="kind"),
]
