"""A recording as a CUDA graph is one, on any device: the operations of a piece of work with the very tensors and numbers that they had."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

from minillm.cuda_graph import Replay

WAITING = ("_local_scalar_dense", "nonzero", "equal", "masked_select", "_unique2", "unique_dim", "lift_fresh")
"""Operations for which a device would be waited: their outcome is looked at, or has a size that depends on it, or comes from outside."""


class _Tape(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.entries: list[tuple[Any, Any, Any, Any]] = []

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        chosen_by_bool = function.overloadpacket.__name__ == "index" and any(at is not None and at.dtype == torch.bool for at in args[1])
        if function.overloadpacket.__name__ in WAITING or chosen_by_bool:
            raise RuntimeError(f"{function} is not permitted in a recording")
        made = function(*args, **(kwargs or {}))
        self.entries.append((function, args, kwargs or {}, made))
        return made

    def replay(self) -> None:
        """Does the same once more. Tensors from outside are those of the recording; what it made itself is made anew."""
        now: dict[int, Tensor] = {}

        def renewed(tree: Any) -> Any:
            return tree_map_only(Tensor, lambda tensor: now.get(id(tensor), tensor), tree)

        for function, args, kwargs, made in self.entries:
            again = function(*renewed(args), **renewed(kwargs))
            for old, new in zip(torch.utils._pytree.tree_leaves(made), torch.utils._pytree.tree_leaves(again), strict=True):
                if isinstance(old, Tensor):
                    now[id(old)] = new


def on_tape(work: Replay) -> Replay:
    """After it has been done once: what is made only then, and kept, comes from outside."""
    work()
    with (tape := _Tape()):
        work()
    return tape.replay
