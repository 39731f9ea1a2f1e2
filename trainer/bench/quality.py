"""How good a student becomes for so many CPU-seconds: our methods against the public trainer's, from one checkpoint.

    npm run bench:quality -- [--form quick|full|others|switches|long|longer] [--at BATCH RATE] [--seeds N…] [--budgets CPU-S…]
                             [--only NAME…] [--folder DIR] [--goal KL] [--only-report]

Trials run one after the other, one thread each, ours and theirs in turn, so that whatever else the machine does falls on both. What is
done is kept in the folder, and a run that was broken off goes on. How long a schedule is, is set before: the cost of a step is measured,
and as many steps as the budget holds are made. Both sides get the same trials over batch and learning rate, and further rates while the
best is an edge of those; the best of each goes on
(`--at`: what an earlier search found, for both).
`others` compares the methods of ours that the headline leaves out with its winner, each at its own best rate; `switches` the presets of
`minillm`, and what single switches do; `long` and `longer` some of them on tasks with long answers (`bench.plays`).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from math import inf, isnan
from pathlib import Path
from statistics import median
from typing import Any

import torch

from bench import plays, report
from bench.quality_forms import COMPARED, FORMS, HEADLINE, Entry, Form, contenders, entry_name, name_of
from bench.quality_setting import SCORES, WORDS, Task, start_checkpoint
from bench.quality_trial import UNCOUNTED, Trial

GOAL = 0.45
"""Reverse KL, in nats per token, to which CPU-seconds are counted, unless another is asked for."""


SETTLING = {"distillm": 32}
"""Rounds over which a step's cost is measured, where more than two: it begins with another share of sampling than it keeps."""


class Book:
    """What has been measured, one line of JSON each."""

    def __init__(self, folder: Path, task: Task = WORDS) -> None:
        self.folder, self.path, self.task = folder, folder / "trials.jsonl", task
        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []
        self.records: list[dict[str, Any]] = [json.loads(line) for line in lines]

    def find(self, trial: Trial, budget: float) -> dict[str, Any] | None:
        wanted = asdict(trial) | {"budget": budget}
        return next((record for record in self.records if all(record[key] == value for key, value in wanted.items())), None)

    def add(self, record: dict[str, Any]) -> dict[str, Any]:
        self.records.append(record)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        return record

    def run(self, trial: Trial, steps: int, looks: Sequence[int]) -> dict[str, Any]:
        """A trial in a process of its own. Raises CalledProcessError where it failed."""
        command = [
            sys.executable, "-P", "-m", f"bench.quality_{trial.side}", "--folder", str(self.folder / "work"),
            "--student", str(self.folder / "sft"), "--task", json.dumps(asdict(self.task)), "--trial", json.dumps(asdict(trial)),
            "--steps", str(steps), "--looks", *map(str, looks),
        ]  # fmt: skip
        env = os.environ | {"OMP_WAIT_POLICY": "PASSIVE", "TRANSFORMERS_VERBOSITY": "error"}
        done = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=True)
        return json.loads(done.stdout.splitlines()[-1])

    def cost(self, trial: Trial) -> tuple[float, float]:
        """CPU-seconds of one step and of what comes before the first: medians of three measurements, kept for every rate and seed."""
        alike = {"side": trial.side, "method": trial.method, "batch": trial.batch, "options": trial.options, "budget": 0}
        known = [record for record in self.records if all(record[key] == value for key, value in alike.items())]
        while len(known) < 3:
            report.tell(f"cost of a step: {trial.name}, batch {trial.batch}")
            passes = json.loads(trial.options or "{}").get("phase", {}).get("innerEpochs", 1)
            rounds = SETTLING.get(trial.method, 2)
            steps = UNCOUNTED + (rounds * 256 // trial.batch * passes if trial.side == "ours" else max(4, 512 // trial.batch))
            known.append(self.add(self.run(trial, steps, []) | {"budget": 0}))
        return median(record["perStep"] for record in known), median(record["ahead"] for record in known)

    def train(self, trial: Trial, budget: float, form: Form) -> dict[str, Any]:
        """A whole schedule of as many steps as `budget` CPU-seconds hold."""
        if (found := self.find(trial, budget)) is not None:
            return found
        per_step, ahead = self.cost(trial)
        steps = max(8, round((budget - ahead) / per_step))
        report.tell(f"{trial.name}, batch {trial.batch}, rate {trial.rate}, seed {trial.seed}: {steps} steps in {budget:g} CPU-s")
        made = self.run(trial, steps, sorted({max(1, round(steps * share)) for share in form.looks}))
        return self.add(made | {"budget": budget})


Pair = tuple[int, float]
"""Batch and learning rate."""


def best_of(ends: dict[Pair, float]) -> Pair:
    """The pair that ends lowest; one that ends in no number is none."""
    return min(ends, key=lambda pair: inf if isnan(ends[pair]) else ends[pair])


def beyond(ends: dict[Pair, float]) -> Pair | None:
    """A pair that has not been tried and lies next to the best one: half or double its rate. None where the best is no edge."""
    batch, rate = best_of(ends)
    return next((pair for pair in ((batch, rate / 2), (batch, rate * 2)) if pair not in ends), None)


def search(book: Book, form: Form, entries: Sequence[Entry]) -> dict[Entry, Pair]:
    """The best batch and rate of each entry, by where its first seed ends; beyond the form's rates while the best is an edge of them."""
    ends: dict[Entry, dict[Pair, float]] = {entry: {} for entry in entries}

    def attempt(entry: Entry, pair: Pair) -> None:
        side, method, options = entry
        ends[entry][pair] = book.train(Trial(side, method, *pair, 1, options), form.search, form)["seen"][-1]["kl"]

    for pair in [(batch, rate) for batch in form.batches for rate in form.rates]:
        for entry in entries:
            attempt(entry, pair)
    for entry in entries:
        while len(form.rates) > 1 and (pair := beyond(ends[entry])) is not None:
            attempt(entry, pair)
    return {entry: best_of(found) for entry, found in ends.items()}


def measure_goal(book: Book, form: Form, best: dict[str, Pair], goal: float) -> None:
    """The shortest schedule of each side that comes to the goal, with every seed."""
    enough: dict[str, float] = {}
    for side, _, options in HEADLINE:
        for budget in sorted((*form.budgets, *form.further)):
            if seconds_to(goal, book.train(Trial(side, "gkd", *best[side], 1, options), budget, form)) is not None:
                enough[side] = budget
                break
    for seed in form.seeds:
        for side, _, options in HEADLINE:
            if side in enough:
                book.train(Trial(side, "gkd", *best[side], seed, options), enough[side], form)


def measure_budgets(book: Book, form: Form, best: dict[str, Pair]) -> None:
    """Every method after equal CPU-seconds."""
    for seed in form.seeds:
        for budget in form.budgets:
            for side in ("ours", "trl"):
                for trial in contenders(side, *best[side], seed):
                    book.train(trial, budget, form)


def measure_entries(book: Book, form: Form, best: dict[Entry, Pair]) -> None:
    """Every entry after equal CPU-seconds."""
    for seed in form.seeds:
        for budget in form.budgets:
            for (side, method, options), pair in best.items():
                book.train(Trial(side, method, *pair, seed, options), budget, form)


def seconds_to(goal: float, record: dict[str, Any]) -> float | None:
    """CPU-seconds after which the reverse KL is at the goal: the median of three neighbouring looks. Without so many looks, the last."""
    seen = record["seen"]
    for place in range(1, len(seen) - 1):
        three = [look["kl"] for look in seen[place - 1 : place + 2]]
        if median(three) <= goal:
            return seen[place]["cpu"]
    return seen[-1]["cpu"] if seen and seen[-1]["kl"] <= goal else None


Key = tuple[str, int, float, float]


def grouped(records: Iterable[dict[str, Any]]) -> dict[Key, list[dict[str, Any]]]:
    """Trials that differ in their seed alone."""
    groups: dict[Key, list[dict[str, Any]]] = {}
    for record in records:
        if record["budget"]:
            name = name_of(Trial(*(record[key] for key in ("side", "method", "batch", "rate", "seed", "options"))))
            groups.setdefault((name, record["batch"], record["rate"], record["budget"]), []).append(record)
    return groups


COLUMNS = {
    "kl": ("reverse KL", 1), "answer": ("KL an answer", 1), "accuracy": ("greedy %", 100), "errors": ("PER %", 100),
    "entropy": ("entropy", 1), "goldNll": ("gold NLL", 1), "length": ("tokens", 1),
}  # fmt: skip
"""Scores that the table shows: their name there, and by how much they are multiplied. Where answers become shorter, those tokens are left
that cost most, and the KL of a token may rise while that of a whole answer falls."""


def conclude(book: Book, where: dict[str, Any], goal: float = GOAL) -> None:
    report.heading("Quality for CPU-seconds: held-out rows, one thread, from one checkpoint", where)
    groups = grouped(book.records)
    rows, told = [], []
    for (name, batch, rate, budget), ones in sorted(groups.items(), key=lambda item: (item[0][3], item[0])):
        last = [look | {"answer": look["kl"] * look["length"]} for look in (one["seen"][-1] for one in ones)]
        reached = [seconds_to(goal, one) for one in ones]
        at = median(reached) if all(reached) else None
        mean = {key: sum(look[key] for look in last) / len(last) for key in (*SCORES, "answer")}
        spread = max(look["kl"] for look in last) - min(look["kl"] for look in last)
        charged = sum(one["cpu"] for one in ones) / len(ones)
        shown = [mean[key] * by for key, (_, by) in COLUMNS.items()]
        rows.append([name, batch, rate, budget, len(ones), ones[0]["steps"], charged, spread, *shown, at])
        told.append({"name": name, "batch": batch, "rate": rate, "budget": budget, "cpu": charged, "seeds": len(ones), "to": at} | mean)
    columns = ["method", "batch", "rate", "budget", "seeds", "steps", "CPU-s", "spread of KL", *(name for name, _ in COLUMNS.values())]
    report.table([*columns, f"CPU-s to {goal}"], rows)
    best = {side: min((one["to"] for one in told if one["to"] and one["name"].startswith(side)), default=None) for side in ("ours", "trl")}
    ratio = best["ours"] / best["trl"] if best["ours"] and best["trl"] else None
    steps = {f"{name} {batch}": median(one["perStep"] for one in ones) for (name, batch, _, _), ones in groups.items()}
    report.conclude({"benchmark": "quality", "ratio": ratio, "secondsTo": best, "goal": goal, **where, "perStep": steps, "trials": told})


def measure(book: Book, name: str, form: Form, at: Pair | None, goal: float, only: Sequence[str]) -> None:
    """Makes the trials of a form that have not been made; of those that compare our side alone, `only` some entries by name."""
    start_checkpoint(book.folder, book.task)
    if name in COMPARED:
        entries = [entry for entry in COMPARED[name] if not only or entry_name(entry) in only]
        if not entries:
            raise SystemExit(
                f"Of {', '.join(only)} there is nothing in --form {name}; it compares {', '.join(map(entry_name, COMPARED[name]))}."
            )
        best = dict.fromkeys(entries, at) if at else search(book, form, entries)
        measure_entries(book, form, best)
        return
    sides = dict.fromkeys(("ours", "trl"), at) if at else {side: pair for (side, *_), pair in search(book, form, HEADLINE).items()}
    if not at:
        measure_goal(book, form, sides, goal)
    measure_budgets(book, form, sides)


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.quality")
    parser.add_argument("--form", choices=FORMS, default="full")
    parser.add_argument(
        "--at", nargs=2, metavar=("BATCH", "RATE"), help="no search, and no schedule for the goal: the methods at this batch and rate"
    )
    parser.add_argument("--seeds", nargs="+", type=int, metavar="N", help="in place of the form's")
    parser.add_argument("--budgets", nargs="+", type=float, metavar="CPU-S", help="in place of the form's")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="of what a form of ours alone compares, as its table says it")
    parser.add_argument(
        "--folder", type=Path, help="where results are kept; a run goes on from there. Default: .cache/quality, of the plays .cache/FORM"
    )
    parser.add_argument("--goal", type=float, default=GOAL, help="the reverse KL to which CPU-seconds are counted")
    parser.add_argument("--only-report", action="store_true", help="print what has been measured")
    options = parser.parse_args()
    torch.set_num_threads(1)
    where = report.conditions()
    length = plays.LENGTHS.get(options.form)
    folder = (options.folder or Path(".cache") / (options.form if length else "quality")).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    task = plays.task(folder / "task", length) if length else WORDS
    book = Book(folder, task)
    if not options.only_report:
        if length:
            plays.make(folder / "task", length)
        asked = {name: value for name in ("seeds", "budgets") if (value := getattr(options, name))}
        form = replace(FORMS[options.form], **asked)
        at = (int(options.at[0]), float(options.at[1])) if options.at else None
        measure(book, options.form, form, at, options.goal, options.only)
    conclude(book, where, options.goal)


if __name__ == "__main__":
    main()
