"""The run folder: where everything lies, and the only ways in which it is written. Standard library only.

Two ways: a record is replaced whole, by rename, so that a reader sees the old one or the new one; a stream of lines
grows by whole lines with a `seq` of its own, so that a reader can say "these I have". One writer per file, always.
"""

from __future__ import annotations

import json
import math
import os
import time
from pathlib import Path
from typing import Any

VERSION = 1
"""Version of every record; `contract.VERSION` is this one."""


class RunDir:
    """Paths inside a run folder."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).absolute()
        self.id = self.path.name
        self.run = self.path / "run.json"
        self.status = self.path / "status.json"
        self.journal = self.path / "journal.jsonl"
        self.events = self.path / "events.jsonl"
        self.exit = self.path / "exit.json"
        self.log = self.path / "log.txt"
        self.lock = self.path / "supervisor.lock"
        self.control = self.path / "control"
        self.control_trainer = self.control / "trainer"
        self.control_done = self.control / "done"
        self.samples = self.path / "samples"
        self.checkpoints = self.path / "checkpoints"
        self.evaluations = self.path / "evaluations"

    def links(self) -> list[str]:
        """Links where folders of the run should be. One from a stranger may hold some, which lead out of it: such a run is not gone
        on with. This alone looks at the disk."""
        folders = [self.samples, self.checkpoints, self.evaluations, self.control, self.control_trainer, self.control_done]
        if not self.checkpoints.is_symlink():
            folders += [*self.checkpoints.glob("*"), *self.checkpoints.glob("*/state")]
        return sorted(str(folder.relative_to(self.path)) for folder in folders if folder.is_symlink())


def plain(value: Any) -> Any:
    """`value` with every number that JSON cannot hold as the string "NaN", "Infinity" or "-Infinity"."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def to_json(value: Any) -> str:
    """One line of JSON. Raises TypeError for what is neither text, number, list nor dict."""
    return json.dumps(plain(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def write_text_whole(path: Path, text: str, *, durable: bool = True) -> None:
    """Replaces `path` at once: a reader sees all of the old content or all of the new.

    `durable` waits until the content is on the disk; without it, a power cut may leave an empty file. Raises OSError,
    and then the old content is still there.
    """
    # A fixed name: the file has one writer, and what a killed one left behind is overwritten by the next.
    part = path.with_name(f".{path.name}.part")
    with open(part, "w", encoding="utf-8", errors="replace", newline="", opener=_no_link) as file:
        file.write(text)
        file.flush()
        if durable:
            os.fsync(file.fileno())
    os.replace(part, path)


def _no_link(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)


def write_json_whole(path: Path, record: Any, *, durable: bool = True) -> None:
    """Replaces `path` by `record` as JSON; keys are the caller's (camelCase)."""
    write_text_whole(path, to_json(record) + "\n", durable=durable)


def read_json(path: Path, largest: int = 4 << 20) -> dict[str, Any] | None:
    """The JSON object in `path`, or None when there is none: missing, unreadable, over `largest` bytes, or something else."""
    try:
        with open(path, "rb") as file:
            raw = file.read(largest + 1)
        value = json.loads(raw.decode("utf-8")) if len(raw) <= largest else None
    except (OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


class LineWriter:
    """Appends records to a file of JSON lines: `{"v", "seq", "t", "attempt", "kind", …}`.

    Every line is one write of an append descriptor, so a killed writer tears at most the last one. `seq` starts at 0
    and goes on from what the file holds; a torn last line is ended first, and if it says something it counts.
    """

    def __init__(self, path: Path, attempt: int) -> None:
        self.path, self.attempt = path, attempt
        self._fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
        last, self._torn = _last_seq(self._fd)
        self._next = last + 1

    def write(self, kind: str, **fields: Any) -> int:
        """Appends one record and returns its `seq`. Raises OSError (a full disk); the next write mends the torn line."""
        seq = self._next
        head = {"v": VERSION, "seq": seq, "t": round(time.time(), 3), "attempt": self.attempt, "kind": kind}
        line = (to_json(head | fields) + "\n").encode("utf-8", "replace")
        if self._torn:
            os.write(self._fd, b"\n")
            self._torn = False
        written = 0
        try:
            while written < len(line):
                written += os.write(self._fd, line[written:])
        finally:
            self._torn = 0 < written < len(line)
            if written >= len(line) - 1:  # only the line's end may be missing: readers will count it
                self._next = seq + 1
        return seq

    def sync(self) -> None:
        """Waits until every line is on the disk."""
        os.fsync(self._fd)

    def close(self) -> None:
        os.close(self._fd)


class EventWriter(LineWriter):
    """`events.jsonl`, written by the trainer alone. Kinds and fields: `contract.AnyEvent`."""

    def __init__(self, run: RunDir, attempt: int) -> None:
        super().__init__(run.events, attempt)


def _last_seq(fd: int, window: int = 1 << 16) -> tuple[int, bool]:
    """The last `seq` in a file of lines (-1 when there is none), and whether its last line lacks an end."""
    size = os.fstat(fd).st_size
    torn = size > 0 and os.pread(fd, 1, size - 1) != b"\n"
    while size > 0:
        begin = max(0, size - window)
        lines = os.pread(fd, size - begin, begin).split(b"\n")
        # The first piece may be the end of a longer line.
        for line in reversed(lines if begin == 0 else lines[1:]):
            seq = _seq_of(line)
            if seq is not None:
                return seq, torn
        if begin == 0:
            break
        window *= 4
    return -1, torn


def _seq_of(line: bytes) -> int | None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    seq = record.get("seq") if isinstance(record, dict) else None
    return seq if isinstance(seq, int) else None


def trainer_requests(run: RunDir) -> list[dict[str, Any]]:
    """Requests that the supervisor forwarded and the trainer has not answered yet, oldest first: `{"id", "verb", "args", …}`."""
    try:
        paths = [path for path in run.control_trainer.iterdir() if path.suffix == ".json" and not path.name.startswith(".")]
    except FileNotFoundError:
        return []
    # The name of the file is the id: what it says itself might not lead back to it.
    requests = [request | {"id": path.stem} for path in paths if (request := read_json(path)) and isinstance(request.get("verb"), str)]
    return sorted(requests, key=lambda request: (t if isinstance(t := request.get("t"), int | float) else 0.0, request["id"]))


def answer_request(run: RunDir, events: EventWriter, request: dict[str, Any], *, step: int, outcome: str, text: str) -> None:
    """Says what became of a forwarded request (`outcome` is "done" or "refused", `text` a sentence) and closes it."""
    events.write("control", step=step, id=request["id"], verb=request["verb"], outcome=outcome, text=text)
    (run.control_trainer / f"{request['id']}.json").unlink(missing_ok=True)
