"""Keys and values of a decode, on a CPU in room that is made ahead.

The library's cache copies all that it holds at every token, and on a CPU a rollout takes longer by that. Here a layer writes each token
where it belongs, and moves everything once in `STEP` tokens. What attention is given is then the beginning of a larger room: fused
attention of accelerators has given wrong results for such views (torch's issues 112577 and 181133), so they keep the library's way, or
(`FixedLayer`) tensors of full length for recordings.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

STEP = 64
"""Tokens by which a layer's room grows: whole, it would be there for rows that end long before."""


class KeyValues(DynamicCache):
    """A cache for the layers of `config` on a device, in the dtype of what it is given, or in `dtype`.

    Under autocast, norms and rotations hand keys over in fp32, and attention casts them again: what it reads of a cache in the compute
    dtype is the same, in half the memory.
    """

    def __init__(self, config: Any, device: torch.device, dtype: torch.dtype | None = None) -> None:
        super().__init__(config=config)
        if device.type == "cpu":
            # Layers of other kinds (a sliding window holds little) stay the library's.
            self.layers = [_Roomy() if type(layer) is DynamicLayer else layer for layer in self.layers]
        self._dtype = dtype

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        if self._dtype is not None:
            key_states, value_states = key_states.to(self._dtype), value_states.to(self._dtype)
        return super().update(key_states, value_states, *args, **kwargs)

    def batch_select_indices(self, indices: Tensor) -> None:
        """Goes on with some rows alone. Layers with a running state (convolutions, linear attention) know only to reorder them."""
        for layer in self.layers:
            (layer.reorder_cache if has_running_state(layer) else layer.batch_select_indices)(indices)


def grows(layer: Any) -> bool:
    """Whether a layer of a cache has begun to keep the keys and values of all tokens, and keeps nothing else."""
    return type(layer) in (DynamicLayer, _Roomy) and layer.is_initialized


def has_running_state(layer: Any) -> bool:
    """Whether a layer of a cache keeps a state in place of keys and values, or beside them. (Its class has moved between versions.)"""
    return hasattr(layer, "conv_states")


class _Roomy(DynamicLayer):
    """Full attention: `keys` and `values` [B,heads,S,D] are the beginning of rooms that hold more."""

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        seen = self.get_seq_length()
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
            self._rooms = [key_states[:, :, :0], value_states[:, :, :0]]
        end = seen + key_states.shape[-2]
        self._rooms = [_filled(room, new, seen, end) for room, new in zip(self._rooms, (key_states, value_states), strict=True)]
        self.keys, self.values = (room[:, :, :end] for room in self._rooms)
        return self.keys, self.values

    def batch_select_indices(self, indices: Tensor) -> None:
        if seen := self.get_seq_length():
            self._rooms = [room[indices] for room in self._rooms]
            self.keys, self.values = (room[:, :, :seen] for room in self._rooms)


def _filled(room: Tensor, new: Tensor, seen: int, end: int) -> Tensor:
    """The room with `new` behind the `seen` tokens: the same one, or a larger one where it is full."""
    if end > room.shape[2]:
        wider = new.new_empty((*new.shape[:2], -(-end // STEP) * STEP, new.shape[3]))
        wider[:, :, :seen] = room[:, :, :seen]
        room = wider
    room[:, :, seen:end] = new
    return room


class FixedLayer(DynamicLayer):
    """Full attention in tensors whose address and shape never change: keys and values [B,heads,L,D] of `length` columns, of which those of
    `begun` are the first. Tokens are written at the columns that `at` [n] names when it happens; what may be seen is up to the mask."""

    def __init__(self, begun: DynamicLayer, length: int, at: Tensor) -> None:
        super().__init__()
        self.lazy_initialization(begun.keys, begun.values)
        self.at, self.keys, self.values = at, _whole(begun.keys, length), _whole(begun.values, length)

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        with _unsorted():
            self.keys.index_copy_(2, self.at, key_states)
            self.values.index_copy_(2, self.at, value_states)
        return self.keys, self.values


def _whole(begun: Tensor, length: int) -> Tensor:
    """Zeros behind what has begun: what no mask lets through is multiplied all the same, and must be a number."""
    room = begun.new_zeros((*begun.shape[:2], length, begun.shape[3]))
    room[:, :, : begun.shape[2]] = begun
    return room


@contextmanager
def _unsorted() -> Iterator[None]:
    """Writes without asking for an order: columns that are all different need none, and asking for one sorts them first."""
    mode = torch.get_deterministic_debug_mode()
    torch.set_deterministic_debug_mode("default")
    try:
        yield
    finally:
        torch.set_deterministic_debug_mode(mode)
