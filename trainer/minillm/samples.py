"""What a model says to the inspection prompts: the same prompts and draws at every checkpoint, to be read and compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minillm import decode, draws
from minillm.data import Example
from minillm.evaluate import Between, Setting, decode_text, sample, score_response
from minillm.language_model import LanguageModel
from minillm.rundir import VERSION, RunDir, to_json, write_text_whole


def write_samples(
    run: RunDir, name: str, step: int, model: LanguageModel, teacher: LanguageModel | None, examples: Sequence[Example],
    setting: Setting, between: Between,
) -> tuple[str, int]:
    """Writes `samples/<name>.jsonl`: for each prompt the greedy response, then the draws.

    Returns its path in the run and the number of lines. Without a teacher (he is the one who speaks) there is no KL.
    """
    model.model.eval()
    count = setting.config.inspect.draws + 1
    drawn: list[list[dict[str, Any]]] = []
    for draw in range(count):
        between(draw, count)
        responses = sample(model, examples, setting, 0.0 if draw == 0 else 1.0, stream=draws.stream("inspect", draw))
        scores = decode.score(model, teacher, [example.prompt_ids for example in examples], responses, pad=setting.pad)
        kl = None if scores.kl is None else (scores.kl.sum(1) / scores.mask.sum(1)).tolist()
        drawn.append([
            line(name, step, draw, example, response, None if kl is None else kl[row], setting)
            for row, (example, response) in enumerate(zip(examples, responses, strict=True))
        ])
    run.samples.mkdir(exist_ok=True)
    path = run.samples / f"{name}.jsonl"
    lines = [record for prompt in zip(*drawn, strict=True) for record in prompt]
    write_text_whole(path, "".join(to_json(record) + "\n" for record in lines))
    return str(path.relative_to(run.path)), len(lines)


def line(name: str, step: int, draw: int, example: Example, response: list[int], kl: float | None, setting: Setting) -> dict[str, Any]:
    """One line as `contract.Sample` describes it."""
    score: dict[str, float] = {}
    if example.references:
        found = score_response(example, response, setting)
        score = {"rougeL": found.rouge_l, "exact": float(found.exact), "errorRate": found.error_rate}
    return {
        "v": VERSION, "checkpoint": name, "step": step, "promptId": example.id, "prompt": example.prompt, "draw": draw,
        "seed": None if draw == 0 else draw, "ids": response, "text": decode_text(response, setting), "score": score, "kl": kl,
        "length": len(response), "stop": "eos" if response and response[-1] == setting.eos else "length",
        "references": list(example.references),
    }  # fmt: skip
