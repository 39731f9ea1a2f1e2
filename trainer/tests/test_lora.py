"""A student of which only low-rank corrections train."""

from __future__ import annotations

import importlib
import importlib.util
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import MakeRun, events_of
from safetensors.torch import load_file
from test_resume import outcome, train_until
from toys import FAMILIES, toy
from transformers import AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel

from minillm.config import Config, Lora
from minillm.errors import BadInput
from minillm.head import cross_entropy
from minillm.language_model import LanguageModel, verify
from minillm.lora import attach, base_of, corrections, merged, narrow, save
from minillm.methods import Optimizer
from minillm.models import load_checkpoint, load_pair
from minillm.optimizer import make_optimizer, update
from minillm.phases.pairs import Batch, read
from minillm.rundir import read_json
from minillm.train import train

PAIRS = [([3, 4, 5], [6, 7, 2]), ([8, 9], [10, 3, 1, 2])]


def moved(model: LanguageModel) -> None:
    for layer in corrections(model.model).values():
        torch.nn.init.normal_(layer.up, std=0.1)


@pytest.mark.parametrize("name", FAMILIES)
def test_corrections_start_at_nothing_and_merge_to_the_same_model(name: str, tmp_path: Path):
    model = toy(name, dtype=torch.float32, spread=0.2)
    batch = Batch.given(PAIRS, 0, torch.device("cpu"))
    before = read(model, batch.ids, batch.wanted)
    weights = {key: value.clone() for key, value in model.model.state_dict().items()}
    assert attach(model.model, Lora(rank=2), 0, name) >= 8
    verify(model)
    torch.testing.assert_close(read(model, batch.ids, batch.wanted), before)
    trained = {key for key, p in model.model.named_parameters() if p.requires_grad}
    assert all(key.endswith((".down", ".up")) for key in trained)
    moved(model)
    after = read(model, batch.ids, batch.wanted)
    assert (after - before).abs().max() > 1e-3
    with merged(model.model):
        assert set(model.model.state_dict()) == set(weights), "as an ordinary model"
        torch.testing.assert_close(read(model, batch.ids, batch.wanted), after, rtol=1e-3, atol=1e-4)
        model.model.save_pretrained(tmp_path)
    assert torch.equal(read(model, batch.ids, batch.wanted), after)
    kept = {key.replace(".base.", "."): value for key, value in model.model.state_dict().items() if not key.endswith((".down", ".up"))}
    assert all(torch.equal(value, weights[key]) for key, value in kept.items()), "the weights underneath are untouched"
    loaded = LanguageModel(AutoModelForCausalLM.from_pretrained(tmp_path).eval())
    torch.testing.assert_close(read(loaded, batch.ids, batch.wanted), after, rtol=1e-3, atol=1e-4)


def test_a_model_without_linear_layers_is_refused():
    with pytest.raises(BadInput, match="no linear layers that LoRA could adapt"):
        attach(torch.nn.Embedding(2, 2), Lora(), 0, "student x")


@pytest.mark.parametrize("name", ["gpt2", "llama", "opt"])
def test_an_adapter_as_peft_keeps_it(name: str, tmp_path: Path):
    """Put on the model that it started from, by its own layout's rules and, where peft is, by peft, it gives the trained model."""
    model = toy(name, dtype=torch.float32, spread=0.2)
    model.model.save_pretrained(tmp_path / "base")
    attach(model.model, Lora(rank=2, alpha=3.0), 0, name)
    model.model.minillm_base = {"model": str(tmp_path / "base"), "revision": None}
    moved(model)
    save(model.model, tmp_path)
    batch = Batch.given(PAIRS, 0, torch.device("cpu"))
    expected = read(model, batch.ids, batch.wanted)

    told = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text(encoding="utf-8"))
    tensors = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    base = AutoModelForCausalLM.from_pretrained(told["base_model_name_or_path"]).eval()
    weights = dict(base.named_parameters())
    with torch.no_grad():
        for module in told["target_modules"]:
            low, high = (tensors.pop(f"base_model.model.{module}.lora_{part}.weight") for part in "AB")
            delta = high @ low * told["lora_alpha"] / told["r"]
            weights[f"{module}.weight"] += delta.T if told["fan_in_fan_out"] else delta
    assert not tensors
    torch.testing.assert_close(read(LanguageModel(base), batch.ids, batch.wanted), expected, rtol=1e-3, atol=1e-4)

    if importlib.util.find_spec("peft") is not None:
        peft = importlib.import_module("peft")
        base = AutoModelForCausalLM.from_pretrained(told["base_model_name_or_path"]).eval()
        whole = peft.PeftModel.from_pretrained(base, tmp_path / "adapter").merge_and_unload()
        torch.testing.assert_close(read(LanguageModel(whole), batch.ids, batch.wanted), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["gpt2", "llama-tied", "phi"])
def test_under_bf16_only_the_corrections_have_master_weights(name: str, tmp_path: Path):
    """What is frozen lies in bf16, passes and gradients are near those in fp32, and a checkpoint rounds no correction away."""
    model = toy(name, dtype=torch.float32, spread=0.2)
    attach(model.model, Lora(rank=2), 0, name)
    moved(model)
    batch = Batch.given(PAIRS, 0, torch.device("cpu"))
    trained = {key: p for key, p in model.model.named_parameters() if p.requires_grad}

    def gradient(of: LanguageModel) -> torch.Tensor:
        loss, _ = cross_entropy(of, read(of, batch.ids, batch.wanted), batch.tokens, divisor=7)
        return torch.cat([part.flatten() for part in torch.autograd.grad(loss, list(trained.values()))])

    exact = gradient(model)
    narrow(model.model, torch.bfloat16)
    for key, parameter in model.model.named_parameters():
        assert parameter.dtype == (torch.float32 if key in trained or parameter.ndim < 2 else torch.bfloat16), key
    mixed = LanguageModel(model.model, torch.bfloat16)
    verify(mixed)
    assert (gradient(mixed) - exact).norm() / exact.norm() < 0.05
    expected = {key: layer.base.weight.float() + layer.correction() for key, layer in corrections(model.model).items()}
    with merged(model.model):
        model.model.save_pretrained(tmp_path)
    saved = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32).state_dict()
    assert all(torch.equal(saved[f"{key}.weight"], value) for key, value in expected.items())


@pytest.mark.long
def test_a_run_in_bf16_resumes_to_the_bit(make_run: MakeRun, adapted: dict[str, Any]):
    through, run = (make_run(name, precision="bf16", **adapted) for name in ("through", "again"))
    assert train(through.path, 1) == 0
    train_until(run, 1, 9)
    assert train(run.path, 2) == 0
    assert not [event for event in events_of(run, "message") if "bit for bit" in event["text"]], "nothing to warn of"
    assert outcome(run)["weights"] == outcome(through)["weights"]


def test_corrections_of_another_size_are_begun_anew(tmp_path: Path):
    model = toy("llama", dtype=torch.float32)
    attach(model.model, Lora(rank=2, alpha=3.0), 0, "toy")
    model.model.minillm_base = {"model": "base", "revision": "main"}
    save(model.model, tmp_path)
    assert base_of(tmp_path, Lora(rank=2, alpha=3.0)) == {"model": "base", "revision": "main"}
    assert base_of(tmp_path, Lora(rank=4, alpha=3.0)) is None
    assert base_of(tmp_path / "elsewhere", Lora(rank=2, alpha=3.0)) is None


@pytest.fixture
def adapted(workspace: Path) -> dict[str, Any]:
    folder = workspace / "pretrained"
    torch.manual_seed(1)
    sizes = {"vocab_size": 70, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
    GPT2LMHeadModel(GPT2Config(n_embd=16, n_layer=1, n_head=2, n_positions=32, initializer_range=0.3, **sizes)).save_pretrained(folder)
    student = {"model": "pretrained", "tokenizer": "teacher", "lora": {"rank": 2}}
    return {"student": student, "inspect__rows": 1, "evaluation__rows": 3}


def test_corrections_learn():
    model = toy("gpt2", dtype=torch.float32, spread=0.2)
    attach(model.model, Lora(rank=4), 0, "toy")
    settings = Optimizer(learning_rate=0.01)
    optimizer = make_optimizer(model.model, settings)
    total = sum(p.numel() for p in model.model.parameters())
    assert sum(p.numel() for group in optimizer.param_groups for p in group["params"]) < total / 2
    batch, losses = Batch.given(PAIRS, 0, torch.device("cpu")), []
    for _ in range(20):
        loss, _ = cross_entropy(model, read(model, batch.ids, batch.wanted), batch.tokens, divisor=7)
        loss.backward()
        update(model.model, optimizer, settings, 0.01)
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]


def test_what_was_saved_is_read_in_the_dtype_of_the_living_base(make_run: MakeRun, adapted: dict[str, Any]):
    """For the control at the end a whole student stands beside the two models: its matrices are no larger than the student's own."""
    run = make_run(precision="bf16", evaluation__sharpeningControl=False, **adapted)
    assert train(run.path, 1) == 0
    settings = Config.model_validate((read_json(run.run) or {})["config"]).student
    (saved, *_) = sorted(run.checkpoints.iterdir(), reverse=True)
    again = load_checkpoint(saved, torch.device("cpu"), torch.bfloat16, settings)
    assert {p.dtype for p in again.model.parameters() if p.ndim >= 2} == {torch.bfloat16}
    assert not any(p.requires_grad for p in again.model.parameters())


def test_a_run_resumes_to_the_bit(make_run: MakeRun, adapted: dict[str, Any]):
    through = make_run("through", **adapted)
    assert train(through.path, 1) == 0
    run = make_run("again", **adapted)
    train_until(run, 1, 4)
    train_until(run, 2, 9)
    assert train(run.path, 3) == 0
    assert [event["step"] for event in events_of(run, "resume")] == [4, 9]
    assert not [event for event in events_of(run, "message") if "bit for bit" in event["text"]], "nothing to warn of"
    expected, found = outcome(through), outcome(run)
    for part in ("steps", "scores", "weights"):
        assert found[part] == expected[part], part


def test_a_teacher_that_the_student_starts_from_is_held_once(make_run: MakeRun, adapted: dict[str, Any], workspace: Path):
    """The same numbers as with a second copy of its weights, while the student moves away from it."""
    (workspace / "twin").mkdir()
    for file in ("config.json", "generation_config.json", "model.safetensors"):
        shutil.copy(workspace / "pretrained" / file, workspace / "twin" / file)
    for file in ("tokenizer.json", "tokenizer_config.json"):
        for folder in ("pretrained", "twin"):
            shutil.copy(workspace / "teacher" / file, workspace / folder / file)
    found = []
    for teacher in ("pretrained", "twin"):
        run = make_run(f"taught by {teacher}", teacher={"model": teacher}, **adapted)
        config = Config.model_validate(read_json(run.run)["config"])
        pair = load_pair(config, torch.device("cpu"), torch.float32)
        assert (pair.teacher.model is pair.student.model) == (teacher == "pretrained")
        assert train(run.path, 1) == 0
        found.append(outcome(run))
    for part in ("steps", "scores", "weights"):
        assert found[0][part] == found[1][part], part
    assert found[0]["steps"]["step", 16]["loss/single"] > 0
