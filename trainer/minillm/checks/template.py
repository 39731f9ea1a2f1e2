"""Whether the prompt's template is the one that tokenizer and teacher were made for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minillm.checks.likelihood import measure
from minillm.checks.loaded import rows_at
from minillm.config import Data
from minillm.contract import CheckRow
from minillm.data import Example, render_prompt, spread, tokenize, tokenize_responses
from minillm.findings import Findings
from minillm.language_model import LanguageModel

COMPARED = 16
"""Rows on which two templates are compared."""
LIKELIER = 0.9
"""Nats under the chat template as a share of those without it, from which it speaks for it."""
ANSWER = "zqxzq"
"""Stands for an answer, where the template is asked what comes after one."""


def check_template(
    tokenizer: Any, teacher: LanguageModel, path: str, examples: Sequence[Example], settings: Data, findings: Findings
) -> CheckRow:
    """`examples` of the file `path` are what the two templates are compared on."""
    if settings.template == "chat":
        return _check_end_of_turn(tokenizer, findings)
    if tokenizer.chat_template is None:
        return CheckRow(name="Template", health="good", text=f'"{settings.template}"; the tokenizer has no chat template.')
    answered = spread([example for example in examples if example.responses], COMPARED)
    said = f'"{settings.template}"; the tokenizer has a chat template, which is not used'
    if not answered:
        findings.warn(
            f'The tokenizer has a chat template, but data.template is "{settings.template}": if the teacher was tuned on chats, '
            'set it to "chat".',
            "/data/template", edits={"/data/template": "chat"},
        )  # fmt: skip
        return CheckRow(name="Template", health="warning", text=f"{said}.")
    pad = tokenizer.pad_token_id
    plain, chat = measure(teacher, answered, pad), measure(teacher, _as_chat(path, answered, tokenizer, settings), pad)
    if plain is None or chat is None or chat >= LIKELIER * plain:
        return CheckRow(name="Template", health="good", text=f"{said}: the teacher finds the references no likelier in it.")
    findings.warn(
        f'The teacher finds the references far likelier in the tokenizer\'s chat template than in "{settings.template}" ({chat:.2f} '
        f'against {plain:.2f} nats a token): set data.template to "chat".',
        "/data/template", edits={"/data/template": "chat"},
    )  # fmt: skip
    return CheckRow(name="Template", health="warning", text=f"{said}: {chat:.2f} against {plain:.2f} nats a token.")


def _as_chat(path: str, examples: Sequence[Example], tokenizer: Any, settings: Data) -> list[Example]:
    """The same rows as a chat asks them."""
    rows = {row: example for row, example in zip(rows_at(path, [one.number for one in examples]), examples, strict=True)}
    prompts = [render_prompt(row, tokenizer, "chat", path, "/data/template") for row in rows]
    ids = tokenize(tokenizer, prompts, special=False)
    answers = tokenize_responses(tokenizer, prompts, ids, [row.responses[:1] for row in rows], special=False)
    return [
        Example(example.id, example.number, prompt, own, [answer[: settings.max_new_tokens] for answer in given], example.references)
        for example, prompt, own, given in zip(rows.values(), prompts, ids, answers, strict=True)
    ]


def _check_end_of_turn(tokenizer: Any, findings: Findings) -> CheckRow:
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": ANSWER}]
    text = tokenizer.apply_chat_template(turns, tokenize=False)
    after = text.rpartition(ANSWER)[2]
    ids = tokenize(tokenizer, [after.lstrip()], special=False)[0] if after.strip() else []
    end, name = tokenizer.eos_token_id, tokenizer.eos_token
    special = next((one for one in ids if one in tokenizer.all_special_ids or one in tokenizer.added_tokens_decoder), None)
    if special == end:
        return CheckRow(name="Template", health="good", text=f'"chat", whose answers end with {name}.')
    found = "nothing" if special is None else str(tokenizer.convert_ids_to_tokens(special))
    findings.warn(
        f"The chat template ends an answer with {found}, but the tokenizer's end token is {name}: a teacher tuned on this template "
        f"ends with {found}, which is not taken for an end. "
        + ("Let the template end an answer with it." if special is None else f'Set data.endToken to "{found}".'),
        "/data/template", edits=None if special is None else {"/data/endToken": found},
    )  # fmt: skip
    return CheckRow(name="Template", health="warning", text=f'"chat", whose answers end with {found}, not with {name}.')
