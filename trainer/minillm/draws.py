"""Uniform random numbers without a generator: a hash of what the number is for.

A draw depends on (seed, stream, row, position) alone. So a token does not depend on which rows are decoded
together, a resumed run needs no generator state, and a sample drawn twice is the same sample. The hash is the
64-bit finalizer of MurmurHash3, applied after each key is added; all arithmetic is modulo 2^64.
"""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor

_WORD = 1 << 64
_FIRST, _SECOND = 0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53
_STEP = 0x9E3779B97F4A7C15
"""2^64 divided by the golden ratio: neighbouring keys land far apart before the first multiplication."""


def stream(purpose: str, *numbers: int) -> int:
    """The stream of draws for one purpose, as `stream("rollout", round)`: two purposes never share draws."""
    name = "/".join([purpose, *map(str, numbers)])
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little") >> 1


def uniform(seed: int, stream: int, rows: Tensor, position: int | Tensor) -> Tensor:
    """Uniform numbers in the open interval (0, 1), float64.

    `rows` (int64) names the rows, `position` the place in the row; a tensor of positions broadcasts against
    `rows`, so `uniform(seed, stream, rows[:, None], torch.arange(T))` gives [N,T].
    """
    key = _signed(_mix_int(_mix_int(seed % _WORD + _STEP) + stream))
    mixed = _mix(rows.to(torch.int64) * _signed(_STEP) + key)
    mixed = _mix(mixed + position * _signed(_STEP) if isinstance(position, Tensor) else mixed + _signed(position * _STEP))
    # 52 bits and a half step: the largest value is below 1 and the smallest above 0, both exactly representable.
    return (_shift(mixed, 12).double() + 0.5) * 2.0**-52


def _mix(x: Tensor) -> Tensor:
    x = (x ^ _shift(x, 33)) * _signed(_FIRST)
    x = (x ^ _shift(x, 33)) * _signed(_SECOND)
    return x ^ _shift(x, 33)


def _mix_int(x: int) -> int:
    x %= _WORD
    x = ((x ^ (x >> 33)) * _FIRST) % _WORD
    x = ((x ^ (x >> 33)) * _SECOND) % _WORD
    return x ^ (x >> 33)


def _shift(x: Tensor, bits: int) -> Tensor:
    """Logical right shift: torch's own keeps the sign."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)


def _signed(x: int) -> int:
    """The same 64 bits as a signed number, which is what torch takes."""
    x %= _WORD
    return x - _WORD if x >= _WORD // 2 else x
