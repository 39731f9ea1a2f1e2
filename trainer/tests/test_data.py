"""Rows to tokens: what is trained on is what sampling will see."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from minillm.config import Data
from minillm.data import Passes, load, shuffled, spread
from minillm.errors import BadInput

SETTINGS = Data(train="x", max_prompt_tokens=8, max_new_tokens=4)


def write(folder: Path, rows: list[Any], name: str = "rows.jsonl") -> str:
    path = folder / name
    text = "\n".join(json.dumps(row) for row in rows)
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return str(path)


def read(path: str, tokenizer: Any, settings: Data = SETTINGS, answers: Any = "required") -> Any:
    return load(path, tokenizer, settings, answers=answers, pointer="/data/train")


@pytest.fixture
def merging() -> PreTrainedTokenizerFast:
    """A byte-pair tokenizer with a start token, whose merges cross the boundary of `a` and `b`."""
    words = ["<s>", "</s>", "a", "b", "c", "ab", " "]
    backend = Tokenizer(models.BPE({word: i for i, word in enumerate(words)}, [("a", "b")]))
    backend.pre_tokenizer = pre_tokenizers.Split(" ", "isolated")
    backend.decoder = decoders.Fuse()
    backend.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 1)])
    return PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<s>", eos_token="</s>", pad_token="</s>")


def test_a_row_with_several_answers_keeps_all(tmp_path: Path, tokenizer: Any) -> None:
    path = write(tmp_path, [{"prompt": "a b :", "response": "AE B", "responses": ["AE B", "EY B"]}], "rows.jsonl.gz")
    (example,) = read(path, tokenizer).examples
    assert tokenizer.convert_ids_to_tokens(example.prompt_ids) == ["a", "b", ":"]
    assert [tokenizer.convert_ids_to_tokens(ids) for ids in example.responses] == [["AE", "B", "</s>"], ["EY", "B", "</s>"]]
    assert example.references == ("AE B", "EY B")


def test_the_response_follows_the_tokens_that_sampling_starts_from(tmp_path: Path, merging: PreTrainedTokenizerFast) -> None:
    """Together "ca" and "b" become "c" "ab"; but sampling starts from "c" "a", so "b" must follow as itself."""
    crossing, clean = read(write(tmp_path, [{"prompt": "ca", "response": "b"}, {"prompt": "c", "response": "ab"}]), merging).examples
    assert (crossing.prompt_ids, crossing.responses) == ([0, 4, 2], [[3, 1]])
    assert (clean.prompt_ids, clean.responses) == ([0, 4], [[5, 1]])  # no start token, one end token


def test_long_prompts_are_counted_and_long_answers_cut(tmp_path: Path, tokenizer: Any) -> None:
    rows = [{"prompt": "a " * 9, "response": "B"}, {"prompt": "a :", "response": "B B B B"}, {"prompt": "b :", "response": "B B B"}]
    data = read(write(tmp_path, rows), tokenizer)
    assert (data.too_long, data.cut) == (1, 1)
    assert [(example.number, len(example.responses[0])) for example in data.examples] == [(1, 4), (2, 4)]
    assert [example.responses[0][-1] == tokenizer.eos_token_id for example in data.examples] == [False, True]
    with pytest.raises(BadInput, match=r"longer than data\.maxPromptTokens = 8") as caught:
        read(write(tmp_path, rows[:1]), tokenizer)
    assert caught.value.pointer == "/data/maxPromptTokens"


def test_ids_are_kept_and_made_unique(tmp_path: Path, tokenizer: Any) -> None:
    rows = [{"id": "x", "prompt": "a", "response": "B"}, {"id": "x", "prompt": "b", "response": "B"}, {"prompt": "c", "response": "B"}]
    assert [example.id for example in read(write(tmp_path, rows), tokenizer).examples] == ["x", "x-2", "3"]


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ({"prompt": "a"}, "a row without an answer"),
        ({"prompt": ""}, '"prompt" is empty'),
        ({"response": "B"}, "a row without a prompt"),
        ({"prompt": "  ", "response": "B"}, "the prompt has no tokens"),
        ({"messages": [{"role": role, "content": "x"} for role in ("system", "user")], "response": "B"}, "a conversation of 2 turns"),
        ([1], "a list"),
    ],
)
def test_errors_name_file_and_line(tmp_path: Path, tokenizer: Any, row: Any, sentence: str) -> None:
    path = write(tmp_path, [{"prompt": "a", "response": "B"}, row])
    with pytest.raises(BadInput) as caught:
        read(path, tokenizer)
    assert f"{path}, line 2: " in caught.value.sentence
    assert sentence in caught.value.sentence
    assert (caught.value.file, caught.value.line, caught.value.pointer) == (path, 2, "/data/train")


def test_templates(tmp_path: Path, tokenizer: Any, merging: PreTrainedTokenizerFast) -> None:
    rows = [{"instruction": "Add.", "input": "1 2", "output": "3"}, {"instruction": "Wait.", "input": "", "output": "3"}]
    wide = {"train": "x", "max_prompt_tokens": 200, "max_new_tokens": 4}
    path = write(tmp_path, rows)
    first, second = (example.prompt for example in read(path, tokenizer, Data(template="alpaca", **wide)).examples)
    assert "paired with an input" in first
    assert first.endswith("### Instruction:\nAdd.\n\n### Input:\n1 2\n\n### Response:\n")
    assert "paired with an input" not in second
    assert second.endswith("### Instruction:\nWait.\n\n### Response:\n")
    assert [example.prompt for example in read(path, tokenizer, Data(template="plain", **wide)).examples] == ["Add.\n1 2", "Wait."]
    with pytest.raises(BadInput, match="no chat template"):
        read(path, tokenizer, Data(template="chat", **wide))
    merging.chat_template = "{% for m in messages %}c{{ m.content }} {% endfor %}a"
    chat = write(tmp_path, [{"messages": [{"role": "user", "content": "b"}, {"role": "assistant", "content": "c"}]}])
    (example,) = read(chat, merging, Data(template="chat", **wide)).examples
    assert example.prompt == "cb a"
    assert (example.prompt_ids, example.responses) == ([4, 3, 6, 2], [[4, 1]])  # the template alone says where a start token goes


def test_a_subset_is_spread_and_fixed(tmp_path: Path, tokenizer: Any) -> None:
    examples = read(write(tmp_path, [{"prompt": "a", "response": "B"}] * 10), tokenizer).examples
    assert [example.number for example in spread(examples, 4)] == [0, 2, 5, 7]
    assert spread(examples, None) == spread(examples, 11) == examples


def test_every_pass_has_each_item_once_in_an_order_of_its_own() -> None:
    passes = Passes(7, 3, 1)
    taken = [passes[place] for place in range(21)]
    assert Counter(taken) == Counter(list(range(7)) * 3)
    assert taken[:7] != taken[7:14]
    assert [Passes(7, 3, 1)[place] for place in (20, 3, 8)] == [taken[20], taken[3], taken[8]]
    assert [Passes(7, 4, 1)[place] for place in range(21)] != taken
    assert shuffled(50, 1, 23) != shuffled(50, 12, 3)
