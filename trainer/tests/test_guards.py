"""Guards: what breaks a rule and what does not, once until it clears; and what a trainer does about it."""

from __future__ import annotations

import json
import math
import re
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import MakeRun, events_of
from test_resume import ask, wait_for

from minillm import config
from minillm.guards import Alert, Guards, distinct_share, longest_run
from minillm.phases import Metrics
from minillm.phases.sft import Sft
from minillm.policy import ClippedRow
from minillm.recall import recall
from minillm.rundir import EventWriter, RunDir, read_json
from minillm.sequences import Rollout
from minillm.train import train

RECORDED = Path(__file__).resolve().parents[2] / "test" / "fixtures" / "runs"


def watch(**rules: Any) -> tuple[Guards, list[Alert]]:
    alerts: list[Alert] = []
    return Guards(config.Guards.model_validate(rules), alerts.append, lambda ids: " ".join(map(str, ids))), alerts


def rollout(rows: list[list[int]], ended: list[bool]) -> Rollout:
    width = max(map(len, rows))
    n = len(rows)
    ids = torch.tensor([row + [0] * (width - len(row)) for row in rows])
    mask = torch.tensor([[i < len(row) for i in range(width)] for row in rows])
    zeros = torch.zeros(n, width)
    return Rollout(
        prompt_ids=torch.zeros(n, 1, dtype=torch.long), prompt_mask=torch.ones(n, 1, dtype=torch.bool), response_ids=ids, mask=mask,
        logp_student=zeros, logp_teacher=zeros, hidden_teacher=torch.zeros(n, width, 1), kl=zeros, entropy=zeros,
        from_teacher=torch.zeros(n, width, dtype=torch.bool), ended=torch.tensor(ended),
        rows=torch.arange(n),
    )  # fmt: skip


def test_a_good_run_raises_no_alarm() -> None:
    """A recorded run of the demo, under the rules as they are by default."""
    (events,) = list(RECORDED.glob("*/events.jsonl"))[:1]
    guards, alerts = watch()
    for event in map(json.loads, events.read_text(encoding="utf-8").splitlines()):
        match event["kind"]:
            case "rollout":
                guards.rollout(event["phase"], event["metrics"])
            case "step":
                guards.step(event["metrics"])
            case "evaluation" if event["subject"] == "student" and not event["full"]:
                guards.evaluation(event["checkpoint"], event["metrics"], [])
    assert alerts == []


def test_an_alert_comes_once_until_the_rule_holds_again() -> None:
    guards, alerts = watch()
    for share in (0.9, 0.8, 0.3, 0.2, 0.85, 0.1):
        guards.rollout(1, {"rate/eos": share})
    told = [(alert.rule, alert.numbers["value"], alert.numbers["limit"]) for alert in alerts]
    assert told == [("eosCollapse", 0.3, 0.45), ("eosCollapse", 0.1, 0.45)]
    assert alerts[0].text == "30% of the rollouts end by themselves; it was 90%, and 45% is the least allowed."


def test_a_student_that_never_ended_cannot_collapse() -> None:
    guards, alerts = watch()
    for share in (0.0, 0.1, 0.02):
        guards.rollout(1, {"rate/eos": share})
    assert alerts == []


def test_reverse_kl_that_rises_and_rises() -> None:
    guards, alerts = watch(klRising={"evaluations": 3, "by": 0.1})
    said = [{"ids": [7, 8], "kl": 0.5, "stop": "eos"}, {"ids": [9], "kl": 2.0, "stop": "eos"}]
    for n, kl in enumerate((0.5, 0.3, 0.31, 0.32, 0.325, 0.31, 0.32, 0.33, 0.4)):
        guards.evaluation(f"checkpoint {n}", {"eval/kl_reverse": kl}, said)
        guards.evaluation(f"checkpoint {n}", {"eval/kl_reverse": kl}, said)  # asked for once more
    (alert,) = alerts
    assert alert.text == "Reverse KL rose 3 times in a row, from 0.31 to 0.4 nats."
    assert alert.samples == ["9", "7 8"]


def test_repetition_shows_the_responses_that_repeat() -> None:
    guards, alerts = watch(repetition={"run": 4, "share": 0.4, "distinct4": 0.3})
    rows = [[1, 2, 3, 4, 5, 6, 7, 8], [5, 5, 5, 5, 5, 1, 2], [3, 3, 3, 3]]
    metrics = guards.look_at(rollout(rows, [True, True, False]))
    assert metrics["rate/stuck"] == pytest.approx(2 / 3)
    guards.rollout(0, metrics)
    (alert,) = alerts
    assert alert.rule == "repetition"
    assert alert.samples[:2] == ["5 5 5 5 5 1 2", "3 3 3 3"]


def test_lost_weight_shows_the_responses_that_weigh_least() -> None:
    guards, alerts = watch()
    rows = rollout([[1, 2], [3, 4, 5], [6]], [True, True, True])
    rows.logp_student = torch.tensor([[-1.0, -1.0, 0.0], [-9.0, -8.0, -7.0], [-2.0, 0.0, 0.0]])  # the teacher was sure of each
    guards.look_at(rows)
    guards.rollout(1, {"weight/ess": 0.05})
    (alert,) = alerts
    assert (alert.rule, alert.samples) == ("effectiveSamples", ["3 4 5", "6", "1 2"])


def test_clipped_tokens_show_the_responses_that_were_clipped_most() -> None:
    guards, alerts = watch()
    rows = [
        ClippedRow([1, 2], 0.75, 0.25, 4.0),
        ClippedRow([3], 0.5, 0.9, 1.5),
        ClippedRow([4], 0.4, 1.0, 1.3),
        ClippedRow([5], 0.0, 1.0, 1.0),
    ]
    asked = list[int]()

    def most_clipped(count: int) -> list[ClippedRow]:
        asked.append(count)
        return rows[:count]

    for _ in range(12):
        guards.step({"clip/high": 0.4, "clip/low": 0.2}, most_clipped)
    (alert,) = alerts
    assert asked == [3], "nobody is asked for what is not shown"
    assert alert.numbers == {"value": pytest.approx(0.6), "limit": 0.5, "smallestRatio": 0.25, "largestRatio": 4.0}
    assert alert.samples == [
        "75% of its tokens clipped, ratios 0.25 to 4: 1 2", "50% of its tokens clipped, ratios 0.9 to 1.5: 3",
        "40% of its tokens clipped, ratios 1 to 1.3: 4",
    ]  # fmt: skip


def test_other_rules() -> None:
    guards, alerts = watch()
    guards.rollout(1, {"length/mean": 10.0, "weight/ess": 0.5})
    guards.rollout(1, {"length/mean": 31.0, "weight/ess": 0.05})
    guards.evaluation("checkpoint", {"eval/truncated": 0.6}, [{"ids": [1], "stop": "length"}, {"ids": [2], "stop": "eos"}])
    for _ in range(10):
        guards.step({"clip/high": 0.4, "clip/low": 0.2})
    assert [alert.rule for alert in alerts] == ["lengthExplosion", "effectiveSamples", "truncation", "clipShare"]
    assert alerts[2].samples == ["1"]


def test_a_rule_that_is_off_says_nothing() -> None:
    guards, alerts = watch(lengthExplosion={"action": "off"})
    guards.rollout(1, {"length/mean": 10.0})
    guards.rollout(1, {"length/mean": 100.0})
    assert alerts == []


def test_measures_of_repetition() -> None:
    assert [longest_run(row) for row in ([], [1], [1, 1, 2, 2, 2, 1])] == [0, 1, 3]
    assert distinct_share([1, 2, 3], 4) is None
    assert distinct_share([1] * 8, 4) == pytest.approx(1 / 5)


def test_a_run_fails_at_a_gradient_that_is_not_finite_and_says_so(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run()
    spoil(monkeypatch, {3})
    assert train(run.path, 1) == 1
    (alert,) = events_of(run, "alert")
    assert (alert["rule"], alert["action"], alert["level"]) == ("nonFinite", "stop", "error")
    assert alert["text"].startswith("At step 3 (sft) ")


def test_a_step_may_be_left_out(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(guards__nonFinite={"action": "checkpoint"})
    spoil(monkeypatch, {3})
    assert train(run.path, 1) == 0
    assert [event["metrics"].get("grad/norm") == "NaN" for event in events_of(run, "step")].index(True) == 2
    assert len(events_of(run, "step")) == 16
    assert events_of(run, "checkpoint")[0]["name"] == "step-00000003-a1"
    again = make_run("again", guards__nonFinite={"action": "alert"}, phases__0__steps=20)
    spoil(monkeypatch, set(range(2, 21)))
    assert train(again.path, 1) == 1
    assert len(events_of(again, "step")) == 10, "it does not go on for ever without a step"
    assert [event["rule"] for event in events_of(again, "alert")].count("nonFinite") == 1


def test_a_guard_stops_a_run_with_a_checkpoint(make_run: MakeRun) -> None:
    run = make_run(guards__truncation={"action": "stop", "above": 0.0}, guards__clipShare={"action": "alert", "above": 0.0})
    assert train(run.path, 1) == 3
    (alert,) = [event for event in events_of(run, "alert") if event["rule"] == "truncation"]
    assert alert["samples"]
    cause = (read_json(run.exit) or {})["cause"]
    assert cause.startswith("the guard truncation ended it, for ")
    assert events_of(run, "checkpoint")[-1]["step"] == alert["step"]
    # Who resumes it knows: it is not stopped for the same again.
    assert train(run.path, 2) == 0
    assert [event["attempt"] for event in events_of(run, "alert") if event["rule"] == "truncation"] == [1]
    (clipped,) = [event for event in events_of(run, "alert") if event["rule"] == "clipShare"]
    assert len(clipped["samples"]) == 3
    for sample in clipped["samples"]:
        assert re.match(r"\d+% of its tokens clipped, ratios [\d.e-]+ to [\d.e+]+: \S", sample), sample


def test_what_guards_know_outlives_a_resume(tmp_path: Path) -> None:
    """Reverse KL that rose twice before a crash and once after it rose three times; what the crash made void does not count."""
    events = EventWriter(RunDir(tmp_path), 1)

    def evaluated(step: int, kl: float) -> None:
        scores = {"eval/kl_reverse": kl, "eval/truncated": 0.9}
        events.write("evaluation", step=step, checkpoint=f"step-{step}", subject="student", full=False, metrics=scores)

    events.write("rollout", step=0, phase=1, round=0, metrics={"rate/eos": 0.9, "length/mean": 10.0})
    for step, kl in ((10, 0.3), (20, 0.31), (30, 0.32)):
        evaluated(step, kl)
    events.write("alert", step=30, rule="truncation", level="warning", text="", action="alert", numbers={}, samples=[])
    events.write("step", step=31, phase=1, metrics={"grad/norm": math.nan})
    evaluated(40, 0.2)
    with open(events.path, "ab") as file:
        file.write(b'{"v":1,"seq":9,"t":1,"attempt":1,"kind":"evaluation","step":30}\n{"kind":"step","ste')
    events = EventWriter(RunDir(tmp_path), 2)
    events.write("resume", step=30, checkpoint="step-30")
    guards, alerts = watch(klRising={"evaluations": 3, "by": 0.0})
    recall(guards, events.path)
    assert (alerts, guards.take(), guards.unusable) == ([], [], 0)
    guards.evaluation("step-30", {"eval/kl_reverse": 0.32, "eval/truncated": 0.9}, [])  # the attempt looks at its start again
    assert alerts == []
    guards.evaluation("step-40", {"eval/kl_reverse": 0.33, "eval/truncated": 0.9}, [])
    guards.rollout(1, {"rate/eos": 0.1, "length/mean": 40.0})
    assert [alert.rule for alert in alerts] == ["klRising", "eosCollapse", "lengthExplosion"]
    events.write("start", total=1)
    EventWriter(RunDir(tmp_path), 3).write("start", total=1)
    guards, alerts = watch(lengthExplosion={"factor": 2})
    recall(guards, events.path)
    guards.rollout(1, {"rate/eos": 0.1, "length/mean": 40.0})
    assert alerts == [], "an attempt that begins at the beginning knows nothing"


def test_a_guard_pauses_a_run_until_a_person_lets_it_go_on(make_run: MakeRun) -> None:
    run = make_run(guards__truncation={"action": "pause", "above": 0.0})
    problems: list[BaseException] = []

    def operate() -> None:
        try:
            wait_for(run, "control", verb="pause")
            still = len(events_of(run, "step"))
            threading.Event().wait(0.3)
            assert len(events_of(run, "step")) == still
        except BaseException as error:
            problems.append(error)
        finally:
            ask(run, "continue")

    thread = threading.Thread(target=operate)
    thread.start()
    code = train(run.path, 1)
    thread.join()
    assert (code, problems) == (0, [])


def spoil(monkeypatch: pytest.MonkeyPatch, steps: set[int]) -> None:
    """At those steps the gradient is not finite, as the optimizer would say."""
    real = Sft.step

    def step(self: Sft, n: int) -> Metrics:
        if n in steps:
            raise FloatingPointError("the gradient is not finite; lower optimizer.learningRate, or use precision fp32")
        return real(self, n)

    monkeypatch.setattr(Sft, "step", step)
