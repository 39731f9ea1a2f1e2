"""A longer task than the demo's: to go on with a play, letter by letter, for about a hundred letters.

    python -m bench.plays FOLDER     makes tokenizer, rows, teacher and the student's form in FOLDER; what is there stays

The text is the 1.1 million letters of Shakespeare that are known as tiny Shakespeare (public domain; collected in karpathy/char-rnn).
A row is a line to begin with and the three lines that follow it. The last tenth of the text is held out.
"""

from __future__ import annotations

import gzip
import json
import sys
from dataclasses import replace
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from bench import report
from bench.quality_setting import Task, prepared

TEXT = Path(__file__).with_name("data") / "plays.txt.gz"
LINES = 3
LONGEST_PROMPT, LONGEST = 48, 128
"""Letters of a prompt, and of a response with its end."""
JUDGED = 300
"""Held-out rows."""
POSITIONS = 192
FORMS = {
    "teacher": {"hidden_size": 160, "num_hidden_layers": 4, "num_attention_heads": 5, "intermediate_size": 432},
    "student": {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 176},
}
TEACHER = {
    "method": "sft", "steps": 1200, "batchSize": 32,
    "optimizer": {"learningRate": 0.003, "betas": [0.9, 0.98], "weightDecay": 0.05, "warmup": 0.04, "finalLearningRate": 0.02},
}  # fmt: skip
SFT = {"method": "sft", "steps": 1500, "batchSize": 32, "optimizer": {"learningRate": 0.004}}
"""What the student has learned before any method begins."""


def task(folder: Path) -> Task:
    return Task(
        name="plays", teacher=str(folder / "teacher"), student=str(folder / "student"), labelled=str(folder / "train.jsonl"),
        prompts=str(folder / "train.jsonl"), rows=None, validation=str(folder / "valid.jsonl"), max_prompt=LONGEST_PROMPT,
        max_new=LONGEST, sft=SFT,
    )  # fmt: skip


def rows(text: str) -> list[dict[str, str]]:
    lines = text.split("\n")
    made = []
    for at in range(1, len(lines) - LINES, LINES):
        prompt, response = lines[at - 1][1 - LONGEST_PROMPT :] + "\n", "\n".join(lines[at : at + LINES])
        if prompt.strip() and response.strip() and len(response) < LONGEST:
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


def make(folder: Path) -> Task:
    """Everything that the task needs, made where it is missing: the teacher takes ten minutes."""
    folder.mkdir(parents=True, exist_ok=True)
    text = gzip.decompress(TEXT.read_bytes()).decode()
    cut = len(text) * 9 // 10
    held_out = rows(text[cut:])
    write(folder / "train.jsonl", rows(text[:cut]))
    write(folder / "valid.jsonl", [held_out[place * len(held_out) // JUDGED] for place in range(JUDGED)])
    tokenizer = make_tokenizer(text)
    for name, form in FORMS.items():
        start = folder / ("start" if name == "teacher" else name)
        tokenizer.save_pretrained(start)
        special = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id, "bos_token_id": None}
        config = LlamaConfig(vocab_size=len(tokenizer), max_position_embeddings=POSITIONS, tie_word_embeddings=True, **form, **special)
        if name == "teacher":
            torch.manual_seed(0)
            LlamaForCausalLM(config).save_pretrained(start)
        else:
            config.save_pretrained(start)
    made = task(folder)
    if not (folder / "teacher" / "model.safetensors").exists():
        # Nobody learns from the teacher's own start: the supervised phase looks at answers alone.
        alone = replace(made, teacher=str(folder / "start"), student=str(folder / "start"))
        ready = prepared(folder / "work", TEACHER, task=alone, seed=0, student=Path(alone.student))
        for n in range(1, ready.total + 1):
            metrics = ready.phases[0].step(n)
            if n % 100 == 0:
                report.tell(f"the teacher of the plays: step {n} of {ready.total}, cross-entropy {metrics['loss/total']:.3f}")
        ready.tokenizer.save_pretrained(folder / "teacher")
        ready.student.model.save_pretrained(folder / "teacher")
    return made


if __name__ == "__main__":
    print(make(Path(sys.argv[1])))
