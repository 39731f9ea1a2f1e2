"""What every benchmark prints: under what conditions it ran, a table, and as its last line the same as JSON."""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from statistics import median
from typing import Any

import torch
import transformers

from minillm.processor import processor

Cell = str | float | int | None


def conditions(device: str = "cpu") -> dict[str, Any]:
    """Where and with what the numbers were made. `load` is the machine's, of the last minute, before the benchmark adds its own."""
    return {
        "device": device_name(device),
        "threads": torch.get_num_threads(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "python": platform.python_version(),
        "time": time.strftime("%Y-%m-%dT%H:%M:%S"),
    }


def device_name(device: str) -> str:
    """The name of a CPU or GPU as its maker gives it."""
    if device.startswith("cuda"):
        return torch.cuda.get_device_name(device)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{cores} cores of {processor()}"


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, smallest and largest of repeated measurements."""
    return {"median": round(median(values), 4), "min": round(min(values), 4), "max": round(max(values), 4)}


def heading(title: str, where: dict[str, Any]) -> None:
    print(title)
    print(", ".join(f"{key} {value}" for key, value in where.items()), flush=True)


def table(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """A Markdown table: the first column to the left, numbers to the right."""
    texts = [[_text(cell) for cell in row] for row in rows]
    widths = [max(map(len, (column, *(row[i] for row in texts)))) for i, column in enumerate(columns)]

    def line(cells: Sequence[str]) -> str:
        padded = [cells[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True))]
        return f"| {' | '.join(padded)} |"

    print(line(columns))
    print(f"|{'|'.join(['-' * (widths[0] + 2), *('-' * (width + 1) + ':' for width in widths[1:])])}|")
    for row in texts:
        print(line(row))
    sys.stdout.flush()


def conclude(record: dict[str, Any]) -> None:
    """The last line: everything that was measured, as JSON."""
    print(json.dumps(record, ensure_ascii=False), flush=True)


def tell(text: str) -> None:
    """A line about what is being done. On stderr: stdout belongs to results."""
    print(text, file=sys.stderr, flush=True)


def _text(cell: Cell) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, float):
        return f"{cell:.3g}" if abs(cell) < 100 else f"{cell:.0f}"
    return str(cell)
