"""Models reading a chunk of rows column by column, and drawing the next column.

Shapes: B rows still being decoded, P prompt columns, T response columns, n columns read at once, H hidden width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from minillm import draws
from minillm.language_model import LanguageModel
from minillm.recording import Steps, recorder_for
from minillm.sequences import left_pad, positions

LOOK_EVERY = {"cpu": 1, "cuda": 8, "mps": 8}
"""Steps between two looks at which rows have ended: an accelerator is waited for at each."""
REMADE = 0.5
"""Share of ended rows from which a new recording for the others costs less than reading on with all of them."""


class Rows:
    """The rows of a chunk while they are decoded: prompts on the left, room for `steps` response tokens on the right."""

    def __init__(self, prompts: Sequence[Sequence[int]], steps: int, pad: int, device: torch.device) -> None:
        self.prompt_ids, self.prompt_mask = left_pad(prompts, pad, device)
        self.width = self.prompt_ids.shape[1]
        room = (len(prompts), steps)
        self.ids = torch.cat([self.prompt_ids, self.prompt_ids.new_full(room, pad)], 1)
        # A row that has ended is fed padding as if it were text: it cannot reach other rows, and one mask serves every step.
        self.mask = torch.cat([self.prompt_mask, self.prompt_mask.new_ones(room)], 1)
        self.positions = positions(self.mask)
        self.alive = torch.arange(len(prompts), device=device)
        """[B] the rows of the chunk that are still decoded."""
        self.ended = torch.zeros(len(prompts), dtype=torch.bool, device=device)
        """[B] which of them have ended."""

    def due(self, step: int) -> bool:
        """Whether it is time, after `step`, to look which rows have ended."""
        return (step + 1) % LOOK_EVERY.get(self.ids.device.type, 1) == 0

    def staying(self, step: int, share: float) -> Tensor | None:
        """The rows that go on after `step`, of which there may be none; None where all do: it is not time to look, or less than `share`
        have ended, and moving the others together would cost more than decoding on."""
        if not self.due(step):
            return None
        over, size = int(self.ended.sum()), self.alive.shape[0]
        return (~self.ended).nonzero()[:, 0] if over == size or over >= share * size else None

    def keep(self, index: Tensor) -> None:
        """Goes on with the rows of `index` alone."""
        self.ids, self.mask, self.positions = self.ids[index], self.mask[index], self.positions[index]
        self.alive, self.ended = self.alive[index], self.ended[index]


class Reader:
    """A model and what it has read of the rows, or of some that lie side by side."""

    def __init__(self, model: LanguageModel, rows: Rows, begin: int = 0, together: int = 1) -> None:
        self.model, self.rows, self.together = model, rows, together
        self.cache = model.new_cache()
        self.begin = self.seen = begin
        """The first column that is read: before it these rows have padding alone."""
        self.steps: Steps | None = None
        """Where steps are recorded: what reads all but the first columns, `together` of them at a time."""

    def read(self, end: int, span: slice = slice(None)) -> Tensor:
        """Hidden states [B,n,H] of the columns from the last one read up to `end`, in the rows of `span`: all, or always its own."""
        rows, begin, new, whole = self.rows, self.seen, slice(self.seen, end), slice(self.begin, end)
        self.seen = end
        if self.steps is None and begin > self.begin and (record := recorder_for(self.model)) is not None:
            self.steps = Steps(self.model, self.cache, rows.mask[span, self.begin :], self.together, record)
        if self.steps is not None:
            return self.steps.read(rows.ids[span, new], rows.positions[span, new], begin - self.begin)
        hidden, _ = self.model.hidden(rows.ids[span, new], rows.mask[span, whole], rows.positions[span, new], self.cache)
        return hidden

    def keep(self, index: Tensor) -> None:
        """Goes on with the rows of `index`, among those that it reads."""
        (self.cache.batch_select_indices if self.steps is None else self.steps.keep)(index)

    def crowded(self, share: float) -> float:
        """The share of ended rows at which the others are moved together: where that is cheap, `share`."""
        return share if self.steps is None else max(share, REMADE)


def draw_columns(seed: int, stream: int, names: Tensor, steps: int, device: torch.device) -> Tensor:
    """All draws of a chunk at once [B,T]. Made on the CPU: some devices have no fp64, and a hash is the same anywhere."""
    made = draws.uniform(seed, stream, names[:, None], torch.arange(steps))
    return made.to(device, torch.float32 if device.type == "mps" else torch.float64)


def inverse_cdf(probabilities: Tensor, uniform: Tensor) -> Tensor:
    """The token [B] in which `uniform` [B] falls when the probabilities [B,V] are laid end to end.

    They are summed in fp64 where the device has it, so that rounding does not move the boundaries of a large vocabulary.
    """
    wide = torch.float32 if probabilities.device.type == "mps" else torch.float64
    ends = probabilities.cumsum(-1, dtype=wide)
    token = torch.searchsorted(ends, uniform.to(wide)[:, None] * ends[:, -1:], right=True)[:, 0]
    return token.clamp_(max=probabilities.shape[-1] - 1)
