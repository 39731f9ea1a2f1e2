"""Pairs of models with random weights at real shapes: time and memory do not depend on what the weights say."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from transformers import AutoModelForCausalLM, GPT2Config, PretrainedConfig, Qwen2Config

from minillm.activations import fuse_activations
from minillm.language_model import LanguageModel
from minillm.products import use_faster_products


def gpt2(width: int, layers: int, heads: int, vocabulary: int = 50_257, positions: int = 1024) -> PretrainedConfig:
    nothing = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0, "bos_token_id": 1, "eos_token_id": 2}
    return GPT2Config(n_embd=width, n_layer=layers, n_head=heads, vocab_size=vocabulary, n_positions=positions, **nothing)


def qwen2(width: int, inner: int, layers: int, heads: int, groups: int, vocabulary: int, *, tied: bool) -> PretrainedConfig:
    return Qwen2Config(
        hidden_size=width, intermediate_size=inner, num_hidden_layers=layers, num_attention_heads=heads, num_key_value_heads=groups,
        vocab_size=vocabulary, tie_word_embeddings=tied, max_position_embeddings=4096,
    )  # fmt: skip


SHAPES: dict[str, tuple[Callable[[], PretrainedConfig], Callable[[], PretrainedConfig]]] = {
    "gpt2-medium": (lambda: gpt2(768, 12, 12), lambda: gpt2(1024, 24, 16)),
    "gpt2-xl": (lambda: gpt2(768, 12, 12), lambda: gpt2(1600, 48, 25)),
    "qwen2.5-7b": (
        lambda: qwen2(896, 4864, 24, 14, 2, 151_936, tied=True),
        lambda: qwen2(3584, 18_944, 28, 28, 4, 151_936, tied=False),
    ),
    "tiny": (lambda: gpt2(32, 2, 2, 101, 64), lambda: gpt2(48, 3, 2, 101, 64)),
}
"""Student and teacher of each pair, by the teacher's name. Their heads are of one width, as TRL demands (Qwen2.5-7B has 128 rows more)."""


@dataclass
class Pair:
    """A student with fp32 weights, and a frozen teacher in the compute dtype; both cut to the vocabulary that they share."""

    student: LanguageModel
    teacher: LanguageModel

    @cached_property
    def loaded(self) -> Pair:
        """The same weights in models as a run of ours loads them."""
        return Pair(as_loaded(self.student), as_loaded(self.teacher))

    def fresh_student(self) -> LanguageModel:
        """Another student of the same shape, which another trainer can change."""
        return as_student(self.student.model.config, self.student.device, self.student.dtype, self.student.vocabulary)


def make_pair(shapes: str, device: str, dtype: torch.dtype, teacher_dtype: torch.dtype | None = None) -> Pair:
    of_student, of_teacher = (make() for make in SHAPES[shapes])
    vocabulary = min(of_student.vocab_size, of_teacher.vocab_size)
    there = torch.device(device)
    made = make_model(of_teacher, there, teacher_dtype or dtype)
    teacher = LanguageModel(made.requires_grad_(False), name="teacher")
    teacher.vocabulary = vocabulary
    return Pair(as_student(of_student, there, dtype, vocabulary), teacher)


def as_student(config: PretrainedConfig, device: torch.device, dtype: torch.dtype, vocabulary: int) -> LanguageModel:
    student = LanguageModel(make_model(config, device, torch.float32), dtype, "student")
    student.vocabulary = vocabulary
    return student


def as_loaded(model: LanguageModel) -> LanguageModel:
    shared = {id(tensor): tensor for tensor in (*model.model.parameters(), *model.model.buffers())}
    copied = copy.deepcopy(model.model, shared)
    fuse_activations(copied)
    use_faster_products(copied)
    made = LanguageModel(copied, model.dtype, model.name)
    made.vocabulary = model.vocabulary
    return made


def make_model(config: PretrainedConfig, device: torch.device, dtype: torch.dtype) -> Any:
    torch.manual_seed(0)
    with device:
        return AutoModelForCausalLM.from_config(config, dtype=dtype).eval()


def prompts_of(count: int, length: int, vocabulary: int, seed: int = 0) -> list[list[int]]:
    """Random prompts, all of one length: every trainer then pads in the same way, by nothing."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(vocabulary, (count, length), generator=generator).tolist()
