"""A round at real shapes with random weights: CPU-seconds per optimiser update, against the published procedure and TRL's GKDTrainer.

    python -P -m bench.round [--shapes gpt2-medium|tiny|…] [--batch 16] [--prompt 64] [--new 64] [--updates 4] [--repeats 1]

A round samples `batch` responses and passes over them `updates` times, one update each. Of the published procedure and of `minillm` the
costs at fewer updates follow from the same measurements: a round is one rollout and its updates. TRL samples anew for each update.

Where the teacher is in fp32, our side is measured a second time with the copy of it in bf16 that `teacher.precision` lets read.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from statistics import median
from typing import Any

import torch

from bench import report, trl_step
from bench.cheaper_teacher import CheaperTeacher
from bench.clock import Took, took
from bench.ours import Ours
from bench.published import Published
from bench.shapes import SHAPES, Pair, make_pair
from bench.trl_step import TrlStep

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
IN_BF16 = " (teacher in bf16)"
"""Behind the names of our sides whose teacher reads in bf16."""
AGAINST = {"": "", IN_BF16: ", our teacher in bf16"}
"""What a ratio is called, by the side of ours that it is against."""
TOO_SLOW = 4.0
"""Times of a pass in fp32 that one in bf16 may take: on a processor that has to imitate it, a round would take an hour to show no more."""


class Sides:
    """The trainers that are compared, and what their parts took in seconds."""

    def __init__(self, pair: Pair, options: argparse.Namespace) -> None:
        size = {"batch": options.batch, "prompt": options.prompt, "new": options.new}
        self.updates = options.updates
        self.times: dict[str, list[Took]] = {}
        self.turns: list[float] = []
        """Of each of our rollouts, the share of steps that were the teacher's: chance, about α, and it makes a rollout dear or cheap."""
        self.cheaper = None
        if not options.without_bf16 and options.teacher_dtype != "bf16":
            self.cheaper = CheaperTeacher.of(pair, prompt=options.prompt, new=options.new)
        self.ours: dict[str, dict[str, Ours]] = {}
        """By the precision that the teacher reads in (a suffix), then by method."""
        for suffix in [""] if self.cheaper is None or self.cheaper.share > TOO_SLOW else [*AGAINST]:
            common: dict[str, Any] = size | {"reader": self.cheaper.reader if self.cheaper is not None and suffix else None}
            made = {"minillm": Ours(pair, "minillm", updates=options.updates, **common)}
            if not options.without_corpus:
                made["minillm with corpus"] = Ours(pair, "minillm", updates=options.updates, corpus=True, **common)
            self.ours[suffix] = made | {"gkd": Ours(pair, "gkd", onPolicyShare=1.0, beta=1.0, **common)}
        self.published = {"published procedure": Published(pair, **size)}
        if not options.without_corpus:
            self.published["published procedure with corpus"] = Published(pair, corpus=True, **size)
        self.trl = TrlStep(pair, **size) if trl_step.version() and not options.without_trl else None

    def time(self, name: str, work: Callable[[], object]) -> None:
        took_now = took(work)
        report.tell(f"{name}: {took_now.wall:.2f} s, {took_now.cpu:.2f} CPU-s")
        self.times.setdefault(name, []).append(took_now)

    def measure(self) -> None:
        """One round of each side. Parts: `… rollout` and `… update`; `… step` where both are one."""
        for suffix, sides in self.ours.items():
            self.measure_ours(sides, suffix)
        if self.trl is not None:
            self.time("TRL step", self.trl.step)
        for name, side in self.published.items():
            if name.endswith("corpus"):
                side.record = self.published["published procedure"].record
            else:
                self.time(f"{name} rollout", side.rollout)
            self.time(f"{name} update", side.update)

    def measure_ours(self, sides: dict[str, Ours], suffix: str) -> None:
        for name, side in sides.items():
            if name == "gkd":
                self.time(f"gkd{suffix} step", side.step)
            elif name.endswith("corpus"):  # its rollout is the same
                side.take_rollout(sides["minillm"])
                self.time(f"{name}{suffix} update", side.step)
            else:
                told = len(side.rollouts)
                side.n = -(-side.n // self.updates) * self.updates  # a new round
                self.time(f"{name}{suffix} first update", side.step)  # with its rollout
                self.time(f"{name}{suffix} update", side.step)  # the others are alike
                self.turns.append(side.rollouts[told]["share/teacher"])
                first, update = (median_of(self.times[f"{name}{suffix} {part}"]) for part in ("first update", "update"))
                self.times[f"{name}{suffix} rollout"] = [Took(first.wall - update.wall, first.cpu - update.cpu)]
            side.rest()


def median_of(times: list[Took]) -> Took:
    return Took(median(one.wall for one in times), median(one.cpu for one in times))


def per_update(times: dict[str, list[Took]], updates: int) -> dict[str, float]:
    """CPU-seconds per update of each side, at so many updates a rollout."""
    middle = {name: median_of(values).cpu for name, values in times.items() if not name.endswith("first update")}
    found = {}
    for name, update in middle.items():
        side = name.removesuffix(" update")
        if side != name:
            rollout = middle[f"{side.replace(' with corpus', '')} rollout"]
            found[side] = rollout / updates + update
        elif name.endswith(" step"):
            found[name.removesuffix(" step")] = update
    return found


def compare(times: dict[str, list[Took]], updates: int) -> tuple[list[list[Any]], dict[str, dict[str, float]]]:
    """Rows of a table, and how many times our CPU-seconds each rival takes, at `updates` a rollout and at 1."""
    rows, ratios = [], {}
    for count in sorted({updates, 1}, reverse=True):
        found = per_update(times, count)
        against = {f"{name}{said}": value for suffix, said in AGAINST.items() for name, value in times_ours(found, suffix).items()}
        for side, value in found.items():
            ours = "minillm with corpus" if "with corpus" in side else "minillm"
            rows.append([side, count, value, value / found[ours]])
        ratios[f"updates{count}"] = {name: round(ratio, 3) for name, ratio in against.items()}
    return rows, ratios


def times_ours(found: dict[str, float], suffix: str) -> dict[str, float]:
    """How many times our CPU-seconds each rival takes, with our teacher as `suffix` says; nothing where that was not measured."""
    pairs = {
        "published procedure": ("published procedure", "minillm"),
        "published procedure with corpus": ("published procedure with corpus", "minillm with corpus"),
        "TRL": ("TRL", "minillm"), "TRL (against our gkd)": ("TRL", "gkd"),
    }  # fmt: skip
    return {
        name: found[rival] / found[f"{ours}{suffix}"]
        for name, (rival, ours) in pairs.items()
        if rival in found and f"{ours}{suffix}" in found
    }


def tell_of(cheaper: CheaperTeacher, *, measured: bool) -> str:
    shift = cheaper.shift
    return (
        f"the teacher in bf16: a pass takes {cheaper.share:.2f} of the time{'' if measured else ', too long to measure rounds with'}; "
        f"it differs by {shift.mean:.1e} nats per token, at most by {shift.largest:.1e} (KL), on {shift.tokens} random tokens"
    )


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.round")
    parser.add_argument("--shapes", choices=SHAPES, default="gpt2-medium")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--prompt", type=int, default=64)
    parser.add_argument("--new", type=int, default=64)
    parser.add_argument("--updates", type=int, default=4, help="per rollout, 2 or more")
    parser.add_argument("--without-corpus", action="store_true", help="not also with the language-modelling term on a corpus")
    parser.add_argument("--teacher-dtype", choices=DTYPES, default="fp32", help="of ours and of the others alike")
    parser.add_argument("--without-bf16", action="store_true", help="not also with our teacher reading in bf16")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--without-trl", action="store_true")
    options = parser.parse_args()
    return options


def main() -> None:
    options = arguments()
    torch.set_num_threads(options.threads)
    where = report.conditions()
    trl = trl_step.version()
    size = f"batch {options.batch}, {options.prompt}+{options.new} tokens, teacher {options.teacher_dtype}"
    rival = f"TRL {trl} GKDTrainer" if trl else "TRL is not installed here: npm run bench:quality says how"
    report.heading(f"A round, {options.shapes}, {size}; {rival}", where)
    pair = make_pair(options.shapes, "cpu", torch.float32, DTYPES[options.teacher_dtype])
    sides = Sides(pair, options)
    for _ in range(options.repeats):
        sides.measure()
    middle = {name: median_of(values) for name, values in sides.times.items()}
    report.table(
        ["part", "CPU-s", "s", "times measured"], [[name, one.cpu, one.wall, len(sides.times[name])] for name, one in middle.items()]
    )
    print(f"the teacher's turns in our rollouts: {', '.join(f'{share:.0%}' for share in sides.turns)} of the steps")
    if sides.cheaper is not None:
        print(tell_of(sides.cheaper, measured=IN_BF16 in sides.ours))
    rows, ratios = compare(sides.times, options.updates)
    print()
    report.table(["per update", "updates a rollout", "CPU-s", "times ours"], rows)
    print()
    counts = list(ratios)
    names = list(ratios[counts[0]])
    report.table(
        ["CPU time per update, times ours", *(f"{count.removeprefix('updates')} a rollout" for count in counts)],
        [[name, *(ratios[count][name] for count in counts)] for name in names],
    )
    parts = {
        name: {key: report.spread([getattr(one, key) for one in values]) for key in ("cpu", "wall")} for name, values in sides.times.items()
    }
    setting = {"shapes": options.shapes, "batch": options.batch, "prompt": options.prompt, "new": options.new}
    setting |= {"teacherDtype": options.teacher_dtype, "trl": trl}
    if sides.cheaper is not None:
        setting["bf16"] = {"time": round(sides.cheaper.share, 3), "kl": sides.cheaper.shift.mean, "klLargest": sides.cheaper.shift.largest}
    report.conclude({"benchmark": "round", **where, **setting, "turns": sides.turns, "ratios": ratios, "seconds": parts})


if __name__ == "__main__":
    main()
