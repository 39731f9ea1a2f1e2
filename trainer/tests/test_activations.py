"""Activations in one piece: the same function and gradient, for less memory."""

from __future__ import annotations

import copy

import pytest
import torch
from toys import family
from transformers import AutoModelForCausalLM
from transformers.activations import FastGELUActivation, NewGELUActivation

from minillm.activations import fuse_activations


@pytest.mark.parametrize("chain", [NewGELUActivation, FastGELUActivation])
def test_both_chains_are_gelu(chain: type[torch.nn.Module]) -> None:
    found = []
    for module in (chain(), torch.nn.Sequential(chain())):
        fuse_activations(module)
        x = torch.linspace(-30, 30, 1001, dtype=torch.float64, requires_grad=True)
        y = module(x)
        y.sum().backward()
        found.append((y.detach(), x.grad))
    assert isinstance(module[0], torch.nn.GELU)
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12)  # one of the chains has a constant of eight digits


@pytest.mark.parametrize("name", ["gpt2", "gpt-neo", "gpt-j", "phi"])
def test_a_model_computes_the_same_and_keeps_less(name: str) -> None:
    torch.manual_seed(0)
    plain = AutoModelForCausalLM.from_config(family(name, 11)).double().eval()
    fused = copy.deepcopy(plain)
    assert fuse_activations(fused) == plain.config.get_text_config().num_hidden_layers
    assert fuse_activations(fused) == 0
    ids = torch.randint(11, (2, 9))
    found, kept = [], []
    for model in (plain, fused):
        seen: dict[int, torch.UntypedStorage] = {}

        def keep(tensor: torch.Tensor, seen: dict[int, torch.UntypedStorage] = seen) -> torch.Tensor:
            seen[tensor.untyped_storage()._cdata] = tensor.untyped_storage()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            logits = model(input_ids=ids).logits
        logits.log_softmax(-1)[..., 0].sum().backward()
        found.append([logits.detach(), *(p.grad for p in model.parameters())])
        kept.append(sum(storage.nbytes() for storage in seen.values()))
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)
    assert kept[1] < kept[0]
    assert fused.state_dict().keys() == plain.state_dict().keys()
