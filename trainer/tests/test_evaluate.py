"""Evaluation against the plain way of computing the same numbers, one row at a time, through the models' own logits."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from conftest import MakeRun

from minillm.config import Config
from minillm.evaluate import Tally, evaluate, matching_temperature, sample, score_response
from minillm.prepare import Prepared, prepare
from minillm.rundir import read_json


@pytest.fixture
def ready(make_run: MakeRun) -> Prepared:
    record = read_json(make_run().run)
    assert record is not None
    return prepare(Config.model_validate(record["config"]), lambda *_: None, lambda *_: None)


quiet: Callable[[int, int], None] = lambda _done, _total: None  # noqa: E731


@torch.no_grad()
def log_probabilities(model: torch.nn.Module, prompt: list[int], response: list[int], temperature: float) -> torch.Tensor:
    logits = model(input_ids=torch.tensor([prompt + response])).logits[0, len(prompt) - 1 : -1]
    return (logits / temperature).log_softmax(-1)


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_metrics_are_what_they_are_called(ready: Prepared, temperature: float) -> None:
    examples = ready.final
    found = evaluate(ready.student, ready.teacher, examples, ready.setting, quiet, temperature=temperature).metrics
    kl = entropy = nll = tokens = gold = 0.0
    exact = edits = reference = 0
    for example in examples:
        (response,) = sample(ready.student, [example], ready.setting, temperature)
        q = log_probabilities(ready.student.model, example.prompt_ids, response, temperature)
        p = log_probabilities(ready.teacher.model, example.prompt_ids, response, 1.0)
        kl += float((q.exp() * (q - p)).sum())
        entropy -= float((q.exp() * q).sum())
        tokens += len(response)
        first = example.responses[0]
        given = log_probabilities(ready.student.model, example.prompt_ids, first, temperature)
        nll -= float(given.gather(1, torch.tensor(first)[:, None]).sum())
        gold += len(first)
        scored = score_response(example, response, ready.setting)
        exact, edits, reference = exact + scored.exact, edits + scored.edits, reference + scored.reference_length
    assert found["eval/kl_reverse"] == pytest.approx(kl / tokens, rel=1e-4)
    assert found["eval/entropy"] == pytest.approx(entropy / tokens, rel=1e-4)
    assert found["eval/nll_gold"] == pytest.approx(nll / gold, rel=1e-4)
    assert found["eval/accuracy_sampled"] == exact / len(examples)
    assert found["eval/error_rate_sampled"] == pytest.approx(edits / reference)


def test_a_response_does_not_depend_on_its_company(ready: Prepared) -> None:
    together = sample(ready.student, ready.final, ready.setting, 1.0)
    assert together == [sample(ready.student, [example], ready.setting, 1.0)[0] for example in ready.final]


def test_the_temperature_that_matches_an_entropy(ready: Prepared) -> None:
    for wanted in (0.6, 1.4):
        entropy = evaluate(ready.student, None, ready.final, ready.setting, quiet, temperature=wanted).metrics["eval/entropy"]
        found = matching_temperature(ready.student, entropy, ready.final, ready.setting, quiet)
        reached = evaluate(ready.student, None, ready.final, ready.setting, quiet, temperature=found).metrics["eval/entropy"]
        assert reached == pytest.approx(entropy, rel=0.02)
        assert found == pytest.approx(wanted, rel=0.1)


def test_intervals_cover_about_what_they_say() -> None:
    """Of 200 sets of 100 fair coins, about 95 % have the true mean in their interval."""
    inside = 0
    generator = torch.Generator().manual_seed(3)
    for _ in range(200):
        tally = Tally()
        for coin in torch.randint(2, (100,), generator=generator).tolist():
            tally.add("eval/accuracy_sampled", coin)
        low, high = tally.result().interval["eval/accuracy_sampled"]
        inside += low <= 0.5 <= high
    assert 180 <= inside <= 198


def test_units_of_scores(ready: Prepared) -> None:
    example, config = ready.final[0], ready.config
    for unit in ("word", "character", "token"):
        config.evaluation.unit = unit  # type: ignore[assignment]
        assert score_response(example, example.responses[0], ready.setting).exact
        assert not score_response(example, [5, 2], ready.setting).exact
