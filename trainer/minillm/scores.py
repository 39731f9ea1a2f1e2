"""How near a response is to its references: exact match, edit distance, Rouge-L. Best over the references."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

Units = Sequence[Hashable]


@dataclass(frozen=True)
class Score:
    exact: bool
    """The response equals a reference, white space aside."""
    edits: int
    """Insertions, deletions and substitutions to the nearest reference."""
    reference_length: int
    """Units of that reference: an error rate is the sum of `edits` over the sum of these."""
    rouge_l: float
    """F-measure (β = 1) of the longest common subsequence, 0..1, with the best reference."""

    @property
    def error_rate(self) -> float:
        return self.edits / max(1, self.reference_length)


def split_units(text: str, unit: str) -> list[str]:
    """`text` as a list of words (split at white space) or of characters (runs of white space as one blank)."""
    words = text.split()
    return words if unit == "word" else list(" ".join(words))


def score(candidate: Units, references: Sequence[Units]) -> Score:
    """Scores one response against at least one reference, all in the same units.

    Rouge-L here is the F-measure that the `rouge_score` package computes, on the units as they are: that package first
    lower-cases, drops all but letters and digits, and may stem, which would make "AH0" and "ah" one phoneme.
    """
    edits, length = min((edit_distance(candidate, reference), len(reference)) for reference in references)
    return Score(edits == 0, edits, length, max(rouge_l(candidate, reference) for reference in references))


def rouge_l(candidate: Units, reference: Units) -> float:
    """2PR/(P+R) with P and R the share of candidate and reference that their longest common subsequence covers."""
    total = len(candidate) + len(reference)
    return 2 * common_subsequence(candidate, reference) / total if total else 1.0


def _positions(units: Units) -> dict[Hashable, int]:
    """Unit → bit mask of the places where it stands."""
    masks: dict[Hashable, int] = {}
    for place, unit in enumerate(units):
        masks[unit] = masks.get(unit, 0) | 1 << place
    return masks


def common_subsequence(a: Units, b: Units) -> int:
    """Length of the longest common subsequence. A whole row of the table is one integer (Hyyrö 2004): O(|b|) big-integer steps."""
    masks, full = _positions(a), (1 << len(a)) - 1
    row = full
    for unit in b:
        hits = row & masks.get(unit, 0)
        row = ((row + hits) | (row - hits)) & full
    return len(a) - row.bit_count()


def edit_distance(a: Units, b: Units) -> int:
    """Levenshtein distance, a whole column of the table in two integers (Myers 1999, in Hyyrö's form)."""
    if not a:
        return len(b)
    masks, full, last = _positions(a), (1 << len(a)) - 1, 1 << (len(a) - 1)
    rises, falls, distance = full, 0, len(a)
    for unit in b:
        match = masks.get(unit, 0)
        diagonal = ((((match & rises) + rises) ^ rises) | match | falls) & full
        right_rises = (falls | ~(diagonal | rises)) & full
        right_falls = diagonal & rises
        distance += bool(right_rises & last) - bool(right_falls & last)
        right_rises = (right_rises << 1 | 1) & full
        right_falls = right_falls << 1 & full
        rises = (right_falls | ~(diagonal | right_rises)) & full
        falls = right_rises & diagonal
    return distance


def repetition(units: Units, n: int = 4) -> float:
    """Share of the n-grams that already came before: 1 − distinct / all, `seq-rep-n` of arXiv 1908.04319; 0 for fewer than n units."""
    grams = [tuple(units[place : place + n]) for place in range(len(units) - n + 1)]
    return 1 - len(set(grams)) / len(grams) if grams else 0.0
