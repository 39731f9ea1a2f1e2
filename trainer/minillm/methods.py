"""The distillation methods as a config names them: the phases of a run, their settings, and the presets of MiniLLM.

Sources: "eq." and "Alg." are arXiv 2306.08543; D1 to D16 name the places where the paper and its published code disagree
(docs/algorithm.md); each of them is a switch in `Objective`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from minillm.part import Part, Positive, Share

Decay = Annotated[float, Field(ge=0.0, lt=1.0)]


class Optimizer(Part):
    learning_rate: Annotated[float, Field(gt=0.0)] | None = None
    """Peak learning rate of AdamW. Default: 0.0005 for methods on given responses and `distillm`, 0.00005 for `gkd` and `opd`, 0.000005 for `minillm`, 0.0001 or more with LoRA, and 0.001 for a student with random weights."""
    betas: tuple[Decay, Decay] = (0.9, 0.95)
    """Exponential decay of AdamW's first and second moment."""
    weight_decay: Annotated[float, Field(ge=0.0)] = 0.0
    """Decoupled weight decay, on matrices only."""
    max_grad_norm: Annotated[float, Field(gt=0.0)] = 1.0
    """The gradient is scaled down to this global norm."""
    warmup: Share = 0.03
    """Share of the phase's steps over which the learning rate rises from 0."""
    schedule: Literal["constant", "linear", "cosine"] = "linear"
    """Course of the learning rate after the warm-up."""
    final_learning_rate: Share = 0.05
    """Learning rate at the end of the phase, as a share of the peak (`linear` and `cosine`)."""


class Divergence(Part):
    """A divergence between the teacher's next-token distribution p and the student's q, over the whole vocabulary."""

    kind: Literal["forwardKl", "reverseKl", "jsd", "skewKl", "skewReverseKl", "alphaBeta", "tvd"] = "forwardKl"
    """`forwardKl`: KL(p‖q); `reverseKl`: KL(q‖p); `jsd`: between the two, by `beta`; `skewKl`, `skewReverseKl`: against a mixture of both, by `skew`; `alphaBeta`: by `powers`; `tvd`: total variation."""
    beta: Share = 0.5
    """Of `jsd`: 0 is the forward KL, 1 the reverse KL."""
    jsd_scale: Literal["continuous", "published"] = "continuous"
    """Of `jsd`. `continuous`: divided by beta(1−beta), which tends to the KLs at 0 and 1; `published`: as printed, so that the loss jumps in scale at both ends."""
    skew: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.1
    """Of `skewKl` and `skewReverseKl`: the share of a distribution that is mixed into the other one."""
    powers: tuple[Annotated[float, Field(ge=0.0)], Annotated[float, Field(ge=0.0)]] = (0.2, 0.7)
    """Of `alphaBeta`: alpha and beta, not both 0. (1, 0) is the forward KL, (0, 1) the reverse KL."""


class Phase(Part):
    """What every phase has."""

    method: str
    rows: Positive | None = None
    """Use only the first rows of the file."""
    batch_size: Positive = 64
    """Sequences per optimizer step."""
    micro_batch_size: Positive | None = None
    """Sequences per forward pass; gradients are accumulated up to `batchSize`. Default: `batchSize`."""
    micro_batch_tokens: Positive | None = None
    """Tokens per forward pass, padding included: a bound on memory that holds for short and long sequences alike. The gradient is the same. Default: `microBatchSize` alone counts."""
    optimizer: Optimizer = Field(default_factory=Optimizer)


class Passes(Phase):
    """Counts in passes over its rows, or in steps."""

    epochs: Annotated[float, Field(gt=0.0)] | None = None
    """Passes over the rows. Give `epochs` or `steps`."""
    steps: Positive | None = None
    """Optimizer steps. Give `epochs` or `steps`."""


class Rounds(Phase):
    """Samples from the student in rounds."""

    prompts: str | None = None
    """Rows whose prompts are sampled from; responses are not read. Default: `data.train`."""
    steps: Positive
    """Optimizer steps."""
    rollouts: Positive | None = None
    """Prompts sampled per round. Default: as many as one step takes."""
    rollout_chunk: Positive = 64
    """Prompts decoded together."""
    inner_epochs: Positive = 1
    """Passes over one round's rollouts."""


class SftPhase(Passes):
    method: Literal["sft"]
    """Supervised fine-tuning: cross-entropy on the responses."""
    train: str | None = None
    """Rows for this phase alone, in place of `data.train`."""


class TeacherCached(Passes):
    """Passes over given responses, of which the teacher need say but once what it thinks."""

    teacher_cache: Literal["auto", "off", "states", "topTokens"] = "auto"
    """What is kept in the machine's memory of the teacher's one reading of the responses. `states`: its last hidden states, to which its head is applied, exact; `topTokens`: its likeliest tokens and one bucket for all others, for large models; `off`: it reads at every step. `auto`: `states`, where there is more than one pass and they take at most 1 GiB."""
    cache_tokens: Positive = 64
    """Of `topTokens`: how many tokens are kept at each place."""


class KdPhase(TeacherCached):
    method: Literal["kd"]
    """Word-level distillation: on given responses, the student's next-token distribution is drawn to the teacher's."""
    train: str | None = None
    """Rows for this phase alone, in place of `data.train`."""
    teacher_share: Share = 0.5
    """Weight of the divergence to the teacher; the rest is cross-entropy on the responses."""
    divergence: Divergence = Field(default_factory=Divergence)


class RklPhase(TeacherCached):
    method: Literal["rkl"]
    """Reverse KL on given responses, exact over the vocabulary: strong for its cost, because nothing is sampled."""
    train: str | None = None
    """Rows for this phase alone, in place of `data.train`."""


class SeqKdPhase(Passes):
    method: Literal["seqkd"]
    """Sequence-level distillation: the teacher answers every prompt, then the student is fine-tuned on its answers."""
    prompts: str | None = None
    """Rows whose prompts the teacher answers; responses are not read. Default: `data.train`."""
    answers: Positive = 1
    """Answers of the teacher to each prompt."""
    temperature: Annotated[float, Field(ge=0.0)] = 1.0
    """Temperature of the teacher's answers; 0 takes the likeliest token."""


class GkdPhase(Rounds):
    method: Literal["gkd"]
    """Generalised distillation (arXiv 2306.13649): a Jensen–Shannon divergence on the student's own responses and on given ones."""
    train: str | None = None
    """Rows with responses, for the part that is not the student's own. Default: `data.train`."""
    on_policy_share: Share = 0.5
    """Share of a step's sequences that the student samples (lambda); the rest is given responses."""
    beta: Share = 0.5
    """0 is the forward KL, 1 the reverse KL, between them the generalised JSD."""
    jsd_scale: Literal["continuous", "published"] = "continuous"
    """`continuous`: divided by beta(1−beta), which tends to the KLs at 0 and 1; `published`: as printed, so that the loss jumps in scale at both ends."""
    temperature: Annotated[float, Field(gt=0.0)] = 1.0
    """Of sampling and of the divergence, on both models."""


class OpdPhase(Rounds):
    method: Literal["opd"]
    """On-policy distillation by policy gradient: each sampled token is rewarded with log p/q, weighted by the ratio to the policy that sampled it."""
    discount: Share = 0.0
    """Discount of later rewards; 0 counts the token's own reward alone."""
    temperature: Annotated[float, Field(gt=0.0)] = 1.0
    """Of sampling and of the rewards, on both models."""


class DistillmPhase(Phase):
    method: Literal["distillm"]
    """DistiLLM (arXiv 2402.03898): a skew divergence on given responses and, as far as they do no harm, on replayed responses of the student."""
    train: str | None = None
    """Rows for this phase alone, in place of `data.train`; the student answers their prompts."""
    steps: Positive
    """Optimizer steps."""
    divergence: Literal["skewKl", "skewReverseKl"] = "skewReverseKl"
    """`skewKl`: KL(p ‖ αp + (1−α)q); `skewReverseKl`: KL(q ‖ (1−α)p + αq)."""
    skew: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.1
    """The share α of a distribution that is mixed into the other one."""
    student_share: Share = 0.0
    """Probability that a step trains on the student's responses, at the start."""
    adapt_by: Share = 0.1
    """How much that probability rises each time the validation loss has risen. 0: never."""
    adapt_tolerance: Annotated[float, Field(ge=0.0)] = 0.1
    """By how many nats per token the loss must have risen."""
    adapt_every: Positive | None = None
    """Steps between looks at the validation loss. Default: twenty looks in the phase."""
    replay_capacity: Positive = 1000
    """Responses of the student that are kept. New ones are sampled ever more rarely as the phase goes on; the others are replayed."""
    temperature: Annotated[float, Field(gt=0.0)] = 1.0
    """Of sampling and of the divergence, on both models."""
    lm_weight: Annotated[float, Field(ge=0.0)] | None = None
    """Weight of the language-modelling term on the corpus. Default: 1 with `data.corpus`, else 0."""


class Objective(Part):
    """Switches of the MiniLLM loss. What is not given comes from the preset."""

    alpha: Annotated[float, Field(ge=0.0, lt=1.0)] | None = None
    """Share of the teacher in the sampling mixture, eq. (4)."""
    sampling: Literal["commonMask", "lockStep", "student"] | None = None
    """`commonMask`: one coin a step for the whole chunk, so that the teacher runs once every 1/alpha steps; `lockStep`: both models every step; `student`: no teacher (alpha 0)."""
    temperature: Annotated[float, Field(gt=0.0)] | None = None
    """Sampling temperature, applied to student and teacher alike (D14)."""
    single_step: bool | None = None
    """Single-step term in closed form over the vocabulary, eq. (3)."""
    weight_single_step: bool | None = None
    """Multiply the single-step term by the importance weight, as eq. (7) is written (D7)."""
    long_term: Literal["future", "toGo", "off"] | None = None
    """`future`: rewards after the token, R_(t+1); `toGo`: including the token's own reward (D1)."""
    empty_future: Literal["leftOut", "zero"] | None = None
    """Advantage of the last token, which has no future (it acts on length). `leftOut`: 0, and it counts in no baseline; `zero`: its return is 0, less the baseline."""
    discount: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
    """Discount of later rewards, gamma (D3)."""
    length_normalization: Literal["mean", "remainingLength", "none"] | None = None
    """`mean`: divide by the sum of discounts, eq. (6); `remainingLength`: by the tokens left, undiscounted (D3, D4); `none`: sum (D10)."""
    baseline: Literal["maskedMean", "one", "none"] | None = None
    """Subtract the mean over real tokens, the constant 1 of eq. (2), or nothing (D2)."""
    whiten: Literal["none", "realTokens", "allPositions"] | None = None
    """Divide the advantage by its standard deviation: never, over real tokens, or over all positions including padding (D5, D6)."""
    clip_range: Annotated[float, Field(gt=0.0)] | None = None
    """Clip of the policy ratio, epsilon. `null`: no clip."""
    clip_target: Literal["ratio", "weightedRatio"] | None = None
    """Clip q/q_old and multiply by w outside, or clip w times q/q_old (D8)."""
    importance_weight: Literal["step", "perDecision", "none"] | None = None
    """Correction for tokens drawn from the teacher. `step`: of the token alone, eq. (5); `perDecision`: of the whole prefix, exact but noisy; `none`."""
    reward_scale: Annotated[float, Field(gt=0.0)] | None = None
    """Factor of the rewards, before they are clipped; it cancels where advantages are whitened (D9)."""
    reward_clip: Annotated[float, Field(gt=0.0)] | None = None
    """Clip each token's reward to plus or minus this much. `null`: no clip."""
    reward_temperature: Literal["both", "student"] | None = None
    """Whether rewards take teacher and student at the sampling temperature, or the student alone (D14)."""
    reduction: Literal["tokenMean", "sequenceSum"] | None = None
    """Average over the real tokens of the mini-batch, or sum over each sequence and average over sequences."""
    lm_weight: Annotated[float, Field(ge=0.0)] | None = None
    """Weight of the language-modelling term on the corpus (L_PT). 0 without `data.corpus`."""
    lm_teacher_share: Share | None = None
    """Share of that term that is cross-entropy with the teacher's distribution in place of the text (D11)."""


class MiniLlmPhase(Rounds):
    method: Literal["minillm"]
    """MiniLLM: reverse KL by policy gradient, with the single-step term in closed form."""
    rollouts: Positive = 256
    """Prompts sampled per round."""
    mask_groups: Positive | None = None
    """Groups of prompts in a round that share the teacher's turns (`commonMask`); a hash deals the prompts to them, and as many are decoded together as `rolloutChunk` has room for. Default: as many as chunks, at least 4."""
    inner_epochs: Positive = 2
    """Passes over one round's rollouts."""
    objective: Objective = Field(default_factory=Objective)


AnyPhase = Annotated[
    SftPhase | KdPhase | RklPhase | SeqKdPhase | GkdPhase | OpdPhase | DistillmPhase | MiniLlmPhase, Field(discriminator="method")
]

METHODS: dict[str, type[Phase]] = {
    "sft": SftPhase, "kd": KdPhase, "rkl": RklPhase, "seqkd": SeqKdPhase, "gkd": GkdPhase, "opd": OpdPhase, "distillm": DistillmPhase,
    "minillm": MiniLlmPhase,
}  # fmt: skip

RECOMMENDED = Objective(
    alpha=0.2, sampling="commonMask", temperature=1.0, single_step=True, weight_single_step=False, long_term="future",
    empty_future="leftOut", discount=1.0, length_normalization="mean", baseline="maskedMean", whiten="none", clip_range=0.2,
    clip_target="ratio", importance_weight="step", reward_scale=1.0, reward_clip=None, reward_temperature="both",
    reduction="tokenMean", lm_weight=1.0, lm_teacher_share=0.0,
)  # fmt: skip
"""Our choice: every term unbiased where that is free, and no clip at the first inner step (D1 to D8)."""

PAPER = Objective(
    alpha=0.2, sampling="lockStep", temperature=1.0, single_step=True, weight_single_step=True, long_term="future",
    empty_future="zero", discount=1.0, length_normalization="mean", baseline="none", whiten="none", clip_range=0.2,
    clip_target="weightedRatio", importance_weight="step", reward_scale=1.0, reward_clip=None, reward_temperature="both",
    reduction="tokenMean", lm_weight=1.0, lm_teacher_share=0.0,
)  # fmt: skip
"""Equation (7) and Algorithm 1 as printed."""

REFERENCE = Objective(
    alpha=0.2, sampling="lockStep", temperature=1.0, single_step=True, weight_single_step=False, long_term="toGo",
    empty_future="zero", discount=0.95, length_normalization="remainingLength", baseline="maskedMean", whiten="allPositions",
    clip_range=0.2, clip_target="weightedRatio", importance_weight="step", reward_scale=2.0, reward_clip=100.0,
    reward_temperature="student", reduction="tokenMean", lm_weight=1.0, lm_teacher_share=0.5,
)  # fmt: skip
"""What the paper's published code computes, with the settings of its scripts (D1 to D14)."""

OPD = RECOMMENDED.model_copy(update={
    "alpha": 0.0, "sampling": "student", "single_step": False, "long_term": "toGo", "discount": 0.0, "length_normalization": "none",
    "baseline": "none", "clip_range": None, "importance_weight": "none", "lm_weight": 0.0,
})  # fmt: skip
"""On-policy distillation as a corner of MiniLLM: with discount 0 its gradient is a sample of the single-step term's."""

PRESETS: dict[str, Objective] = {"recommended": RECOMMENDED, "paper": PAPER, "reference": REFERENCE}
