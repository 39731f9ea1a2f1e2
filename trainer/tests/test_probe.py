"""What an interpreter has: said in words, and never a failure."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from minillm import probe
from minillm.contract import Probe

TRAINER = Path(__file__).resolve().parents[1]


def test_this_interpreter() -> None:
    done = subprocess.run([sys.executable, "-m", "minillm", "probe"], cwd=TRAINER, capture_output=True, text=True, check=True, timeout=60)
    found = Probe.model_validate(json.loads(done.stdout))
    assert os.path.normpath(found.executable) == os.path.normpath(sys.executable)
    assert found.missing == []
    assert found.devices[-1] == "cpu"
    assert {"torch", "transformers", "safetensors", "pydantic"} <= set(found.packages)


def test_an_interpreter_without_packages() -> None:
    command = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(TRAINER)!r}); sys.argv = ['minillm', 'probe']; "
               "import runpy; runpy.run_module('minillm', run_name='__main__')"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
    found = json.loads(done.stdout)
    assert found["missing"] == ["torch>=2.6", "transformers>=5.0", "safetensors>=0.5", "pydantic>=2.11"]
    assert (found["packages"], found["devices"], found["problems"]) == ({}, [], [])


def test_a_package_that_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    versions = {"torch": "2.6.0+cu124", "transformers": "4.57.1", "pydantic": "2.11.0rc1", "safetensors": "0.10"}
    monkeypatch.setattr(probe.importlib.metadata, "version", lambda name: versions[name])
    found = probe.probe()
    assert found["missing"] == ["transformers>=5.0"]
    assert "transformers 4.57.1 is too old: 5.0 or newer is needed." in found["problems"]


def torch_that(**parts: Any) -> SimpleNamespace:
    absent = SimpleNamespace(is_available=lambda: False)
    usual = {"cuda": absent, "version": SimpleNamespace(cuda="12.8"), "backends": SimpleNamespace(mps=absent)}
    return SimpleNamespace(**(usual | parts))


def look(monkeypatch: pytest.MonkeyPatch, torch: Any) -> dict[str, Any]:
    def load(name: str) -> Any:
        assert name == "torch"
        if isinstance(torch, BaseException):
            raise torch
        return torch

    monkeypatch.setattr(probe.importlib, "import_module", load)
    monkeypatch.setattr(probe, "_has_nvidia_driver", lambda: True)
    return probe.probe()


def test_a_torch_that_cannot_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    found = look(monkeypatch, OSError("libcudart.so.12: cannot open shared object file\nmore"))
    assert found["devices"] == []
    (problem,) = found["problems"]
    assert problem.startswith("torch 2.")
    assert problem.endswith("cannot be imported (libcudart.so.12: cannot open shared object file): install it again.")


def test_a_driver_that_is_too_old_for_this_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    def init() -> None:
        raise RuntimeError("The NVIDIA driver on your system is too old (found version 11040).")

    found = look(monkeypatch, torch_that(cuda=SimpleNamespace(is_available=lambda: False, init=init)))
    assert found["devices"] == ["cpu"]
    (problem,) = found["problems"]
    assert "(CUDA 12.8) cannot use it: The NVIDIA driver on your system is too old (found version 11040). Update the driver" in problem


def test_devices_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    card = SimpleNamespace(name="NVIDIA H100", total_memory=80 << 30)
    cuda = SimpleNamespace(is_available=lambda: True, device_count=lambda: 2, get_device_properties=lambda index: card)
    found = look(monkeypatch, torch_that(cuda=cuda))
    assert found["devices"] == ["cuda: NVIDIA H100, 80 GiB", "cuda: NVIDIA H100, 80 GiB", "cpu"]
    assert found["problems"] == []
