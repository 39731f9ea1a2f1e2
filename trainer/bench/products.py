"""Wide products in fp32 on a CPU: torch's own library against oneDNN, which `minillm.products` chooses on AMD processors.

    python -P -m bench.products [--rows 16,64,512,2048] [--repeats 15]

The layers are those of GPT-2, GPT-2 medium, and a small model for which nothing is to be gained. Both ways compute the same; the times are
medians, each repeat of both in turn.
"""

from __future__ import annotations

import argparse
from statistics import median
from typing import Any

import torch
import torch.nn.functional as F

from bench import report
from bench.clock import took
from minillm import products

LAYERS = {"narrow": (256, 1024), "768 to 768": (768, 768), "768 to 3072": (768, 3072), "1024 to 4096": (1024, 4096), "head": (768, 50_257)}
"""Name: inputs and outputs."""


def measure(wide: int, out: int, rows: int, repeats: int) -> dict[str, float]:
    """Milliseconds of each way, forward and for the gradient at the input."""
    x, weight, bias, upstream = torch.randn(rows, wide), torch.randn(out, wide), torch.randn(out), torch.randn(rows, out)
    ways = {
        "torch": lambda: F.linear(x, weight, bias),
        "oneDNN": lambda: products.by_onednn(x, weight, bias),
        "torch, gradient": lambda: upstream @ weight,
        "oneDNN, gradient": lambda: products.by_onednn(upstream, weight.t(), None),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats + 1):
        for name, way in ways.items():
            times[name].append(1000 * took(way).wall)
    return {name: median(values[1:]) for name, values in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.products")
    parser.add_argument("--rows", default="16,64,512,2048")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    where = report.conditions()
    chosen = "oneDNN" if products.onednn_is_faster() else "torch's own library"
    report.heading(f"Products in fp32; on this processor the trainer takes {chosen} for wide ones", where)
    cells, found = list[list[Any]](), list[dict[str, Any]]()
    for layer, (wide, out) in LAYERS.items():
        for rows in map(int, options.rows.split(",")):
            ms = measure(wide, out, rows, options.repeats)
            ratios = ms["torch"] / ms["oneDNN"], ms["torch, gradient"] / ms["oneDNN, gradient"]
            speed = 2e-6 * rows * wide * out / ms["oneDNN"]
            cells.append([layer, rows, ms["torch"], ms["oneDNN"], ratios[0], ratios[1], speed])
            found.append({"layer": layer, "rows": rows, "ms": {name: round(value, 4) for name, value in ms.items()}})
    report.table(["layer", "rows", "torch, ms", "oneDNN, ms", "torch / oneDNN", "gradient, torch / oneDNN", "oneDNN, GFLOP/s"], cells)
    report.conclude({"benchmark": "products", **where, "chosen": products.onednn_is_faster(), "products": found})


if __name__ == "__main__":
    main()
