"""Whether the files that a run reads are still what they were when it was launched. Standard library only."""

from __future__ import annotations

import hashlib
import os
from typing import Any

LARGEST_WHOLE = 1 << 30
"""Bytes. Larger files are known by their size and their two ends, as the launcher (src/launch/dataFiles.ts) wrote them down."""
END = 64 << 20
SLICE = 1 << 20


def changes_of(files: Any) -> list[str]:
    """One sentence for each file of run.json's `dataFiles` that has changed or is gone."""
    changes = []
    for was in files if isinstance(files, list) else []:
        if not (isinstance(was, dict) and isinstance(was.get("path"), str)):
            continue
        path = was["path"]
        try:
            size, digest = describe(path)
        except OSError as error:
            changes.append(f"{path} cannot be read any more ({error.strerror}).")
            continue
        if size != was.get("bytes"):
            changes.append(f"{path} had {was.get('bytes')} bytes and has {size}.")
        elif digest != was.get("sha256"):
            changes.append(f"{path} has other content of the same size.")
    return changes


def describe(path: str) -> tuple[int, str]:
    """Size and SHA-256. Raises OSError."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        for start, end in [(0, size)] if size <= LARGEST_WHOLE else [(0, END), (size - END, size)]:
            file.seek(start)
            left = end - start
            while left > 0 and (data := file.read(min(SLICE, left))):
                digest.update(data)
                left -= len(data)
    return size, digest.hexdigest()
