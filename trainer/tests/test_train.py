"""A whole run, small: what it writes is what the contract says, and what it says of the student is true."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import RUN, MakeRun, copy_run, events_of, write_run
from pydantic import TypeAdapter
from safetensors.torch import load_file
from test_resume import train_until
from transformers import AutoModelForCausalLM, AutoTokenizer

from minillm.config import Config
from minillm.contract import AnyEvent, Exit, Sample
from minillm.evaluate import evaluate
from minillm.interrupt import Interrupt
from minillm.metrics import CATALOGUE
from minillm.models import load_checkpoint
from minillm.prepare import prepare
from minillm.record import Record
from minillm.resolve import resolve
from minillm.rundir import EventWriter, RunDir, read_json
from minillm.train import train


@pytest.fixture(scope="module")
def finished(workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    """One finished run, read by several tests."""
    source = workspace / "finished.minillm.jsonc"
    source.write_text(json.dumps(RUN), encoding="utf-8")
    config = resolve(source).config
    assert config is not None
    run = write_run(tmp_path_factory.mktemp("finished") / "run", config)
    assert train(run.path, 1) == 0
    return run


def test_every_event_is_the_contracts(finished: RunDir) -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(AnyEvent)
    events = events_of(finished)
    for event in events:
        parsed = adapter.validate_python(event)
        assert not parsed.model_extra, (event["kind"], parsed.model_extra)
        for name in event.get("metrics", {}):
            assert name in CATALOGUE
    assert [event["seq"] for event in events] == list(range(len(events)))
    kinds = {"start", "phase", "step", "rollout", "samples", "checkpoint", "evaluation", "progress", "end"}
    assert kinds <= {event["kind"] for event in events}


def test_steps_and_checkpoints_come_in_order(finished: RunDir) -> None:
    assert [event["step"] for event in events_of(finished, "step")] == list(range(1, 17))
    assert [(event["step"], event["phase"]) for event in events_of(finished, "checkpoint")] == [
        (5, "sft"), (6, "sft"), (10, "minillm"), (15, "minillm"), (16, "minillm"),
    ]  # fmt: skip
    assert [(event["round"], event["step"]) for event in events_of(finished, "rollout")] == [(0, 6), (1, 10), (2, 14)]
    (start,) = events_of(finished, "start")
    assert start["plan"] == [{"method": "sft", "firstStep": 1, "steps": 6}, {"method": "minillm", "firstStep": 7, "steps": 10}]
    assert start["rows"] == {"train": 20, "prompts": 20, "validation": 10, "inspect": 2, "tooLong": 0, "cut": start["rows"]["cut"]}
    ended = Exit.model_validate(read_json(finished.exit))
    assert (ended.exit_code, ended.reason, ended.run, ended.attempt) == (0, "finished", "run", 1)


def test_metrics_of_the_steps(finished: RunDir) -> None:
    sft, distilled = ([event["metrics"] for event in events_of(finished, "step") if event["phase"] == phase] for phase in (0, 1))
    assert sft[-1]["loss/sft"] < sft[0]["loss/sft"]
    for metrics in distilled:
        assert metrics["loss/total"] == pytest.approx(metrics["loss/single"] + metrics["loss/long"])
    for place, metrics in enumerate(distilled):
        if place % 4 == 0:  # the first step after sampling: the student is still the one that sampled
            assert metrics["clip/high"] == metrics["clip/low"] == 0.0
            assert metrics["ratio/std"] < 1e-4, "in fp32, what decoding and training round differently"
        else:
            assert metrics["ratio/std"] > 1e-4
    for rollout in events_of(finished, "rollout"):
        assert "kl/reverse" not in rollout["metrics"]  # the teacher drew some of the prefixes
        assert 0 < rollout["metrics"]["weight/ess"] <= 1
        assert rollout["metrics"]["weight/mean"] <= 1.25


def test_without_the_teachers_turns_the_kl_is_the_students_own(make_run: MakeRun) -> None:
    phase = {"method": "minillm", "steps": 1, "batchSize": 4, "rollouts": 4, "objective": {"alpha": 0}}
    run = make_run(phases=[phase], data__validation=None)
    assert train(run.path, 1) == 0
    (rollout,) = events_of(run, "rollout")
    assert "kl/reverse" in rollout["metrics"]
    assert (rollout["metrics"]["share/teacher"], rollout["metrics"]["weight/ess"]) == (0.0, 1.0)
    (step,) = events_of(run, "step")
    assert step["metrics"]["loss/single"] == pytest.approx(rollout["metrics"]["kl/reverse"], rel=1e-4)  # all of the round in one step


def test_a_checkpoint_is_a_folder_of_transformers(finished: RunDir) -> None:
    for event in events_of(finished, "checkpoint"):
        folder = finished.path / event["path"]
        model = AutoModelForCausalLM.from_pretrained(folder)
        assert AutoTokenizer.from_pretrained(folder).eos_token_id == model.generation_config.eos_token_id == 2
        stored = load_file(folder / "model.safetensors")
        assert torch.equal(model.state_dict()["transformer.wte.weight"], stored["transformer.wte.weight"])
        assert not list(folder.rglob("*.bin")) + list(folder.rglob("*.pt")) + list(folder.rglob("*.pkl"))
    with_state = [folder.name for folder in sorted(finished.checkpoints.iterdir()) if (folder / "state").is_dir()]
    assert with_state == ["step-00000015-a1", "step-00000016-a1"]


def test_samples_are_the_same_prompts_and_draws_everywhere(finished: RunDir) -> None:
    keys = []
    for event in events_of(finished, "samples"):
        lines = [json.loads(line) for line in (finished.path / event["path"]).read_text(encoding="utf-8").splitlines()]
        samples = [Sample.model_validate(line) for line in lines]
        assert len(samples) == event["count"] == 4
        assert all(not sample.model_extra and sample.length == len(sample.ids) for sample in samples)
        assert all((sample.kl is None) == (event["checkpoint"] == "teacher") for sample in samples)
        assert all((sample.stop == "eos") == (sample.ids[-1] == 2) for sample in samples)
        keys.append([(sample.prompt_id, sample.draw, sample.seed) for sample in samples])
    assert len(keys) == 6
    assert all(key == keys[0] for key in keys)
    assert [draw for _, draw, _ in keys[0]] == [0, 1, 0, 1]


def test_the_control_is_matched_on_the_rows_that_its_target_is_of(finished: RunDir) -> None:
    """The subset's entropy says how far to sharpen, whatever it is on all rows: here, by its file, much less."""
    run = copy_run(finished, "sharper")
    scored = run.evaluations / "step-00000016-a1.json"
    record = read_json(scored) or {}
    wanted = record["metrics"]["eval/entropy"] = 2.5
    scored.write_text(json.dumps(record), encoding="utf-8")
    (run.evaluations / "control.full.json").unlink()
    config = Config.model_validate((read_json(run.run) or {})["config"])
    ready = prepare(config, lambda *_: None, lambda *_: None)
    Record(run, 1, EventWriter(run, 1), ready, Interrupt(), lambda *_: None).conclude("step-00000016-a1", 16)
    start = load_checkpoint(run.checkpoints / "step-00000006-a1", ready.device, ready.student.dtype, config.student)
    temperature = (read_json(run.evaluations / "control.full.json") or {})["temperature"]
    sharpened = evaluate(start, None, ready.subset, ready.setting, lambda *_: None, temperature=temperature, greedy=False)
    assert sharpened.metrics["eval/entropy"] == pytest.approx(wanted, rel=0.02)


def test_the_end_compares_student_start_control_and_teacher(finished: RunDir) -> None:
    full = {(event["subject"], event["checkpoint"]): event for event in events_of(finished, "evaluation") if event["full"]}
    assert set(full) == {
        ("student", "step-00000016-a1"), ("student", "step-00000006-a1"), ("control", "step-00000006-a1"), ("teacher", "teacher"),
    }  # fmt: skip
    assert {event["rows"] for event in full.values()} == {10}
    control, final = full["control", "step-00000006-a1"], full["student", "step-00000016-a1"]
    assert control["temperature"] != 1.0
    # Matched on the subset of six rows, so only near on all ten.
    assert control["metrics"]["eval/entropy"] == pytest.approx(final["metrics"]["eval/entropy"], rel=0.15)
    for event in events_of(finished, "evaluation"):
        record = read_json(finished.path / event["path"])
        assert record is not None
        assert record["metrics"] == event["metrics"]
        assert record["manifest"]["counts"]["rows"] == event["rows"]
        assert len(record["manifest"]["setSha256"]) == 64
        for name, (low, high) in record["interval"].items():
            assert low <= record["metrics"][name] <= high


OWN_CODE = """
from transformers import LlamaConfig, LlamaForCausalLM

class OwnConfig(LlamaConfig):
    model_type = "own"

class OwnForCausalLM(LlamaForCausalLM):
    config_class = OwnConfig
"""


def test_a_student_with_code_of_its_own_comes_to_its_end(make_run: MakeRun, workspace: Path) -> None:
    """Its checkpoints are read with that code too: by a resume, and for the control after the last step."""
    folder = workspace / "own"
    folder.mkdir()
    (folder / "modeling_own.py").write_text(OWN_CODE, encoding="utf-8")
    shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32, "max_position_embeddings": 64}
    special = {"vocab_size": 70, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
    code = {"AutoConfig": "modeling_own.OwnConfig", "AutoModelForCausalLM": "modeling_own.OwnForCausalLM"}
    told = {"model_type": "own", "architectures": ["OwnForCausalLM"], "auto_map": code, **shape, **special}
    (folder / "config.json").write_text(json.dumps(told), encoding="utf-8")
    student = {"model": "own", "init": "random", "tokenizer": "teacher", "trustRemoteCode": True}
    run = make_run(student=student, inspect__rows=1, evaluation__rows=3)
    train_until(run, 1, 9)
    assert train(run.path, 2) == 0
    assert {event["subject"] for event in events_of(run, "evaluation") if event["full"]} == {"student", "control", "teacher"}


def test_a_control_that_does_not_fit_ends_no_run(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("minillm.record.load_checkpoint", full)
    run = make_run(inspect__rows=1, evaluation__rows=3)
    assert train(run.path, 1) == 0
    assert {event["subject"] for event in events_of(run, "evaluation") if event["full"]} == {"student", "teacher"}
    said = "The sharpening control did not fit into the GPU's memory and is left out; everything else is complete."
    assert events_of(run, "message")[-1]["text"] == said


def test_the_same_seed_gives_the_same_bits(make_run: MakeRun, finished: RunDir) -> None:
    again, other = make_run("again"), make_run("other", seed=11)
    assert train(again.path, 1) == train(other.path, 1) == 0
    weights = [(run.checkpoints / "step-00000016-a1" / "model.safetensors").read_bytes() for run in (finished, again, other)]
    assert weights[0] == weights[1] != weights[2]


def test_old_checkpoints_go_but_first_start_best_and_pinned_stay(make_run: MakeRun) -> None:
    run = make_run(checkpoints={"every": 2, "keep": 1}, phases__0__steps=3, inspect__rows=1)
    (run.path / "user.json").write_text(json.dumps({"v": 1, "pins": ["step-00000008-a1", 3]}), encoding="utf-8")
    assert train(run.path, 1) == 0
    kept = {int(folder.name[5:13]) for folder in run.checkpoints.iterdir()}
    students = [event for event in events_of(run, "evaluation") if event["subject"] == "student" and not event["full"]]
    scores = {event["step"]: event["metrics"]["eval/kl_reverse"] for event in students}
    best = min(scores, key=lambda step: scores[step])
    assert kept == {2, 3, 8, best, 13}


def test_rows_without_answers_are_sampled_but_not_scored(make_run: MakeRun, workspace: Path) -> None:
    (workspace / "bare.jsonl").write_text('{"prompt": "a b :"}\n{"prompt": "c :"}\n', encoding="utf-8")
    run = make_run(data__validation="bare.jsonl", phases__0__steps=1, phases__1__steps=1)
    assert train(run.path, 1) == 0
    metrics = events_of(run, "evaluation")[-1]["metrics"]
    assert "eval/entropy" in metrics
    assert "eval/accuracy_sampled" not in metrics
    sample = json.loads((run.samples / "teacher.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert (sample["score"], sample["references"]) == ({}, [])


def test_the_effective_share_is_of_the_weights_that_count(make_run: MakeRun) -> None:
    """Products over prefixes are far apart where the weights of single tokens are not."""
    told = {}
    for kind in ("step", "perDecision"):
        run = make_run(kind, phases__1__objective={"importanceWeight": kind}, inspect__rows=1, evaluation__rows=3)
        assert train(run.path, 1) == 0
        told[kind] = events_of(run, "rollout")[0]["metrics"]
    assert told["step"]["weight/mean"] == told["perDecision"]["weight/mean"]
    assert told["perDecision"]["weight/ess"] < told["step"]["weight/ess"] - 0.05


def test_a_corpus_adds_its_term(make_run: MakeRun, workspace: Path) -> None:
    (workspace / "corpus.jsonl").write_text('{"text": "a b c d e f g h i j k l m n o p q r s t u v w x y z"}\n' * 9, encoding="utf-8")
    run = make_run(data__corpus="corpus.jsonl", phases__0__steps=1, phases__1__objective={"lmWeight": 0.5})
    assert train(run.path, 1) == 0
    metrics = [event["metrics"] for event in events_of(run, "step") if event["phase"] == 1]
    assert metrics[-1]["loss/lm"] < metrics[0]["loss/lm"]
    assert metrics[0]["loss/total"] == pytest.approx(metrics[0]["loss/single"] + metrics[0]["loss/long"] + 0.5 * metrics[0]["loss/lm"])


def test_bad_input_found_while_loading_ends_with_2(make_run: MakeRun, workspace: Path) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"data__maxNewTokens": 30}, "more than the 32 positions of teacher or student; lower data.maxNewTokens to"),
        ({"data__maxPromptTokens": 2}, "longer than data.maxPromptTokens = 2"),
        ({"data__template": "chat"}, "no chat template"),
    ]
    for number, (change, sentence) in enumerate(cases):
        run = make_run(f"bad{number}", **change)
        assert train(run.path, 1) == 2
        record = read_json(run.exit)
        assert record is not None
        assert (record["exitCode"], record["reason"]) == (2, "bad input")
        assert sentence in record["cause"]
        assert events_of(run, "end")[0]["cause"] == record["cause"]


def test_a_failure_tells_its_cause_and_leaves_the_traceback_to_the_log(make_run: MakeRun, capfd: pytest.CaptureFixture[str]) -> None:
    run = make_run()
    run.samples.write_text("a file where a folder must be")
    assert train(run.path, 1) == 1
    (end,) = events_of(run, "end")
    assert end["cause"].startswith("FileExistsError")
    assert "\n" not in end["cause"]
    assert "Traceback" in capfd.readouterr().err


def test_a_run_that_diverges_says_where(make_run: MakeRun) -> None:
    run = make_run(phases__0__optimizer={"learningRate": 1e38, "maxGradNorm": 1e30})
    assert train(run.path, 1) == 1
    assert "gradient is not finite; lower optimizer.learningRate" in events_of(run, "end")[0]["cause"]


def test_a_run_folder_without_a_config(tmp_path: Path) -> None:
    run = RunDir(tmp_path)
    assert train(run.path, 1) == 2
    run.run.write_text(json.dumps({"config": {"name": 1}}), encoding="utf-8")
    assert train(run.path, 2) == 2
