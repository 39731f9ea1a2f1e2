"""Rows of data files: three shapes, read into one. Standard library only, so that a config is checked without torch.

`{"prompt", "response"}`, `{"instruction", "input", "output"}` or `{"messages": [{"role", "content"}, …]}`. Several accepted
answers stand in `responses` (or as a list in `output`). Rows without an answer are good enough to sample from.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minillm.errors import BadInput

SHAPES = '{"prompt", "response"}, {"instruction", "input", "output"} or {"messages"}'
ROLES = ("system", "user", "assistant")


@dataclass(frozen=True, slots=True)
class Row:
    id: str
    """The row's own `id`, else the number of its line."""
    line: int
    """In the file, from 1."""
    instruction: str
    """What is asked; of a chat, the last turn of the user."""
    input: str
    """What the instruction is about, often empty."""
    turns: tuple[tuple[str, str], ...]
    """The prompt as a conversation: (role, content), up to the turn that is to be answered."""
    responses: tuple[str, ...]
    """Accepted answers, the first being the one to imitate; empty when the row has none."""


def read_rows(path: str | Path, limit: int | None = None, *, pointer: str | None = None) -> Iterator[Row]:
    """The rows of a .jsonl or .jsonl.gz file, at most `limit`. Blank lines are skipped.

    Raises BadInput (with `pointer`, the config key that names the file) for a file that cannot be read, the first line that
    is no row, and a file without rows.
    """
    path = Path(path)
    count = 0
    for number, line in read_lines(path, pointer):
        if count == limit:
            return
        yield parse_row(line, path, number, pointer)
        count += 1
    if count == 0:
        raise BadInput(f"{path} has no rows: give at least one line, a JSON object like {SHAPES}.", pointer=pointer, file=path)


def read_whole_rows(path: str | Path, *, pointer: str | None = None) -> Iterator[tuple[int, Row]]:
    """Place (from 0, as `read_rows` counts) and row of each line that is one; what is no row takes its place and is left out.

    Raises BadInput for a file that cannot be read.
    """
    path = Path(path)
    for place, (number, line) in enumerate(read_lines(path, pointer)):
        try:
            row = parse_row(line, path, number, pointer)
        except BadInput:
            continue
        yield place, row


def read_lines(path: Path, pointer: str | None = None) -> Iterator[tuple[int, str]]:
    """Number (from 1) and text of each line that is not blank, of a text file or a .gz of one. Raises BadInput."""
    number = 0
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else open(path, "rb") as file:
            for number, raw in enumerate(file, 1):
                text = raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
                if text.strip():
                    yield number, text
    except FileNotFoundError:
        raise BadInput(f"{path} does not exist: check the path (it is relative to the config file).", pointer=pointer, file=path) from None
    except IsADirectoryError:
        raise BadInput(f"{path} is a folder: name a file in it.", pointer=pointer, file=path) from None
    except UnicodeDecodeError as error:
        where = f"byte 0x{raw[error.start]:02x} at position {error.start + 1}"
        sentence = f"{path}, line {number}: not UTF-8 text ({where}); save the file as UTF-8."
        raise BadInput(sentence, pointer=pointer, file=path, line=number) from None
    except (OSError, EOFError) as error:  # gzip says both: not a gzip file, and cut short
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise BadInput(f"{path} cannot be read after line {number}: {why}.", pointer=pointer, file=path) from None


def parse_row(line: str, path: Path, number: int, pointer: str | None = None) -> Row:
    """One line of a data file. Raises BadInput that names file and line."""

    def bad(what: str) -> BadInput:
        return BadInput(f"{path}, line {number}: {what}", pointer=pointer, file=path, line=number)

    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise bad(f"not JSON ({error.msg[0].lower()}{error.msg[1:]}, column {error.colno}); each line is one JSON object.") from None
    except RecursionError:
        raise bad("not JSON that can be read (brackets stand in one another too deep).") from None
    except ValueError as error:  # a whole number of thousands of digits
        raise bad(f"not JSON that can be read ({error}).") from None
    if not isinstance(record, dict):
        raise bad(f"{kind_of(record)}; each line is one JSON object like {SHAPES}.")

    identity = record.get("id")
    name = str(identity) if isinstance(identity, str | int) and not isinstance(identity, bool) else str(number)

    def text_at(key: str, *, empty: bool) -> str:
        value = record.get(key)
        if value is None and empty:
            return ""
        if not isinstance(value, str):
            raise bad(f'"{key}" is {kind_of(value)}; it must be text.')
        if not value and not empty:
            raise bad(f'"{key}" is empty; every row needs a prompt.')
        return value

    if "prompt" in record:
        prompt = text_at("prompt", empty=False)
        return Row(name, number, prompt, "", (("user", prompt),), _responses(record, "response", bad))
    if "instruction" in record:
        instruction, about = text_at("instruction", empty=False), text_at("input", empty=True)
        asked = f"{instruction}\n{about}" if about else instruction
        return Row(name, number, instruction, about, (("user", asked),), _responses(record, "output", bad))
    if "messages" in record:
        turns = _turns(record["messages"], bad)
        responses = _responses(record, "response", bad)
        if turns[-1][0] == "assistant":
            responses = responses or (turns[-1][1],)
            turns = turns[:-1]
        if not turns or turns[-1][0] != "user":
            raise bad('"messages" has no turn of the user to answer: a row without a prompt.')
        return Row(name, number, turns[-1][1], "", turns, responses)
    keys = ", ".join(f'"{key}"' for key in list(record)[:6]) or "none"
    raise bad(f"a row without a prompt (its keys: {keys}); a row is {SHAPES}.")


def _responses(record: dict[str, Any], key: str, bad: Any) -> tuple[str, ...]:
    """Accepted answers: the list `responses`, else `key` (text or a list of texts), else none."""
    used = "responses" if record.get("responses") is not None else key
    value = record.get(used)
    if value is None:
        return ()
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        raise bad(f'"{used}" is {kind_of(value)}; it must be text or a list of texts.')
    return tuple(found)


def _turns(value: Any, bad: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, list) or not value:
        raise bad(f'"messages" is {kind_of(value)}; it must be a list of {{"role", "content"}}.')
    turns = []
    for index, turn in enumerate(value):
        role, content = (turn.get("role"), turn.get("content")) if isinstance(turn, dict) else (None, None)
        if role not in ROLES or not isinstance(content, str):
            raise bad(f'turn {index + 1} of "messages" is not {{"role": {" | ".join(ROLES)}, "content": text}}.')
        turns.append((role, content))
    return tuple(turns)


def kind_of(value: Any) -> str:
    """What a JSON value is, in words: for sentences that say what was found."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, str):
        return f'the text "{value[:40]}{"…" if len(value) > 40 else ""}"'
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    return "an object"
