"""From rows of text to tokens: templates and tokenisation.

An example's prompt and its responses are tokenised so that what is trained on is what sampling will see: the prompt's tokens
alone, then the response's, then the end token.
"""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import torch
from transformers import PreTrainedTokenizerBase

from minillm.config import Data
from minillm.errors import BadInput
from minillm.rows import Row, read_rows, read_whole_rows

Answers = Literal["required", "optional", "unread"]

ALPACA_HEAD = "Below is an instruction that describes a task{about}. Write a response that appropriately completes the request."
"""The wording that the paper's models were trained on."""


@dataclass(frozen=True, slots=True)
class Example:
    id: str
    """The row's `id`, else its line; made unique within the file."""
    number: int
    """Place in the file, from 0: the row's part in every random draw, so that leaving out others changes nothing."""
    prompt: str
    """As the template renders it."""
    prompt_ids: list[int]
    responses: list[list[int]]
    """Token ids of every accepted answer, each with the end token unless it was cut."""
    references: tuple[str, ...]
    """The same answers as text."""


@dataclass(frozen=True)
class DataSet:
    path: str
    examples: list[Example]
    too_long: int
    """Rows left out because their prompt is over `maxPromptTokens`."""
    cut: int
    """Answers cut to `maxNewTokens`, without an end token."""


@contextmanager
def collector_at_rest() -> Iterator[None]:
    """Rows refer to nothing that refers back: looking through all of them for cycles, again and again, takes half of the reading."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


@collector_at_rest()
def load(
    path: str, tokenizer: PreTrainedTokenizerBase, settings: Data, *, answers: Answers, limit: int | None = None, pointer: str
) -> DataSet:
    """Reads, renders and tokenises a data file. Answers are demanded of every row, read where there are some, or left unread.

    Raises BadInput naming file and line; also when no row is left.
    """
    rows = list(enumerate(read_rows(path, limit, pointer=pointer)))
    found = _examples(path, rows, tokenizer, settings, answers=answers, pointer=pointer)
    if not found.examples:
        raise BadInput(
            f"{path}: the prompt of every row is longer than data.maxPromptTokens = {settings.max_prompt_tokens} tokens; raise it.",
            pointer="/data/maxPromptTokens", file=path,
        )  # fmt: skip
    return found


def load_usable(path: str, tokenizer: PreTrainedTokenizerBase, settings: Data, *, pointer: str) -> DataSet:
    """What of a file of prompts can be used, be it nothing: a line that is no row, or does not fit the template, is left out, and all
    others are the examples that `load` makes of them. For files that somebody may be writing to. Raises BadInput for one that cannot
    be read at all."""

    def usable(row: Row) -> bool:
        try:
            prompt = render_prompt(row, tokenizer, settings.template, path, pointer)
        except BadInput:
            return False
        return bool(tokenize(tokenizer, [prompt], special=settings.template != "chat")[0])

    rows = [(place, row) for place, row in read_whole_rows(path, pointer=pointer) if usable(row)]
    return _examples(path, rows, tokenizer, settings, answers="optional", pointer=pointer)


def _examples(
    path: str, numbered: Sequence[tuple[int, Row]], tokenizer: PreTrainedTokenizerBase, settings: Data, *, answers: Answers, pointer: str
) -> DataSet:
    """Rows with their places in the file, rendered and tokenised."""
    rows = [row for _, row in numbered]
    prompts = [render_prompt(row, tokenizer, settings.template, path, pointer) for row in rows]
    # A chat template writes the special tokens itself.
    prompt_ids = tokenize(tokenizer, prompts, special=settings.template != "chat")
    for row, ids in zip(rows, prompt_ids, strict=True):
        if answers == "required" and not row.responses:
            what = 'a row without an answer; add "response", "responses", "output" or a turn of the assistant.'
            raise BadInput(f"{path}, line {row.line}: {what}", pointer=pointer, file=path, line=row.line)
        if not ids:
            raise BadInput(f"{path}, line {row.line}: the prompt has no tokens.", pointer=pointer, file=path, line=row.line)
    texts = [row.responses if answers != "unread" else () for row in rows]
    response_ids = tokenize_responses(tokenizer, prompts, prompt_ids, texts, special=settings.template != "chat")
    examples, seen, too_long, cut = [], dict[str, int](), 0, 0
    for (number, row), prompt, ids, responses in zip(numbered, prompts, prompt_ids, response_ids, strict=True):
        seen[row.id] = seen.get(row.id, 0) + 1
        if len(ids) > settings.max_prompt_tokens:
            too_long += 1
            continue
        cut += sum(len(response) > settings.max_new_tokens for response in responses)
        name = row.id if seen[row.id] == 1 else f"{row.id}-{seen[row.id]}"
        clipped = [response[: settings.max_new_tokens] for response in responses]
        examples.append(Example(name, number, prompt, ids, clipped, row.responses))
    return DataSet(path, examples, too_long, cut)


def render_prompt(row: Row, tokenizer: PreTrainedTokenizerBase, template: str, path: str, pointer: str) -> str:
    """The prompt's text. Raises BadInput when the row does not fit the template."""
    if template == "chat":
        if tokenizer.chat_template is None:
            raise BadInput('The tokenizer has no chat template: use data.template "plain" or "alpaca".', pointer="/data/template")
        turns = [{"role": role, "content": content} for role, content in row.turns]
        return tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
    if len(row.turns) != 1:
        sentence = f'{path}, line {row.line}: a conversation of {len(row.turns)} turns needs data.template "chat".'
        raise BadInput(sentence, pointer=pointer, file=path, line=row.line)
    if template == "plain":
        return row.turns[0][1]
    head = ALPACA_HEAD.format(about=", paired with an input that provides further context" if row.input else "")
    about = f"### Input:\n{row.input}\n\n" if row.input else ""
    return f"{head}\n\n### Instruction:\n{row.instruction}\n\n{about}### Response:\n"


def tokenize(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], *, special: bool) -> list[list[int]]:
    """Token ids of each text; `special` lets the tokenizer put its start token in front. An end token that it appends is taken off."""
    if not texts:
        return []
    if tokenizer.is_fast:  # straight to the tokenizer's own code: half the time of the wrapper
        backend = tokenizer.backend_tokenizer
        backend.no_truncation()
        backend.no_padding()
        encoded = [encoding.ids for encoding in backend.encode_batch_fast(list(texts), add_special_tokens=special)]
    else:
        encoded = tokenizer(list(texts), add_special_tokens=special)["input_ids"]
    end = tokenizer.eos_token_id
    return [ids[:-1] if special and ids and ids[-1] == end else ids for ids in encoded]


def tokenize_responses(
    tokenizer: PreTrainedTokenizerBase, prompts: Sequence[str], prompt_ids: Sequence[list[int]], responses: Sequence[Sequence[str]], *,
    special: bool,
) -> list[list[list[int]]]:  # fmt: skip
    """Tokens of each prompt's responses as they follow it, each with the end token.

    Some tokenizers mark the start of a text, so a response is read out of prompt and response together where the prompt's
    tokens come out unchanged. Where the boundary merges (the last letters of the prompt with the first of the response), the
    response is tokenised alone: sampling starts from the prompt's own tokens, never from the merged ones.
    """
    end = tokenizer.eos_token_id
    joined = [prompt + text for prompt, texts in zip(prompts, responses, strict=True) for text in texts]
    together = iter(tokenize(tokenizer, joined, special=special))
    alone = iter(tokenize(tokenizer, [text for texts in responses for text in texts], special=False))
    out = []
    for ids, texts in zip(prompt_ids, responses, strict=True):
        both_ways = zip(islice(together, len(texts)), islice(alone, len(texts)), strict=True)
        out.append([(both[len(ids) :] if both[: len(ids)] == ids else own) + [end] for both, own in both_ways])
    return out


def spread(examples: Sequence[Example], count: int | None) -> list[Example]:
    """`count` examples at even distances through the file, the same for every run; all of them when there are no more."""
    if count is None or count >= len(examples):
        return list(examples)
    return [examples[place * len(examples) // count] for place in range(count)]


def shuffled(count: int, *key: int | str) -> list[int]:
    """A permutation of range(count) that depends on `key` alone: no generator's state has to be kept for a resume."""
    digest = hashlib.blake2b(",".join(map(str, key)).encode(), digest_size=8).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest, "little") >> 1)
    return torch.randperm(count, generator=generator).tolist()


class Passes:
    """An endless sequence of shuffled passes over range(count): the item at a place depends on the key alone."""

    def __init__(self, count: int, *key: int | str) -> None:
        self.count, self.key = count, key
        self._pass, self._order = -1, list[int]()

    def __getitem__(self, place: int) -> int:
        number, rest = divmod(place, self.count)
        if number != self._pass:
            self._pass, self._order = number, shuffled(self.count, *self.key, number)
        return self._order[rest]


def file_hash(path: str) -> str:
    """SHA-256 of a file, for manifests."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
