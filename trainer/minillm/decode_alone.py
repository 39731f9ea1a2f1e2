"""Rollouts of the student alone (α = 0). The teacher has no say in the tokens, so it reads whole responses afterwards, once.

That is one pass over rows of similar length, padded on the right, without a cache to fill and to move: cheaper than reading along.

Shapes: B rows of a chunk, T response columns, R real response tokens, H hidden width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from minillm.head import BLOCK_LOGITS, log_softmax, terms_of
from minillm.interrupt import Heed
from minillm.language_model import LanguageModel
from minillm.reader import Reader, Rows, inverse_cdf
from minillm.sequences import Rollout, of_similar_length, read, shifted

LEAVING = 0.25
"""Share of ended rows from which moving the others together costs less than decoding on."""


def rollout_alone(
    student: LanguageModel, teacher: LanguageModel, prompts: Sequence[Sequence[int]], names: Tensor, uniform: Tensor, *,
    temperature: float, eos: int, pad: int, heed: Heed,
) -> Rollout:  # fmt: skip
    """A response to each prompt from the draws [B,T], with what both models think of every token of it.

    The student's log-probabilities [B,T,V] of all steps are held meanwhile: the caller sees to it that they fit. `heed` is called at
    every token, and before every pass of the teacher.
    """
    rows = Rows(prompts, uniform.shape[1], pad, student.device)
    ids, logq = sample_alone(Reader(student, rows), uniform, temperature=temperature, eos=eos, pad=pad, heed=heed)
    ends = ids == eos
    mask = (ends.long().cumsum(1) - ends.long()) == 0
    found: dict[str, Tensor] = {}
    size = max(1, BLOCK_LOGITS.get(student.device.type, BLOCK_LOGITS["cpu"]) // student.vocabulary)
    lengths = rows.prompt_mask.sum(1) + mask.sum(1)
    for some in of_similar_length(lengths.tolist(), student.device):
        heed()
        index = torch.tensor(some, device=student.device)
        real = mask[index]
        hidden = read(teacher, *shifted(rows.prompt_ids[index], rows.prompt_mask[index], ids[index], real, pad))
        row, column = index[:, None].expand_as(real)[real], real.nonzero()[:, 1]
        for start in range(0, len(row), size):
            part = slice(start, start + size)
            at = row[part], column[part]
            terms = terms_of(logq[at], log_softmax(teacher.logits(hidden[part]), temperature), ids[at])
            values = {"logp_student": terms.logp_student, "logp_teacher": terms.logp_teacher, "kl": terms.kl, "entropy": terms.entropy}
            for name, value in {**values, "hidden_teacher": hidden[part]}.items():
                assert value is not None
                if name not in found:
                    found[name] = value.new_zeros((*mask.shape, *value.shape[1:]))
                found[name][at] = value
    return Rollout(
        rows=names.to(student.device), prompt_ids=rows.prompt_ids, prompt_mask=rows.prompt_mask, response_ids=ids.where(mask, pad),
        mask=mask, from_teacher=torch.zeros_like(mask), ended=ends.any(1), **found,
    )  # fmt: skip


def sample_alone(reader: Reader, uniform: Tensor, *, temperature: float, eos: int, pad: int, heed: Heed) -> tuple[Tensor, Tensor]:
    """Tokens [B,T], padding after each end token, and log q [B,T,V] of the steps that were made, until all rows were seen to have ended."""
    rows, student, steps = reader.rows, reader.model, uniform.shape[1]
    made = torch.full((rows.alive.shape[0], steps), pad, dtype=torch.int64, device=rows.ids.device)
    kept: Tensor | None = None
    for step in range(steps):
        heed()
        end = rows.width + step
        logq = log_softmax(student.logits(reader.read(end)[:, -1]), temperature)
        if kept is None:
            kept = logq.new_zeros((made.shape[0], steps, logq.shape[-1]))
        kept[rows.alive, step] = logq
        token = torch.where(rows.ended, pad, inverse_cdf(logq.exp(), uniform[:, step]))
        rows.ids[:, end] = token
        made[rows.alive, step] = token
        rows.ended |= token == eos
        stay = rows.staying(step, reader.crowded(LEAVING))
        if stay is None:
            continue
        if len(stay) == 0:
            break
        uniform = uniform[stay]
        for part in (rows, reader):
            part.keep(stay)
    assert kept is not None
    return made[:, : step + 1], kept[:, : step + 1]
