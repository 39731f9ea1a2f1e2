"""Work on a CUDA device, recorded: the kernels that it launches, as a CUDA graph that launches them all at once."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch

Replay = Callable[[], None]

MOST = 30
"""Recordings at a time: torch has 32 streams, and gives out the first again after the last."""


@dataclass(frozen=True)
class Failure:
    """Why a step was not recorded."""

    text: str
    exhausted: bool = False
    """There was too little memory: no reason to decode in another way, which a resume with more of it would not."""


def failure_of(error: BaseException) -> Failure:
    """By what went wrong first: the end of a recording complains of what has broken it off."""
    while error.__context__ is not None:
        error = error.__context__
    text = str(error).strip().split("\n")[0]
    return Failure(text, isinstance(error, torch.OutOfMemoryError) or "out of memory" in text or "ALLOC_FAILED" in text)


class _Place:
    """Where a recording is made and works: a stream and memory. Torch gives a stream's workspace back when any graph of it goes, others on
    it or not, so no two living graphs share one; and memory of a graph's own would be asked for anew at each."""

    free: ClassVar[list[_Place]] = []
    made: ClassVar[int] = 0
    broken: ClassVar[str | None] = None
    """Why there are no more recordings in this process."""

    def __init__(self) -> None:
        self.stream, self.memory = torch.cuda.Stream(), torch.cuda.MemPool()

    @staticmethod
    def take() -> _Place:
        if _Place.free:
            return _Place.free.pop()
        if _Place.made == MOST:
            raise RuntimeError(f"more than {MOST} are wanted at a time")
        _Place.made += 1
        return _Place()


def record(work: Replay) -> Replay:
    """Does a piece of work once, and returns what does it again. Raises RuntimeError where that cannot be recorded.

    What waits for the device is found before anything is recorded, for a recording that is broken off leaves torch's
    own notes of it half made; and libraries set a stream up at first use, which they may not do meanwhile.
    """
    if _Place.broken is not None:
        raise RuntimeError(_Place.broken)
    place, before, alert = _Place.take(), torch.cuda.current_stream(), torch.cuda.get_sync_debug_mode()
    place.stream.wait_stream(before)
    try:
        with torch.cuda.stream(place.stream):
            torch.cuda.set_sync_debug_mode("error")
            try:
                work()
            finally:
                torch.cuda.set_sync_debug_mode(alert)
            graph = _captured(work, place.memory)
    except BaseException:
        if _Place.broken is None:  # else torch may still be writing to its memory
            _Place.free.append(place)
        raise
    finally:
        before.wait_stream(place.stream)
    weakref.finalize(graph, _Place.free.append, place)
    return graph.replay


def _captured(work: Replay, memory: torch.cuda.MemPool) -> torch.cuda.CUDAGraph:
    """Not by torch's context, which waits for the device and gives up all memory that is held ready: this is done often."""
    graph = torch.cuda.CUDAGraph()
    with _breaking(memory):
        graph.capture_begin(memory.id, capture_error_mode="thread_local")
    try:
        work()
    finally:
        with _breaking(memory):
            graph.capture_end()
    return graph


@contextlib.contextmanager
def _breaking(memory: torch.cuda.MemPool) -> Iterator[None]:
    """Where an error leaves torch's notes of a recording half made: it is the last one."""
    try:
        yield
    except RuntimeError as error:
        _Place.broken = failure_of(error).text
        with contextlib.suppress(RuntimeError):  # else no memory that is held ready would ever be given up again
            torch._C._cuda_endAllocateToPool(torch.cuda.current_device(), memory.id)
        raise
