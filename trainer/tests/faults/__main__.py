"""Does each fault to real runs and prints what came of it; the last line is JSON: {"faults", "survived", "lost", "doubled"}.

PYTHONPATH=trainer:trainer/tests python -P -m faults [name …]
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from . import files, processes
from .ground import Doubled, Ground, Untried

FAULTS: dict[str, Callable[[Ground], str]] = {
    f"trainer killed {processes.KILLS} times": processes.trainer_killed_again_and_again,
    "supervisor killed": processes.supervisor_killed,
    "both killed": processes.both_killed,
    "supervisor stopped longer than a heartbeat": processes.stopped_longer_than_a_heartbeat,
    "trainer hangs": processes.hangs,
    "log-out": processes.log_out,
    "machine restarted": processes.machine_restarted,
    "pid reused": processes.pid_reused,
    "zombie trainer": processes.zombie_trainer,
    "clock set forward and back": processes.clock_set,
    "import error": processes.cannot_import,
    "segmentation fault": processes.segfault,
    "out of memory": processes.out_of_memory,
    "two stops at once": processes.told_to_stop_twice_at_once,
    "written by another host": processes.other_host,
    "disk full at the start": files.disk_full_while_it_starts,
    "disk full at an event": files.disk_full_at_an_event,
    "disk full at the log": files.disk_full_at_the_log,
    "disk full within a checkpoint": files.disk_full_within_a_checkpoint,
    "disk full within samples": files.disk_full_within_samples,
    "runs folder made read-only": files.runs_folder_read_only,
    "run folder deleted": files.run_folder_deleted,
    "run folder moved": files.run_folder_moved,
    "garbage in the streams": files.garbage_in_the_streams,
    "half a status": files.half_a_status,
    "garbage in control": files.garbage_in_control,
    "config edited": files.config_edited,
    "damaged checkpoint": files.damaged_checkpoint,
    "checkpoint read while cleaned": files.read_while_cleaned,
    "data changed": files.data_changed,
    "newer version": files.newer_version,
    "extension updated, own minillm package, two launches at once": files.extension_updated,
    "5,000 old runs": files.five_thousand_runs,
}
WIDTH = max(map(len, FAULTS))


def main(names: list[str]) -> int:
    chosen = {name: fault for name, fault in FAULTS.items() if not names or any(part in name for part in names)}
    folder = Path(tempfile.mkdtemp(prefix="minillm-faults-"))
    counts = {"faults": 0, "survived": 0, "lost": 0, "doubled": 0}
    try:
        ground = Ground(folder) if chosen else None
        for name, fault in chosen.items():
            began = time.monotonic()
            kind, text = outcome(fault, ground)
            if kind != "untried":
                counts["faults"] += 1
                counts[kind] += 1
            print(f"{name.ljust(WIDTH)}  {kind.ljust(8)}  {text} ({time.monotonic() - began:.0f} s)", flush=True)
            ground.clear()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(counts))
    return 0 if counts["survived"] == counts["faults"] else 1


def outcome(fault: Callable[[Ground], str], ground: Ground) -> tuple[str, str]:
    try:
        return "survived", fault(ground)
    except Untried as reason:
        return "untried", str(reason)
    except Doubled as error:
        return "doubled", str(error)
    except Exception as error:
        return "lost", f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
