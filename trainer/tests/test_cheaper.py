"""A teacher that reads in bf16 while training: who reads, who judges, and that a resume chooses nothing anew."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from conftest import MakeRun
from test_phases import Prepare, prepared  # noqa: F401
from test_resume import events_of, outcome, train_until
from toys import toy

from minillm import cheaper
from minillm.config import Lora
from minillm.errors import BadInput
from minillm.lora import Origin, attach
from minillm.train import train

SIZES = {"inspect__rows": 1, "evaluation__rows": 3, "evaluation__sharpeningControl": False}


def test_the_copy_trains_and_the_teacher_judges(prepared: Prepare) -> None:  # noqa: F811
    ready = prepared(teacher__precision="bf16")
    reading = ready.reading.teacher
    assert reading.dtype == torch.bfloat16
    assert all(p.dtype == torch.bfloat16 for p in reading.model.parameters())
    assert ready.teacher.dtype == torch.float32
    assert all(p.dtype == torch.float32 for p in ready.teacher.model.parameters())
    assert all(phase.bench.teacher is reading for phase in ready.phases)
    shift = cheaper.measure(ready.teacher, reading, ready.subset, ready.setting.pad)
    assert shift is not None
    assert 0 < shift.mean < 0.01
    assert shift.mean <= shift.largest
    same = prepared()
    assert same.reading == cheaper.Reading(same.teacher, "same")


@pytest.mark.parametrize(("share", "chosen"), [(0.5, "bf16"), (0.95, "same")])
def test_unasked_it_is_chosen_where_it_is_faster(prepared: Prepare, monkeypatch, share: float, chosen: str) -> None:  # noqa: F811
    ready = prepared()
    monkeypatch.setattr(cheaper, "time_share", lambda *_: share)
    monkeypatch.setattr(cheaper, "LARGEST_SHIFT", 0.01)  # random weights, amplified: bf16 moves them more than a trained teacher
    reading = cheaper.choose(ready.teacher, "auto", ready.subset, 0, 12)
    assert reading.precision == chosen
    assert f"{share:.2f} of the time" in (reading.told or "")
    monkeypatch.setattr(cheaper, "LARGEST_SHIFT", 1e-9)
    assert cheaper.choose(ready.teacher, "auto", ready.subset, 0, 12).precision == "same"
    without_answers = [replace(example, responses=[]) for example in ready.subset]
    assert cheaper.choose(ready.teacher, "auto", without_answers, 0, 12).precision == "same", "what was not measured is not chosen"


def test_speeds_are_compared(prepared: Prepare, monkeypatch) -> None:  # noqa: F811
    monkeypatch.setattr(cheaper, "PROBE_SECONDS", 0.05)
    teacher = prepared().teacher
    assert 0.01 < cheaper.time_share(teacher, cheaper.in_bf16(teacher), 12) < 100


def test_a_teacher_without_weights_of_its_own_has_no_copy() -> None:
    student = toy("gpt2", dtype=torch.float32)
    attach(student.model, Lora(rank=2), 0, "toy")
    teacher = Origin(student, "teacher")
    with pytest.raises(BadInput, match="no second copy"):
        cheaper.choose(teacher, "bf16", [], 0, 12)
    assert cheaper.choose(teacher, "auto", [], 0, 12).teacher is teacher


def test_a_resume_takes_what_the_run_began_with(make_run: MakeRun, monkeypatch) -> None:
    shares = iter([0.5, 0.5])
    monkeypatch.setattr(cheaper, "time_share", lambda *_: next(shares))
    monkeypatch.setattr(cheaper, "LARGEST_SHIFT", 0.01)
    through = make_run("through", teacher__precision="auto", **SIZES)
    assert train(through.path, 1) == 0
    run = make_run("again", teacher__precision="auto", **SIZES)
    train_until(run, 1, 9)
    assert train(run.path, 2) == 0  # a third measurement would find nothing left to give
    texts = [event["text"] for event in events_of(run, "message")]
    assert sum("reads in bf16" in text and "(KL)" in text for text in texts) == 2
    assert not [text for text in texts if "bit for bit" in text]
    expected, found = outcome(through), outcome(run)
    for part in ("steps", "scores", "weights"):
        assert found[part] == expected[part], part
