"""Which prompts a run samples: those of its user's file, which may grow while it goes on, and a slice of validation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import MakeRun, copy_run, events_of
from test_resume import outcome, train_until

from minillm import record
from minillm.data import Example
from minillm.inspection import Inspection
from minillm.rundir import RunDir, read_json, write_json_whole
from minillm.samples import lines_of
from minillm.train import train


def test_no_prompt_is_there_twice_and_no_id() -> None:
    own = Example("1", 0, "one", [1], [], ()), Example("validation:4", 1, "mine", [1], [], ())
    validation = [Example(str(line), line - 1, prompt, [1], [], ()) for line, prompt in enumerate(["uno", "due", "one", "quattro"], 1)]
    chosen = Inspection(own, rows=5, validation=validation).examples
    assert [(example.id, example.prompt) for example in chosen] == [
        ("1", "one"), ("validation:4", "mine"), ("validation:1", "uno"), ("validation:2", "due"),
    ]  # fmt: skip


@pytest.fixture
def file(workspace: Path) -> Path:
    """Inspection prompts of a run: the second validation row, and one that stands nowhere else."""
    rows = validation_rows(workspace)
    file = workspace / "both.jsonl"
    file.write_text("\n".join([rows[1], '{"prompt": "k o n :"}']) + "\n", encoding="utf-8")
    return file


def validation_rows(workspace: Path) -> list[str]:
    return (workspace / "valid.jsonl").read_text(encoding="utf-8").splitlines()


def asked(run: RunDir, name: str) -> list[tuple[str, str]]:
    """Id and text of each prompt that has samples, in order."""
    return [(line["promptId"], line["prompt"]) for line in lines_of(run.samples / f"{name}.jsonl") if line["draw"] == 0]


def said(run: RunDir, name: str) -> list[tuple[str, int, list[int]]]:
    return [(line["promptId"], line["draw"], line["ids"]) for line in lines_of(run.samples / f"{name}.jsonl")]


def test_prompts_of_the_user_and_validation_rows_are_sampled_beside_each_other(make_run: MakeRun, workspace: Path, file: Path) -> None:
    prompts = [json.loads(row)["prompt"] for row in validation_rows(workspace)]
    both = make_run("both", inspect__prompts=file.name, inspect__validationRows=3)
    alone = make_run("alone", inspect__prompts=file.name, inspect__validationRows=0)
    assert [train(run.path, 1) for run in (both, alone)] == [0, 0]
    expected = [("1", prompts[1]), ("2", "k o n :"), ("validation:1", prompts[0]), ("validation:3", prompts[2])]
    for name in ("teacher", "step-00000005-a1", "step-00000016-a1"):
        assert asked(both, name) == expected
        assert [line for line in said(both, name) if line[0] in ("1", "2")] == said(alone, name)
    (start,) = events_of(both, "start")
    assert start["rows"]["inspect"] == 4


def test_prompts_are_typed_beside_validation_rows_and_a_resume_is_exact(
    make_run: MakeRun, workspace: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = validation_rows(workspace)
    prompts = [json.loads(row)["prompt"] for row in rows]
    typed = rows[2] + "\n" + '{"id": "new", "prompt": "s e l :"}' + "\n"  # one of them is a validation row that is sampled already
    write = record.samples.write_samples

    def write_and_type(run: RunDir, name: str, step: int, *rest: Any) -> Any:
        made = write(run, name, step, *rest)
        if step == 5 and "new" not in file.read_text(encoding="utf-8"):
            with open(file, "a", encoding="utf-8") as appended:
                appended.write(typed)
        return made

    before = file.read_text(encoding="utf-8")
    through = make_run(inspect__prompts=file.name, inspect__validationRows=3)
    resumed = copy_run(through, "resumed")
    monkeypatch.setattr(record.samples, "write_samples", write_and_type)
    assert train(through.path, 1) == 0
    first = [("1", prompts[1]), ("2", "k o n :"), ("validation:1", prompts[0]), ("validation:3", prompts[2])]
    assert asked(through, "step-00000005-a1") == first
    assert asked(through, "step-00000010-a1") == [*first[:2], ("3", prompts[2]), ("new", "s e l :"), first[2]]

    file.write_text(before, encoding="utf-8")
    train_until(resumed, 1, 7)
    assert train(resumed.path, 2) == 0
    expected, found = outcome(through), outcome(resumed)
    found["names"].remove("step-00000007")  # where it was stopped
    assert found == expected


def test_a_run_whose_record_does_not_know_of_validation_rows_samples_none(make_run: MakeRun, file: Path) -> None:
    run = make_run(inspect__prompts=file.name, phases__1__steps=1)
    older = read_json(run.run) or {}
    assert older["config"]["inspect"].pop("validationRows") == 16
    write_json_whole(run.run, older)
    assert train(run.path, 1) == 0
    assert [name for name, _ in asked(run, "teacher")] == ["1", "2"]
