"""Sequence-level distillation: the teacher answers every prompt, and the student is fine-tuned on its answers.

The answers are made before the first step. They depend on the seed and the row alone; a checkpoint keeps them, so that a resume
does not wait for them again.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch
from torch import Tensor

from minillm import decode, draws
from minillm.data import Example
from minillm.evaluate import rows_together
from minillm.methods import SeqKdPhase
from minillm.phases import Metrics, Workbench, steps_of
from minillm.phases.learner import Learner
from minillm.phases.pairs import Pair, ShuffledBatches, token_count
from minillm.phases.sft import fine_tune

CHUNKS = 16
"""Of prompts that are answered together: as many lie between two reports of progress, and are sorted by length together."""


class SeqKd(Learner):
    method = "seqkd"

    def __init__(self, index: int, settings: SeqKdPhase, bench: Workbench, examples: Sequence[Example]) -> None:
        self.prompts = [example.prompt_ids for example in examples for _ in range(settings.answers)]
        self.answers: list[list[int]] | None = None
        self.batches: ShuffledBatches | None = None
        per_epoch = -(-len(self.prompts) // settings.batch_size)
        self.temperature = settings.temperature
        super().__init__(index, settings, bench, steps_of(settings, per_epoch))

    def step(self, n: int) -> Metrics:
        if self.answers is None:
            self.answers = self.ask()
        if self.batches is None:
            pairs: list[Pair] = list(zip(self.prompts, self.answers, strict=True))
            self.batches = ShuffledBatches(pairs, self.settings.batch_size, self.bench.config.seed, self.index)
        return fine_tune(self, n, self.batches[n])

    def ask(self) -> list[list[int]]:
        """The teacher's answer to each prompt, and their report. Raises Stopped."""
        began = time.perf_counter()
        bench, answers = self.bench, list[list[int]]()
        chunk = rows_together(bench.config.data)
        room = chunk * CHUNKS
        for start in range(0, len(self.prompts), room):
            bench.progress("the teacher answers", start, len(self.prompts), "prompts")
            some = self.prompts[start : start + room]
            answers += decode.generate(
                bench.teacher, some, range(start, start + len(some)), temperature=self.temperature,
                max_new_tokens=bench.config.data.max_new_tokens, eos=bench.eos, pad=bench.pad, seed=bench.config.seed,
                stream=draws.stream("teacher's answers", self.index), chunk=chunk, heed=bench.heed,
            )  # fmt: skip
        bench.progress("the teacher answers", len(self.prompts), len(self.prompts), "prompts")
        seconds = time.perf_counter() - began
        tokens = token_count([([], answer) for answer in answers])
        bench.report_rollout(0, {
            "length/mean": tokens / len(answers), "rate/eos": sum(answer[-1] == bench.eos for answer in answers) / len(answers),
            "time/rollout": seconds, "throughput/rollout": tokens / seconds,
        })  # fmt: skip
        return answers

    def tensors(self, n: int) -> dict[str, Tensor]:
        if self.answers is None or n == self.steps:
            return {}
        flat = [token for answer in self.answers for token in answer]
        lengths = [len(answer) for answer in self.answers]
        return {"answers": torch.tensor(flat, dtype=torch.int32), "lengths": torch.tensor(lengths, dtype=torch.int32)}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        if tensors:
            parts = tensors["answers"].split(tensors["lengths"].tolist())
            self.answers = [part.tolist() for part in parts]

    def release(self) -> None:
        super().release()
        self.answers = self.batches = None
