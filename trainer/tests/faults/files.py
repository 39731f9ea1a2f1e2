"""Files that are full, damaged, in the way or gone."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from minillm import identity
from minillm.rundir import write_json_whole

from .ground import CLI, ENDED, TRAINER, Ground, Staged, Untried, require, small_disk, watch_for
from .processes import gone_capabilities


@contextlib.contextmanager
def full(folder: Path) -> Iterator[None]:
    """Takes every byte of a disk, and what is freed meanwhile."""
    over = threading.Event()

    def fill() -> None:
        with open(folder / "filler", "ab", buffering=0) as file:
            while not over.is_set():
                size = 1 << 16
                while size:
                    try:
                        file.write(b"\0" * size)
                    except OSError:
                        size //= 2
                time.sleep(0.001)

    thread = threading.Thread(target=fill)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        (folder / "filler").unlink()


def _full_disk(ground: Ground, name: str, when: Callable[[Staged], bool]) -> str:
    with small_disk(ground.folder / f"disk-{name}", 24) as disk:
        staged = ground.stage(name, runs=disk, guards={"diskSpace": {"free": 0.001}})
        staged.start()
        try:
            watch_for(lambda: when(staged), lambda: staged.status().get("state") not in ENDED)
            with full(disk):
                staged.until(lambda s: not staged.facts().trainer_alive, 30)
                time.sleep(0.5)  # the supervisor sees its end on a disk that is still full
            staged.until_state("failed", 10)
            text = staged.tell()["text"]
            require("No space left" in text or "disk of the runs folder is full" in text, text)
            return f"“{text[:70]}”; {staged.finish()}"
        finally:
            staged.clear()


def disk_full_at_an_event(ground: Ground) -> str:
    def within_a_phase(staged: Staged) -> bool:
        return any(event["kind"] == "step" and event["step"] == 22 for event in staged.events())

    return _full_disk(ground, "full-event", within_a_phase)


def disk_full_at_the_log(ground: Ground) -> str:
    """The log alone lies on a full disk; every evaluation has an alert to print."""
    with small_disk(ground.folder / "disk-log", 1) as disk:
        staged = ground.stage("full-log", guards={"truncation": {"above": 0.0}})
        log = disk / "log.txt"
        log.touch()
        bound = subprocess.run(["mount", "--bind", str(log), str(staged.run.log)], capture_output=True, check=False).returncode == 0
        if not bound:
            raise Untried("a file can be mounted over another by the superuser only")
        try:
            with full(disk):
                staged.start()
                text = staged.finish(resume=False)
            require(any(event["kind"] == "alert" for event in staged.events()), "nothing was to be printed")
            require(staged.run.log.stat().st_size < 1 << 16, "the disk was not full")
            return f"nothing is printed, nothing else is missing; {text}"
        finally:
            staged.clear()
            subprocess.run(["umount", "-l", str(staged.run.log)], check=False)


def disk_full_while_it_starts(ground: Ground) -> str:
    return _full_disk(ground, "full-start", lambda staged: bool(staged.status().get("trainer")))


def disk_full_within_a_checkpoint(ground: Ground) -> str:
    def writing(staged: Staged) -> bool:
        return len(staged.checkpoints()) > 1 and (staged.run.checkpoints / ".part").exists()

    return _full_disk(ground, "full-checkpoint", writing)


def disk_full_within_samples(ground: Ground) -> str:
    return _full_disk(ground, "full-samples", Staged.sampling)


def runs_folder_read_only(ground: Ground) -> str:
    staged = ground.stage("read-only")
    staged.start(before_exec=gone_capabilities)
    staged.until_step(6)
    folders = [staged.run.path, *(path for path in staged.run.path.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    try:
        staged.until(lambda s: not staged.facts().trainer_alive, 30)
    finally:
        for folder in folders:
            if folder.exists():
                folder.chmod(0o755)
    staged.until_state("failed", 10)
    text = staged.tell()["text"]
    require("Permission denied" in text, text)
    return f"“{text[:60]}…”; {staged.finish()}"


def run_folder_deleted(ground: Ground) -> str:
    staged = ground.forever("deleted")
    supervisor = staged.start()
    staged.until_step(4)
    trainer = staged.status()["trainer"]
    gone = staged.run.path.with_name("gone")
    os.rename(staged.run.path, gone)
    shutil.rmtree(gone)
    until = time.monotonic() + 60
    while Path(f"/proc/{trainer['pid']}").exists() and time.monotonic() < until:
        time.sleep(0.05)
    require(not Path(f"/proc/{trainer['pid']}").exists(), "its trainer goes on for nobody")
    supervisor.wait(20)
    require(not staged.run.path.exists(), "the folder came back")
    return "trainer and supervisor end; nothing comes back"


def run_folder_moved(ground: Ground) -> str:
    staged = ground.stage("moved")
    staged.start()
    staged.until_step(6)
    elsewhere = staged.run.path.parent / "elsewhere"
    elsewhere.mkdir()
    there = elsewhere / staged.run.path.name
    os.rename(staged.run.path, there)
    moved = Staged(ground, type(staged.run)(there))
    ground.staged.append(moved)
    moved.until(lambda s: not moved.facts().trainer_alive and not moved.facts().supervisor_alive, 30)
    state = moved.tell()["state"]
    require(state in ("lost", "failed"), state)
    return f"{state} where it lies now; {moved.finish()}"


def garbage_in_the_streams(ground: Ground) -> str:
    staged = ground.stage("garbage")
    staged.start()
    staged.until_step(10)
    staged.outcome(staged.ask("stop"))
    staged.until_state("stopped", 10)
    good = staged.events()
    (samples, *_) = sorted(staged.run.samples.glob("step-*.jsonl"))
    said = _said(staged, samples.stem)
    for path in (*staged.run.samples.glob("*.jsonl"), *staged.run.samples.glob("*.tokens.index")):
        with open(path, "ab") as file:
            file.write(b'\xff\xfe not text\n{"v":1,\n[]\nnull\n{"promptId":1}\n' + b"[" * 100_000 + b"\n" + b"x" * (10 << 20) + b"\n")
    require(said and _said(staged, samples.stem) == said, "the samples read otherwise with garbage between them")
    for path in (staged.run.events, staged.run.journal):
        whole = path.read_bytes().splitlines()
        with open(path, "ab") as file:
            file.write(b'\xff\xfe not text\n{"v":1,\n[]\nnull\n' + b"[" * 100_000 + b"\n" + b"x" * (10 << 20) + b"\n")
            file.write(whole[-1] + b"\n" + whole[2][:40])
    require(staged.tell()["state"] == "stopped", "the list was misled")
    seen = _exported(staged)
    require(seen == [event["seq"] for event in good], "readers see lines that are not there, or some twice")
    staged.start("--resume")
    staged.until(lambda s: s["state"] in ENDED and s["attempt"] == 2, 60)
    require(staged.tell()["state"] == "finished", staged.tell()["text"])
    seen = _exported(staged)
    require(seen == list(range(len(seen))), "readers miss events after it")
    require(staged.final_weights() == ground.weights, "its weights are not those of the undisturbed run")
    return "readers saw every event and every sample once; same weights"


def _said(staged: Staged, checkpoint: str) -> list[str]:
    """The responses at a checkpoint, as the command line prints them."""
    if CLI is None:
        raise Untried("the command line is not built")
    command = ["node", CLI, "samples", staged.run.id, "--step", str(int(checkpoint[5:13])), "--json", "--runs", str(staged.run.path.parent)]
    answer = subprocess.run(command, capture_output=True, check=False)
    require(answer.returncode == 0, f"the command line fails: {answer.stderr.decode()[-300:]}")
    return [sample["text"] for sample in json.loads(answer.stdout)]


def _exported(staged: Staged) -> list[int]:
    if CLI is None:
        raise Untried("the command line is not built")
    answer = subprocess.run(
        ["node", CLI, "tail", staged.run.id, "--json", "--runs", str(staged.run.path.parent)], capture_output=True, check=False,
    )  # fmt: skip
    return [event["seq"] for line in answer.stdout.splitlines() if isinstance(event := json.loads(line), dict) and "seq" in event]


def half_a_status(ground: Ground) -> str:
    staged = ground.stage("half")
    staged.start()
    staged.until_step(6)
    staged.kill("supervisor")
    whole = staged.run.status.read_bytes()
    staged.run.status.write_bytes(whole[: len(whole) // 2])
    answer = staged.tell()
    require(answer["problem"] and "status.json" in answer["problem"], "nothing is said of it")
    staged.start()
    staged.until(lambda s: s.get("state") in ("running", "finished"), 10)
    return f"adopted by what the journal knows; {staged.finish(resume=False)}"


def garbage_in_control(ground: Ground) -> str:
    staged = ground.forever("control")
    staged.start()
    staged.until_step(2)
    control = staged.run.control
    (control / "a.json").write_bytes(b"{")
    (control / "b.json").write_bytes(b'{"verb":"format"}')
    (control / "c.json").write_bytes(b"\xff" * 100_000)
    os.mkfifo(control / "d.json")
    (control / "e.json").symlink_to("/etc/passwd")
    (control / "f.json").mkdir()
    outcomes = [staged.outcome(name)["outcome"] for name in "abcde"]
    require(set(outcomes) == {"refused"}, f"{outcomes}")
    require(staged.outcome(staged.ask("checkpoint"))["outcome"] == "done", "a real request is not heard any more")
    staged.outcome(staged.ask("stop"))
    staged.until_state("stopped", 20)
    staged.check_streams()
    return "each refused with a sentence; requests are heard"


def config_edited(ground: Ground) -> str:
    staged = ground.stage("edited", restarts=1)
    staged.start()
    staged.until_step(6)
    (ground.workspace / "edited.minillm.jsonc").write_text("{")
    staged.kill("trainer")
    return f"the run keeps its own; {staged.finish(resume=False)}"


def damaged_checkpoint(ground: Ground) -> str:
    texts = []
    for n, damage in enumerate(("truncated weights", "missing state", "emptied record")):
        staged = ground.stage(f"damaged{n}", checkpoints={"every": 4, "keep": None})
        staged.start()
        staged.until_step(14)
        staged.kill("supervisor")
        staged.kill("trainer")
        staged.until_state("lost", 5)
        *_, before, newest = staged.checkpoints()
        (folder,) = staged.run.checkpoints.glob(f"step-{newest:08d}-*")
        if n == 0:
            os.truncate(folder / "model.safetensors", 1000)
        elif n == 1:
            shutil.rmtree(folder / "state" / "optimizer.safetensors", ignore_errors=True)
            (folder / "state" / "optimizer.safetensors").unlink(missing_ok=True)
            (folder / "tokenizer.json").unlink()
        else:
            (folder / "state" / "state.json").write_bytes(b"")
        staged.finish(start=before)
        said = [event["text"] for event in staged.events() if event["kind"] == "message" and "cannot be used" in event["text"]]
        require(said, "it is not said")
        texts.append(damage)
    return f"{', '.join(texts)}: each time the one before, and it says so; same weights"


def data_changed(ground: Ground) -> str:
    staged = ground.stage("data")
    staged.start()
    staged.until_step(6)
    staged.kill("supervisor")
    staged.kill("trainer")
    path = ground.workspace / "train.jsonl"
    was = path.read_bytes()
    path.write_bytes(was.replace(b"e", b"a", 1))
    try:
        require(staged.start("--resume").wait(20) == 2, "it went on with other data")
        require("has other content of the same size" in staged.run.log.read_text(), "it is not said why")
        staged.until_state("lost", 1)
        told = _cli("resume", staged, "--detach", "--python", sys.executable)
        require(told.returncode == 2 and b"is not what it was" in told.stderr, f"the command line: {told.stderr.decode()[-300:]}")
        staged.start("--resume", "--allow-changed-data")
        staged.until(lambda s: s["state"] in ENDED and s["attempt"] > 1, 120)
        require(staged.tell()["state"] == "finished", staged.tell()["text"])
    finally:
        path.write_bytes(was)
    return "refused with a sentence; with --allow-changed-data it goes on"


def _cli(verb: str, staged: Staged, *options: str) -> subprocess.CompletedProcess[bytes]:
    if CLI is None:
        raise Untried("the command line is not built")
    command = ["node", CLI, verb, staged.run.id, *options, "--runs", str(staged.run.path.parent)]
    return subprocess.run(command, capture_output=True, check=False, env=staged.ground.env)


def read_while_cleaned(ground: Ground) -> str:
    """Somebody holds the weights of every checkpoint open, and another run is forked from one of them, while old ones are deleted."""
    if CLI is None:
        raise Untried("the command line is not built")
    staged = ground.stage("cleaned", checkpoints={"every": 4, "keep": None})
    staged.start()
    staged.until(lambda s: s["state"] in ENDED)
    before = staged.checkpoints()
    weights = {path: path.read_bytes() for path in staged.run.checkpoints.glob("step-*/model.safetensors")}
    held = {path: open(path, "rb") for path in weights}  # noqa: SIM115
    command = ["node", CLI, "clean", "--yes", "--older-than", "0", "--json", "--runs", str(staged.run.path.parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as cleaner:
        fork = _cli("fork", staged, "--from", str(before[1]), "--detach", "--json", "--python", sys.executable)
        _, err = cleaner.communicate(timeout=60)
    require(cleaner.returncode == 0, err.decode()[-300:])
    for path, file in held.items():
        with file:
            require(file.read() == weights[path], f"{path.parent.name} changed under its reader")
    left = staged.checkpoints()
    require(before[-1] in left and len(left) < len(before), f"of {before} are left {left}")
    require(staged.final_weights() == ground.weights, "the last weights are gone")
    if fork.returncode == 0:
        forked = Staged(ground, type(staged.run)(json.loads(fork.stdout)["dir"]))
        ground.staged.append(forked)
        begun = (forked.run.path / "start" / "model.safetensors").read_bytes()
        require(begun in weights.values(), "the fork begins with half of the weights")
        told = "the fork had them too"
    else:
        require(0 < len(fork.stderr) < 500, f"no sentence: {fork.stderr.decode()}")
        told = "the fork came too late and was told so"
    others = [path.name for path in staged.run.path.parent.iterdir() if path.name.startswith(".launch")]
    require(not others, f"{others} are left behind")
    return f"{len(before) - len(left)} of {len(before)} deleted; who had them open read them whole; {told}"


def newer_version(ground: Ground) -> str:
    if CLI is None:
        raise Untried("the command line is not built")
    staged = ground.forever("newer")
    record = json.loads(staged.run.run.read_text())
    write_json_whole(staged.run.run, record | {"v": 99})
    write_json_whole(staged.run.status, {"v": 99, "state": "dreaming"})
    answer = subprocess.run(["node", CLI, "list", "--json", "--runs", str(staged.run.path.parent)], capture_output=True, check=False)
    (told,) = json.loads(answer.stdout)
    require("newer version" in (told["problem"] or ""), str(told))
    return f"“{told['problem'][:60]}…”"


def extension_updated(ground: Ground) -> str:
    """Launched by the command line out of a folder that is then replaced, in a workspace that holds a package of the same name."""
    if CLI is None:
        raise Untried("the command line is not built")
    extension = ground.folder / "extension"
    shutil.copytree(TRAINER / "minillm", extension / "trainer" / "minillm", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(Path(CLI).parent, extension / "dist")
    trap = ground.workspace / "minillm"
    trap.mkdir(exist_ok=True)
    (trap / "__init__.py").write_text("raise SystemExit('the workspace was run')")
    staged = ground.stage("updated", restarts=1)
    env = ground.env | {"MINILLM_PYTHON": sys.executable}
    env.pop("PYTHONPATH")
    command = ["node", str(extension / "dist" / "cli.js"), "run", "updated.minillm.jsonc", "--detach", "--json"]
    runs = ground.folder / "launched"
    answers = [
        subprocess.Popen([*command, "--runs", str(runs)], cwd=ground.workspace, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    dirs = []
    for answer in answers:
        out, err = answer.communicate(timeout=120)
        require(answer.returncode == 0, err.decode()[-300:])
        dirs.append(json.loads(out)["dir"])
    require(len(set(dirs)) == 2, "two launches share a folder")
    shutil.rmtree(extension)
    shutil.rmtree(trap)
    restarted = 0
    for folder in dirs:
        launched = Staged(ground, type(staged.run)(folder))
        ground.staged.append(launched)
        if identity.alive(launched.status()["trainer"]):
            launched.kill("trainer", signal.SIGKILL)
            restarted += 1
        launched.finish(resume=False)
    require(restarted > 0, "both were over before they could be killed")
    return "two launches at once, two runs; restarted with the code they began with; same weights"


def five_thousand_runs(ground: Ground) -> str:
    if CLI is None:
        raise Untried("the command line is not built")
    staged = ground.stage("old", phases=[dict(method="sft", steps=1, batchSize=4)])
    staged.start()
    staged.until(lambda s: s["state"] in ENDED)
    many = ground.folder / "many"
    many.mkdir()
    for n in range(5000):
        folder = many / f"2025{1 + n // 500:02d}01-{n % 24:02d}{n % 60:02d}{n // 60 % 60:02d}-old-{n}"
        folder.mkdir()
        for name in ("run.json", "status.json", "exit.json"):
            os.link(staged.run.path / name, folder / name)
    bare, listed = [], []
    for times, arguments in ((bare, ["--version"]), (listed, ["list", "--json", "--limit", "100", "--runs", str(many)])):
        for _ in range(5):
            began = time.monotonic()
            answer = subprocess.run(["node", CLI, *arguments], capture_output=True, check=True)
            times.append(time.monotonic() - began)
    require(len(json.loads(answer.stdout)) == 100, "not a hundred")
    seconds = min(listed) - min(bare)
    require(seconds < 0.3, f"the newest hundred take {seconds:.2f} s")
    return f"the newest hundred of 5,000, with the newest events of each, in {seconds:.2f} s"
