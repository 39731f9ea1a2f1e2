"""The teacher's second copy, which reads for our side in the benchmark of a round."""

from __future__ import annotations

from dataclasses import dataclass

from bench.shapes import Pair, prompts_of
from minillm import cheaper
from minillm.data import Example
from minillm.language_model import LanguageModel

MEASURED = 4
"""Rows on which it is compared with the first."""


@dataclass(frozen=True)
class CheaperTeacher:
    """The teacher's second copy in bf16 (`teacher.precision`), and what a run is told of it."""

    reader: LanguageModel
    share: float
    """Time of its pass as a share of the teacher's: what `auto` decides by."""
    shift: cheaper.Shift
    """What it changes, on random answers."""

    @classmethod
    def of(cls, pair: Pair, *, prompt: int, new: int) -> CheaperTeacher:
        teacher = pair.loaded.teacher
        reader = cheaper.in_bf16(teacher)
        rows = prompts_of(MEASURED, prompt + new, teacher.vocabulary, seed=2)
        examples = [Example(str(i), i, "", ids[:prompt], [ids[prompt:]], ()) for i, ids in enumerate(rows)]
        shift = cheaper.measure(teacher, reader, examples, 0)
        assert shift is not None
        return cls(reader, cheaper.time_share(teacher, reader, prompt + new), shift)
