"""Rounds of sampling from the student, or from the student and the teacher together.

A round: sample responses, then pass over them `innerEpochs` times in mini-batches. What sampling computed (log q_old, log p, the
teacher's hidden states) serves all passes; the teacher's body runs once a round, its head once a step.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from torch import Tensor

from minillm import decode, draws
from minillm.data import Example, Passes, shuffled
from minillm.defaults import on_policy_size
from minillm.methods import Phase as PhaseSettings
from minillm.methods import Rounds as RoundSettings
from minillm.phases import Metrics, Workbench, micro_batches
from minillm.phases.corpus import weights_of
from minillm.phases.pairs import Batch
from minillm.sequences import Rollout


def reads_rollouts_alone(phase: PhaseSettings) -> bool:
    """Whether all that the teacher is asked for in an update is what its head makes of hidden states that a round has kept: it then
    reads no given response, and no text of a corpus."""
    _, of_corpus = weights_of(phase)
    return isinstance(phase, RoundSettings) and on_policy_size(phase) == phase.batch_size and not of_corpus


@dataclass(frozen=True)
class Law:
    """What is sampled from: the student, or αp + (1−α)q in one of two ways; at a temperature."""

    temperature: float
    sampling: str = "student"
    alpha: float = 0.0
    groups: int = 1
    """Masks of the teacher's turns in a round, where they are common."""


@dataclass(frozen=True)
class Sampler:
    """Samples responses to the prompts of a phase."""

    index: int
    bench: Workbench
    law: Law
    chunk: int

    def sample(self, prompts: Sequence[Sequence[int]], rows: Iterable[int], *stream: int) -> tuple[Rollout, Metrics]:
        """A response to each prompt, and what all methods tell of a round. Means are over real tokens. Raises Stopped."""
        began = time.perf_counter()
        bench, law = self.bench, self.law
        bench.student.model.eval()
        rollout = decode.rollout(
            bench.student, bench.teacher, prompts, list(rows), sampling=law.sampling, alpha=law.alpha, temperature=law.temperature,
            max_new_tokens=bench.config.data.max_new_tokens, eos=bench.eos, pad=bench.pad, seed=bench.config.seed,
            stream=draws.stream("rollout", self.index, *stream), chunk=self.chunk, groups=law.groups,
            heed=bench.heed,
        )  # fmt: skip
        mask, seconds = rollout.mask, time.perf_counter() - began
        return rollout, bench.look_at_rollout(rollout) | {
            "kl/reverse" if law.alpha == 0 else "kl/reverse_mixed": float(rollout.kl[mask].mean()),
            "reward/mean": float((rollout.logp_teacher - rollout.logp_student)[mask].mean()),
            "entropy/student": float(rollout.entropy[mask].mean()),
            "length/mean": float(mask.sum(1).float().mean()),
            "rate/eos": float(rollout.ended.float().mean()),
            "time/rollout": seconds,
            "throughput/rollout": int(mask.sum()) / seconds,
        }


class Rounds:
    """The rollouts of a phase, round after round, and which of them a step takes."""

    def __init__(
        self, sampler: Sampler, examples: Sequence[Example], *, size: int, rollouts: int, inner_epochs: int,
        describe: Callable[[Rollout], Metrics] = lambda _: {},
    ) -> None:  # fmt: skip
        self.sampler, self.examples, self.size, self.rollouts, self.describe = sampler, examples, size, rollouts, describe
        self.per_epoch = math.ceil(rollouts / size)
        self.per_round = self.per_epoch * inner_epochs
        self.key = (sampler.bench.config.seed, sampler.index)
        self.prompts = Passes(len(examples), *self.key)
        self.buffer: Rollout | None = None
        self.spares_teacher = reads_rollouts_alone(sampler.bench.config.phases[sampler.index])
        """Until the next round, or an evaluation. Sent away before every update that reads with it, it would come back at each."""

    def at(self, n: int) -> tuple[Rollout, list[int]]:
        """The rollouts in use at step `n`, sampled now where a round begins, and the rows of them that the step takes."""
        number, place = divmod(n - 1, self.per_round)
        if place == 0 or self.buffer is None:
            self.buffer = None  # it need not lie beside the next one
            self.buffer = self.sample(number)
        if self.spares_teacher:
            self.sampler.bench.spare_teacher()
        inner, part = divmod(place, self.per_epoch)
        order = shuffled(len(self.buffer), *self.key, number, inner, 2)
        return self.buffer, order[part * self.size : (part + 1) * self.size]

    def sample(self, number: int) -> Rollout:
        """The rollouts of a round, and their report."""
        rows = range(number * self.rollouts, (number + 1) * self.rollouts)
        rollout, metrics = self.sampler.sample([self.examples[self.prompts[row]].prompt_ids for row in rows], rows, number)
        self.sampler.bench.report_rollout(number, metrics | self.describe(rollout))
        return rollout

    def tensors(self, n: int) -> dict[str, Tensor]:
        """The rollouts in use, unless the round ends with step `n`."""
        if self.buffer is None or n % self.per_round == 0:
            return {}
        return {name: tensor.cpu() for name, tensor in self.buffer.tensors().items()}

    def release(self) -> None:
        self.buffer = None

    def restore(self, tensors: dict[str, Tensor]) -> None:
        if tensors:
            self.buffer = Rollout.from_tensors(tensors).to(self.sampler.bench.student.device)


def sampled_batches(rollout: Rollout, chosen: Sequence[int], settings: PhaseSettings, pad: int) -> Iterable[tuple[list[int], Batch]]:
    """The rows `chosen` in micro-batches of similar length: which they are, and what is learned from."""
    lengths = (rollout.mask.sum(1) + rollout.prompt_mask.sum(1)).tolist()
    for rows in micro_batches(sorted(chosen, key=lengths.__getitem__), settings, lengths.__getitem__):
        yield list(rows), Batch.sampled(rollout, pad, rows)
