"""Records that are replaced whole, lines that are appended whole, and what a killed writer leaves behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from minillm.rundir import EventWriter, LineWriter, RunDir, answer_request, read_json, trainer_requests, write_json_whole, write_text_whole

TRAINER = Path(__file__).resolve().parents[1]


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    run = RunDir(tmp_path)
    run.control_trainer.mkdir(parents=True)
    return run


def lines(path: Path) -> list[Any]:
    out = []
    for line in path.read_bytes().split(b"\n"):
        try:
            out.append(json.loads(line))
        except ValueError:
            out.append(line)
    return out


def test_numbers_that_json_cannot_hold_become_words(run: RunDir) -> None:
    write_json_whole(run.status, {"a": float("nan"), "b": [float("inf"), {"c": -float("inf")}], "d": 1.5, "e": "NaN", "f": (1, 2)})
    assert run.status.read_text() == '{"a":"NaN","b":["Infinity",{"c":"-Infinity"}],"d":1.5,"e":"NaN","f":[1,2]}\n'


def test_what_is_no_record_is_refused_before_anything_is_written(run: RunDir) -> None:
    write_json_whole(run.status, {"old": 1})
    with pytest.raises(TypeError):
        write_json_whole(run.status, {"path": Path("/")})
    assert read_json(run.status) == {"old": 1}


def test_a_failed_write_leaves_the_old_record(run: RunDir) -> None:
    write_json_whole(run.status, {"old": 1})
    (run.path / ".status.json.part").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_json_whole(run.status, {"new": 1})
    assert read_json(run.status) == {"old": 1}


def test_text_that_is_no_utf8_is_written_all_the_same(run: RunDir) -> None:
    write_text_whole(run.path / "x", "a\ud800b\r\n")
    assert (run.path / "x").read_bytes() == b"a?b\r\n"


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff", b"[" * 100_000, b'{"a": 1}' + b" " * 200])
def test_what_cannot_be_read_as_a_record_is_none(run: RunDir, content: bytes) -> None:
    run.status.write_bytes(content)
    assert read_json(run.status, largest=100_100 if content.startswith(b"[[") else 100) is None
    assert read_json(run.path / "missing") is None


def test_seq_goes_on_for_the_whole_life_of_the_file(run: RunDir) -> None:
    for attempt in (1, 2):
        events = EventWriter(run, attempt)
        assert [events.write("message", level="info", text="…") for _ in range(3)] == [3 * attempt - 3, 3 * attempt - 2, 3 * attempt - 1]
        events.close()
    assert [(line["seq"], line["attempt"], line["v"]) for line in lines(run.events)[:-1]] == [(i, 1 + i // 3, 1) for i in range(6)]


@pytest.mark.parametrize(
    ("torn", "next_seq"),
    [
        (b'{"v":1,"seq":1,"t":1,"att', 1),  # says nothing: its number is free
        (b'{"v":1,"seq":1,"t":1,"attempt":1,"kind":"message"}', 2),  # only its end is missing: it counts
        (b"\xff\xfe\n", 1),
        (b"\n\n", 1),
        (b'[1]\n"x"\n{"seq":"7"}\n', 1),
        (b'{"v":1,"seq":1,"t":1,"attempt":1,"kind":"message","text":"' + b"x" * 300_000 + b'"}\n', 2),  # longer than one look back
        (b"y" * 300_000, 1),
    ],
)
def test_what_a_killed_writer_left_is_mended(run: RunDir, torn: bytes, next_seq: int) -> None:
    first = EventWriter(run, 1)
    first.write("message", text="whole")
    first.close()
    with open(run.events, "ab") as file:
        file.write(torn)
    second = EventWriter(run, 2)
    assert second.write("message", text="next") == next_seq
    found = [line for line in lines(run.events) if isinstance(line, dict) and isinstance(line.get("seq"), int)]
    assert [line["seq"] for line in found] == list(range(next_seq + 1))


def test_a_full_disk_tears_one_line_and_no_more(tmp_path: Path) -> None:
    """The limit on the size of a file stands in for the end of the disk: the write stops in the middle of a line."""
    code = """
import resource, signal, sys
from pathlib import Path
from minillm.rundir import LineWriter
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
lines = LineWriter(Path(sys.argv[1]), 1)
lines.write("message", text="a")
resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
for _ in range(2):
    try:
        lines.write("message", text="b" * 100)
    except OSError as error:
        print(error.strerror)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(lines.write("message", text="c"))
"""
    path = tmp_path / "lines"
    done = subprocess.run([sys.executable, "-c", code, str(path)], cwd=TRAINER, capture_output=True, text=True, check=True, timeout=20)
    assert done.stdout.splitlines() == ["File too large", "File too large", "1"]
    first, torn, last, end = lines(path)
    assert (first["text"], last["text"], first["seq"], last["seq"]) == ("a", "c", 0, 1)
    assert isinstance(torn, bytes)
    assert end == b""


def test_no_child_inherits_the_stream(run: RunDir) -> None:
    writer = LineWriter(run.journal, 1)
    assert not os.get_inheritable(writer._fd)
    writer.close()


def test_requests_come_oldest_first_and_are_closed_by_an_answer(run: RunDir) -> None:
    for name, t in (("b", 2.0), ("a", 3.0), ("c", 1.0)):
        write_json_whole(run.control_trainer / f"{name}.json", {"id": "../elsewhere", "verb": "checkpoint", "t": t})
    (run.control_trainer / "garbage.json").write_text("{")
    (run.control_trainer / ".half.json").write_text('{"verb":"stop"}')
    (run.control_trainer / "no-time.json").write_text('{"verb":"stop","t":"NaN"}')
    requests = trainer_requests(run)
    assert [request["id"] for request in requests] == ["no-time", "c", "b", "a"]
    events = EventWriter(run, 1)
    answer_request(run, events, requests[1], step=4, outcome="done", text="Done.")
    assert [request["id"] for request in trainer_requests(run)] == ["no-time", "b", "a"]
    event = lines(run.events)[0]
    assert (event["kind"], event["id"], event["verb"], event["outcome"], event["step"]) == ("control", "c", "checkpoint", "done", 4)


def test_a_run_that_was_never_asked_anything_has_no_requests(tmp_path: Path) -> None:
    assert trainer_requests(RunDir(tmp_path)) == []
