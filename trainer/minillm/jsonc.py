"""JSON with comments and trailing commas, as editors write configs. Standard library only."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any

STRING = r'"(?:[^"\\\n]|\\.)*"?'
COMMENT = re.compile(rf"{STRING}|//[^\n]*|/\*.*?\*/|/\*", re.DOTALL)
TRAILING_COMMA = re.compile(rf"{STRING}|,(?=\s*[}}\]])")

WORDS = {
    "Expecting ',' delimiter": "a comma or a closing bracket is missing",
    "Expecting ':' delimiter": "a colon is missing after the key",
    "Expecting property name enclosed in double quotes": "a key in double quotes is missing",
    "Expecting value": "a value is missing, or is no JSON (text stands in double quotes)",
    "Unterminated string starting at": "a text is not closed by a double quote",
    "Invalid control character at": "a text runs over the end of its line, or holds a tab: write \\n and \\t",
    "Extra data": "something follows the closing brace",
}


class NotJson(Exception):
    """The text cannot be read. `why` says it in words; `line` and `column` are from 1."""

    def __init__(self, why: str, line: int, column: int) -> None:
        super().__init__(f"line {line}, column {column}: {why}")
        self.why, self.line, self.column = why, line, column


@dataclass(frozen=True)
class Document:
    value: Any
    duplicates: list[tuple[str | int, ...]]
    """Where a key stands twice in one object; the value has the last."""


class _Object(dict[str, Any]):
    """An object that remembers which of its keys came twice."""

    twice: tuple[str, ...] = ()


def parse(text: str) -> Document:
    """Raises NotJson."""
    # Places stay what they are: comments and commas turn into blanks, line by line.
    bare = COMMENT.sub(_blank_comment, text)
    bare = TRAILING_COMMA.sub(lambda match: " " if match[0] == "," else match[0], bare)
    try:
        value = json.loads(bare, object_pairs_hook=_object, parse_float=_finite, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        known = next((words for begin, words in WORDS.items() if error.msg.startswith(begin)), error.msg)
        raise NotJson(known if bare.strip() else "the file is empty", error.lineno, error.colno) from None
    except RecursionError:
        raise NotJson("brackets stand in one another too deep", 1, 1) from None
    except ValueError as error:  # a number that cannot be one
        raise NotJson(str(error), 1, 1) from None
    return Document(value, list(_duplicates(value, ())))


def _blank_comment(match: re.Match[str]) -> str:
    found = match[0]
    if found.startswith('"'):
        return found
    if found == "/*":
        before = match.string[: match.start()]
        raise NotJson("a comment is not closed by */", before.count("\n") + 1, match.start() - before.rfind("\n"))
    return re.sub(r"[^\n]", " ", found)


def _object(pairs: list[tuple[str, Any]]) -> _Object:
    made = _Object(pairs)
    if len(made) < len(pairs):
        keys = [key for key, _ in pairs]
        made.twice = tuple(key for key in made if keys.count(key) > 1)
    return made


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:40]} is too large a number")
    return number


def _refuse(text: str) -> Any:
    raise ValueError(f"{text} is no number in JSON")


def _duplicates(value: Any, path: tuple[str | int, ...]) -> Any:
    if isinstance(value, _Object):
        yield from ((*path, key) for key in value.twice)
        for key, item in value.items():
            yield from _duplicates(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _duplicates(item, (*path, index))


def pointer(path: tuple[str | int, ...]) -> str:
    """JSON pointer (RFC 6901) of a path: `/phases/0/steps`."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def key_name(path: tuple[str | int, ...]) -> str:
    """A path as sentences name it: `phases[0].steps`."""
    out = ""
    for part in path:
        out += f"[{part}]" if isinstance(part, int) else f".{part}" if out else part
    return out
