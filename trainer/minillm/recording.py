"""Decoding from a recording: the kernels of a step are asked for once, kept as a CUDA graph, and replayed at every further token.

On a GPU a step of a small model is mostly the asking: hundreds of kernels, each shorter than the Python that launches it. A recording has
nothing in it that changes from token to token. Keys and values lie in tensors of their full length, and which columns a step reads and
writes is said by tensors.

Shapes: B rows, n columns of a step, L columns that keys and values have place for, H hidden width, V vocabulary.
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from minillm.key_values import FixedLayer, KeyValues, grows
from minillm.language_model import LanguageModel
from minillm.positions import positions_of
from minillm.sequences import positions

Replay = Callable[[], None]
Recorder = Callable[[Replay], Replay]
"""Does a piece of work once, and returns what does it again. Raises RuntimeError where that cannot be recorded."""

WORTH = 6
"""Steps still to come from which a recording is made: it takes the time of a few."""
MULTIPLE = 16
"""Of columns: attention would copy a mask of another width at every layer of every step."""
TOGETHER = 8
"""Columns that one recording reads at once of a model that reads now and then."""
EXACT = 0.02
"""By how much a recording may differ from the same step made by hand, at each token. Kernels and shapes are the same."""
MOST = 30
"""Recordings at a time: torch has 32 streams, and gives out the first again after the last."""


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


def on_cuda(work: Replay) -> Replay:
    """As a CUDA graph. What waits for the device is found before anything is recorded, for a recording that is broken off leaves torch's
    own notes of it half made; and libraries set a stream up at first use, which they may not do meanwhile."""
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
        _Place.broken = _failure(error).text
        with contextlib.suppress(RuntimeError):  # else no memory that is held ready would ever be given up again
            torch._C._cuda_endAllocateToPool(torch.cuda.current_device(), memory.id)
        raise


RECORDERS: dict[str, Recorder] = {"cuda": on_cuda}
"""By type of device."""


def recorder_for(model: LanguageModel) -> Recorder | None:
    """What records steps of the model; None where they are not made for recordings: unasked, and while it trains."""
    if not model.recorded or model.model.training or torch.is_grad_enabled():
        return None
    return RECORDERS.get(model.device.type)


class Steps:
    """The further reading of rows that a model has begun: `together` columns at a time, with one recording for all of them.

    Fewer columns than that are read with others behind them, whose keys and values are written over later and seen by none before.
    """

    def __init__(self, model: LanguageModel, cache: KeyValues, mask: Tensor, together: int, record: Recorder) -> None:
        """`mask` [B,S] marks the real ones of all columns that will ever be read; `cache` holds the first of them, and is taken over."""
        self.model, self.together, self.record, self.end = model, together, record, mask.shape[1]
        length = -(-(self.end + together - 1) // MULTIPLE) * MULTIPLE
        self.real = torch.nn.functional.pad(mask.bool(), (0, length - self.end), value=True)
        self.columns = torch.arange(length, device=mask.device)
        self.at = torch.zeros(together, dtype=torch.int64, device=mask.device)
        """[n] the columns of a step."""
        self.cache = model.new_cache()
        for place, layer in enumerate(cache.layers):
            self.cache.layers[place] = FixedLayer(layer, length, self.at)
            layer.reset()
        self._begin()

    def _begin(self) -> None:
        rows = self.real.shape[0]
        self.ids = torch.zeros((rows, self.together), dtype=torch.int64, device=self.at.device)
        self.positions = torch.zeros_like(self.ids)
        self.hidden: Tensor | None = None
        self.replay: Replay | None = None

    def read(self, ids: Tensor, positions: Tensor, begin: int) -> Tensor:
        """Hidden states [B,n,H] of the columns of `ids` and `positions` [B,n], the first of which is column `begin`."""
        found = []
        for start in range(0, ids.shape[1], self.together):
            part = slice(start, start + self.together)
            size = ids[:, part].shape[1]
            self.ids[:, :size], self.positions[:, :size] = ids[:, part], positions[:, part]
            torch.arange(begin + start, begin + start + self.together, out=self.at)
            found.append(self._made(begin + start)[:, :size].clone())
        return found[0] if len(found) == 1 else torch.cat(found, 1)

    def keep(self, index: Tensor) -> None:
        """Goes on with the rows of `index` alone: another recording."""
        self.real = self.real[index]
        for layer in self.cache.layers:
            layer.batch_select_indices(index)
        self._begin()

    def _made(self, begin: int) -> Tensor:
        """The hidden states [B,n,H] of a step, which stay until the next one."""
        if self.replay is not None:
            self.replay()
        elif self.model.unrecorded is not None or self.end - begin < WORTH * self.together:
            self._step()
        else:
            failure = self._attempt()
            if failure is not None and failure.exhausted and self.at.device.type == "cuda":
                torch.cuda.empty_cache()  # while it records torch gives up nothing of what it holds ready
                failure = self._attempt()
            if failure is not None and failure.exhausted:
                raise torch.OutOfMemoryError(failure.text)
            if failure is not None:
                self.model.unrecorded = failure.text
                self._step()
        assert self.hidden is not None
        return self.hidden

    def _attempt(self) -> Failure | None:
        """The step, recorded. What stops it is told in words: the error itself would keep everything that it has passed through."""
        try:
            replay = self.record(self._step)
            assert self.hidden is not None
            expected = self.hidden.clone()
            self.hidden.zero_()
            replay()
            if not ((self.hidden - expected).norm(dim=-1) <= EXACT * expected.norm(dim=-1)).all().item():
                return Failure("a recording gives other hidden states")
            self.replay = replay
        except RuntimeError as error:
            return _failure(error)
        return None

    def _step(self) -> None:
        seen = self.real[:, None, None, :] & (self.columns <= self.at[:, None])
        hidden, _ = self.model.hidden(self.ids, seen, self.positions, self.cache)
        if self.hidden is None:
            self.hidden = torch.empty_like(hidden)
        self.hidden.copy_(hidden)


@dataclass(frozen=True)
class Failure:
    """Why a step was not recorded."""

    text: str
    exhausted: bool = False
    """There was too little memory: no reason to decode in another way, which a resume with more of it would not."""


def _failure(error: BaseException) -> Failure:
    """By what went wrong first: the end of a recording complains of what has broken it off."""
    while error.__context__ is not None:
        error = error.__context__
    text = str(error).strip().split("\n")[0]
    return Failure(text, isinstance(error, torch.OutOfMemoryError) or "out of memory" in text or "ALLOC_FAILED" in text)


def allow(*models: LanguageModel) -> str:
    """Lets those models be recorded that can be; returns what there is to tell of it."""
    reasons = [(model.name, prove(model)) for model in dict.fromkeys(models)]
    without = [f"the {name} ({reason})" for name, reason in reasons if reason is not None]
    return f"Decoded without CUDA graphs: {' and '.join(without)}." if without else "Decoding replays CUDA graphs."


def losses(*models: LanguageModel) -> list[str]:
    """Of models that could be recorded and can no longer be, what there is to tell."""
    lost = [model for model in dict.fromkeys(models) if model.recorded and model.unrecorded is not None]
    return [f"The {model.name} is decoded without CUDA graphs from here on: {model.unrecorded}." for model in lost]


PROBE = [[*range(1, 61)], [0, 0, 0, *range(60, 3, -1)]]
BEGUN, MOVED = 4, 8
"""Columns that are read before there are steps, more than the shorter row is padded with; and after which rows change places."""


@torch.no_grad()
def prove(model: LanguageModel) -> str | None:
    """Lets the model be recorded if the probe's tokens, read as decoding will read them, then give the logits that they give at once.
    Returns why not, if not."""
    model.recorded, model.unrecorded = False, None
    if model.device.type not in RECORDERS:
        return f"they need a GPU of NVIDIA, and the device is {model.device.type}"
    kind = model.model.config.model_type
    if not model.takes_positions or model.model.config.get_text_config()._attn_implementation != "sdpa":
        return f"a {kind} model has an attention of its own here"
    if (known := positions_of(model.model.config.to_dict())) is not None and known < len(PROBE[0]):
        return f"it has {known} positions, and the proof takes {len(PROBE[0])}"
    for together in (1, TOGETHER):
        if (reason := _try(model, together)) is not None:
            return reason
    model.recorded = True
    return None


def _try(model: LanguageModel, together: int) -> str | None:
    probe = torch.tensor(PROBE, device=model.device)
    ids, mask = probe % model.vocabulary, (probe > 0).long()
    places, order = positions(mask), torch.tensor([1, 0], device=model.device)
    kind = model.model.config.model_type
    with model.computing():
        cache = model.new_cache()
        model.hidden(ids[:, :BEGUN], mask[:, :BEGUN], places[:, :BEGUN], cache)
        if not all(grows(layer) for layer in cache.layers):
            return f"the layers of a {kind} model keep other things than keys and values, or not all of them"
        expected, _ = model.hidden(ids, mask, places)
        steps = Steps(model, cache, mask, together, RECORDERS[model.device.type])
        found = [steps.read(ids[:, at : at + 1], places[:, at : at + 1], at) for at in range(BEGUN, MOVED)]
        steps.keep(order)
        found.append(steps.read(ids[order, MOVED:], places[order, MOVED:], MOVED)[order])
        if model.unrecorded is None and not _alike(model, torch.cat(found, 1), expected[:, BEGUN:]):
            return f"a {kind} model says something else with them"
    assert model.unrecorded is not None or steps.replay is not None, "the probe is long enough to be recorded"
    return model.unrecorded


def _alike(model: LanguageModel, found: Tensor, expected: Tensor) -> bool:
    """Whether hidden states differ by rounding alone: in what tells tokens apart, at every position."""
    a, b = (model.logits(hidden) for hidden in (found, expected))
    a, b = a - a.mean(-1, keepdim=True), b - b.mean(-1, keepdim=True)
    return bool(((a - b).norm(dim=-1) <= (0.1 if model.dtype in (torch.bfloat16, torch.float16) else 1e-3) * b.norm(dim=-1)).all())
