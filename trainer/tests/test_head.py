import pytest
import torch
from toys import teacher, toy

from minillm import head
from minillm.head import accumulate_loss, cross_entropy, head_loss, token_terms
from minillm.language_model import LanguageModel

ROWS = 13


def dense(student, hidden, tokens, mentor, hidden_teacher, temperature):
    """The same quantities in one dense autograd graph."""
    logq = (student.logits(hidden) / temperature).log_softmax(-1)
    logp = (mentor.logits(hidden_teacher) / temperature).log_softmax(-1)
    picked = tokens[:, None]
    q = logq.exp()
    return logq.gather(-1, picked)[:, 0], logp.gather(-1, picked)[:, 0], (q * (logq - logp)).sum(-1), -(q * logq).sum(-1)


def material(name: str, vocabulary: int = 11, cut: int = 0):
    student, mentor = toy(name, vocabulary), teacher(name, vocabulary + cut)
    student.vocabulary = mentor.vocabulary = vocabulary - cut
    torch.manual_seed(3)
    width = student.head_weights()[0].shape[1]
    hidden = torch.randn(ROWS, width, dtype=torch.float64, requires_grad=True)
    hidden_teacher = torch.randn(ROWS, width, dtype=torch.float64)
    tokens = torch.randint(student.vocabulary, (ROWS,))
    return student, mentor, hidden, hidden_teacher, tokens


@pytest.mark.parametrize("chunk", [1, 4, 5, ROWS, None])
@pytest.mark.parametrize(
    ("name", "cut"), [("llama", 0), ("llama-tied", 0), ("llama", 2), ("phi", 0), ("gemma2", 0), ("granite", 0), ("opt", 0)]
)
@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_chunked_head_equals_dense(name: str, cut: int, chunk: int | None, temperature: float):
    student, mentor, hidden, hidden_teacher, tokens = material(name, cut=cut)
    weight_k, weight_q = torch.randn(2, ROWS, dtype=torch.float64)
    parameters = [p for p in (student.head.weight, getattr(student.head, "bias", None)) if p is not None]

    logq, logp, kl, entropy = dense(student, hidden, tokens, mentor, hidden_teacher, temperature)
    expected = (weight_k * kl + weight_q * (logq - logp).exp()).sum()
    expected_gradients = torch.autograd.grad(expected, [hidden, *parameters])

    def loss(terms, rows):
        return weight_k[rows] * terms.kl + weight_q[rows] * (terms.logp_student - terms.logp_teacher).exp()

    found, terms = head_loss(
        student, hidden, tokens, loss, teacher=mentor, hidden_teacher=hidden_teacher, temperature=temperature, chunk_rows=chunk
    )
    gradients = torch.autograd.grad(found * 3.0, [hidden, *parameters])
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    for a, b in zip(gradients, expected_gradients, strict=True):
        torch.testing.assert_close(a, 3.0 * b, rtol=1e-11, atol=1e-12)
    for a, b in [(terms.logp_student, logq), (terms.logp_teacher, logp), (terms.kl, kl), (terms.entropy, entropy)]:
        torch.testing.assert_close(a, b.detach(), rtol=1e-12, atol=1e-12)
    alone = token_terms(student, hidden, tokens, teacher=mentor, hidden_teacher=hidden_teacher, temperature=temperature, chunk_rows=chunk)
    torch.testing.assert_close(alone.kl, terms.kl)


def test_gradient_of_the_token_kl_is_its_finite_difference():
    student, mentor, hidden, hidden_teacher, tokens = material("gemma2")

    def kl(h):
        cached = {"teacher": mentor, "hidden_teacher": hidden_teacher}
        return head_loss(student, h, tokens, lambda terms, _rows: terms.kl, temperature=1.3, **cached)[0]

    assert torch.autograd.gradcheck(kl, (hidden,), eps=1e-6, atol=1e-8, rtol=1e-6)


def test_near_one_hot_student_gives_finite_gradients():
    student, mentor, hidden, hidden_teacher, tokens = material("llama")
    loud = (hidden * 1e4).float().detach().requires_grad_()
    student.model.float()
    student.dtype = torch.float32
    mentor.model.float()
    mentor.dtype = torch.float32
    loss, terms = head_loss(
        student, loud, tokens, lambda terms, _rows: terms.kl + terms.logp_student, teacher=mentor, hidden_teacher=hidden_teacher.float()
    )
    loss.backward()
    assert terms.entropy.min() < 1e-6
    assert loss.isfinite()
    assert loud.grad.isfinite().all()
    assert student.head.weight.grad.isfinite().all()


def test_frozen_head_passes_the_gradient_on_and_gets_none():
    student, mentor, hidden, hidden_teacher, tokens = material("llama")
    student.head.weight.requires_grad_(False)
    loss, _ = head_loss(student, hidden, tokens, lambda terms, _rows: terms.kl, teacher=mentor, hidden_teacher=hidden_teacher)
    loss.backward()
    assert hidden.grad.abs().sum() > 0
    assert student.head.weight.grad is None


def test_tied_head_gets_both_parts_of_its_gradient():
    """Through a whole model: the embedding's own gradient and the head's add up as in the model's own loss."""
    student = toy("llama-tied")
    ids = torch.randint(11, (3, 7))
    everything = torch.ones_like(ids)
    places = torch.arange(7).expand(3, 7)
    hidden, _ = student.hidden(ids, everything, places)
    loss, terms = cross_entropy(student, hidden[:, :-1].flatten(0, 1), ids[:, 1:].flatten(), divisor=18)
    loss.backward()
    found = {name: p.grad.clone() for name, p in student.model.named_parameters()}
    student.model.zero_grad()
    logits = student.model(input_ids=ids).logits
    own = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())
    own.backward()
    torch.testing.assert_close(loss, own)
    torch.testing.assert_close(-terms.logp_student.mean(), own.detach())
    for name, p in student.model.named_parameters():
        torch.testing.assert_close(found[name], p.grad, msg=name)


def test_logits_are_never_held_for_all_rows(monkeypatch):
    student, mentor, hidden, hidden_teacher, tokens = material("llama")
    largest = []
    shape = student.shape
    monkeypatch.setattr(student, "shape", lambda raw: largest.append(raw.shape[0]) or shape(raw))
    head_loss(student, hidden, tokens, lambda terms, _rows: terms.kl, teacher=mentor, hidden_teacher=hidden_teacher, chunk_rows=4)
    assert largest == [4, 4, 4, 1]


def test_bf16_products_with_fp32_losses():
    """The head of an fp32 model is used in bf16: numbers and gradients stay near, and are fp32."""
    found = []
    hidden = torch.randn(ROWS, 16, generator=torch.Generator().manual_seed(0))
    tokens = torch.randint(11, (ROWS,), generator=torch.Generator().manual_seed(1))
    for dtype in (torch.float32, torch.bfloat16):
        model = toy("llama", dtype=torch.float32)
        student = LanguageModel(model.model, dtype)
        live = hidden.clone().requires_grad_()
        loss, terms = cross_entropy(student, live, tokens, divisor=ROWS)
        loss.backward()
        assert loss.dtype == terms.logp_student.dtype == student.head.weight.grad.dtype == torch.float32
        found.append([loss.detach(), terms.logp_student, live.grad, student.head.weight.grad])
    for exact, rounded in zip(*found, strict=True):
        difference = (rounded - exact).norm() / exact.norm()
        assert 0 < difference < 0.02


def test_no_rows_give_a_zero_loss():
    student = toy("llama")
    hidden = torch.zeros(0, 16, dtype=torch.float64, requires_grad=True)
    loss, terms = cross_entropy(student, hidden, torch.zeros(0, dtype=torch.int64), divisor=1)
    loss.backward()
    assert loss.item() == 0
    assert terms.logp_student.shape == (0,)


@pytest.mark.parametrize(("name", "cut"), [("llama", 2), ("phi", 0), ("gemma2", 0)])
def test_gradient_of_the_head_can_be_added_in_place(name: str, cut: int, monkeypatch: pytest.MonkeyPatch):
    """The same gradients, on top of what is there, whether autograd hands them on or not, and however small the blocks."""
    student, mentor, hidden, hidden_teacher, tokens = material(name, cut=cut)
    found = {}
    for into_grad, block in ((False, 1 << 20), (True, 1 << 20), (True, 2 * student.vocabulary)):
        monkeypatch.setitem(head.BLOCK_LOGITS, "cpu", block)
        student.model.zero_grad()
        hidden.grad = None
        for _ in range(2):
            total, terms = (accumulate_loss if into_grad else head_loss)(
                student, hidden, tokens, lambda terms, _rows: terms.kl - 2 * terms.logp_student, chunk_rows=5,
                teacher=mentor, hidden_teacher=hidden_teacher,
            )  # fmt: skip
            assert total.requires_grad != into_grad
            if not into_grad:
                total.backward()
        parameters = [p.grad for p in (student.head.weight, getattr(student.head, "bias", None)) if p is not None]
        found[into_grad, block] = [total.detach(), terms.kl, hidden.grad, *parameters]
    first, *others = found.values()
    for other in others:
        for a, b in zip(other, first, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


def test_gradient_added_in_place_under_a_smaller_compute_dtype(monkeypatch: pytest.MonkeyPatch):
    student, mentor, hidden, hidden_teacher, tokens = material("llama")
    for model in (student, mentor):
        model.model.float()
    student.dtype, student._mixed, mentor.dtype = torch.bfloat16, True, torch.float32
    hidden, hidden_teacher = hidden.detach().float().requires_grad_(), hidden_teacher.float()
    monkeypatch.setattr(head, "SLAB", 3 * hidden.shape[1])
    found = []
    for way in (head_loss, accumulate_loss):
        student.model.zero_grad()
        total, _ = way(student, hidden, tokens, lambda terms, _rows: terms.kl, teacher=mentor, hidden_teacher=hidden_teacher)
        if way is head_loss:
            total.backward()
        found.append(student.head.weight.grad.clone())
    assert found[1].abs().sum() > 0
    torch.testing.assert_close(*found)
