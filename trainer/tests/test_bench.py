"""Each benchmark in its tiniest form: it runs, and ends with one line of JSON that says what the table said."""

from __future__ import annotations

import importlib
import json
import math
from typing import Any

import pytest
import torch

from bench import head
from bench.published import Published
from bench.shapes import make_pair

SMALL = ["--batch", "3", "--prompt", "5", "--new", "4"]


def outcome(name: str, options: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """What the benchmark's last line says. TRL has an environment of its own: it is left out here even where it is to be had."""
    monkeypatch.setattr("bench.trl_step.version", lambda: None)
    monkeypatch.setattr("sys.argv", [f"bench.{name}", *options])
    importlib.import_module(f"bench.{name}").main()
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_round(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("bench.round.TOO_SLOW", math.inf)
    told = outcome("round", ["--shapes", "tiny", *SMALL, "--updates", "3", "--repeats", "2"], monkeypatch, capsys)
    names = {"published procedure", "published procedure with corpus"}
    assert {f"{name}{said}" for name in names for said in ("", ", our teacher in bf16")} == told["ratios"]["updates3"].keys()
    assert all(ratio > 0 for ratios in told["ratios"].values() for ratio in ratios.values())
    assert 0 < told["bf16"]["kl"] < 1e-3
    assert len(told["turns"]) == 4


def test_round_where_bf16_is_too_slow_to_be_measured(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("bench.round.TOO_SLOW", 0.0)
    told = outcome("round", ["--shapes", "tiny", *SMALL, "--updates", "2", "--without-corpus"], monkeypatch, capsys)
    assert told["ratios"]["updates2"].keys() == {"published procedure"}
    assert told["bf16"]["time"] > 0


def test_decode(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    told = outcome("decode", ["--shapes", "tiny", *SMALL, "--repeats", "1"], monkeypatch, capsys)
    assert told["ratios"]["lockStepToCommonMask"] > 0
    assert told["teacherSteps"]["student alone"] == [0.0]


def test_products(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("bench.products.LAYERS", {"small": (8, 12)})
    (told,) = outcome("products", ["--rows", "3", "--repeats", "1"], monkeypatch, capsys)["products"]
    assert told["rows"] == 3
    assert all(value > 0 for value in told["ms"].values())


def test_gpu_in_the_form_that_a_cpu_can_run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--shapes", "tiny", "--device", "cpu", *SMALL, "--updates", "2", "--repeats", "1"]
    sides = outcome("gpu", options, monkeypatch, capsys)["shapes"]["tiny"]["sides"]
    assert all(side["secondsPerUpdate"] > 0 and side["error"] is None for side in sides.values())


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_one_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["bench.gpu"])
    assert importlib.import_module("bench.gpu").main() == 2
    told = capsys.readouterr()
    assert "finds no GPU here" in told.err
    assert told.out == ""


def test_head_computes_the_same_in_both_ways() -> None:
    chunked, dense = (head.measure(way, "tiny", 40, "cpu") for way in ("chunked", "dense"))
    for key in ("loss", "gradient", "gradientHidden"):
        assert chunked[key] == pytest.approx(dense[key], rel=1e-5)


@pytest.mark.long
def test_head(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    told = outcome("head", ["--shapes", "tiny", "--rows", "64", "256", "--repeats", "1"], monkeypatch, capsys)
    assert told["difference"] < 1e-4
    assert told["cases"].keys() == {"chunked64", "dense64", "chunked256", "dense256"}


def test_the_published_procedure_learns() -> None:
    """Passes over one rollout, at a rate at which it shows: the student comes nearer to the teacher."""
    side = Published(make_pair("tiny", "cpu", torch.float32), batch=4, prompt=5, new=6)
    for group in side.optimizer.param_groups:
        group["lr"] = 1e-2
    side.rollout()
    losses = [side.update() for _ in range(12)]
    assert all(math.isfinite(loss) for loss in losses)
    assert losses[-1] < losses[0]
