"""Decoding from a recording: the kernels of a step are asked for once, kept as a CUDA graph, and replayed at every further token.

On a GPU a step of a small model is mostly the asking: hundreds of kernels, each shorter than the Python that launches it. A recording has
nothing in it that changes from token to token. Keys and values lie in tensors of their full length, and which columns a step reads and
writes is said by tensors.

Shapes: B rows, n columns of a step, L columns that keys and values have place for, H hidden width.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from minillm import cuda_graph
from minillm.cuda_graph import Failure, Replay, failure_of
from minillm.key_values import FixedLayer, KeyValues
from minillm.language_model import LanguageModel

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

RECORDERS: dict[str, Recorder] = {"cuda": cuda_graph.record}
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
            return failure_of(error)
        return None

    def _step(self) -> None:
        seen = self.real[:, None, None, :] & (self.columns <= self.at[:, None])
        hidden, _ = self.model.hidden(self.ids, seen, self.positions, self.cache)
        if self.hidden is None:
            self.hidden = torch.empty_like(hidden)
        self.hidden.copy_(hidden)
