"""Where prompt and response meet: whether a text is cut into the same tokens with its prompt in front and without.

Sampling starts from the prompt's own tokens. Where the last letters of the prompt and the first of the answer make one token in
running text, that token can never be sampled, and what follows is a text that neither model has seen in that form.
"""

from __future__ import annotations

from typing import Any

from minillm.checks.loaded import Loaded
from minillm.checks.words import count, quoted, share
from minillm.config import Data
from minillm.contract import CheckRow
from minillm.data import Example, spread, tokenize
from minillm.findings import Findings

LOOKED_AT = 200
"""Rows of a file, evenly spread."""
BEARABLE = 0.02
"""Share of merging rows of which nothing is said."""


def check_boundaries(sets: list[Loaded], tokenizer: Any, settings: Data, findings: Findings) -> CheckRow:
    looked, merged, seen = 0, 0, set[str]()
    for loaded in sets:
        answered = [example for example in loaded.data.examples if example.references]
        if not answered or loaded.data.path in seen:
            continue
        seen.add(loaded.data.path)
        some = spread(answered, LOOKED_AT)
        merging = _merging(some, tokenizer, special=settings.template != "chat")
        looked, merged = looked + len(some), merged + len(merging)
        if len(merging) > BEARABLE * len(some):
            _tell(merging[0], len(merging), len(some), loaded, tokenizer, findings)
    if not looked:
        return CheckRow(name="Boundary", health="good", text="There are no answers whose boundary could be looked at.")
    if merged > BEARABLE * looked:
        text = f"Prompt and answer merge into one token in {merged:,} of {count(looked, 'row')}."
        return CheckRow(name="Boundary", health="warning", text=text)
    return CheckRow(name="Boundary", health="good", text=f"Prompts end where a token ends ({count(looked, 'row')} looked at).")


def _merging(examples: list[Example], tokenizer: Any, *, special: bool) -> list[Example]:
    together = tokenize(tokenizer, [example.prompt + example.references[0] for example in examples], special=special)
    unknown = tokenizer.unk_token_id
    return [
        example for example, ids in zip(examples, together, strict=True)
        # What no token stands for was in nobody's running text: such texts are not meant to be joined without a space.
        if ids[: len(example.prompt_ids)] != example.prompt_ids and ids.count(unknown) <= example.prompt_ids.count(unknown)
    ]  # fmt: skip


def _tell(example: Example, merging: int, looked: int, loaded: Loaded, tokenizer: Any, findings: Findings) -> None:
    prompt, answer = example.prompt, example.references[0]
    spaced = prompt != prompt.rstrip()
    mend = (
        f"let prompts not end with {quoted(prompt[len(prompt.rstrip()) :])}, and answers begin with it"
        if spaced else "let each answer begin with a space or a new line, or each prompt end where a token ends"
    )  # fmt: skip
    findings.warn(
        f"In {share(merging, looked)} of the rows of {loaded.data.path} the end of the prompt and the start of the answer make one token "
        f"in running text (row {example.id}: {quoted(prompt[-12:])} before {quoted(answer[:12])}), so that what is trained on is cut "
        f"into other tokens than either model knows; {mend}.",
        loaded.pointer,
    )
