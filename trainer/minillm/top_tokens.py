"""What is kept of a next-token distribution where all of it would be too much: its likeliest tokens, and one bucket for the rest.

The bucket holds the probability of all other tokens together. A divergence is then taken between distributions over k tokens and the
bucket. A KL, JSD, skew divergence or total variation is never more than that over the whole vocabulary (a coarser view tells two
distributions no further apart), and equals it where the student spreads the bucket's mass as the teacher does; of α–β divergences neither
holds in general. With s_i = ∂D/∂log Q_i at the bucket, a token v in it has s_v = s_i·q_v/Q_i.

Shapes: R rows, k tokens kept, V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from minillm.divergence import Divergence


@dataclass
class TopTokens:
    """Of the teacher's distribution at each row."""

    ids: Tensor
    """[R,k] int64, the likeliest first."""
    logp: Tensor
    """[R,k+1] log p of each of them, and of all others together."""

    def at(self, rows: slice) -> TopTokens:
        return TopTokens(self.ids[rows], self.logp[rows])


def top_tokens(logp: Tensor, count: int) -> TopTokens:
    """Of log-probabilities [R,V], the `count` likeliest, which must be fewer than V."""
    kept, ids = logp.topk(count, -1)
    return TopTokens(ids, torch.cat([kept, _rest(logp, ids)], -1))


def between_buckets(divergence: Divergence, logq: Tensor, top: TopTokens) -> tuple[Tensor, Tensor]:
    """The divergence [R] between buckets, and s [R,V] as `divergence.py` has it, of the student's log q [R,V]."""
    rest = _rest(logq, top.ids)
    value, by_bucket = divergence(torch.cat([logq.gather(-1, top.ids), rest], -1), top.logp.to(logq.dtype))
    slope = (logq - rest).exp_().mul_(by_bucket[:, -1:])
    return value, slope.scatter_(-1, top.ids, by_bucket[:, :-1])


def _rest(logp: Tensor, ids: Tensor) -> Tensor:
    """Log of the probability [R,1] of all tokens but `ids`: summed, as 1 less the others would lose its digits where it is small."""
    return logp.scatter(-1, ids, -torch.inf).logsumexp(-1, keepdim=True)
