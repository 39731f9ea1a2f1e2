"""Rows that are too long: prompts that are left out, and answers that are cut off."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from minillm.checks.loaded import Loaded, rows_at
from minillm.checks.words import count, share
from minillm.config import Data
from minillm.contract import CheckRow
from minillm.data import Example, render_prompt, tokenize, tokenize_responses
from minillm.findings import Findings

MEASURED = 2000
"""Rows at the most that are tokenised again to say what length they need."""
ROUND = 8
"""A proposed length is a multiple of it."""


def check_lengths(sets: Iterable[Loaded], tokenizer: Any, settings: Data, context: int | None, findings: Findings) -> CheckRow:
    """Looks at every data set. `context`: positions that the models have, where they are limited."""
    said = []
    for loaded in sets:
        if loaded.data.too_long:
            said.append(_too_long(loaded, tokenizer, settings, context, findings))
        if loaded.data.cut:
            said.append(_cut(loaded, tokenizer, settings, context, findings))
    limits = f"data.maxPromptTokens = {settings.max_prompt_tokens}, data.maxNewTokens = {settings.max_new_tokens}"
    if not said:
        return CheckRow(name="Lengths", health="good", text=f"No row is left out or cut ({limits}).")
    return CheckRow(name="Lengths", health="warning", text=f"{'; '.join(dict.fromkeys(said))} ({limits}).")


def _too_long(loaded: Loaded, tokenizer: Any, settings: Data, context: int | None, findings: Findings) -> str:
    data = loaded.data
    kept = {example.number for example in data.examples}
    total = len(data.examples) + data.too_long
    missing = [number for number in range(total) if number not in kept]
    rows = rows_at(data.path, missing[:MEASURED])
    prompts = [render_prompt(row, tokenizer, settings.template, data.path, loaded.pointer) for row in rows]
    lengths = [len(ids) for ids in tokenize(tokenizer, prompts, special=settings.template != "chat")]
    first = rows[0]
    remedy, edits = _remedy("maxPromptTokens", max(lengths), settings.max_new_tokens, context, whole=len(rows) == len(missing))
    much = f"{count(data.too_long, 'row')} of {total:,} ({share(data.too_long, total)})"
    findings.warn(
        f"{much} of {data.path} are left out: their prompts are longer than data.maxPromptTokens = {settings.max_prompt_tokens}, "
        f"the first in line {first.line} ({lengths[0]} tokens); {remedy}.",
        "/data/maxPromptTokens", edits=edits, file=data.path, line=first.line,
    )  # fmt: skip
    return f"{much} of {Path(data.path).name} left out"


def _cut(loaded: Loaded, tokenizer: Any, settings: Data, context: int | None, findings: Findings) -> str:
    data = loaded.data
    answers = sum(len(example.responses) for example in data.examples)
    shortened = [example for example in data.examples if any(_is_cut(ids, settings, tokenizer) for ids in example.responses)]
    some = shortened[:MEASURED]
    lengths = [max(map(len, responses)) for responses in _whole(some, tokenizer, settings)]
    longest = max(len(example.prompt_ids) for example in data.examples)
    remedy, edits = _remedy("maxNewTokens", max(lengths), longest, context, whole=len(some) == len(shortened))
    (row,) = rows_at(data.path, [some[0].number])
    much = f"{count(data.cut, 'answer')} of {answers:,} ({share(data.cut, answers)})"
    harm = "the student learns to stop from the others alone" if loaded.trained else "scores compare with their beginnings alone"
    findings.warn(
        f"{much} in {data.path} are cut off at data.maxNewTokens = {settings.max_new_tokens} and then have no end: {harm}. "
        f"The first is in line {row.line} ({lengths[0]} tokens); {remedy}.",
        "/data/maxNewTokens", edits=edits, file=data.path, line=row.line,
    )  # fmt: skip
    return f"{much} of {Path(data.path).name} cut"


def _is_cut(ids: Sequence[int], settings: Data, tokenizer: Any) -> bool:
    return len(ids) == settings.max_new_tokens and ids[-1] != tokenizer.eos_token_id


def _whole(examples: Sequence[Example], tokenizer: Any, settings: Data) -> list[list[list[int]]]:
    prompts, ids = [example.prompt for example in examples], [example.prompt_ids for example in examples]
    answers = [example.references for example in examples]
    return tokenize_responses(tokenizer, prompts, ids, answers, special=settings.template != "chat")


def _remedy(key: str, needed: int, beside: int, context: int | None, *, whole: bool) -> tuple[str, dict[str, Any]]:
    """How to give `needed` tokens their room: in words, and as an edit where the models have the positions for it."""
    wanted = -(-needed // ROUND) * ROUND
    if context is not None and wanted + beside > context:
        return f"{wanted} would be needed, but the models have {context} positions: shorten the rows", {}
    return f"{wanted} would hold {'all' if whole else 'most'}", {f"/data/{key}": wanted}
