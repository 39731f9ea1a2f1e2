"""A step of this trainer, as a run takes it: the phase itself, on random prompts."""

from __future__ import annotations

from typing import Any

import torch

from bench.shapes import Pair, prompts_of
from minillm.config import Config
from minillm.data import Example
from minillm.language_model import LanguageModel
from minillm.methods import METHODS, RECOMMENDED
from minillm.phases import Metrics, Phase, Workbench
from minillm.phases.make import make_phase

NEVER = -1
"""An end token that no model says: every response has its full length, in all trainers."""


class Ours:
    """A phase over random prompts. `step` makes its next optimizer step; a rollout is part of the first one of a round."""

    def __init__(
        self, pair: Pair, method: str, *, batch: int, prompt: int, new: int, updates: int = 1, corpus: bool = False, rounds: int = 8,
        chunk: int | None = None, objective: dict[str, Any] | None = None, reader: LanguageModel | None = None, **settings: Any,
    ) -> None:  # fmt: skip
        """`reader`: the teacher as it reads, where it is not the pair's own."""
        phase: dict[str, Any] = {
            "method": method, "steps": updates * rounds, "batchSize": batch, "innerEpochs": updates, "rollouts": batch,
            "rolloutChunk": chunk or batch, "optimizer": {"learningRate": 5e-6}, **settings,
        }  # fmt: skip
        if method == "minillm":
            # One chunk is one group here, as it is in a round of many chunks.
            switches = RECOMMENDED.model_dump(by_alias=True) | (objective or {})
            phase |= {"maskGroups": max(1, batch // (chunk or batch)), "objective": switches}
        made = METHODS[method].model_validate(phase)
        config = Config.model_construct(
            seed=1, phases=[made],
            data=Config.model_fields["data"].annotation.model_construct(max_new_tokens=new, max_prompt_tokens=prompt),
        )  # fmt: skip
        self.rollouts: list[Metrics] = []
        pair = pair.loaded
        bench = Workbench(
            config, pair.student, reader or pair.teacher, NEVER, 0, lambda _, metrics: self.rollouts.append(metrics), lambda *_: None,
            lambda _: {},
        )  # fmt: skip
        prompts = prompts_of(batch * rounds, prompt, pair.student.vocabulary)
        examples = [Example(str(i), i, "", ids, [], ()) for i, ids in enumerate(prompts)]
        blocks = torch.tensor(prompts_of(batch * rounds, prompt + new, pair.student.vocabulary, seed=1)) if corpus else None
        self.phase: Phase = make_phase(0, made, bench, {"prompts": examples, "train": examples}, blocks, [])
        self.n = 0

    def take_rollout(self, other: Ours) -> None:
        """Repeats the last update of another one, on the same rollout: the next step samples nothing."""
        self.phase.restore(other.phase.tensors(1))  # at that step the rollout is still in use
        self.n = other.n - 1

    def step(self) -> Metrics:
        self.n += 1
        return self.phase.step(self.n)

    def rest(self) -> None:
        """Gives up the optimizer's moments: those of all sides would lie beside each other, and only one takes steps at a time."""
        self.phase.optimizer.state.clear()
