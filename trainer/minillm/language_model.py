"""A causal language model as the rest of the trainer sees it: final hidden states, and a head that turns them into logits.

Splitting the two is what lets a teacher run once per rollout: its hidden states are kept, and every later use
(inner epochs, several temperatures) costs the head alone.

Shapes: B rows, T tokens, H hidden width, V shared vocabulary.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from minillm.errors import BadInput
from minillm.key_values import KeyValues, has_running_state
from minillm.products import linear

ALIGNMENT = 64
"""Bytes. Torch allocates at multiples of it on a CPU."""


class LanguageModel:
    """A Hugging Face causal language model with its compute dtype.

    Weights whose dtype is not `dtype` (a student's fp32 master weights under bf16) are used through autocast.
    `vocabulary` is the number of logits that count; `models.load_pair` lowers it to what teacher and student share.
    """

    def __init__(self, model: nn.Module, dtype: torch.dtype | None = None, name: str = "model") -> None:
        self.model: Any = model
        self.name = name
        self.body: Any = model.get_decoder()
        head = model.get_output_embeddings()
        if not isinstance(getattr(head, "weight", None), Tensor) or self.body is model:
            raise BadInput(f"The {name} has no language-model head that can be reached; use a causal language model of transformers.")
        self.head: nn.Linear = head
        self.width: int = head.weight.shape[0]
        self.vocabulary = self.width
        self.dtype = dtype or head.weight.dtype
        self._mixed = any(parameter.dtype != self.dtype for parameter in model.parameters())
        self.takes_positions = "position_ids" in inspect.signature(self.body.forward).parameters
        self.recorded = False
        """Whether decoding replays recordings of its steps (`recordable.prove` says where that can be)."""
        self.unrecorded: str | None = None
        """Why it no longer does, though steps are made as for them."""
        self._scale, self._cap = _output_scale(model.config.get_text_config())

    @property
    def device(self) -> torch.device:
        return self.head.weight.device

    @property
    def math(self) -> torch.dtype:
        """The dtype of logits and losses: fp32, or fp64 for a model in fp64."""
        return torch.promote_types(self.dtype, torch.float32)

    def computing(self) -> AbstractContextManager[Any]:
        """The context of every forward pass. Entered once around a whole decode, it casts each weight that trains only once: autocast
        keeps the casts of leaves that require a gradient, and of nothing else (not of a view, not of a frozen weight)."""
        if self._mixed:
            return torch.autocast(self.device.type, dtype=self.dtype)
        # Inside another model's autocast, this one keeps its own dtype.
        return torch.autocast(self.device.type, enabled=False) if torch.is_autocast_enabled(self.device.type) else nullcontext()

    def new_cache(self) -> KeyValues:
        """An empty key-value cache for `hidden`."""
        return KeyValues(self.model.config, self.device, self.dtype if self._mixed else None)

    @cached_property
    def has_running_states(self) -> bool:
        """Whether layers keep a state (convolutions, linear attention) in place of keys and values, or beside them."""
        return any(has_running_state(layer) for layer in self.new_cache().layers)

    def hidden(
        self, input_ids: Tensor, attention_mask: Tensor, position_ids: Tensor, past: KeyValues | None = None
    ) -> tuple[Tensor, KeyValues | None]:
        """Final hidden states [B,T,H] of `input_ids` [B,T], what the head is applied to.

        With a cache in `past`, `attention_mask` [B,S+T] covers its S tokens too, and the cache grows in place. One that is of full
        length [L] from the start takes a mask [B,1,T,L] that says which of its columns each token sees.
        """
        places = {"position_ids": position_ids} if self.takes_positions else {}
        with self.computing():
            output = self.body(
                input_ids=input_ids, attention_mask=attention_mask, past_key_values=past, use_cache=past is not None, **places
            )
        return output.last_hidden_state, past

    def head_weights(self) -> tuple[Tensor, Tensor | None]:
        """The head's weight [V,H] and bias [V], cut to the shared vocabulary."""
        weight, bias = self.head.weight, getattr(self.head, "bias", None)
        if self.vocabulary == self.width:
            return weight, bias
        return weight[: self.vocabulary], None if bias is None else bias[: self.vocabulary]

    def shape(self, raw: Tensor) -> Tensor:
        """What the model family does to the head's output [..,V]: scale it, cap it softly, or nothing."""
        if self._scale != 1.0:
            raw = raw * self._scale
        return raw if self._cap is None else self._cap * torch.tanh(raw / self._cap)

    def slope(self, logits: Tensor) -> Tensor | float:
        """Derivative of `shape` as a function of its own output."""
        return self._scale if self._cap is None else self._scale * (1.0 - (logits / self._cap) ** 2)

    def logits(self, hidden: Tensor) -> Tensor:
        """Logits [..,V] over the shared vocabulary, fp32 (fp64 for a model in fp64)."""
        weight, bias = self.head.weight, getattr(self.head, "bias", None)  # whole: of a part, autocast would keep no cast
        with self.computing():
            raw = linear(hidden.to(weight.dtype) if not self._mixed else hidden, weight, bias)
        return self.shape(raw[..., : self.vocabulary].to(self.math))


def _output_scale(config: Any) -> tuple[float, float | None]:
    """Scale and soft cap of the logits, as the families name them: Cohere, Granite, MiniCPM; Gemma."""
    scale = float(getattr(config, "logit_scale", None) or 1.0)
    scale /= float(getattr(config, "logits_scaling", None) or 1.0)
    if getattr(config, "dim_model_base", None):
        scale *= config.dim_model_base / config.hidden_size
    return scale, getattr(config, "final_logit_softcapping", None)


@contextmanager
def _amplified(body: nn.Module, gain: float) -> Iterator[None]:
    """Final hidden states times `gain`: fresh weights give tiny logits, on which a soft cap would not show."""

    def amplify(_module: nn.Module, _inputs: Any, output: Any) -> Any:
        output.last_hidden_state = output.last_hidden_state * gain
        return output

    hook = body.register_forward_hook(amplify)
    try:
        yield
    finally:
        hook.remove()


@torch.no_grad()
def verify(model: LanguageModel, pointer: str | None = None) -> None:
    """Proves on eight tokens that hidden states, head, left padding and cache, of which rows are chosen, give the model's own logits.

    Raises BadInput, with `pointer` as its place in the config, for a model that computes its logits in another way.
    """
    ids = (torch.arange(8, device=model.device) * 7 + 1) % model.vocabulary
    long, short = ids, torch.cat([ids[:2], ids[:6]])  # the second row: two pads, then six tokens
    rows = torch.stack([long, short])
    mask = torch.ones_like(rows)
    mask[1, :2] = 0
    positions = (mask.cumsum(1) - 1).clamp(min=0)

    def own(row: Tensor) -> Tensor:
        with model.computing():
            return model.model(input_ids=row[None]).logits[0, :, : model.vocabulary].to(model.math)

    was_training = model.model.training
    model.model.eval()
    try:
        gain = 30.0 / own(long).std().clamp(min=1e-6).item()
        with _amplified(model.body, gain):
            expected = torch.stack([own(long)[-2:], own(ids[:6])[-2:]])
            cache = model.new_cache()
            first, _ = model.hidden(rows[:, :7], mask[:, :7], positions[:, :7], cache)
            other = torch.tensor([1, 0], device=model.device)
            cache.batch_select_indices(other)
            last, _ = model.hidden(rows[other, 7:], mask[other], positions[other, 7:], cache)
            found = model.logits(torch.cat([first[:, -1:], last[other]], 1))
    finally:
        model.model.train(was_training)
    error = (found - expected).abs().max() / expected.abs().max()
    if not error <= (0.1 if model.dtype in (torch.bfloat16, torch.float16) else 1e-3):
        kind = model.model.config.model_type
        raise BadInput(
            f"The {model.name}: the logits of a {kind} model cannot be rebuilt from its last hidden states "
            f"(relative difference {error:.2g}); this model family is not supported.",
            pointer=pointer,
        )


def aligned(tensor: Tensor) -> Tensor:
    """The same values where a fresh tensor would lie. A file of safetensors is mapped into memory as it is, a few bytes beside the
    boundaries that torch allocates at, and matrix products round differently there: a resumed run would not be the same to the bit."""
    return tensor.clone() if tensor.device.type == "cpu" and tensor.data_ptr() % ALIGNMENT else tensor
