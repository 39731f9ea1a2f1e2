"""What is known of the models before they are loaded: their sizes, and whether the device could ever hold them."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from minillm.checks.free_memory import Room, look
from minillm.checks.memory import refuse_impossible
from minillm.checks.memory_plan import make_plan
from minillm.checks.sizes import Sizes, measure_sizes
from minillm.config import Config
from minillm.download import Progress
from minillm.models import locate


@dataclass(frozen=True)
class Foretold:
    teacher: Sizes | None
    """None for a family of which nothing can be foretold; then the memory is not planned."""
    student: Sizes | None
    room: Room | None
    """Before anything was loaded; None where the system does not tell."""


def foretell(config: Config, device: torch.device, dtype: torch.dtype, progress: Progress) -> Foretold:
    """Fetches what is on the hub, and asks the configs. Raises BadInput where weights and optimizer are larger than the device."""
    folders = locate(config, progress)
    codes = (config.teacher.trust_remote_code, config.student.trust_remote_code)
    teacher, student = (measure_sizes(folder, trust_remote_code=code) for folder, code in zip(folders, codes, strict=True))
    room = look(device)
    if teacher is not None and student is not None and room is not None:
        refuse_impossible(config, make_plan(config, teacher, student, {}, None, dtype, device.type), room, device)
    return Foretold(teacher, student, room)
