import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from test_vocabulary import WORDS, tokenizer
from transformers import AutoModel, BertConfig, DistilBertConfig, LlamaConfig, LlamaForCausalLM, T5Config

from minillm.config import Config
from minillm.errors import BadInput
from minillm.models import choose_device, choose_precision, load_checkpoint, load_pair, load_student, load_teacher, load_tokenizer

CPU = torch.device("cpu")


def llama(width: int = 8, vocabulary: int = len(WORDS)) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=vocabulary, hidden_size=width, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=2,
        max_position_embeddings=64, bos_token_id=1, eos_token_id=2, pad_token_id=0,
    )  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A teacher with a tokenizer, in fp16 as teachers are shipped, and a student that is only a config."""
    torch.manual_seed(0)
    LlamaForCausalLM(llama(16)).half().save_pretrained(tmp_path / "teacher")
    tokenizer().save_pretrained(tmp_path / "teacher")
    llama().save_pretrained(tmp_path / "student")
    return tmp_path


def config(folder: Path, **student: object) -> Config:
    chosen = {"model": str(folder / "student"), "init": "random", "tokenizer": "teacher", **student}
    return Config.model_validate(
        {
            "name": "test",
            "teacher": {"model": str(folder / "teacher")},
            "student": chosen,
            "data": {"train": "train.jsonl"},
            "phases": [{"method": "sft", "steps": 1}],
        }
    )


def test_a_pair_is_loaded(folder: Path):
    reports: list[str] = []
    pair = load_pair(config(folder), CPU, torch.float32, lambda what, *_rest: reports.append(what))
    assert reports == ["loading the teacher", "loading the student"]
    assert pair.tokenizer.eos_token_id == 2
    assert pair.tokenizer.padding_side is not None
    assert not any(p.requires_grad for p in pair.teacher.model.parameters())
    assert all(p.requires_grad for p in pair.student.model.parameters())
    assert not pair.teacher.model.training
    assert not pair.student.model.training
    assert pair.teacher.vocabulary == pair.student.vocabulary == len(WORDS)
    for model in (pair.teacher, pair.student):
        assert {p.dtype for p in model.model.parameters()} == {torch.float32}
        assert model.model.config._attn_implementation == "eager"


def test_bf16_keeps_the_students_master_weights_and_not_the_teachers(folder: Path):
    pair = load_pair(config(folder), CPU, torch.bfloat16)
    assert {p.dtype for p in pair.teacher.model.parameters()} == {torch.bfloat16}
    assert {p.dtype for p in pair.student.model.parameters()} == {torch.float32}
    ids = torch.tensor([[4, 5, 6]])
    hidden, _ = pair.student.hidden(ids, torch.ones_like(ids), torch.arange(3)[None])
    assert pair.student.logits(hidden).dtype == torch.float32


def test_random_weights_come_from_the_seed_alone(folder: Path):
    first = load_student(config(folder), CPU, torch.float32).head.weight
    torch.rand(5)
    assert torch.equal(load_student(config(folder), CPU, torch.float32).head.weight, first)
    other = config(folder).model_copy(update={"seed": 11})
    assert not torch.equal(load_student(other, CPU, torch.float32).head.weight, first)


def test_a_checkpoint_is_loaded_as_it_was_saved(folder: Path):
    student = load_student(config(folder), CPU, torch.float32)
    student.model.save_pretrained(folder / "checkpoint")
    again = load_checkpoint(folder / "checkpoint", CPU, torch.float32, config(folder).student)
    for name, value in student.model.state_dict().items():
        assert torch.equal(again.model.state_dict()[name], value)


def test_wider_logits_are_cut_to_the_shared_vocabulary(folder: Path):
    llama(vocabulary=20).save_pretrained(folder / "student")
    pair = load_pair(config(folder), CPU, torch.float32)
    assert pair.student.width == 20
    hidden = torch.zeros(1, 8)
    assert pair.student.logits(hidden).shape == (1, len(WORDS))
    assert pair.student.vocabulary == pair.teacher.vocabulary == len(WORDS)


def test_padding_token_is_the_end_token_where_there_is_none(folder: Path):
    made = json.loads((folder / "teacher" / "tokenizer_config.json").read_text())
    made.pop("pad_token")
    (folder / "teacher" / "tokenizer_config.json").write_text(json.dumps(made))
    assert load_tokenizer(config(folder)).pad_token_id == 2


def refused(make, sentence: str, pointer: str) -> None:
    with pytest.raises(BadInput) as error:
        make()
    assert sentence in error.value.sentence
    assert "\n" not in error.value.sentence
    assert error.value.pointer == pointer


def test_folders_that_lack_something_are_refused(folder: Path):
    def pair():
        load_pair(config(folder, init="weights"), CPU, torch.float32)

    refused(pair, 'has no weights: add model.safetensors or set "init": "random"', "/student/model")
    (folder / "student" / "config.json").unlink()
    refused(pair, f"{folder / 'student'} has no config.json", "/student/model")
    (folder / "teacher" / "model.safetensors").unlink()
    refused(pair, f"{folder / 'teacher'} has no weights", "/teacher/model")


def test_pickled_weights_are_read_only_where_the_config_says_so(folder: Path):
    teacher = folder / "teacher"
    torch.save(load_file(teacher / "model.safetensors"), teacher / "pytorch_model.bin")
    before = load_teacher(config(folder), CPU, torch.float32).model.state_dict()
    (teacher / "model.safetensors").unlink()
    refused(
        lambda: load_teacher(config(folder), CPU, torch.float32),
        "has its weights only as pytorch_model.bin, a pickle, which can run code as it is read: convert them to safetensors, or set "
        '"allowPickle": true in teacher if you trust their source.',
        "/teacher/model",
    )
    trusting = config(folder)
    trusting.teacher.allow_pickle = True
    after = load_teacher(trusting, CPU, torch.float32).model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_files_that_cannot_be_read_are_refused(folder: Path):
    (folder / "teacher" / "model.safetensors").write_bytes(b"not weights")

    def load():
        load_teacher(config(folder), CPU, torch.float32)

    refused(load, f"The teacher in {folder / 'teacher'} cannot be loaded:", "/teacher/model")
    (folder / "teacher" / "config.json").write_text("{")
    refused(load, "cannot be read as a model's config", "/teacher/model")


def test_missing_tokenizers_are_refused(folder: Path):
    refused(lambda: load_tokenizer(config(folder, tokenizer=None)), 'set "tokenizer": "teacher"', "/student/model")
    (folder / "teacher" / "tokenizer.json").unlink()
    refused(lambda: load_tokenizer(config(folder)), "has no tokenizer that can be loaded", "/teacher/model")


def test_a_tokenizer_without_an_end_token_is_refused(folder: Path):
    made = json.loads((folder / "teacher" / "tokenizer_config.json").read_text())
    made.pop("eos_token")
    (folder / "teacher" / "tokenizer_config.json").write_text(json.dumps(made))
    refused(lambda: load_tokenizer(config(folder)), "has no end token (eos_token)", "/teacher/model")


def test_a_run_may_name_the_token_that_ends_a_response(folder: Path):
    """Of both tokenizers, so that they still agree."""
    chosen = config(folder, tokenizer=None)
    llama().save_pretrained(folder / "student")
    tokenizer().save_pretrained(folder / "student")
    chosen = chosen.model_copy(update={"data": chosen.data.model_copy(update={"end_token": WORDS[5]})})
    assert load_pair(chosen, CPU, torch.float32).tokenizer.eos_token_id == 5
    wrong = chosen.model_copy(update={"data": chosen.data.model_copy(update={"end_token": "<nowhere>"})})
    refused(lambda: load_tokenizer(wrong), 'data.endToken "<nowhere>" is no token of the tokenizer', "/data/endToken")


def test_a_tokenizer_that_differs_from_the_teachers_is_refused(folder: Path):
    tokenizer([*WORDS[:4], "z", *WORDS[5:]]).save_pretrained(folder / "student")
    different = config(folder, tokenizer=None)
    refused(lambda: load_pair(different, CPU, torch.float32), "'a' is id 4 in the teacher and missing", "/student/model")


OTHERS = {
    "t5": T5Config(vocab_size=12, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2),
    "distilbert": DistilBertConfig(vocab_size=12, dim=8, hidden_dim=8, n_layers=1, n_heads=2),
    "bert": BertConfig(vocab_size=12, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8),
}


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("t5", "is a t5 model, which has no causal language-model head"),
        ("distilbert", "is a distilbert model, which has no causal language-model head"),
        ("bert", "the logits of a bert model cannot be rebuilt"),  # it has a head, behind a layer of its own
    ],
)
def test_models_that_are_no_causal_language_models_are_refused(folder: Path, kind: str, sentence: str):
    shutil.rmtree(folder / "student")
    AutoModel.from_config(OTHERS[kind]).save_pretrained(folder / "student")
    refused(lambda: load_pair(config(folder, init="weights"), CPU, torch.float32), sentence, "/student/model")


def test_devices_and_precisions(monkeypatch):
    assert choose_device("cpu") == CPU
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert choose_device("auto") == CPU
    refused(lambda: choose_device("cuda"), '"device" is "cuda", but torch', "/device")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert choose_device("auto").type == "mps"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto").type == "cuda"
    assert choose_precision("auto", CPU) == torch.float32
    assert choose_precision("bf16", CPU) == torch.bfloat16
    assert choose_precision("fp32", torch.device("cuda")) == torch.float32
    for has in (True, False):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda has=has, **_options: has)
        assert choose_precision("auto", torch.device("cuda")) == (torch.bfloat16 if has else torch.float32)


def test_weights_lie_where_fresh_ones_would_whatever_file_they_come_from(folder: Path):
    """Matrix products round differently beside those boundaries: the second half of a run would not be that of an undisturbed one."""
    student = load_student(config(folder), CPU, torch.float32)
    save_file({name: tensor.contiguous() for name, tensor in student.model.state_dict().items()}, folder / "student" / "model.safetensors")
    header = (folder / "student" / "model.safetensors").read_bytes()
    size = int.from_bytes(header[:8], "little")
    if (8 + size) % 64 == 0:  # a file of other software may begin anywhere
        longer = header[8 : 8 + size] + b" " * 8
        (folder / "student" / "model.safetensors").write_bytes(len(longer).to_bytes(8, "little") + longer + header[8 + size :])
    again = load_student(config(folder, init="weights"), CPU, torch.float32)
    assert {tensor.data_ptr() % 64 for tensor in again.model.parameters()} == {0}
    for name, tensor in student.model.state_dict().items():
        assert torch.equal(tensor, again.model.state_dict()[name]), name
