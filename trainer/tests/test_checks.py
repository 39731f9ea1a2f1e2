"""What is looked at before the first step: real models and rows, each with one fault."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import MakeRun, changed, events_of, fill_workspace
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from toys import toy
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from minillm.checks.start import Checked, check_order, check_start, check_width
from minillm.checks.words import share, size
from minillm.config import Student
from minillm.findings import Findings
from minillm.prepare import Prepared, prepare
from minillm.resolve import resolve
from minillm.train import train

Prepare = Callable[..., Prepared]
CHAT = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"  # noqa: E501


def quiet(*_: Any) -> None:
    """Nobody watches."""


@pytest.fixture
def ready(workspace: Path, tmp_path: Path) -> Prepare:
    """The miniature run, loaded; keyword arguments replace parts of its config, as `changed` takes them. `rows` are its training data."""

    def make(rows: list[dict[str, Any]] | None = None, folder: Path = workspace, **changes: Any) -> Prepared:
        config = changed(**changes)
        if rows is not None:
            config["data"]["train"] = write_rows(tmp_path / "rows.jsonl", rows)
        source = folder / f"{tmp_path.name}.minillm.jsonc"
        source.write_text(json.dumps(config), encoding="utf-8")
        resolution = resolve(source)
        assert resolution.config is not None, resolution.problems
        return prepare(resolution.config, quiet, quiet)

    return make


def write_rows(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def found(checked: Checked) -> list[str]:
    return [problem.text for problem in checked.findings.problems]


def row_of(checked: Checked, name: str) -> tuple[str, str]:
    (row,) = [row for row in checked.rows if row.name == name]
    return row.health, row.text


@pytest.fixture
def running_text(tmp_path: Path) -> Path:
    """A folder like the miniature's, whose tokenizer cuts running text as the big families do (bytes, pairs of them merged), whose end
    token pads, and whose teacher knows nothing yet."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [("Ġ", "P"), ("P", "a"), ("ĠP", "a"), ("r", "i"), (":", "Ġ")]
    words = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *letters, "ĠP", "Pa", "ĠPa", "ri", ":Ġ"]
    inner = Tokenizer(models.BPE({word: place for place, word in enumerate(words)}, merges))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner, eos_token="<|endoftext|>", additional_special_tokens=["<|im_start|>", "<|im_end|>"]
    )
    fill_workspace(tmp_path, tokenizer)
    torch.manual_seed(0)
    shape = GPT2Config(vocab_size=len(words), n_embd=16, n_layer=1, n_head=2, n_positions=128, bos_token_id=0, eos_token_id=0)
    GPT2LMHeadModel(shape).save_pretrained(tmp_path / "teacher")
    shape.save_pretrained(tmp_path / "student")
    return tmp_path


ROWS = [{"prompt": f"Question {k}: where?\nAnswer:", "response": " Paris"} for k in range(10)]
ROOM = {"data__maxPromptTokens": 64, "data__maxNewTokens": 16}


def test_a_run_without_faults_has_no_notes(ready: Prepare) -> None:
    checked = check_start(ready(data__maxNewTokens=16), thorough=False)
    assert found(checked) == []
    assert {row.health for row in checked.rows} == {"good"}
    assert row_of(checked, "Steps")[1].startswith("sft: 6 steps of 4 sequences, about ")
    parts = check_start(ready(data__maxNewTokens=16, phases__0__microBatchTokens=40, phases__0__microBatchSize=2), thorough=False)
    assert row_of(parts, "Steps")[1].startswith("sft: 6 steps of 4 sequences in parts of at most 2 of them and 40 tokens, about ")
    assert "free on this machine: weights and optimizer" in row_of(checked, "Memory")[1]


def test_rows_that_are_left_out_and_answers_that_are_cut(ready: Prepare, tmp_path: Path) -> None:
    short, long = {"prompt": "d o g :", "response": "D AO G"}, {"prompt": "d o g o g o g :", "response": "D AO G AO G"}
    changes = {"data__maxPromptTokens": 5, "data__maxNewTokens": 8, "data__validation": None}
    checked = check_start(ready(rows=[short, short, long, short, long], **changes), thorough=False)
    texts = found(checked)
    assert f"2 rows of 5 (40 %) of {tmp_path}/rows.jsonl are left out" in texts[0]
    assert "the first in line 3 (8 tokens); 8 would hold all" in texts[0]
    first = checked.findings.problems[0]
    assert (first.pointer, first.severity, first.line) == ("/data/maxPromptTokens", "warning", 3)
    assert [(edit.pointer, edit.value) for edit in first.edits] == [("/data/maxPromptTokens", 8)]
    assert "left out" in row_of(checked, "Lengths")[1]

    checked = check_start(ready(rows=[short, long, short, short], data__maxNewTokens=5), thorough=False)
    cut = next(problem for problem in checked.findings.problems if problem.file == f"{tmp_path}/rows.jsonl")
    assert "1 answer of 4 (25 %)" in cut.text
    assert (cut.line, cut.edits[0].pointer, cut.edits[0].value) == (2, "/data/maxNewTokens", 8)


def test_no_length_is_proposed_that_the_models_have_no_positions_for(ready: Prepare) -> None:
    rows = [{"prompt": "d o g :", "response": "D AO G"}, {"prompt": "d o g :", "response": " ".join(["D"] * 40)}]
    checked = check_start(ready(rows=rows), thorough=False)
    cut = next(problem for problem in checked.findings.problems if "rows.jsonl" in problem.text)
    assert "the models have 32 positions" in cut.text
    assert cut.edits == []


def test_padding_with_the_end_token_is_fine(ready: Prepare, running_text: Path) -> None:
    checked = check_start(ready(folder=running_text, rows=ROWS, data__validation=None, **ROOM), thorough=False)
    assert found(checked) == []
    assert row_of(checked, "Tokens") == ("good", "<|endoftext|> ends a response (also the padding), no start token.")
    assert row_of(checked, "Boundary") == ("good", "Prompts end where a token ends (10 rows looked at).")


def test_a_prompt_that_ends_with_the_answers_first_space(ready: Prepare, running_text: Path) -> None:
    rows = [{"prompt": f"{row['prompt']} ", "response": "Paris"} for row in ROWS]
    checked = check_start(
        ready(folder=running_text, rows=rows, data__validation=None, inspect__prompts="valid.jsonl", **ROOM), thorough=False
    )
    (problem,) = [one for one in checked.findings.problems if "rows.jsonl" in one.text]
    assert "In 100 % of the rows" in problem.text
    assert 'let prompts not end with " ", and answers begin with it' in problem.text
    assert problem.pointer == "/data/train"


def test_end_tokens_in_the_texts(ready: Prepare, running_text: Path) -> None:
    rows = [{"prompt": "a <|endoftext|> b:", "response": " Paris"}, *ROWS[:7], {"prompt": "a:", "response": " Paris<|endoftext|> or Rome"}]
    texts = found(check_start(ready(folder=running_text, rows=rows, data__validation=None, **ROOM), thorough=False))
    assert any("1 prompt of" in text and "contain the end token <|endoftext|> (first in row 1)" in text for text in texts)
    assert any("1 row of" in text and "in their answers (first in row 9)" in text for text in texts)


def test_a_teacher_who_ends_with_another_token(ready: Prepare, running_text: Path) -> None:
    (running_text / "teacher" / "generation_config.json").write_text(json.dumps({"eos_token_id": [2]}), encoding="utf-8")
    checked = check_start(ready(folder=running_text, rows=ROWS, data__validation=None, **ROOM), thorough=False)
    (text,) = found(checked)
    assert "The teacher ends with <|im_end|>" in text
    assert [problem.edits[0].value for problem in checked.findings.problems] == ["<|im_end|>"]
    assert row_of(checked, "Tokens")[0] == "warning"


def with_chat_template(folder: Path, template: str = CHAT) -> None:
    file = folder / "teacher" / "tokenizer_config.json"
    file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | {"chat_template": template}), encoding="utf-8")


def test_a_chat_template_whose_turns_end_with_another_token(ready: Prepare, running_text: Path) -> None:
    with_chat_template(running_text)
    checked = check_start(ready(folder=running_text, rows=ROWS, data__validation=None, data__template="chat", **ROOM), thorough=False)
    (problem,) = checked.findings.problems
    assert "The chat template ends an answer with <|im_end|>, but the tokenizer's end token is <|endoftext|>" in problem.text
    assert 'Set data.endToken to "<|im_end|>".' in problem.text
    assert [(edit.pointer, edit.value) for edit in problem.edits] == [("/data/endToken", "<|im_end|>")]
    chat = {"rows": ROWS, "data__validation": None, "data__template": "chat", "data__endToken": "<|im_end|>", **ROOM}
    mended = ready(folder=running_text, **chat)
    assert found(check_start(mended, thorough=False)) == []
    assert mended.tokenizer.eos_token == "<|im_end|>"
    assert all(example.responses[0][-1] == mended.tokenizer.eos_token_id for example in mended.files[0]["train"])
    with_chat_template(running_text, CHAT.replace("<|im_end|>", "<|endoftext|>"))
    checked = check_start(ready(folder=running_text, rows=ROWS, data__validation=None, data__template="chat", **ROOM), thorough=False)
    assert found(checked) == []


def test_a_teacher_who_was_tuned_on_the_template_that_is_not_used(ready: Prepare, running_text: Path) -> None:
    with_chat_template(running_text)
    write_rows(running_text / "valid.jsonl", ROWS)
    wrong = {"folder": running_text, "rows": ROWS, **ROOM}
    checked = check_start(ready(**wrong), thorough=True)
    assert not any("chat template" in text for text in found(checked)), "an untrained teacher speaks for neither"
    teach(running_text, ready(data__template="chat", **wrong))
    checked = check_start(ready(**wrong), thorough=True)
    (problem,) = [one for one in checked.findings.problems if "chat template" in one.text]
    assert "far likelier" in problem.text
    assert [(edit.pointer, edit.value) for edit in problem.edits] == [("/data/template", "chat")]
    assert any("The teacher does not know the references" in text for text in found(checked))
    right = check_start(ready(data__template="chat", **wrong), thorough=True)
    assert row_of(right, "Teacher")[0] == "good"


def teach(folder: Path, prepared: Prepared) -> None:
    """Trains the teacher in `folder` on the rows as they were prepared."""
    model = GPT2LMHeadModel.from_pretrained(folder / "teacher")
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.02)
    rows = [[*example.prompt_ids, *example.responses[0]] for example in prepared.files[0]["train"]]
    ids, width = torch.tensor([row + [0] * (max(map(len, rows)) - len(row)) for row in rows]), max(map(len, rows))
    labels = torch.tensor([row + [-100] * (width - len(row)) for row in rows])
    for _ in range(60):
        optimizer.zero_grad()
        model(input_ids=ids, labels=labels).loss.backward()
        optimizer.step()
    model.save_pretrained(folder / "teacher")


def test_a_student_who_knows_more_than_the_teacher(ready: Prepare, running_text: Path) -> None:
    write_rows(running_text / "valid.jsonl", ROWS)
    wrong = {"folder": running_text, "rows": ROWS, **ROOM}
    teach(running_text, ready(**wrong))
    (running_text / "teacher").rename(running_text / "able")
    fill_workspace(running_text, ready_tokenizer(running_text / "able"))
    write_rows(running_text / "valid.jsonl", ROWS)
    torch.manual_seed(1)
    shape = GPT2Config.from_pretrained(running_text / "able", initializer_range=0.001)
    GPT2LMHeadModel(shape).save_pretrained(running_text / "teacher")
    checked = check_start(ready(student={"model": "able"}, **wrong), thorough=True)
    assert row_of(checked, "Teacher")[0] == "warning"


def test_without_rows_to_score_the_references_are_those_that_are_trained_on(ready: Prepare, running_text: Path) -> None:
    checked = check_start(ready(folder=running_text, rows=ROWS, data__validation=None, **ROOM), thorough=True)
    assert row_of(checked, "Teacher")[0] == "warning"
    assert any("does not know the references of" in text and "rows.jsonl" in text for text in found(checked))


def ready_tokenizer(folder: Path) -> Any:
    return PreTrainedTokenizerFast.from_pretrained(folder)


def test_a_run_tells_its_notes_and_does_not_stop_for_them(make_run: MakeRun, capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run(data__maxNewTokens=3, phases__0__steps=2, phases__1__steps=2)
    assert train(run.path, 1) == 0
    messages = events_of(run, "message")
    notes = [event for event in messages if event["pointer"] is not None]
    assert {event["pointer"] for event in notes} >= {"/data/maxNewTokens"}
    assert all(event["level"] == "warning" for event in notes)
    assert any("does not know the references" in event["text"] for event in notes), "the first evaluation shows it"
    planned = [event["text"] for event in messages if event["level"] == "info"]
    assert [text.partition(":")[0] for text in planned] == ["Steps", "Memory"]
    assert "data.maxNewTokens: " in capsys.readouterr().err


def test_a_check_that_fails_itself_ends_no_run(make_run: MakeRun, workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = workspace / "teacher"
    file = folder / "tokenizer_config.json"
    before = file.read_text(encoding="utf-8")
    broken = (
        "{% if messages[-1].role == 'assistant' %}{{ raise_exception('answers are none of mine') }}{% endif %}{{ messages[-1].content }}"
    )
    file.write_text(json.dumps(json.loads(before) | {"chat_template": broken}), encoding="utf-8")
    try:
        run = make_run(phases=[{"method": "sft", "steps": 1, "batchSize": 4}], data__template="chat", data__validation=None)
        assert train(run.path, 1) == 0
    finally:
        file.write_text(before, encoding="utf-8")
    assert "answers are none of mine" in capsys.readouterr().err
    assert events_of(run, "step")


@pytest.mark.parametrize(("family", "device", "said"), [("lfm2", "cuda", True), ("lfm2", "cpu", False), ("qwen3", "cuda", False)])
def test_a_student_whose_gradient_has_no_order_on_a_gpu(family: str, device: str, said: bool) -> None:
    findings = Findings()
    check_order(toy(family), torch.device(device), findings)
    assert ["not the same to the bit" in problem.text for problem in findings.problems] == [True] * said


def test_logits_that_nothing_trains(ready: Prepare, workspace: Path) -> None:
    file = workspace / "student" / "config.json"
    before = file.read_text(encoding="utf-8")
    try:
        file.write_text(json.dumps(json.loads(before) | {"vocab_size": 128}), encoding="utf-8")
        prepared = ready(data__maxNewTokens=16)
        said = found(check_start(prepared, thorough=False))
    finally:
        file.write_text(before, encoding="utf-8")
    (wide,) = [text for text in said if "nothing trains the other 58" in text]
    assert "Set vocab_size in the student's config.json to 70." in wide
    findings = Findings()
    check_width(prepared.student, Student(model="student"), findings)
    assert not findings.problems, "what was trained before has them low"


def test_numbers_in_words() -> None:
    assert [share(1, 1000), share(999, 1000), share(3, 3), share(0, 3)] == ["under 1 %", "99 %", "100 %", "0 %"]
    assert [size(999), size(1200), size(12_345_678), size(6.5e9), size(1.2e12)] == ["999 bytes", "1.2 kB", "12 MB", "6.5 GB", "1200 GB"]
