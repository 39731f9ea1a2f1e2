"""Every distillation method as a phase of a run: resumes to the bit, micro-batches that change nothing, and what each trains on."""

from __future__ import annotations

import gc
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import MakeRun, events_of
from test_phases import Prepare, gradients, prepared  # noqa: F401
from test_resume import outcome, train_into, train_until
from torch import Tensor

from minillm import decode, evaluate, sequences
from minillm.data import shuffled
from minillm.interrupt import Interrupt, Stopped
from minillm.methods import Phase
from minillm.metrics import CATALOGUE
from minillm.phases import micro_batches, teacher_cache
from minillm.phases.distillm import Distillm
from minillm.phases.gkd import Gkd
from minillm.phases.kd import Kd
from minillm.phases.opd import Opd
from minillm.phases.pairs import Batch, token_count
from minillm.phases.seqkd import SeqKd
from minillm.reader import Reader
from minillm.rundir import EventWriter
from minillm.sequences import Rollout, read, response_hidden
from minillm.train import Trainer, last_cause, train

FAST = {"steps": 10, "batchSize": 4, "optimizer": {"learningRate": 0.01}}
PHASES: dict[str, dict[str, Any]] = {
    "kd": {"method": "kd"},
    "kd, α–β": {"method": "kd", "teacherShare": 1, "divergence": {"kind": "alphaBeta"}},
    "kd, likeliest tokens": {"method": "kd", "teacherCache": "topTokens", "cacheTokens": 3},
    "rkl": {"method": "rkl"},
    "seqkd": {"method": "seqkd", "answers": 2},
    "gkd": {"method": "gkd", "onPolicyShare": 0.5, "rollouts": 4, "innerEpochs": 2, "temperature": 0.9},
    "gkd, on policy": {"method": "gkd", "onPolicyShare": 1, "beta": 1},
    "gkd, off policy": {"method": "gkd", "onPolicyShare": 0},
    "opd": {"method": "opd", "rollouts": 8, "discount": 0.5},
    "distillm": {"method": "distillm", "studentShare": 0.7, "replayCapacity": 6, "adaptEvery": 3, "adaptTolerance": 0},
    "minillm, per decision": {
        "method": "minillm", "rollouts": 8,
        "objective": {"importanceWeight": "perDecision", "rewardTemperature": "student", "temperature": 0.9},
    },
}  # fmt: skip
OFTEN = ("gkd", "opd")
"""Of which a resume is tried with every change, beside that of `minillm` (test_resume.py): the others take long."""


def settings(name: str, **changes: Any) -> dict[str, Any]:
    return {**FAST, **PHASES[name], **changes}


@pytest.mark.parametrize("name", [pytest.param(name, marks=() if name in OFTEN else pytest.mark.long) for name in PHASES])
def test_resume_is_exact(make_run: MakeRun, name: str) -> None:
    """Sft from 1 to 6, then the method from 7 to 16: stopped in the middle of a round, and again near the end."""
    sizes = {"inspect__rows": 1, "evaluation__rows": 3, "evaluation__sharpeningControl": False, "phases__1": settings(name)}
    through = make_run("through", **sizes)
    assert train(through.path, 1) == 0
    expected = outcome(through)
    run = make_run("again", **sizes)
    train_until(run, 1, 9)
    train_until(run, 2, 12)
    assert train(run.path, 3) == 0
    assert [event["step"] for event in events_of(run, "resume")] == [9, 12]
    found = outcome(run)
    for part in ("steps", "scores", "weights"):
        assert found[part] == expected[part], part
    told = {metric for event in events_of(run) if event["kind"] in ("step", "rollout") for metric in event["metrics"]}
    assert told <= set(CATALOGUE)
    # A rollout carries the step before it: what both told would be told twice of that step.
    by_kind = {kind: {metric for event in events_of(run, kind) for metric in event["metrics"]} for kind in ("step", "rollout")}
    assert not by_kind["step"] & by_kind["rollout"]


@pytest.mark.parametrize("name", PHASES)
def test_steps_are_the_same_in_micro_batches(prepared: Prepare, name: str) -> None:  # noqa: F811
    """Unequal lengths, two updates: the second loss depends on the first gradient."""
    found = []
    for parts in ({"microBatchSize": 5}, {"microBatchSize": 2}, {"microBatchTokens": 30}):
        sizes = {"batchSize": 5, **parts} | ({"rollouts": 5} if "rollouts" in PHASES[name] else {})
        ready = prepared(phases__1=settings(name, **sizes))
        steps = [ready.phases[1].step(n) for n in (1, 2)]
        found.append([value for step in steps for key, value in step.items() if not key.startswith(("time", "throughput", "memory"))])
        assert all(parameter.grad is None for parameter in ready.teacher.model.parameters())
    for other in found[1:]:
        assert other == pytest.approx(found[0], rel=1e-3, abs=1e-6)


def test_micro_batches_are_cut_by_sequences_and_by_tokens() -> None:
    items = [3, 3, 4, 5, 9, 2]  # as long as they say

    def cut(**sizes: int) -> list[list[int]]:
        return [list(group) for group in micro_batches(items, Phase(method="sft", **sizes), lambda item: item)]

    assert cut() == [items]
    assert cut(micro_batch_size=4) == [[3, 3, 4, 5], [9, 2]]
    assert cut(micro_batch_tokens=9) == [[3, 3], [4], [5], [9], [2]]
    assert cut(micro_batch_tokens=12) == [[3, 3, 4], [5], [9], [2]]
    assert cut(micro_batch_size=2, micro_batch_tokens=12) == [[3, 3], [4, 5], [9], [2]]
    assert cut(micro_batch_tokens=1) == [[item] for item in items]
    assert micro_batches([], Phase(method="sft"), len) == []


def dense(ready: Any, pairs: list[Any], definition: Callable[[Tensor, Tensor], Tensor], temperature: float = 1.0) -> Tensor:
    """Mean over all response tokens of a divergence of whole-vocabulary distributions, by autograd, one sequence at a time."""
    total = torch.zeros(())
    for prompt, response in pairs:
        ids = torch.tensor([prompt + response])
        at = slice(len(prompt) - 1, -1)
        q, p = (
            (model.model(input_ids=ids).logits[0, at, : model.vocabulary] / temperature).log_softmax(-1)
            for model in (ready.student, ready.teacher)
        )
        total = total + definition(q, p).sum()
    return total / token_count(pairs)


def same_gradients(ready: Any, ours: Callable[[], Any], expected: Callable[[], Tensor]) -> None:
    found, _ = gradients(ready, ours)
    wanted, _ = gradients(ready, lambda: expected().backward())
    for name, value in wanted.items():
        torch.testing.assert_close(found[name], value, rtol=1e-3, atol=1e-6)


def only_gradients(monkeypatch: pytest.MonkeyPatch, phase: Any) -> None:
    """A step that leaves its gradient where it is."""
    monkeypatch.setattr(phase, "finish", lambda _n, _began, _tokens, metrics: metrics)


def forward(q: Tensor, p: Tensor) -> Tensor:
    return (p.exp() * (p - q)).sum(-1)


def reverse(q: Tensor, p: Tensor) -> Tensor:
    return (q.exp() * (q - p)).sum(-1)


@pytest.mark.parametrize("cache", [{"teacherCache": "off"}, {}, {"teacherCache": "topTokens", "cacheTokens": 1000}])
@pytest.mark.parametrize(("method", "definition", "share"), [("kd", forward, 0.3), ("rkl", reverse, 1.0)])
def test_kd_equals_its_formula(
    prepared: Prepare,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    definition: Any,
    share: float,
    cache: dict[str, Any],
) -> None:
    """Whatever is kept of the teacher: nothing, hidden states, or all of its tokens (the least likely of them in the bucket)."""
    extra = {"teacherShare": share} if method == "kd" else {}
    ready = prepared(phases__1={**FAST, "method": method, **extra, **cache})
    phase = ready.phases[1]
    assert isinstance(phase, Kd)
    assert (phase.cache is None) == (cache == {"teacherCache": "off"})
    only_gradients(monkeypatch, phase)
    pairs = phase.batches[1]

    def expected() -> Tensor:
        cross = torch.zeros(())
        for prompt, response in pairs:
            logq = ready.student.model(input_ids=torch.tensor([prompt + response])).logits[0, len(prompt) - 1 : -1].log_softmax(-1)
            cross = cross - logq.gather(-1, torch.tensor(response)[:, None]).sum()
        return share * dense(ready, pairs, definition) + (1 - share) * cross / token_count(pairs)

    same_gradients(ready, lambda: phase.step(1), expected)
    assert phase.step(1)["loss/total"] == pytest.approx(expected().item(), rel=1e-4)


def test_gkd_takes_its_share_from_the_student(prepared: Prepare, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    ready = prepared(phases__1=settings("gkd", batchSize=6, onPolicyShare=0.34, rollouts=None, innerEpochs=1, beta=0.3))
    phase = ready.phases[1]
    assert isinstance(phase, Gkd)
    only_gradients(monkeypatch, phase)
    assert phase.rounds is not None
    assert phase.batches is not None
    rollout, chosen = phase.rounds.at(1)
    sampled = [rollout.pairs()[row] for row in chosen]
    given = phase.batches[1]
    assert (len(sampled), len(given)) == (2, 4)

    def jsd(q: Tensor, p: Tensor) -> Tensor:
        m = (0.3 * p.exp() + 0.7 * q.exp()).log()
        return (0.3 * (p.exp() * (p - m)).sum(-1) + 0.7 * (q.exp() * (q - m)).sum(-1)) / 0.21

    same_gradients(ready, lambda: phase.step(1), lambda: dense(ready, sampled + given, jsd, temperature=0.9))


def test_opd_estimates_the_reverse_kl(prepared: Prepare, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    """Its gradient is −Σ (log p/q_old) ∇log q, at the sampler's own weights."""
    ready = prepared(phases__1=settings("opd", batchSize=8, discount=0))
    phase = ready.phases[1]
    assert isinstance(phase, Opd)
    only_gradients(monkeypatch, phase)
    rollout, chosen = phase.policy.rounds.at(1)
    assert not rollout.from_teacher.any()
    pairs = [rollout.pairs()[row] for row in chosen]

    def expected() -> Tensor:
        total = torch.zeros(())
        for prompt, response in pairs:
            ids, picked = torch.tensor([prompt + response]), torch.tensor(response)[:, None]
            logq, logp = (
                model.model(input_ids=ids).logits[0, len(prompt) - 1 : -1].log_softmax(-1).gather(-1, picked)[:, 0]
                for model in (ready.student, ready.teacher)
            )
            total = total - ((logp - logq).detach() * logq).sum()
        return total / token_count(pairs)

    same_gradients(ready, lambda: phase.step(1), expected)


def test_opd_needs_the_teachers_log_probabilities_alone(prepared: Prepare) -> None:  # noqa: F811
    """Once the responses are sampled, neither its head nor its hidden states are looked at."""
    ready = prepared(phases__1=settings("opd", batchSize=8, rollouts=16))
    phase = ready.phases[1]
    assert isinstance(phase, Opd)
    phase.step(1)
    rollout, _ = phase.policy.rounds.at(2)
    with torch.no_grad():
        ready.teacher.head.weight.fill_(torch.nan)
    rollout.hidden_teacher.fill_(torch.nan)
    assert math.isfinite(phase.step(2)["loss/total"])


@pytest.mark.parametrize("name", ["rkl", "kd, likeliest tokens"])
def test_the_teacher_reads_given_responses_once(prepared: Prepare, name: str) -> None:  # noqa: F811
    """Two passes over the rows: its layers run once over each response, and never again."""
    ready = prepared(phases__1=settings(name))
    phase, read_tokens = ready.phases[1], 0

    def count(_module: Any, _inputs: Any, output: Any) -> None:
        nonlocal read_tokens
        read_tokens += output.last_hidden_state.shape[:-1].numel()

    ready.teacher.body.register_forward_hook(count)
    assert isinstance(phase, Kd)
    phase.step(1)
    once = read_tokens
    assert once >= sum(len(prompt) + len(response) - 1 for prompt, response in phase.batches.pairs)
    for n in range(2, 2 * phase.batches.per_epoch + 1):
        phase.step(n)
    assert read_tokens == once


def test_a_reading_that_was_cut_short_is_none(prepared: Prepare, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    """Stopped within it, the step was not begun: made again, it is the same, and learns from nothing that was never read."""
    monkeypatch.setitem(sequences.READ_TOKENS, "cpu", 40)
    once, again = (prepared(phases__1=settings("rkl")).phases[1] for _ in range(2))
    assert isinstance(again, Kd)
    assert again.cache is not None
    bench, looks = again.cache.bench, iter([None, None])

    def heed() -> None:
        if next(looks, Stopped) is Stopped:
            raise Stopped

    again.cache.bench = replace(bench, heed=heed)
    with pytest.raises(Stopped):
        again.step(1)
    again.cache.bench = bench
    assert again.step(1)["loss/total"] == once.step(1)["loss/total"]


def test_auto_keeps_what_the_teacher_says_only_where_it_pays(prepared: Prepare, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    def kept(**changes: Any) -> bool:
        phase = prepared(phases__1={"method": "rkl", "batchSize": 4, **changes}).phases[1]
        assert isinstance(phase, Kd)
        return phase.cache is not None

    assert kept(epochs=2)
    assert not kept(epochs=1)
    assert kept(epochs=1, teacherCache="states")
    monkeypatch.setattr(teacher_cache, "AUTO_BYTES", 1000)
    assert not kept(epochs=2)


def test_seqkd_trains_on_the_teachers_answers(prepared: Prepare) -> None:  # noqa: F811
    told: list[str] = []
    ready = prepared(phases__1=settings("seqkd"))
    phase = ready.phases[1]
    assert isinstance(phase, SeqKd)
    phase.bench = type(phase.bench)(**{**vars(phase.bench), "progress": lambda what, *_: told.append(what)})
    phase.step(1)
    assert set(told) == {"the teacher answers"}
    assert phase.answers is not None
    first, second = phase.answers[0::2], phase.answers[1::2]
    assert first != second, "two answers to a prompt are two draws"
    likely = decode.score(ready.teacher, None, phase.prompts, phase.answers, pad=phase.bench.pad).logp_student.mean().item()
    foreign = decode.score(ready.teacher, None, phase.prompts, phase.answers[::-1], pad=phase.bench.pad).logp_student.mean().item()
    assert likely > foreign
    again = prepared(phases__1=settings("seqkd")).phases[1]
    assert isinstance(again, SeqKd)
    again.restore(phase.tensors(1))
    assert again.answers == phase.answers


def test_distillm_listens_to_the_validation_loss(prepared: Prepare, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    phase = prepared(phases__1=settings("distillm", studentShare=0, adaptEvery=1, adaptTolerance=0.1, steps=100)).phases[1]
    assert isinstance(phase, Distillm)
    losses = iter([2.0, 2.05, 2.3, 1.0, 1.2])

    def told(*_args: Any, **_options: Any) -> Any:
        scores = real(*_args, **_options)
        scores.logp_student = -next(losses) * scores.mask.float()
        return scores

    real = decode.score
    monkeypatch.setattr(decode, "score", told)
    shares = [phase.step(n)["share/adaptive"] for n in range(1, 6)]
    assert shares == pytest.approx([0.0, 0.0, 0.1, 0.1, 0.2])


def test_distillm_replays_more_and_samples_less(prepared: Prepare) -> None:  # noqa: F811
    changes = {"studentShare": 1, "adaptBy": 0, "steps": 40, "replayCapacity": 8, "optimizer": {"learningRate": 1e-4}}
    phase = prepared(phases__1=settings("distillm", **changes)).phases[1]
    assert isinstance(phase, Distillm)
    made = []
    for n in range(1, 41):
        assert phase.step(n)["share/student"] == 1
        made.append(phase.made)
        assert phase.buffer is not None
        assert len(phase.buffer) <= 8
    early, late = made[19] // 4, (made[-1] - made[19]) // 4
    assert early > late > 0
    assert phase.buffer.rows.tolist() == list(range(made[-1] - 8, made[-1])), "the newest stay"
    for i, (prompt, response) in enumerate(phase.buffer.pairs()):  # and what the teacher made of them is still theirs
        batch = Batch.given([(prompt, response)], phase.bench.pad, torch.device("cpu"), phase.bench.teacher)
        torch.testing.assert_close(batch.hidden_teacher, phase.buffer.hidden_teacher[i][phase.buffer.mask[i]], rtol=1e-3, atol=1e-4)


def test_both_layouts_give_the_same_hidden_states(prepared: Prepare) -> None:  # noqa: F811
    """A response means the same, whether its prompt is padded on the left or it is padded on the right."""
    ready = prepared(phases__1=settings("opd"))
    phase = ready.phases[1]
    assert isinstance(phase, Opd)
    rollout, _ = phase.policy.rounds.at(1)
    batch = Batch.sampled(rollout, phase.bench.pad)
    assert torch.equal(batch.tokens, rollout.response_ids[rollout.mask])
    with torch.no_grad():
        left = response_hidden(ready.student, rollout.prompt_ids, rollout.prompt_mask, rollout.response_ids, rollout.mask)
        torch.testing.assert_close(read(ready.student, batch.ids, batch.wanted), left, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "doing"), [("seqkd", "the teacher answers"), ("rkl", "the teacher reads the responses")])
def test_what_the_teacher_does_beforehand_can_be_cut_short(make_run: MakeRun, name: str, doing: str) -> None:
    """Asked to stop meanwhile, a run stops then; the next attempt begins it again and comes to the same."""
    sizes = {"inspect__rows": 1, "evaluation__rows": 3, "evaluation__sharpeningControl": False, "phases__1": settings(name)}
    through = make_run("through", **sizes)
    assert train(through.path, 1) == 0
    run = make_run("again", **sizes)
    interrupt = Interrupt()

    class StopsThere(EventWriter):
        def write(self, kind: str, **fields: Any) -> int:
            if fields.get("what") == doing:
                interrupt.ask("enough")
            return super().write(kind, **fields)

    with pytest.raises(Stopped, match="enough"):
        Trainer(run, 1, StopsThere(run, 1), interrupt).live()
    assert len(events_of(run, "step")) == 6
    assert train(run.path, 2) == 0
    assert outcome(run)["weights"] == outcome(through)["weights"]


BEFORE = {"kind": "phase", "index": 1}
"""Told before the first step of the second phase, the seventh of the run."""
AFTER_12, AFTER_14 = {"kind": "step", "step": 12}, {"kind": "step", "step": 14}
CUT = [
    ("seqkd", BEFORE, 5, 6), ("rkl", BEFORE, 2, 6), ("gkd", AFTER_14, 3, 14), ("opd", AFTER_14, 3, 14), ("distillm", AFTER_12, 1, 12),
    ("distillm", AFTER_12, 4, 12),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "told", "looks", "step"), [pytest.param(*case, marks=() if case[0] == "distillm" else pytest.mark.long) for case in CUT]
)
def test_a_step_is_cut_short_before_it_has_changed_anything(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, name: str, told: dict[str, Any], looks: int, step: int
) -> None:
    """Asked to stop while it samples, reads, or looks at the validation loss: the checkpoint is of the step before."""
    sizes = {"inspect__rows": 1, "evaluation__rows": 3, "evaluation__sharpeningControl": False, "phases__1": settings(name)}
    through = make_run("through", **sizes)
    assert train(through.path, 1) == 0
    run = make_run("cut", **sizes)
    train_into(run, 1, told, looks, monkeypatch)
    assert events_of(run, "step")[-1]["step"] == step
    assert events_of(run, "checkpoint")[-1]["step"] == step
    assert train(run.path, 2) == 0
    for part in ("steps", "scores", "weights"):
        assert outcome(run)[part] == outcome(through)[part], part


def test_distillm_with_a_corpus(prepared: Prepare, workspace: Path) -> None:  # noqa: F811
    (workspace / "blocks.jsonl").write_text('{"text": "a b c d e f g h i j k"}\n' * 20, encoding="utf-8")
    phase = prepared(data__corpus="blocks.jsonl", phases__1=settings("distillm", lmWeight=0.5, adaptBy=0, studentShare=0)).phases[1]
    metrics = phase.step(1)
    assert metrics["loss/total"] == pytest.approx(metrics["loss/divergence"] + 0.5 * metrics["loss/lm"])
    assert metrics["loss/lm"] > 1


@pytest.mark.parametrize(
    "name", ["gkd", "minillm, per decision", *(pytest.param(name, marks=pytest.mark.long) for name in ("seqkd", "opd", "distillm"))]
)
def test_a_round_is_held_alone_and_a_finished_phase_holds_nothing(make_run: MakeRun, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The teacher's hidden states of a round are the largest thing beside the models."""
    sizes = {"inspect__rows": 1, "evaluation__rows": 2, "evaluation__sharpeningControl": False, "phases__0__steps": 1}
    run = make_run(phases__1=settings(name, steps=6), **sizes)
    trainer = Trainer(run, 1, EventWriter(run, 1), Interrupt())
    sample, beside = decode.rollout, list[int]()

    def watched(*args: Any, **options: Any) -> Rollout:
        gc.collect()
        beside.append(sum(type(thing) is Rollout for thing in gc.get_objects()))
        return sample(*args, **options)

    monkeypatch.setattr(decode, "rollout", watched)
    gc.collect()
    others = sum(type(thing) is Rollout for thing in gc.get_objects())
    trainer.live()
    gc.collect()
    if name != "distillm":  # whose buffer is replayed
        assert set(beside) <= {others}
        assert name == "seqkd" or len(beside) > 1
    assert sum(type(thing) is Rollout for thing in gc.get_objects()) == others
    for phase in trainer.prepared.phases:
        assert not phase.optimizer.state
        assert not isinstance(phase, SeqKd) or phase.answers is None


@pytest.mark.parametrize("name", ["seqkd", "distillm"])
def test_long_contexts_are_decoded_and_scored_few_at_a_time(prepared: Prepare, name: str, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setattr(evaluate, "CHUNK_TOKENS", 44)  # two rows of 14 + 8 tokens
    phase = prepared(phases__1=settings(name, **({"studentShare": 1} if name == "distillm" else {}))).phases[1]
    rows = list[int]()
    read_columns = Reader.read

    def watched(reader: Reader, end: int) -> Tensor:
        rows.append(len(reader.rows.ids))
        return read_columns(reader, end)

    monkeypatch.setattr(Reader, "read", watched)
    phase.step(1)
    assert max(rows) == 2


def test_memory_that_ran_out_names_what_the_method_has(make_run: MakeRun) -> None:
    sampled = "microBatchSize, rolloutChunk or data.maxNewTokens"
    for method, knobs in (
        ("rkl", "microBatchSize or data.maxNewTokens"),
        ("opd", sampled),
        ("distillm", sampled.replace("rolloutChunk", "batchSize")),
    ):
        run = make_run(method, phases__0={**FAST, "method": method})
        trainer = Trainer(run, 1, EventWriter(run, 1), Interrupt())
        assert last_cause(torch.OutOfMemoryError("out"), trainer.knobs()) == f"The GPU's memory ran out: use a smaller {knobs}."


def test_draws_for_two_purposes_never_share_an_order(prepared: Prepare, workspace: Path) -> None:  # noqa: F811
    """Of as many items, a phase's prompts, its given pairs and its corpus come in orders of their own, pass after pass."""
    (workspace / "blocks.jsonl").write_text('{"text": "a b c d e f g h i j k"}\n' * 20, encoding="utf-8")
    gkd = prepared(phases__1=settings("gkd")).phases[1]
    distillm = prepared(data__corpus="blocks.jsonl", phases__1=settings("distillm", lmWeight=1)).phases[1]
    assert isinstance(gkd, Gkd)
    assert isinstance(distillm, Distillm)
    assert gkd.rounds is not None
    assert gkd.batches is not None
    assert distillm.corpus is not None
    for mine, others in ((gkd.rounds.prompts.key, gkd.batches.key), (distillm.corpus.order.key, distillm.batches.key)):
        drawn = [shuffled(50, *mine, number) for number in range(4)]
        made = [shuffled(50, *others, number, *rest) for number in range(4) for rest in ((), (1,))]
        assert not any(order in made for order in drawn)
