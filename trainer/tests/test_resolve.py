"""A config is checked without torch: what is wrong with it, each in a sentence and at its key, and what is filled in."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from minillm.config import Config
from minillm.contract import Resolution
from minillm.jsonc import NotJson, parse
from minillm.methods import PRESETS
from minillm.resolve import resolve
from minillm.rows import read_rows

REPO = Path(__file__).resolve().parents[2]


def model_folder(folder: Path, *, weights: bool = True, tokenizer: bool = True) -> None:
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "llama"}')
    if weights:
        (folder / "model.safetensors").touch()
    if tokenizer:
        (folder / "tokenizer.json").write_text("{}")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with two models and data."""
    model_folder(tmp_path / "teacher")
    model_folder(tmp_path / "student", weights=False, tokenizer=False)
    (tmp_path / "train.jsonl").write_text("".join(json.dumps({"prompt": f"{i} :", "response": "x"}) + "\n" for i in range(100)))
    rows = ['{"instruction": "a", "output": ["b", "c"]}', "", '{"messages": [{"role": "user", "content": "a"}]}', ""]
    (tmp_path / "valid.jsonl").write_text("\n".join(rows))
    (tmp_path / "corpus.txt").write_text("some text\n")
    return tmp_path


def good() -> dict[str, Any]:
    return {
        "name": "test",
        "teacher": {"model": "teacher"},
        "student": {"model": "./student", "init": "random", "tokenizer": "teacher"},
        "data": {"train": "train.jsonl", "validation": "valid.jsonl"},
        "phases": [{"method": "sft", "epochs": 3, "batchSize": 10}, {"method": "minillm", "steps": 170, "batchSize": 16, "rollouts": 32}],
    }


def check(place: Path, config: Any) -> Resolution:
    path = place / "a.minillm.jsonc"
    path.write_text(config if isinstance(config, str) else json.dumps(config))
    return resolve(path, place / "workspace")


def filled(place: Path, config: dict[str, Any]) -> Any:
    resolution = check(place, config)
    assert resolution.config is not None, resolution.problems
    return resolution.config


def test_a_good_config_is_filled_in(place: Path) -> None:
    resolution = check(place, good())
    assert resolution.problems == []
    config = resolution.config
    assert config is not None
    assert config.teacher.model == str(place / "teacher")
    assert config.student.model == str(place / "student")
    assert config.data.train == str(place / "train.jsonl")
    assert config.runs_folder == str(place / "workspace" / "runs")
    sft, minillm = config.phases
    assert (sft.train, sft.micro_batch_size, sft.optimizer.learning_rate) == (str(place / "train.jsonl"), 10, 1e-3)
    assert (minillm.prompts, minillm.rollout_chunk, minillm.micro_batch_size) == (str(place / "train.jsonl"), 32, 16)
    assert minillm.objective == PRESETS["recommended"].model_copy(update={"lm_weight": 0.0})
    assert config.checkpoints.every is None  # an epoch's steps are known once its rows are tokenised
    assert (config.evaluation.final_rows, config.inspect.prompts) == (2, str(place / "valid.jsonl"))


def test_checkpoints_are_spread_over_steps_that_are_known(place: Path) -> None:
    config = good()
    config["phases"][0] = {"method": "sft", "steps": 30}
    assert filled(place, config).checkpoints.every == (30 + 170) / 20
    (problem,) = check(place, config | {"checkpoints": {"every": 201}}).problems
    assert (problem.severity, problem.text) == (
        "warning", "checkpoints.every is 201, but the run has 200 steps: there is a checkpoint at the end of each phase alone.",
    )  # fmt: skip


@pytest.mark.parametrize("preset", ["paper", "reference"])
def test_a_preset_fills_what_is_not_said(place: Path, preset: str) -> None:
    config = good() | {"preset": preset}
    config["data"]["corpus"] = "corpus.txt"
    config["phases"][1]["objective"] = {"alpha": 0.5, "singleStep": False, "rewardScale": None}
    objective = filled(place, config).phases[1].objective
    assert objective == PRESETS[preset].model_copy(update={"alpha": 0.5, "single_step": False})


@pytest.mark.parametrize("key", ["clipRange", "rewardClip"])
def test_null_switches_a_clip_off(place: Path, key: str) -> None:
    config = good() | {"preset": "reference"}
    config["data"]["corpus"] = "corpus.txt"
    config["phases"][1]["objective"] = {key: None}
    resolved = filled(place, config)
    again = Config.model_validate(resolved.model_dump(by_alias=True))  # as the trainer reads it
    for found in (resolved, again):
        dumped = found.phases[1].objective.model_dump(by_alias=True)
        assert dumped == PRESETS["reference"].model_dump(by_alias=True) | {key: None}


@pytest.mark.parametrize(
    ("given", "alpha", "sampling"),
    [({"alpha": 0}, 0.0, "student"), ({"sampling": "student"}, 0.0, "student"), ({"sampling": "lockStep"}, 0.2, "lockStep")],
)
def test_no_teacher_and_a_share_of_zero_are_the_same(place: Path, given: dict[str, Any], alpha: float, sampling: str) -> None:
    config = good()
    config["phases"][1]["objective"] = given
    objective = filled(place, config).phases[1].objective
    assert (objective.alpha, objective.sampling) == (alpha, sampling)


def test_without_validation_there_is_a_word_of_warning(place: Path) -> None:
    config = good()
    del config["data"]["validation"]
    resolution = check(place, config)
    assert [(p.severity, p.text) for p in resolution.problems] == [
        ("warning", "There is no data.validation: checkpoints get samples but no scores, and none is the best.")
    ]
    assert resolution.config is not None
    assert (resolution.config.evaluation.final_rows, resolution.config.inspect.prompts) == (None, str(place / "train.jsonl"))


@pytest.mark.parametrize(
    ("given", "rows"),
    [
        ({"prompts": "train.jsonl"}, 16),
        ({"prompts": "train.jsonl", "validationRows": 3}, 3),
        ({"prompts": "train.jsonl", "validationRows": 0}, 0),
        ({}, 0),
        ({"prompts": "./valid.jsonl", "validationRows": 3}, 0),
    ],
)
def test_validation_rows_are_sampled_besides_prompts_of_another_file(place: Path, given: dict[str, Any], rows: int) -> None:
    assert filled(place, good() | {"inspect": given}).inspect.validation_rows == rows


def test_validation_rows_need_validation(place: Path) -> None:
    config = good() | {"inspect": {"prompts": "train.jsonl", "validationRows": 3}}
    del config["data"]["validation"]
    (problem, _) = check(place, config).problems
    assert (problem.severity, problem.pointer, problem.text) == (
        "error", "/inspect/validationRows", "inspect.validationRows is 3, but there is no data.validation to take them from: "
        "name a file there, or set validationRows to 0.",
    )  # fmt: skip


def test_hub_ids_stay_as_they_are(place: Path) -> None:
    config = good() | {"teacher": {"model": "gpt2-xl"}, "student": {"model": "openai-community/gpt2"}}
    found = filled(place, config)
    assert (found.teacher.model, found.student.model) == ("gpt2-xl", "openai-community/gpt2")
    assert found.phases[1].optimizer.learning_rate == 5e-6


def test_what_looks_like_a_folder_that_was_forgotten_is_said(place: Path) -> None:
    resolution = check(place, good() | {"teacher": {"model": "teacher/large"}})
    (problem,) = resolution.problems
    assert problem.severity == "warning"
    assert problem.text == (
        f'teacher.model: there is no folder {place}/teacher/large, so "teacher/large" is taken for a model on the Hugging Face hub.'
    )


def change(*path: str | int, to: Any) -> Callable[[dict[str, Any]], None]:
    def apply(config: dict[str, Any]) -> None:
        at: Any = config
        for part in path[:-1]:
            at = at[part] if isinstance(part, int) else at.setdefault(part, {})
        at[path[-1]] = to

    return apply


def without(*path: str | int) -> Callable[[dict[str, Any]], None]:
    def apply(config: dict[str, Any]) -> None:
        at: Any = config
        for part in path[:-1]:
            at = at[part]
        del at[path[-1]]

    return apply


METHODS = '"sft", "kd", "rkl", "seqkd", "gkd", "opd", "distillm" or "minillm"'

BAD: list[tuple[Callable[[dict[str, Any]], None], str, str]] = [
    # unknown and missing keys
    (change("phases", 0, "epoch", to=3), "/phases/0/epoch", '"epoch" is no key of phases[0] (method sft): did you mean "epochs"?'),
    (change("phases", 1, "batch_size", to=3), "/phases/1/batch_size",
     '"batch_size" is no key of phases[1] (method minillm): did you mean "batchSize"?'),
    (change("phases", 1, "ppo_epochs", to=4), "/phases/1/ppo_epochs",
     '"ppo_epochs" is no key of phases[1] (method minillm): did you mean "innerEpochs"?'),
    (change("phases", 1, "lr", to=1e-3), "/phases/1/lr",
     '"lr" is no key of phases[1] (method minillm): it is called optimizer.learningRate here.'),
    (change("techer", to={}), "/techer", '"techer" is no key of the config: did you mean "teacher"?'),
    (change("phases", 1, "alpha", to=0.2), "/phases/1/alpha",
     '"alpha" is no key of phases[1] (method minillm): it belongs to objective.alpha or lora.alpha.'),
    (change("data", "zzz", to=1), "/data/zzz",
     '"zzz" is no key of data: its keys are train, validation, corpus, template, endToken, maxPromptTokens, maxNewTokens.'),
    (without("teacher"), "/teacher", '"teacher" is missing in the config: the model to learn from, as in { "model": "gpt2-xl" }.'),
    (without("phases", 1, "steps"), "/phases/1/steps", '"steps" is missing in phases[1] (method minillm): optimizer steps.'),
    (without("phases", 0, "method"), "/phases/0", f'"method" is missing in phases[0]; it must be {METHODS}.'),
    # types and ranges
    (change("phases", 1, "steps", to="100"), "/phases/1/steps", 'phases[1].steps is the text "100"; it must be a whole number.'),
    (change("phases", 1, "steps", to=1.5), "/phases/1/steps", "phases[1].steps is the number 1.5; it must be a whole number."),
    (change("phases", 1, "steps", to=0), "/phases/1/steps", "phases[1].steps is 0; it must be at least 1."),
    (change("phases", 0, "optimizer", "learningRate", to=0), "/phases/0/optimizer/learningRate",
     "phases[0].optimizer.learningRate is 0; it must be more than 0."),
    (change("phases", 0, "optimizer", "betas", to=[0.9, 1.0]), "/phases/0/optimizer/betas/1",
     "phases[0].optimizer.betas[1] is 1.0; it must be less than 1."),
    (change("phases", 1, "objective", "alpha", to=1.0), "/phases/1/objective/alpha",
     "phases[1].objective.alpha is 1.0; it must be less than 1."),
    (change("phases", 1, "objective", "alpha", to=None), "", ""),
    (change("phases", 0, "method", to="dpo"), "/phases/0/method", f'phases[0].method is the text "dpo"; it must be {METHODS}.'),
    (change("phases", to=[]), "/phases", "phases has 0 entries; it must have at least 1."),
    (change("phases", 0, to="sft"), "/phases/0", 'phases[0] is the text "sft"; it must be an object in braces.'),
    (change("phases", to={}), "/phases", "phases is an object; it must be a list in brackets."),
    (change("teacher", to="gpt2"), "/teacher", 'teacher is the text "gpt2"; it must be an object in braces.'),
    (change("teacher", "model", to=3), "/teacher/model", "teacher.model is the number 3; it must be text in double quotes."),
    (change("teacher", "model", to=""), "/teacher/model", 'teacher.model is the text ""; it must not be empty.'),
    (change("device", to="gpu"), "/device",
     'device is the text "gpu"; it must be "auto", "cuda", "mps", "cpu", "cuda:0", "cuda:1", "cuda:2", "cuda:3", "cuda:4", "cuda:5", '
     '"cuda:6" or "cuda:7".'),
    (change("guards", to={"klRising": {"evaluation": 2}}), "/guards/klRising/evaluation",
     '"evaluation" is no key of guards.klRising: did you mean "evaluations"?'),
    (change("guards", to={"stall": {"action": "pause"}}), "/guards/stall/action",
     'guards.stall.action is the text "pause"; it must be "off", "alert" or "stop".'),
    (change("evaluation", "sharpeningControl", to=1), "/evaluation/sharpeningControl",
     "evaluation.sharpeningControl is the number 1; it must be true or false."),
    (change("seed", to=-1), "/seed", "seed is -1; it must be at least 0."),
    (change("name", to="x" * 81), "/name", f'name is the text "{"x" * 40}…"; it must have at most 80 characters.'),
    # what belongs together
    (change("phases", 0, "steps", to=10), "/phases/0/steps", 'phases[0] has both "epochs" and "steps": give one of them.'),
    (without("phases", 0, "epochs"), "/phases/0", 'phases[0] has neither "epochs" nor "steps": give one of them.'),
    (change("phases", 1, "rollouts", to=8), "/phases/1/rollouts",
     "phases[1].rollouts is 8, fewer than batchSize 16: raise rollouts to a multiple of it, or lower batchSize."),
    (change("phases", 0, "microBatchSize", to=20), "/phases/0/microBatchSize",
     "phases[0].microBatchSize is 20, more than batchSize 10, of which it is a part; lower it."),
    (change("phases", 1, "objective", to={"sampling": "student", "alpha": 0.3}), "/phases/1/objective/alpha",
     'phases[1].objective.alpha is 0.3, but with "sampling": "student" the teacher draws no token: leave one of them out.'),
    (change("phases", 1, "objective", "lmWeight", to=1), "/phases/1/objective/lmWeight",
     "phases[1].objective.lmWeight is 1, but there is no data.corpus for this term: name a text file there, or set lmWeight to 0."),
    (change("checkpoints", "best", to="eval/rouge"), "/checkpoints/best",
     'checkpoints.best is "eval/rouge"; it must be one of eval/kl_reverse, eval/accuracy_sampled, eval/accuracy_greedy, '
     "eval/error_rate_sampled, eval/error_rate_greedy, eval/rougeL_sampled, eval/rougeL_greedy, eval/nll_gold, eval/truncated."),
    # models
    (change("teacher", "model", to="./techer"), "/teacher/model",
     'teacher.model is "./techer", but {place}/techer is no folder: check the path (it is relative to the config file), '
     "or give a model id like owner/name."),
    (change("teacher", "model", to="a b"), "/teacher/model",
     'teacher.model is "a b", but {place}/a b is no folder: check the path (it is relative to the config file), '
     "or give a model id like owner/name."),
    (change("teacher", "model", to="train.jsonl"), "/teacher/model",
     'teacher.model is "train.jsonl", a file: name the folder that holds config.json and the weights.'),
    (change("teacher", "model", to="student"), "/teacher/model", "The teacher {place}/student has no weights: add model.safetensors."),
    (change("student", "init", to="weights"), "/student/model",
     'The student {place}/student has no weights: add model.safetensors or set "init": "random".'),
    (without("student", "tokenizer"), "/student/model",
     'The student {place}/student has no tokenizer: set "tokenizer": "teacher", or add tokenizer.json.'),
    (change("student", "tokenizer", to="./no"), "/student/tokenizer",
     'student.tokenizer is "./no", but {place}/no is no folder: check the path (it is relative to the config file), '
     "or give a model id like owner/name."),
    (change("teacher", "model", to="."), "/teacher/model",
     "The teacher {place} has no config.json: a model folder holds config.json, a tokenizer and safetensors weights."),
    # data
    (change("data", "train", to="no.jsonl"), "/data/train",
     "{place}/no.jsonl does not exist: check the path (it is relative to the config file)."),
    (change("data", "validation", to="teacher.jsonl"), "/data/validation", "{place}/teacher.jsonl is a folder: name a file in it."),
    (change("data", "train", to="corpus.txt"), "/data/train", "{place}/corpus.txt is no data file: .jsonl and .jsonl.gz are read."),
    (change("phases", 0, "train", to="valid.jsonl"), "/phases/0/train",
     '{place}/valid.jsonl, line 3: a row without an answer; add "response", "responses", "output" or a turn of the assistant.'),
    (change("data", "corpus", to="no.txt"), "/data/corpus",
     "{place}/no.txt does not exist: check the path (it is relative to the config file)."),
    (change("data", "corpus", to="valid.jsonl"), "/data/corpus",
     '{place}/valid.jsonl, line 1: "text" is null; each line of a corpus is {{"text": "…"}}.'),
    (change("runsFolder", to="../train.jsonl/runs"), "/runsFolder",
     "runsFolder is {place}/train.jsonl/runs, but {place}/train.jsonl is a file: choose another place for runs."),
]  # fmt: skip


@pytest.mark.parametrize(("apply", "pointer", "sentence"), BAD, ids=[f"{i}{pointer}" for i, (_, pointer, _) in enumerate(BAD)])
def test_what_is_wrong_is_said_at_its_key(place: Path, apply: Callable[[dict[str, Any]], None], pointer: str, sentence: str) -> None:
    (place / "teacher.jsonl").mkdir()
    config = good()
    apply(config)
    resolution = check(place, config)
    errors = [(problem.pointer, problem.text) for problem in resolution.problems if problem.severity == "error"]
    if not sentence:
        assert errors == []
        return
    assert errors == [(pointer, sentence.format(place=place) if "{place}" in sentence else sentence)]
    assert resolution.config is None


def test_an_unwritable_runs_folder(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write everywhere
    (problem,) = check(place, good()).problems
    assert problem.text == (
        f"runsFolder is {place}/workspace/runs, but {place} is not writable: choose another place for runs, or change its permissions."
    )


def test_the_usual_runs_folder_counts_where_the_config_names_none(place: Path) -> None:
    path, scratch = place / "a.minillm.jsonc", place / "scratch"
    path.write_text(json.dumps(good()))
    found = [resolve(path, place / "workspace", runs) for runs in (scratch, None)]
    path.write_text(json.dumps(good() | {"runsFolder": "own"}))
    found.append(resolve(path, place / "workspace", scratch))
    assert [one.config and one.config.runs_folder for one in found] == [str(scratch), f"{place}/workspace/runs", f"{place}/workspace/own"]


def test_a_runs_folder_that_is_asked_for_counts_whatever_the_config_names(place: Path) -> None:
    path, scratch, usual = place / "a.minillm.jsonc", place / "scratch", place / "usual"
    path.write_text(json.dumps(good() | {"runsFolder": "../train.jsonl/runs"}))
    done = command("resolve", path, "--workspace", place / "workspace", "--usual-runs", usual, "--runs", scratch)
    assert json.loads(done.stdout)["config"]["runsFolder"] == str(scratch), "what it names is not even looked at"
    file = place / "train.jsonl"
    (problem,) = resolve(path, place / "workspace", usual, file / "asked").problems
    assert problem.text == f"The runs folder is {file}/asked, but {file} is a file: choose another place for runs."


def test_several_problems_come_at_once(place: Path) -> None:
    config = good() | {"colour": 1, "seed": "x"}
    config["phases"][1]["steps"] = 0
    assert [problem.pointer for problem in check(place, config).problems] == ["/colour", "/phases/1/steps", "/seed"]
    config = good()
    config["teacher"]["model"] = "./no"
    config["data"]["train"] = "no.jsonl"
    config["phases"][1]["rollouts"] = 1
    assert [problem.pointer for problem in check(place, config).problems] == ["/teacher/model", "/phases/1/rollouts", "/data/train"]


ROWS: list[tuple[bytes, int | None, str]] = [
    (b'{"prompt": "a"}\n{"prompt": "b"\n', 2, "line 2: not JSON (expecting ',' delimiter, column 15); each line is one JSON object."),
    (b'{"prompt": "a"}\n\n[1]\n', 3, 'line 3: a list; each line is one JSON object like {"prompt", "response"}, '
     '{"instruction", "input", "output"} or {"messages"}.'),
    (b'{"text": "a", "label": 1}\n', 1, 'line 1: a row without a prompt (its keys: "text", "label"); a row is {"prompt", "response"}, '
     '{"instruction", "input", "output"} or {"messages"}.'),
    (b'{"prompt": 3}\n', 1, 'line 1: "prompt" is the number 3; it must be text.'),
    (b'{"prompt": ""}\n', 1, 'line 1: "prompt" is empty; every row needs a prompt.'),
    (b'{"prompt": "a", "response": {"x": 1}}\n', 1, 'line 1: "response" is an object; it must be text or a list of texts.'),
    (b'{"messages": []}\n', 1, 'line 1: "messages" is an empty list; it must be a list of {"role", "content"}.'),
    (b'{"messages": [{"role": "bot", "content": "x"}]}\n', 1,
     'line 1: turn 1 of "messages" is not {"role": system | user | assistant, "content": text}.'),
    (b'{"messages": [{"role": "assistant", "content": "x"}]}\n', 1,
     'line 1: "messages" has no turn of the user to answer: a row without a prompt.'),
    (b'{"prompt": "a"}\n{"prompt": "\xff"}\n', 2, "line 2: not UTF-8 text (byte 0xff at position 13); save the file as UTF-8."),
    (b"\n \n", None, ' has no rows: give at least one line, a JSON object like {"prompt", "response"}, '
     '{"instruction", "input", "output"} or {"messages"}.'),
    (b'{"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]}\n', 1,
     'line 1: a conversation of 2 turns needs data.template "chat".'),
    (b"[" * 100_000 + b"\n", 1, "line 1: not JSON that can be read (brackets stand in one another too deep)."),
]  # fmt: skip


@pytest.mark.parametrize(("content", "line", "sentence"), ROWS)
@pytest.mark.parametrize("packed", [False, True])
def test_a_bad_row_is_named_by_file_and_line(place: Path, content: bytes, line: int | None, sentence: str, packed: bool) -> None:
    path = place / ("bad.jsonl.gz" if packed else "bad.jsonl")
    path.write_bytes(gzip.compress(content) if packed else content)
    config = good()
    config["phases"][1]["prompts"] = path.name
    (problem,) = check(place, config).problems
    assert (problem.pointer, problem.file, problem.line) == ("/phases/1/prompts", str(path), line)
    assert problem.text == (f"{path}, {sentence}" if line else f"{path}{sentence}")


def test_a_torn_archive(place: Path) -> None:
    whole = gzip.compress((place / "train.jsonl").read_bytes())
    for name, content in (("cut", whole[:-20]), ("no", b"plain text\n")):
        (place / f"{name}.jsonl.gz").write_bytes(content)
        config = good()
        config["data"]["validation"] = f"{name}.jsonl.gz"
        (problem,) = check(place, config).problems
        assert problem.text.startswith(f"{place}/{name}.jsonl.gz cannot be read after line ")


def test_the_three_shapes_of_rows_are_one(place: Path) -> None:
    path = place / "rows.jsonl"
    path.write_text(
        '\ufeff{"prompt": "a", "response": "b", "id": 7}\n'
        '{"instruction": "a", "input": "c", "output": "b", "responses": ["b", "d"]}\n'
        '{"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}\n'
    )
    rows = list(read_rows(path))
    assert [row.id for row in rows] == ["7", "2", "3"]
    assert [row.responses for row in rows] == [("b",), ("b", "d"), ("b",)]
    assert [row.turns for row in rows] == [(("user", "a"),), (("user", "a\nc"),), (("system", "s"), ("user", "a"))]
    assert [(row.instruction, row.input) for row in rows] == [("a", ""), ("a", "c"), ("a", "")]
    assert len(list(read_rows(path, 2))) == 2


def test_comments_and_trailing_commas_are_fine_and_text_stays_whole() -> None:
    text = """// first
    { /* a "comment" , } */ "a": "// no comment, ] } /* */", // last
      "b": [1, 2, /* 3 */ ], "c": "quote \\" , }",
      "$schema": "x", }
    """
    document = parse(text)
    assert document.value == {"a": "// no comment, ] } /* */", "b": [1, 2], "c": 'quote " , }', "$schema": "x"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "line 1, column 1: the file is empty"),
        ("// only a comment", "line 1, column 18: the file is empty"),
        ('{\n  "a": 1\n  "b": 2\n}', "line 3, column 3: a comma or a closing bracket is missing"),
        ('{"a": 1,, "b": 2}', "line 1, column 9: a key in double quotes is missing"),
        ("{'a': 1}", "line 1, column 2: a key in double quotes is missing"),
        ('{"a" 1}', "line 1, column 6: a colon is missing after the key"),
        ('{"a": yes}', "line 1, column 7: a value is missing, or is no JSON (text stands in double quotes)"),
        ('{\n/* "a": 1}', "line 2, column 1: a comment is not closed by */"),
        ('{"a": "x}\n', "line 1, column 10: a text runs over the end of its line, or holds a tab: write \\n and \\t"),
        ('{"a": 1} {', "line 1, column 10: something follows the closing brace"),
        ('{"a": NaN}', "line 1, column 1: NaN is no number in JSON"),
        ('{"a": 1e999}', "line 1, column 1: 1e999 is too large a number"),
        ("[" * 100_000, "line 1, column 1: brackets stand in one another too deep"),
    ],
)
def test_what_is_no_json_is_named_by_line_and_column(text: str, sentence: str) -> None:
    with pytest.raises(NotJson) as caught:
        parse(text)
    assert str(caught.value) == sentence


def test_a_key_that_stands_twice(place: Path) -> None:
    data = '{"train": "no.jsonl", "train": "train.jsonl", "validation": "valid.jsonl"}'
    text = f'{json.dumps(good())[:-1]}, "seed": 1, "data": {data}, "seed": 2}}'
    problems = check(place, text).problems
    assert [problem.pointer for problem in problems] == ["/data", "/seed", "/data/train"]
    assert problems[2].text == '"data.train" stands twice: only the last one would count, so take one of them out.'


@pytest.mark.parametrize(
    ("content", "sentence"), [(b"[1]", "A config is an object in braces; this one is a list."), (b"\xff\xfe", "is not UTF-8 text")]
)
def test_what_is_no_config(place: Path, content: bytes, sentence: str) -> None:
    path = place / "a.minillm.jsonc"
    path.write_bytes(content)
    (problem,) = resolve(path).problems
    assert sentence in problem.text


def command(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "minillm", *map(str, arguments)]
    return subprocess.run(line, cwd=REPO / "trainer", capture_output=True, text=True, check=False, timeout=20, **options)


def test_the_command_answers_in_json_and_by_its_exit_code(place: Path) -> None:
    path = place / "a.minillm.jsonc"
    path.write_text(json.dumps(good()))
    done = command("resolve", path, "--workspace", place / "workspace")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["config"]["runsFolder"] == str(place / "workspace" / "runs")
    done = command("resolve", place / "no.jsonc")
    assert done.returncode == 2
    (problem,) = json.loads(done.stdout)["problems"]
    assert problem["text"] == f"The config {place}/no.jsonc cannot be read: No such file or directory."


def test_an_interpreter_without_pydantic_says_so(place: Path) -> None:
    code = f"import sys; sys.path.insert(0, {str(REPO / 'trainer')!r}); from minillm.__main__ import main; sys.exit(main(['resolve', 'x']))"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode == 2
    assert "lacks the package pydantic: install it with" in json.loads(done.stdout)["problems"][0]["text"]


def test_usage_errors_are_readable() -> None:
    done = command("resolv")
    assert done.returncode == 2
    assert "invalid choice: 'resolv'" in done.stderr
    assert "Traceback" not in done.stderr


METHOD_DEFAULTS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"method": "kd", "epochs": 2}, {"train": "train.jsonl", "teacher_share": 0.5, "micro_batch_size": 64}),
    ({"method": "rkl", "steps": 2, "train": "valid2.jsonl"}, {"train": "valid2.jsonl"}),
    ({"method": "seqkd", "epochs": 1}, {"prompts": "train.jsonl", "answers": 1}),
    ({"method": "gkd", "steps": 5, "batchSize": 20, "onPolicyShare": 0.3},
     {"rollouts": 6, "rollout_chunk": 6, "train": "train.jsonl", "prompts": "train.jsonl"}),
    ({"method": "gkd", "steps": 5, "onPolicyShare": 0.001}, {"on_policy_share": 0.0}),
    ({"method": "opd", "steps": 5}, {"rollouts": 64, "inner_epochs": 1}),
    ({"method": "distillm", "steps": 100}, {"adapt_every": 5, "lm_weight": 0.0, "train": "train.jsonl"}),
    ({"method": "minillm", "steps": 5, "rolloutChunk": 32}, {"mask_groups": 8}),
    ({"method": "minillm", "steps": 5, "rolloutChunk": 256}, {"mask_groups": 4}),
]  # fmt: skip


@pytest.mark.parametrize(("phase", "expected"), METHOD_DEFAULTS)
def test_a_method_is_filled_in(place: Path, phase: dict[str, Any], expected: dict[str, Any]) -> None:
    (place / "valid2.jsonl").write_text('{"prompt": "a", "response": "b"}\n')
    (made,) = filled(place, {**good(), "phases": [phase]}).phases
    for key, value in expected.items():
        assert getattr(made, key) == (str(place / value) if isinstance(value, str) else value), key
    assert made.optimizer.learning_rate == 0.001  # the student starts from random weights


METHOD_PROBLEMS: list[tuple[dict[str, Any], str, str]] = [
    ({"method": "kd", "epochs": 1, "steps": 3}, "/phases/0/steps", 'phases[0] has both "epochs" and "steps": give one of them.'),
    ({"method": "kd", "steps": 3, "divergence": {"kind": "alphaBeta", "powers": [0, 0]}}, "/phases/0/divergence/powers",
     "phases[0].divergence.powers are both 0: one of them must be more."),
    ({"method": "kd", "steps": 3, "divergence": {"kind": "chi"}}, "/phases/0/divergence/kind",
     'phases[0].divergence.kind is the text "chi"; it must be '
     '"forwardKl", "reverseKl", "jsd", "skewKl", "skewReverseKl", "alphaBeta" or "tvd".'),
    ({"method": "gkd", "steps": 3, "rollouts": 10}, "/phases/0/rollouts",
     "phases[0].rollouts is 10, fewer than batchSize 32: raise rollouts to a multiple of it, or lower batchSize."),
    ({"method": "distillm", "steps": 3, "replayCapacity": 5}, "/phases/0/replayCapacity",
     "phases[0].replayCapacity is 5, fewer than batchSize 64: raise it."),
    ({"method": "distillm", "steps": 3, "lmWeight": 1}, "/phases/0/lmWeight",
     "phases[0].lmWeight is 1, but there is no data.corpus for this term: name a text file there, or set lmWeight to 0."),
    ({"method": "opd"}, "/phases/0/steps", '"steps" is missing in phases[0] (method opd): optimizer steps.'),
    ({"method": "rkl", "steps": 3, "beta": 1}, "/phases/0/beta",
     '"beta" is no key of phases[0] (method rkl): it belongs to divergence.beta.'),
]  # fmt: skip


@pytest.mark.parametrize(("phase", "pointer", "sentence"), METHOD_PROBLEMS)
def test_what_is_wrong_with_a_method(place: Path, phase: dict[str, Any], pointer: str, sentence: str) -> None:
    errors = [(p.pointer, p.text) for p in check(place, {**good(), "phases": [phase]}).problems if p.severity == "error"]
    assert errors == [(pointer, sentence)]


def test_an_adaptive_phase_needs_validation_rows(place: Path) -> None:
    config = {**good(), "phases": [{"method": "distillm", "steps": 3}]}
    del config["data"]["validation"]
    (problem,) = [problem for problem in check(place, config).problems if problem.severity == "error"]
    assert problem.text.startswith("phases[0].adaptBy is 0.1, but there is no data.validation whose loss it could follow")
    config["phases"][0]["adaptBy"] = 0
    assert check(place, config).config is not None


def test_published_learning_rates(place: Path) -> None:
    model_folder(place / "pretrained")
    config = good()
    config["student"] = {"model": "pretrained"}
    config["phases"] = [{"method": method, "steps": 5} for method in ("sft", "kd", "rkl", "seqkd", "distillm", "gkd", "opd", "minillm")]
    rates = [phase.optimizer.learning_rate for phase in filled(place, config).phases]
    assert rates == [5e-4] * 5 + [5e-5] * 2 + [5e-6]
    config["student"]["lora"] = {"rank": 8}
    rates = [phase.optimizer.learning_rate for phase in filled(place, config).phases]
    assert rates == [5e-4] * 5 + [1e-4] * 3


LENGTHS: list[tuple[dict[str, Any], dict[str, Any], tuple[int, int], dict[str, int]]] = [
    # what fits to the last position, and models that name no bound
    ({"max_position_embeddings": 64}, {"n_positions": 32}, (24, 8), {}),
    ({}, {"seq_length": 16}, (256, 256), {}),
    # the smaller model counts, and the larger of the two lengths is lowered
    ({"max_position_embeddings": 64}, {"n_positions": 32}, (25, 8), {"/data/maxPromptTokens": 24}),
    ({"text_config": {"max_position_embeddings": 32}}, {}, (8, 25), {"/data/maxNewTokens": 24}),
    ({"n_positions": 32}, {"n_positions": 64}, (256, 31), {"/data/maxPromptTokens": 1}),
    # a response alone leaves no room
    ({}, {"n_positions": 32}, (8, 32), {"/data/maxNewTokens": 24}),
    ({}, {"n_positions": 33}, (256, 256), {"/data/maxPromptTokens": 16, "/data/maxNewTokens": 17}),
]


@pytest.mark.parametrize(("teacher", "student", "lengths", "edits"), LENGTHS)
def test_lengths_fit_the_positions_of_the_models(
    place: Path, teacher: dict[str, Any], student: dict[str, Any], lengths: tuple[int, int], edits: dict[str, int]
) -> None:
    for role, shape in (("teacher", teacher), ("student", student)):
        (place / role / "config.json").write_text(json.dumps({"model_type": "llama", **shape}))
    config = good()
    config["data"] |= {"maxPromptTokens": lengths[0], "maxNewTokens": lengths[1]}
    resolution = check(place, config)
    if not edits:
        assert resolution.problems == []
        return
    (problem,) = resolution.problems
    assert {edit.pointer: edit.value for edit in problem.edits} == edits
    assert problem.pointer in edits
    assert problem.severity == ("error" if resolution.config is None else "warning")
    assert (resolution.config is None) == (lengths[1] >= 32)
    assert "positions of the teacher" in problem.text or "positions of the student" in problem.text
    config["data"] |= {pointer.removeprefix("/data/"): value for pointer, value in edits.items()}
    assert check(place, config).problems == []


def test_lora_needs_weights_to_correct(place: Path) -> None:
    config = good()
    config["student"]["lora"] = {}
    (problem,) = check(place, config).problems
    assert (problem.pointer, problem.text.startswith("student.lora is given, but the student starts from random weights")) == (
        "/student/lora", True,
    )  # fmt: skip


EXAMPLES = sorted((REPO / "examples").glob("*.minillm.jsonc"))
SHIPPED = ["demo/pronounce.minillm.jsonc", *(str(path.relative_to(REPO)) for path in EXAMPLES)]


@pytest.mark.parametrize("config", SHIPPED)
def test_what_is_shipped_resolves_in_a_second(config: str) -> None:
    began = time.process_time()
    resolution = resolve(REPO / config)
    took = time.process_time() - began
    assert [problem.text for problem in resolution.problems] == []
    assert took < 1.0


def test_nothing_slow_is_loaded_to_resolve() -> None:
    code = "import sys; from pathlib import Path; from minillm.resolve import resolve"
    code += "; [resolve(Path(config)) for config in sys.argv[1:]]; print({'torch', 'numpy', 'transformers'} & set(sys.modules))"
    command = [sys.executable, "-c", code, *(str(REPO / config) for config in SHIPPED)]
    done = subprocess.run(command, cwd=REPO / "trainer", capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "set()"
