"""The error that is the user's to mend: what was given cannot be used."""

from __future__ import annotations

from pathlib import Path


class BadInput(Exception):
    """What the user gave cannot be used. Ends a command with exit code 2 and no traceback.

    `sentence` says what was found, where, what is allowed and how to mend it, in one sentence that needs no
    context. `pointer` is a JSON pointer into the config (`/data/train`); `file` and `line` (from 1) name a
    place in a data file. The places are for editors that mark them: the sentence names them too.
    """

    def __init__(self, sentence: str, *, pointer: str | None = None, file: str | Path | None = None, line: int | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.pointer = pointer
        self.file = None if file is None else str(file)
        self.line = line
