"""Where a trainer is, by its events: what is shown while it works, and the time left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from minillm.progress import Progress

PLAN = [{"method": "sft", "firstStep": 1, "steps": 10}, {"method": "minillm", "firstStep": 11, "steps": 20}]


class Stream:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "events.jsonl"
        self.path.touch()
        self.progress = Progress(self.path, attempt=1, offset=0)
        self.t = 1000.0

    def write(self, kind: str, *, attempt: int = 1, **fields: Any) -> None:
        with open(self.path, "a") as file:
            file.write(json.dumps({"v": 1, "seq": 0, "t": self.t, "attempt": attempt, "kind": kind, **fields}) + "\n")
        while self.progress.follow():
            pass

    def steps(self, first: int, last: int, seconds: float) -> None:
        for step in range(first, last + 1):
            self.t += seconds
            self.write("step", step=step, phase=0, metrics={})


def test_phase_step_and_activity(tmp_path: Path) -> None:
    stream = Stream(tmp_path)
    progress = stream.progress
    stream.write("progress", what="loading the teacher", done=1)
    assert (progress.started, progress.activity) == (False, "loading the teacher")
    stream.write("start", total=30, plan=PLAN)
    stream.write("phase", index=0, method="sft", firstStep=1, steps=10)
    assert (progress.started, progress.activity, progress.phase, progress.total) == (True, None, "sft", 30)
    stream.steps(1, 3, 1.0)
    stream.write("progress", what="evaluating", done=1)
    assert (progress.step, progress.activity) == (3, "evaluating")
    stream.steps(4, 4, 1.0)
    assert progress.activity is None


def test_the_time_left_waits_until_every_kind_of_step_was_seen(tmp_path: Path) -> None:
    stream = Stream(tmp_path)
    progress = stream.progress
    stream.write("start", total=30, plan=PLAN)
    stream.write("phase", index=0, method="sft", firstStep=1, steps=10)
    stream.steps(1, 10, 1.0)
    assert progress.seconds_left(stream.t) is None  # nobody knows yet what a step of minillm takes
    stream.write("phase", index=1, method="minillm", firstStep=11, steps=20)
    stream.steps(11, 15, 4.0)
    assert progress.seconds_left(stream.t) == 15 * 4.0
    assert progress.seconds_left(stream.t + 3) == 15 * 4.0 - 3
    assert progress.seconds_left(stream.t + 1000) == 0


def test_evaluations_count_and_sleeps_do_not(tmp_path: Path) -> None:
    stream = Stream(tmp_path)
    progress = stream.progress
    stream.write("start", total=100, plan=[{"method": "sft", "firstStep": 1, "steps": 100}])
    stream.write("phase", index=0, method="sft", firstStep=1, steps=100)
    stream.steps(1, 10, 1.0)
    stream.t += 9.0  # an evaluation
    stream.steps(11, 19, 1.0)
    assert progress.seconds_left(stream.t) == 81 * 1.5
    progress.interrupt_clock()
    stream.t += 10_000
    stream.steps(20, 20, 1.0)
    assert progress.seconds_left(stream.t) == 80 * 1.5


def test_a_pause_does_not_count(tmp_path: Path) -> None:
    stream = Stream(tmp_path)
    progress = stream.progress
    stream.write("start", total=100, plan=[{"method": "sft", "firstStep": 1, "steps": 100}])
    stream.write("phase", index=0, method="sft", firstStep=1, steps=100)
    stream.steps(1, 5, 1.0)
    stream.write("control", id="a", verb="pause", outcome="done", text="", step=5)
    assert progress.paused
    stream.t += 500
    stream.write("control", id="b", verb="continue", outcome="done", text="", step=5)
    stream.steps(6, 8, 1.0)
    assert (progress.paused, progress.seconds_left(stream.t)) == (False, 92.0)
    assert [answer["id"] for answer in progress.answers] == ["a", "b"]


def test_half_lines_garbage_and_other_attempts(tmp_path: Path) -> None:
    stream = Stream(tmp_path)
    progress = stream.progress
    stream.write("step", attempt=2, step=9, phase=0, metrics={})
    with open(stream.path, "ab") as file:
        file.write(b'\xff\xfe\n[]\n{\n\n{"attempt":1,"kind":"step","step":"x"}\n{"attempt":1,"kind":"start","plan":[3]}\n')
        file.write(b'{"attempt":1,"kind":"step","step":4,')
    progress.follow()
    assert progress.step == 0
    with open(stream.path, "ab") as file:
        file.write(b'"t":"NaN"}\n')
    progress.follow()
    assert progress.step == 4


def test_a_line_of_ten_megabytes_is_skipped(tmp_path: Path) -> None:
    stream = Stream(tmp_path)
    with open(stream.path, "ab") as file:
        file.write(b'{"attempt":1,"kind":"message","text":"' + b"x" * 10_000_000 + b'"}\n')
    stream.write("step", step=7, phase=0, metrics={})
    assert stream.progress.step == 7


def test_a_new_attempt_counts_from_its_own_beginning(tmp_path: Path) -> None:
    stream = Stream(tmp_path)
    stream.write("step", step=7, phase=0, metrics={})
    with open(stream.path, "a") as file:
        file.write('{"attempt":1,"kind":"st')  # torn: the next attempt ends it
    later = Progress(stream.path, attempt=2, offset=stream.path.stat().st_size)
    later.set_out_from({"step": 7, "total": 30, "phase": "sft"})
    with open(stream.path, "a") as file:
        file.write('\n{"attempt":2,"kind":"resume","step":5,"t":1}\n')
    later.follow()
    assert (later.step, later.total, later.phase) == (5, 30, "sft")
