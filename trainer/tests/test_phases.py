"""One step of each phase: what it trains on, and that micro-batches change memory, not the gradient."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import MakeRun
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from minillm.config import Config
from minillm.phases import Metrics
from minillm.phases.minillm import MiniLlm
from minillm.phases.opd import Opd
from minillm.phases.sft import Sft
from minillm.prepare import Prepared, prepare
from minillm.rundir import read_json
from minillm.sequences import collate

Prepare = Callable[..., Prepared]


@pytest.fixture
def prepared(make_run: MakeRun) -> Prepare:
    count = 0

    def make(**changes: Any) -> Prepared:
        nonlocal count
        count += 1
        record = read_json(make_run(f"run{count}", **changes).run)
        assert record is not None
        ready = prepare(Config.model_validate(record["config"]), lambda *_: None, lambda *_: None)
        ready.student.model.config.attn_pdrop = 0.0
        for module in ready.student.model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        return ready

    return make


def gradients(ready: Prepared, backward: Callable[[], Any]) -> tuple[dict[str, Tensor], Any]:
    ready.student.model.zero_grad(set_to_none=True)
    result = backward()
    return {name: p.grad.clone() for name, p in ready.student.model.named_parameters() if p.grad is not None}, result


def test_an_epoch_of_sft_has_every_answer_of_every_row_once(prepared: Prepare) -> None:
    phase = prepared(phases__0={"method": "sft", "epochs": 2, "batchSize": 6}).phases[0]
    assert isinstance(phase, Sft)
    assert len(phase.pairs) > 20  # twenty rows, some with several answers
    batches = phase.batches
    assert phase.steps == 2 * batches.per_epoch
    for epoch in range(2):
        seen = Counter(pair for n in range(batches.per_epoch) for pair in batches.indices(1 + epoch * batches.per_epoch + n))
        assert seen == Counter(range(len(phase.pairs)))
    assert [batches.indices(n) for n in range(1, 4)] != [batches.indices(n + batches.per_epoch) for n in range(1, 4)]


def test_only_response_tokens_are_targets() -> None:
    ids, targets = collate([([5, 6], [7, 2]), ([5], [8, 9, 2])], 0, torch.device("cpu"))
    assert ids.tolist() == [[5, 6, 7, 2], [5, 8, 9, 2]]
    assert targets.tolist() == [[False, False, True, True], [False, True, True, True]]


def test_sft_steps_are_the_same_in_micro_batches(prepared: Prepare) -> None:
    found = []
    for size in (7, 3, 1):
        settings = {"method": "sft", "steps": 3, "batchSize": 7, "microBatchSize": size, "optimizer": {"learningRate": 0.01}}
        phase = prepared(phases__0=settings).phases[0]
        steps = [phase.step(n) for n in range(1, 4)]  # the later losses depend on the earlier gradients
        found.append([step[name] for step in steps for name in ("loss/sft", "grad/norm")])
    assert found[1] == pytest.approx(found[0], rel=1e-4)
    assert found[2] == pytest.approx(found[0], rel=1e-4)


@pytest.mark.parametrize("preset", ["recommended", "paper", "reference"])
def test_minillm_gradients_are_the_same_in_micro_batches(prepared: Prepare, preset: str) -> None:
    ready = prepared(preset=preset, phases__1={"method": "minillm", "steps": 4, "batchSize": 6, "rollouts": 6, "rolloutChunk": 3})
    phase = ready.phases[1]
    assert isinstance(phase, MiniLlm)
    rollout = phase.policy.rounds.sample(0)
    with torch.no_grad():  # a student that has moved on since: ratios other than 1
        for parameter in ready.student.model.parameters():
            parameter.add_(0.01 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    found: list[tuple[dict[str, Tensor], Metrics]] = []
    phase.policy.rounds.buffer = rollout
    clipped = []
    for size in (6, 4, 1):
        phase.settings.micro_batch_size = size
        found.append(gradients(ready, lambda: phase.policy.accumulate(rollout, [3, 0, 5, 1, 4])))
        clipped.append(phase.most_clipped(9))
    whole = clipped[0]
    rows = ((rollout.response_ids[row], rollout.mask[row]) for row in (0, 1, 3, 4, 5))
    assert sorted(row.ids for row in whole) == sorted(ids[mask].tolist() for ids, mask in rows)
    assert [row.extreme for row in whole] == sorted((row.extreme for row in whole), reverse=True)
    outside = sum(row.share * len(row.ids) for row in whole) / sum(len(row.ids) for row in whole)
    assert outside == pytest.approx(found[0][1]["clip/high"] + found[0][1]["clip/low"])
    for other in clipped[1:]:
        assert [row.ids for row in other] == [row.ids for row in whole]
    phase.policy.rounds.release()
    assert phase.most_clipped(1) == []
    for grads, metrics in found[1:]:
        assert metrics == pytest.approx(found[0][1], rel=1e-4, abs=1e-6)
        for name, value in found[0][0].items():
            torch.testing.assert_close(grads[name], value, rtol=1e-3, atol=1e-6)


class NoFp64(TorchDispatchMode):
    """A device without fp64, as Apple's GPUs are."""

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = function(*args, **(kwargs or {}))
        assert not (isinstance(made, Tensor) and made.dtype == torch.float64), function
        return made


@pytest.mark.parametrize("preset", ["recommended", "reference"])
@pytest.mark.parametrize("method", ["minillm", "opd"])
def test_the_gradient_of_a_step_needs_no_fp64(prepared: Prepare, method: str, preset: str) -> None:
    phase = prepared(preset=preset, phases__1={"method": method, "steps": 4, "batchSize": 4, "rollouts": 4}).phases[1]
    assert isinstance(phase, MiniLlm | Opd)
    rollout, chosen = phase.policy.rounds.at(1)
    with NoFp64():
        phase.policy.accumulate(rollout, chosen)


def test_the_teacher_gets_no_gradient(prepared: Prepare) -> None:
    ready = prepared()
    before = {name: value.clone() for name, value in ready.teacher.model.state_dict().items()}
    for n in range(1, 4):
        ready.phases[1].step(n)
    assert all(parameter.grad is None for parameter in ready.teacher.model.parameters())
    assert all(torch.equal(before[name], value) for name, value in ready.teacher.model.state_dict().items())


def test_a_backward_pass_is_strict_about_its_order(prepared: Prepare) -> None:
    """A warning alone lets an attention kernel of GPUs add up in any order."""
    ready = prepared()
    phase = ready.phases[0]
    found: list[bool] = []
    for parameter in ready.student.model.parameters():
        parameter.register_hook(lambda _: found.append(torch.is_deterministic_algorithms_warn_only_enabled()))
    assert phase.step(1)["grad/norm"] > 0
    assert not torch.are_deterministic_algorithms_enabled(), "only where it was asked for"
    found.clear()
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        phase.step(2)
        assert torch.is_deterministic_algorithms_warn_only_enabled()
    finally:
        torch.use_deterministic_algorithms(False)
    assert found
    assert not any(found)


def test_corpus_blocks_are_each_used_once_a_pass(prepared: Prepare, workspace: Path) -> None:
    (workspace / "blocks.jsonl").write_text('{"text": "a b c d e f g h i j k"}\n' * 20, encoding="utf-8")
    phase = prepared(data__corpus="blocks.jsonl").phases[1]
    assert isinstance(phase, MiniLlm)
    assert phase.corpus is not None
    assert phase.corpus.blocks.shape == (20 * 12 // 22, 22)  # as long as the longest prompt and response
    assert sorted(phase.corpus.order[place] for place in range(10)) == list(range(10))
