"""Every method on a GPU, in bf16, with all that needs one to be proved: skipped where there is none."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from conftest import MakeRun, events_of
from test_decode import IN_GROUPS, MANY
from test_methods import PHASES, settings
from test_resume import outcome, train_until
from toys import teacher, toy

from minillm import cuda_graph, decode, recordable
from minillm.language_model import LanguageModel
from minillm.train import train

DEVICE = "cuda"
pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason=f"torch {torch.__version__} finds no CUDA device on this machine")

SIZES = {
    "device": DEVICE, "precision": "bf16", "inspect__rows": 1, "evaluation__rows": 3, "evaluation__sharpeningControl": False,
    "phases__0__steps": 2, "checkpoints__every": 4,
}  # fmt: skip
METHODS = {**PHASES, "minillm": {"method": "minillm", "rollouts": 8}, "sft": {"method": "sft"}}
KINDS: dict[str, dict[str, Any]] = {
    "whole": {},
    "recomputed": {"student__recompute": True},
    "LoRA": {"student": {"model": "teacher", "lora": {"rank": 2}}},
    "whose teacher leaves": {"teacher__offload": True},
}


@pytest.fixture(autouse=True)
def _in_any_order_again() -> Any:
    """A run on a GPU forbids what has no order; the tests beside it do not."""
    yield
    torch.use_deterministic_algorithms(False)


def phase(name: str) -> dict[str, Any]:
    return {**settings("kd"), **METHODS[name], "steps": 14}


@pytest.mark.parametrize("name", METHODS)
def test_a_method_runs_and_resumes_to_the_bit(make_run: MakeRun, name: str) -> None:
    through, run = (make_run(folder, phases__1=phase(name), **SIZES) for folder in ("through", "again"))
    assert train(through.path, 1) == 0
    losses = [event["metrics"]["loss/total"] for event in events_of(through, "step")]
    assert len(losses) == 16
    assert all(math.isfinite(loss) for loss in losses)
    train_until(run, 1, 9)
    assert train(run.path, 2) == 0
    expected, found = outcome(through), outcome(run)
    for part in ("steps", "scores", "weights"):
        assert found[part] == expected[part], part


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["sft", "minillm"])
def test_a_kind_of_student_learns(make_run: MakeRun, name: str, kind: str) -> None:
    run = make_run("run", **{**SIZES, "phases__1": phase(name), **KINDS[kind]})
    assert train(run.path, 1) == 0
    norms = [event["metrics"]["grad/norm"] for event in events_of(run, "step")]
    assert all(math.isfinite(norm) and norm > 0 for norm in norms)
    assert not [event for event in events_of(run, "message") if event["level"] == "error"]


def test_decoding_replays_graphs_and_resumes_to_the_bit(make_run: MakeRun) -> None:
    through, run = (make_run(folder, phases__1=phase("minillm"), cudaGraphs=True, **SIZES) for folder in ("through", "again"))
    assert train(through.path, 1) == 0
    assert "Decoding replays CUDA graphs." in [event["text"] for event in events_of(through, "message")]
    train_until(run, 1, 9)
    assert train(run.path, 2) == 0
    expected, found = outcome(through), outcome(run)
    for part in ("steps", "scores", "weights"):
        assert found[part] == expected[part], part


@pytest.mark.parametrize("sampling", ["student", "lockStep", "commonMask"])
@pytest.mark.parametrize("name", ["gpt2", "opt", "llama", "qwen3"])
def test_a_rollout_from_graphs_is_one_without(name: str, sampling: str) -> None:
    """In fp64, to the token."""
    found = []
    for recorded in (False, True):
        student, mentor = (
            LanguageModel(model(name).model.to(DEVICE), name=role) for role, model in (("student", toy), ("teacher", teacher))
        )
        if recorded:
            assert recordable.allow(student, mentor) == "Decoding replays CUDA graphs."
        found.append(decode.rollout(student, mentor, MANY, range(len(MANY)), **{**IN_GROUPS, "sampling": sampling}))
    for field, tensor in found[0].tensors().items():
        torch.testing.assert_close(found[1].tensors()[field], tensor, rtol=1e-6, atol=1e-6, msg=field)


@pytest.mark.parametrize("sampling", ["student", "lockStep", "commonMask"])
@pytest.mark.parametrize("heads", [2, 1])
def test_graphs_in_the_precision_of_runs_say_nearly_the_same(sampling: str, heads: int) -> None:
    """A student under autocast, a teacher in bf16, with fused attention; keys and values of one head for two, too. Tokens are the same
    until a draw lies at a boundary."""
    found = []
    for recorded in (False, True):
        models = [make("qwen3", dtype=torch.float32, num_key_value_heads=heads).model.to(DEVICE) for make in (toy, teacher)]
        student, mentor = LanguageModel(models[0], torch.bfloat16, "student"), LanguageModel(models[1].bfloat16(), name="teacher")
        if recorded:
            assert recordable.allow(student, mentor) == "Decoding replays CUDA graphs."
        setting = {**IN_GROUPS, "sampling": sampling, "max_new_tokens": 48}
        found.append(decode.rollout(student, mentor, MANY, range(len(MANY)), **setting))
    expected, made = (rollout.tensors() for rollout in found)
    same = ((expected["response_ids"] == made["response_ids"]).long().cumprod(1) > 0) & expected["mask"] & made["mask"]
    assert same.sum() > 0.5 * expected["mask"].sum()
    for field in ("logp_student", "logp_teacher", "kl"):
        torch.testing.assert_close(made[field][same], expected[field][same], rtol=0.1, atol=0.1, msg=field)


def test_work_that_fails_while_it_is_recorded_leaves_others_to_be_recorded() -> None:
    number, calls = torch.zeros(1, device=DEVICE), []

    def fails() -> None:
        calls.append(number.add_(1))
        if len(calls) == 2:
            raise torch.OutOfMemoryError("as if")

    with pytest.raises(torch.OutOfMemoryError):
        cuda_graph.record(fails)
    replay = cuda_graph.record(lambda: number.mul_(2))
    replay()
    assert number.item() == 4


def test_steps_on_the_gpu_are_those_of_the_cpu(make_run: MakeRun) -> None:
    """In fp32, without dropout and without sampling."""
    found = []
    for device in ("cpu", DEVICE):
        run = make_run(f"on {device}", phases=[{**phase("rkl"), "steps": 6}], device=device, precision="fp32", inspect__rows=1)
        assert train(run.path, 1) == 0
        found.append([event["metrics"][key] for event in events_of(run, "step") for key in ("loss/total", "grad/norm")])
    assert found[1] == pytest.approx(found[0], rel=1e-2)
