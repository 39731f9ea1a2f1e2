"""Checkpoints: a Hugging Face folder that anything can load, with `state/` beside it from which training goes on bit for bit.

Nothing here is pickled. A folder appears whole, by rename. Everything that a random draw or the data order depends on is a
function of seed, phase and step, so the state is small: the optimizer's moments, the rollouts in use, and a little JSON.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from minillm import lora
from minillm.language_model import aligned
from minillm.rundir import RunDir, read_json, write_json_whole

NAME = re.compile(r"step-(\d{8})-a(\d+)")
STATES = 2
"""How many of the newest checkpoints keep what resuming needs: if the newest is damaged, the one before serves."""


def checkpoint_name(step: int, attempt: int) -> str:
    return f"step-{step:08d}-a{attempt}"


@dataclass(frozen=True)
class Saved:
    name: str
    path: str
    """Relative to the run folder."""
    bytes: int
    seconds: float


@dataclass(frozen=True)
class State:
    """What a checkpoint says beyond its weights."""

    name: str
    folder: Path
    record: dict[str, Any]
    """`state/state.json`, as it was given to `save`."""
    optimizer: dict[str, Tensor]
    rollout: dict[str, Tensor]


def save(
    run: RunDir,
    name: str,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    record: dict[str, Any],
    optimizer: dict[str, Tensor],
    rollout: dict[str, Tensor],
) -> Saved:
    """Writes a checkpoint. Raises OSError (a full disk), and then nothing has appeared."""
    began = time.monotonic()
    run.checkpoints.mkdir(exist_ok=True)
    # A fixed name: what a killed trainer left behind is cleared by the next save.
    part = run.checkpoints / ".part"
    shutil.rmtree(part, ignore_errors=True)
    with lora.merged(model):
        model.save_pretrained(part)
    tokenizer.save_pretrained(part)
    state = part / "state"
    state.mkdir()
    write_json_whole(state / "state.json", record)
    lora.save(model, part)
    for file, tensors in (("optimizer", optimizer), ("rollout", rollout)):
        if tensors:
            save_file({key: value.contiguous() for key, value in tensors.items()}, state / f"{file}.safetensors")
    sizes = {str(path.relative_to(part)): path.stat().st_size for path in _files(part)}
    write_json_whole(state / "files.json", {"files": sizes})
    for path in _files(part):
        _sync(path)
    _sync(part)
    folder = run.checkpoints / name
    os.replace(part, folder)
    _sync(run.checkpoints)
    return Saved(name, str(folder.relative_to(run.path)), sum(sizes.values()), time.monotonic() - began)


def listed(run: RunDir) -> list[str]:
    """Names of the checkpoints that are there, newest first: by attempt, then by step."""
    if not run.checkpoints.is_dir():
        return []
    found = [(match, path.name) for path in run.checkpoints.iterdir() if (match := NAME.fullmatch(path.name)) and not path.is_symlink()]
    return [name for _, name in sorted(found, key=lambda item: (int(item[0][2]), int(item[0][1])), reverse=True)]


def kept(run: RunDir) -> list[str]:
    """Of those, oldest first, the ones that led to the newest. A later attempt that reached an earlier step discards what came after it;
    src/samples/branch.ts concludes alike."""
    way: list[str] = []
    for name in reversed(listed(run)):
        while way and way[-1][14:] != name[14:] and way[-1][:13] >= name[:13]:
            way.pop()
        way.append(name)
    return way


def candidates(run: RunDir) -> Iterator[tuple[str, State | str]]:
    """The checkpoints from which training can go on, newest first: each with its state, or with what is wrong with it."""
    for name in listed(run):
        if (run.checkpoints / name / "state").is_dir():
            try:
                yield name, load(run.checkpoints / name)
            except (OSError, ValueError, SafetensorError) as error:
                yield name, str(error)


def load(folder: Path) -> State:
    """Reads and checks a checkpoint's state. Raises OSError, ValueError or SafetensorError that says what is wrong."""
    record, files = read_json(folder / "state" / "state.json"), read_json(folder / "state" / "files.json")
    if record is None or files is None:
        raise ValueError("state.json or files.json is missing or damaged")
    if (damage := _damage(folder)) is not None:
        raise ValueError(damage)
    tensors = {
        part: load_file(folder / "state" / f"{part}.safetensors") if f"state/{part}.safetensors" in files["files"] else {}
        for part in ("optimizer", "rollout")
    }
    tensors = {part: {name: aligned(tensor) for name, tensor in found.items()} for part, found in tensors.items()}
    return State(folder.name, folder, record, tensors["optimizer"], tensors["rollout"])


def _damage(folder: Path) -> str | None:
    """What of a checkpoint's files is not there in full, by the list that was written with them; None for nothing."""
    files = (read_json(folder / "state" / "files.json") or {}).get("files")
    if not isinstance(files, dict) or "state/state.json" not in files:
        return "files.json is missing or damaged"
    for file, size in files.items():
        path = folder / file
        if not path.is_file():
            return f"{file} is missing"
        if path.stat().st_size != size:
            return f"{file} has {path.stat().st_size} bytes in place of {size}"
    return None


def _newest(run: RunDir, names: list[str], count: int) -> list[str]:
    """Of checkpoints from the newest on, so many that `count` of them are undamaged. One without a state is taken as it is."""
    for place, name in enumerate(names):
        folder = run.checkpoints / name
        count -= not (folder / "state").is_dir() or _damage(folder) is None
        if count <= 0:
            return names[: place + 1]
    return names


def prune(run: RunDir, keep: int | None, protected: set[str]) -> list[str]:
    """Deletes checkpoints beyond the newest `keep` (None: all stay), the protected and the pinned; returns their names.

    Takes the state out of all but the newest few. A damaged one counts for none: training could not go on from it. What a
    reader may hold open stays readable: files are unlinked, never changed.
    """
    names = listed(run)
    for name in names[len(_newest(run, names, STATES)) :]:
        state = run.checkpoints / name / "state"
        (state / "files.json").unlink(missing_ok=True)  # first: half a state is none
        shutil.rmtree(state, ignore_errors=True)
    for doomed in run.checkpoints.glob(".gone-*"):  # of a trainer that was killed at it
        shutil.rmtree(doomed, ignore_errors=True)
    if keep is None:
        return []
    pins = (read_json(run.path / "user.json") or {}).get("pins")
    kept = protected | set(_newest(run, names, keep)) | ({pin for pin in pins if isinstance(pin, str)} if isinstance(pins, list) else set())
    gone = [name for name in names if name not in kept]
    for name in gone:
        # Renamed first, so that no viewer lists half a checkpoint.
        doomed = run.checkpoints / f".gone-{name}"
        os.replace(run.checkpoints / name, doomed)
        shutil.rmtree(doomed, ignore_errors=True)
    return gone


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
