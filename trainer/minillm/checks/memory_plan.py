"""What a run will hold in memory, part by part, from its config, the sizes of its models and the lengths of its rows.

Some of it is held all the time: weights, the optimizer's moments. On top of that comes whatever the run is busy with, of which the
largest counts: an update, a round of sampling, an evaluation, each beside the rollouts of its phase, which go with the phase.
Estimates are of bytes that torch allocates.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch

from minillm.checks.sizes import Sizes
from minillm.config import Config
from minillm.decode import OVERFULL
from minillm.decode_mixed import PENDING_LOGITS
from minillm.evaluate import LARGEST_CHUNK, rows_together
from minillm.head import BLOCK_LOGITS, CHUNK_LOGITS
from minillm.methods import DistillmPhase, Phase, Rounds, TeacherCached
from minillm.models import TINY, held_once
from minillm.offload import DEVICES
from minillm.phases.corpus import weights_of
from minillm.phases.rounds import reads_rollouts_alone
from minillm.phases.teacher_cache import kept_bytes
from minillm.recording import TOGETHER
from minillm.sequences import READ_TOKENS

FP32, BF16 = 4, 2
MIXED = 0.65
"""Activations under autocast to bf16, as a share of those in fp32: linear layers keep half, norms and residuals all of it."""
BLOCK_COPIES = 3
"""Matrices of logits that a block of rows holds at once for each model: log-probabilities, and what is made of them."""
DRAWN_COPIES = 6
"""Matrices of logits that drawing a token holds at once, sums of probabilities in fp64 among them."""
WORKING = 3
"""Widths of the widest layer, besides four of the residual, that a layer works on where nothing is kept for a backward pass."""
AHEAD = 5
"""Steps between two turns of the teacher under a common mask, in multiples of the mean: longer waits are rare."""
WORKSPACE = 32 << 20
"""Bytes that each CUDA graph has for matrix products alone."""
CROWDED = 1.25
"""How much larger than the mean a group of prompts may be."""


@dataclass(frozen=True)
class Lengths:
    """Tokens of the longest prompt, of the longest prompt with its answer, and of all answers, among the rows of one phase or of an
    evaluation."""

    prompt: int
    whole: int
    rows: int = LARGEST_CHUNK
    answers: int = 0
    shortest: int = 0
    """Tokens of the shortest prompt; 0 where none is known to be shorter than the longest."""


@dataclass(frozen=True)
class Plan:
    """Bytes, by what they are for."""

    held: Mapping[str, float]
    """All the time."""
    busy: Mapping[tuple[int, str], Mapping[str, float]]
    """By phase and activity (`update`, `sampling`); evaluation belongs to phase -1."""
    spare: float = 0.0
    """Of the teacher, what `teacher.offload` would take out of the updates of phases that read rollouts alone."""
    together: Mapping[int, float] = field(default_factory=dict)
    """By phase: sequences that go through the models together in an update, when it holds most."""

    @property
    def worst(self) -> tuple[int, str]:
        """The phase and activity that need most."""
        return max(self.busy, key=lambda key: sum(self.busy[key].values()))

    @property
    def total(self) -> float:
        return sum(self.held.values()) + sum(self.busy[self.worst].values())


def make_plan(
    config: Config, teacher: Sizes, student: Sizes, phases: Mapping[int, Lengths], evaluated: Lengths | None, dtype: torch.dtype,
    device: str,
) -> Plan:  # fmt: skip
    """`phases`: lengths of each phase's rows, by its place; `evaluated`: of validation and inspection rows. `dtype`: of forward passes."""
    models = _Models(config, teacher, student, torch.finfo(dtype).bits // 8, device)
    held = {
        "student": models.base * student.parameters + FP32 * models.adapted, "teacher": models.bytes * teacher.parameters,
        "optimizer": 2 * FP32 * models.trained,
    }  # fmt: skip
    if held_once(config):
        held["teacher"] = 0.0
    elif config.teacher.precision != "same" and models.bytes > BF16:
        held["teacher"] += BF16 * teacher.parameters  # the copy that reads in training
    spare = held["teacher"] * (1 - teacher.vocabulary * teacher.width / teacher.parameters) if device in DEVICES else 0.0
    leaves = spare if config.teacher.offload else 0.0
    held["teacher"] -= leaves
    busy: dict[tuple[int, str], dict[str, float]] = {}
    together: dict[int, float] = {}
    largest = 0.0
    for index, lengths in phases.items():
        phase = config.phases[index]
        busy[index, "update"], together[index] = models.update(phase, lengths)
        if isinstance(phase, Rounds) or phase.method == "distillm":
            made, kept, copied = _rollouts(phase, device)
            busy[index, "update"]["rollouts"] = models.buffer(kept + copied, config.data.max_new_tokens)
            busy[index, "sampling"] = models.sampling(phase, lengths, made, kept)
            largest = max(largest, models.buffer(kept, config.data.max_new_tokens))
        elif phase.method == "seqkd":
            tokens = rows_together(config.data) * (lengths.prompt + config.data.max_new_tokens)
            busy[index, "sampling"] = {"cache": models.cache(teacher, tokens)}
    if evaluated is not None:
        busy[-1, "evaluation"] = models.evaluation(evaluated) | {"rollouts": largest}
    for (index, activity), parts in busy.items():
        if leaves and not (activity == "update" and reads_rollouts_alone(config.phases[index])):
            parts["teacher"] = leaves
    return Plan(held, busy, spare - leaves, together)


@dataclass(frozen=True)
class _Models:
    config: Config
    teacher: Sizes
    student: Sizes
    bytes: int
    """Of a number in a forward pass."""
    device: str

    @property
    def mixed(self) -> bool:
        return self.bytes < FP32

    @property
    def adapted(self) -> int:
        """Parameters that LoRA adds."""
        return 0 if self.config.student.lora is None else self.config.student.lora.rank * self.student.linear

    @property
    def trained(self) -> int:
        return self.adapted or self.student.parameters

    @property
    def base(self) -> int:
        """Bytes of a weight of the student as it is held: what low-rank corrections leave alone needs no master copy."""
        return self.bytes if self.adapted else FP32

    @property
    def cast(self) -> int:
        """Bytes of what autocast keeps of weights that are held wider than they are used."""
        return self.bytes * self.trained if self.mixed else 0

    def update(self, phase: Phase, lengths: Lengths) -> tuple[dict[str, float], float]:
        """What an update holds, and how many sequences go through the models together when it holds most."""
        sampled = isinstance(phase, Rounds) or phase.method in ("distillm", "seqkd")
        most = self.config.data.max_new_tokens
        longest = max(lengths.whole, lengths.prompt + most) if sampled else lengths.whole
        taught = phase.method not in ("sft", "seqkd")
        reads = taught and phase.method not in ("minillm", "opd")  # whose rollouts hold what it said
        # Under a budget of tokens, short prompts leave more of it to answers, whose logits and states are held.
        short = min(longest, lengths.shortest + most) if lengths.shortest and phase.micro_batch_tokens else longest
        passes = []
        for length in (longest, short):
            rows = at_once(phase, length)
            passes.append((self.micro_batch(rows, length, min(length, most), taught=taught, reads=reads), rows))
        weight, share = weights_of(phase)
        if weight:  # a block is as long as a prompt and a response may be, and of all its tokens but the first something is learned
            block = self.config.data.max_prompt_tokens + most
            rows = math.floor(at_once(phase, block))  # all are equally long
            passes.append((self.micro_batch(rows, block, block - 1, taught=share > 0, reads=share > 0), rows))
        parts, rows = max(passes, key=lambda each: sum(each[0].values()))
        parts = {"gradients": FP32 * self.trained} | parts
        if isinstance(phase, TeacherCached) and self.device != "cuda":  # it lies in the machine's memory
            parts["teacher's cache"] = kept_bytes(phase, lengths.answers, self.teacher.width, self.bytes)
        return parts, rows

    def micro_batch(self, rows: float, length: int, answers: int, *, taught: bool, reads: bool) -> dict[str, float]:
        """What going through the student and back holds, for rows of which so many tokens are learned; `taught`: by the teacher, which
        `reads` them now."""
        kept, again = self.activations(rows, length)
        logits = self.head(rows * answers, 2 if taught else 1)
        # A layer is computed again when the head is done.
        parts = {"activations": kept, **({"again": again} if again > logits else {"logits": logits})}
        if reads:
            parts["teacher's states"] = self.bytes * rows * answers * self.teacher.width
            parts["activations"] = max(kept, self.working(self.teacher, rows, length))
        return parts

    def activations(self, rows: float, length: int) -> tuple[float, float]:
        """What a forward pass of the student keeps of sequences of this length for its backward pass, and what that computes again."""
        size, student = (MIXED if self.mixed else 1.0), self.student
        whole = rows * (size * student.activations * length + student.attention * length**2 * self.eager(student))
        if self.config.student.recompute and student.layers:  # a layer's inputs are kept
            return rows * length * student.layers * student.width * FP32 + self.cast, whole / student.layers
        return whole + self.cast, 0.0

    def sampling(self, phase: Phase, lengths: Lengths, rollouts: int, kept: int) -> dict[str, float]:
        steps, wide, student, teacher = self.config.data.max_new_tokens, self.student.vocabulary, self.student, self.teacher
        objective = getattr(phase, "objective", None)
        alpha = (objective.alpha or 0.0) if objective is not None else 0.0
        lock_step = objective is not None and objective.sampling == "lockStep"
        chunk, group = self.together(phase, rollouts, (getattr(phase, "mask_groups", None) or 1) if alpha and not lock_step else 1)
        budget = PENDING_LOGITS.get(self.device, PENDING_LOGITS["cpu"])
        alone = not alpha and chunk * steps * wide <= budget  # the teacher reads whole responses afterwards
        waiting = steps if not alpha else 1 if lock_step else min(steps, round(AHEAD / alpha))
        held = {
            "logits": FP32 * chunk * wide * min(waiting, 1 + budget // (chunk * wide)),
            "rollouts": self.buffer(rollouts + chunk, steps),  # the whole, and a part on its way there
            "copies": self.cast,
        }
        if self.records:
            theirs = 0.0 if alone else math.ceil(chunk / group) * self.recording(teacher, group, TOGETHER, lengths)
            held["graphs"] = self.recording(student, chunk, 1, lengths) + theirs
        drawing = FP32 * wide * (chunk + (DRAWN_COPIES - 1) * group)  # logits of all rows, and what is drawn from of a group
        read = self.read_together(chunk, lengths.prompt + steps) if alone else group
        block = self.block(read * waiting, 2, least=read)
        prompts, whole = chunk * lengths.prompt, chunk * (lengths.prompt + steps)
        both = self.cache(student, 1) + self.cache(teacher, 1)
        begin = {"caches": self.cache(student, prompts), "work": self.working(student, chunk, lengths.prompt)}
        if alone:
            stages = [begin, held | {"caches": self.cache(student, whole), "work": drawing}]
            stages.append(held | {"work": max(self.working(teacher, read, lengths.prompt + steps), block)})
        else:
            stages = [begin, held | {"caches": both * prompts, "work": self.working(teacher, group, lengths.prompt)}]
            ahead = FP32 * min(group * waiting * wide, CHUNK_LOGITS.get(self.device, CHUNK_LOGITS["cpu"]))  # of the teacher's head
            stages.append(held | {"caches": both * whole, "work": max(drawing, block) + ahead})
        if phase.method == "distillm":  # what was sampled before is still there; others give up a round before the next one
            stages = [stage | {"replayed": self.buffer(kept, steps)} for stage in stages]
            stages.append({"rollouts": self.buffer(2 * kept + rollouts, steps)})  # the two become one
        return max(stages, key=lambda stage: sum(stage.values()))

    def together(self, phase: Phase, rollouts: int, groups: int) -> tuple[int, int]:
        """Prompts that `decode.chunks` puts together, and how many of them are of one group. A hash deals them to groups, some larger."""
        size = getattr(phase, "rollout_chunk", min(phase.batch_size, rows_together(self.config.data)))
        members = rollouts if groups == 1 else min(rollouts, math.ceil(CROWDED * rollouts / groups))
        piece = math.ceil(members / max(1, math.ceil(members / size - (OVERFULL - 1))))
        return piece if groups == 1 else max(piece, min(rollouts, math.floor(OVERFULL * size))), piece

    def evaluation(self, lengths: Lengths) -> dict[str, float]:
        data, both = self.config.data, (self.student, self.teacher)
        rows = min(lengths.rows, rows_together(data))
        longest = max(lengths.whole, lengths.prompt + data.max_new_tokens)
        read = self.read_together(rows, longest)
        answers = read * data.max_new_tokens
        drawing = DRAWN_COPIES * FP32 * rows * self.student.vocabulary
        first = {"caches": max(self.cache(model, rows * longest) for model in both), "logits": drawing}
        if self.records:
            first["graphs"] = max(self.recording(model, rows, 1, lengths) for model in both)
        stages = [
            first,
            {"caches": max(self.cache(model, rows * lengths.prompt) + self.working(model, rows, lengths.prompt) for model in both)},
            {
                "work": max(self.working(model, read, longest) for model in both), "logits": self.head(answers, 2),
                "hidden states": self.bytes * answers * (self.student.width + self.teacher.width),
            },
        ]  # fmt: skip
        return max(stages, key=lambda stage: sum(stage.values())) | {"copies": self.cast}

    def read_together(self, rows: int, length: int) -> int:
        """Rows of a length that are read in one pass where nothing is learned from them."""
        return min(rows, max(1, READ_TOKENS.get(self.device, READ_TOKENS["cpu"]) // length))

    def cache(self, model: Sizes, tokens: float) -> float:
        return self.bytes * model.cached * tokens

    @property
    def records(self) -> bool:
        """Whether decoding is asked to replay CUDA graphs, and can."""
        return self.config.cuda_graphs and self.device == "cuda"

    def recording(self, model: Sizes, rows: int, columns: int, lengths: Lengths) -> float:
        """What a CUDA graph of a step holds, besides keys and values: a layer's work, and keys and values of a layer for all its heads."""
        heads = 2 * self.bytes * rows * (lengths.prompt + self.config.data.max_new_tokens) * model.width
        return WORKSPACE + 2 * self.working(model, rows, columns) + heads  # once more for the step by hand that comes before it

    def working(self, model: Sizes, rows: float, length: int) -> float:
        """What a forward pass that keeps nothing holds at once: one layer's own."""
        per_pair = 2 * model.attention / max(1, model.layers) * self.eager(model)
        return rows * (length * self.bytes * (4 * model.width + WORKING * model.widest) + length**2 * per_pair)

    def head(self, rows: float, models: int) -> float:
        """What the heads of so many models give for some rows, a chunk at a time, and what is made of it, a block at a time."""
        wide = self.student.vocabulary
        chunk = min(rows * wide, CHUNK_LOGITS.get(self.device, CHUNK_LOGITS["cpu"]) + wide)
        return models * FP32 * chunk + self.block(rows, models)

    def block(self, rows: float, models: int, least: int = 1) -> float:
        wide = self.student.vocabulary
        size = max(least * wide, BLOCK_LOGITS.get(self.device, BLOCK_LOGITS["cpu"]))
        return models * BLOCK_COPIES * FP32 * min(rows * wide, size)

    def buffer(self, rollouts: int, steps: int) -> float:
        """Rollouts: the teacher's hidden states, and a few numbers a token."""
        return rollouts * steps * (self.bytes * self.teacher.width + 8 * FP32)

    def eager(self, model: Sizes) -> bool:
        """Whether attention is plain, and keeps a number for each pair of tokens."""
        return self.device == "cpu" and model.parameters <= TINY


def at_once(phase: Phase, length: int) -> float:
    """Sequences of a length that an update takes together (`phases.micro_batches`). A budget of tokens is filled to its end, for rows that
    are a little shorter fill it; one sequence is taken even where it is longer."""
    size = phase.micro_batch_size or phase.batch_size
    return size if phase.micro_batch_tokens is None else min(size, max(1.0, phase.micro_batch_tokens / length))


def _rollouts(phase: Phase, device: str) -> tuple[int, int, int]:
    """Sequences that are sampled at once, that are kept on the device, and that a step copies of them."""
    if isinstance(phase, DistillmPhase):  # those that are over its capacity go when the next ones come
        kept = min(phase.replay_capacity + phase.batch_size, phase.steps * phase.batch_size)
        return phase.batch_size, 0 if device == "cuda" else kept, phase.batch_size  # they lie in the machine's memory
    rollouts = getattr(phase, "rollouts", None) or phase.batch_size
    return rollouts, rollouts, 0
