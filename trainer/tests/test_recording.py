"""Decoding from recordings of its steps gives what decoding step by step gives. A tape stands for a CUDA graph: it repeats what was done,
and nothing of Python happens again."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch
from conftest import MakeRun, events_of
from tape import on_tape
from test_decode import IN_GROUPS, MANY, PROMPTS, SETTING
from toys import FAMILIES, SINGLE, teacher, toy

from minillm import decode, recordable, recording
from minillm.config import Lora
from minillm.cuda_graph import Replay
from minillm.language_model import LanguageModel
from minillm.lora import Origin, attach, corrections
from minillm.reader import Reader, Rows
from minillm.recordable import prove
from minillm.recording import Steps
from minillm.train import train

ATTENTION, LAYERS = "has an attention of its own here", "keep other things than keys and values, or not all of them"
OTHERS = {
    "gpt-neo": ATTENTION, "gpt-j": ATTENTION, "gemma2": ATTENTION, "mistral": LAYERS, "gemma3": LAYERS, "qwen3.5": LAYERS, "lfm2": LAYERS,
    "falcon-h1": LAYERS, "granite-hybrid": LAYERS,
}  # fmt: skip
"""Families that are decoded step by step, and why."""


@pytest.fixture(autouse=True)
def recorder(monkeypatch: pytest.MonkeyPatch) -> list[int]:
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
    return counts


def proved(model: LanguageModel) -> LanguageModel:
    assert prove(model) is None
    assert model.recorded
    return model


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_is_recorded_or_says_why_not(name: str, recorder: list[int]) -> None:
    model = toy(name, dtype=torch.float32 if name in SINGLE else torch.float64)
    reason = prove(model)
    assert model.recorded == (name not in OTHERS)
    assert (reason or "").endswith(OTHERS.get(name, ""))
    assert (reason is None) == model.recorded == (recorder[0] > 0)


def test_a_table_of_positions_is_not_read_beyond_its_end() -> None:
    """On a GPU that would be the end of the process."""
    assert prove(toy("gpt2", n_positions=59)) == "it has 59 positions, and the proof takes 60"
    assert prove(toy("gpt2", n_positions=60)) is None


@pytest.mark.parametrize("name", [name for name in FAMILIES if name not in OTHERS])
@pytest.mark.parametrize("together", [1, pytest.param(4, marks=pytest.mark.long)])
def test_columns_read_from_a_recording_are_those_read_one_by_one(name: str, together: int, recorder: list[int]) -> None:
    """Left padding, steps of many sizes, rows that go; and nothing of Python after the first step."""
    found: list[list[torch.Tensor]] = []
    for recorded in (False, True):
        model = toy(name)
        if recorded:
            proved(model)
        rows = Rows(PROMPTS[:4], 50, 0, torch.device("cpu"))
        rows.ids[:, rows.width :] = torch.arange(3, 53) % 11
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


@pytest.mark.parametrize("name", ["llama", *(pytest.param(name, marks=pytest.mark.long) for name in ("gpt2", "opt", "qwen3"))])
@pytest.mark.parametrize("sampling", ["student", "lockStep", "commonMask"])
def test_a_rollout_is_the_same(name: str, sampling: str, recorder: list[int]) -> None:
    """In fp64 to the token: rows of four groups that end at different times."""
    setting = {**IN_GROUPS, "sampling": sampling, "max_new_tokens": 56}
    expected = decode.rollout(toy(name), teacher(name), MANY, range(len(MANY)), **setting)
    student, mentor = proved(toy(name)), proved(teacher(name))
    recorder[:] = 0, 0
    found = decode.rollout(student, mentor, MANY, range(len(MANY)), **setting)
    assert recorder[0] > 1, "rows have left"
    assert recorder[1] > recorder[0], "and what was recorded is replayed"
    for field, tensor in expected.tensors().items():
        torch.testing.assert_close(found.tensors()[field], tensor, rtol=1e-6, atol=1e-6, msg=field)


def test_a_rollout_of_models_with_fewer_heads_of_keys_is_the_same(recorder: list[int]) -> None:
    found = []
    for allowed in (False, True):
        models = [make("qwen3", num_key_value_heads=1) for make in (toy, teacher)]
        if allowed:
            assert recordable.allow(*models) == "Decoding replays CUDA graphs."
        found.append(decode.rollout(*models, MANY, range(len(MANY)), **IN_GROUPS))
    assert recorder[1] > recorder[0]
    assert torch.equal(found[0].response_ids, found[1].response_ids)
    torch.testing.assert_close(found[0].kl, found[1].kl)


def test_rows_leave_rarely_for_each_time_costs_a_recording(recorder: list[int]) -> None:
    """Six rows of a group are halved three times. Also where the teacher, which has a sliding window, is read without recordings."""
    student = proved(toy())
    for mentor, most in ((proved(teacher()), 4 * 3 * 2), (teacher("mistral"), 4 * 3 * 0.75)):
        recorder[:] = 0, 0
        decode.rollout(student, mentor, MANY, range(len(MANY)), **{**IN_GROUPS, "max_new_tokens": 40})
        assert 0 < recorder[0] <= most


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


def broken(work: Replay) -> Replay:
    """As torch complains: of the end, after what has broken it off."""
    work()
    try:
        raise RuntimeError("operation not permitted when stream is capturing\nand so on")
    finally:
        raise RuntimeError("previous error during capture")


def forgetful(work: Replay) -> Replay:
    work()
    return lambda: None


@pytest.mark.parametrize(
    ("other", "reason"),
    [(broken, "operation not permitted when stream is capturing"), (forgetful, "a recording gives other hidden states")],
)
def test_a_recording_that_fails_or_gives_something_else_is_not_used(
    other: recording.Recorder, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, setting = proved(toy()), {"max_new_tokens": 24, "eos": 2, "pad": 0, "seed": 4, "stream": 1}
    expected = decode.generate(toy(), PROMPTS, range(8), **setting)
    assert recordable.given_up(model) == []
    tried = []
    monkeypatch.setitem(recording.RECORDERS, "cpu", lambda work: tried.append(work) or other(work))
    gc.disable()
    try:
        for _ in range(2):
            assert decode.generate(model, PROMPTS, range(8), **setting) == expected
        steps = weakref.ref(tried[0].__self__)
        assert len(tried) == 1, "it is not tried again"
        tried.clear()
        assert steps() is None, "keys and values go with the decode"
    finally:
        gc.enable()
    assert recordable.given_up(model, model) == [f"The {model.name} is decoded without CUDA graphs from here on: {reason}."]
    assert prove(model) == reason
    assert not model.recorded


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory."),
        torch.AcceleratorError("CUDA error: out of memory"),
        RuntimeError("CUBLAS_STATUS_ALLOC_FAILED"),
    ],
    ids=str,
)
def test_memory_that_is_too_small_is_no_reason_to_decode_otherwise(error: RuntimeError, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a run does about that is to say so; a resume that found more room would go on with other bits."""

    def exhausted(_work: Replay) -> Replay:
        try:
            raise error
        finally:
            raise RuntimeError("previous error during capture")

    monkeypatch.setitem(recording.RECORDERS, "cpu", exhausted)
    with pytest.raises(torch.OutOfMemoryError):
        prove(toy())


def test_a_step_that_ignores_positions_is_found_in_bf16_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though one number of each hidden state is far larger than the others."""
    model = toy("qwen3", dtype=torch.float32, spread=0.05)
    model.model.model.norm.weight.data[3] *= 10
    model = LanguageModel(model.model.bfloat16())
    assert prove(model) is None
    step = Steps._step
    monkeypatch.setattr(Steps, "_step", lambda steps: (steps.positions.zero_(), step(steps))[1])
    assert prove(model) == "a qwen3 model says something else with them"


def test_a_base_model_as_teacher_and_a_decode_that_is_broken_off(recorder: list[int]) -> None:
    student = toy("llama", dtype=torch.float32)
    attach(student.model, Lora(rank=2), 1, "student")
    for layer in corrections(student.model).values():
        torch.nn.init.normal_(layer.up)
    setting = {**SETTING, "max_new_tokens": 20, "sampling": "lockStep", "alpha": 0.4}
    expected = decode.rollout(student, Origin(student, "teacher"), PROMPTS, range(8), **setting)
    mentor = proved(Origin(proved(student), "teacher"))
    calls = []

    def stop() -> None:
        calls.append(1)
        if len(calls) == 9:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        decode.rollout(student, mentor, PROMPTS, range(8), **setting, heed=stop)
    recorder[:] = 0, 0
    found = decode.rollout(student, mentor, PROMPTS, range(8), **setting)
    assert recorder[1] > recorder[0] > 0
    assert torch.equal(found.response_ids, expected.response_ids)
    torch.testing.assert_close(found.logp_teacher, expected.logp_teacher, rtol=1e-3, atol=1e-4)


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
    assert told.count("they need an NVIDIA GPU, and the device is cpu") == 2


def test_a_run_is_told_whether_it_decodes_with_graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    student, mentor = toy(), teacher("mistral")
    student.name, mentor.name = "student small", "teacher large"
    why = f"the layers of a mistral model {LAYERS}"
    assert recordable.allow(student, mentor, mentor) == f"Decoded without CUDA graphs: the teacher large ({why})."
    assert (student.recorded, mentor.recorded) == (True, False)
    assert recordable.allow(student, student) == "Decoding replays CUDA graphs."
    monkeypatch.delitem(recording.RECORDERS, "cpu")
    assert recordable.allow(student).endswith("the student small (they need an NVIDIA GPU, and the device is cpu).")
