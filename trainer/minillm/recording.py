"""Decoding from a recording: the kernels of a step are asked for once, kept as a CUDA graph, and replayed at every further token.

On a GPU a step of a small model is mostly the asking: hundreds of kernels, each shorter than the Python that launches it. A recording has
nothing in it that changes from token to token. Keys and values lie in rooms of their full length, and which columns a step reads and
writes is said by tensors.

Shapes: B rows, n columns of a step, L columns of the rooms, H hidden width.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
from torch import Tensor

from minillm.key_values import KeyValues, Room, grows
from minillm.language_model import LanguageModel, near_enough
from minillm.sequences import positions

Replay = Callable[[], None]
Recorder = Callable[[Replay], Replay]
"""Makes a recording of work that has been done once already. Raises RuntimeError where it cannot be recorded."""


def on_cuda(work: Replay) -> Replay:
    """As a CUDA graph. What waits for the device is found before anything is recorded: a recording that is broken off leaves torch's own
    records of it half made. The stream is one and the same: libraries set theirs up at first use, which they may not do meanwhile."""
    stream, alert = torch.cuda.Stream(), torch.cuda.get_sync_debug_mode()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):  # also where recording fails: torch would stay on the other one
        torch.cuda.set_sync_debug_mode("error")
        try:
            work()
        finally:
            torch.cuda.set_sync_debug_mode(alert)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
            work()
    torch.cuda.current_stream().wait_stream(stream)
    return graph.replay


RECORDERS: dict[str, Recorder] = {"cuda": on_cuda}
"""By type of device."""


def recorder_for(model: LanguageModel, cache: KeyValues) -> Recorder | None:
    """What records steps of the model after the cache has been begun; None where steps are made one by one: unasked, on other devices, in
    training, and for models whose layers keep anything but all keys and values, or that do not take a mask and positions as given."""
    if not model.recorded or model.model.training or torch.is_grad_enabled():
        return None
    plain = model.takes_positions and model.model.config.get_text_config()._attn_implementation == "sdpa"
    return RECORDERS.get(model.device.type) if plain and all(grows(layer) for layer in cache.layers) else None


class Steps:
    """The further reading of rows that a model has begun: `together` columns at a time, with one recording for all of them.

    Fewer columns than that are read with others behind them, whose keys and values are written over later and seen by none before.
    """

    def __init__(self, model: LanguageModel, cache: KeyValues, mask: Tensor, together: int, record: Recorder) -> None:
        """`mask` [B,S] marks the real ones of all columns that will ever be read; `cache` holds the first of them, and is taken over."""
        self.model, self.together, self.record = model, together, record
        self.failure: str | None = None
        """Why the model is read without a recording."""
        self.real = torch.nn.functional.pad(mask.bool(), (0, together - 1), value=True)
        self.cache = model.new_cache()
        self.at = torch.zeros(together, dtype=torch.int64, device=mask.device)
        """[n] the columns of a step."""
        self.columns = torch.arange(self.real.shape[1], device=mask.device)
        for place, layer in enumerate(cache.layers):
            self.cache.layers[place] = Room(layer, self.real.shape[1], self.at)
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
            found.append(self._made()[:, :size].clone())
        return found[0] if len(found) == 1 else torch.cat(found, 1)

    def keep(self, index: Tensor) -> None:
        """Goes on with the rows of `index` alone: another recording."""
        self.real = self.real[index]
        for layer in self.cache.layers:
            layer.batch_select_indices(index)
        self._begin()

    def _made(self) -> Tensor:
        """The hidden states of a step. The first one is made without a recording too, which must then say the same."""
        if self.replay is not None:
            self.replay()
        else:
            self._step()
            assert self.hidden is not None
            expected = self.hidden.clone()
            try:
                replay = self.record(self._step)
                self.hidden.zero_()
                replay()
                if not near_enough(self.hidden, expected, self.model.dtype):
                    raise RuntimeError("it gives other hidden states")
                self.replay = replay
            except RuntimeError as error:
                self.failure = str(error).strip().split("\n")[0]
                warnings.warn(f"The {self.model.name} is decoded without a CUDA graph: {self.failure}.", stacklevel=2)
                self.replay = self._step
                self.hidden.copy_(expected)
        assert self.hidden is not None
        return self.hidden

    def _step(self) -> None:
        seen = self.real[:, None, None, :] & (self.columns <= self.at[:, None])
        hidden, _ = self.model.hidden(self.ids, seen, self.positions, self.cache)
        if self.hidden is None:
            self.hidden = torch.empty_like(hidden)
        self.hidden.copy_(hidden)


def allow(*models: LanguageModel) -> str:
    """Lets those models be recorded that can be; returns what there is to tell of it."""
    reasons = [(model.name, prove(model)) for model in dict.fromkeys(models)]
    without = [f"the {name} ({reason})" for name, reason in reasons if reason is not None]
    return f"Decoded without CUDA graphs: {' and '.join(without)}." if without else "Decoding replays CUDA graphs."


PROBE = [[1, 2, 3, 4, 5, 6, 7, 8], [0, 0, 0, 9, 10, 11, 12, 13]]
BEGUN = 4
"""Columns that are read before there are steps: more than the shorter row is padded with."""


@torch.no_grad()
def prove(model: LanguageModel) -> str | None:
    """Lets the model be recorded if, on eight columns of which two at a time are replayed, that gives what it gives otherwise. Returns why
    not, if not."""
    if model.device.type not in RECORDERS:
        return f"they need a GPU of NVIDIA, and the device is {model.device.type}"
    ids = torch.tensor(PROBE, device=model.device) % model.vocabulary
    mask = (torch.tensor(PROBE, device=model.device) > 0).long()
    places = positions(mask)
    with model.computing():
        cache = model.new_cache()
        model.hidden(ids[:, :BEGUN], mask[:, :BEGUN], places[:, :BEGUN], cache)
        model.recorded = True
        record = recorder_for(model, cache)
        model.recorded = False
        if record is None:
            return f"the layers of a {model.model.config.model_type} model do not take them"
        expected, _ = model.hidden(ids, mask, places)
        steps = Steps(model, cache, mask, 2, record)
        order = torch.tensor([1, 0], device=model.device)
        found = [steps.read(ids[:, at : at + n], places[:, at : at + n], at) for at, n in ((BEGUN, 1), (BEGUN + 1, 1))]
        steps.keep(order)
        found.append(steps.read(ids[order, BEGUN + 2 :], places[order, BEGUN + 2 :], BEGUN + 2)[order])
    if steps.failure is not None:
        return steps.failure
    if not near_enough(torch.cat(found, 1), expected[:, BEGUN:], model.dtype):
        return f"a {model.model.config.model_type} model gives other hidden states with them"
    model.recorded = True
    return None
