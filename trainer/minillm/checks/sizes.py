"""How large a model is, and what it keeps of a sequence: asked of a copy without memory (the meta device), so that it costs nothing
and is known before any weight is loaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.pytorch_utils import Conv1D

from minillm.activations import fuse_activations

LONG = 128
"""Tokens of the longer of two sequences from which growth with the length is told apart from growth with its square; half of it is the
other."""
USUAL = 1.5
"""Numbers kept of a token per input and output of a linear layer, for a family that does not run on the meta device: 1.1 to 1.8 were
measured on others."""


@dataclass(frozen=True)
class Sizes:
    """Of one model. Bytes are of fp32 where nothing else is said."""

    parameters: int
    linear: int
    """Sum of inputs and outputs of the linear layers inside the decoder layers: times the rank, what LoRA trains."""
    layers: int
    width: int
    """H, of the last hidden state."""
    widest: int
    """Of any linear layer inside the decoder layers."""
    vocabulary: int
    cached: int
    """Numbers that the key-value cache keeps of a token."""
    activations: float
    """Bytes that a backward pass needs of a token, in fp32."""
    attention: float
    """Bytes that it needs of a pair of tokens, where attention is not fused."""


def measure_sizes(folder: Path, *, trust_remote_code: bool = False) -> Sizes | None:
    """Of the model whose config.json lies in `folder`; None for a family that does not run without memory."""
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=trust_remote_code)
        return sizes_of(config, trust_remote_code=trust_remote_code)
    except Exception:  # code of any family, run in a way that it was not written for: then nothing is foretold
        return None


def sizes_of(config: Any, *, trust_remote_code: bool = False) -> Sizes:
    """Raises whatever a family raises that cannot even be made on the meta device."""
    options = {"attn_implementation": "eager", "dtype": torch.float32, "trust_remote_code": trust_remote_code}
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, **options)
    model.eval()
    fuse_activations(model)
    text = config.get_text_config()
    layers = [module for module in model.modules() if isinstance(module, GradientCheckpointingLayer)]
    shapes = [_shape(module) for layer in layers for module in layer.modules() if isinstance(module, nn.Linear | Conv1D)]
    activations, attention = _activations(model, text, sum(map(sum, shapes)))
    heads = text.num_attention_heads
    per_head = getattr(text, "head_dim", None) or text.hidden_size // heads
    return Sizes(
        parameters=sum(p.numel() for p in model.parameters()), linear=sum(map(sum, shapes)), layers=len(layers),
        width=model.get_output_embeddings().weight.shape[1], widest=max((max(shape) for shape in shapes), default=text.hidden_size),
        vocabulary=model.get_output_embeddings().weight.shape[0],
        cached=2 * text.num_hidden_layers * (getattr(text, "num_key_value_heads", None) or heads) * per_head,
        activations=activations, attention=attention,
    )  # fmt: skip


def _activations(model: Any, text: Any, linear: int) -> tuple[float, float]:
    """Bytes of fp32 that a backward pass needs of each token, and of each pair of them."""
    long = min(LONG, getattr(text, "max_position_embeddings", None) or LONG)
    try:
        few, many = (_saved(model, length) for length in (long // 2, long))
    except Exception:  # code of any family, run in a way that it was not written for
        return USUAL * 4 * linear, 4.0 * text.num_hidden_layers * text.num_attention_heads
    pairs = max(0.0, (many - 2 * few) / (long**2 / 2))
    return many / long - pairs * long, pairs


def _shape(module: nn.Linear | Conv1D) -> tuple[int, int]:
    return tuple(module.weight.shape)


def _saved(model: Any, length: int) -> float:
    """Bytes that the backward pass of the model's body needs of one sequence, besides the weights."""
    weights = {parameter.untyped_storage()._cdata for parameter in model.parameters()}
    kept: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in weights:
            kept[storage._cdata] = storage  # held, so that no other gets its place
        return tensor

    ids = torch.zeros(1, length, dtype=torch.int64, device="meta")
    mask = torch.ones(1, 1, length, length, dtype=torch.bool, device="meta")  # whole already: making one looks into the tokens
    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model.get_decoder()(input_ids=ids, attention_mask=mask, use_cache=False)
    return float(sum(storage.nbytes() for storage in kept.values()))
