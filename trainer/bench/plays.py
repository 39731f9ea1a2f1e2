"""Longer tasks than the demo's: to go on with a play, letter by letter, for some sixty letters or for some hundreds.

    python -m bench.plays long FOLDER     makes tokenizer, rows, teacher and the student's form in FOLDER; what is there stays

The text is the 1.1 million letters of Shakespeare that are known as tiny Shakespeare (public domain; collected in karpathy/char-rnn).
A row is a line to begin with and the lines that follow it. The last tenth of the text is held out.
"""

from __future__ import annotations

import gzip
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from bench import report
from bench.quality_setting import Task, prepared

TEXT = Path(__file__).with_name("data") / "plays.txt.gz"
LONGEST_PROMPT = 48
"""Letters of a prompt."""


@dataclass(frozen=True)
class Length:
    """How long answers are, and how much of them teacher and student have read before any method begins: similar numbers of letters."""

    lines: int
    longest: int
    """Letters of a response with its end."""
    judged: int
    """Held-out rows."""
    teacher: int
    """Steps in which the teacher is trained, of 32 rows."""
    student: int
    """And the student is fine-tuned."""


LENGTHS = {"long": Length(3, 128, 300, 1200, 1500), "longer": Length(12, 448, 150, 450, 500)}
FORMS = {
    "teacher": {"hidden_size": 160, "num_hidden_layers": 4, "num_attention_heads": 5, "intermediate_size": 432},
    "student": {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 176},
}
TEACHER = {
    "method": "sft", "batchSize": 32,
    "optimizer": {"learningRate": 0.003, "betas": [0.9, 0.98], "weightDecay": 0.05, "warmup": 0.04, "finalLearningRate": 0.02},
}  # fmt: skip


def task(folder: Path, length: Length) -> Task:
    sft = {"method": "sft", "steps": length.student, "batchSize": 32, "optimizer": {"learningRate": 0.004}}
    return Task(
        name="plays", teacher=str(folder / "teacher"), student=str(folder / "student"), labelled=str(folder / "train.jsonl"),
        prompts=str(folder / "train.jsonl"), rows=None, validation=str(folder / "valid.jsonl"), max_prompt=LONGEST_PROMPT,
        max_new=length.longest, sft=sft,
    )  # fmt: skip


def rows(text: str, length: Length) -> list[dict[str, str]]:
    lines = text.split("\n")
    made = []
    for at in range(1, len(lines) - length.lines, length.lines):
        prompt, response = lines[at - 1][1 - LONGEST_PROMPT :] + "\n", "\n".join(lines[at : at + length.lines])
        if prompt.strip() and response.strip() and len(response) < length.longest:
            made.append({"prompt": prompt, "response": response})
    return made


def write(path: Path, some: list[dict[str, str]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in some), encoding="utf-8")


def make_tokenizer(text: str) -> PreTrainedTokenizerFast:
    """A token for each letter."""
    tokens = ["<pad>", "</s>", "<unk>", *sorted(set(text))]
    backend = Tokenizer(models.WordLevel({token: i for i, token in enumerate(tokens)}, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    backend.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(tokenizer_object=backend, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", padding_side="left")


def make(folder: Path, length: Length) -> Task:
    """Everything that the task needs, made where it is missing: the teacher takes a quarter of an hour."""
    folder.mkdir(parents=True, exist_ok=True)
    text = gzip.decompress(TEXT.read_bytes()).decode()
    cut = len(text) * 9 // 10
    held_out = rows(text[cut:], length)
    write(folder / "train.jsonl", rows(text[:cut], length))
    write(folder / "valid.jsonl", [held_out[place * len(held_out) // length.judged] for place in range(length.judged)])
    tokenizer = make_tokenizer(text)
    for name, form in FORMS.items():
        start = folder / ("start" if name == "teacher" else name)
        tokenizer.save_pretrained(start)
        special = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id, "bos_token_id": None}
        positions = LONGEST_PROMPT + length.longest
        config = LlamaConfig(vocab_size=len(tokenizer), max_position_embeddings=positions, tie_word_embeddings=True, **form, **special)
        if name == "teacher":
            torch.manual_seed(0)
            LlamaForCausalLM(config).save_pretrained(start)
        else:
            config.save_pretrained(start)
    made = task(folder, length)
    if not (folder / "teacher" / "model.safetensors").exists():
        # Nobody learns from the teacher's own start: the supervised phase looks at answers alone.
        alone = replace(made, teacher=str(folder / "start"), student=str(folder / "start"))
        ready = prepared(folder / "work", TEACHER | {"steps": length.teacher}, task=alone, seed=0, student=Path(alone.student))
        for n in range(1, ready.total + 1):
            metrics = ready.phases[0].step(n)
            if n % 100 == 0:
                report.tell(f"the teacher of the plays: step {n} of {ready.total}, cross-entropy {metrics['loss/total']:.3f}")
        ready.tokenizer.save_pretrained(folder / "teacher")
        ready.student.model.save_pretrained(folder / "teacher")
    return made


if __name__ == "__main__":
    print(make(Path(sys.argv[2]), LENGTHS[sys.argv[1]]))
