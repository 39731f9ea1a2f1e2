"""A whole run in miniature: real models with random weights, made on the fly, and the demo's tokenizer."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoTokenizer, GPT2Config, LlamaConfig, LlamaForCausalLM

from minillm.config import Config
from minillm.resolve import resolve
from minillm.rundir import RunDir

DEMO = Path(__file__).resolve().parents[2] / "demo"

RUN = {
    "name": "tiny",
    "teacher": {"model": "teacher"},
    "student": {"model": "student", "init": "random", "tokenizer": "teacher"},
    "data": {"train": "train.jsonl", "validation": "valid.jsonl", "maxPromptTokens": 14, "maxNewTokens": 8},
    "phases": [
        {"method": "sft", "steps": 6, "batchSize": 4, "optimizer": {"learningRate": 0.01}},
        {
            "method": "minillm",
            "steps": 10,
            "batchSize": 4,
            "rollouts": 8,
            "rolloutChunk": 4,
            "innerEpochs": 2,
            "optimizer": {"learningRate": 0.01},
        },
    ],
    "inspect": {"rows": 2, "draws": 1},
    "evaluation": {"rows": 6},
    "checkpoints": {"every": 5},
    "device": "cpu",
    "threads": 1,
}
"""Sixteen steps, about a second. The student has dropout, so that its draws are put to the test too."""


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Tests run beside each other: one thread each, and the signal handlers that were."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    torch.set_num_threads(1)
    yield
    for number, handler in zip((signal.SIGINT, signal.SIGTERM), before, strict=True):
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    return AutoTokenizer.from_pretrained(DEMO / "teacher")


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory, tokenizer: Any) -> Path:
    return fill_workspace(tmp_path_factory.mktemp("workspace"), tokenizer)


def fill_workspace(folder: Path, tokenizer: Any) -> Path:
    """A folder with a teacher, a student's config and data: what a config names."""
    torch.manual_seed(0)
    sizes = {"vocab_size": 70, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
    teacher = LlamaConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, max_position_embeddings=64,
        initializer_range=0.5, **sizes,
    )  # fmt: skip
    LlamaForCausalLM(teacher).save_pretrained(folder / "teacher")
    tokenizer.save_pretrained(folder / "teacher")
    GPT2Config(n_embd=16, n_layer=1, n_head=2, n_positions=32, initializer_range=0.3, **sizes).save_pretrained(folder / "student")
    rows = (DEMO / "valid.jsonl").read_text(encoding="utf-8").splitlines()
    short = [row for row in rows if len(json.loads(row)["prompt"].split()) <= 12]
    for name, part in (("train", short[:20]), ("valid", short[100:110])):
        (folder / f"{name}.jsonl").write_text("\n".join(part) + "\n", encoding="utf-8")
    return folder


MakeRun = Callable[..., RunDir]


def changed(**changes: Any) -> Any:
    """The miniature run's config with parts of it replaced: `data__corpus="x"`, `phases__0__steps=3`."""
    config: Any = json.loads(json.dumps(RUN))
    for key, value in changes.items():
        *way, last = key.split("__")
        place = config
        for part in way:
            place = place[int(part)] if isinstance(place, list) else place.setdefault(part, {})
        place[int(last) if isinstance(place, list) else last] = value
    return config


@pytest.fixture
def make_run(workspace: Path, tmp_path: Path) -> MakeRun:
    """Makes a run folder as the launcher does. Keyword arguments replace parts of the config, as `changed` takes them."""

    def make(name: str = "run", **changes: Any) -> RunDir:
        config = changed(**changes)
        source = workspace / f"{name}-{tmp_path.name}.minillm.jsonc"
        source.write_text(json.dumps(config), encoding="utf-8")
        resolution = resolve(source, tmp_path)
        assert resolution.config is not None, resolution.problems
        return write_run(tmp_path / name, resolution.config)

    return make


def write_run(folder: Path, config: Config) -> RunDir:
    run = RunDir(folder)
    run.control_trainer.mkdir(parents=True)
    run.control_done.mkdir()
    run.run.write_text(json.dumps({"v": 1, "id": run.id, "config": config.model_dump(by_alias=True)}), encoding="utf-8")
    return run


def events_of(run: RunDir, kind: str | None = None) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in run.events.read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if kind in (None, line["kind"])]


def copy_run(run: RunDir, name: str) -> RunDir:
    shutil.copytree(run.path, run.path.with_name(name))
    return RunDir(run.path.with_name(name))
