"""All that is looked at once models and data are loaded, before the first step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from minillm.checks.batches import describe_batches
from minillm.checks.boundary import check_boundaries
from minillm.checks.lengths import check_lengths
from minillm.checks.likelihood import ROWS, judge, measure
from minillm.checks.loaded import loaded_sets
from minillm.checks.memory import check_memory
from minillm.checks.memory_plan import Lengths, Plan, make_plan
from minillm.checks.special_tokens import check_special_tokens
from minillm.checks.template import check_template
from minillm.config import Config, Student
from minillm.contract import CheckRow
from minillm.data import Example, spread
from minillm.findings import Findings
from minillm.language_model import LanguageModel
from minillm.models import TINY
from minillm.prepare import Prepared, longest_context


@dataclass(frozen=True)
class Checked:
    rows: list[CheckRow]
    findings: Findings


def check_start(prepared: Prepared, *, thorough: bool) -> Checked:
    """`thorough` also measures how well both models know the references, which a run learns from its first evaluation."""
    config, tokenizer, findings = prepared.config, prepared.tokenizer, Findings()
    sets = loaded_sets(config, prepared.sets)
    quick = prepared.device.type != "cpu" or sum(p.numel() for p in prepared.teacher.model.parameters()) <= TINY
    rows = [
        check_lengths(sets, tokenizer, config.data, longest_context(prepared), findings),
        check_special_tokens(sets, tokenizer, prepared.teacher.model, config.data, findings),
        check_boundaries(sets, tokenizer, config.data, findings),
    ]
    path, references = references_of(prepared)
    if thorough or quick or config.data.template == "chat":
        rows.append(check_template(tokenizer, prepared.teacher, path, references, config.data, findings))
    if thorough:
        teacher, student = (measure(model, references, prepared.setting.pad) for model in (prepared.teacher, prepared.student))
        if teacher is not None and student is not None:
            rows.append(judge(teacher, student, prepared.student.vocabulary, path, findings))
    rows.append(describe_batches(config, [phase.steps for phase in prepared.phases], prepared.files))
    check_order(prepared.student, prepared.device, findings)
    check_width(prepared.student, config.student, findings)
    memory = _memory(prepared, findings)
    return Checked([*rows, memory] if memory is not None else rows, findings)


def check_order(student: LanguageModel, device: torch.device, findings: Findings) -> None:
    """Whether the same seed will give the same bits."""
    if device.type == "cuda" and student.has_running_states:
        kind = student.model.config.model_type
        findings.warn(
            f"A student of the family {kind} has layers whose gradient a GPU adds up in no fixed order: the same seed gives nearly the "
            "same run, not the same to the bit. A resume goes on as usual.",
            "/student/model",
        )


def check_width(student: LanguageModel, settings: Student, findings: Findings) -> None:
    """Whether a student with random weights has logits that nothing trains. Weights that were trained before keep theirs low."""
    untrained = student.width - student.vocabulary
    if settings.init == "random" and untrained:
        findings.warn(
            f"The student has logits for {student.width} token ids, the teacher for {student.vocabulary}: nothing trains the other "
            f"{untrained}, and programs that sample from a checkpoint would draw them now and then. Set vocab_size in the student's "
            f"config.json to {student.vocabulary}.",
            "/student/model",
        )


def references_of(prepared: Prepared) -> tuple[str, list[Example]]:
    """A file and rows of it with answers: of those that are scored, else of those that are trained on; none where no row has one."""
    answered = [example for example in prepared.subset if example.responses]
    if answered:
        return prepared.config.data.validation or "", answered
    for phase, files in zip(prepared.config.phases, prepared.files, strict=True):
        if any(example.responses for example in files.get("train", [])):
            return phase.train, spread([example for example in files["train"] if example.responses], ROWS)  # type: ignore[attr-defined]
    return prepared.config.data.train, []


def judge_first_evaluation(teacher: float, student: float, prepared: Prepared) -> Findings:
    """What the first scores on the references say: nats per token of both, as `eval/nll_gold` has them."""
    findings = Findings()
    if math.isfinite(teacher) and math.isfinite(student):
        judge(teacher, student, prepared.student.vocabulary, prepared.config.data.validation or "", findings)
    return findings


def _memory(prepared: Prepared, findings: Findings) -> CheckRow | None:
    foretold, config = prepared.foretold, prepared.config
    teacher, student, room = foretold.teacher, foretold.student, foretold.room
    if teacher is None or student is None or room is None:
        return None
    phases = {index: longest([example for some in files.values() for example in some]) for index, files in enumerate(prepared.files)}
    scored = [*prepared.subset, *prepared.final, *prepared.inspection.examples]
    evaluated = longest(scored) if scored else None

    def make(changed: Config) -> Plan:
        return make_plan(changed, teacher, student, phases, evaluated, prepared.student.dtype, prepared.device.type)

    return check_memory(config, make, room, prepared.device, findings)


def longest(examples: Sequence[Example]) -> Lengths:
    """Tokens of the longest prompt, of the longest with an answer to it, of all answers, and of the shortest prompt."""
    prompts = [len(example.prompt_ids) for example in examples]
    whole = max(len(example.prompt_ids) + max(map(len, example.responses), default=0) for example in examples)
    answers = sum(len(response) for example in examples for response in example.responses)
    return Lengths(max(prompts), whole, len(examples), answers, min(prompts))
