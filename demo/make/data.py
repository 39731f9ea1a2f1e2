"""Makes the demo's data from a CMUdict file.

    python demo/make/data.py cmudict.dict [folder]

CMUdict is published as cmusphinx/cmudict; the demo used commit 0f8072f. Writes into `folder` (default: the demo's own):
train.jsonl.gz, valid.jsonl, labelled.jsonl.gz and inspect.jsonl. A word's split depends on the word alone (its MD5), so a
newer dictionary moves no word from one file to another. Standard library only.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import re
import sys
from pathlib import Path

LABELLED = 8000
"""Words whose answers supervised fine-tuning may see; the others are prompts without labels."""

INSPECT = [
    "cough", "trough", "ought", "breakthrough", "roughest", "knead", "wretchedly", "psych", "phonetics", "ophthalmic",
    "choreography", "juxtaposition", "defenestration", "rousseau", "marquette", "schwarzenegger", "zimbabwean",
    "xeroxing", "naive", "doubt",
]
"""Words whose samples are kept at every checkpoint: one spelling with five sounds, silent letters, Greek, French, German."""


def pronunciations(lines: list[str]) -> dict[str, list[str]]:
    """Word → its distinct pronunciations without stress, in the dictionary's order, of the words that the demo uses."""
    found: dict[str, list[str]] = {}
    for line in lines:
        fields = line.split("#")[0].split()
        if not fields:
            continue
        word = re.sub(r"\(\d+\)$", "", fields[0])
        phonemes = [re.sub(r"\d", "", phoneme) for phoneme in fields[1:]]
        if re.fullmatch("[a-z]{3,14}", word) and 2 <= len(phonemes) <= min(16, 1.5 * len(word) + 1):
            said = " ".join(phonemes)
            if said not in found.setdefault(word, []):
                found[word].append(said)
    return found


def split(word: str) -> str:
    """`out` (kept for comparisons elsewhere), `valid` or `train`."""
    share = int(hashlib.md5(word.encode()).hexdigest(), 16) % 100
    return "out" if share < 2 else "valid" if share < 4 else "train"


def row(word: str, responses: list[str]) -> dict[str, object]:
    return {"prompt": " ".join(word) + " :", "response": responses[0], "responses": responses}


def write(path: Path, rows: list[dict[str, object]]) -> None:
    content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    # No time stamp and no name in the archive: the same words give the same bytes.
    path.write_bytes(gzip.compress(content, 9, mtime=0) if path.suffix == ".gz" else content)
    print(f"{path}: {len(rows):,} rows")


def main(dictionary: str, folder: str = str(Path(__file__).parents[1])) -> None:
    said = pronunciations(Path(dictionary).read_text(encoding="utf-8").splitlines())
    rows = {word: row(word, responses) for word, responses in said.items()}
    out = Path(folder)
    train = [rows[word] for word in rows if split(word) == "train"]
    write(out / "train.jsonl.gz", train)
    write(out / "valid.jsonl", [rows[word] for word in rows if split(word) == "valid"])
    random.Random(77).shuffle(train)
    write(out / "labelled.jsonl.gz", train[:LABELLED])
    write(out / "inspect.jsonl", [{"id": word, **rows[word]} for word in INSPECT])


if __name__ == "__main__":
    main(*sys.argv[1:])
