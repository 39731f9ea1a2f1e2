"""How a trainer ended, in words: from its exit code, what it wrote last, and what was done to it. Standard library only."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

ERROR_LINE = re.compile(r"[A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Exit|Warning)?: \S")
"""The last line of a traceback: `ModuleNotFoundError: No module named 'torch'`."""
WORDS = {
    signal.SIGSEGV: "a crash in native code: a faulty driver, or packages that do not fit together",
    signal.SIGBUS: "a crash in native code: a file that it had mapped was changed, or the disk is full",
    signal.SIGABRT: "native code gave up; the log says why",
    signal.SIGILL: "an instruction that this processor does not have: a package was built for another one",
    signal.SIGTERM: "something outside asked it to end, such as a log-out or a shutdown",
    signal.SIGHUP: "its terminal or session was closed",
    signal.SIGXCPU: "the limit on processor time was reached",
}


@dataclass(frozen=True)
class Ending:
    state: Literal["finished", "failed", "stopped"]
    code: int | None
    """Exit code; -N: killed by signal N; None: nobody knows."""
    reason: str
    """One sentence."""


def judge(
    code: int | None,
    record: dict[str, Any] | None,
    *,
    asked: bool,
    forced: signal.Signals | None,
    log: Path,
    log_offset: int,
    out_of_memory: bool,
    phase: Mapping[str, Any] | None = None,
) -> Ending:
    """The end of a trainer.

    `record` is its exit.json of this attempt, if it wrote one; `asked` says that someone wanted it to stop, and `forced` is
    the last signal that the stop ladder sent; the log counts from `log_offset` on;
    `out_of_memory` says that the system has killed for memory while it ran; `phase` is the phase that was trained, as the resolved
    config has it, None while everything was being loaded.
    """
    cause = record.get("cause") if record is not None else None
    cause = cause if isinstance(cause, str) and cause else None
    if code == 0:
        return Ending("finished", code, "Finished.")
    if code == 3:
        return Ending("stopped", code, "Stopped on request." if asked or cause is None else f"Stopped: {cause}.")
    if forced is not None and (code is None or code < 0 or forced is not signal.SIGINT):
        return Ending("stopped", code, f"Stopped by force ({forced.name}); work since the last checkpoint is lost.")
    if code is not None and code < 0:
        return Ending("failed", code, _killed(-code, out_of_memory, phase))
    silent = "the disk of the runs folder is full" if is_full(log.parent) else "the log may say why"
    return Ending("failed", code, cause or last_words(log, log_offset) or f"The trainer ended with exit code {code}; {silent}.")


def lowers_memory(phase: Mapping[str, Any] | None) -> str:
    """The settings that lower the need for memory of a phase, given with every key that its method has; without one, of loading."""
    if phase is None:
        return "smaller models"
    sampling = {"distillm": "batchSize"}.get(str(phase.get("method")), "rolloutChunk")  # how many it samples together
    keys = [key for key in ("microBatchSize", "microBatchTokens", sampling) if isinstance(phase.get(key), int) and phase[key] > 1]
    keys.append("data.maxNewTokens")
    return "a smaller " + (keys[0] if len(keys) == 1 else f"{', '.join(keys[:-1])} or {keys[-1]}")


def _killed(number: int, out_of_memory: bool, phase: Mapping[str, Any] | None) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        return f"Killed by signal {number}."
    if number == signal.SIGKILL:
        when = " while it was loading" if phase is None else ""
        if out_of_memory:
            return f"Killed by the system (SIGKILL){when}, because memory ran out: use {lowers_memory(phase)}."
        return f"Killed from outside (SIGKILL){when}, most likely because memory ran out; what needs less: {lowers_memory(phase)}."
    words = WORDS.get(signal.Signals(number))
    return f"Killed by signal {number} ({name})" + (f": {words}." if words else ".")


def is_full(folder: Path) -> bool:
    try:
        disk = os.statvfs(folder)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < 1 << 16


def last_words(log: Path, offset: int) -> str | None:
    """The last error line in the log from `offset` on, or its last line; None when it is silent."""
    try:
        with open(log, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(offset, size - (64 << 10)))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return None
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if ERROR_LINE.match(line)]
    found = errors[-1] if errors else lines[-1] if lines else None
    return None if found is None else found if len(found) <= 300 else f"{found[:299]}…"


def out_of_memory_kills() -> int:
    """How often this system has killed a process because memory ran out; 0 where it does not tell."""
    try:
        for line in Path("/proc/vmstat").read_text(encoding="ascii").splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    except (OSError, ValueError):
        pass
    return 0
