"""Rules that are watched while a run trains: on the metrics of its steps, rollouts and evaluations. What to do about it is the config's.

A rule that is broken is told of once, with the numbers and with responses that show it, until it holds again. (Silence and a full
disk are watched by the supervisor: lookout.py.)
"""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from minillm import config
from minillm.policy import ClippedRow
from minillm.sequences import Rollout

SHOWN = 3
"""Responses that are shown with an alert."""
RECENT_STEPS = 10
"""Steps over which the clip share is averaged."""
UNUSABLE_IN_A_ROW = 10
"""Steps without a finite gradient, one after another, at which a run ends whatever the rule says: it goes nowhere."""
MEANINGFUL_EOS = 0.2
"""A share of rollouts that end by themselves below which there is nothing to collapse from."""

Metrics = Mapping[str, float]


@dataclass(frozen=True)
class Alert:
    rule: str
    text: str
    action: str
    numbers: dict[str, float]
    samples: list[str]


@dataclass
class Guards:
    rules: config.Guards
    tell: Callable[[Alert], None]
    """Is told of every alert, at once."""
    text_of: Callable[[Sequence[int]], str]
    broken: set[str] = field(default_factory=set)
    """Rules that have been told of and do not hold yet."""
    wanted: list[Alert] = field(default_factory=list)
    """Alerts on which the trainer is to act between two steps."""
    unusable: int = 0
    _evaluated: str = ""
    """The checkpoint whose scores were looked at last."""
    _best_eos: float = 0.0
    _first_length: dict[int, float] = field(default_factory=dict)
    _kl: deque[float] = field(default_factory=lambda: deque(maxlen=64))
    _clipped: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT_STEPS))
    _longest: list[Sequence[int]] = field(default_factory=list)
    _stuck: list[Sequence[int]] = field(default_factory=list)
    _unlikely: list[Sequence[int]] = field(default_factory=list)

    def look_at(self, rollout: Rollout) -> dict[str, float]:
        """How repetitive a round is; remembers the responses that would show what is wrong with it."""
        lengths = rollout.mask.sum(1).tolist()
        rows = [ids[:length] for ids, length in zip(rollout.response_ids.tolist(), lengths, strict=True)]
        ended = rollout.ended.tolist()
        runs = [longest_run(row) for row in rows]
        distinct = [value for row in rows if (value := distinct_share(row, 4)) is not None]
        by_length = sorted(range(len(rows)), key=lambda i: (not ended[i], lengths[i]), reverse=True)
        by_run = sorted(range(len(rows)), key=lambda i: (runs[i], -(distinct_share(rows[i], 4) or 1.0)), reverse=True)
        surprise = (((rollout.logp_teacher - rollout.logp_student) * rollout.mask).sum(1) / rollout.mask.sum(1).clamp(min=1)).tolist()
        by_surprise = sorted(range(len(rows)), key=surprise.__getitem__, reverse=True)  # those that weigh least
        orders = (by_length, by_run, by_surprise)
        self._longest, self._stuck, self._unlikely = ([rows[i] for i in order[:SHOWN]] for order in orders)
        found = {"rate/stuck": sum(run >= self.rules.repetition.run for run in runs) / max(1, len(runs))}
        return found | ({"distinct/4": sum(distinct) / len(distinct)} if distinct else {})

    def rollout(self, phase: int, metrics: Metrics) -> None:
        rules = self.rules
        if (share := metrics.get("rate/eos")) is not None:
            self._best_eos = max(self._best_eos, share)
            limit = rules.eos_collapse.below * self._best_eos
            text = f"{share:.0%} of the rollouts end by themselves; it was {self._best_eos:.0%}, and {limit:.0%} is the least allowed."
            collapsed = share < limit and self._best_eos >= MEANINGFUL_EOS
            self._judge("eosCollapse", rules.eos_collapse, collapsed, text, share, limit, self._longest)
        if (stuck := metrics.get("rate/stuck")) is not None:
            four, rule = metrics.get("distinct/4", 1.0), rules.repetition
            text = (
                f"{stuck:.0%} of the rollouts repeat one token {rule.run} times or more ({rule.share:.0%} are allowed), and "
                f"{four:.0%} of their groups of four tokens are distinct (at least {rule.distinct4:.0%})."
            )
            numbers = {"stuck": stuck, "stuckLimit": rule.share, "distinct4": four, "distinct4Limit": rule.distinct4}
            self._judge("repetition", rule, stuck > rule.share or four < rule.distinct4, text, stuck, rule.share, self._stuck, numbers)
        if (length := metrics.get("length/mean")) is not None:
            limit = rules.length_explosion.factor * self._first_length.setdefault(phase, length)
            text = f"Rollouts have {length:.0f} tokens on average; {limit:.0f} are allowed, by the first round of the phase."
            self._judge("lengthExplosion", rules.length_explosion, length > limit, text, length, limit, self._longest)
        if (share := metrics.get("weight/ess")) is not None:
            limit = rules.effective_samples.below
            text = f"The importance weights let {share:.0%} of the tokens count; at least {limit:.0%} should."
            self._judge("effectiveSamples", rules.effective_samples, share < limit, text, share, limit, self._unlikely)

    def step(self, metrics: Metrics, most_clipped: Callable[[int], Sequence[ClippedRow]] = lambda _count: ()) -> None:
        """`most_clipped` gives so many responses of the step, and is asked only where they are to be shown."""
        self.unusable = 0
        self._judge("nonFinite", self.rules.non_finite, False, "", 0.0, 0.0)
        if "clip/high" in metrics:
            self._clipped.append(metrics["clip/high"] + metrics.get("clip/low", 0.0))
        if len(self._clipped) == RECENT_STEPS:
            share, limit = sum(self._clipped) / RECENT_STEPS, self.rules.clip_share.above
            text = f"{share:.0%} of the tokens of the last {RECENT_STEPS} steps were clipped; {limit:.0%} are allowed."
            rows = most_clipped(SHOWN) if share > limit and "clipShare" not in self.broken else []
            said = [f"{row.share:.0%} of its tokens clipped, ratios {row.smallest:.3g} to {row.largest:.3g}: " for row in rows]
            numbers = {"value": share, "limit": limit}
            if rows:
                numbers |= {"smallestRatio": min(row.smallest for row in rows), "largestRatio": max(row.largest for row in rows)}
            shown = [row.ids for row in rows]
            self._judge("clipShare", self.rules.clip_share, share > limit, text, share, limit, shown, numbers, said)

    def not_finite(self, sentence: str) -> bool:
        """A step whose update was not made. Returns whether training may go on without it."""
        rule = self.rules.non_finite
        self.unusable += 1
        self._judge("nonFinite", rule, True, sentence, math.nan, math.inf, self._longest)
        return rule.action not in ("stop", "off") and self.unusable < UNUSABLE_IN_A_ROW

    def evaluation(self, checkpoint: str, metrics: Metrics, samples: Sequence[Mapping[str, Any]]) -> None:
        """The student's scores at a checkpoint, and what it said there. Looked at again they count once."""
        if checkpoint == self._evaluated:
            return
        self._evaluated = checkpoint
        truncated = metrics.get("eval/truncated")
        if truncated is not None:
            limit = self.rules.truncation.above
            text = f"{truncated:.0%} of the sampled answers were cut off; {limit:.0%} are allowed."
            cut = [line["ids"] for line in samples if line.get("stop") == "length"]
            self._judge("truncation", self.rules.truncation, truncated > limit, text, truncated, limit, cut)
        kl = metrics.get("eval/kl_reverse")
        if kl is None or not math.isfinite(kl):
            return
        rule = self.rules.kl_rising
        self._kl.append(kl)
        last = list(self._kl)[-rule.evaluations - 1 :]
        rising = len(last) == rule.evaluations + 1 and all(a < b for a, b in itertools.pairwise(last))
        limit = last[0] * (1 + rule.by)
        text = f"Reverse KL rose {rule.evaluations} times in a row, from {last[0]:.3g} to {kl:.3g} nats."
        worst = sorted((line for line in samples if line.get("kl") is not None), key=lambda line: line["kl"], reverse=True)
        self._judge("klRising", rule, rising and kl > limit, text, kl, limit, [line["ids"] for line in worst])

    def take(self) -> list[Alert]:
        """Alerts to act on, once."""
        taken, self.wanted = self.wanted, []
        return taken

    def _judge(
        self, name: str, rule: config.Guard, broken: bool, text: str, value: float, limit: float, shown: Sequence[Sequence[int]] = (),
        numbers: dict[str, float] | None = None, said: Sequence[str] = (),
    ) -> None:  # fmt: skip
        """`shown`: token ids of responses; `said`: what is to be said of each of them, in front of its text."""
        if not broken or rule.action == "off":
            self.broken.discard(name)
            return
        if name in self.broken:
            return
        self.broken.add(name)
        samples = [before + self.text_of(ids) for ids, before in zip(shown[:SHOWN], [*said, *[""] * SHOWN], strict=False)]
        alert = Alert(name, text, rule.action, numbers or {"value": value, "limit": limit}, samples)
        self.tell(alert)
        if rule.action != "alert":
            self.wanted.append(alert)


def longest_run(row: Sequence[int]) -> int:
    """How often a token follows itself at most, itself included."""
    longest = current = 0
    for i, token in enumerate(row):
        current = current + 1 if i > 0 and token == row[i - 1] else 1
        longest = max(longest, current)
    return longest


def distinct_share(row: Sequence[int], n: int) -> float | None:
    """Distinct groups of `n` tokens per group; None for a response that is too short to tell."""
    groups = [tuple(row[i : i + n]) for i in range(len(row) - n + 1)]
    return len(set(groups)) / len(groups) if len(groups) >= n else None
