"""The prompts that a run samples at every checkpoint: a file that its user may write to at any time, and a slice of validation.

Rows that are added while the run goes on are sampled from the next checkpoint on. A row in the middle of being typed never
harms a run: until the file can be read again, the prompts that were read last stay.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from minillm.data import DataSet, Example
from minillm.errors import BadInput
from minillm.rundir import VERSION, read_json, write_json_whole

MOST_ADDED = 500
"""Prompts that may come on top of those of the start: more than that is another file, and not a list of prompts to look at."""

VALIDATION = "validation:"
"""Before the id of a row of validation that is sampled besides: rows without an id are numbered in both files. The editor's side of it
is promptsFile.ts."""

Read = Callable[[], DataSet]
Warn = Callable[[str], None]


class Inspection:
    """Which prompts are sampled now: the first `rows` of the file, every one that was added since, and of `validation` what the file
    does not ask, under ids that no row of the file has.

    `read` reads the file anew (raising BadInput for what is no row), `fits` says whether a prompt leaves room for a response.
    Without a path the prompts are those given, for good. `too_long` rows of the file were left out of `examples`.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        *,
        rows: int,
        path: str | None = None,
        read: Read | None = None,
        fits: Callable[[Example], bool] = lambda _example: True,
        too_long: int = 0,
        validation: Sequence[Example] = (),
    ) -> None:
        self.path, self._read, self._rows, self._fits = path, read, rows, fits
        self._found = list(examples)
        self._passed_over = {_key(example) for example in examples[rows:]}
        """Rows that were there from the start and are too many."""
        self._validation = [replace(example, id=VALIDATION + example.id) for example in validation]
        self.examples: list[Example] = []
        self._left_out = too_long + self._choose()
        self._seen = self._stamp()

    def go_on(self, note: Path, sampled: set[tuple[str, str]]) -> None:
        """Makes attempts agree on what was there from the start, by a note that the first of them writes: rows that came while
        the run was stopped, or that an earlier attempt `sampled` (id, prompt), were added since. Raises OSError."""
        if self._read is None:
            return
        known = read_json(note, largest=64 << 20)
        if known is not None and isinstance(known.get("passedOver"), list):
            then = set(known["passedOver"])
            self._passed_over = {key for key in self._passed_over if _digest(key) in then}
        elif sampled:  # an earlier attempt found no row too many
            self._passed_over = set()
        elif self._passed_over:
            note.parent.mkdir(exist_ok=True)
            write_json_whole(note, {"v": VERSION, "passedOver": sorted(map(_digest, self._passed_over))})
        self._passed_over -= sampled
        self._choose()
        self._seen = None

    def refresh(self, warn: Warn) -> list[Example]:
        """The prompts to sample now. Says through `warn` why a changed file could not be used."""
        stamp = self._stamp()
        if self._read is None or stamp is None or stamp == self._seen:
            return self.examples
        self._seen = stamp
        try:
            found = self._read()
        except BadInput as error:
            warn(f"{error.sentence} Until it is mended, the inspection prompts that were read before are sampled.")
            return self.examples
        self._found = found.examples
        if (added := len(self._added())) > MOST_ADDED:
            warn(f"{added} inspection prompts were added; the first {MOST_ADDED} of them are sampled.")
        left_out = found.too_long + self._choose()
        if left_out > self._left_out:
            what = "inspection prompt is" if left_out == 1 else "inspection prompts are"
            warn(f"{left_out} {what} not sampled: over data.maxPromptTokens, or without room for a response in the models' context.")
        self._left_out = left_out
        return self.examples

    def _added(self) -> list[Example]:
        return [example for example in self._found[self._rows :] if _key(example) not in self._passed_over]

    def _choose(self) -> int:
        """Chooses the examples from what was found last. Returns how many of the file's that are wanted do not fit.

        A prompt is sampled once: one that is added to the file takes the place of the validation row that asks the same."""
        wanted = self._found[: self._rows] + self._added()[:MOST_ADDED]
        own = [example for example in wanted if self._fits(example)]
        prompts, ids = {example.prompt for example in own}, {example.id for example in own}
        self.examples = own + [row for row in self._validation if row.prompt not in prompts and row.id not in ids]
        return len(wanted) - len(own)

    def _stamp(self) -> tuple[int, int] | None:
        if self.path is None:
            return None
        try:
            info = os.stat(Path(self.path))
        except OSError:
            return None
        return info.st_mtime_ns, info.st_size


def _key(example: Example) -> tuple[str, str]:
    return example.id, example.prompt


def _digest(key: tuple[str, str]) -> str:
    return hashlib.sha256("\0".join(key).encode("utf-8", "replace")).hexdigest()[:16]
