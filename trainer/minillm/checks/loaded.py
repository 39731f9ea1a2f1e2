"""The data sets of a run, with the keys of the config that name their files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from minillm.config import Config
from minillm.data import DataSet
from minillm.rows import Row, parse_row, read_lines
from minillm.sources import files_of


@dataclass(frozen=True)
class Loaded:
    data: DataSet
    pointer: str
    """The key that names the file."""

    @property
    def trained(self) -> bool:
        """Whether the run learns from these rows."""
        return self.pointer not in ("/data/validation", "/inspect/prompts")


def loaded_sets(config: Config, sets: dict[tuple[str, str, int | None], DataSet]) -> list[Loaded]:
    """Each data set once, those that are trained on first. `sets` by path, use of the answers, and number of rows, as they were read."""
    named: dict[str, str] = {config.data.train: "/data/train"}
    for index, phase in enumerate(config.phases):
        for key, _ in files_of(phase):
            named.setdefault(getattr(phase, key), f"/phases/{index}/{key}")
    for path, pointer in ((config.data.validation, "/data/validation"), (config.inspect.prompts, "/inspect/prompts")):
        if path is not None:
            named.setdefault(path, pointer)
    order = list(named)
    return [Loaded(data, named[path]) for (path, _, _), data in sorted(sets.items(), key=lambda item: order.index(item[0][0]))]


def rows_at(path: str, numbers: Sequence[int]) -> list[Row]:
    """The rows of these places in a file, from 0, in order."""
    wanted, found, last = set(numbers), [], max(numbers)
    for place, (line, text) in enumerate(read_lines(Path(path))):
        if place > last:
            break
        if place in wanted:
            found.append(parse_row(text, Path(path), line))
    return found
