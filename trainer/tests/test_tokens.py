"""Token detail: the numbers are the models' own, the pieces are the text, whatever the tokenizer does to characters."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import MakeRun, events_of
from test_resume import train_until
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from minillm import record
from minillm.config import Config
from minillm.contract import TokenDetail, TokenIndex
from minillm.evaluate import sample
from minillm.prepare import Prepared, prepare
from minillm.rundir import RunDir, read_json
from minillm.scores import repetition
from minillm.tokens import look, name_of, pieces
from minillm.train import train


@pytest.fixture
def ready(make_run: MakeRun) -> Prepared:
    record = read_json(make_run().run)
    assert record is not None
    return prepare(Config.model_validate(record["config"]), lambda *_: None, lambda *_: None)


@torch.no_grad()
def plain(model: Any, prompt: list[int], response: list[int]) -> torch.Tensor:
    logits = model(input_ids=torch.tensor([prompt + response])).logits[0, len(prompt) - 1 : -1]
    return logits.float().log_softmax(-1)


def test_the_numbers_are_the_models_own(ready: Prepared) -> None:
    examples = ready.final
    responses = sample(ready.student, examples, ready.setting, 1.0)
    responses[2] = []
    prompts = [example.prompt_ids for example in examples]
    details = look(ready.student, ready.teacher, prompts, responses, top=3, pad=ready.setting.pad, chunk=4)
    for prompt, response, detail in zip(prompts, responses, details, strict=True):
        assert len(detail.top) == len(detail.kl or []) == len(response)
        if not response:
            continue
        q, p = plain(ready.student.model, prompt, response), plain(ready.teacher.model, prompt, response)
        place = torch.arange(len(response))
        close = lambda wanted: pytest.approx(wanted.tolist(), abs=2e-4)  # noqa: E731
        assert detail.logp_student == close(q[place, response])
        assert detail.logp_teacher == close(p[place, response])
        assert detail.entropy_student == close(-(q.exp() * q).sum(-1))
        assert detail.entropy_teacher == close(-(p.exp() * p).sum(-1))
        assert detail.kl == close((q.exp() * (q - p)).sum(-1))
        for at, alternatives in enumerate(detail.top):
            ids = [token for token, _q, _p in alternatives]
            assert len(set(ids)) == len(ids)
            assert set(ids) == set(q[at].topk(3).indices.tolist()) | set(p[at].topk(3).indices.tolist())
            assert [student for _id, student, _p in alternatives] == close(q[at, ids])
            assert [teacher for _id, _q, teacher in alternatives] == close(p[at, ids])


def test_the_teacher_alone(ready: Prepared) -> None:
    (detail,) = look(None, ready.teacher, [ready.final[0].prompt_ids], [[5, 6, 2]], top=2, pad=ready.setting.pad)
    assert (detail.logp_student, detail.kl, detail.entropy_student) == (None, None, None)
    assert all(q is None and p is not None for row in detail.top for _id, q, p in row)
    assert [len(row) for row in detail.top] == [2, 2, 2]


@pytest.fixture(scope="module")
def bytewise() -> PreTrainedTokenizerFast:
    """A byte-level tokenizer with no merges at all: every character beyond ASCII is several tokens."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={letter: place for place, letter in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|end|>")


def test_pieces_are_the_text_also_where_tokens_end_inside_a_character(bytewise: PreTrainedTokenizerFast) -> None:
    text = "größer 日本 😀 a\n<b>"
    ids = bytewise(text)["input_ids"]
    found, special = pieces(bytewise, [*ids, bytewise.eos_token_id])
    assert special == [len(ids)]
    assert found[-1] == "<|end|>"
    assert "".join(found[:-1]) == text
    assert found[found.index("😀") - 3 : found.index("😀")] == ["", "", ""]
    whole = bytewise("日")["input_ids"]
    assert [name_of(bytewise, token) for token in whole] == ["\\xe6", "\\x97", "\\xa5"]
    assert name_of(bytewise, ids[0]) == "g"


def test_pieces_of_any_bytes_at_all(bytewise: PreTrainedTokenizerFast) -> None:
    draw = random.Random(5)
    for _ in range(200):
        ids = [draw.randrange(256) for _ in range(draw.randrange(30))]
        found, special = pieces(bytewise, ids)
        assert (len(found), special) == (len(ids), [])
        # What is no character may be cut up otherwise, but nothing that is one is lost.
        assert "".join(found).replace("\ufffd", "") == bytewise.decode(ids).replace("\ufffd", "")


def test_a_tokenizer_that_puts_spaces_between_words(tokenizer: Any) -> None:
    ids = tokenizer("k o n", add_special_tokens=False)["input_ids"]
    found, _ = pieces(tokenizer, ids)
    assert "".join(found) == tokenizer.decode(ids)
    assert len(found) == len(ids)


def test_repetition() -> None:
    assert repetition("abcabc") == 0.0
    assert repetition("aaaaaaa") == 0.75
    assert repetition([1, 2, 3]) == repetition([]) == 0.0


def lines_of(run: RunDir, name: str) -> list[TokenDetail]:
    """Every line, read as a viewer reads: by the index alone."""
    index = TokenIndex.model_validate(read_json(run.samples / f"{name}.tokens.index"))
    raw = (run.samples / f"{name}.tokens.jsonl").read_bytes()
    assert index.bytes == len(raw)
    found = []
    for place in index.lines:
        detail = TokenDetail.model_validate(json.loads(raw[place.offset : place.offset + place.length]))
        assert (detail.prompt_id, detail.kind, detail.draw) == (place.prompt_id, place.kind, place.draw)
        assert not detail.model_extra
        found.append(detail)
    return found


def asked_of(run: RunDir, *names: str) -> dict[str, set[str]]:
    """Ids of the prompts that have samples, by the name of their file."""
    return {name: {line["promptId"] for line in record.samples.lines_of(run.samples / f"{name}.jsonl")} for name in names}


def ids_of(rows: list[str]) -> set[str]:
    """Ids of the first rows of a file: a row that has none is called by its line."""
    return {json.loads(row).get("id", str(place)) for place, row in enumerate(rows, 1)}


def test_a_run_keeps_detail_of_student_teacher_and_references(make_run: MakeRun) -> None:
    run = make_run(phases__1__steps=4)
    assert train(run.path, 1) == 0
    for event in events_of(run, "samples"):
        details = lines_of(run, event["checkpoint"])
        assert event["tokenBytes"] == (run.samples / f"{event['checkpoint']}.tokens.jsonl").stat().st_size
        assert event["bytes"] == (run.samples / f"{event['checkpoint']}.jsonl").stat().st_size
        samples = [json.loads(line) for line in (run.path / event["path"]).read_text(encoding="utf-8").splitlines()]
        draws = [detail for detail in details if detail.kind == "draw"]
        assert [(one.prompt_id, one.draw, one.ids) for one in draws] == [(one["promptId"], one["draw"], one["ids"]) for one in samples]
        for detail, line in zip(draws, samples, strict=True):
            assert len(detail.pieces) == len(detail.top) == line["length"]
            assert "".join(piece for at, piece in enumerate(detail.pieces) if at not in detail.special).strip() == line["text"].strip()
            if event["checkpoint"] != "teacher":
                assert line["klSequence"] == pytest.approx(sum(detail.kl or []))
                assert line["kl"] == pytest.approx(line["klSequence"] / line["length"])
        references = [detail for detail in details if detail.kind == "reference"]
        assert len(references) == (0 if event["checkpoint"] == "teacher" else 2)


def test_detail_of_old_checkpoints_goes_where_that_is_asked_for(make_run: MakeRun) -> None:
    run = make_run(inspect__keepTokens=1, inspect__topTokens=0)
    assert train(run.path, 1) == 0
    kept = sorted(path.name for path in run.samples.glob("*.tokens.*"))
    assert kept == sorted(
        f"{name}.tokens.{end}" for name in ("step-00000005-a1", "step-00000016-a1", "teacher") for end in ("jsonl", "index")
    )
    assert len(list(run.samples.glob("step-*-a1.jsonl"))) == 5
    assert all(row == [] for detail in lines_of(run, "step-00000016-a1") for row in detail.top)
    none = make_run("none", inspect__keepTokens=0, phases__1__steps=1)
    assert train(none.path, 1) == 0
    assert list(none.samples.glob("*.tokens.*")) == []


def test_prompts_added_while_a_run_goes_on_are_sampled_from_then_on(
    make_run: MakeRun, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = (workspace / "valid.jsonl").read_text(encoding="utf-8").splitlines()
    file = workspace / "inspect.jsonl"
    file.write_text("\n".join(rows[:3]) + "\n", encoding="utf-8")
    run = make_run(inspect__prompts="inspect.jsonl", inspect__rows=2, inspect__validationRows=0)
    added = json.dumps({"id": "new", "prompt": "k o n :"})
    appended = {5: added[:9], 10: added[9:] + "\n"}  # first a line in the middle of being typed

    write = record.samples.write_samples

    def write_and_type(run: RunDir, name: str, step: int, *rest: Any) -> Any:
        made = write(run, name, step, *rest)
        with open(file, "a", encoding="utf-8") as typed:
            typed.write(appended.pop(step, ""))
        return made

    monkeypatch.setattr(record.samples, "write_samples", write_and_type)
    assert train(run.path, 1) == 0
    asked = asked_of(run, "step-00000005-a1", "step-00000010-a1", "step-00000015-a1", "step-00000016-a1", "teacher")
    first = ids_of(rows[:2])
    assert asked["step-00000005-a1"] == asked["step-00000010-a1"] == first
    assert asked["step-00000015-a1"] == asked["step-00000016-a1"] == asked["teacher"] == first | {"new"}
    assert len(lines_of(run, "teacher")) == 6
    (warning,) = [event for event in events_of(run, "message") if event["level"] == "warning" and event.get("pointer") is None]
    assert "inspect.jsonl, line 4" in warning["text"]


def test_prompts_typed_while_a_run_is_stopped_are_sampled_after_its_resume(make_run: MakeRun, workspace: Path) -> None:
    rows = (workspace / "valid.jsonl").read_text(encoding="utf-8").splitlines()
    file = workspace / "inspect.jsonl"
    file.write_text("\n".join(rows[:3]) + "\n", encoding="utf-8")
    run = make_run(inspect__prompts="inspect.jsonl", inspect__rows=2, inspect__validationRows=0)
    train_until(run, 1, 7)
    with open(file, "a", encoding="utf-8") as typed:
        typed.write(json.dumps({"id": "new", "prompt": "k o n :"}) + "\n")
    assert train(run.path, 2) == 0
    asked = asked_of(run, "step-00000005-a1", "step-00000010-a2", "teacher")
    first = ids_of(rows[:2])
    assert asked["step-00000005-a1"] == first, "of three rows two were wanted"
    assert asked["step-00000010-a2"] == asked["teacher"] == first | {"new"}


def test_a_row_that_is_being_typed_keeps_no_run_from_going_on(make_run: MakeRun, workspace: Path) -> None:
    """Nobody is there when a run restarts by itself: what it cannot use is left out and named, all else is sampled as before."""
    rows = (workspace / "valid.jsonl").read_text(encoding="utf-8").splitlines()
    file = workspace / "inspect.jsonl"
    file.write_text("\n".join(rows[:2]) + "\n", encoding="utf-8")
    run = make_run(inspect__prompts="inspect.jsonl", inspect__rows=2, inspect__validationRows=0)
    train_until(run, 1, 7)
    new, long = json.dumps({"id": "new", "prompt": "k o n :"}), json.dumps({"id": "long", "prompt": "k o n : " * 4000})
    file.write_text("\n".join([*rows[:2], '{"id": "half', new, long]), encoding="utf-8")
    assert train(run.path, 2) == 0
    asked = asked_of(run, "step-00000005-a1", "step-00000010-a2")
    first = ids_of(rows[:2])
    assert asked["step-00000005-a1"] == first
    assert asked["step-00000010-a2"] == first | {"new"}
    warnings = [event["text"] for event in events_of(run, "message") if event["level"] == "warning"]
    assert any("inspect.jsonl, line 3: not JSON" in text for text in warnings), warnings
