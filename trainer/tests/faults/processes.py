"""Processes that die, stop, or are not who they seem to be."""

from __future__ import annotations

import ctypes
import os
import random
import signal
import subprocess
import time
from pathlib import Path

from minillm import identity
from minillm.rundir import write_json_whole

from .ground import CLI, Ground, Untried, require, watch_for

KILLS = 20
TORCH_THAT_FAILS = """
import sys
from minillm.supervise import supervise
code = "import minillm_that_is_not_there"
sys.exit(supervise(sys.argv[1], trainer=[sys.executable, "-c", code]))
"""
SEGFAULT = """
import sys
from minillm.supervise import supervise
code = '''
import ctypes, sys, threading, time, os
sys.path.insert(0, os.environ["PYTHONPATH"])
from minillm.rundir import RunDir
run = RunDir(sys.argv[2])
def crash():
    while not list(run.checkpoints.glob("step-*")):
        time.sleep(0.01)
    ctypes.string_at(0)
if sys.argv[4] == "1":
    threading.Thread(target=crash, daemon=True).start()
from minillm.__main__ import main
sys.exit(main(["train", *sys.argv[1:]]))
'''
sys.exit(supervise(sys.argv[1], back_off=0.1, trainer=[sys.executable, "-P", "-c", code, "--gate"]))
"""


def trainer_killed_again_and_again(ground: Ground, kills: int = KILLS) -> str:
    """Every third time within a checkpoint, every third within its samples, else at any moment; it restarts by itself."""
    chance = random.Random(7)
    staged = ground.stage("killed", restarts=100)
    staged.start()
    run, within = staged.run, {"checkpoint": 0, "samples": 0, "any moment": 0}
    for n in range(kills):
        status = staged.until(lambda s, n=n: s["attempt"] == n + 1 and s["trainer"] and s["state"] not in ("finished", "failed"), 90)
        trainer = status["trainer"]
        what = ("checkpoint", "samples", "any moment")[n % 3]
        if what == "any moment":
            time.sleep(chance.uniform(0.0, 6.0))
        else:
            present = staged.sampling if what == "samples" else (run.checkpoints / ".part").exists
            watch_for(present, lambda trainer=trainer: identity.alive(trainer))
        if staged.status()["state"] == "finished" or not identity.alive(trainer):
            break
        os.kill(trainer["pid"], signal.SIGKILL)
        within[what] += 1
    staged.finish(resume=False)
    done = sum(within.values())
    require(done >= min(kills, 3), f"it could be killed {done} times only")
    return f"{done} kills ({', '.join(f'{count} {what}' for what, count in within.items())}), same weights"


def supervisor_killed(ground: Ground) -> str:
    staged = ground.stage("orphan")
    staged.start()
    staged.until_step(4)
    trainer = staged.status()["trainer"]
    staged.kill("supervisor")
    staged.until_state("stalled", 5)
    require(CLI is None or "The supervisor is gone" in staged.tell()["text"], "it is not said")
    staged.start()
    staged.until(lambda s: identity.alive(s["supervisor"]) or s["state"] == "finished", 5)
    require(staged.status()["trainer"] == trainer, "another trainer runs")
    return f"adopted; {staged.finish(resume=False)}"


def both_killed(ground: Ground) -> str:
    staged = ground.stage("both")
    staged.start()
    staged.until_step(10)
    staged.kill("supervisor")
    staged.kill("trainer")
    staged.until_state("lost", 5)
    staged.tell()
    return f"lost, and said so; {staged.finish()}"


def stopped_longer_than_a_heartbeat(ground: Ground) -> str:
    staged = ground.forever("asleep")
    supervisor = staged.start()
    staged.until_step(4)
    os.kill(supervisor.pid, signal.SIGSTOP)
    stopped = time.monotonic()
    staged.until_state("stalled", 17)
    after = time.monotonic() - stopped
    require(after > 5, "it was called stalled too soon")
    require(staged.tell()["text"].startswith("No heartbeat for "), staged.tell()["text"])
    os.kill(supervisor.pid, signal.SIGCONT)
    staged.until_state("running", 5)
    staged.outcome(staged.ask("stop"))
    staged.until_state("stopped", 20)
    staged.check_streams()
    return f"stalled after {after:.0f} s, running again at once"


def log_out(ground: Ground) -> str:
    staged = ground.stage("logout")
    supervisor = staged.start()
    staged.until_step(6)
    trainer = staged.status()["trainer"]
    os.killpg(trainer["pid"], signal.SIGTERM)
    supervisor.terminate()
    supervisor.wait(30)
    staged.until_state("stopped", 5)
    text = staged.tell()["text"]
    return f"“{text}”; {staged.finish()}"


def machine_restarted(ground: Ground) -> str:
    staged = ground.stage("reboot")
    staged.start()
    staged.until_step(6)
    staged.kill("supervisor")
    staged.kill("trainer")
    write_json_whole(staged.run.status, staged.status() | {"bootId": "another boot"})
    staged.until_state("lost", 1)
    text = staged.tell()["text"]
    require(text.startswith("The machine restarted") and "Resume it" in text, text)
    return f"lost, and offered to resume; {staged.finish()}"


def pid_reused(ground: Ground) -> str:
    staged = ground.stage("reused")
    staged.start()
    staged.until_step(6)
    staged.kill("supervisor")
    staged.kill("trainer")
    other = subprocess.Popen(["sleep", "60"], start_new_session=True)
    try:
        status = staged.status()
        pid = {"pid": other.pid}
        write_json_whole(staged.run.status, status | {"trainer": status["trainer"] | pid, "supervisor": status["supervisor"] | pid})
        staged.until_state("lost", 1)
        staged.tell()
        text = staged.finish()
        require(other.poll() is None, "a stranger was killed")
    finally:
        other.kill()
        other.wait()
    return f"not taken for ours; {text}"


def zombie_trainer(ground: Ground) -> str:
    staged = ground.stage("zombie")
    supervisor = staged.start()
    staged.until_step(6)
    trainer = staged.status()["trainer"]
    os.kill(supervisor.pid, signal.SIGSTOP)
    os.kill(trainer["pid"], signal.SIGKILL)
    time.sleep(0.5)
    require(Path(f"/proc/{trainer['pid']}/stat").read_text().split(") ")[1][0] == "Z", "it is no zombie")
    require(not identity.alive(trainer), "a zombie is called alive")
    staged.kill("supervisor")
    staged.until_state("lost", 5)
    staged.tell()
    return f"taken for dead; {staged.finish()}"


def cannot_import(ground: Ground) -> str:
    staged = ground.stage("import")
    staged.start(drive=TORCH_THAT_FAILS)
    staged.until_state("failed", 10)
    text = staged.tell()["text"]
    require(text == "ModuleNotFoundError: No module named 'minillm_that_is_not_there'", text)
    return f"“{text}”; {staged.finish()}"


def segfault(ground: Ground) -> str:
    staged = ground.stage("segfault", restarts=1)
    staged.start(drive=SEGFAULT)
    text = staged.finish(resume=False)
    exits = [line for line in staged.run.journal.read_text().splitlines() if "SIGSEGV" in line]
    require(exits and staged.status()["attempt"] == 2, "there was no crash")
    return f"restarted; {text}"


def out_of_memory(ground: Ground) -> str:
    staged = ground.stage("memory", restarts=0)
    group = Path("/sys/fs/cgroup/memory/minillm-faults")
    try:
        group.mkdir(exist_ok=True)
        (group / "memory.limit_in_bytes").write_text(str(150 << 20))
    except OSError:
        raise Untried("limits on memory can be set by the superuser only, and with cgroup v1") from None
    try:
        staged.start()
        trainer = staged.until(lambda s: s["trainer"])["trainer"]
        (group / "cgroup.procs").write_text(str(trainer["pid"]))
        staged.until_state("failed", 60)
        text = staged.tell()["text"]
        require("memory ran out" in text, text)
        return f"“{text[:60]}…”; {staged.finish()}"
    finally:
        staged.clear()
        time.sleep(0.3)
        group.rmdir()


def told_to_stop_twice_at_once(ground: Ground) -> str:
    staged = ground.stage("twice")
    staged.start()
    staged.until_step(6)
    names = [staged.ask("stop"), staged.ask("stop")]
    outcomes = [staged.outcome(name)["outcome"] for name in names]
    require(outcomes == ["done", "done"], f"{outcomes}")
    staged.until_state("stopped", 10)
    staged.tell()
    return f"both answered; {staged.finish()}"


def clock_set(ground: Ground) -> str:
    """The wall clock of both processes jumps by a day, forward and back."""
    staged = ground.stage("clock")
    offset = staged.run.path / "offset"
    offset.write_text("0")
    shim = f"import time; real = time.time; time.time = lambda: real() + float(open({str(offset)!r}).read() or 0)\n"
    trainer = shim + "import sys; from minillm.__main__ import main; sys.exit(main(['train', *sys.argv[1:]]))"
    drive = f"""{shim}
import sys
from minillm.supervise import supervise
sys.exit(supervise(sys.argv[1], trainer=[sys.executable, "-P", "-c", {trainer!r}, "--gate"]))
"""
    staged.start(drive=drive)
    staged.until_step(3)
    for jump in (86_400, -86_400, 0):
        part = staged.run.path / "offset.part"
        part.write_text(str(jump))
        part.rename(offset)
        time.sleep(0.5)
        require(staged.state() in ("running", "finished"), f"after a jump of {jump} s the state is {staged.state()}")
    return staged.finish(resume=False)


def other_host(ground: Ground) -> str:
    staged = ground.forever("elsewhere")
    staged.start()
    staged.until_step(2)
    staged.kill("supervisor")
    staged.kill("trainer")
    write_json_whole(staged.run.status, staged.status() | {"host": "elsewhere"})
    staged.until_state("unknown", 1)
    told = staged.tell()
    require(told["state"] == "unknown", told["state"])
    require(staged.start("--resume").wait(20) == 2, "it was taken over from its own machine")
    require("belongs to elsewhere" in staged.run.log.read_text(), "it is not said why")
    return f"“{told['text']}”"


def hangs(ground: Ground) -> str:
    staged = ground.stage("hangs", restarts=1, guards={"stall": {"action": "stop", "seconds": 30, "factor": 1}})
    staged.start()
    staged.until_step(6)
    staged.kill("trainer", signal.SIGSTOP)
    staged.until(lambda s: s["silentSince"] is not None, 60)
    text = staged.finish(resume=False)
    require(staged.status()["attempt"] == 2, "it was not restarted")
    return f"called stalled, ended, restarted; {text}"


def gone_capabilities() -> None:
    """For a child: the superuser, but bound by permissions like anybody."""
    libc = ctypes.CDLL(None)
    for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        libc.prctl(24, capability, 0, 0, 0)
