"""What a check of a config finds, as it goes."""

from __future__ import annotations

from typing import Any

from minillm.contract import ConfigEdit, Problem
from minillm.errors import BadInput


class Findings:
    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def error(self, text: str, pointer: str, *, edits: dict[str, Any] | None = None) -> None:
        self._add(Problem(text=text, pointer=pointer, edits=_made(edits)))

    def warn(
        self, text: str, pointer: str, *, edits: dict[str, Any] | None = None, file: str | None = None, line: int | None = None
    ) -> None:
        """`edits`: pointer → value of every key that would mend it; `file` and `line`: where in the data it shows."""
        self._add(Problem(text=text, pointer=pointer, severity="warning", edits=_made(edits), file=file, line=line))

    def take(self, bad: BadInput, pointer: str) -> None:
        """An error that something else has put into words; `pointer` is where it belongs when it does not say so itself."""
        self._add(Problem(text=bad.sentence, pointer=bad.pointer or pointer, file=bad.file, line=bad.line))

    def _add(self, problem: Problem) -> None:
        if problem not in self.problems:  # two phases may read the same file
            self.problems.append(problem)

    @property
    def failed(self) -> bool:
        return any(problem.severity == "error" for problem in self.problems)


def _made(edits: dict[str, Any] | None) -> list[ConfigEdit]:
    return [ConfigEdit(pointer=key, value=value) for key, value in (edits or {}).items()]
