"""The same product by another library: values, gradients, and where it stays out of the way."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import pytest
import torch
import torch.nn.functional as F
from casts import casts_of
from torch import Tensor, nn
from toys import toy
from transformers.pytorch_utils import Conv1D

from minillm import products
from minillm.products import linear, use_faster_products

SIZE = {"in": 640, "out": 896}
Calls = list[tuple[int, ...]]


@pytest.fixture(autouse=True)
def amd(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A processor that it is for, whatever this one is."""
    monkeypatch.setattr(products, "processor", lambda: "AMD EPYC")
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    products.onednn_is_faster.cache_clear()
    if not products.onednn_is_faster():
        pytest.skip(f"torch {torch.__version__} has no oneDNN on this machine")
    yield
    products.onednn_is_faster.cache_clear()


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """The shapes of what is multiplied by oneDNN."""
    made: Calls = []
    inner = products.by_onednn

    def told(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        made.append(tuple(x.shape))
        return inner(x, weight, bias)

    monkeypatch.setattr(products, "by_onednn", told)
    return made


def layer(kind: str, bias: bool = True) -> nn.Linear | Conv1D:
    torch.manual_seed(0)
    if kind == "Conv1D":
        made = Conv1D(SIZE["out"], SIZE["in"])
        nn.init.normal_(made.bias)
        return made
    return nn.Linear(SIZE["in"], SIZE["out"], bias=bias)


@pytest.mark.parametrize("rows", [(0,), (1,), (16,), (3, 7), (300,)], ids=str)
@pytest.mark.parametrize(("kind", "bias"), [("Linear", True), ("Linear", False), ("Conv1D", True)])
def test_values_and_gradients_are_those_of_the_plain_layer(kind: str, bias: bool, rows: tuple[int, ...], calls: Calls) -> None:
    plain = layer(kind, bias)
    fast, exact = copy.deepcopy(plain), copy.deepcopy(plain).double()
    assert use_faster_products(fast) == 1
    assert isinstance(fast, type(plain))
    assert fast.state_dict().keys() == plain.state_dict().keys()
    x, upstream = torch.randn(*rows, SIZE["in"]), torch.randn(*rows, SIZE["out"])

    def run(module: nn.Module, dtype: torch.dtype) -> list[Tensor]:
        given = x.to(dtype, copy=True).requires_grad_()
        made = module(given)
        made.backward(upstream.to(dtype))
        return [made.detach(), given.grad, *(parameter.grad for parameter in module.parameters())]

    for found, expected in zip(run(fast, torch.float32), run(exact, torch.float64), strict=True):
        torch.testing.assert_close(found.double(), expected, rtol=1e-4, atol=1e-4)
    with torch.no_grad():
        torch.testing.assert_close(fast(x).double(), exact(x.double()), rtol=1e-4, atol=1e-4)
    assert len(calls) == 3, "forward, its gradient, and forward without one"


def test_a_frozen_layer_passes_the_gradient_on(calls: Calls) -> None:
    frozen = layer("Linear").requires_grad_(False)
    use_faster_products(frozen)
    x = torch.randn(5, SIZE["in"], requires_grad=True)
    frozen(x).sum().backward()
    torch.testing.assert_close(x.grad, frozen.weight.sum(0).expand_as(x), rtol=1e-4, atol=1e-4)
    assert frozen.weight.grad is None
    assert len(calls) == 2


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_other_dtypes_and_autocast_are_left_as_they_are(dtype: torch.dtype, calls: Calls) -> None:
    x, weight = torch.randn(4, SIZE["in"]), torch.randn(SIZE["out"], SIZE["in"])
    assert torch.equal(linear(x.to(dtype), weight.to(dtype)), F.linear(x.to(dtype), weight.to(dtype)))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(linear(x, weight), F.linear(x, weight))
    assert not calls


def test_under_autocast_a_weight_is_cast_once(calls: Calls) -> None:
    """As the library's own layer has it: a cast of the transpose would be made anew at every token."""
    conv = layer("Conv1D")
    use_faster_products(conv)
    x = torch.randn(4, SIZE["in"])
    with torch.autocast("cpu", dtype=torch.bfloat16), casts_of(conv.weight) as counted:
        made = [conv(x) for _ in range(3)]
    assert made[0].dtype == torch.bfloat16
    assert counted == [1]
    assert not calls


@pytest.mark.parametrize(("name", "capability"), [("Intel(R) Xeon(R)", "AVX512"), ("AMD Ryzen", "AVX2")])
def test_narrow_layers_and_other_processors_keep_theirs(name: str, capability: str, monkeypatch: pytest.MonkeyPatch, calls: Calls) -> None:
    assert use_faster_products(toy("gpt2").model) == 0
    monkeypatch.setattr(products, "processor", lambda: name)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    products.onednn_is_faster.cache_clear()
    wide = layer("Linear")
    assert use_faster_products(wide) == 0
    wide(torch.randn(4, SIZE["in"]))
    assert torch.equal(linear(torch.ones(2, SIZE["in"]), wide.weight), F.linear(torch.ones(2, SIZE["in"]), wide.weight))
    assert not calls


def test_a_torch_without_it_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object) -> Tensor:
        raise AttributeError("'_OpNamespace' 'mkldnn' object has no attribute '_linear_pointwise'")

    monkeypatch.setattr(products, "by_onednn", gone)
    products.onednn_is_faster.cache_clear()
    assert not products.onednn_is_faster()
    assert use_faster_products(layer("Linear")) == 0
