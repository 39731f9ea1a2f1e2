"""How much a step learns from: sequences and tokens, phase by phase."""

from __future__ import annotations

from collections.abc import Sequence

from minillm.checks.words import count
from minillm.config import Config
from minillm.contract import CheckRow
from minillm.data import Example
from minillm.defaults import on_policy_size
from minillm.methods import Phase, Rounds


def describe_batches(config: Config, steps: Sequence[int], files: Sequence[dict[str, list[Example]]]) -> CheckRow:
    """`steps` and `files` of each phase: what it reads, by the key that names it."""
    said = []
    for phase, number, read in zip(config.phases, steps, files, strict=True):
        size = phase.batch_size
        given = [len(answer) for example in read.get("train", []) for answer in example.responses]
        most = config.data.max_new_tokens * size
        sampled = (isinstance(phase, Rounds) and on_policy_size(phase) > 0) or phase.method in ("seqkd", "distillm") or not given
        tokens = f"at most {most:,}" if sampled else f"about {round(size * sum(given) / len(given)):,}"
        said.append(f"{phase.method}: {count(number, 'step')} of {count(size, 'sequence')}{_parts(phase)}, {tokens} response tokens each")
    return CheckRow(name="Steps", health="good", text=f"{'; '.join(said)}.")


def _parts(phase: Phase) -> str:
    size, micro, most = phase.batch_size, phase.micro_batch_size or phase.batch_size, phase.micro_batch_tokens
    if most is not None:
        return f" in parts of at most {'' if micro >= size else f'{micro} of them and '}{count(most, 'token')}"
    return "" if micro >= size else f" in {-(-size // micro)} parts of {micro}"
