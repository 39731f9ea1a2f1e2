"""What two models thought at every token of a response, and the text of each token: the record behind the token lens.

Shapes: R real response tokens of a chunk, V shared vocabulary, K alternatives of one model.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from minillm.language_model import LanguageModel
from minillm.sequences import left_pad, response_hidden, right_pad

CHUNK_LOGITS = 1 << 24
"""Logits of one model that are held at once: 64 MiB of fp32."""
DIGITS = 4
"""Decimal places kept: a ten-thousandth of a nat is beyond what anybody reads, and halves the files."""
LONGEST_CHARACTER = 4
"""Bytes of UTF-8."""
LOST = "\ufffd"
"""What a decoder gives for bytes that are no character."""


@dataclass
class TokenDetail:
    """One response, token by token; all lists have its length. In nats. What a model that did not look would have said is None."""

    logp_student: list[float] | None = None
    logp_teacher: list[float] | None = None
    entropy_student: list[float] | None = None
    entropy_teacher: list[float] | None = None
    kl: list[float] | None = None
    """Exact reverse KL(student‖teacher) at each token."""
    top: list[list[tuple[int, float | None, float | None]]] = field(default_factory=list)
    """The likeliest tokens of both models together: (id, log-prob under the student, under the teacher)."""


@torch.no_grad()
def look(
    student: LanguageModel | None,
    teacher: LanguageModel | None,
    prompts: Sequence[Sequence[int]],
    responses: Sequence[Sequence[int]],
    *,
    top: int,
    pad: int,
    chunk: int = 256,
) -> list[TokenDetail]:
    """Details of `responses` (with their end tokens) at temperature 1, in the order given; at least one model must look.

    `top` alternatives are kept of each model, none for 0. An empty response has empty lists.
    """
    details = [TokenDetail() for _ in prompts]
    order = sorted(range(len(prompts)), key=lambda i: (len(prompts[i]) + len(responses[i]), i))
    for start in range(0, len(order), chunk):
        chosen = order[start : start + chunk]
        lengths = [len(responses[i]) for i in chosen]
        columns = _columns(student, teacher, [prompts[i] for i in chosen], [responses[i] for i in chosen], top, pad) if any(lengths) else {}
        begin = 0
        for i, length in zip(chosen, lengths, strict=True):
            part = {name: column[begin : begin + length] for name, column in columns.items()}
            details[i] = _detail(part, student is not None, teacher is not None)
            begin += length
    return details


def _columns(
    student: LanguageModel | None,
    teacher: LanguageModel | None,
    prompts: list[Sequence[int]],
    responses: list[Sequence[int]],
    top: int,
    pad: int,
) -> dict[str, list[Any]]:
    """Everything wanted of the R tokens of some responses, as lists of length R."""
    models = [model for model in (student, teacher) if model is not None]
    device = models[0].device
    prompt_ids, prompt_mask = left_pad(prompts, pad, device)
    ids, real = right_pad(responses, pad, device)
    tokens = ids[real]
    hidden = {id(model): response_hidden(model, prompt_ids, prompt_mask, ids, real) for model in models}
    size = max(1, CHUNK_LOGITS // models[0].vocabulary)
    out: dict[str, list[Any]] = {}
    for start in range(0, tokens.shape[0], size):
        rows = slice(start, start + size)
        logq = None if student is None else student.logits(hidden[id(student)][rows]).log_softmax(-1)
        logp = None if teacher is None else teacher.logits(hidden[id(teacher)][rows]).log_softmax(-1)
        for name, column in _chunk(logq, logp, tokens[rows], top).items():
            out.setdefault(name, []).extend(column.cpu().tolist())
    return out


def _chunk(logq: Tensor | None, logp: Tensor | None, tokens: Tensor, top: int) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    picks = []
    for who, log in (("student", logq), ("teacher", logp)):
        if log is None:
            continue
        found[f"logp_{who}"] = log.gather(-1, tokens[:, None])[:, 0]
        found[f"entropy_{who}"] = torch.special.entr(log.exp()).sum(-1)
        picks.append(log.topk(min(top, log.shape[-1]), -1).indices)
    if logq is not None and logp is not None:
        found["kl"] = (logq.exp() * (logq - logp)).sum(-1)
    if top > 0:
        likely = torch.cat(picks, -1)
        found["top_ids"] = likely
        for who, log in (("student", logq), ("teacher", logp)):
            if log is not None:
                found[f"top_{who}"] = log.gather(-1, likely)
    return found


def _detail(part: dict[str, list[Any]], by_student: bool, by_teacher: bool) -> TokenDetail:
    def numbers(name: str, wanted: bool) -> list[float] | None:
        return [round(value, DIGITS) for value in part.get(name, [])] if wanted else None

    top = []
    for place, ids in enumerate(part.get("top_ids", [])):
        student = part["top_student"][place] if by_student else [None] * len(ids)
        teacher = part["top_teacher"][place] if by_teacher else [None] * len(ids)
        both = {token: (_short(q), _short(p)) for token, q, p in zip(ids, student, teacher, strict=True)}
        top.append([(token, q, p) for token, (q, p) in both.items()])
    return TokenDetail(
        numbers("logp_student", by_student), numbers("logp_teacher", by_teacher), numbers("entropy_student", by_student),
        numbers("entropy_teacher", by_teacher), numbers("kl", by_student and by_teacher), top,
    )  # fmt: skip


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)


def pieces(tokenizer: Any, ids: Sequence[int]) -> tuple[list[str], list[int]]:
    """The text that each token adds, and the places of special tokens (which add their name).

    Joined without the special ones, the pieces are the decoded text. A token that ends inside a character adds nothing: the one
    that completes the character adds all of it.
    """
    special_ids = set(tokenizer.all_special_ids)
    out: list[str] = []
    special: list[int] = []
    plain = [token for token in ids if token not in special_ids]
    texts = iter(_added(tokenizer, plain))
    for place, token in enumerate(ids):
        if token in special_ids:
            special.append(place)
            out.append(str(tokenizer.convert_ids_to_tokens(token)))
        else:
            out.append(next(texts))
    return out, special


def _added(tokenizer: Any, ids: Sequence[int]) -> list[str]:
    """What each token adds to the text. Only the tokens since the last whole character are decoded again, with some before them,
    because a token's text may depend on its neighbour (a space between words)."""
    out = [""] * len(ids)
    prefix = read = 0

    def decode(end: int) -> str:
        return str(tokenizer.decode(list(ids[prefix:end]), skip_special_tokens=True))

    for place in range(len(ids)):
        while read <= place:
            before, text = decode(read), decode(place + 1)
            if not text.endswith(LOST):
                out[place] = text[len(before) :]
                prefix, read = read, place + 1
            elif place + 1 < len(ids) and place - read < LONGEST_CHARACTER - 1:
                break  # bytes that wait for the rest of their character
            else:  # the first that waited is none
                out[read] = decode(read + 1)[len(before) :]
                prefix, read = read, read + 1
    return out


def name_of(tokenizer: Any, token: int) -> str:
    """A token's text on its own, as an alternative is shown; bytes that are no character as `\\xe6\\x97`."""
    text = str(tokenizer.decode([token]))
    if LOST not in text:
        return text
    written = str(tokenizer.convert_ids_to_tokens(token))
    fallback = re.fullmatch(r"<0x([0-9A-Fa-f]{2})>", written)
    if fallback:
        return f"\\x{fallback[1].lower()}"
    table = _byte_table()
    if all(letter in table for letter in written):
        return "".join(f"\\x{table[letter]:02x}" for letter in written)
    return text


def _byte_table() -> dict[str, int]:
    """Letters by which byte-level tokenizers write bytes: printable ones stand for themselves, the others for those from U+0100 on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in set(printable)]
    return {chr(byte): byte for byte in printable} | {chr(0x100 + place): byte for place, byte in enumerate(others)}
