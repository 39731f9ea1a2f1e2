"""What is written into a run directory, as models: the contract between trainer, supervisor and viewers.

`python -m minillm schemas` turns these into `schemas/*.json`; the TypeScript types come from there. Keys in
records are camelCase. Losses and KL are in nats,
times in seconds, sizes in bytes. A number that is not finite is written as the string "NaN", "Infinity" or
"-Infinity". Readers keep unknown kinds and fields, and open a newer `v` read-only.
"""

from __future__ import annotations

from minillm.contract.answers import CheckRow, ConfigEdit, Preflight, Probe, Problem, Resolution
from minillm.contract.control import ControlOutcome, ControlRequest
from minillm.contract.events import (
    AlertEvent,
    AnyEvent,
    CheckpointEvent,
    ControlEvent,
    EndEvent,
    EvaluationEvent,
    Event,
    MessageEvent,
    PhaseEvent,
    PhasePlan,
    ProgressEvent,
    ResumeEvent,
    RolloutEvent,
    SamplesEvent,
    StartEvent,
    StepEvent,
)
from minillm.contract.journal import Exit, JournalEntry
from minillm.contract.record import Metrics, Number, Record
from minillm.contract.run import DataFile, Environment, Parent, Provenance, Run, User
from minillm.contract.samples import Sample, TokenDetail, TokenIndex, TokenPlace
from minillm.contract.status import Process, State, Status
from minillm.rundir import VERSION

__all__ = [
    "VERSION",
    "AlertEvent",
    "AnyEvent",
    "CheckRow",
    "CheckpointEvent",
    "ConfigEdit",
    "ControlEvent",
    "ControlOutcome",
    "ControlRequest",
    "DataFile",
    "EndEvent",
    "Environment",
    "EvaluationEvent",
    "Event",
    "Exit",
    "JournalEntry",
    "MessageEvent",
    "Metrics",
    "Number",
    "Parent",
    "PhaseEvent",
    "PhasePlan",
    "Preflight",
    "Probe",
    "Problem",
    "Process",
    "ProgressEvent",
    "Provenance",
    "Record",
    "Resolution",
    "ResumeEvent",
    "RolloutEvent",
    "Run",
    "Sample",
    "SamplesEvent",
    "StartEvent",
    "State",
    "Status",
    "StepEvent",
    "TokenDetail",
    "TokenIndex",
    "TokenPlace",
    "User",
]
