"""Whether a config has the right shape: pydantic's findings, each as one sentence that says what was found and what is allowed."""

from __future__ import annotations

import difflib
import json
import re
from typing import Any

from pydantic import ValidationError

from minillm.config import (
    Checkpoints,
    Config,
    Data,
    Evaluation,
    Guards,
    Inspect,
    Lora,
    Student,
    Teacher,
)
from minillm.contract import Problem
from minillm.jsonc import key_name, pointer
from minillm.methods import METHODS, Divergence, Objective, Optimizer
from minillm.part import Part
from minillm.rows import kind_of

Path = tuple[str | int, ...]

PARTS: dict[str, type[Part]] = {
    "teacher": Teacher, "student": Student, "data": Data, "inspect": Inspect, "evaluation": Evaluation, "checkpoints": Checkpoints,
    "objective": Objective, "optimizer": Optimizer, "divergence": Divergence, "lora": Lora, "guards": Guards,
}  # fmt: skip
PARTS |= {field.alias or name: field.annotation for name, field in Guards.model_fields.items() if field.annotation is not None}
OTHER_NAMES = {
    "lambda": "onPolicyShare", "lmbda": "onPolicyShare", "kappa": "teacherShare", "gamma": "discount", "lr": "learningRate",
    "teacherMixedAlpha": "alpha", "teacherMixInAlpha": "alpha", "ppoEpochs": "innerEpochs", "numIterations": "innerEpochs",
    "numRollouts": "rollouts", "chunkSize": "rolloutChunk", "maxSteps": "steps", "numTrainEpochs": "epochs", "adamBetas": "betas",
    "perDeviceTrainBatchSize": "batchSize", "perDeviceBatchSize": "batchSize", "gradientAccumulationSteps": "microBatchSize",
    "maxCompletionLength": "maxNewTokens", "maxPromptLength": "maxPromptTokens", "maxLength": "maxNewTokens", "clipGrad": "maxGradNorm",
    "warmupRatio": "warmup", "warmupSteps": "warmup", "lrScheduler": "schedule", "lrSchedulerType": "schedule", "saveSteps": "every",
    "saveTotalLimit": "keep", "gradientCheckpointing": "recompute", "cliprange": "clipRange", "cliprangeReward": "rewardClip",
    "lmCoef": "lmWeight", "bf16": "precision", "dtype": "precision", "torchDtype": "precision",
}  # fmt: skip
"""What papers and other trainers call a key."""
EXAMPLES = {
    "teacher": 'the model to learn from, as in { "model": "gpt2-xl" }.',
    "student": 'the model that learns, as in { "model": "gpt2" }.',
    "data": 'the rows, as in { "train": "train.jsonl", "validation": "valid.jsonl" }.',
}
"""What a missing object is to hold."""

WANTED = {
    "int_type": "a whole number", "int_from_float": "a whole number", "int_parsing": "a whole number", "float_type": "a number",
    "string_type": "text in double quotes", "bool_type": "true or false", "list_type": "a list in brackets",
    "tuple_type": "a list in brackets", "model_type": "an object in braces", "dict_type": "an object in braces",
}  # fmt: skip
"""Error type of pydantic → what is allowed there."""


def check_shape(value: Any) -> tuple[Config | None, list[Problem]]:
    """The config, or every problem with it. `value` is parsed JSON."""
    if not isinstance(value, dict):
        return None, [Problem(text=f"A config is an object in braces; this one is {kind_of(value)}.", pointer="")]
    try:
        # Through JSON and strict: what an editor marks as wrong is wrong here, and "5" is no number.
        return Config.model_validate_json(json.dumps(value), strict=True, by_alias=True, by_name=False), []
    except ValidationError as error:
        problems = [_problem(value, dict(found)) for found in error.errors(include_url=False)]
        return None, sorted(problems, key=lambda problem: problem.pointer or "")


def _problem(value: Any, error: dict[str, Any]) -> Problem:
    # A phase's method stands in the place between its index and its keys: it is no key.
    path: Path = tuple(part for i, part in enumerate(error["loc"]) if not (i == 2 and error["loc"][0] == "phases"))
    text = _sentence(value, path, error)
    return Problem(text=text, pointer=pointer((*path, "method") if error["type"] == "union_tag_invalid" else path))


def _sentence(value: Any, path: Path, error: dict[str, Any]) -> str:
    kind, name, context = error["type"], key_name(path), error.get("ctx") or {}
    found = _at(value, path)
    if kind == "extra_forbidden":
        return _unknown_key(value, path)
    if kind == "missing":
        return _missing_key(value, path)
    if kind == "union_tag_not_found":
        return f'"method" is missing in {name}; it must be {_list(METHODS)}.'
    if kind == "union_tag_invalid":
        return f"{name}.method is {kind_of(found.get('method'))}; it must be {_list(METHODS)}."
    if kind in WANTED:
        return f"{name} is {kind_of(found)}; it must be {WANTED[kind]}."
    if kind == "literal_error":
        return f"{name} is {kind_of(found)}; it must be {context['expected'].replace(chr(39), chr(34))}."
    limits = {"greater_than": "more than", "greater_than_equal": "at least", "less_than": "less than", "less_than_equal": "at most"}
    if kind in limits:
        limit = next(context[key] for key in ("gt", "ge", "lt", "le") if key in context)
        return f"{name} is {found}; it must be {limits[kind]} {limit:g}."
    if kind in ("string_too_short", "string_too_long"):
        rule = "must not be empty" if kind == "string_too_short" else f"must have at most {context['max_length']} characters"
        return f"{name} is {kind_of(found)}; it {rule}."
    if kind in ("too_short", "too_long"):
        wanted = context.get("min_length", context.get("max_length"))
        return f"{name} has {context['actual_length']} entries; it must have {'at least' if kind == 'too_short' else 'at most'} {wanted}."
    return f"{name} is {kind_of(found)}: {error['msg'][0].lower()}{error['msg'][1:]}."


def _unknown_key(value: Any, path: Path) -> str:
    part = _part_at(value, path[:-1])
    allowed = [field.alias or key for key, field in part.model_fields.items()] if part is not None else []
    key, where = str(path[-1]), _owner(value, path[:-1])
    camel = re.sub(r"[_-](\w)", lambda match: match[1].upper(), key)
    by_lower = {name.lower(): name for name in allowed}
    meant = OTHER_NAMES.get(camel, key)
    near = [meant.lower()] if meant in allowed else difflib.get_close_matches(camel.lower(), by_lower, n=1, cutoff=0.6)
    owners = [owner for owner, other in PARTS.items() if any((field.alias or name) == meant for name, field in other.model_fields.items())]
    elsewhere = " or ".join(f"{owner}.{meant}" for owner in owners)
    if near:
        hint = f'did you mean "{by_lower[near[0]]}"?'
    elif elsewhere:
        hint = f"it belongs to {elsewhere}." if meant == key else f"it is called {elsewhere} here."
    else:
        hint = f"its keys are {', '.join(name for name in allowed if name != '$schema')}."
    return f'"{key}" is no key of {where}: {hint}'


def _missing_key(value: Any, path: Path) -> str:
    part, key = _part_at(value, path[:-1]), str(path[-1])
    field = next((f for k, f in part.model_fields.items() if (f.alias or k) == key), None) if part is not None else None
    text = EXAMPLES.get(key) or (field.description if field is not None else None) or "."
    return f'"{key}" is missing in {_owner(value, path[:-1])}: {text[0].lower()}{text[1:]}'


def _owner(value: Any, path: Path) -> str:
    """What an object is, in words."""
    if not path:
        return "the config"
    if isinstance(path[-1], int):
        found = _at(value, path)
        return f"{key_name(path)} (method {found.get('method')})" if isinstance(found, dict) else key_name(path)
    return key_name(path)


def _part_at(value: Any, path: Path) -> type[Part] | None:
    """The model of the object at `path`."""
    if not path:
        return Config
    if isinstance(path[-1], int):
        found = _at(value, path)
        return METHODS.get(found.get("method")) if isinstance(found, dict) else None
    return PARTS.get(path[-1])


def _at(value: Any, path: Path) -> Any:
    for part in path:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _list(names: Any) -> str:
    quoted = [f'"{name}"' for name in names]
    return f"{', '.join(quoted[:-1])} or {quoted[-1]}" if len(quoted) > 1 else quoted[0]
