"""`minillm probe`: what an interpreter has. Standard library only, until it looks for what is to be looked for.

It never fails because of what it finds: everything that is amiss becomes a sentence.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import platform
import re
import sys
from typing import Any

OLDEST, NEWEST = (3, 11), (3, 14)
"""Python versions that the trainer is known to run on: both included."""
REQUIRED = {"torch": (2, 6), "transformers": (5, 0), "safetensors": (0, 5), "pydantic": (2, 11)}
"""Oldest version of each package that the trainer needs; the same as in pyproject.toml."""
ALSO_SHOWN = ("tokenizers", "huggingface_hub", "numpy")


def probe() -> dict[str, Any]:
    """A `contract.Probe`, as a record."""
    found: dict[str, Any] = {
        "pythonVersion": platform.python_version(), "executable": sys.executable,
        "packages": {}, "missing": [], "problems": [], "devices": [],
    }  # fmt: skip
    _check_python(found["problems"])
    for name in (*REQUIRED, *ALSO_SHOWN):
        _check_package(name, found)
    if "torch" in found["packages"]:
        _look_at_devices(found)
    return found


def _check_python(problems: list[str]) -> None:
    version = sys.version_info[:2]
    allowed = f"{OLDEST[0]}.{OLDEST[1]} to {NEWEST[0]}.{NEWEST[1]}"
    if version < OLDEST:
        problems.append(f"Python {platform.python_version()} is too old: {allowed} are supported.")
    elif version > NEWEST:
        problems.append(f"Python {platform.python_version()} is newer than those this was made for ({allowed}): packages may lack it.")
    if sys.maxsize <= 2**32:
        problems.append("This is a 32-bit Python, for which there is no torch: use a 64-bit one.")


def _check_package(name: str, found: dict[str, Any]) -> None:
    """Its version, from its metadata: nothing is imported, which for some takes seconds."""
    least = REQUIRED.get(name)
    wanted = name if least is None else f"{name}>={'.'.join(map(str, least))}"
    try:
        version = importlib.metadata.version(name)
    except Exception:  # a broken installation raises all sorts
        version = None
    if not isinstance(version, str):
        if least is not None:
            found["missing"].append(wanted)
        return
    found["packages"][name] = version
    if least is not None and _numbers(version) < least:
        found["missing"].append(wanted)
        found["problems"].append(f"{name} {version} is too old: {'.'.join(map(str, least))} or newer is needed.")


def _numbers(version: str) -> tuple[int, ...]:
    match = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(part) for part in match[0].split(".")) if match else ()


def _look_at_devices(found: dict[str, Any]) -> None:
    try:
        torch: Any = importlib.import_module("torch")
    except BaseException as error:  # native libraries that do not load raise all sorts
        found["problems"].append(f"torch {found['packages']['torch']} cannot be imported ({_line(error)}): install it again.")
        return
    try:
        _look_for_cuda(torch, found)
    except Exception as error:
        found["problems"].append(f"torch cannot look for GPUs ({_line(error)}): training on the CPU works.")
    try:
        if torch.backends.mps.is_available():
            found["devices"].append("mps")
    except Exception as error:
        found["problems"].append(f"torch cannot look for an Apple GPU ({_line(error)}): training on the CPU works.")
    found["devices"].append("cpu")


def _look_for_cuda(torch: Any, found: dict[str, Any]) -> None:
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            device = torch.cuda.get_device_properties(index)
            found["devices"].append(f"cuda: {device.name}, {device.total_memory / 2**30:.0f} GiB")
        return
    if torch.version.cuda is None or not _has_nvidia_driver():
        return
    # torch is built for CUDA and a driver is there, yet they do not come together: say why.
    try:
        torch.cuda.init()
    except Exception as error:
        found["problems"].append(
            f"There is an NVIDIA GPU, but torch {found['packages']['torch']} (CUDA {torch.version.cuda}) cannot use it: {_line(error)} "
            "Update the driver, or install a torch that is built for its CUDA version."
        )


def _has_nvidia_driver() -> bool:
    return any(os.path.exists(path) for path in ("/proc/driver/nvidia/version", "/dev/nvidiactl", "/dev/dxg"))


def _line(error: BaseException) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
