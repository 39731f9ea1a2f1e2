"""A round on a GPU: decoding against the bandwidth bound, seconds per update against the published procedure and TRL, peak memory.

    python -P -m bench.gpu [--shapes gpt2-xl qwen2.5-7b] [--batch 16] [--prompt 256] [--new 256] [--updates 4] [--repeats 2] [--device cuda]

Weights are random, products in bf16, the student's own weights in fp32. No row ends before its last token: CUDA graphs are recorded once a
round here, and anew where rows leave, which this does not show. Without a GPU: exit code 2. `--shapes tiny --device cpu` goes
through the same on a CPU, in seconds.

The bound of a decoding step is the time to read what it must: the weights of both models and their caches (mean context), at the
bandwidth that copying reaches on the device. Under a common mask the teacher is read once in 1/α steps.
"""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

import torch

from bench import report, trl_step
from bench.clock import took
from bench.ours import Ours
from bench.published import ALPHA, Published
from bench.shapes import SHAPES, make_pair
from bench.trl_step import TrlStep
from minillm import recordable
from minillm.language_model import LanguageModel

GB = 1e9


@dataclass
class Measured:
    """What a side's parts took, in seconds, and its largest memory beyond the models that all share."""

    parts: dict[str, list[float]]
    gigabytes: float | None
    reserved: float | None
    """What the allocator held: what CUDA graphs work in is allocated to nobody between two replays."""
    error: str | None = None

    def middle(self, part: str) -> float | None:
        return median(self.parts[part]) if self.parts.get(part) else None


class Bench:
    def __init__(self, shapes: str, options: argparse.Namespace) -> None:
        self.options, self.device = options, options.device
        self.dtype = torch.float32 if options.device == "cpu" else torch.bfloat16
        self.pair = make_pair(shapes, self.device, self.dtype)
        self.size = {"batch": options.batch, "prompt": options.prompt, "new": options.new}

    def measure(self, name: str, side: Callable[[], dict[str, Callable[[], object]]], repeats: int) -> Measured:
        """Runs the parts of a side in turn, once for warmth and then `repeats` times. A side that runs out of memory says so."""
        report.tell(name)
        parts: dict[str, list[float]] = {}
        error = None
        try:
            work = side()
            for repeat in range(repeats + 1):
                if repeat == 1 and self.device != "cpu":
                    torch.cuda.reset_peak_memory_stats(self.device)
                for part, call in work.items():
                    now = took(call, self.device).wall
                    if repeat:
                        parts.setdefault(part, []).append(now)
            work.clear()
        except torch.OutOfMemoryError:
            error = "out of memory"
        cuda = self.device != "cpu"
        peak = torch.cuda.max_memory_allocated(self.device) / GB if cuda else None
        reserved = torch.cuda.max_memory_reserved(self.device) / GB if cuda else None
        gc.collect()
        if self.device != "cpu":
            torch.cuda.empty_cache()
        return Measured(parts, peak, reserved, error)

    def ours(self, method: str, *, graphs: bool = False, **settings: Any) -> dict[str, Callable[[], object]]:
        """The first update of a round samples; the others do not. `rollout` is told by the phase, so only steps are timed here."""
        pair = self.pair.loaded
        pair.student.recorded = pair.teacher.recorded = False
        if graphs:
            report.tell(recordable.allow(pair.student, pair.teacher))
        updates = self.options.updates if method == "minillm" else 1
        side = Ours(self.pair, method, updates=updates, rounds=self.options.repeats + 2, **self.size, **settings)
        if updates == 1:
            return {"first": side.step}
        return {"first": side.step, "others": lambda: [side.step() for _ in range(updates - 1)]}

    def published(self) -> dict[str, Callable[[], object]]:
        side = Published(self.pair, **self.size)
        return {"rollout": side.rollout, "update": side.update}

    def trl(self) -> dict[str, Callable[[], object]]:
        return {"step": TrlStep(self.pair, **self.size).step}

    def bandwidth(self) -> float:
        """Bytes a second that copying a large tensor reads and writes."""
        one = torch.empty((1 << 22) if self.device == "cpu" else (1 << 28), dtype=torch.float32, device=self.device)
        other = torch.empty_like(one)
        other.copy_(one)
        return 2 * one.numel() * 4 / median(took(lambda: other.copy_(one), self.device).wall for _ in range(5))

    def bounds(self) -> dict[str, float]:
        """Seconds that decoding a rollout takes at least, in lock step and under a common mask."""
        context = self.options.prompt + self.options.new / 2
        speed = self.bandwidth()
        student, teacher = (
            (weights(model) + self.options.batch * context * cache(model)) / speed for model in (self.pair.student, self.pair.teacher)
        )
        return {"lockStep": (student + teacher) * self.options.new, "commonMask": (student + ALPHA * teacher) * self.options.new}


def weights(model: LanguageModel) -> float:
    """Bytes of the weights that a decoding step reads: all, less an embedding that is not also the head."""
    count = sum(parameter.numel() for parameter in model.model.parameters())
    if not model.model.config.tie_word_embeddings:
        count -= model.head.weight.numel()
    return count * model.dtype.itemsize


def cache(model: LanguageModel) -> float:
    """Bytes of keys and values per token."""
    config = model.model.config
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return 2 * config.num_hidden_layers * heads * width * model.dtype.itemsize


def run(shapes: str, options: argparse.Namespace) -> dict[str, Any]:
    """All sides at one pair of shapes: prints tables, returns what was measured."""
    bench = Bench(shapes, options)
    updates, tokens = options.updates, options.batch * options.new
    found = {
        name: bench.measure(name, side, options.repeats)
        for name, side in {
            "minillm, common mask": lambda: bench.ours("minillm"),
            "minillm, lock step": lambda: bench.ours("minillm", objective={"sampling": "lockStep"}),
            "minillm, common mask, CUDA graphs": lambda: bench.ours("minillm", graphs=True),
            "minillm, lock step, CUDA graphs": lambda: bench.ours("minillm", graphs=True, objective={"sampling": "lockStep"}),
            "gkd": lambda: bench.ours("gkd", onPolicyShare=1.0, beta=1.0),
            "published procedure": bench.published,
            **({"TRL": bench.trl} if trl_step.version() else {}),
        }.items()
    }
    bounds = bench.bounds()
    rows, record = [], {}
    for name, measured in found.items():
        rollout, update, per_update = costs(measured, updates)
        bound = bounds["commonMask" if "common" in name else "lockStep"] if "minillm" in name else None
        share = bound / rollout if bound and rollout else None
        rows.append(
            [
                name,
                rollout,
                tokens / rollout if rollout else None,
                share,
                update,
                per_update,
                measured.gigabytes,
                measured.reserved,
                measured.error,
            ]
        )
        record[name] = {
            "rolloutSeconds": rollout, "tokensPerSecond": tokens / rollout if rollout else None, "ofBandwidthBound": share,
            "updateSeconds": update, "secondsPerUpdate": per_update, "peakGigabytes": measured.gigabytes,
            "reservedGigabytes": measured.reserved, "error": measured.error,
        }  # fmt: skip
    print(f"\n{shapes}: batch {options.batch}, {options.prompt}+{options.new} tokens, {updates} updates a rollout (TRL and gkd: 1)")
    report.table(["trainer", "rollout s", "tokens/s", "of bound", "update s", "s per update", "peak GB", "reserved GB", "error"], rows)
    ours, theirs = record["minillm, common mask"]["secondsPerUpdate"], {}
    for rival in ("published procedure", "TRL"):
        if ours and record.get(rival, {}).get("secondsPerUpdate"):
            theirs[rival] = round(record[rival]["secondsPerUpdate"] / ours, 3)
    print(f"times ours, per update: {theirs}")
    return {"sides": record, "boundSeconds": bounds, "ratios": theirs}


def costs(measured: Measured, updates: int) -> tuple[float | None, float | None, float | None]:
    """Seconds of a rollout, of an update, and of an update with its share of the rollout, as far as they were measured."""
    if (step := measured.middle("step")) is not None:
        return None, None, step
    if (first := measured.middle("first")) is not None:
        others = measured.middle("others")
        if others is None:
            return None, None, first
        update = others / (updates - 1)
        return first - update, update, (first + others) / updates
    rollout, update = measured.middle("rollout"), measured.middle("update")
    return rollout, update, None if rollout is None or update is None else rollout / updates + update


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.gpu")
    parser.add_argument("--shapes", choices=SHAPES, nargs="+", default=["gpt2-xl", "qwen2.5-7b"])
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--prompt", type=int, default=256)
    parser.add_argument("--new", type=int, default=256)
    parser.add_argument("--updates", type=int, default=4, help="per rollout, 2 or more")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--device", default="cuda")
    options = parser.parse_args()
    if options.device != "cpu" and not torch.cuda.is_available():
        print(
            f"torch {torch.__version__} finds no GPU here, so there is nothing to measure; "
            "run this on a machine with one, or with --shapes tiny --device cpu to see that it works.",
            file=sys.stderr,
        )
        return 2
    where = report.conditions(options.device)
    report.heading(f"A round on a GPU; {f'TRL {trl_step.version()}' if trl_step.version() else 'TRL is not installed here'}", where)
    setting = {"batch": options.batch, "prompt": options.prompt, "new": options.new, "updates": options.updates, "trl": trl_step.version()}
    report.conclude({"benchmark": "gpu", **where, **setting, "shapes": {shapes: run(shapes, options) for shapes in options.shapes}})
    return 0


if __name__ == "__main__":
    sys.exit(main())
