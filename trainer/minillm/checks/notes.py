"""What the checks found, told to the run: all of it in its log, and as events what a person plans with or should read."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable
from typing import Any

from minillm.checks.start import check_start, judge_first_evaluation
from minillm.contract import Problem
from minillm.prepare import Prepared
from minillm.rundir import EventWriter

PLANNED_WITH = ("Steps", "Memory")


class Notes:
    """`say` writes into the log."""

    def __init__(self, prepared: Prepared, events: EventWriter, say: Callable[[str], None]) -> None:
        self.prepared, self.events, self.say = prepared, events, say

    def before_the_first_step(self) -> None:
        try:
            checked = check_start(self.prepared, thorough=False)
        except Exception:  # a tokenizer or a template of a kind that nobody thought of: what only warns must not end a run
            self.say(f"What is amiss with models and data could not be looked at:\n{traceback.format_exc().rstrip()}")
            return
        for row in checked.rows:
            self.say(f"{row.name}: {row.text}")
            if row.name in PLANNED_WITH:
                self.events.write("message", level="info", text=f"{row.name}: {row.text}", pointer=None)
        self._note(checked.findings.problems)

    def of_the_first_evaluation(self, teacher: dict[str, Any] | None, student: dict[str, Any] | None) -> None:
        """Takes the metrics of both: the teacher is scored then anyway, and a wrong template shows in how well it knows the references."""
        nats = [(scores or {}).get("eval/nll_gold") for scores in (teacher, student)]
        if all(isinstance(value, float) for value in nats):
            self._note(judge_first_evaluation(*nats, self.prepared).problems)

    def _note(self, problems: Iterable[Problem]) -> None:
        for problem in problems:
            self.say(f"{(problem.pointer or '')[1:].replace('/', '.')}: {problem.text}")
            self.events.write("message", level="warning", text=problem.text, pointer=problem.pointer)
