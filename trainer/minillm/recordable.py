"""Which models may be decoded from recordings: proved before the first step, and told."""

from __future__ import annotations

import torch
from torch import Tensor

from minillm.key_values import grows
from minillm.language_model import LanguageModel
from minillm.positions import positions_of
from minillm.recording import RECORDERS, TOGETHER, Steps
from minillm.sequences import positions

PROBE = [[*range(1, 61)], [0, 0, 0, *range(60, 3, -1)]]
BEGUN, MOVED = 4, 8
"""Columns that are read before there are steps, more than the shorter row is padded with; and after which rows change places."""


def allow(*models: LanguageModel) -> str:
    """Lets those models be recorded that can be; returns what there is to tell of it."""
    reasons = [(model.name, prove(model)) for model in dict.fromkeys(models)]
    without = [f"the {name} ({reason})" for name, reason in reasons if reason is not None]
    return f"Decoded without CUDA graphs: {' and '.join(without)}." if without else "Decoding replays CUDA graphs."


def given_up(*models: LanguageModel) -> list[str]:
    """Of models that could be recorded and can no longer be, what there is to tell."""
    those = [model for model in dict.fromkeys(models) if model.recorded and model.unrecorded is not None]
    return [f"The {model.name} is decoded without CUDA graphs from here on: {model.unrecorded}." for model in those]


@torch.no_grad()
def prove(model: LanguageModel) -> str | None:
    """Lets the model be recorded if the probe's tokens, read as decoding will read them, then give the logits that they give at once.
    Returns why not, if not."""
    model.recorded, model.unrecorded = False, None
    if model.device.type not in RECORDERS:
        return f"they need an NVIDIA GPU, and the device is {model.device.type}"
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
