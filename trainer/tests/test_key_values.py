"""Keys and values in room made ahead: what attention reads is what the library's cache holds."""

from __future__ import annotations

import pytest
import torch
from toys import toy
from transformers import DynamicCache

from minillm import key_values
from minillm.key_values import STEP, KeyValues

CPU = torch.device("cpu")


@pytest.mark.parametrize("name", ["gpt2", "qwen3", "gemma3"])
@torch.no_grad()
def test_a_decode_reads_what_the_librarys_cache_holds(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over several rooms, several tokens at a time, and with rows that leave; a sliding window (gemma3) is the library's own."""
    monkeypatch.setattr(key_values, "STEP", 4)
    model = toy(name)
    config = model.model.config
    rows = torch.randint(model.vocabulary, (5, 12), generator=torch.Generator().manual_seed(0))
    ours, theirs = KeyValues(config, CPU), DynamicCache(config=config)
    seen = 0
    for width, stay in ((7, None), (1, None), (3, [4, 0, 2]), (1, [2, 1])):
        ids = rows[:, seen : seen + width]
        places = torch.arange(seen, seen + width).expand(len(ids), -1)
        seen += width
        found, expected = (model.hidden(ids, torch.ones(len(ids), seen, dtype=torch.long), places, cache)[0] for cache in (ours, theirs))
        assert torch.equal(found, expected)
        if stay is not None:
            index = torch.tensor(stay)
            rows = rows[index]
            for cache in (ours, theirs):
                cache.batch_select_indices(index)
    assert ours.get_seq_length() == theirs.get_seq_length() == seen


def test_a_token_moves_nothing_until_the_room_is_full() -> None:
    cache = KeyValues(toy("gpt2").model.config, CPU)
    moved, place = [], None
    for token in range(2 * STEP + 1):
        new = torch.full((2, 4, 1, 8), float(token))
        keys, values = cache.update(new, -new, 0)
        assert torch.equal(keys[0, 0, :, 0], torch.arange(token + 1.0))
        assert torch.equal(values, -keys)
        if keys.data_ptr() != place:
            moved.append(token)
        place = keys.data_ptr()
    assert moved == [0, STEP, 2 * STEP]


def test_an_accelerator_is_given_whole_tensors() -> None:
    cache = KeyValues(toy("gpt2").model.config, torch.device("mps"))
    for _ in range(3):
        keys, values = cache.update(torch.ones(2, 4, 1, 8), torch.ones(2, 4, 1, 8), 0)
    assert keys.is_contiguous()
    assert values.is_contiguous()
