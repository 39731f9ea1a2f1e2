"""Sampling a round: one coin for all rows, or one each for four groups, against lock step, and against the library's decoder.

    python -P -m bench.decode [--shapes gpt2-medium|tiny|…] [--batch 16] [--prompt 64] [--new 64] [--repeats 2] [--device cpu|cuda]

All but the last give the same: tokens, log-probabilities and entropies of both models, and the teacher's hidden states. How often the
coin says teacher is chance: repeats have coins of their own, and the table says how often it did.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from statistics import median

import torch

from bench import report
from bench.clock import Took, took
from bench.ours import NEVER
from bench.published import ALPHA, generate, lock_step
from bench.shapes import SHAPES, Pair, make_pair, prompts_of
from minillm.decode import rollout

OURS = {
    "common mask": ("commonMask", 1),
    "common masks of four groups": ("commonMask", 4),
    "lock step": ("lockStep", 1),
    "student alone": ("student", 1),
}
"""Ours: how tokens are drawn, and in how many groups with a coin each."""


def ways(pair: Pair, options: argparse.Namespace, repeat: int) -> dict[str, Callable[[], float]]:
    """The ways of sampling. Each returns the share of steps at which the teacher's distribution was drawn from."""
    prompts = prompts_of(options.batch, options.prompt, pair.student.vocabulary, seed=repeat)
    query = torch.tensor(prompts, device=pair.student.device)

    def ours(sampling: str, groups: int) -> Callable[[], float]:
        def work() -> float:
            made = rollout(
                pair.loaded.student, pair.loaded.teacher, prompts, range(options.batch), sampling=sampling, alpha=ALPHA,
                max_new_tokens=options.new, eos=NEVER, pad=0, seed=repeat, stream=1, chunk=options.batch, groups=groups,
            )  # fmt: skip
            return made.from_teacher.float().mean().item()

        return work

    @torch.no_grad()
    def library_lock_step() -> float:
        lock_step(pair.student, pair.teacher, query, options.new)
        return ALPHA

    @torch.no_grad()
    def library_student() -> float:
        generate(pair.student, query, options.new)
        return 0.0

    return {name: ours(*way) for name, way in OURS.items()} | {
        "published lock step, tokens and the student's scores": library_lock_step,
        "the library's generate, student alone": library_student,
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.decode")
    parser.add_argument("--shapes", choices=SHAPES, default="gpt2-medium")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--prompt", type=int, default=64)
    parser.add_argument("--new", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    dtype = torch.bfloat16 if options.device.startswith("cuda") else torch.float32
    where = report.conditions(options.device)
    size = f"batch {options.batch}, {options.prompt}+{options.new} tokens, {dtype}, α = {ALPHA}"
    report.heading(f"Sampling, {options.shapes}, {size}", where)
    pair = make_pair(options.shapes, options.device, dtype)
    times: dict[str, list[Took]] = {}
    shares: dict[str, list[float]] = {}
    for repeat in range(options.repeats):
        for name, work in ways(pair, options, repeat).items():
            share: list[float] = []
            times.setdefault(name, []).append(took(lambda work=work, share=share: share.append(work()), options.device))
            report.tell(f"{name}: {times[name][-1]}")
            shares.setdefault(name, []).extend(share)
    tokens = options.batch * options.new
    middle = {name: median(one.of(options.device) for one in values) for name, values in times.items()}
    walls = {name: median(one.wall for one in values) for name, values in times.items()}
    drawn = {name: f"{sum(found) / len(found):.0%}" for name, found in shares.items()}
    report.table(
        ["way", "CPU-s" if options.device == "cpu" else "s", "tokens/s", "times the common mask", "teacher's steps"],
        [[name, value, tokens / walls[name], value / middle["common mask"], drawn[name]] for name, value in middle.items()],
    )
    setting = {"shapes": options.shapes, "batch": options.batch, "prompt": options.prompt, "new": options.new, "alpha": ALPHA}
    ratios = {"lockStepToCommonMask": round(middle["lock step"] / middle["common mask"], 3)}
    parts = {name: {key: report.spread([getattr(one, key) for one in values]) for key in ("cpu", "wall")} for name, values in times.items()}
    report.conclude({"benchmark": "decode", **where, **setting, "ratios": ratios, "seconds": parts, "teacherSteps": shares})


if __name__ == "__main__":
    main()
