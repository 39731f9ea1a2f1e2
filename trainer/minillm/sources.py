"""What a config points to: models and files. Makes paths absolute and looks whether what must be there is there. No torch."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from minillm.config import Config, Student, Teacher
from minillm.errors import BadInput
from minillm.findings import Findings
from minillm.methods import GkdPhase, Phase
from minillm.positions import check_positions, positions_of
from minillm.rows import Row, kind_of, read_lines, read_rows

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model", "sentencepiece.bpe.model", "tekken.json")
SAFE, PICKLED = "*.safetensors", "pytorch_model*.bin"
"""Files of weights: a pickle can run code as it is read."""
MOST_ROWS = 20_000
MOST_CHARACTERS = 8 << 20
"""How far into a data file a check looks: it is to answer within a second. The trainer reads the rest."""


def resolve_model(text: str, base: Path, pointer: str, findings: Findings) -> str:
    """The absolute path of a folder, or the id of a model on the hub as it stands. Raises BadInput."""
    key = pointer[1:].replace("/", ".")
    path = Path(os.path.normpath(base / Path(text).expanduser()))
    if path.is_dir():
        return str(path)
    if path.is_file():
        raise BadInput(f'{key} is "{text}", a file: name the folder that holds config.json and the weights.', pointer=pointer)
    if text.startswith((".", "~", os.sep)) or not HUB_ID.fullmatch(text):
        why = f"{path} is no folder: check the path (it is relative to the config file), or give a model id like owner/name"
        raise BadInput(f'{key} is "{text}", but {why}.', pointer=pointer)
    if "/" in text and (base / text.split("/", maxsplit=1)[0]).is_dir():
        findings.warn(f'{key}: there is no folder {path}, so "{text}" is taken for a model on the Hugging Face hub.', pointer)
    return text


def check_models(config: Config, base: Path, findings: Findings) -> None:
    """Resolves teacher, student and the student's tokenizer in place; reports what a folder lacks, and lengths it has no positions for."""
    if config.student.lora is not None and config.student.init == "random":
        why = "the student starts from random weights, which are not worth keeping: leave lora out, or start from a model with weights"
        findings.error(f"student.lora is given, but {why}.", "/student/lora")
    positions = dict[str, int | None]()
    for part, role in ((config.teacher, "teacher"), (config.student, "student")):
        pointer = f"/{role}/model"
        try:
            part.model = resolve_model(part.model, base, pointer, findings)
            if Path(part.model).is_absolute():  # else on the hub
                positions[role] = positions_of(_check_folder(Path(part.model), part, role))
        except BadInput as found:
            findings.take(found, pointer)
    check_positions(config.data, positions, findings)
    tokenizer = config.student.tokenizer
    if tokenizer is not None and tokenizer != "teacher":
        try:
            config.student.tokenizer = resolve_model(tokenizer, base, "/student/tokenizer", findings)
        except BadInput as found:
            findings.take(found, "/student/tokenizer")


def _check_folder(folder: Path, part: Teacher | Student, role: str) -> dict[str, Any]:
    """What its config.json says. Raises BadInput for what the folder lacks."""
    try:
        shape = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        sentence = f"The {role} {folder} has no config.json: a model folder holds config.json, a tokenizer and safetensors weights."
        raise BadInput(sentence) from None
    except (OSError, ValueError) as error:
        raise BadInput(f"{folder / 'config.json'} cannot be read ({error}).") from None
    if not isinstance(shape, dict) or not isinstance(shape.get("model_type"), str):
        raise BadInput(f'{folder / "config.json"} names no "model_type": it is no config of a transformers model.')
    if not isinstance(part, Student) or part.init != "random":
        check_weights(folder, part, role)
    wants_tokenizer = not isinstance(part, Student) or part.tokenizer is None
    if wants_tokenizer and not any((folder / name).is_file() for name in TOKENIZERS):
        hint = 'set "tokenizer": "teacher", or add tokenizer.json' if role == "student" else "add tokenizer.json and tokenizer_config.json"
        raise BadInput(f"The {role} {folder} has no tokenizer: {hint}.")
    return shape


def check_weights(folder: Path, part: Teacher | Student, role: str, pointer: str | None = None) -> None:
    """Raises BadInput where there are no weights, or none that the config allows to be read."""
    if any(folder.glob(SAFE)):
        return
    if not any(folder.glob(PICKLED)):
        hint = ' or set "init": "random"' if role == "student" else ""
        raise BadInput(f"The {role} {folder} has no weights: add model.safetensors{hint}.", pointer=pointer)
    if not part.allow_pickle:
        why = "only as pytorch_model.bin, a pickle, which can run code as it is read"
        mend = f'convert them to safetensors, or set "allowPickle": true in {role} if you trust their source'
        raise BadInput(f"The {role} {folder} has its weights {why}: {mend}.", pointer=pointer)


def files_of(phase: Phase) -> list[tuple[str, bool]]:
    """The data files of a phase: the key that names each, and whether its rows must have responses."""
    keys = [("train", True), ("prompts", False)]
    if isinstance(phase, GkdPhase):  # a share of 0 or 1 leaves one of them unread
        keys = [key for key, share in zip(keys, (1 - phase.on_policy_share, phase.on_policy_share), strict=True) if share > 0]
    return [(key, answers) for key, answers in keys if key in type(phase).model_fields]


def check_data(config: Config, base: Path, findings: Findings) -> int | None:
    """Makes the paths of all data files absolute, in place, and reads their first rows.

    Returns the number of validation rows; None when there are none, or more than were looked at.
    """
    seen = dict[tuple[str, bool, int | None], int | None]()
    data, validation_rows = config.data, None

    def check(path: str, pointer: str, *, answers: bool, limit: int | None = None) -> int | None:
        """The number of rows; None when not all were looked at. Each file is read once for the same question."""
        key = (path, answers, limit)
        if key not in seen:
            seen[key] = None
            try:
                seen[key] = _look_into(path, pointer, data.template, answers=answers, limit=limit)
            except BadInput as found:
                findings.take(found, pointer)
        return seen[key]

    main = data.train
    data.train = _absolute(data.train, base)
    for index, phase in enumerate(config.phases):
        for key, answers in files_of(phase):
            own = getattr(phase, key)
            path = _absolute(own or main, base)
            setattr(phase, key, path)
            pointer = f"/phases/{index}/{key}" if own not in (None, main) else "/data/train"
            check(path, pointer, answers=answers, limit=phase.rows)
    if data.validation is not None:
        data.validation = _absolute(data.validation, base)
        validation_rows = check(data.validation, "/data/validation", answers=False)
    if config.inspect.prompts is not None:
        config.inspect.prompts = _absolute(config.inspect.prompts, base)
        check(config.inspect.prompts, "/inspect/prompts", answers=False)
    if data.corpus is not None:
        data.corpus = _absolute(data.corpus, base)
        try:
            _look_into_corpus(data.corpus)
        except BadInput as found:
            findings.take(found, "/data/corpus")
    return validation_rows


def _absolute(text: str, base: Path) -> str:
    return os.path.normpath(base / Path(text).expanduser())


def _look_into(path: str, pointer: str, template: str, *, answers: bool, limit: int | None) -> int | None:
    if not path.endswith((".jsonl", ".jsonl.gz")):
        raise BadInput(f"{path} is no data file: .jsonl and .jsonl.gz are read.", pointer=pointer, file=path)
    rows = characters = 0
    for row in read_rows(path, limit, pointer=pointer):
        _check_row(row, path, pointer, template, answers=answers)
        rows += 1
        characters += len(row.instruction) + len(row.input) + sum(map(len, row.responses))
        if rows >= MOST_ROWS or characters >= MOST_CHARACTERS:
            return None
    return rows


def _check_row(row: Row, path: str, pointer: str, template: str, *, answers: bool) -> None:
    if answers and not row.responses:
        sentence = f'{path}, line {row.line}: a row without an answer; add "response", "responses", "output" or a turn of the assistant.'
        raise BadInput(sentence, pointer=pointer, file=path, line=row.line)
    if template != "chat" and len(row.turns) != 1:
        sentence = f'{path}, line {row.line}: a conversation of {len(row.turns)} turns needs data.template "chat".'
        raise BadInput(sentence, pointer=pointer, file=path, line=row.line)


def _look_into_corpus(path: str) -> None:
    plain = path.removesuffix(".gz")
    if not plain.endswith((".txt", ".jsonl")):
        raise BadInput(f"{path} is no corpus: .txt and .jsonl are read, also as .gz.", file=path)
    number = 0
    for number, line in read_lines(Path(path)):
        if plain.endswith(".jsonl"):
            try:
                record = json.loads(line)
            except ValueError:
                record = None
            text = record.get("text") if isinstance(record, dict) else None
            if not isinstance(text, str):
                found = "not JSON" if record is None else f'"text" is {kind_of(text)}'
                raise BadInput(f'{path}, line {number}: {found}; each line of a corpus is {{"text": "…"}}.', file=path, line=number)
        if number >= 1000:
            return
    if number == 0:
        raise BadInput(f"{path} is empty: a corpus is plain text.", file=path)


def check_runs_folder(config: Config, usual: Path | None, instead: Path | None, workspace: Path, findings: Findings) -> None:
    """Makes the runs folder absolute, in place, and looks whether it is or can be made there. A config that names none takes `usual`;
    `instead` goes before what it names."""
    named = usual is None or "runs_folder" in config.model_fields_set
    folder = Path(_absolute(str(instead or (config.runs_folder if named else usual)), workspace))
    config.runs_folder = str(folder)
    what, pointer = ("runsFolder", "/runsFolder") if instead is None else ("The runs folder", "")
    there = next((path for path in (folder, *folder.parents) if path.exists()), Path(os.sep))
    if not there.is_dir():
        findings.error(f"{what} is {folder}, but {there} is a file: choose another place for runs.", pointer)
    elif not os.access(there, os.W_OK | os.X_OK):
        why = f"{there} is not writable: choose another place for runs, or change its permissions"
        findings.error(f"{what} is {folder}, but {why}.", pointer)
