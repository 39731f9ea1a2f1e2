"""Requests to a run, from `control/*.json` to their outcome in `control/done/`. Standard library only.

Anyone may write a request, and anything may lie in that folder: what is no request is refused with a sentence, and an
outcome is the only acknowledgement. What the trainer must act on waits in `control/trainer/` until it is answered, so that
a supervisor that comes later knows what is open.
"""

from __future__ import annotations

import json
import math
import os
import re
import stat
from pathlib import Path
from typing import Any

from minillm.rundir import VERSION, RunDir, trainer_requests, write_json_whole

VERBS = ("stop", "kill", "pause", "continue", "checkpoint", "evaluate")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""Ids of requests: they become names of files."""
LARGEST = 64 << 10
"""Bytes of a request. One of ours is 200."""


class Refused(Exception):
    """What lies in the folder is no request; the message says why, in one sentence."""


class Requests:
    """Takes in requests, forwards them, and writes what became of them."""

    def __init__(self, run: RunDir) -> None:
        self._run = run
        run.control_trainer.mkdir(parents=True, exist_ok=True)
        run.control_done.mkdir(parents=True, exist_ok=True)
        self.open: dict[str, dict[str, Any]] = {request["id"]: request for request in trainer_requests(run)}
        """Forwarded and not answered yet, by id."""
        self.refused: list[dict[str, Any]] = []
        """Outcomes of what was refused since the last `take`, for the journal."""

    def take(self) -> list[dict[str, Any]]:
        """New requests, oldest first. What is no request has its outcome by then, and stands in `refused`."""
        taken = []
        self.refused = []
        for path in self._files():
            if path.stem in self.open:  # forwarded by a supervisor that died before it cleared the file
                path.unlink(missing_ok=True)
                continue
            try:
                taken.append(read_request(path))
            except FileNotFoundError:
                continue  # withdrawn
            except Refused as refusal:
                request = {"id": path.stem[:100], "verb": "unknown", "args": {}, "by": "unknown", "t": 0.0}
                self.refused.append(self._write_outcome(request, "refused", str(refusal)))
                path.unlink(missing_ok=True)
        return taken

    def forward(self, request: dict[str, Any]) -> None:
        """Hands a request to the trainer. The outcome follows by `settle`."""
        write_json_whole(self._run.control_trainer / f"{request['id']}.json", request)
        self.open[request["id"]] = request
        self._clear(request)

    def settle(self, request: dict[str, Any], outcome: str, text: str) -> dict[str, Any]:
        """Writes the outcome ("done", "refused" or "interrupted") and closes the request; returns the record."""
        record = self._write_outcome(request, outcome, text)
        self.open.pop(request["id"], None)
        (self._run.control_trainer / f"{request['id']}.json").unlink(missing_ok=True)
        self._clear(request)
        return record

    def _clear(self, request: dict[str, Any]) -> None:
        (self._run.control / f"{request['id']}.json").unlink(missing_ok=True)

    def _write_outcome(self, request: dict[str, Any], outcome: str, text: str) -> dict[str, Any]:
        record = {"v": VERSION, **request, "outcome": outcome, "text": text}
        write_json_whole(self._run.control_done / f"{request['id']}.json", record)
        return record

    def _files(self) -> list[Path]:
        try:
            with os.scandir(self._run.control) as entries:
                # Folders are nobody's request and stay; a name with a dot first is one still being written.
                found = [
                    (entry.stat(follow_symlinks=False).st_mtime_ns, entry.path)
                    for entry in entries
                    if entry.name.endswith(".json") and not entry.name.startswith(".") and not entry.is_dir(follow_symlinks=False)
                ]
        except FileNotFoundError:
            return []
        return [Path(path) for _, path in sorted(found)]


def read_request(path: Path) -> dict[str, Any]:
    """A request, checked. Raises Refused with a sentence, or FileNotFoundError."""
    if not NAME.fullmatch(path.stem):
        raise Refused("The name of a request has at most 100 letters, digits, dots, dashes and underscores.")
    try:
        # No link is followed and no pipe waited on: anyone may have made this entry.
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Refused(f"The request cannot be read: {error.strerror}.") from None
    with open(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise Refused("The request is not a plain file.")
        raw = file.read(LARGEST + 1)
    if len(raw) > LARGEST:
        raise Refused(f"The request is larger than {LARGEST} bytes.")
    try:
        record = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError):
        raise Refused("The request is not JSON.") from None
    if not isinstance(record, dict):
        raise Refused("The request is not a JSON object.")
    version, verb, args, t = record.get("v", VERSION), record.get("verb"), record.get("args", {}), record.get("t", 0.0)
    if not isinstance(version, int) or version > VERSION:
        raise Refused(f"The request is of record version {version}; this supervisor knows versions up to {VERSION}.")
    if verb not in VERBS:
        raise Refused(f"{json.dumps(verb)[:60]} is no verb; there are {', '.join(VERBS)}.")
    if record.get("id", path.stem) != path.stem:
        raise Refused("The id in the request is not the name of its file.")
    if not isinstance(args, dict) or not all(isinstance(value, str | int | float | bool) for value in args.values()):
        raise Refused('"args" must be an object of texts, numbers and booleans.')
    by = record.get("by")
    return {
        "v": VERSION,
        "id": path.stem,
        "verb": verb,
        "args": args,
        "by": by[:80] if isinstance(by, str) else "unknown",
        "t": t if isinstance(t, int | float) and math.isfinite(t) else 0.0,
    }
