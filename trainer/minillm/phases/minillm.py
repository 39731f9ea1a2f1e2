"""MiniLLM: reverse KL by policy gradient on rollouts of the teacher-mixed policy (arXiv 2306.08543, Alg. 1).

A round: sample `rollouts` responses, then pass over them `innerEpochs` times in mini-batches. What sampling computed (log q_old,
log p, the teacher's hidden states) serves all passes; the teacher's body runs once a round, its head once a step.

Shapes: N rows, T response columns, R real tokens of a micro-batch.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import torch
from torch import Tensor

from minillm import decode, draws, policy
from minillm.config import MiniLlmPhase, Objective
from minillm.data import Example, Passes, shuffled
from minillm.head import TokenTerms, cross_entropy, head_loss
from minillm.optimizer import learning_rate, make_optimizer, update
from minillm.phases import Metrics, Workbench, micro_batches, peak_memory
from minillm.sequences import Rollout, response_hidden


class MiniLlm:
    method = "minillm"

    def __init__(
        self, index: int, settings: MiniLlmPhase, bench: Workbench, examples: Sequence[Example], corpus: Tensor | None
    ) -> None:
        self.index, self.settings, self.bench, self.examples, self.corpus = index, settings, bench, examples, corpus
        self.objective: Objective = settings.objective
        self.steps = settings.steps
        self.per_epoch = math.ceil(settings.rollouts / settings.batch_size)
        self.per_round = self.per_epoch * settings.inner_epochs
        self.optimizer = make_optimizer(bench.student.model, settings.optimizer)
        self.prompts = Passes(len(examples), bench.config.seed, index)
        self.blocks = Passes(len(corpus), bench.config.seed, index, 1) if corpus is not None else None
        self.buffer: Rollout | None = None

    def step(self, n: int) -> Metrics:
        round_number, place = divmod(n - 1, self.per_round)
        if place == 0 or self.buffer is None:
            self.buffer = self.sample(round_number)
        began = time.perf_counter()
        inner, part = divmod(place, self.per_epoch)
        order = shuffled(len(self.buffer), self.bench.config.seed, self.index, round_number, inner, 2)
        chosen = order[part * self.settings.batch_size : (part + 1) * self.settings.batch_size]
        metrics = self.accumulate(self.buffer, chosen)
        if self.blocks is not None and self.objective.lm_weight:
            metrics["loss/lm"] = self.accumulate_corpus(n, len(chosen))
        student = self.bench.student
        rate = learning_rate(self.settings.optimizer, n, self.steps)
        norm = update(student.model, self.optimizer, self.settings.optimizer, rate)
        seconds = time.perf_counter() - began
        tokens = int(self.buffer.mask[chosen].sum())
        total = metrics["loss/single"] + metrics["loss/long"] + (self.objective.lm_weight or 0.0) * metrics.get("loss/lm", 0.0)
        return {"loss/total": total} | metrics | {
            "grad/norm": norm, "rate/learning": rate, "time/step": seconds, "throughput/tokens": tokens / seconds,
            "memory/peak": peak_memory(student.device),
        }  # fmt: skip

    def sample(self, round_number: int) -> Rollout:
        """The rollouts of a round, and their report."""
        began = time.perf_counter()
        bench, settings, objective = self.bench, self.settings, self.objective
        bench.student.model.eval()
        rows = range(round_number * settings.rollouts, (round_number + 1) * settings.rollouts)
        rollout = decode.rollout(
            bench.student, bench.teacher, [self.examples[self.prompts[row]].prompt_ids for row in rows], rows,
            sampling=objective.sampling, alpha=policy.mixing_share(objective), temperature=objective.temperature,
            max_new_tokens=bench.config.data.max_new_tokens, eos=bench.eos, pad=bench.pad, seed=bench.config.seed,
            stream=draws.stream("rollout", self.index, round_number), chunk=settings.rollout_chunk,
        )  # fmt: skip
        seconds = time.perf_counter() - began
        speed = {"time/rollout": seconds, "throughput/tokens": int(rollout.mask.sum()) / seconds}
        bench.report_rollout(round_number, self.describe(rollout) | speed)
        return rollout

    def describe(self, rollout: Rollout) -> Metrics:
        """What the rollouts say about student and mixture. Means are over real tokens."""
        mask = rollout.mask
        weight = policy.importance_weights(rollout.logp_student, rollout.logp_teacher, self.objective)[mask]
        reward = (rollout.logp_teacher - rollout.logp_student)[mask]
        kl = "kl/reverse" if policy.mixing_share(self.objective) == 0 else "kl/reverse_mixed"
        return {
            kl: float(rollout.kl[mask].mean()),
            "reward/mean": float(reward.mean()),
            "advantage/std": float(self.advantages(rollout)[mask].std(correction=0)),
            "weight/mean": float(weight.mean()),
            "weight/ess": float(policy.effective_share(weight)),
            "entropy/student": float(rollout.entropy[mask].mean()),
            "length/mean": float(mask.sum(1).float().mean()),
            "rate/eos": float(rollout.ended.float().mean()),
            "share/teacher": float(rollout.from_teacher[mask].float().mean()),
            "memory/peak": peak_memory(self.bench.student.device),
        }

    def advantages(self, rollout: Rollout) -> Tensor:
        """Advantages [N,T] with baseline (and spread) over all of the round."""
        return policy.advantages(self.rewards(rollout), rollout.mask, self.objective)

    def rewards(self, rollout: Rollout) -> Tensor:
        return policy.rewards(rollout.logp_teacher, rollout.logp_student, rollout.mask, self.objective)

    def accumulate(self, rollout: Rollout, chosen: Sequence[int]) -> Metrics:
        """Adds the gradient of the mini-batch `chosen` to the student's; returns its losses.

        The divisor counts the tokens (or sequences) of the whole mini-batch: micro-batches change memory, not the gradient.
        """
        bench, objective = self.bench, self.objective
        weights = policy.importance_weights(rollout.logp_student, rollout.logp_teacher, objective)
        advantages = self.advantages(rollout) if objective.whiten != "allPositions" else self.reference_advantages(rollout, chosen)
        divisor = policy.reduction_divisor(objective, int(rollout.mask[chosen].sum()), len(chosen))
        sums = torch.zeros(4, dtype=torch.float64, device=bench.student.device)
        by_length = sorted(chosen, key=rollout.mask.sum(1).tolist().__getitem__)
        for rows in micro_batches(by_length, self.settings.micro_batch_size):
            part = rollout.select(rows)
            mask, width = part.mask, part.mask.shape[1]
            sampled = policy.SampledTokens(part.logp_student[mask], weights[rows][:, :width][mask], advantages[rows][:, :width][mask])
            hidden = response_hidden(bench.student, part.prompt_ids, part.prompt_mask, part.response_ids, mask)

            def loss(terms: TokenTerms, at: slice, sampled: policy.SampledTokens = sampled) -> Tensor:
                here = policy.SampledTokens(sampled.logp_old[at], sampled.weight[at], sampled.advantage[at])
                single, long = policy.token_losses(terms, here, objective)
                sums[:2] += torch.stack([single.detach().sum(), long.detach().sum()])
                return (single + long) / divisor

            value, terms = head_loss(
                bench.student, hidden, part.response_ids[mask], loss, teacher=bench.teacher, hidden_teacher=part.hidden_teacher[mask],
                temperature=objective.temperature,
            )  # fmt: skip
            value.backward()
            share = mask.sum()
            sums[2:] += torch.stack(policy.clip_shares(terms.logp_student, sampled, objective)) * share
        single, long, high, low = sums.tolist()
        tokens = int(rollout.mask[chosen].sum())
        return {"loss/single": single / divisor, "loss/long": long / divisor, "clip/high": high / tokens, "clip/low": low / tokens}

    def reference_advantages(self, rollout: Rollout, chosen: Sequence[int]) -> Tensor:
        """Advantages [N,T] of `chosen`, 0 elsewhere, whitened over the mini-batch padded to the longest response allowed (D5)."""
        width, longest = rollout.mask.shape[1], self.bench.config.data.max_new_tokens
        out = torch.zeros_like(rollout.logp_student)
        rows = torch.as_tensor(chosen)
        padded = [torch.nn.functional.pad(matrix[rows], (0, longest - width)) for matrix in (self.rewards(rollout), rollout.mask)]
        out[rows] = policy.advantages(padded[0], padded[1], self.objective)[:, :width]
        return out

    def accumulate_corpus(self, n: int, count: int) -> float:
        """Adds the gradient of the language-modelling term, on one block of the corpus for each sequence of the mini-batch."""
        assert self.corpus is not None
        assert self.blocks is not None
        student = self.bench.student
        first = (n - 1) * self.settings.batch_size
        blocks = [self.blocks[first + k] for k in range(count)]
        tokens, total = count * (self.corpus.shape[1] - 1), 0.0
        for rows in micro_batches(blocks, self.settings.micro_batch_size):
            ids = self.corpus[list(rows)].to(student.device)
            inputs = ids[:, :-1]
            hidden, _ = student.hidden(inputs, torch.ones_like(inputs), torch.arange(inputs.shape[1], device=ids.device).expand_as(inputs))
            value, _ = cross_entropy(student, hidden.flatten(0, 1), ids[:, 1:].flatten(), divisor=tokens)
            (value * (self.objective.lm_weight or 0.0)).backward()
            total += float(value.detach())
        return total

    def tensors(self, n: int) -> dict[str, Tensor]:
        """The rollouts in use, unless the round ends with step `n`."""
        if self.buffer is None or n % self.per_round == 0:
            return {}
        return {name: tensor.cpu() for name, tensor in self.buffer.tensors().items()}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        if tensors:
            self.buffer = Rollout.from_tensors(tensors).to(self.bench.student.device)
