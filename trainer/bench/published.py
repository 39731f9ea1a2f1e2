"""The published procedure of MiniLLM, straight: what its authors' code computes in a round, with the library's own forward passes.

A rollout decodes student and teacher in lock step, keeps the student's scores of every step, scores the responses twice with both
models, and generates once more from the student alone for a line in the log. Every pass over the rollout then runs the teacher
again, and holds the logits of both models. Formulas and switches: the `reference` preset in docs/algorithm.md.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import DynamicCache

from bench.shapes import Pair, prompts_of
from minillm.language_model import LanguageModel

ALPHA, GAMMA, EPSILON, SCALING, REWARD_CLIP, KD_SHARE, LM_WEIGHT = 0.2, 0.95, 0.2, 0.5, 100.0, 0.5, 1.0


class Published:
    """One side of a comparison: `rollout`, then `update` as often as the buffer is passed over."""

    def __init__(self, pair: Pair, *, batch: int, prompt: int, new: int, corpus: bool = False) -> None:
        self.student, self.teacher = pair.fresh_student(), pair.teacher
        self.batch, self.prompt, self.new, self.vocabulary = batch, prompt, new, pair.student.vocabulary
        self.optimizer = torch.optim.AdamW(self.student.model.parameters(), lr=5e-6, betas=(0.9, 0.95), weight_decay=1e-6)
        self.device = pair.student.device
        blocks = torch.tensor(prompts_of(batch, prompt + new, self.vocabulary, seed=1), device=self.device)
        self.corpus = blocks if corpus else None
        self.round = 0

    @torch.no_grad()
    def rollout(self) -> None:
        self.student.model.eval()
        query = torch.tensor(prompts_of(self.batch, self.prompt, self.vocabulary, seed=self.round), device=self.device)
        self.round += 1
        response, scores = lock_step(self.student, self.teacher, query, self.new)
        banned = scores == -torch.inf  # kept with every record
        ids = torch.cat([query, response], 1)
        theirs = self.sampled_logp(self.teacher, ids)
        self.sampled_logp(self.student, ids)
        alone = generate(self.student, query, self.new)
        drift = self.sampled_logp(self.teacher, alone) - self.sampled_logp(self.student, alone)
        in_mixture, old = self.sampled_logp(self.teacher, ids), self.sampled_logp(self.student, ids)
        weight = (old - torch.logaddexp(old + torch.log(torch.tensor(1 - ALPHA)), in_mixture + torch.log(torch.tensor(ALPHA)))).exp()
        reward = ((theirs - old) / SCALING).clamp(-REWARD_CLIP, REWARD_CLIP)
        self.log = (drift.exp() - 1 - drift).mean().item()
        self.record = [tensor.cpu() for tensor in (ids, old, weight, reward, banned)]

    def sampled_logp(self, model: LanguageModel, ids: Tensor) -> Tensor:
        """Log-probabilities [B,T] of the response tokens."""
        z = logits(model, ids)[:, self.prompt - 1 : -1, : self.vocabulary]
        z = z - z.mean(-1, keepdim=True)
        return z.gather(-1, ids[:, self.prompt :, None])[..., 0].float() - z.float().logsumexp(-1)

    def update(self) -> float:
        ids, old, weight, reward, _ = (tensor.to(self.device) for tensor in self.record)
        batch = ids if self.corpus is None else torch.cat([ids, self.corpus])
        z = logits(self.student, batch)[..., : self.vocabulary]
        loss = self.on_rollouts(z[: len(ids), self.prompt - 1 : -1], ids, old, weight, reward)
        if self.corpus is not None:
            loss = loss + LM_WEIGHT * self.on_corpus(z[len(ids) :, :-1])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.student.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return loss.item()

    def on_rollouts(self, z: Tensor, ids: Tensor, old: Tensor, weight: Tensor, reward: Tensor) -> Tensor:
        steps = torch.arange(self.new, device=z.device)
        later = (steps[None] - steps[:, None]).clamp(min=0)
        discounts = torch.where(steps[None] >= steps[:, None], GAMMA**later, 0.0)
        value = reward @ discounts.T / (self.new - steps)
        advantage = (value - value.mean()) * (value.var(correction=0) + 1e-8).rsqrt()
        logp = z.log_softmax(-1).gather(-1, ids[:, self.prompt :, None])[..., 0]
        u = weight * (logp - old).exp()
        policy = torch.max(-advantage * u, -advantage * u.clamp(1 - EPSILON, 1 + EPSILON)).mean()
        with torch.no_grad():
            theirs = logits(self.teacher, ids)[:, self.prompt - 1 : -1, : self.vocabulary]
        q = z.softmax(-1, dtype=torch.float32)
        cross = -(q * theirs.log_softmax(-1, dtype=torch.float32)).sum(-1)
        entropy = -(q * z.log_softmax(-1, dtype=torch.float32)).sum(-1)
        return policy + (cross - entropy).mean()

    def on_corpus(self, z: Tensor) -> Tensor:
        assert self.corpus is not None
        with torch.no_grad():
            theirs = logits(self.teacher, self.corpus)[:, :-1, : self.vocabulary].softmax(-1, dtype=torch.float32)
        hard = F.cross_entropy(z.flatten(0, 1).float(), self.corpus[:, 1:].flatten())
        soft = -(theirs * z.log_softmax(-1, dtype=torch.float32)).sum(-1).mean()
        return (1 - KD_SHARE) * hard + KD_SHARE * soft


def lock_step(student: LanguageModel, teacher: LanguageModel, query: Tensor, new: int) -> tuple[Tensor, Tensor]:
    """Responses [B,T] to `query` [B,P] from αp + (1−α)q, and the student's log-probabilities of every step [B,T,V]."""
    both = (student, teacher)
    caches = [DynamicCache(config=model.model.config) for model in both]
    tokens, scores, fed = [], [], query
    for _ in range(new):
        mine, theirs = (
            logits(model, fed, past_key_values=cache, logits_to_keep=1)[:, -1, : student.vocabulary]
            for model, cache in zip(both, caches, strict=True)
        )
        mixed = (1 - ALPHA) * mine.softmax(-1, dtype=torch.float32) + ALPHA * theirs.softmax(-1, dtype=torch.float32)
        fed = torch.multinomial(mixed, 1)
        tokens.append(fed)
        scores.append(mine.float())
    return torch.cat(tokens, 1), torch.stack(scores, 1)


def logits(model: LanguageModel, ids: Tensor, **options: Any) -> Tensor:
    with model.computing():
        return model.model(input_ids=ids, use_cache="past_key_values" in options, **options).logits


def generate(model: LanguageModel, query: Tensor, new: int) -> Tensor:
    """Prompts and sampled responses of full length, by the library's own decoder."""
    with model.computing():
        return model.model.generate(
            query, attention_mask=torch.ones_like(query), do_sample=True, temperature=1.0, top_k=0, top_p=1.0, max_new_tokens=new,
            min_new_tokens=new, pad_token_id=0, eos_token_id=None,
        )  # fmt: skip
