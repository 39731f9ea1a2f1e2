"""The head: peak memory and time of its loss, value and gradient, in chunks against a dense computation.

    python -P -m bench.head [--shapes qwen|tiny] [--rows 1024 4096] [--repeats N] [--device cpu|cuda] [--threads N]

Each case runs in a process of its own, so that its peak is its own. What is there before and stays afterwards is not counted, on either
side: the weights of both heads, the hidden states, and the gradient of the student's head (V×H), which any training has.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PretrainedConfig

from bench import report
from bench.memory import extra
from minillm.head import accumulate_loss
from minillm.language_model import LanguageModel

SHAPES = {"qwen": (151_936, 896, 3584), "gpt2": (50_257, 768, 1024), "tiny": (1_000, 16, 32)}
"""Vocabulary, hidden width of the student and of the teacher."""
MB = 1e6


class HeadOnly(nn.Module):
    """A language model without a body."""

    def __init__(self, vocabulary: int, width: int) -> None:
        super().__init__()
        self.config = PretrainedConfig()
        self.body = nn.Identity()
        self.head = nn.Linear(width, vocabulary, bias=False)
        nn.init.uniform_(self.head.weight, -2 * width**-0.5, 2 * width**-0.5)

    def get_decoder(self) -> nn.Module:
        return self.body

    def get_output_embeddings(self) -> nn.Module:
        return self.head


class Case:
    """Hidden states, tokens and advantages of some rows, and the loss K_t − A_t·log q(y_t) in two ways."""

    def __init__(self, shapes: str, rows: int, device: str) -> None:
        torch.manual_seed(0)
        vocabulary, width, width_teacher = SHAPES[shapes]
        self.student = LanguageModel(HeadOnly(vocabulary, width).to(device))
        self.teacher = LanguageModel(HeadOnly(vocabulary, width_teacher).to(device).requires_grad_(False))
        weight = self.student.head.weight
        weight.grad = torch.zeros_like(weight)
        self.hidden = torch.randn(rows, width, device=device, requires_grad=True)
        self.hidden.grad = torch.zeros_like(self.hidden)
        self.hidden_teacher = torch.randn(rows, width_teacher, device=device)
        self.tokens = torch.randint(vocabulary, (rows,), device=device)
        self.advantages = torch.randn(rows, device=device)

    def chunked(self, rows: int) -> float:
        def loss(terms: Any, at: slice) -> Tensor:
            return (terms.kl - self.advantages[:rows][at] * terms.logp_student) / rows

        value, _ = accumulate_loss(
            self.student, self.hidden[:rows], self.tokens[:rows], loss, teacher=self.teacher, hidden_teacher=self.hidden_teacher[:rows]
        )
        return value.item()

    def dense(self, rows: int) -> float:
        logq = F.linear(self.hidden[:rows], self.student.head.weight).log_softmax(-1)
        with torch.no_grad():
            logp = F.linear(self.hidden_teacher[:rows], self.teacher.head.weight).log_softmax(-1)
        kl = (logq.exp() * (logq - logp)).sum(-1)
        picked = logq.gather(-1, self.tokens[:rows, None])[:, 0]
        value = ((kl - self.advantages[:rows] * picked) / rows).sum()
        value.backward()
        return value.item()


def measure(way: str, shapes: str, rows: int, device: str) -> dict[str, float]:
    """One case in this process."""
    case = Case(shapes, rows, device)
    work = case.chunked if way == "chunked" else case.dense
    work(min(8, rows))  # what is loaded and set up at the first call is no part of the work
    weight = case.student.head.weight
    assert weight.grad is not None
    assert case.hidden.grad is not None
    weight.grad.zero_()
    case.hidden.grad.zero_()
    out: dict[str, float] = {}

    def timed() -> None:
        wall, cpu = time.perf_counter(), time.process_time()
        out["loss"] = work(rows)
        if device.startswith("cuda"):
            torch.cuda.synchronize(device)
        out["seconds"], out["cpuSeconds"] = time.perf_counter() - wall, time.process_time() - cpu

    out["megabytes"] = extra(timed, device) / MB
    out["gradient"], out["gradientHidden"] = weight.grad.norm().item(), case.hidden.grad.norm().item()
    return out


def child(way: str, rows: int, options: argparse.Namespace) -> dict[str, float] | None:
    """The same in a process of its own; None when it was killed, for lack of memory."""
    command = [
        sys.executable, "-P", "-m", "bench.head", "--one", way, "--rows", str(rows), "--shapes", options.shapes, "--device", options.device,
        "--threads", str(options.threads),
    ]  # fmt: skip
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, env=env)
    if done.returncode < 0:
        return None
    done.check_returncode()
    found = json.loads(done.stdout.splitlines()[-1])
    report.tell(f"{way}, {rows} rows: {found['megabytes']:.0f} MB, {found['cpuSeconds']:.1f} CPU-s")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.head")
    parser.add_argument("--shapes", choices=SHAPES, default="qwen")
    parser.add_argument("--rows", type=int, nargs="+", default=[1024, 4096])
    parser.add_argument("--repeats", type=int, default=2, help="of the smallest number of rows; the others run once")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--one", choices=["chunked", "dense"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.one:
        print(json.dumps(measure(options.one, options.shapes, options.rows[0], options.device)))
        return
    vocabulary, width, width_teacher = SHAPES[options.shapes]
    where = report.conditions(options.device)
    report.heading(f"Loss at the head, value and gradient: V {vocabulary:,}, hidden {width} and {width_teacher}, fp32", where)
    found: dict[tuple[str, int], list[dict[str, float] | None]] = {}
    for rows in options.rows:
        for _ in range(options.repeats if rows == min(options.rows) else 1):
            for way in ("chunked", "dense"):
                found.setdefault((way, rows), []).append(child(way, rows, options))
    results = {key: [one for one in ones if one is not None] for key, ones in found.items()}
    rows_of_table, record = [], {}
    for rows in options.rows:
        for way in ("chunked", "dense"):
            ones = results[way, rows]
            if not ones:
                rows_of_table.append([f"{way}, {rows} rows", *[None] * 5])
                continue
            memory, cpu, wall = (report.spread([one[key] for one in ones]) for key in ("megabytes", "cpuSeconds", "seconds"))
            dense = results["dense", rows]
            ratios = [report.spread([one[key] for one in dense])["median"] for key in ("megabytes", "cpuSeconds")] if dense else []
            shares = [memory["median"] / ratios[0], cpu["median"] / ratios[1]] if ratios else [None, None]
            rows_of_table.append([f"{way}, {rows} rows", round(memory["median"]), cpu["median"], wall["median"], *shares])
            record[f"{way}{rows}"] = {
                "megabytes": memory,
                "cpuSeconds": cpu,
                "seconds": wall,
                "memoryRatio": shares[0],
                "timeRatio": shares[1],
            }
    report.table(["case", "peak MB", "CPU-s", "s", "memory / dense", "CPU time / dense"], rows_of_table)
    least, most = min(options.rows), max(options.rows)
    growth = None
    if results["chunked", least] and results["chunked", most]:
        growth = record[f"chunked{most}"]["megabytes"]["median"] / record[f"chunked{least}"]["megabytes"]["median"]
        print(f"from {least} to {most} rows the chunked peak grows by a factor of {growth:.3f}")
    differences = [
        abs(ours[key] / theirs[key] - 1) for rows in options.rows for key in ("loss", "gradient", "gradientHidden")
        for ours, theirs in zip(results["chunked", rows], results["dense", rows], strict=False)
    ]  # fmt: skip
    print(f"loss and gradient norms differ by at most {max(differences, default=0):.1e}, relatively")
    report.conclude(
        {
            "benchmark": "head",
            **where,
            "shapes": options.shapes,
            "growth": growth,
            "difference": max(differences, default=None),
            "cases": record,
        }
    )


if __name__ == "__main__":
    main()
