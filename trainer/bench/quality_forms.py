"""What the quality benchmark compares: forms, each a plan of trials, and the settings that are tried in them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.quality_trial import Trial


@dataclass(frozen=True)
class Form:
    batches: Sequence[int]
    rates: Sequence[float]
    search: float
    """Budget of the search over batch and rate, in CPU-seconds."""
    budgets: Sequence[float]
    seeds: Sequence[int]
    looks: Sequence[float] = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 1.0)
    """After which shares of a schedule the student is scored, all held-out rows."""
    further: Sequence[float] = ()
    """Budgets that are tried besides, from the smallest on until a schedule comes to the goal; that one is then for all seeds."""


FORMS = {
    "full": Form((32, 64, 256), (1e-3, 2e-3, 4e-3), 50, (25, 50, 100), (1, 2, 3), further=(75, 150, 200, 300)),
    "quick": Form((64,), (2e-3, 4e-3), 10, (10,), (1,)),
    "others": Form((32,), (1e-3, 2e-3, 4e-3), 25, (25, 50, 100), (1, 2, 3), looks=(0.5, 1.0)),
    "switches": Form((64,), (2e-3,), 50, (50,), (1, 2, 3)),
    "long": Form((32,), (1e-3, 2e-3), 100, (200,), (1, 2, 3), looks=(0.5, 1.0)),
    "longer": Form((16,), (2e-3,), 300, (300,), (1, 2, 3), looks=(0.5, 1.0)),
}


def options_of(**given: Any) -> str:
    return json.dumps(given)


CHEAP = options_of(teacher={"precision": "bf16"})
AUTO = options_of(teacher={"precision": "auto"})

Entry = tuple[str, str, str]
"""Side, method and options of trials that differ in batch, rate and seed."""
HEADLINE: Sequence[Entry] = (("ours", "gkd", CHEAP), ("trl", "gkd", ""))


def contenders(side: str, batch: int, rate: float, seed: int) -> list[Trial]:
    """What is compared of a side at its best batch and rate."""
    if side == "trl":
        return [Trial(side, method, batch, rate, seed) for method in ("gkd", "distillation")]
    every = [Trial(side, method, batch, rate, seed, options) for method in ("gkd", "minillm") for options in (CHEAP, "")]
    # States kept also where the cost is measured, which makes no second pass.
    kept = options_of(teacher={"precision": "bf16"}, phase={"teacherCache": "states"})
    return [*every, Trial(side, "rkl", batch, rate, seed, kept)]


KEPT = options_of(teacher={"precision": "auto"}, phase={"teacherCache": "states"})
OTHERS = {"gkd": AUTO, "opd": AUTO, "distillm": AUTO, "kd": KEPT, "rkl": KEPT, "seqkd": AUTO}
"""The methods of ours beside `minillm`."""

OBJECTIVES: dict[str, dict[str, Any]] = {
    "student alone": {"sampling": "student"},
    "single-step term alone": {"longTerm": "off"},
    "own reward too": {"longTerm": "toGo"},
    "last future 0": {"emptyFuture": "zero"},
    "whitened": {"whiten": "realTokens"},
    "whole prefixes weighted": {"importanceWeight": "perDecision"},
    "no weights": {"importanceWeight": "none"},
}
SWITCHES: dict[str, dict[str, Any]] = {
    "recommended": {},
    "paper": {"preset": "paper"},
    "reference": {"preset": "reference"},
    "two inner epochs": {"phase": {"innerEpochs": 2}},
    "four inner epochs": {"phase": {"innerEpochs": 4}},
    **{name: {"phase": {"objective": objective}} for name, objective in OBJECTIVES.items()},
}
"""What single switches do, as further settings of a trial."""
SWITCHED = {name: options_of(teacher={"precision": "bf16"}, **further) for name, further in SWITCHES.items()}

STABILISERS = {
    "recommended": {},
    "student alone": OBJECTIVES["student alone"],
    "single-step term alone": OBJECTIVES["single-step term alone"],
    "student and single-step term alone": OBJECTIVES["student alone"] | OBJECTIVES["single-step term alone"],
}
"""With the teacher's share of the tokens and the long-term term, with either, with neither."""
STABILISED = {name: options_of(teacher={"precision": "auto"}, phase={"objective": switch}) for name, switch in STABILISERS.items()}

COMPARED: dict[str, Sequence[Entry]] = {
    "others": [("ours", method, options) for method, options in OTHERS.items()],
    "switches": [("ours", "minillm", options) for options in SWITCHED.values()],
    **{form: [("ours", "minillm", options) for options in STABILISED.values()] for form in ("long", "longer")},
}
"""What a form compares that knows our side alone."""


def name_of(trial: Trial) -> str:
    """As the table says it."""
    if trial.method == "minillm":
        for name, options in (*SWITCHED.items(), *STABILISED.items()):
            if trial.options == options != CHEAP:
                return f"ours minillm, {name}"
    return trial.name


def entry_name(entry: Entry) -> str:
    """The same of an entry, without "ours minillm, "."""
    side, method, options = entry
    return name_of(Trial(side, method, 1, 1.0, 1, options)).removeprefix("ours minillm, ")
