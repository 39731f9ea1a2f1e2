"""Whether a run fits into memory; where it does not, which changes would make it fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from minillm.checks.free_memory import Room
from minillm.checks.memory_plan import Plan
from minillm.checks.words import size
from minillm.config import Config, Lora
from minillm.contract import CheckRow
from minillm.errors import BadInput
from minillm.findings import Findings
from minillm.phases.rounds import reads_rollouts_alone

Make = Callable[[Config], Plan]
"""The plan of a config."""
USABLE = 0.92
"""Share of the free memory that a plan may fill: it is an estimate, and memory is cut into pieces."""
SMALL = 4
"""Sequences in a micro-batch below which recomputing costs less time than still smaller ones."""
NAMES = {"held": "weights and optimizer", "update": "an update", "sampling": "sampling", "evaluation": "an evaluation"}


def check_memory(config: Config, make: Make, room: Room, device: torch.device, findings: Findings) -> CheckRow:
    """`room`: as it was before anything was loaded."""
    plan = make(config)
    free = room.free
    where = "the GPU" if device.type == "cuda" else "this machine"
    said = f"About {size(plan.total)} of {size(free)} that are free on {where}: {parts_of(plan)}."
    if plan.total <= USABLE * free:
        return CheckRow(name="Memory", health="good", text=said)
    changes = what_fits(config, make, USABLE * free)
    pointer = next(iter(changes), "/student/model")
    need = f"The run needs about {size(plan.total)} of memory, and {size(free)} are free on {where} ({parts_of(plan)})"
    if changes:
        findings.warn(f"{need}; it would fit with {_listed(changes)}.", pointer, edits=changes)
        return CheckRow(name="Memory", health="warning", text=f"{said} It would fit with {_listed(changes)}.")
    findings.warn(f"{need}; no setting makes it fit: choose smaller models or shorter texts (data.maxNewTokens), or free memory.", pointer)
    return CheckRow(name="Memory", health="warning", text=f"{said} No setting makes it fit.")


def refuse_impossible(config: Config, plan: Plan, room: Room, device: torch.device) -> None:
    """Raises BadInput where what is always held is more than the device has in all, whatever else runs on it."""
    held = sum(plan.held.values())
    if held <= room.total:
        return
    where = "the GPU" if device.type == "cuda" else "this machine (with swap)"
    smaller = config.student.lora is None and config.student.init == "weights"
    mend = 'choose smaller models, or train low-rank corrections with "lora" in "student"' if smaller else "choose smaller models"
    raise BadInput(
        f"Weights and optimizer alone take {size(held)} (teacher {size(plan.held['teacher'])}, student {size(plan.held['student'])}, its "
        f"optimizer {size(plan.held['optimizer'])}), and {where} has {size(room.total)}: {mend}.",
        pointer="/teacher/model" if plan.held["teacher"] > held / 2 else "/student/model",
    )


def parts_of(plan: Plan) -> str:
    """What is held, and the largest of each activity."""
    largest: dict[str, float] = {}
    for (_, activity), parts in plan.busy.items():
        largest[activity] = max(largest.get(activity, 0.0), sum(parts.values()))
    said = [("held", sum(plan.held.values())), *sorted(largest.items(), key=lambda item: -item[1])]
    return ", ".join(f"{NAMES[name]} {size(number)}" for name, number in said)


def what_fits(config: Config, make: Make, free: float) -> dict[str, Any]:
    """Pointer → value of the smallest set of changes, in the order of what they cost, under which the plan fits; {} when none does."""
    config = config.model_copy(deep=True)
    edits: dict[str, Any] = {}
    while (plan := make(config)).total > free:
        change = _next(config, plan)
        if change is None:
            return {}
        pointer, value = change
        edits[pointer] = value
    return edits


def _next(config: Config, plan: Plan) -> tuple[str, Any] | None:
    """Makes one more change to the config, to what needs most; returns it as pointer and value."""
    index, activity = plan.worst
    phase = None if index < 0 else config.phases[index]
    if phase is not None and activity == "update":
        size, tokens = phase.micro_batch_size or phase.batch_size, phase.micro_batch_tokens
        able = not config.student.recompute
        if plan.together[index] > (SMALL if able else 1):
            if tokens is not None and plan.together[index] < size:  # it is what bounds them
                phase.micro_batch_tokens = max(1, tokens // 2)
                return f"/phases/{index}/microBatchTokens", phase.micro_batch_tokens
            phase.micro_batch_size = max(1, size // 2)
            return f"/phases/{index}/microBatchSize", phase.micro_batch_size
        if plan.spare and reads_rollouts_alone(phase):
            config.teacher.offload = True
            return "/teacher/offload", True
        if able:
            config.student.recompute = True
            return "/student/recompute", True
    if phase is not None and activity == "sampling" and getattr(phase, "rollout_chunk", 1) > 1:
        chunk = max(1, phase.rollout_chunk // 2)  # type: ignore[attr-defined]
        phase.rollout_chunk = chunk  # type: ignore[attr-defined]
        return f"/phases/{index}/rolloutChunk", chunk
    if config.student.lora is None and config.student.init == "weights":
        config.student.lora = Lora()
        return "/student/lora", {"rank": config.student.lora.rank}
    return None


def _listed(edits: dict[str, Any]) -> str:
    """As a config says them: "phases[0].microBatchSize 8 and student.recompute true"."""
    said = []
    for pointer, value in edits.items():
        *way, last = pointer[1:].split("/")
        name = "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in way).lstrip(".")
        shown = str(value).lower() if isinstance(value, bool) else f"rank {value['rank']}" if isinstance(value, dict) else str(value)
        said.append(f"{name}.{last} {shown}")
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])} and {said[-1]}"
