"""Whether the files that a run reads are still what they were when it was launched. Standard library only."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from typing import Any

LARGEST_WHOLE = 1 << 30
"""Bytes. Larger files are known by their size and their two ends, as the launcher (src/launch/dataFiles.ts) wrote them down."""
END = 64 << 20
SLICE = 1 << 20
LARGEST_WHOLE_MODEL, SLICES, SLICE_OF_MODEL = 16 << 20, 64, 64 << 10
"""Of larger files of a model that many slices of so many bytes are looked at, as the launcher (src/launch/modelFiles.ts) does."""


def changes_of_run(record: dict[str, Any]) -> list[str]:
    """One sentence for each file of a run.json, of data or of a local model, that is not what it was at the launch."""
    return changes_of(record.get("dataFiles")) + changes_of(record.get("modelFiles"), of_model=True)


def changes_of(files: Any, *, of_model: bool = False) -> list[str]:
    """One sentence for each file of run.json's `dataFiles` (or `modelFiles`) that has changed or is gone."""
    changes = []
    for was in files if isinstance(files, list) else []:
        if not (isinstance(was, dict) and isinstance(was.get("path"), str)):
            continue
        path = was["path"]
        try:
            size, digest = describe(path, of_model=of_model)
        except OSError as error:
            changes.append(f"{path} cannot be read any more ({error.strerror}).")
            continue
        if size != was.get("bytes"):
            changes.append(f"{path} had {was.get('bytes')} bytes and has {size}.")
        elif digest != was.get("sha256"):
            changes.append(f"{path} has other content of the same size.")
    return changes


def describe(path: str, *, of_model: bool = False) -> tuple[int, str]:
    """Size and SHA-256, of a large file from parts of it. Raises OSError."""
    digest = hashlib.sha256()
    with open(path, "rb", opener=_no_waiting) as file:
        info = os.fstat(file.fileno())
        if not stat.S_ISREG(info.st_mode):
            raise OSError(errno.EINVAL, "not a file")
        size = info.st_size
        for start, end in _slices(size) if of_model else _ends(size):
            file.seek(start)
            left = end - start
            while left > 0 and (data := file.read(min(SLICE, left))):
                digest.update(data)
                left -= len(data)
    return size, digest.hexdigest()


def _no_waiting(path: str, flags: int) -> int:
    """A record may name anything: to open a pipe must not mean to wait for somebody who writes into it."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)


def _ends(size: int) -> list[tuple[int, int]]:
    return [(0, size)] if size <= LARGEST_WHOLE else [(0, END), (size - END, size)]


def _slices(size: int) -> list[tuple[int, int]]:
    if size <= LARGEST_WHOLE_MODEL:
        return [(0, size)]
    starts = [place * (size - SLICE_OF_MODEL) // (SLICES - 1) for place in range(SLICES)]
    return [(start, start + SLICE_OF_MODEL) for start in starts]
