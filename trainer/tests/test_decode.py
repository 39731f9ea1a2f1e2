import math
from itertools import product
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from toys import full_logits, teacher, toy, trajectories

from minillm import decode, decode_alone, decode_mixed, draws, head, reader, sequences
from minillm.reader import inverse_cdf
from minillm.sequences import Rollout, response_hidden

EOS, PAD = 2, 0
PROMPTS = [[3, 4, 5], [6, 7, 8, 9, 10, 3], [4], [5, 5], [9, 1, 8, 3], [10, 10, 10], [7, 3], [8, 6, 4, 3, 5]]
SETTING = {"max_new_tokens": 9, "eos": EOS, "pad": PAD, "seed": 4, "stream": draws.stream("rollout", 0)}


def sampled(name: str = "llama", sampling: str = "commonMask", dtype: torch.dtype = torch.float64, **changes):
    student, mentor = toy(name, dtype=dtype), teacher(name, dtype=dtype)
    setting = {**SETTING, "sampling": sampling, "alpha": 0.4, "chunk": 3, "rows": range(len(PROMPTS)), **changes}
    return student, mentor, decode.rollout(student, mentor, PROMPTS, **setting)


def responses(rollout: Rollout) -> list[list[int]]:
    return [ids[mask].tolist() for ids, mask in zip(rollout.response_ids, rollout.mask, strict=True)]


@pytest.mark.parametrize("sampling", ["student", "lockStep", "commonMask"])
@pytest.mark.parametrize(
    ("name", "temperature"), [("llama", 1.0), ("llama", 0.7), ("gpt2", 1.0), ("opt", 1.0), ("qwen3", 1.0), ("gemma3", 1.0)]
)
def test_what_decoding_kept_equals_a_full_scoring_pass(name: str, temperature: float, sampling: str):
    student, mentor, rollout = sampled(name, sampling, temperature=temperature)
    for i, (prompt, response) in enumerate(zip(PROMPTS, responses(rollout), strict=True)):
        at = slice(len(prompt) - 1, -1)
        logq, logp = ((full_logits(m, prompt + response)[at] / temperature).log_softmax(-1) for m in (student, mentor))
        picked, real = torch.tensor(response)[:, None], rollout.mask[i]
        near = {"rtol": 1e-5, "atol": 1e-5}
        torch.testing.assert_close(rollout.logp_student[i][real], logq.gather(-1, picked)[:, 0], **near)
        torch.testing.assert_close(rollout.logp_teacher[i][real], logp.gather(-1, picked)[:, 0], **near)
        torch.testing.assert_close(rollout.kl[i][real], (logq.exp() * (logq - logp)).sum(-1), **near)
        torch.testing.assert_close(rollout.entropy[i][real], -(logq.exp() * logq).sum(-1), **near)
        from_cache = (mentor.logits(rollout.hidden_teacher[i][real]) / temperature).log_softmax(-1)
        torch.testing.assert_close(from_cache, logp, **near)
        for kept in (rollout.logp_student, rollout.logp_teacher, rollout.kl, rollout.entropy, rollout.hidden_teacher):
            assert kept[i][~real].abs().sum() == 0


@pytest.mark.parametrize("sampling", ["student", "lockStep", "commonMask"])
def test_first_end_token_counts_and_nothing_after_it(sampling: str):
    _, _, rollout = sampled(sampling=sampling)
    assert 0 < int(rollout.ended.sum()) < len(rollout), "the toy must give both kinds"
    for response, ended in zip(responses(rollout), rollout.ended.tolist(), strict=True):
        assert response.count(EOS) == int(ended)
        assert (response[-1] == EOS) if ended else (len(response) == SETTING["max_new_tokens"])
    assert (rollout.response_ids[~rollout.mask] == PAD).all()
    assert not rollout.from_teacher[~rollout.mask].any()


@pytest.mark.parametrize("sampling", ["student", "lockStep", "commonMask"])
def test_padding_with_the_end_token_changes_nothing(sampling: str):
    _, _, rollout = sampled(sampling=sampling)
    _, _, same = sampled(sampling=sampling, pad=EOS)
    assert responses(same) == responses(rollout)
    assert same.ended.tolist() == rollout.ended.tolist()
    torch.testing.assert_close(same.kl, rollout.kl)


@pytest.mark.parametrize("sampling", ["student", "lockStep", "commonMask"])
@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_tokens_do_not_depend_on_the_company(name: str, sampling: str):
    """In fp64: chunks of any size, another order, some of the prompts alone."""
    student, mentor, rollout = sampled(name, sampling, rows=range(40, 48))
    for chunk in (1, 2, 8):
        _, _, other = sampled(name, sampling, rows=range(40, 48), chunk=chunk)
        assert responses(other) == responses(rollout)
        torch.testing.assert_close(other.logp_teacher, rollout.logp_teacher, rtol=1e-6, atol=1e-6)
    back = decode.rollout(
        student, mentor, PROMPTS[::-1], rows=range(47, 39, -1), sampling=sampling, alpha=0.4, chunk=5, **SETTING
    )  # fmt: skip
    assert responses(back)[::-1] == responses(rollout)
    assert back.rows.tolist() == list(range(47, 39, -1))
    some = [1, 4, 6]
    alone = decode.rollout(
        student, mentor, [PROMPTS[i] for i in some], rows=[40 + i for i in some], sampling=sampling, alpha=0.4, chunk=2, **SETTING
    )  # fmt: skip
    assert responses(alone) == [responses(rollout)[i] for i in some]


def test_a_group_of_rows_shares_its_mask_and_groups_differ():
    _, _, rollout = sampled(rows=range(40, 48), groups=3)
    steps = rollout.response_ids.shape[1]
    group_of = decode.mask_groups(SETTING["seed"], SETTING["stream"], torch.arange(40, 48), 3)
    assert len(set(group_of)) > 1
    masks = [decode.teachers_turns(SETTING["seed"], SETTING["stream"], group, 0.4, steps) for group in group_of]
    assert torch.equal(rollout.from_teacher, torch.tensor(masks) & rollout.mask)
    assert len({tuple(mask) for mask in masks}) == len(set(group_of))


MANY = [PROMPTS[i % 8][: 1 + i // 3] for i in range(24)]
IN_GROUPS = {**SETTING, "sampling": "commonMask", "alpha": 0.4, "groups": 4, "chunk": 24, "temperature": 2.0, "max_new_tokens": 24}
"""So warm and long that most rows end, each in its own time."""


def members_of_groups() -> dict[int, list[int]]:
    group_of = decode.mask_groups(SETTING["seed"], SETTING["stream"], torch.arange(len(MANY)), IN_GROUPS["groups"])
    return {group: [row for row in range(len(MANY)) if group_of[row] == group] for group in set(group_of)}


@pytest.mark.parametrize("name", ["llama", "gpt2", "opt", "gemma3"])
def test_groups_decoded_together_are_what_each_is_alone(name: str):
    """In fp64, row by row: prompts of different lengths, rows that end at different times."""
    student, mentor = toy(name), teacher(name)
    together = decode.rollout(student, mentor, MANY, range(len(MANY)), **IN_GROUPS)
    assert len(set(together.mask.sum(1).tolist())) >= 6
    for members in members_of_groups().values():
        own, prompts = together.select(members), [MANY[row] for row in members]
        alone = decode.rollout(student, mentor, prompts, members, **IN_GROUPS).trim()
        for field, tensor in alone.tensors().items():
            torch.testing.assert_close(own.tensors()[field], tensor, rtol=1e-6, atol=1e-6, msg=field)


def test_the_student_decodes_all_groups_at_once_and_the_teacher_reads_one_at_a_time(monkeypatch):
    student, mentor = toy(), teacher()
    passes: dict[str, list[int]] = {"student": [], "teacher": []}
    for sizes, model in zip(passes.values(), (student, mentor), strict=True):
        hidden = model.hidden
        monkeypatch.setattr(model, "hidden", lambda ids, *rest, sizes=sizes, hidden=hidden: sizes.append(len(ids)) or hidden(ids, *rest))
    rollout = decode.rollout(student, mentor, MANY, range(len(MANY)), **IN_GROUPS)
    assert len(passes["student"]) == rollout.mask.shape[1], "one pass a step"
    assert passes["student"][0] == len(MANY)
    assert passes["student"] == sorted(passes["student"], reverse=True)
    assert passes["student"][-1] < len(MANY), "rows that have ended leave"
    groups = [len(members) for members in members_of_groups().values()]
    assert max(passes["teacher"]) == max(groups)
    assert {size for size in groups} <= set(passes["teacher"])


def test_groups_read_early_in_turn_when_what_waits_has_no_room(monkeypatch):
    """The one that has waited longest first, and no more of them than must."""
    student, mentor = toy(), teacher()
    whole = decode.rollout(student, mentor, MANY, range(len(MANY)), **IN_GROUPS)
    room = 3 * len(MANY) * student.vocabulary
    monkeypatch.setitem(decode_mixed.PENDING_LOGITS, "cpu", room)
    waiting: list[int] = []
    early = decode_mixed._to_read

    def watched(groups, step, limit):
        read = list(early(groups, step, limit))
        waiting.append(sum(group.waiting for group in groups if group not in read))
        return read

    monkeypatch.setattr(decode_mixed, "_to_read", watched)
    rollout = decode.rollout(student, mentor, MANY, range(len(MANY)), **IN_GROUPS)
    assert 0 < max(waiting) < room
    for field, tensor in rollout.tensors().items():
        torch.testing.assert_close(tensor, whole.tensors()[field], rtol=1e-6, atol=1e-6, msg=field)


def test_rows_are_dealt_evenly_to_groups():
    counts = torch.bincount(torch.tensor(decode.mask_groups(1, 2, torch.arange(8000), 8)), minlength=8)
    assert ((counts - 1000).abs() < 5 * math.sqrt(1000)).all()


@pytest.mark.parametrize("size", [1, 3, 5, 8, 11])
def test_chunks_hold_every_row_once_by_group_and_length(size: int):
    lengths, group_of = [7, 3, 9, 1, 5, 5, 2, 8, 4, 6, 1], [0, 1, 0, 0, 2, 0, 0, 0, 0, 0, 1]
    made = decode.chunks(lengths, group_of, size)
    order = [i for chunk in made for i in chunk]
    assert order == sorted(range(11), key=lambda i: (group_of[i], lengths[i], i))
    assert all(0 < len(chunk) <= 1.25 * size for chunk in made)


def test_a_chunk_holds_as_many_groups_as_find_room():
    assert max(map(len, decode.chunks([1] * 70, [0] * 70, 64))) == 70
    assert sorted(map(len, decode.chunks([1] * 90, [0] * 90, 64))) == [45, 45]
    assert sorted(map(len, decode.chunks([1] * 256, [0] * 256, 64))) == [64] * 4
    four = [i % 4 for i in range(256)]
    assert [sorted({four[i] for i in chunk}) for chunk in decode.chunks([1] * 256, four, 64)] == [[0], [1], [2], [3]]
    assert [sorted({four[i] for i in chunk}) for chunk in decode.chunks([1] * 256, four, 128)] == [[0, 1], [2, 3]]
    assert [sorted({four[i] for i in chunk}) for chunk in decode.chunks([1] * 256, four, 256)] == [[0, 1, 2, 3]]


def test_seed_stream_and_row_change_the_draws():
    _, _, rollout = sampled()
    for change in ({"seed": 5}, {"stream": draws.stream("rollout", 1)}, {"rows": range(1, 9)}):
        assert responses(sampled(**change)[2]) != responses(rollout)
    assert responses(sampled()[2]) == responses(rollout)


@pytest.mark.parametrize("sampling", ["student", "lockStep", "commonMask"])
def test_rows_that_leave_early_and_early_readings_change_nothing(monkeypatch, sampling: str):
    sizes: list[int] = []

    def watched(**limits):
        sizes.clear()
        for name, value in limits.items():
            for module in (decode_mixed, decode_alone):
                monkeypatch.setattr(module, name, value, raising=False)
        student, mentor = toy(), teacher()
        watched_model = student if sampling == "student" else mentor
        hidden = watched_model.hidden
        monkeypatch.setattr(watched_model, "hidden", lambda ids, *rest: sizes.append(ids.shape[0]) or hidden(ids, *rest))
        rows = range(len(PROMPTS))
        return decode.rollout(student, mentor, PROMPTS, rows=rows, sampling=sampling, alpha=0.4, chunk=8, groups=1, **SETTING)

    never = watched(LEAVING=2.0, CROWDED=2.0)
    assert set(sizes) == {8}
    at_once = watched(LEAVING=0.01, CROWDED=0.01)
    assert min(sizes) < 8
    few = watched(LEAVING=2.0, CROWDED=2.0, PENDING_LOGITS={"cpu": 1})
    assert sampling == "student" or len(sizes) == never.response_ids.shape[1], "with no room to wait, the teacher reads at every step"
    for other in (at_once, few):
        for name, tensor in never.tensors().items():
            torch.testing.assert_close(other.tensors()[name], tensor, rtol=1e-6, atol=1e-6, msg=name)


def test_the_teacher_reads_at_its_turns_and_once_at_the_end(monkeypatch):
    monkeypatch.setattr(decode_mixed, "CROWDED", 2.0)
    student, mentor = toy(), teacher()
    blocks: list[int] = []
    hidden = mentor.hidden
    monkeypatch.setattr(mentor, "hidden", lambda ids, *rest: blocks.append(ids.shape[1]) or hidden(ids, *rest))
    rollout = decode.rollout(student, mentor, PROMPTS, rows=range(8), sampling="commonMask", alpha=0.4, chunk=8, groups=1, **SETTING)
    steps = rollout.response_ids.shape[1]
    turns = decode.teachers_turns(SETTING["seed"], SETTING["stream"], 0, 0.4, steps)
    assert 0 < sum(turns) < steps
    assert len(blocks) == sum(turns) + (not turns[-1])
    assert sum(blocks) == rollout.prompt_ids.shape[1] + steps - 1
    assert torch.equal(rollout.from_teacher, torch.tensor(turns) & rollout.mask)


def test_turns_come_with_probability_alpha():
    turns = torch.tensor([decode.teachers_turns(1, 2, group, 0.2, 50) for group in range(400)], dtype=torch.float64)
    assert abs(turns.mean().item() - 0.2) < 5 * math.sqrt(0.16 / turns.numel())
    assert abs(((turns[:, 1:] - 0.2) * (turns[:, :-1] - 0.2)).mean().item()) < 5 * 0.16 / math.sqrt(turns[:, 1:].numel())


LENGTH, VOCABULARY, ALPHA = 3, 4, 0.3
"""The enumerable case: end token 2 among 4 tokens, at most 3 of them."""


def tables(model, prompt: list[int]) -> dict[tuple[int, ...], torch.Tensor]:
    """The model's distribution after each prefix that has not ended."""
    others = [token for token in range(VOCABULARY) if token != EOS]
    prefixes = [body for size in range(LENGTH) for body in product(others, repeat=size)]
    return {body: full_logits(model, prompt + list(body))[-1].softmax(-1).detach() for body in prefixes}


def probability(response: list[int], law) -> float:
    return math.prod(law(t, tuple(response[:t]))[token].item() for t, token in enumerate(response))


def chi_square(found: dict[tuple[int, ...], int], expected: dict[tuple[int, ...], float]) -> tuple[float, int]:
    """Pearson's statistic and its degrees of freedom; cells expected fewer than five times are thrown together."""
    small = [key for key, value in expected.items() if value < 5]
    cells = [(found.get(key, 0), value) for key, value in expected.items() if value >= 5]
    if small:
        cells.append((sum(found.get(key, 0) for key in small), sum(expected[key] for key in small)))
    assert sum(found.values()) == sum(count for count, _ in cells), "a response that cannot be"
    return sum((count - value) ** 2 / value for count, value in cells if value > 0), len(cells) - 1


def count(rollout: Rollout, rows: torch.Tensor) -> dict[tuple[int, ...], int]:
    made: dict[tuple[int, ...], int] = {}
    for ids, mask in zip(rollout.response_ids[rows].tolist(), rollout.mask[rows].tolist(), strict=True):
        key = tuple(token for token, real in zip(ids, mask, strict=True) if real)
        made[key] = made.get(key, 0) + 1
    return made


@pytest.mark.parametrize("sampling", [pytest.param("lockStep", marks=pytest.mark.long), "commonMask"])
def test_the_sampler_draws_from_the_mixture(sampling: str):
    student, mentor = toy(vocabulary=VOCABULARY, seed=5), teacher(vocabulary=VOCABULARY, seed=6)
    prompt, chunks, size = [3, 1], 60, 400
    q, p = tables(student, prompt), tables(mentor, prompt)
    everything = [tuple(response) for response in trajectories(VOCABULARY, LENGTH, EOS)]
    mixture = {y: probability(list(y), lambda t, before: ALPHA * p[before] + (1 - ALPHA) * q[before]) for y in everything}
    assert abs(sum(mixture.values()) - 1) < 1e-12
    by_mask = {
        turns: {y: probability(list(y), lambda t, before, turns=turns: p[before] if turns[t] else q[before]) for y in everything}
        for turns in product([False, True], repeat=LENGTH)
    }
    for y in everything:  # the marginal over masks is the mixture
        over_masks = sum(ALPHA ** sum(m) * (1 - ALPHA) ** (LENGTH - sum(m)) * law[y] for m, law in by_mask.items())
        assert abs(over_masks - mixture[y]) < 1e-12
    different = max(abs(by_mask[True, True, True][y] - by_mask[False, False, False][y]) for y in everything)
    assert different > 0.05, "teacher and student must differ"

    stream = draws.stream("mixture")
    rollout = decode.rollout(
        student, mentor, [prompt] * (chunks * size), rows=range(chunks * size), sampling=sampling, alpha=ALPHA,
        max_new_tokens=LENGTH, eos=EOS, pad=PAD, seed=1, stream=stream, chunk=size, groups=chunks,
    )  # fmt: skip
    if sampling == "lockStep":
        total = len(rollout)
        statistic, freedom = chi_square(count(rollout, torch.arange(total)), {y: total * mixture[y] for y in everything})
        assert abs(rollout.from_teacher[:, 0].double().mean().item() - ALPHA) < 5 * math.sqrt(ALPHA * (1 - ALPHA) / total)
    else:  # given the masks, rows are independent draws from the law of their mask
        statistic, freedom = 0.0, 0
        masks = [tuple(decode.teachers_turns(1, stream, group, ALPHA, LENGTH)) for group in range(chunks)]
        group_of = decode.mask_groups(1, stream, torch.arange(len(rollout)), chunks)
        for turns in set(masks):
            rows = torch.tensor([row for row, group in enumerate(group_of) if masks[group] == turns])
            part, more = chi_square(count(rollout, rows), {y: len(rows) * by_mask[turns][y] for y in everything})
            statistic, freedom = statistic + part, freedom + more
    assert statistic < freedom + 5 * math.sqrt(2 * freedom)


def test_inverse_distribution_function():
    """A token without probability is never drawn, not even by a draw that falls on its place."""
    probabilities = torch.tensor([[0.0, 0.5, 0.0, 0.5, 0.0]]).expand(7, 5)
    uniform = torch.tensor([1e-300, 0.25, 0.499999, 0.5, 0.500001, 0.75, 1 - 1e-16], dtype=torch.float64)
    assert inverse_cdf(probabilities, uniform).tolist() == [1, 1, 1, 3, 3, 3, 3]


def test_greedy_generation_equals_the_librarys():
    student = toy("qwen3")
    made = decode.generate(student, PROMPTS, rows=range(8), temperature=0.0, **{**SETTING, "max_new_tokens": 12})
    for prompt, response in zip(PROMPTS, made, strict=True):
        ids = torch.tensor([prompt])
        own = student.model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=12, eos_token_id=EOS)
        assert response == own[0, len(prompt) :].tolist()


def test_generation_is_a_rollout_of_the_student_alone():
    student, _, rollout = sampled(sampling="student", temperature=0.8)
    for chunk in (2, 8):
        made = decode.generate(student, PROMPTS, rows=range(8), temperature=0.8, chunk=chunk, **SETTING)
        assert made == responses(rollout)


def test_scores_of_given_responses():
    student, mentor, rollout = sampled()
    given = [*responses(rollout)[:7], []]
    scores = decode.score(student, mentor, PROMPTS, given, pad=PAD, chunk=3)
    assert scores.mask.sum(1).tolist() == [len(response) for response in given]
    width = scores.mask.shape[1]
    for name in ("logp_student", "logp_teacher", "kl", "entropy"):
        expected = torch.where(scores.mask, getattr(rollout, name)[:, :width], 0.0)
        torch.testing.assert_close(getattr(scores, name), expected, rtol=1e-6, atol=1e-6)
    alone = decode.score(student, None, PROMPTS, given, pad=PAD, temperature=0.5)
    assert alone.kl is None
    assert alone.logp_teacher is None
    logq = (full_logits(student, PROMPTS[0] + given[0])[len(PROMPTS[0]) - 1 : -1] / 0.5).log_softmax(-1)
    picked = logq.gather(-1, torch.tensor(given[0])[:, None])[:, 0]
    torch.testing.assert_close(alone.logp_student[0][alone.mask[0]], picked, rtol=1e-6, atol=1e-6)


def test_temperatures_of_student_and_teacher_apart():
    student, mentor, rollout = sampled()
    given = responses(rollout)
    scores = decode.score(student, mentor, PROMPTS, given, pad=PAD, temperature=0.5, teacher_temperature=2.0)
    at = slice(len(PROMPTS[1]) - 1, -1)
    logq = (full_logits(student, PROMPTS[1] + given[1])[at] / 0.5).log_softmax(-1)
    logp = (full_logits(mentor, PROMPTS[1] + given[1])[at] / 2.0).log_softmax(-1)
    torch.testing.assert_close(scores.kl[1][scores.mask[1]], (logq.exp() * (logq - logp)).sum(-1), rtol=1e-6, atol=1e-6)


def test_selected_rows_lose_columns_that_are_padding_in_all_of_them():
    _, _, rollout = sampled()
    short = torch.tensor([2, 6])
    part = rollout.select(short)
    assert part.prompt_ids.shape[1] == 2
    assert part.response_ids.shape[1] == int(rollout.mask[short].sum(1).max())
    assert responses(part) == [responses(rollout)[i] for i in short.tolist()]
    again = Rollout.from_tensors(part.tensors()).to("cpu")
    for name, tensor in again.tensors().items():
        assert torch.equal(tensor, part.tensors()[name])


def test_without_a_say_in_the_tokens_the_teacher_reads_whole_rows_once(monkeypatch):
    student, mentor = toy(), teacher()
    read: list[torch.Tensor] = []
    hidden = mentor.hidden
    monkeypatch.setattr(mentor, "hidden", lambda ids, *rest: read.append(ids) or hidden(ids, *rest))
    monkeypatch.setattr(sequences, "READ_TOKENS", {"cpu": 24})
    rollout = decode.rollout(student, mentor, PROMPTS, rows=range(8), sampling="student", chunk=8, **SETTING)
    assert sum(ids.shape[0] for ids in read) == len(PROMPTS)
    assert all(ids.shape[0] == 1 or (ids.shape[1] + 1) * ids.shape[0] <= 24 for ids in read), "the budget holds, or it is a single row"
    whole = response_hidden(mentor, rollout.prompt_ids, rollout.prompt_mask, rollout.response_ids, rollout.mask)
    torch.testing.assert_close(rollout.hidden_teacher[rollout.mask], whole)


@pytest.mark.parametrize("sampling", ["student", "lockStep", "commonMask"])
def test_what_waits_for_the_teacher_is_scored_in_small_blocks(monkeypatch, sampling: str):
    """Together, the log-probabilities of both models, their difference and its products are several times what waits."""
    size = 23  # no other dimension is as large
    student, mentor = toy("llama", size), teacher("llama", size)
    setting = {**SETTING, "sampling": sampling, "alpha": 0.2, "chunk": 3}
    monkeypatch.setitem(decode_mixed.PENDING_LOGITS, "cpu", 5 * 3 * size)
    whole = decode.rollout(student, mentor, PROMPTS, range(len(PROMPTS)), **setting)
    monkeypatch.setitem(head.BLOCK_LOGITS, "cpu", 2 * 3 * size)  # two steps
    monkeypatch.setitem(head.CHUNK_LOGITS, "cpu", 4 * 3 * size)
    largest: dict[str, int] = {}

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            made = function(*args, **(kwargs or {}))
            if isinstance(made, torch.Tensor) and made.shape[-1:] == (size,) and made.is_contiguous():
                name = str(function)
                largest[name] = max(largest.get(name, 0), made.numel())
            return made

    with Watch():
        rollout = decode.rollout(student, mentor, PROMPTS, range(len(PROMPTS)), **setting)
    for name, tensor in rollout.tensors().items():
        torch.testing.assert_close(tensor, whole.tensors()[name], msg=name)
    products = {name: numbers for name, numbers in largest.items() if "mm" in name}
    made_of_them = {name: numbers for name, numbers in largest.items() if any(part in name for part in ("softmax", "exp", "mul", "sub"))}
    assert products
    assert max(products.values()) <= 4 * 3 * size, "the teacher's head takes more steps at once"
    assert len(made_of_them) == 4
    assert max(made_of_them.values()) <= 2 * 3 * size


def test_a_teacher_who_reads_whole_rows_scores_them_in_blocks(monkeypatch):
    _, _, whole = sampled(sampling="student")
    seen = []
    terms_of = decode_alone.terms_of
    monkeypatch.setattr(decode_alone, "terms_of", lambda *given: seen.append(given[0].shape[0]) or terms_of(*given))
    monkeypatch.setitem(head.BLOCK_LOGITS, "cpu", 4 * 11)
    _, _, rollout = sampled(sampling="student")
    assert max(seen) == 4
    for name, tensor in rollout.tensors().items():
        torch.testing.assert_close(tensor, whole.tensors()[name], msg=name)


@pytest.mark.parametrize("sampling", ["student", "lockStep", "commonMask"])
def test_looking_rarely_which_rows_have_ended_changes_nothing(monkeypatch, sampling: str):
    _, _, often = sampled(sampling=sampling)
    greedy = {**SETTING, "rows": range(len(PROMPTS)), "temperature": 1.0}
    said = decode.generate(toy("llama"), PROMPTS, **greedy)
    monkeypatch.setitem(reader.LOOK_EVERY, "cpu", 4)
    _, _, rarely = sampled(sampling=sampling)
    for name, tensor in rarely.trim().tensors().items():
        torch.testing.assert_close(tensor, often.trim().tensors()[name], msg=name)
    assert decode.generate(toy("llama"), PROMPTS, **greedy) == said
