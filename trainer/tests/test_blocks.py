"""A corpus becomes blocks of tokens: what is in them, how much memory that takes, and that it can be stopped."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import DEMO
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from minillm import blocks
from minillm.blocks import load_corpus
from minillm.data import tokenize
from minillm.errors import BadInput
from minillm.interrupt import Stopped

TRAINER = Path(__file__).resolve().parents[1]
PROSE = "The quick brown fox, it's said, jumps over 3,141 lazy dogs; naïve façades — 漢字かな交じり文 — follow.\n"
CODE = "def f(x):\n    if x > 10:\n        return  x\n\treturn -x  # tab\n"
TEXTS = {
    "prose": PROSE * 40,
    "code": CODE * 60,
    "one line": PROSE.replace("\n", " ") * 40,
    "spaces": "a  b   c\n  d    e \n" * 120,
    "no place to cut": "abcdefgh" * 400,
}


def silent(*_: Any) -> None:
    pass


def write(folder: Path, rows: list[Any]) -> str:
    path = folder / "corpus.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def made(kind: str) -> PreTrainedTokenizerFast:
    """A small tokenizer as a family has it, trained on the texts."""
    raw = Tokenizer(models.BPE(byte_fallback=kind == "llama 2", unk_token="<unk>", fuse_unk=True))
    special = ["<unk>", "</s>"]
    if kind == "llama 2":  # marks the start of a text, and has no words: whatever stands side by side may merge
        raw.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
        special += [f"<0x{byte:02X}>" for byte in range(256)]
        trainer = trainers.BpeTrainer(vocab_size=700, special_tokens=special)
        raw.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
        raw.train_from_iterator([PROSE, CODE], trainer)
        raw.pre_tokenizer = None
    elif kind == "unigram":
        raw = Tokenizer(models.Unigram())
        raw.pre_tokenizer = pre_tokenizers.Metaspace()
        trainer = trainers.UnigramTrainer(vocab_size=200, special_tokens=special, unk_token="<unk>")
        raw.train_from_iterator([PROSE * 5, CODE * 5], trainer)
    else:
        raw = Tokenizer(models.BPE())
        split = r"""(?i:'s|'t)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"""  # Qwen's
        parts = [pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=kind == "gpt-2")]
        if kind == "qwen":
            parts.insert(0, pre_tokenizers.Split(Regex(split), "isolated"))
        raw.pre_tokenizer = pre_tokenizers.Sequence(parts)
        raw.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        raw.train_from_iterator([PROSE, CODE], trainers.BpeTrainer(vocab_size=500, special_tokens=special, initial_alphabet=alphabet))
    return PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="</s>", unk_token="<unk>")


def test_documents_are_packed_without_a_gap(tmp_path: Path, tokenizer: Any) -> None:
    path = write(tmp_path, [{"text": "a b c"}, {"text": "d e"}, {"text": "f"}])
    found = load_corpus(path, tokenizer, 4, silent)
    assert found.dtype == torch.int32
    assert [tokenizer.convert_ids_to_tokens(block) for block in found.tolist()] == [["a", "b", "c", "</s>"], ["d", "e", "</s>", "f"]]
    (tmp_path / "text.txt").write_text("a b\n\nc d\n")
    assert load_corpus(str(tmp_path / "text.txt"), tokenizer, 5, silent).shape == (1, 5)
    with pytest.raises(BadInput, match="9 tokens, fewer than one block of 20"):
        load_corpus(path, tokenizer, 20, silent)
    with pytest.raises(BadInput, match=r'line 1: "text" is the number 3'):
        load_corpus(write(tmp_path, [{"text": 3}]), tokenizer, 4, silent)


@pytest.mark.parametrize("kind", ["gpt-2", "qwen", "llama 2", "unigram"])
@pytest.mark.parametrize("name", [name for name in TEXTS if name != "no place to cut"])
def test_the_tokens_of_a_long_document_are_those_of_the_whole(
    tmp_path: Path, kind: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = made(kind)
    lines = [line for line in TEXTS[name].split("\n") if line.strip()]
    (whole,) = tokenize(tokenizer, ["\n".join(lines)], special=False)
    monkeypatch.setattr(blocks, "PIECE", 100)
    monkeypatch.setattr(blocks, "CONTEXT", 40)
    monkeypatch.setattr(blocks, "TOGETHER", 700)
    (tmp_path / "text.txt").write_text(TEXTS[name], encoding="utf-8")
    path = write(tmp_path, [{"text": "\n".join(lines)}, {"text": ""}, {"text": "\n".join(lines)}])
    assert load_corpus(str(tmp_path / "text.txt"), tokenizer, 1, silent)[:, 0].tolist() == [*whole, 1]
    assert load_corpus(path, tokenizer, 1, silent)[:, 0].tolist() == [*whole, 1, 1, *whole, 1]


@pytest.mark.parametrize("kind", ["gpt-2", "llama 2"])
def test_nothing_of_a_text_is_lost_where_it_has_no_place_to_cut(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = made(kind)
    monkeypatch.setattr(blocks, "PIECE", 100)
    monkeypatch.setattr(blocks, "CONTEXT", 40)
    path = write(tmp_path, [{"text": TEXTS["no place to cut"]}])
    found = load_corpus(path, tokenizer, 1, silent)[:-1, 0].tolist()
    assert "".join(tokenizer.convert_ids_to_tokens(found)).replace("▁", "") == TEXTS["no place to cut"]


def test_reading_is_told_of_and_can_be_stopped(tmp_path: Path, tokenizer: Any) -> None:
    path = write(tmp_path, [{"text": "a b c d e f g h " * 100}] * 400)
    told = list[float]()

    def progress(what: str, done: float, total: float | None, unit: str) -> None:
        assert (what, total, unit) == ("reading the corpus", None, "tokens")
        told.append(done)
        if len(told) == 2:
            raise Stopped("enough")

    with pytest.raises(Stopped, match="enough"):
        load_corpus(path, tokenizer, 8, progress)
    assert 0 == told[0] < told[1] < 400 * 801


PEAK = """
import resource, sys
from transformers import AutoTokenizer
from minillm.blocks import load_corpus
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
load_corpus(sys.argv[3], tokenizer, 64, print)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
load_corpus(sys.argv[2], tokenizer, 64, lambda *_: None)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.long
@pytest.mark.parametrize("ending", ["jsonl", "txt"])
def test_a_corpus_takes_little_more_memory_than_its_tokens(tmp_path: Path, ending: str) -> None:
    """Of ten megabytes; what is the same for every corpus, one of half a megabyte has taken before."""
    line = "a b c d e f g h i j k l m n o p q r s t u v w x y z " * 8
    rows = {"jsonl": json.dumps({"text": line}) + "\n", "txt": line + "\n"}[ending]
    large, small = tmp_path / f"large.{ending}", tmp_path / f"small.{ending}"
    large.write_text(rows * (10_000_000 // len(rows)))
    small.write_text(rows * (600_000 // len(rows)))
    command = [sys.executable, "-c", PEAK, str(DEMO / "teacher"), str(large), str(small)]
    done = subprocess.run(command, cwd=TRAINER, capture_output=True, text=True, check=True, timeout=300)
    grown = int(done.stdout.split()[-1]) * (1 if sys.platform == "darwin" else 1024)
    assert grown < 8 * large.stat().st_size, f"{grown / large.stat().st_size:.1f} bytes for a byte of text"
