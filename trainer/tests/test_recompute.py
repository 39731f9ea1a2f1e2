"""Gradient checkpointing changes memory, and nothing else."""

from __future__ import annotations

import pytest
import torch
from conftest import MakeRun, events_of
from toys import FAMILIES, toy

from minillm import decode
from minillm.errors import BadInput
from minillm.phases.pairs import Batch
from minillm.recompute import recompute
from minillm.sequences import read
from minillm.train import train

PAIRS = [([3, 4, 5], [6, 7, 2]), ([8, 9], [10, 3, 1, 2])]


@pytest.mark.parametrize("name", FAMILIES)
def test_gradients_are_the_same_and_sampling_keeps_its_cache(name: str):
    plain, thrifty = (toy(name, dtype=torch.float32, spread=0.2) for _ in range(2))
    layers = recompute(thrifty.model, name)
    assert layers == 2
    batch = Batch.given(PAIRS, 0, torch.device("cpu"))
    found = []
    for model in (plain, thrifty):
        model.model.eval()
        read(model, batch.ids, batch.wanted).square().sum().backward()
        found.append({key: p.grad for key, p in model.model.named_parameters()})
    for key, expected in found[0].items():
        assert (expected is None) == (found[1][key] is None)
        if expected is not None:
            torch.testing.assert_close(found[1][key], expected, msg=key)
    sampling = {"rows": range(2), "max_new_tokens": 6, "eos": 2, "pad": 0, "seed": 0, "stream": 0}
    prompts = [prompt for prompt, _ in PAIRS]
    assert decode.generate(thrifty, prompts, **sampling) == decode.generate(plain, prompts, **sampling)


def test_activations_are_not_kept():
    kept = []
    for thrifty in (False, True):
        model = toy("llama", dtype=torch.float32)
        if thrifty:
            recompute(model.model, "toy")
        sizes = 0

        def pack(tensor: torch.Tensor) -> torch.Tensor:
            nonlocal sizes
            sizes += tensor.numel()
            return tensor

        batch = Batch.given(PAIRS * 8, 0, torch.device("cpu"))
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            read(model, batch.ids, batch.wanted)
        kept.append(sizes)
    assert kept[1] < kept[0] / 2


def test_a_model_without_such_layers_is_refused():
    with pytest.raises(BadInput, match=r"has no layers that can be recomputed; leave student\.recompute out"):
        recompute(torch.nn.Linear(2, 2), "student x")


def test_a_run_comes_out_the_same(make_run: MakeRun):
    """With dropout in its first phase: the second time a layer is computed, it drops the same."""
    losses = []
    for on in (False, True):
        run = make_run(f"recompute-{on}", student__recompute=on, inspect__rows=1, evaluation__rows=2)
        assert train(run.path, 1) == 0
        losses.append([event["metrics"]["loss/total"] for event in events_of(run, "step")])
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)
