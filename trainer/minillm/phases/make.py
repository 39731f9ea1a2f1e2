"""From the settings of a phase to the phase."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from minillm import methods
from minillm.data import Example
from minillm.errors import BadInput
from minillm.phases import Phase, Workbench
from minillm.phases.distillm import Distillm
from minillm.phases.gkd import Gkd
from minillm.phases.kd import Kd
from minillm.phases.minillm import MiniLlm
from minillm.phases.opd import Opd
from minillm.phases.seqkd import SeqKd
from minillm.phases.sft import Sft


def make_phase(
    index: int, settings: methods.Phase, bench: Workbench, files: dict[str, list[Example]], corpus: Tensor | None,
    held_out: Sequence[Example],
) -> Phase:  # fmt: skip
    """The phase that `settings` describe. `files` holds the examples of its data files by their keys, `held_out` validation rows."""
    train, prompts = files.get("train", []), files.get("prompts", [])
    match settings:
        case methods.SftPhase():
            return Sft(index, settings, bench, train)
        case methods.KdPhase() | methods.RklPhase():
            return Kd(index, settings, bench, train)
        case methods.SeqKdPhase():
            return SeqKd(index, settings, bench, prompts)
        case methods.GkdPhase():
            return Gkd(index, settings, bench, train, prompts)
        case methods.OpdPhase():
            return Opd(index, settings, bench, prompts)
        case methods.DistillmPhase():
            if settings.adapt_by > 0 and not any(example.responses for example in held_out):
                sentence = f"No row of {bench.config.data.validation} has an answer, so phases[{index}] has no validation loss to follow."
                raise BadInput(f"{sentence} Add answers, or set adaptBy to 0.", pointer="/data/validation")
            return Distillm(index, settings, bench, train, corpus, held_out)
        case methods.MiniLlmPhase():
            return MiniLlm(index, settings, bench, prompts, corpus)
    raise ValueError(f"no phase is called {settings.method}")
