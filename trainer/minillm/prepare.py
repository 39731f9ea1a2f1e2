"""Everything that a run works with, loaded and checked, before the first step."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from minillm import cheaper, recordable
from minillm.blocks import load_corpus
from minillm.checks.foretold import Foretold, foretell
from minillm.config import Config
from minillm.data import Answers, DataSet, Example, load, load_usable, spread
from minillm.errors import BadInput
from minillm.evaluate import PRECISIONS, Setting
from minillm.inspection import Inspection
from minillm.interrupt import Heed, undisturbed
from minillm.language_model import LanguageModel
from minillm.models import Pair, choose_device, choose_precision, load_pair
from minillm.offload import offload
from minillm.phases import Metrics, Phase, Workbench
from minillm.phases.make import make_phase
from minillm.positions import room_for_prompt
from minillm.sequences import Rollout
from minillm.sources import files_of

Progress = Callable[[str, float, float | None, str], None]

DEFAULT_CHECKPOINTS = 20


@dataclass
class Prepared:
    config: Config
    device: torch.device
    precision: str
    threads: int
    student: LanguageModel
    teacher: LanguageModel
    tokenizer: Any
    setting: Setting
    phases: list[Phase]
    first_steps: list[int]
    """Global step of each phase's first optimizer step, from 1."""
    total: int
    every: int
    """Steps between checkpoints."""
    subset: list[Example]
    """Validation examples that are scored at each checkpoint."""
    final: list[Example]
    """Validation examples that are scored at the end."""
    inspection: Inspection
    rows: dict[str, int]
    files: list[dict[str, list[Example]]]
    """What each phase reads, by the key that names it."""
    sets: dict[tuple[str, Answers, int | None], DataSet]
    """Every data file as it was read: by path, use of its answers, and number of rows."""
    reading: cheaper.Reading
    """The teacher as it reads in training; `teacher` is the one that judges."""
    foretold: Foretold
    """What was known of the models before they were loaded."""
    told: list[str]
    """What there is to tell of how the models compute."""

    @property
    def distillation(self) -> int | None:
        """Global step before the first distillation phase; None when there is none."""
        return next((first - 1 for phase, first in zip(self.phases, self.first_steps, strict=True) if phase.method != "sft"), None)


def prepare(
    config: Config,
    progress: Progress,
    report_rollout: Callable[[int, Metrics], None],
    look_at_rollout: Callable[[Rollout], Metrics] = lambda _: {},
    heed: Heed = undisturbed,
) -> Prepared:
    """Loads models and data. Raises BadInput for whatever of it cannot be used, and Stopped where `progress` does.

    `heed` is for what is prepared: sampling and reading call it.
    """
    device = choose_device(config.device.partition(":")[0])  # which GPU is the supervisor's choice: it shows the trainer no other
    threads = settle(config, device)
    dtype = choose_precision(config.precision, device)
    foretold = foretell(config, device, dtype, progress)
    pair = load_pair(config, device, dtype, progress)
    tokenizer = pair.tokenizer
    sets = DataSets(config, tokenizer, progress)
    corpus = load_corpus(config.data.corpus, tokenizer, block_length(config, pair), progress) if config.data.corpus else None
    validation = sets.read(config.data.validation, "/data/validation", "optional", None).examples if config.data.validation else []
    subset = spread(validation, config.evaluation.rows)
    width = config.data.max_prompt_tokens + config.data.max_new_tokens
    reading = cheaper.choose(pair.teacher, config.teacher.precision, subset, tokenizer.pad_token_id, width)
    told = [reading.told] if reading.told else []
    if config.cuda_graphs:
        told.append(recordable.allow(pair.student, pair.teacher, reading.teacher))
    away = offload(pair.teacher, reading.teacher) if config.teacher.offload else []

    def spare_teacher() -> None:
        for weights in away:
            weights.rest()

    bench = Workbench(
        config, pair.student, reading.teacher, tokenizer.eos_token_id, tokenizer.pad_token_id, report_rollout, progress, look_at_rollout,
        spare_teacher, heed,
    )  # fmt: skip
    phases: list[Phase] = []
    read: list[dict[str, list[Example]]] = []
    rows: dict[str, int] = {}
    for index, settings in enumerate(config.phases):
        files: dict[str, list[Example]] = {}
        for key, answers in files_of(settings):
            data = sets.read(getattr(settings, key), f"/phases/{index}/{key}", "required" if answers else "unread", settings.rows)
            files[key] = data.examples
            rows[key] = rows.get(key, 0) + len(data.examples)
        phases.append(make_phase(index, settings, bench, files, corpus, subset))
        read.append(files)
    check_lengths(config, pair, [example for data in sets.loaded.values() for example in data.examples])
    inspection = inspect(config, sets, validation, longest_context(pair))
    total = sum(phase.steps for phase in phases)
    first_steps = [1 + sum(phase.steps for phase in phases[:index]) for index in range(len(phases))]
    rows |= {"validation": len(validation), "inspect": len(inspection.examples)}
    rows |= {"tooLong": sum(data.too_long for data in sets.loaded.values()), "cut": sum(data.cut for data in sets.loaded.values())}
    return Prepared(
        config, device, PRECISIONS[dtype], threads, pair.student, pair.teacher, tokenizer,
        Setting(config, tokenizer, bench.eos, bench.pad, heed), phases, first_steps, total,
        config.checkpoints.every or max(1, round(total / DEFAULT_CHECKPOINTS)), subset,
        spread(validation, config.evaluation.final_rows), inspection, rows, read, sets.loaded, reading, foretold, told,
    )  # fmt: skip


def settle(config: Config, device: torch.device) -> int:
    """Threads, and what makes the same seed give the same bits. Returns the number of threads."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = config.threads or available
    torch.set_num_threads(threads)
    if device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.utils.deterministic.fill_uninitialized_memory = False
        # torch's first choice on recent GPUs: it plans anew for every shape, which takes half a second and is every batch here, and its
        # gradients do not repeat to the bit, asked for or not. Flash and memory-efficient attention remain.
        torch.backends.cuda.enable_cudnn_sdp(False)
    return threads


class DataSets:
    """Data files, each read once for all phases that name it in the same way."""

    def __init__(self, config: Config, tokenizer: Any, progress: Progress) -> None:
        self.config, self.tokenizer, self.progress = config, tokenizer, progress
        self.loaded: dict[tuple[str, Answers, int | None], DataSet] = {}

    def read(self, path: str | None, pointer: str, answers: Answers, limit: int | None) -> DataSet:
        """The file at `path`, which the config names at `pointer`; without a path `data.train`."""
        path, pointer = (path, pointer) if path else (self.config.data.train, "/data/train")
        key = (path, answers, limit)
        if key not in self.loaded:
            self.progress("reading data", len(self.loaded), None, "files")
            self.loaded[key] = load(path, self.tokenizer, self.config.data, answers=answers, limit=limit, pointer=pointer)
        return self.loaded[key]


def inspect(config: Config, sets: DataSets, validation: list[Example], context: int | None) -> Inspection:
    """The prompts to sample. Their file is followed while the run goes on, unless it is the training data, written for something else.

    It was checked before the run began. Since then somebody may write to it at any time: no row in it keeps a run from going on.
    """
    path, rows = config.inspect.prompts, config.inspect.rows
    if path is None:
        return Inspection(validation, rows=rows)
    pointer = "/inspect/prompts"
    besides = validation[: config.inspect.validation_rows or 0]
    if path == config.data.train:
        return Inspection(sets.read(path, pointer, "optional", None).examples, rows=rows, validation=besides)
    key = (path, "optional", None)
    try:
        first = sets.loaded.get(key) or load_usable(path, sets.tokenizer, config.data, pointer=pointer)
    except BadInput:  # said at the first checkpoint, when the file is read again
        first = DataSet(path, [], 0, 0)
    if first.examples:
        sets.loaded[key] = first

    def read() -> DataSet:
        return load(path, sets.tokenizer, config.data, answers="optional", pointer=pointer)

    def fits(example: Example) -> bool:
        return context is None or len(example.prompt_ids) <= room_for_prompt(context, config.data)

    return Inspection(first.examples, rows=rows, path=path, read=read, fits=fits, too_long=first.too_long, validation=besides)


def longest_context(pair: Pair | Prepared) -> int | None:
    """Positions that both models have; None when neither is limited."""
    limits = [getattr(model.model.config.get_text_config(), "max_position_embeddings", None) for model in (pair.teacher, pair.student)]
    return min((limit for limit in limits if limit), default=None)


def block_length(config: Config, pair: Pair) -> int:
    """Tokens of one corpus block: as long as the longest prompt and response together."""
    wanted = config.data.max_prompt_tokens + config.data.max_new_tokens
    return min(wanted, longest_context(pair) or wanted)


def check_lengths(config: Config, pair: Pair, examples: Sequence[Example]) -> None:
    """Raises BadInput when a prompt and a full response do not fit into a model's context."""
    limit = longest_context(pair)
    longest = max(len(example.prompt_ids) for example in examples)
    if limit is not None and longest > room_for_prompt(limit, config.data):
        raise BadInput(
            f"The longest prompt has {longest} tokens, which with data.maxNewTokens = {config.data.max_new_tokens} is more than "
            f"the {limit} positions of teacher or student; lower data.maxNewTokens to {max(1, limit - longest)}, or data.maxPromptTokens.",
            pointer="/data/maxNewTokens",
        )
