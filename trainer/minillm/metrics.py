"""The catalogue of metric names: one voice for trainer, charts, tables and command line.

A name is `group/name` in the field's words. The catalogue is written to `schemas/metrics.json`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Metric:
    label: str
    unit: str
    """nats, %, tokens, s, tokens/s, bytes, or "" for a plain number. A share is stored as 0..1 and shown in %."""
    better: str
    """lower, higher or none."""
    text: str


CATALOGUE: dict[str, Metric] = {
    "loss/total": Metric("loss", "nats", "lower", "Sum of the terms below, as optimised in this step"),
    "loss/sft": Metric("cross-entropy", "nats", "lower", "Cross-entropy on the responses, mean over their tokens"),
    "loss/single": Metric(
        "single-step term", "nats", "lower", "Token reverse KL on the visited prefixes, in closed form over the vocabulary"
    ),
    "loss/divergence": Metric(
        "divergence", "nats", "lower", "Divergence between teacher and student that the phase minimises, mean over response tokens"
    ),
    "loss/policy": Metric(
        "policy-gradient loss", "nats", "none", "Weighted advantages of the sampled tokens; its gradient counts, its level does not"
    ),
    "loss/validation": Metric("validation loss", "nats", "lower", "Cross-entropy on validation responses, as an adaptive phase watches it"),
    "loss/long": Metric("long-term term", "nats", "none", "Clipped policy-gradient term; its gradient counts, its level does not"),
    "loss/lm": Metric("language-modelling term", "nats", "lower", "Cross-entropy on the corpus (L_PT)"),
    "kl/reverse": Metric(
        "reverse KL", "nats", "lower", "KL(student‖teacher) per token, exact over the vocabulary, on the student's own samples"
    ),
    "kl/reverse_mixed": Metric(
        "reverse KL on mixed prefixes", "nats", "lower", "KL(student‖teacher) per token, on prefixes drawn from the teacher-mixed policy"
    ),
    "reward/mean": Metric("reward", "nats", "higher", "log p(y)/q(y) per token on rollouts"),
    "advantage/std": Metric("advantage spread", "nats", "none", "Standard deviation of the advantage over real tokens"),
    "weight/mean": Metric("importance weight", "", "none", "Mean of q/(αp+(1−α)q) on rollouts; 1 in expectation"),
    "weight/ess": Metric("effective sample share", "%", "higher", "(Σw)²/(nΣw²) of the importance weights"),
    "clip/high": Metric("clipped above", "%", "lower", "Share of tokens whose ratio lies above 1+ε"),
    "clip/low": Metric("clipped below", "%", "lower", "Share of tokens whose ratio lies below 1−ε"),
    "ratio/std": Metric(
        "policy-ratio spread",
        "",
        "none",
        "Root mean square of q/q_old − 1 over the step's tokens; at the first step of a round, rounding alone",
    ),
    "entropy/student": Metric("student entropy", "nats", "none", "Entropy of the student's next-token distribution on rollouts"),
    "length/mean": Metric("response length", "tokens", "none", "Mean length of rollouts, with the end token"),
    "rate/eos": Metric("ended by itself", "%", "higher", "Share of rollouts that produced the end token"),
    "share/student": Metric("student responses", "%", "none", "Share of steps that train on responses of the student"),
    "share/adaptive": Metric("student's turn", "%", "none", "Probability that a step trains on responses of the student"),
    "rate/stuck": Metric(
        "stuck", "%", "lower", "Share of rollouts in which one token follows itself again and again (guards.repetition.run)"
    ),
    "distinct/4": Metric(
        "distinct 4-grams", "%", "higher", "Distinct groups of four tokens per group within a rollout, mean over rollouts"
    ),
    "share/teacher": Metric("teacher tokens", "%", "none", "Share of tokens drawn from the teacher"),
    "grad/norm": Metric("gradient norm", "", "none", "Global norm before clipping"),
    "rate/learning": Metric("learning rate", "", "none", "Learning rate of this step"),
    "time/step": Metric("step", "s", "lower", "Wall time of the optimizer step"),
    "time/rollout": Metric("rollout", "s", "lower", "Wall time of one round of sampling"),
    "time/evaluation": Metric("evaluation", "s", "lower", "Wall time of one evaluation"),
    "throughput/tokens": Metric("step", "tokens/s", "higher", "Response tokens per second of an optimizer step"),
    "throughput/rollout": Metric("rollout", "tokens/s", "higher", "Response tokens per second of a round of sampling"),
    "memory/peak": Metric("peak memory", "bytes", "lower", "Peak resident or device memory so far"),
    "eval/kl_reverse": Metric("reverse KL", "nats", "lower", "Token reverse KL on the student's own samples for validation prompts"),
    "eval/accuracy_sampled": Metric("exact match, sampled", "%", "higher", "Share of sampled responses that equal a reference"),
    "eval/accuracy_greedy": Metric("exact match, greedy", "%", "higher", "Share of greedy responses that equal a reference"),
    "eval/error_rate_sampled": Metric(
        "error rate, sampled", "%", "lower", "Edit distance to the nearest reference per reference unit, sampled"
    ),
    "eval/error_rate_greedy": Metric(
        "error rate, greedy", "%", "lower", "Edit distance to the nearest reference per reference unit, greedy"
    ),
    "eval/rougeL_sampled": Metric(
        "Rouge-L, sampled", "%", "higher", "F-measure of the longest common subsequence with the best reference, sampled"
    ),
    "eval/rougeL_greedy": Metric(
        "Rouge-L, greedy", "%", "higher", "F-measure of the longest common subsequence with the best reference, greedy"
    ),
    "eval/entropy": Metric("entropy", "nats", "none", "Entropy of the next-token distribution on its own samples"),
    "eval/nll_gold": Metric("gold NLL", "nats", "lower", "Negative log-likelihood of the first reference, per token"),
    "eval/length": Metric("length", "tokens", "none", "Mean length of the sampled responses, without the end token"),
    "eval/truncated": Metric("cut off", "%", "lower", "Share of sampled responses that never ended"),
}


def catalogue_json() -> dict[str, dict[str, str]]:
    """The catalogue as `schemas/metrics.json` holds it."""
    return {name: asdict(metric) for name, metric in CATALOGUE.items()}
