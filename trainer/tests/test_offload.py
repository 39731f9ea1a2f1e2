"""A teacher that leaves the GPU between two rounds. A CPU stands in for it: what has left is not there either."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import MakeRun
from test_methods import FAST, settings
from test_phases import Prepare, prepared  # noqa: F401
from test_resume import outcome
from toys import toy

from minillm import offload
from minillm.errors import BadInput
from minillm.language_model import LanguageModel
from minillm.offload import Offloaded
from minillm.phases import learner
from minillm.train import train


@pytest.fixture(autouse=True)
def _a_cpu_can_be_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offload, "DEVICES", ("cpu",))


def hidden(model: LanguageModel) -> torch.Tensor:
    ids = torch.arange(8)[None]
    return model.hidden(ids, torch.ones_like(ids), ids)[0]


@pytest.mark.parametrize(("name", "tied"), [("gpt2", True), ("llama", False)])
def test_whoever_reads_has_it_fetched(name: str, tied: bool) -> None:
    model = toy(name)
    before, logits = hidden(model), model.logits(hidden(model))
    weights = Offloaded(model)
    for _ in range(2):
        weights.rest()
        there = [name for name, parameter in model.body.named_parameters() if parameter.numel()]
        assert len(there) == (1 if tied else 0), "what the head shares stays"
        assert torch.equal(model.logits(before), logits), "the head is asked without it"
        assert torch.equal(hidden(model), before)
        assert weights.here


def test_a_teacher_that_is_the_students_base_model_stays(prepared: Prepare) -> None:  # noqa: F811
    with pytest.raises(BadInput, match=r"own base model, .* leave teacher\.offload out") as refused:
        prepared(student={"model": "teacher", "lora": {"rank": 2}}, teacher__offload=True)
    assert refused.value.pointer == "/teacher/offload"


@pytest.mark.parametrize(
    ("phase", "sent"),
    [
        (settings("gkd", rollouts=8, innerEpochs=2), False),
        (settings("gkd, on policy", rollouts=8, innerEpochs=2), True),
        ({**FAST, "method": "minillm", "rollouts": 8, "objective": {"lmWeight": 1, "lmTeacherShare": 0.5}}, False),
        ({**FAST, "method": "minillm", "rollouts": 8, "objective": {"lmWeight": 1, "lmTeacherShare": 0}}, True),
    ],
    ids=["gkd", "gkd, on policy", "reads a corpus", "reads no corpus"],
)
def test_a_teacher_that_reads_in_every_update_is_not_sent_away_for_it(
    prepared: Prepare,  # noqa: F811
    workspace: Path,
    monkeypatch: pytest.MonkeyPatch,
    phase: dict[str, Any],
    sent: bool,
) -> None:
    (workspace / "read.jsonl").write_text('{"text": "a b c d e f g h i j k"}\n' * 40, encoding="utf-8")
    moved: list[int] = []
    fetch = Offloaded._fetch

    def watched(weights: Offloaded, *given: Any) -> None:
        moved.append(not weights.here)
        fetch(weights, *given)

    monkeypatch.setattr(Offloaded, "_fetch", watched)
    ready = prepared(data__corpus="read.jsonl", phases__1=phase, teacher__offload=True)
    for n in range(1, 9):
        ready.phases[1].step(n)
    assert moved, "it was asked"
    assert (sum(moved) == 1) if sent else not any(moved), "for the second round, when it has to"


@pytest.mark.parametrize("name", ["minillm, per decision", "opd", "gkd, on policy", "gkd"])
def test_a_run_comes_out_the_same_and_its_updates_are_made_without_it(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    phase = settings(name)
    plain, away = make_run("plain", phases__1=phase), make_run("away", phases__1=phase, teacher__offload=True)
    assert train(plain.path, 1) == 0
    made: list[Offloaded] = []
    here: list[bool] = []
    start, accumulate = Offloaded.__init__, learner.accumulate_loss

    def started(weights: Offloaded, model: LanguageModel) -> None:
        start(weights, model)
        made.append(weights)

    def looked(*given: Any, **named: Any) -> Any:
        here.append(made[0].here)
        return accumulate(*given, **named)

    monkeypatch.setattr(Offloaded, "__init__", started)
    monkeypatch.setattr(learner, "accumulate_loss", looked)
    assert train(away.path, 1) == 0
    assert len(made) == 1
    distilled = here[6:]  # after fine-tuning
    assert all(distilled) if name == "gkd" else not any(distilled), "it is there in an update where it reads given responses, not elsewhere"
    expected, found = outcome(plain), outcome(away)
    for part in ("steps", "scores", "weights"):
        assert found[part] == expected[part], part
