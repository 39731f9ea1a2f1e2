"""Makes a teacher like the demo's: the trainer's own supervised phase on all training words.

    PYTHONPATH=trainer python demo/make/teacher.py some-folder [--steps 5000]

Writes `some-folder/run` (a run folder) and `some-folder/teacher` (weights in 16 bits, tokenizer). The tokenizer has a token
for each letter and phoneme of the training words.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from minillm.checkpoint import listed
from minillm.config import Config
from minillm.rows import read_rows
from minillm.rundir import RunDir
from minillm.train import train

DEMO = Path(__file__).resolve().parents[1]
SPECIAL = ["<pad>", "<s>", "</s>", "<unk>"]


def make_tokenizer(words: str) -> PreTrainedTokenizerFast:
    """One token for each letter and phoneme in the file `words`."""
    letters, phonemes = set[str](), set[str]()
    for row in read_rows(words):
        letters.update(row.instruction.split())
        phonemes.update(phoneme for response in row.responses for phoneme in response.split())
    tokens = [*SPECIAL, ":", *sorted(letters - {":"}), *sorted(phonemes)]
    backend = Tokenizer(models.WordLevel({token: i for i, token in enumerate(tokens)}, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    backend.post_processor = processors.TemplateProcessing(single="$A", pair="$A $B", special_tokens=[])
    pad, begin, end, unknown = SPECIAL
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token=pad, bos_token=begin, eos_token=end, unk_token=unknown, padding_side="left", model_max_length=48
    )


def make_start(folder: Path, tokenizer: PreTrainedTokenizerFast) -> None:
    """A model folder with random weights."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=192, num_hidden_layers=4, num_attention_heads=6, intermediate_size=512,
        max_position_embeddings=64, tie_word_embeddings=True, bos_token_id=1, eos_token_id=2, pad_token_id=0,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=5000)
    args = parser.parse_args()
    folder = args.folder.absolute()
    train_file, start = str(DEMO / "train.jsonl.gz"), folder / "start"
    make_start(start, make_tokenizer(train_file))
    optimizer = {"learningRate": 0.002, "betas": [0.9, 0.98], "weightDecay": 0.05, "warmup": 0.04, "finalLearningRate": 0.02}
    config = Config.model_validate({
        "name": "pronounce-teacher",
        "teacher": {"model": str(start)},  # nobody learns from it: the supervised phase looks at answers alone
        "student": {"model": str(start)},
        "data": {"train": train_file, "validation": str(DEMO / "valid.jsonl"), "maxPromptTokens": 16, "maxNewTokens": 18},
        "phases": [{"method": "sft", "steps": args.steps, "batchSize": 256, "optimizer": optimizer}],
        "inspect": {"prompts": str(DEMO / "inspect.jsonl")},
        "evaluation": {"rows": 500},
        "checkpoints": {"every": 1000, "best": "eval/accuracy_greedy"},
    })
    run = RunDir(folder / "run")
    run.path.mkdir(parents=True)
    run.run.write_text(json.dumps({"v": 1, "id": run.id, "config": config.model_dump(by_alias=True)}), encoding="utf-8")
    code = train(run.path, 1)
    if code == 0:
        last = run.checkpoints / listed(run)[0]
        AutoModelForCausalLM.from_pretrained(last, dtype=torch.float16).save_pretrained(folder / "teacher")
        PreTrainedTokenizerFast.from_pretrained(last).save_pretrained(folder / "teacher")
        print(f"{folder / 'teacher'} is ready; its scores are in {run.evaluations}.")
    return code


if __name__ == "__main__":
    raise SystemExit(main())
