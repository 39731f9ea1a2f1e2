"""Scores of a model on validation prompts: how near its responses come, how far it is from the teacher, how sure it is.

The draws depend on the run's seed and the row alone, so that two checkpoints are compared on the same luck.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import transformers
from torch import Tensor

from minillm import decode, draws
from minillm.config import Config, Data
from minillm.data import Example
from minillm.interrupt import Heed, undisturbed
from minillm.language_model import LanguageModel
from minillm.scores import Score, score, split_units

CHUNK_TOKENS = 16384
"""Prompt and response tokens that are decoded together; at most `LARGEST_CHUNK` rows."""
LARGEST_CHUNK = 256
PRECISIONS = {torch.float32: "fp32", torch.bfloat16: "bf16", torch.float64: "fp64"}
"""Compute dtypes in the config's words."""
RESAMPLES = 1000
"""Bootstrap resamples of the rows behind an interval."""

Between = Callable[[int, int], None]
"""Called with rows done and rows in all between two chunks; may raise to cut the evaluation short."""


def rows_together(data: Data) -> int:
    """Rows that are decoded or scored together where no setting says how many: by what one may come to, prompt and response."""
    return max(1, min(LARGEST_CHUNK, CHUNK_TOKENS // (data.max_prompt_tokens + data.max_new_tokens)))


@dataclass(frozen=True)
class Setting:
    """What every evaluation of a run has in common."""

    config: Config
    tokenizer: Any
    eos: int
    pad: int
    heed: Heed = undisturbed
    """Called in whatever takes long."""

    @property
    def chunk(self) -> int:
        return rows_together(self.config.data)


@dataclass
class Result:
    metrics: dict[str, float]
    interval: dict[str, list[float]]
    """95 % bootstrap interval over the rows, of each metric."""
    decoding: dict[str, Any] = field(default_factory=dict)


class Tally:
    """Ratios of sums over rows: numerator and denominator of every metric, row by row."""

    def __init__(self) -> None:
        self.rows: dict[str, tuple[list[float], list[float]]] = {}

    def add(self, metric: str, numerator: float, denominator: float = 1.0) -> None:
        above, below = self.rows.setdefault(metric, ([], []))
        above.append(numerator)
        below.append(denominator)

    def add_tokens(self, metric: str, values: Tensor, mask: Tensor) -> None:
        """Token values [N,T], to be averaged over all real tokens."""
        for total, count in zip(values.sum(1).tolist(), mask.sum(1).tolist(), strict=True):
            self.add(metric, total, count)

    def result(self) -> Result:
        metrics, interval = {}, {}
        picks: dict[int, Tensor] = {}
        for metric, (above, below) in self.rows.items():
            top, bottom = torch.tensor(above, dtype=torch.float64), torch.tensor(below, dtype=torch.float64)
            metrics[metric] = float(top.sum() / bottom.sum())
            count = len(above)
            if count not in picks:
                generator = torch.Generator().manual_seed(0)
                picks[count] = torch.randint(count, (RESAMPLES, count), generator=generator)
            ratios = top[picks[count]].sum(1) / bottom[picks[count]].sum(1)
            interval[metric] = torch.quantile(ratios, torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
        return Result(metrics, interval)


def evaluate(
    model: LanguageModel,
    teacher: LanguageModel | None,
    examples: Sequence[Example],
    setting: Setting,
    between: Between,
    *,
    temperature: float = 1.0,
    greedy: bool = True,
) -> Result:
    """The `eval/*` metrics of `model` on `examples`.

    Responses are sampled at `temperature`, and KL and entropy are those of the model at that temperature, against the teacher
    at 1. Without a teacher (the teacher itself is scored) there is no KL; without `greedy` there are only sampled responses.
    """
    model.model.eval()
    tally = Tally()
    ordered = sorted(examples, key=lambda example: (len(example.prompt_ids), example.number))
    for start in range(0, len(ordered), setting.chunk):
        between(start, len(ordered))
        some = ordered[start : start + setting.chunk]
        prompts = [example.prompt_ids for example in some]
        sampled = sample(model, some, setting, temperature)
        scores = decode.score(model, teacher, prompts, sampled, temperature=temperature, pad=setting.pad, heed=setting.heed)
        tally.add_tokens("eval/entropy", scores.entropy, scores.mask)
        if scores.kl is not None:
            tally.add_tokens("eval/kl_reverse", scores.kl, scores.mask)
        for response in sampled:
            ended = bool(response) and response[-1] == setting.eos
            tally.add("eval/length", len(response) - ended)
            tally.add("eval/truncated", not ended)
        answered = [place for place, example in enumerate(some) if example.responses]
        if not answered:
            continue
        add_scores(tally, "sampled", [some[i] for i in answered], [sampled[i] for i in answered], setting)
        gold = decode.score(
            model, None, [prompts[i] for i in answered], [some[i].responses[0] for i in answered], temperature=temperature, pad=setting.pad,
            heed=setting.heed,
        )  # fmt: skip
        tally.add_tokens("eval/nll_gold", -gold.logp_student, gold.mask)
        if greedy:
            best = sample(model, [some[i] for i in answered], setting, 0.0)
            add_scores(tally, "greedy", [some[i] for i in answered], best, setting)
    result = tally.result()
    result.decoding = {
        "temperature": temperature, "greedy": greedy, "seed": setting.config.seed, "maxNewTokens": setting.config.data.max_new_tokens,
        "precision": PRECISIONS[model.dtype], "device": model.device.type, "torch": torch.__version__,
        "transformers": transformers.__version__, "machine": platform.machine(),
    }  # fmt: skip
    return result


def sample(
    model: LanguageModel, examples: Sequence[Example], setting: Setting, temperature: float, *, stream: int | None = None
) -> list[list[int]]:
    """A response to each prompt; temperature 0 is greedy."""
    return decode.generate(
        model, [example.prompt_ids for example in examples], [example.number for example in examples], temperature=temperature,
        max_new_tokens=setting.config.data.max_new_tokens, eos=setting.eos, pad=setting.pad, seed=setting.config.seed,
        stream=draws.stream("evaluation") if stream is None else stream, chunk=setting.chunk, heed=setting.heed,
    )  # fmt: skip


def add_scores(tally: Tally, how: str, examples: Sequence[Example], responses: Sequence[Sequence[int]], setting: Setting) -> None:
    for example, response in zip(examples, responses, strict=True):
        found = score_response(example, response, setting)
        tally.add(f"eval/accuracy_{how}", found.exact)
        tally.add(f"eval/error_rate_{how}", found.edits, found.reference_length)
        tally.add(f"eval/rougeL_{how}", found.rouge_l)


def score_response(example: Example, response: Sequence[int], setting: Setting) -> Score:
    """A response against the example's accepted answers, in the units of `evaluation.unit`."""
    unit = setting.config.evaluation.unit
    if unit == "token":
        bare = [[token for token in ids if token != setting.eos] for ids in (response, *example.responses)]
        return score(bare[0], bare[1:])
    return score(split_units(decode_text(response, setting), unit), [split_units(reference, unit) for reference in example.references])


def decode_text(response: Sequence[int], setting: Setting) -> str:
    return setting.tokenizer.decode(list(response), skip_special_tokens=True)


def matching_temperature(model: LanguageModel, entropy: float, examples: Sequence[Example], setting: Setting, between: Between) -> float:
    """The temperature at which the model's own samples have the given mean token entropy, by bisection to 1 %.

    The draws are the same at every temperature, so the entropy found hardly jumps; it rises with the temperature.
    """
    low, high = 0.05, 2.0
    model.model.eval()
    for turn in range(12):
        between(turn, 12)
        middle = (low * high) ** 0.5
        responses = sample(model, examples, setting, middle)
        prompts = [example.prompt_ids for example in examples]
        scores = decode.score(model, None, prompts, responses, temperature=middle, pad=setting.pad, chunk=setting.chunk, heed=setting.heed)
        found = float(scores.entropy.sum() / scores.mask.sum())
        if abs(found - entropy) <= 0.01 * entropy:
            return middle
        low, high = (middle, high) if found < entropy else (low, middle)
    return (low * high) ** 0.5
