"""A stand-in for the trainer: same command line, real events, no torch. For what the supervisor must bear, not for what it trains.

    python stand_in.py '{"steps": 5, …}' <run folder> --attempt K

fails: attempts that end as `end` says, the others end well · hang: step at which it falls silent · held: step at which it waits for
a file `go` in the run's folder
saves: seconds that it takes to write a checkpoint when it is asked to stop · updates: seconds that it claims each step to take
seconds: between steps · end: exit code or "-9" and the like · cause: of exit.json (none: no exit.json) · print: last words in
the log · deaf: ignores signals and requests, and has a child that does so too · forever: never ends by itself
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

from minillm.progress import SAVING
from minillm.rundir import EventWriter, RunDir, answer_request, trainer_requests, write_json_whole

plan = json.loads(sys.argv[1])
run, attempt = RunDir(sys.argv[2]), int(sys.argv[4])
steps, seconds = plan.get("steps", 3), plan.get("seconds", 0.02)
events = EventWriter(run, attempt)


def end(code: int, cause: str | None) -> None:
    reason = {0: "finished", 2: "bad input", 3: "stopped"}.get(code, "failed")
    events.write("end", reason=reason, exitCode=code, step=step, cause=cause)
    record = {"v": 1, "run": run.id, "attempt": attempt, "t": time.time(), "exitCode": code, "reason": reason, "cause": cause}
    write_json_whole(run.exit, record)
    sys.exit(code)


if plan.get("deaf"):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    (run.path / "grandchild").write_text(str(child.pid))

events.write("progress", what="loading the teacher", done=1, total=1)
step = json.loads((run.path / "reached").read_text()) if (run.path / "reached").exists() else 0
if step:
    events.write("resume", step=step, checkpoint=f"step-{step:08d}-a{attempt - 1}")
events.write("start", device="cpu", precision="fp32", threads=1, versions={}, parameters={}, vocabulary=5, rows={}, total=steps,
             plan=[{"method": "sft", "firstStep": 1, "steps": steps}])  # fmt: skip
events.write("phase", index=0, method="sft", firstStep=1, steps=steps)
while step < steps or plan.get("forever"):
    step += 1
    events.write("step", step=step, phase=0, metrics={"loss/sft": 1.0 / step, "time/step": plan.get("updates", seconds)})
    (run.path / "reached").write_text(str(step))
    time.sleep(seconds)
    while step == plan.get("hang") or (step == plan.get("held") and not (run.path / "go").exists()):
        time.sleep(0.05)
    for request in [] if plan.get("deaf") else trainer_requests(run):
        if request["verb"] == "evaluate":
            continue  # left open
        if request["verb"] == "stop" and "saves" in plan:
            events.write("progress", what=SAVING, done=0, total=None, unit="")
            time.sleep(plan["saves"])
            events.write("checkpoint", step=step, name="", path="", bytes=1, seconds=1.0, phase="sft")
        answer_request(run, events, request, step=step, outcome="done", text=f"{request['verb']} after step {step}.")
        if request["verb"] == "stop":
            end(3, None)
print(plan.get("print", "a line"), file=sys.stderr, flush=True)
code = int(plan.get("end", 0)) if attempt <= plan.get("fails", attempt) else 0
if code < 0:
    os.kill(os.getpid(), -code)
if plan.get("silent"):
    os._exit(code)
end(code, plan.get("cause"))
