"""Backward passes that come to the same bits whenever they are made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from minillm.language_model import LanguageModel


@contextmanager
def repeatable(student: LanguageModel) -> Iterator[None]:
    """Where the same seed is to give the same bits, makes a backward pass of the student do so.

    One kernel of attention takes a warning for leave to add up in any order: it must be forbidden. In forward passes everything that
    matters is in order anyway, and sampling needs the sum that has no other way. So does the gradient of a running state: a student
    with such layers is left with the warning.
    """
    if not torch.is_deterministic_algorithms_warn_only_enabled() or student.has_running_states:
        yield
        return
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(True, warn_only=True)
