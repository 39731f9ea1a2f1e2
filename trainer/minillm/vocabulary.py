"""Teacher and student must mean the same by a token id: tokenizers are compared, logits are cut to what both have."""

from __future__ import annotations

from typing import Any

from minillm.errors import BadInput

PROBE = (
    "The quick brown fox, 3.14159 × 10^-7 (sic!) jumped; it's 100% naïve.\n\n\tdef f(x):\n\t\treturn x ** 2  # 你好, мир 🙂\r\n"
    " a b c d e f g h i j k l m n o p q r s t u v w x y z : AA AE B CH"
)
"""Text on which tokenizers that merely look alike come apart: digits, white space, scripts, an emoji, code."""

SHOWN = 5
"""Differing tokens that a sentence names."""


def shared_vocabulary(tokenizer: Any, teacher_width: int, student_width: int) -> int:
    """The number of token ids for which both models have logits; wider logits are padding that some families carry.

    Raises BadInput when a model has none for a token of the tokenizer.
    """
    shared = min(teacher_width, student_width)
    beyond = sorted((i, token) for token, i in tokenizer.get_vocab().items() if i >= shared)
    if beyond:
        narrow, width = ("student", student_width) if student_width <= teacher_width else ("teacher", teacher_width)
        raise BadInput(
            f"The {narrow} has logits for {width} token ids, but the tokenizer has {len(beyond)} tokens beyond them "
            f"({_named([token for _, token in beyond])}); its vocab_size must be at least {beyond[-1][0] + 1}.",
            pointer=f"/{narrow}/model",
        )
    return shared


def compare_tokenizers(teacher: Any, student: Any) -> None:
    """Raises BadInput, naming tokens, when an id means different things to the two, when their special tokens differ, or
    when they cut text differently."""
    theirs, ours = teacher.get_vocab(), student.get_vocab()
    differing = [token for token in theirs.keys() | ours.keys() if theirs.get(token) != ours.get(token)]
    if differing:
        differing.sort(key=lambda token: (theirs.get(token, len(theirs)), ours.get(token, len(ours))))
        examples = ", ".join(
            f"{token!r} is {_place(theirs.get(token))} in the teacher and {_place(ours.get(token))} in the student"
            for token in differing[:SHOWN]
        )
        raise BadInput(
            f"Teacher and student have different vocabularies ({len(differing)} tokens differ: {examples}); "
            "distillation needs the same tokenizer: choose a student of the same family, or give one with random weights "
            'the teacher\'s by "tokenizer": "teacher".',
            pointer="/student/model",
        )
    for name in ("bos_token", "eos_token"):  # padding is masked: its token may differ
        if getattr(teacher, name) != getattr(student, name):
            raise BadInput(
                f"Teacher and student have different special tokens: {name} is {getattr(teacher, name)!r} in the teacher and "
                f'{getattr(student, name)!r} in the student; make them equal in tokenizer_config.json, or set "tokenizer": "teacher".',
                pointer="/student/model",
            )
    left, right = (tokenizer(PROBE, add_special_tokens=False, verbose=False)["input_ids"] for tokenizer in (teacher, student))
    if left != right:
        at = next((k for k, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right)))
        cut = [tokenizer.convert_ids_to_tokens(ids[at : at + 3]) for tokenizer, ids in ((teacher, left), (student, right))]
        raise BadInput(
            f"Teacher and student cut text into tokens differently (the teacher gives {_named(cut[0])} where the student gives "
            f"{_named(cut[1])}); "
            'distillation needs the same tokenizer: set "tokenizer": "teacher" or choose a student of the same family.',
            pointer="/student/model",
        )


def _named(tokens: list[str]) -> str:
    return ", ".join(map(repr, tokens[:SHOWN])) + (", …" if len(tokens) > SHOWN else "") if tokens else "nothing more"


def _place(index: int | None) -> str:
    return "missing" if index is None else f"id {index}"
