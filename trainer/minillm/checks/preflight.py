"""`minillm preflight`: everything that a run would check at its start, without a run."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import transformers

from minillm.checks.start import check_start
from minillm.contract import Preflight, Problem
from minillm.errors import BadInput
from minillm.prepare import prepare
from minillm.resolve import resolve


def preflight(path: Path, workspace: Path | None, usual_runs: Path | None, runs: Path | None) -> Preflight:
    """Resolves the config in `path`, loads what it names, and looks at it. Nothing is trained or written."""
    transformers.utils.logging.disable_progress_bar()
    resolution = resolve(path, workspace, usual_runs, runs)
    if resolution.config is None:
        return Preflight(config=None, problems=resolution.problems)
    try:
        checked = check_start(prepare(resolution.config, report, lambda _round, _metrics: None), thorough=True)
    except BadInput as bad:
        found = Problem(text=bad.sentence, pointer=bad.pointer, file=bad.file, line=bad.line)
        return Preflight(config=None, problems=[*resolution.problems, found])
    return Preflight(config=resolution.config, problems=[*resolution.problems, *checked.findings.problems], checks=checked.rows)


def report(what: str, done: float, total: float | None, unit: str) -> None:
    """A line of JSON on stderr, for who waits."""
    print(json.dumps({"what": what, "done": done, "total": total, "unit": unit}), file=sys.stderr, flush=True)
