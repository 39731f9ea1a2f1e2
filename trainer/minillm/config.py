"""The config that a person writes (`*.minillm.jsonc`), as models.

Everything here is static: it needs neither torch nor a file system. Keys are camelCase in the file and
snake_case in Python. What a model leaves as `None` is filled by `resolve.py` from the preset or the data. The phases
and their switches are in `methods.py`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from minillm.methods import AnyPhase
from minillm.part import Part, Positive, Share


class Teacher(Part):
    model: Annotated[str, Field(min_length=1)]
    """A Hugging Face model id, or a folder (relative to this file) with config.json, tokenizer and safetensors weights."""
    revision: str | None = None
    """Branch, tag or commit on the model hub. Ignored for a folder."""
    trust_remote_code: bool = False
    """Run Python code that comes with the model. Only for models whose code you have read."""
    allow_pickle: bool = False
    """Also load weights from pytorch_model.bin, a pickle, where there are no safetensors. Only for models whose source you trust."""
    precision: Literal["same", "bf16", "auto"] = "same"
    """Of the teacher's passes in training. `same`: as `precision` says. `bf16`: a second copy of the teacher reads the rollouts, on an AMD processor with AVX512-BF16 in about 0.6 of the time, on an Intel one that has it but no AMX in 1.2 of it. `auto`: that, where a short measurement shows it faster and its distribution hardly moves. Evaluation stays with the first; what the copy changes is measured and told at the start."""
    offload: bool = False
    """Leave the GPU while the student learns: but for the head, the teacher's weights wait in the machine's memory between two rounds of sampling, and come back at the speed of the bus (about a second for 20 GB). The results are the same. For phases whose teacher reads nothing but rollouts: `opd`, `gkd` with `onPolicyShare` 1, and `minillm` unless `lmTeacherShare` has it read a corpus; in others the teacher stays, as on a CPU."""


class Lora(Part):
    """Low-rank adaptation: the student's weights stay, and small corrections to them are learned."""

    rank: Positive = 16
    """Rank of each correction."""
    alpha: Annotated[float, Field(gt=0.0)] = 32.0
    """A correction is scaled by alpha / rank."""


class Student(Part):
    model: Annotated[str, Field(min_length=1)]
    """A Hugging Face model id or a folder. With `"init": "random"` the folder needs only a config.json."""
    init: Literal["weights", "random"] = "weights"
    """Start from the model's weights, or from random ones drawn with `seed`."""
    tokenizer: str | None = None
    """Where the tokenizer comes from when the student has none: a model id, a folder, or `"teacher"`."""
    revision: str | None = None
    """Branch, tag or commit on the model hub. Ignored for a folder."""
    trust_remote_code: bool = False
    """Run Python code that comes with the model. Only for models whose code you have read."""
    allow_pickle: bool = False
    """Also load weights from pytorch_model.bin, a pickle, where there are no safetensors. Only for models whose source you trust."""
    lora: Lora | None = None
    """Train low-rank corrections of the linear layers in place of all weights: optimizer and gradients take a small part of the memory. Checkpoints are whole models."""
    recompute: bool = False
    """Gradient checkpointing: activations are computed again in the backward pass. Far less memory, a third more time for an update, the same result."""


class Data(Part):
    train: Annotated[str, Field(min_length=1)]
    """Rows to train on: .jsonl or .jsonl.gz. Each row is `{"prompt","response"}` (or `responses`), `{"instruction","input","output"}` or `{"messages"}`."""
    validation: str | None = None
    """Rows to score checkpoints on. Never trained on."""
    corpus: str | None = None
    """Plain text for the language-modelling term (L_PT): .txt, or .jsonl rows with `text`."""
    template: Literal["plain", "alpaca", "chat"] = "plain"
    """How a row becomes text. `plain`: prompt and response as they are; `alpaca`: the instruction wording of the paper; `chat`: the tokenizer's chat template."""
    end_token: Annotated[str, Field(min_length=1)] | None = None
    """Token that ends a response, where models end their turns with another one than their tokenizer's end token: `<end_of_turn>` of Gemma, `<|end|>` of Phi. The tokenizer that checkpoints bring has it as its end token. Default: the tokenizer's."""
    max_prompt_tokens: Positive = 256
    """Rows whose prompt is longer are left out (and counted)."""
    max_new_tokens: Positive = 256
    """Longest response, in tokens: for rollouts, samples and evaluation."""


class Inspect(Part):
    prompts: str | None = None
    """Prompts whose samples are kept at every checkpoint. Default: the first validation rows, else the first of `data.train`.

    Rows that you add to this file while a run goes on are sampled from its next checkpoint on."""
    rows: Positive = 16
    """How many of the rows that the file has at the start."""
    validation_rows: Annotated[int, Field(ge=0)] | None = None
    """How many of the first validation rows are sampled besides, where `prompts` names another file. A prompt that stands in both is sampled once. 0: none. Default: 16."""
    draws: Positive = 2
    """Samples per prompt, besides the greedy one. Draw k of a prompt has the same seed at every checkpoint."""
    top_tokens: Annotated[int, Field(ge=0, le=50)] = 5
    """Alternatives kept of student and teacher at every token of a sample. 0 keeps none."""
    keep_tokens: Annotated[int, Field(ge=0)] | None = None
    """How many checkpoints, besides the first, keep what both models thought token by token. 0 writes none. Default: all."""


class Evaluation(Part):
    rows: Positive = 200
    """Validation rows scored at each checkpoint (a fixed subset)."""
    final_rows: Positive | None = None
    """Validation rows scored at the end. Default: all."""
    unit: Literal["word", "character", "token"] = "word"
    """Unit of the error rate and of Rouge-L."""
    sharpening_control: bool = True
    """At the end, also score the start of distillation at the temperature that gives it the final student's entropy."""


class Checkpoints(Part):
    every: Positive | None = None
    """Steps between checkpoints. Default: twenty over the whole run."""
    keep: Positive | None = None
    """How many checkpoints to keep besides the first, the last and the best. Default: all."""
    best: str = "eval/kl_reverse"
    """Metric that chooses the best checkpoint."""


GuardAction = Literal["off", "alert", "checkpoint", "pause", "stop"]


class Guard(Part):
    action: GuardAction = "alert"
    """What happens when the rule is broken: nothing, an alert, an alert and a checkpoint, an alert and a pause, or an alert and the end of the run (with a checkpoint)."""


class NonFinite(Guard):
    """The gradient of a step is not finite. The update is never made."""

    action: GuardAction = "stop"
    """`stop` (and `off`): the run fails at that step; `alert`: the step is left out and training goes on; `checkpoint`: that, with a checkpoint of the student before it; `pause`: that, and it waits for a person."""


class KlRising(Guard):
    """Reverse KL to the teacher rises from evaluation to evaluation."""

    evaluations: Annotated[int, Field(ge=2)] = 3
    """How many times in a row it must rise."""
    by: Annotated[float, Field(ge=0.0)] = 0.1
    """By which share of its level before, over all of them together."""


class EosCollapse(Guard):
    """Fewer and fewer rollouts end by themselves."""

    below: Share = 0.5
    """The share of rollouts that end falls below this part of the highest so far."""


class Truncation(Guard):
    """Too many sampled answers of an evaluation are cut off."""

    above: Share = 0.5
    """Share that never ended."""


class Repetition(Guard):
    """Rollouts say the same thing again and again."""

    run: Annotated[int, Field(ge=2)] = 16
    """A response is stuck when one token follows itself this many times."""
    share: Share = 0.1
    """Share of stuck responses in a round that is too much."""
    distinct4: Share = 0.3
    """Distinct groups of four tokens per group in a response, on average over a round: fewer are too few."""


class LengthExplosion(Guard):
    """Rollouts grow longer and longer."""

    factor: Annotated[float, Field(gt=1.0)] = 3.0
    """Mean length of a round in multiples of that of the phase's first round."""


class EffectiveSamples(Guard):
    """The importance weights let few tokens count."""

    below: Share = 0.1
    """Effective share of a round's tokens."""


class ClipShare(Guard):
    """The policy has moved so far from its rollouts that much of the gradient is clipped."""

    above: Share = 0.5
    """Share of clipped tokens, on average over the last ten steps."""


class Stall(Guard):
    """The trainer has said nothing for long, though its process lives."""

    action: Literal["off", "alert", "stop"] = "alert"
    """`off`: the run is never called stalled; `stop`: it is stopped, by force if need be, and restarted if `restarts` allows."""
    seconds: Annotated[float, Field(gt=0.0)] = 600.0
    """Silence that is no reason for concern, whatever it is busy with. Time in which the machine sleeps does not count."""
    factor: Annotated[float, Field(ge=1.0)] = 20.0
    """Silence in multiples of what a step has lately taken. The longer of the two counts."""


class DiskSpace(Guard):
    """The disk on which the run lies is nearly full."""

    action: Literal["off", "alert", "pause", "stop"] = "alert"
    """What happens when the rule is broken."""
    free: Annotated[float, Field(ge=0.0)] = 1.0
    """GiB that must stay free, besides room for two more checkpoints."""


class Guards(Part):
    """Rules that are watched while the run goes on, with or without a window open."""

    non_finite: NonFinite = Field(default_factory=NonFinite)
    kl_rising: KlRising = Field(default_factory=KlRising)
    eos_collapse: EosCollapse = Field(default_factory=EosCollapse)
    truncation: Truncation = Field(default_factory=Truncation)
    repetition: Repetition = Field(default_factory=Repetition)
    length_explosion: LengthExplosion = Field(default_factory=LengthExplosion)
    effective_samples: EffectiveSamples = Field(default_factory=EffectiveSamples)
    clip_share: ClipShare = Field(default_factory=ClipShare)
    stall: Stall = Field(default_factory=Stall)
    disk_space: DiskSpace = Field(default_factory=DiskSpace)


class Config(Part):
    """A distillation run: teacher, student, data and phases."""

    schema_: Annotated[str | None, Field(alias="$schema")] = None
    """Address of this schema; editors use it."""
    name: Annotated[str, Field(min_length=1, max_length=80)]
    """Name of the run, shown everywhere."""
    teacher: Teacher
    student: Student
    data: Data
    preset: Literal["recommended", "paper", "reference"] = "recommended"
    """Where the switches that you leave out come from: our choice, the paper's text, or its published code."""
    phases: Annotated[list[AnyPhase], Field(min_length=1)]
    """What is done, in order. A step counts from the start of the run, across phases."""
    inspect: Inspect = Field(default_factory=Inspect)
    evaluation: Evaluation = Field(default_factory=Evaluation)
    checkpoints: Checkpoints = Field(default_factory=Checkpoints)
    guards: Guards = Field(default_factory=Guards)
    device: Literal["auto", "cuda", "mps", "cpu", "cuda:0", "cuda:1", "cuda:2", "cuda:3", "cuda:4", "cuda:5", "cuda:6", "cuda:7"] = "auto"
    """Where to compute: `auto` (cuda, else mps, else cpu), `cuda` (a GPU that no other run uses, if there is one), `cuda:1` (that GPU), `mps`, `cpu`."""
    queue: Literal["auto", "always", "never"] = "auto"
    """Wait until no earlier run uses the same device. `auto`: for a GPU, not for the CPU."""
    restarts: Annotated[int, Field(ge=0, le=100)] = 0
    """How often the run is started again from its newest complete checkpoint after a crash. Not after bad input, a stop, or the same failure at the same step."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """`auto`: bf16 on a GPU that has it, else fp32. Losses are always fp32."""
    cuda_graphs: bool = False
    """On an NVIDIA GPU, decode by replaying CUDA graphs: a step's kernels are launched as one, which small models and small batches, where a step is mostly launching, gain most by. For models all of whose layers keep all keys and values, with torch's own attention (GPT-2, OPT, NeoX, Phi, Llama, Qwen, …); a graph that does not give what the model gives is not used, and the run says so. Not measured on a device yet: `npm run bench:gpu` compares."""
    threads: Positive | None = None
    """CPU threads. Default: all cores that this process may use."""
    seed: Annotated[int, Field(ge=0)] = 10
    """Seed of every random draw of the run."""
    runs_folder: str = "runs"
    """Where run folders are made, relative to the workspace. Of a config that names none, the editor's setting `minillm.runsFolder` says it."""
