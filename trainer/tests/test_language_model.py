import pytest
import torch
from casts import casts_of
from toys import FAMILIES, SINGLE, full_logits, toy
from transformers import DynamicCache

from minillm import decode
from minillm.errors import BadInput
from minillm.head import head_loss
from minillm.language_model import verify
from minillm.methods import Optimizer
from minillm.optimizer import make_optimizer, update
from minillm.phases.pairs import Batch
from minillm.sequences import left_pad, positions, read, response_hidden

PROMPTS = [[3, 4, 5, 6, 7], [8, 9], [10, 3, 1]]
RESPONSE = [5, 7, 2]


def made(name: str):
    """A toy and how near its numbers must come. What computes in fp32 anyway is tried in fp32."""
    model = toy(name, dtype=torch.float32 if name in SINGLE else torch.float64)
    return model, {"rtol": 1e-3, "atol": 1e-4} if name in SINGLE else {"rtol": 1e-6, "atol": 1e-6}


@pytest.mark.parametrize("name", FAMILIES)
def test_hidden_states_and_head_give_the_models_logits(name: str):
    model, near = made(name)
    ids = torch.tensor([[3, 9, 4, 1, 10, 6, 2, 5]])
    hidden, _ = model.hidden(ids, torch.ones_like(ids), torch.arange(8)[None])
    torch.testing.assert_close(model.logits(hidden)[0], full_logits(model, ids[0].tolist()), **near)
    verify(model)


@pytest.mark.parametrize("name", FAMILIES)
def test_left_padding_changes_nothing(name: str):
    model, near = made(name)
    prompt_ids, prompt_mask = left_pad(PROMPTS, pad=0)
    responses = torch.tensor([RESPONSE] * len(PROMPTS))
    hidden = response_hidden(model, prompt_ids, prompt_mask, responses, torch.ones_like(responses, dtype=torch.bool))
    found = model.logits(hidden).unflatten(0, (len(PROMPTS), len(RESPONSE)))
    for row, prompt in zip(found, PROMPTS, strict=True):
        expected = full_logits(model, prompt + RESPONSE)[len(prompt) - 1 : -1]
        torch.testing.assert_close(row, expected, **near)


@pytest.mark.parametrize("name", FAMILIES)
def test_reading_in_blocks_with_a_cache_changes_nothing(name: str):
    model, near = made(name)
    prompt_ids, prompt_mask = left_pad([[*prompt, *RESPONSE, 4, 8] for prompt in PROMPTS], pad=0)
    places = positions(prompt_mask)
    cache = model.new_cache()
    parts = []
    for start, end in [(0, 6), (6, 7), (7, 10)]:
        parts.append(model.hidden(prompt_ids[:, start:end], prompt_mask[:, :end], places[:, start:end], cache)[0])
    at_once, _ = model.hidden(prompt_ids, prompt_mask, places)
    real = prompt_mask.bool()
    torch.testing.assert_close(torch.cat(parts, 1)[real], at_once[real], **near)


@pytest.mark.parametrize("name", FAMILIES)
def test_decoding_together_equals_the_librarys_one_by_one(name: str):
    """Left padding, cache, and rows that leave the chunk when they have ended."""
    model = toy(name, dtype=torch.float32, spread=0.3)
    made = decode.generate(model, PROMPTS, rows=range(3), temperature=0.0, max_new_tokens=8, eos=2, pad=0, seed=0, stream=0)
    for prompt, response in zip(PROMPTS, made, strict=True):
        ids = torch.tensor([prompt])
        own = model.model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=8, eos_token_id=2)
        assert response == own[0, len(prompt) :].tolist()


@pytest.mark.parametrize("name", FAMILIES)
def test_an_update_follows_the_models_own_gradient(name: str):
    """Reverse KL to a teacher of the same family: its gradient is autograd's through whole logits, and a step along it lowers it."""
    model, near = made(name)
    mentor = toy(name, seed=100, dtype=model.dtype)
    mentor.model.requires_grad_(False)
    pairs = [(prompt, RESPONSE) for prompt in PROMPTS]
    batch = Batch.given(pairs, 0, torch.device("cpu"), mentor)

    def ours() -> torch.Tensor:
        hidden = read(model, batch.ids, batch.wanted)
        cached = {"teacher": mentor, "hidden_teacher": batch.hidden_teacher}
        return head_loss(model, hidden, batch.tokens, lambda terms, _rows: terms.kl / 9, chunk_rows=4, **cached)[0]

    def dense() -> torch.Tensor:
        total = torch.zeros((), dtype=model.dtype)
        for prompt, response in pairs:
            at = slice(len(prompt) - 1, -1)
            logq, logp = (full_logits(m, prompt + response)[at].log_softmax(-1) for m in (model, mentor))
            total = total + (logq.exp() * (logq - logp)).sum()
        return total / 9

    parameters = {key: p for key, p in model.model.named_parameters() if p.requires_grad}
    found, expected = (torch.autograd.grad(loss(), list(parameters.values()), allow_unused=True) for loss in (ours, dense))
    for key, a, b in zip(parameters, found, expected, strict=True):
        assert (a is None) == (b is None), key
        if a is not None and b is not None:
            torch.testing.assert_close(a, b, **near, msg=key)
    before = ours().item()
    optimizer = make_optimizer(model.model, Optimizer(learning_rate=1e-3))
    ours().backward()
    update(model.model, optimizer, Optimizer(learning_rate=1e-3), 1e-3)
    assert ours().item() < before


def test_vocabulary_is_cut():
    model = toy("phi")
    model.vocabulary = 9
    hidden = torch.randn(4, 16, dtype=torch.float64)
    whole = torch.nn.functional.linear(hidden, model.head.weight, model.head.bias)
    torch.testing.assert_close(model.logits(hidden), whole[:, :9])


@pytest.mark.parametrize("name", ["gemma2", "granite", "cohere"])
def test_a_family_with_unknown_logits_is_refused(name: str):
    """Were scale or cap not known for these families, loading would say so, even on fresh weights with tiny logits."""
    model = toy(name, dtype=torch.float32, spread=0.0)
    model._scale, model._cap = 1.0, None
    with pytest.raises(BadInput, match=r"cannot be rebuilt from its last hidden states .* not supported"):
        verify(model)


def test_bf16_passes_over_fp32_weights():
    model = toy("llama", dtype=torch.float32, spread=0.1)
    mixed = type(model)(model.model, torch.bfloat16)
    verify(mixed)
    ids = torch.tensor([[3, 9, 4, 1]])
    places = torch.arange(4)[None]
    exact = model.logits(model.hidden(ids, torch.ones_like(ids), places)[0])
    found = mixed.logits(mixed.hidden(ids, torch.ones_like(ids), places)[0])
    assert found.dtype == torch.float32
    difference = (found - exact).abs().max() / exact.abs().max()
    assert 1e-5 < difference < 0.05
    assert model.head.weight.dtype == torch.float32


@pytest.mark.parametrize("cut", [0, 2])
@pytest.mark.parametrize("name", ["llama", "llama-tied"])
def test_a_decode_casts_the_head_once(name: str, cut: int):
    model = toy(name, dtype=torch.float32)
    mixed = type(model)(model.model, torch.bfloat16)
    mixed.vocabulary -= cut
    with casts_of(mixed.head.weight) as counted:
        decode.generate(mixed, PROMPTS, rows=range(3), max_new_tokens=6, eos=-1, pad=0, seed=0, stream=0)
    assert counted == [1]


def test_the_cache_is_in_the_compute_dtype_and_says_the_same():
    """Rotation leaves fp32 keys under autocast; attention reads them in bf16 either way."""
    model = toy("qwen3", dtype=torch.float32)
    mixed = type(model)(model.model, torch.bfloat16)
    ids = torch.tensor([[3, 9, 4, 1, 5, 6]])
    everything, places = torch.ones_like(ids), torch.arange(6)[None]
    cache, wide = mixed.new_cache(), DynamicCache(config=model.model.config)
    found = [mixed.hidden(ids[:, a:b], everything[:, :b], places[:, a:b], past)[0] for past in (cache, wide) for a, b in ((0, 4), (4, 6))]
    assert torch.equal(found[0], found[2])
    assert torch.equal(found[1], found[3])
    assert {tensor.dtype for layer in cache.layers for tensor in (layer.keys, layer.values)} == {torch.bfloat16}
    assert torch.float32 in {layer.keys.dtype for layer in wide.layers}, "what it is for"
