"""On-policy distillation by policy gradient: the student samples, and each token is rewarded with log p/q.

The advantage of a token is its reward and, with a discount, what it earns later; no baseline, no clip. The loss is −(q/q_old)·A,
with the log-probabilities of the sampler: MiniLLM without its closed form, which with discount 0 it estimates.
"""

from __future__ import annotations

from collections.abc import Sequence

from minillm.data import Example
from minillm.methods import OPD, OpdPhase
from minillm.phases import Metrics, Workbench
from minillm.phases.learner import Learner
from minillm.phases.policy_gradient import PolicyGradient


class Opd(Learner):
    method = "opd"

    def __init__(self, index: int, settings: OpdPhase, bench: Workbench, examples: Sequence[Example]) -> None:
        super().__init__(index, settings, bench, settings.steps)
        objective = OPD.model_copy(update={"discount": settings.discount, "temperature": settings.temperature})
        self.policy = PolicyGradient(self, settings, objective, examples)
        self.tensors, self.restore = self.policy.rounds.tensors, self.policy.rounds.restore

    def step(self, n: int) -> Metrics:
        rollout, chosen = self.policy.rounds.at(n)
        began = self.begin(n, dropout=False)
        metrics = self.policy.accumulate(rollout, chosen)
        told = {"loss/total": metrics["loss/long"], "loss/policy": metrics["loss/long"], "ratio/std": metrics["ratio/std"]}
        return self.finish(n, began, int(rollout.mask[chosen].sum()), told)

    def release(self) -> None:
        super().release()
        self.policy.rounds.release()
