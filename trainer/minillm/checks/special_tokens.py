"""Start, end and padding tokens: what the tokenizer puts in, what texts carry already, and what the teacher ends with."""

from __future__ import annotations

from typing import Any

from minillm.checks.loaded import Loaded
from minillm.checks.words import count, share
from minillm.config import Data
from minillm.contract import CheckRow
from minillm.findings import Findings


def check_special_tokens(sets: list[Loaded], tokenizer: Any, teacher: Any, settings: Data, findings: Findings) -> CheckRow:
    """`teacher`: the loaded model, whose generation config says with what it ends."""
    before = len(findings.problems)
    if settings.end_token is None:  # a person has said with what a response ends
        _teachers_end(tokenizer, teacher, findings)
    for loaded in sets:
        _start(loaded, tokenizer, settings, findings)
        _ends_inside(loaded, tokenizer, settings, findings)
    end, pad, start = tokenizer.eos_token, tokenizer.pad_token, _start_id(tokenizer)
    # Padding is masked by its place, never by its id: a token that is both end and padding is read as what it is.
    padded = "also the padding" if pad == end else f"{pad} is the padding"
    began = "no start token" if start is None else f"{tokenizer.convert_ids_to_tokens(start)} starts every text"
    amiss = len(findings.problems) - before
    text = f"{end} ends a response ({padded}), {began}."
    return CheckRow(name="Tokens", health="warning" if amiss else "good", text=text)


def _start_id(tokenizer: Any) -> int | None:
    """The token that the tokenizer puts in front of every text; None when it puts none."""
    ids = tokenizer("a")["input_ids"]
    bare = tokenizer("a", add_special_tokens=False)["input_ids"]
    return ids[0] if ids[: len(bare)] != bare and ids else None


def _teachers_end(tokenizer: Any, teacher: Any, findings: Findings) -> None:
    said = getattr(getattr(teacher, "generation_config", None), "eos_token_id", None)
    ends = [] if said is None else said if isinstance(said, list) else [said]
    if ends and tokenizer.eos_token_id not in ends:
        theirs, ours = (", ".join(map(str, tokenizer.convert_ids_to_tokens(ids))) for ids in (ends, [tokenizer.eos_token_id]))
        findings.warn(
            f"The teacher ends with {theirs} (its generation_config.json), but the tokenizer's end token is {ours}, the only one that "
            "is taken for an end: responses would run on to data.maxNewTokens. Set data.endToken to it.",
            "/teacher/model", edits={"/data/endToken": tokenizer.convert_ids_to_tokens(ends[-1])},
        )  # fmt: skip


def _start(loaded: Loaded, tokenizer: Any, settings: Data, findings: Findings) -> None:
    start = _start_id(tokenizer)
    if start is None:
        return
    name = tokenizer.convert_ids_to_tokens(start)
    examples = loaded.data.examples
    twice = [example for example in examples if example.prompt_ids[:2] == [start, start]]
    without = [example for example in examples if example.prompt_ids[0] != start]
    if twice:
        findings.warn(
            f"{share(len(twice), len(examples))} of the prompts of {loaded.data.path} begin with {name} twice (row {twice[0].id}): the "
            "tokenizer puts it in front of every text, so take it out of the rows.",
            loaded.pointer,
        )
    if without and settings.template == "chat":
        findings.warn(
            f"The chat template writes no {name}, which this tokenizer puts in front of every other text (row {without[0].id} of "
            f"{loaded.data.path}): if the model was trained with it, add it to the template.",
            "/data/template",
        )


def _ends_inside(loaded: Loaded, tokenizer: Any, settings: Data, findings: Findings) -> None:
    end, name = tokenizer.eos_token_id, tokenizer.eos_token
    examples = loaded.data.examples
    # The end token of a chat may well stand between its turns; and some families start texts with it.
    prompts = [] if settings.template == "chat" else [example for example in examples if end in example.prompt_ids[1:]]
    if prompts:
        findings.warn(
            f"{count(len(prompts), 'prompt')} of {loaded.data.path} ({share(len(prompts), len(examples))}) contain the end token {name} "
            f"(first in row {prompts[0].id}): a response ends with it, so take it out of the rows.",
            loaded.pointer,
        )
    answers = [example for example in examples if any(end in ids[:-1] for ids in example.responses)]
    if answers:
        findings.warn(
            f"{count(len(answers), 'row')} of {loaded.data.path} ({share(len(answers), len(examples))}) have the end token {name} in their "
            f"answers (first in row {answers[0].id}): it is added by itself, and what follows it is never said; take it out of the rows.",
            loaded.pointer,
        )
