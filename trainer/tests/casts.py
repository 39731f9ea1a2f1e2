"""Watches what autocast does to a weight."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode


@contextmanager
def casts_of(weight: torch.Tensor) -> Iterator[list[int]]:
    """Counts how often a tensor of the weight's width is made in a smaller dtype from its storage."""
    counted = [0]

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            made = function(*args, **(kwargs or {}))
            source = args[0] if args and isinstance(args[0], torch.Tensor) else None
            if (
                "to_copy" in str(function)
                and source is not None
                and source.untyped_storage().data_ptr() == weight.untyped_storage().data_ptr()
            ):
                counted[0] += made.dtype == torch.bfloat16
            return made

    with Watch():
        yield counted
