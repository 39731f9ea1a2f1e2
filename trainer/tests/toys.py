"""Small language models for tests: real architectures with random weights, and an alphabet that can be enumerated."""

from __future__ import annotations

from itertools import product
from typing import Any

import torch
from torch import Tensor
from transformers import (
    AutoModelForCausalLM,
    CohereConfig,
    FalconH1Config,
    Gemma2Config,
    Gemma3TextConfig,
    GemmaConfig,
    GPT2Config,
    GPTJConfig,
    GPTNeoConfig,
    GPTNeoXConfig,
    GraniteConfig,
    GraniteMoeHybridConfig,
    Lfm2Config,
    LlamaConfig,
    MistralConfig,
    OPTConfig,
    Phi3Config,
    PhiConfig,
    Qwen2Config,
    Qwen3_5TextConfig,
    Qwen3Config,
)

from minillm.activations import fuse_activations
from minillm.language_model import LanguageModel

torch.set_num_threads(1)  # the models are too small for more

SHAPE = {
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}

LINEAR = {
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 2,
    "linear_key_head_dim": 8,
    "linear_value_head_dim": 8,
    "linear_conv_kernel_dim": 3,
}


def family(name: str, vocabulary: int) -> Any:
    """The config of a tiny model of a family."""
    plain = {**SHAPE, "vocab_size": vocabulary}
    without = {key: value for key, value in plain.items() if key not in ("num_key_value_heads", "head_dim", "intermediate_size")}
    makers = {
        "gpt2": lambda: GPT2Config(vocab_size=vocabulary, n_embd=16, n_layer=2, n_head=2, n_positions=64, bos_token_id=1, eos_token_id=2),
        "gpt-neo": lambda: GPTNeoConfig(
            vocab_size=vocabulary,
            hidden_size=16,
            num_layers=2,
            num_heads=2,
            intermediate_size=24,
            max_position_embeddings=64,
            attention_types=[[["global", "local"], 1]],
            window_size=4,
            bos_token_id=1,
            eos_token_id=2,
        ),
        "gpt-j": lambda: GPTJConfig(
            vocab_size=vocabulary,
            n_embd=16,
            n_layer=2,
            n_head=2,
            n_inner=24,
            n_positions=64,
            rotary_dim=4,
            bos_token_id=1,
            eos_token_id=2,
        ),
        "opt": lambda: OPTConfig(**without, ffn_dim=24, word_embed_proj_dim=8),  # projects out of a wider body
        "neox": lambda: GPTNeoXConfig(**without, intermediate_size=24),
        "phi": lambda: PhiConfig(**without, intermediate_size=24),  # a head with a bias
        "llama": lambda: LlamaConfig(**plain, tie_word_embeddings=False),
        "llama-tied": lambda: LlamaConfig(**plain, tie_word_embeddings=True),
        "mistral": lambda: MistralConfig(**plain, sliding_window=4),
        "phi3": lambda: Phi3Config(**without, intermediate_size=24, num_key_value_heads=2),
        "qwen2": lambda: Qwen2Config(**plain),
        "qwen3": lambda: Qwen3Config(**plain),
        "gemma": lambda: GemmaConfig(**plain),
        "gemma2": lambda: Gemma2Config(**plain, final_logit_softcapping=3.0, sliding_window=4),
        "gemma3": lambda: Gemma3TextConfig(**plain, sliding_window=4),
        "granite": lambda: GraniteConfig(**plain, logits_scaling=8.0),
        "cohere": lambda: CohereConfig(**plain, logit_scale=0.0625),
        # Running states in place of keys and values, in some layers or beside them.
        "qwen3.5": lambda: Qwen3_5TextConfig(**plain, **LINEAR, layer_types=["linear_attention", "full_attention"]),
        "lfm2": lambda: Lfm2Config(**plain, layer_types=["conv", "full_attention"], conv_L_cache=3),
        "falcon-h1": lambda: FalconH1Config(
            **plain, mamba_d_ssm=16, mamba_n_heads=2, mamba_d_head=8, mamba_n_groups=1, mamba_d_state=4, mamba_chunk_size=4
        ),
        "granite-hybrid": lambda: GraniteMoeHybridConfig(
            **plain,
            layer_types=["mamba", "attention"],
            mamba_n_heads=4,
            mamba_d_head=8,
            mamba_d_state=4,
            mamba_expand=2,
            mamba_chunk_size=4,
            num_local_experts=0,
            shared_intermediate_size=24,
        ),
    }
    return makers[name]()


FAMILIES = [
    "gpt2", "gpt-neo", "gpt-j", "neox", "opt", "phi", "phi3", "llama", "llama-tied", "mistral", "qwen2", "qwen3", "gemma", "gemma2",
    "gemma3", "granite", "cohere", "qwen3.5", "lfm2", "falcon-h1", "granite-hybrid",
]  # fmt: skip


EAGER = ("gemma2", "gpt-neo", "gpt-j")
"""Families that have plain attention alone, whose softmax is in fp32 whatever the model is in."""
SINGLE = (*EAGER, "qwen3.5")
"""Families that compute part of a pass in fp32, whatever the model is in."""


def toy(
    name: str = "llama", vocabulary: int = 11, seed: int = 0, dtype: torch.dtype = torch.float64, spread: float = 0.5, **shape: int
) -> LanguageModel:
    """A tiny model in fp64 with weights wide enough that its distributions are far from uniform. `shape` changes its config."""
    torch.manual_seed(seed)
    attention = "eager" if name in EAGER else "sdpa"
    config = family(name, vocabulary)
    config.update(shape)
    model = AutoModelForCausalLM.from_config(config, attn_implementation=attention).to(dtype).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * spread)
    fuse_activations(model)
    return LanguageModel(model, name=name)


def teacher(name: str = "llama", vocabulary: int = 11, seed: int = 100, dtype: torch.dtype = torch.float64, **shape: int) -> LanguageModel:
    """Another one, frozen."""
    model = toy(name, vocabulary, seed, dtype, **shape)
    model.model.requires_grad_(False)
    return model


def trajectories(vocabulary: int, length: int, eos: int) -> list[list[int]]:
    """Every response there is: those that end by themselves within `length` tokens, and those that are cut off there."""
    everything: list[list[int]] = []
    others = [token for token in range(vocabulary) if token != eos]
    for size in range(length):
        everything += [[*body, eos] for body in product(others, repeat=size)]
    return everything + [list(body) for body in product(others, repeat=length)]


def full_logits(model: LanguageModel, ids: list[int]) -> Tensor:
    """Logits [T,V] of one unpadded row through the model's own forward pass."""
    return model.model(input_ids=torch.tensor([ids])).logits[0, :, : model.vocabulary]
