"""How a supervisor comes to its run: under a lock, and from what the last one left. Standard library only."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import time
from collections.abc import Iterator
from typing import Any

from minillm import identity
from minillm.identity import same_boot, same_machine
from minillm.run_state import ENDED, STATES, Facts, conclude, forsaken
from minillm.rundir import VERSION, RunDir, read_json


class CannotSupervise(Exception):
    """This run is not to be supervised from here; the message says why, in one sentence."""


@contextlib.contextmanager
def only_supervisor(run: RunDir) -> Iterator[None]:
    """Holds the run's lock. The kernel lets go of it when this process dies, however that happens. Raises CannotSupervise."""
    if links := run.links():
        named = f"{links[0]} in {run.path} is a link" if len(links) == 1 else f"{', '.join(links[:3])} in {run.path} are links"
        raise CannotSupervise(f"{named}, through which nothing is written or deleted: put what they point to in their place.")
    fd = os.open(run.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            raise CannotSupervise(f"The run {run.id} already has a supervisor.") from None
        sentence = f"{run.lock} cannot be locked ({error.strerror}): choose a runs folder on a file system with file locks."
        raise CannotSupervise(sentence) from None
    try:
        yield
    finally:
        os.close(fd)


def how_to_begin(run: RunDir, before: dict[str, Any], resume: bool) -> tuple[int, str]:
    """The attempt, and "new", "adopt" or "settle", from what the last supervisor left. Raises CannotSupervise."""
    exited = read_json(run.exit)
    numbers = [record.get("attempt") for record in (before, exited or {})]
    attempt = max((number for number in numbers if isinstance(number, int)), default=0)
    if not before:
        return attempt + 1, "new"
    here, trainer = same_machine(before), before.get("trainer")
    alive = same_boot(before) and identity.alive(trainer)
    now = time.time()
    # The journal tells of no heartbeat: what it knows is old.
    facts = Facts({"heartbeat": float("-inf")} | before, exited, here, same_boot(before), False, alive, now, now, None)
    state = conclude(facts)
    if alive:
        return attempt, "adopt"
    if before.get("state") in ENDED:
        if not resume:
            raise CannotSupervise(f"The run {run.id} has ended ({state}); --resume starts a new attempt from its newest checkpoint.")
        return attempt + 1, "new"
    if state == "unknown" and not (resume and forsaken(facts)):
        raise CannotSupervise(f"The run {run.id} belongs to {before.get('host')}: supervise it there.")
    if trainer is None:  # the last supervisor died before its trainer came through the gate: that attempt has not been made yet
        return max(1, attempt), "new"
    return (attempt + 1, "new") if resume else (attempt, "settle")


def last_known(run: RunDir) -> dict[str, Any]:
    """The last status, or what the journal still tells of it; {} for a run that never had a supervisor.

    Raises CannotSupervise for a status that is not damaged but out of our reach: it cannot be opened, or a newer version wrote it.
    """
    try:
        os.close(os.open(run.status, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK))
    except FileNotFoundError:
        pass
    except OSError as error:
        raise CannotSupervise(f"{run.status} cannot be read ({error.strerror}): make it a plain file that you may read.") from None
    status = read_json(run.status)
    if status is not None:
        version, state = status.get("v"), status.get("state")
        if (isinstance(version, int | float) and version > VERSION) or (isinstance(state, str) and state not in STATES):
            raise CannotSupervise(f"The run {run.id} was supervised by a newer version of MiniLLM: update it to go on.")
        return status
    try:
        lines = run.journal.read_bytes().splitlines()
    except OSError:
        return {}
    for line in reversed(lines):
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and (entry.get("kind") == "exit" or "trainer" in entry):
            return entry
    return {}
