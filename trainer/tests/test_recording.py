"""Decoding from recordings of its steps gives what decoding step by step gives. A tape stands for a CUDA graph: it repeats what was done,
and nothing of Python happens again."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import pytest
import torch
from conftest import MakeRun, events_of
from tape import on_tape
from test_decode import IN_GROUPS, MANY, PROMPTS, SETTING
from toys import FAMILIES, SINGLE, teacher, toy

from minillm import decode, recording
from minillm.language_model import LanguageModel
from minillm.reader import Reader, Rows
from minillm.recording import Replay, prove
from minillm.train import train

OTHERS = {
    "gpt-neo": "attention of its own", "gpt-j": "attention of its own", "gemma2": "attention of its own", "mistral": "a sliding window",
    "gemma3": "a sliding window", "qwen3.5": "running states", "lfm2": "running states", "falcon-h1": "running states",
    "granite-hybrid": "running states",
}  # fmt: skip
"""Families that are decoded step by step, and what of theirs has no place in a recording."""


@pytest.fixture(autouse=True)
def recorder(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Counts recordings and what is replayed of them."""
    counts = [0, 0]

    def counting(work: Replay) -> Replay:
        replay = on_tape(work)
        counts[0] += 1

        def counted() -> None:
            counts[1] += 1
            replay()

        return counted

    monkeypatch.setitem(recording.RECORDERS, "cpu", counting)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield counts


def proved(model: LanguageModel) -> LanguageModel:
    assert prove(model) is None
    assert model.recorded
    return model


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_is_recorded_or_says_why_not(name: str, recorder: list[int]) -> None:
    model = toy(name, dtype=torch.float32 if name in SINGLE else torch.float64)
    reason = prove(model)
    assert model.recorded == (name not in OTHERS)
    assert reason == (f"the layers of a {model.model.config.model_type} model do not take them" if name in OTHERS else None)
    assert (recorder[0] > 0) == (name not in OTHERS)


@pytest.mark.parametrize("name", [name for name in FAMILIES if name not in OTHERS])
@pytest.mark.parametrize("together", [1, 4])
def test_columns_read_from_a_recording_are_those_read_one_by_one(name: str, together: int, recorder: list[int]) -> None:
    """Left padding, steps of many sizes, rows that go; and nothing of Python after the first step."""
    found: list[list[torch.Tensor]] = []
    for recorded in (False, True):
        model = toy(name)
        if recorded:
            proved(model)
        rows = Rows(PROMPTS[:4], 14, 0, torch.device("cpu"))
        rows.ids[:, rows.width :] = torch.arange(3, 17) % 11
        reader = Reader(model, rows, together=together)
        with torch.no_grad():
            parts = [reader.read(rows.width + end) for end in (0, 1, 2, 5)]
            recorder[:] = 0, 0
            parts += [reader.read(rows.width + end) for end in (6, 11)]
            stay = torch.tensor([0, 2])
            for part in (rows, reader):
                part.keep(stay)
            parts += [reader.read(rows.width + end) for end in (12, 14)]
        found.append(parts)
    replayed = {1: 1 + 5 + 1 + 2, 4: 1 + 2 + 1 + 1}[together]
    assert recorder == [1, replayed]
    for one, other in zip(*found, strict=True):
        real = one.isfinite()
        torch.testing.assert_close(other[real], one[real], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", ["llama", "gpt2", "opt", "qwen3"])
@pytest.mark.parametrize("sampling", ["student", "lockStep", "commonMask"])
def test_a_rollout_is_the_same(name: str, sampling: str, recorder: list[int]) -> None:
    """In fp64 to the token: rows of four groups that end at different times."""
    setting = {**IN_GROUPS, "sampling": sampling, "max_new_tokens": 30}
    expected = decode.rollout(toy(name), teacher(name), MANY, range(len(MANY)), **setting)
    student, mentor = proved(toy(name)), proved(teacher(name))
    recorder[:] = 0, 0
    found = decode.rollout(student, mentor, MANY, range(len(MANY)), **setting)
    assert recorder[0] > 1, "rows have left"
    assert recorder[1] > recorder[0], "and what was recorded is replayed"
    for field, tensor in expected.tensors().items():
        torch.testing.assert_close(found.tensors()[field], tensor, rtol=1e-6, atol=1e-6, msg=field)


def test_answers_are_the_same(recorder: list[int]) -> None:
    setting = {key: SETTING[key] for key in ("max_new_tokens", "eos", "pad", "seed", "stream")}
    for temperature in (0.0, 1.0):
        made = [decode.generate(model, PROMPTS, range(8), temperature=temperature, **setting) for model in (toy(), proved(toy()))]
        assert made[0] == made[1]
    assert recorder[1] > 10


def test_a_student_under_autocast_is_recorded_in_its_compute_dtype(recorder: list[int]) -> None:
    found = []
    for recorded in (False, True):
        model = LanguageModel(toy("qwen3", dtype=torch.float32, spread=0.1).model, torch.bfloat16)
        if recorded:
            proved(model)
        found.append(decode.rollout(model, teacher("qwen3", dtype=torch.bfloat16), PROMPTS, range(8), **SETTING, sampling="student"))
    assert torch.equal(found[0].response_ids[:, 0], found[1].response_ids[:, 0])
    same = (found[0].response_ids == found[1].response_ids) & found[0].mask & found[1].mask
    assert same.float().sum() > 0.8 * found[0].mask.float().sum()
    torch.testing.assert_close(found[1].logp_student[same], found[0].logp_student[same], rtol=0.05, atol=0.05)


def broken(_work: Replay) -> Replay:
    raise RuntimeError("operation not permitted when stream is capturing\nand so on")


def forgetful(_work: Replay) -> Replay:
    return lambda: None


@pytest.mark.parametrize(
    ("recorder_of_work", "reason"),
    [(broken, "operation not permitted when stream is capturing"), (forgetful, "it gives other hidden states")],
)
def test_a_recording_that_fails_or_gives_something_else_is_not_used(
    recorder_of_work: recording.Recorder, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = proved(toy())
    expected = decode.generate(toy(), PROMPTS, range(8), max_new_tokens=9, eos=2, pad=0, seed=4, stream=1)
    monkeypatch.setitem(recording.RECORDERS, "cpu", recorder_of_work)
    with pytest.warns(UserWarning, match=f"is decoded without a CUDA graph: {reason}"):
        assert decode.generate(model, PROMPTS, range(8), max_new_tokens=9, eos=2, pad=0, seed=4, stream=1) == expected
    fresh = toy()
    with pytest.warns(UserWarning, match=reason):
        assert prove(fresh) == reason
    assert not fresh.recorded


def test_training_records_nothing(recorder: list[int]) -> None:
    model = proved(toy())
    rows = Rows(PROMPTS, 3, 0, torch.device("cpu"))
    recorder[:] = 0, 0
    reader = Reader(model, rows)
    reader.read(rows.width)
    reader.read(rows.width + 1)
    with torch.no_grad():
        model.model.train()
        reader = Reader(model, rows)
        reader.read(rows.width)
        reader.read(rows.width + 1)
    assert recorder == [0, 0]


def test_a_run_on_another_device_goes_on_without(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(recording.RECORDERS, "cpu")
    run = make_run("run", cudaGraphs=True)
    assert train(run.path, 1) == 0
    (told,) = [event["text"] for event in events_of(run, "message") if "CUDA" in event["text"]]
    assert told.startswith("Decoded without CUDA graphs: the student ")
    assert told.count("they need a GPU of NVIDIA, and the device is cpu") == 2


def test_a_run_is_told_whether_it_decodes_with_graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    student, mentor = toy(), teacher("mistral")
    student.name, mentor.name = "student small", "teacher large"
    why = "the layers of a mistral model do not take them"
    assert recording.allow(student, mentor, mentor) == f"Decoded without CUDA graphs: the teacher large ({why})."
    assert (student.recorded, mentor.recorded) == (True, False)
    assert recording.allow(student, student) == "Decoding replays CUDA graphs."
    monkeypatch.delitem(recording.RECORDERS, "cpu")
    assert recording.allow(student).endswith("the student small (they need a GPU of NVIDIA, and the device is cpu).")
