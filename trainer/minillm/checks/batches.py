"""How much a step learns from: sequences and tokens, phase by phase."""

from __future__ import annotations

from collections.abc import Sequence

from minillm.checks.words import count
from minillm.config import Config
from minillm.contract import CheckRow
from minillm.data import Example
from minillm.defaults import on_policy_size
from minillm.methods import Rounds


def describe_batches(config: Config, steps: Sequence[int], files: Sequence[dict[str, list[Example]]]) -> CheckRow:
    """`steps` and `files` of each phase: what it reads, by the key that names it."""
    said = []
    for phase, number, read in zip(config.phases, steps, files, strict=True):
        size, micro = phase.batch_size, phase.micro_batch_size or phase.batch_size
        parts = "" if micro >= size else f" in {-(-size // micro)} parts of {micro}"
        given = [len(answer) for example in read.get("train", []) for answer in example.responses]
        most = config.data.max_new_tokens * size
        sampled = (isinstance(phase, Rounds) and on_policy_size(phase) > 0) or phase.method in ("seqkd", "distillm") or not given
        tokens = f"at most {most:,}" if sampled else f"about {round(size * sum(given) / len(given)):,}"
        said.append(f"{phase.method}: {count(number, 'step')} of {count(size, 'sequence')}{parts}, {tokens} response tokens each")
    return CheckRow(name="Steps", health="good", text=f"{'; '.join(said)}.")
