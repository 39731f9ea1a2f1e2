"""From a corpus to blocks of tokens, a little at a time: a corpus may be as large as the machine's memory allows, and no larger.

What encoding holds meanwhile is dozens of times as large as the text. So documents are encoded a few at a time, long ones in pieces,
and of all that was read four bytes a token are kept.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from minillm.data import tokenize
from minillm.download import Progress
from minillm.errors import BadInput
from minillm.rows import kind_of, read_lines

TOGETHER = 1 << 18
"""Characters that are encoded together, about: what encoding holds of them is some 40 MB."""
PIECE = 1 << 15
"""Characters of a long document that are encoded in one go."""
CONTEXT = 256
"""Characters on both sides of a cut that are looked at: no tokenizer lets a letter depend on one that is farther away."""
TRIES = 8
"""Cuts of a kind that are tried."""


@dataclass(frozen=True, slots=True)
class Piece:
    before: str
    """The end of what stands before it in its document: it is encoded with it, for some tokenizers mark the start of a text. Empty at
    the start, and where the two would merge."""
    text: str
    ends: bool
    """Whether its document ends with it."""


def load_corpus(path: str, tokenizer: PreTrainedTokenizerBase, block: int, progress: Progress, pointer: str = "/data/corpus") -> Tensor:
    """The corpus as blocks of token ids [N, block], int32: documents one after the other, each with an end token; the last tokens that
    fill no block are left out. A .txt is one document, a .jsonl has one in each row's `text`. Both may be .gz.

    A long document is cut where its tokens come out as those of the whole: at the end of a line, else before a space. Where a tokenizer
    has none of the places that are tried, the cut is made all the same, and one or two tokens beside it may be others.

    Raises BadInput naming file and line, and when there is not even one block; and what `progress` raises to end it.
    """
    tokens = array("i")
    rest = chain.from_iterable(_pieces(parts, tokenizer) for parts in _documents(path, pointer))
    while some := list(_together(rest)):
        progress("reading the corpus", len(tokens), None, "tokens")
        for piece, ids in zip(some, _encoded(some, tokenizer), strict=True):
            tokens.extend(ids)
            if piece.ends:
                tokens.append(tokenizer.eos_token_id)
    if len(tokens) < block:
        sentence = f"{path} has {len(tokens)} tokens, fewer than one block of {block}; give a larger corpus."
        raise BadInput(sentence, pointer=pointer, file=path)
    return torch.frombuffer(tokens, dtype=torch.int32)[: len(tokens) // block * block].view(-1, block)


def _documents(path: str, pointer: str) -> Iterator[Iterable[str]]:
    """Each document, in parts that are not long."""
    lines = read_lines(Path(path), pointer)
    if not path.removesuffix(".gz").endswith(".jsonl"):
        yield chain.from_iterable(_slices("\n" + text if place else text) for place, (_, text) in enumerate(lines))
        return
    for line, raw in lines:
        try:
            record = json.loads(raw)
        except (ValueError, RecursionError):
            record = None
        text = record.get("text") if isinstance(record, dict) else None
        if not isinstance(text, str):
            found = "not JSON" if record is None else f'"text" is {kind_of(text)}'
            sentence = f'{path}, line {line}: {found}; each line of a corpus is {{"text": "…"}}.'
            raise BadInput(sentence, pointer=pointer, file=path, line=line)
        yield _slices(text)


def _slices(text: str) -> Iterable[str]:
    return (text[start : start + PIECE] for start in range(0, len(text), PIECE))


def _pieces(parts: Iterable[str], tokenizer: PreTrainedTokenizerBase) -> Iterator[Piece]:
    before = text = ""
    for part in parts:
        text += part
        while len(text) > PIECE + CONTEXT:
            cut, apart = _cut(text, tokenizer)
            yield Piece(before, text[:cut], ends=False)
            before, text = text[max(0, cut - CONTEXT) : cut] if apart else "", text[cut:]
    yield Piece(before, text, ends=True)


def _cut(text: str, tokenizer: PreTrainedTokenizerBase) -> tuple[int, bool]:
    """Where a text that is longer than a piece is cut, and whether no token reaches across."""
    found = [*islice(_line_ends(text), TRIES), *islice(_before_spaces(text), TRIES)]
    for cut in found:
        left = text[max(0, cut - CONTEXT) : cut]
        alone, together = tokenize(tokenizer, [left, left + text[cut : cut + CONTEXT]], special=False)
        if together[: len(alone)] == alone:
            return cut, True
    return (found[0] if found else PIECE), False


def _line_ends(text: str) -> Iterator[int]:
    """The places after a line's end, from the last on."""
    place = PIECE
    while (place := text.rfind("\n", 0, place)) > 0:
        yield place + 1


def _before_spaces(text: str) -> Iterator[int]:
    """The places between a word and a space, from the last on."""
    place = PIECE
    while (place := text.rfind(" ", 0, place)) > 0:
        if not text[place - 1].isspace():
            yield place


def _together(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """As many as are encoded together, which are taken from `pieces`."""
    size = 0
    for piece in pieces:
        yield piece
        size += len(piece.text) + 1
        if size >= TOGETHER:
            return


def _encoded(pieces: Iterable[Piece], tokenizer: PreTrainedTokenizerBase) -> Iterator[list[int]]:
    whole = tokenize(tokenizer, [piece.before + piece.text for piece in pieces], special=False)
    before = tokenize(tokenizer, [piece.before for piece in pieces], special=False)
    for ids, context in zip(whole, before, strict=True):
        yield ids[len(context) :]
