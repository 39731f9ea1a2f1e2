"""What a model says to the inspection prompts: the same prompts and draws at every checkpoint, to be read and compared.

Two files for each checkpoint: a line per prompt and draw, which every viewer reads whole, and the same lines token by token, of
which a viewer reads one at a time, by its place in the index. The lines come last: where they are, everything is.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from minillm import draws, tokens
from minillm.data import Example
from minillm.evaluate import Between, Setting, decode_text, sample, score_response
from minillm.language_model import LanguageModel
from minillm.policy import rewards
from minillm.rundir import VERSION, RunDir, to_json, write_json_whole, write_text_whole
from minillm.scores import repetition
from minillm.tokens import TokenDetail

Line = dict[str, Any]


@dataclass(frozen=True)
class Written:
    path: str
    """Relative to the run folder."""
    count: int
    """Lines."""
    bytes: int
    token_bytes: int
    """Size of the token detail; 0 without it."""


def write_samples(
    run: RunDir,
    name: str,
    step: int,
    student: LanguageModel | None,
    teacher: LanguageModel,
    examples: Sequence[Example],
    setting: Setting,
    between: Between,
) -> Written:
    """Writes `samples/<name>.jsonl`: for each prompt the greedy response, then the draws; and its token detail.

    Without a student the teacher speaks, with nothing to compare it with. What an earlier call wrote under the same name stays:
    only prompts that it lacks are sampled.
    """
    speaker = teacher if student is None else student
    speaker.model.eval()
    inspect = setting.config.inspect
    lines, details = read_lines(run, name)
    known = {(line["promptId"], line["prompt"]) for line in lines}
    details = [detail for detail in details if (detail["promptId"], detail["prompt"]) in known]  # what a killed one left is made again
    fresh = [example for example in examples if (example.id, example.prompt) not in known]
    count = inspect.draws + 1
    drawn: list[list[tuple[Line, Line]]] = []
    for draw in range(count):
        between(draw, count)
        responses = sample(speaker, fresh, setting, 0.0 if draw == 0 else 1.0, stream=draws.stream("inspect", draw)) if fresh else []
        looks = look(student, teacher, fresh, responses, setting)
        drawn.append(
            [
                (
                    line(name, step, draw, example, response, detail, setting),
                    token_line(name, step, "draw", draw, example, response, detail, setting),
                )
                for example, response, detail in zip(fresh, responses, looks, strict=True)
            ]
        )
    written = [pair for prompt in zip(*drawn, strict=True) for pair in prompt]
    lines += [pair[0] for pair in written]
    details += [pair[1] for pair in written]
    answered = [example for example in fresh if example.responses] if student is not None else []
    golden = [example.responses[0] for example in answered]
    details += [
        token_line(name, step, "reference", 0, example, response, detail, setting)
        for example, response, detail in zip(answered, golden, look(student, teacher, answered, golden, setting), strict=True)
    ]
    run.samples.mkdir(exist_ok=True)
    token_bytes = write_details(run, name, details) if inspect.keep_tokens != 0 else 0
    text = "".join(to_json(record) + "\n" for record in lines)
    path = run.samples / f"{name}.jsonl"
    write_text_whole(path, text)
    return Written(str(path.relative_to(run.path)), len(lines), len(text.encode("utf-8", "replace")), token_bytes)


def look(
    student: LanguageModel | None, teacher: LanguageModel, examples: Sequence[Example], responses: Sequence[list[int]], setting: Setting
) -> list[TokenDetail]:
    prompts = [example.prompt_ids for example in examples]
    return tokens.look(student, teacher, prompts, responses, top=setting.config.inspect.top_tokens, pad=setting.pad, chunk=setting.chunk)


def line(name: str, step: int, draw: int, example: Example, response: list[int], detail: TokenDetail, setting: Setting) -> Line:
    """One line as `contract.Sample` describes it."""
    score: dict[str, float] = {}
    if example.references:
        found = score_response(example, response, setting)
        score = {"rougeL": found.rouge_l, "exact": float(found.exact), "errorRate": found.error_rate}
    total = None if detail.kl is None else sum(detail.kl)
    return {
        "v": VERSION, "checkpoint": name, "step": step, "promptId": example.id, "prompt": example.prompt, "draw": draw,
        "seed": None if draw == 0 else draw, "ids": response, "text": decode_text(response, setting), "score": score,
        "kl": None if total is None or not response else total / len(response), "klSequence": total, "repetition": repetition(response),
        "length": len(response), "stop": "eos" if response and response[-1] == setting.eos else "length",
        "references": list(example.references),
    }  # fmt: skip


def token_line(
    name: str, step: int, kind: str, draw: int, example: Example, response: list[int], detail: TokenDetail, setting: Setting
) -> Line:
    """One line as `contract.TokenDetail` describes it."""
    tokenizer = setting.tokenizer
    texts, special = tokens.pieces(tokenizer, response)
    named = {token for alternatives in detail.top for token, _q, _p in alternatives} | set(response)
    return {
        "v": VERSION, "checkpoint": name, "step": step, "promptId": example.id, "prompt": example.prompt, "kind": kind, "draw": draw,
        "ids": list(response), "pieces": texts, "special": special, "logpStudent": detail.logp_student, "logpTeacher": detail.logp_teacher,
        "entropyStudent": detail.entropy_student, "entropyTeacher": detail.entropy_teacher, "kl": detail.kl,
        "reward": reward_of(detail, setting), "top": detail.top,
        "names": {str(token): tokens.name_of(tokenizer, token) for token in sorted(named)},
    }  # fmt: skip


def reward_of(detail: TokenDetail, setting: Setting) -> list[float] | None:
    """The reward of each token as the run's last phase with an objective counts it."""
    if detail.logp_student is None or detail.logp_teacher is None:
        return None
    objectives = [objective for phase in setting.config.phases if (objective := getattr(phase, "objective", None)) is not None]
    teacher, student = torch.tensor(detail.logp_teacher), torch.tensor(detail.logp_student)
    if not objectives:
        return [round(value, tokens.DIGITS) for value in (teacher - student).tolist()]
    found = rewards(teacher[None], student[None], torch.ones_like(teacher[None], dtype=torch.bool), objectives[-1])
    return [round(value, tokens.DIGITS) for value in found[0].tolist()]


# ---------------------------------------------------------------------------------------------- files


def read_lines(run: RunDir, name: str) -> tuple[list[Line], list[Line]]:
    """The lines and the token detail of `name`, as far as there are any."""
    return lines_of(run.samples / f"{name}.jsonl"), lines_of(run.samples / f"{name}.tokens.jsonl")


def lines_of(path: Path) -> list[Line]:
    """The lines of a file of samples; none where there is none. What is no line of ours, in a file that was damaged, is left out."""
    found = []
    for raw in path.read_bytes().split(b"\n") if path.exists() else []:
        with contextlib.suppress(ValueError, RecursionError):
            line = json.loads(raw)
            if isinstance(line, dict) and isinstance(line.get("promptId"), str) and isinstance(line.get("prompt"), str):
                found.append(line)
    return found


def covers(run: RunDir, name: str, examples: Sequence[Example]) -> bool:
    """Whether `name` has answered all of these prompts."""
    known = {(line["promptId"], line["prompt"]) for line in lines_of(run.samples / f"{name}.jsonl")}
    return all((example.id, example.prompt) in known for example in examples)


def sampled_prompts(run: RunDir) -> set[tuple[str, str]]:
    """Id and text of every prompt that the teacher, and so any checkpoint, was asked so far."""
    return {(line["promptId"], line["prompt"]) for line in lines_of(run.samples / "teacher.jsonl")}


def write_details(run: RunDir, name: str, details: Sequence[Line]) -> int:
    """Writes token detail with its index; returns its size in bytes. The index says the size that it belongs to, so that a reader
    who comes between the two renames notices."""
    parts, places, offset = [], [], 0
    for detail in details:
        raw = (to_json(detail) + "\n").encode("utf-8", "replace")
        places.append({key: detail[key] for key in ("promptId", "kind", "draw")} | {"offset": offset, "length": len(raw)})
        parts.append(raw)
        offset += len(raw)
    write_text_whole(run.samples / f"{name}.tokens.jsonl", b"".join(parts).decode("utf-8"))
    write_json_whole(run.samples / f"{name}.tokens.index", {"v": VERSION, "bytes": offset, "lines": places})
    return offset


def thin(run: RunDir, keep: int | None) -> None:
    """Removes the token detail of all checkpoints but the first and the newest `keep`. The teacher's stays, and so do all lines."""
    if keep is None:
        return
    old = sorted(run.samples.glob("step-*.tokens.index"))[1:]
    for index in old[: max(0, len(old) - keep)]:
        index.unlink()
        index.with_suffix(".jsonl").unlink(missing_ok=True)
