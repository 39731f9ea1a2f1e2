"""MiniLLM: reverse KL by policy gradient on rollouts of the teacher-mixed policy (arXiv 2306.08543, Alg. 1)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from minillm.data import Example
from minillm.methods import MiniLlmPhase
from minillm.phases import Metrics, Workbench
from minillm.phases.corpus import CorpusTerm
from minillm.phases.learner import Learner
from minillm.phases.policy_gradient import PolicyGradient


class MiniLlm(Learner):
    method = "minillm"

    def __init__(self, index: int, settings: MiniLlmPhase, bench: Workbench, examples: Sequence[Example], corpus: Tensor | None) -> None:
        super().__init__(index, settings, bench, settings.steps)
        self.policy = PolicyGradient(self, settings, settings.objective, examples)
        self.corpus = CorpusTerm.of(self, corpus)
        self.tensors, self.restore = self.policy.rounds.tensors, self.policy.rounds.restore
        self.most_clipped = self.policy.most_clipped

    def step(self, n: int) -> Metrics:
        rollout, chosen = self.policy.rounds.at(n)
        began = self.begin(n, dropout=False)
        metrics = self.policy.accumulate(rollout, chosen)
        total = metrics["loss/single"] + metrics["loss/long"]
        if self.corpus is not None:
            metrics["loss/lm"] = self.corpus.accumulate(n, len(chosen))
            total += self.corpus.weight * metrics["loss/lm"]
        return self.finish(n, began, int(rollout.mask[chosen].sum()), {"loss/total": total} | metrics)

    def release(self) -> None:
        super().release()
        self.policy.rounds.release()
