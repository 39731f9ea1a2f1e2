"""Scores against the definitions they come from, written out as tables."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from minillm.scores import common_subsequence, edit_distance, rouge_l, score, split_units


def edit_table(a: Sequence[int], b: Sequence[int]) -> int:
    rows = [[i + j if i * j == 0 else 0 for j in range(len(b) + 1)] for i in range(len(a) + 1)]
    for i, x in enumerate(a, 1):
        for j, y in enumerate(b, 1):
            rows[i][j] = min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + (x != y))
    return rows[-1][-1]


def subsequence_table(a: Sequence[int], b: Sequence[int]) -> int:
    rows = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i, x in enumerate(a, 1):
        for j, y in enumerate(b, 1):
            rows[i][j] = rows[i - 1][j - 1] + 1 if x == y else max(rows[i - 1][j], rows[i][j - 1])
    return rows[-1][-1]


def test_both_distances_equal_their_tables() -> None:
    draw = random.Random(1)
    for _ in range(400):
        a, b = ([draw.randrange(draw.choice((2, 5, 30))) for _ in range(draw.randrange(90))] for _ in range(2))
        assert edit_distance(a, b) == edit_table(a, b)
        assert common_subsequence(a, b) == subsequence_table(a, b)


def test_the_best_reference_counts() -> None:
    found = score(["T", "AH", "M", "EY", "T", "OW"], [["T", "AH", "M", "AA", "T", "OW"], ["T", "AH", "M", "EY", "T", "OW", "S"]])
    assert (found.exact, found.edits) == (False, 1)
    assert found.reference_length == 6  # of two references at the same distance, the shorter: the rate is not flattered
    assert found.error_rate == pytest.approx(1 / 6)
    assert found.rouge_l == pytest.approx(2 * 6 / 13)


def test_empty_and_equal() -> None:
    assert score([], [["A"]]) == score([], [["A"], ["A"]])
    assert score([], [["A"]]).rouge_l == 0.0
    assert score([], [[]]).exact
    assert rouge_l([], []) == 1.0
    assert score(["A", "B"], [["A", "B"]]).exact


def test_units() -> None:
    assert split_units(" a  b\n", "word") == ["a", "b"]
    assert split_units(" a  b\n", "character") == ["a", " ", "b"]
