"""Prompts and responses as padded tensors.

Prompts are padded on the left and responses on the right, so that a response begins at the same column in every
row. Positions count real tokens only: a row means the same whatever it is padded to.

Shapes: N rows, P prompt columns, T response columns, R real response tokens of all rows, H hidden width.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from itertools import accumulate

import torch
from torch import Tensor

from minillm.language_model import LanguageModel

READ_TOKENS = {"cpu": 512, "cuda": 8192, "mps": 4096}
"""Tokens of given responses, with their prompts, that a model reads in one pass without a gradient: enough to keep a device busy, few
enough to pad little and, on a CPU, to stay in the cache from layer to layer."""


def left_pad(prompts: Sequence[Sequence[int]], pad: int, device: torch.device | str = "cpu") -> tuple[Tensor, Tensor]:
    """Prompts as ids [N,P] and mask [N,P] (int64, 1 at real tokens). A prompt must not be empty."""
    width = max(map(len, prompts))
    ids = torch.tensor([[pad] * (width - len(p)) + list(p) for p in prompts], dtype=torch.int64)
    lengths = torch.tensor([len(p) for p in prompts])
    mask = (torch.arange(width) >= width - lengths[:, None]).long()
    return ids.to(device), mask.to(device)


def right_pad(responses: Sequence[Sequence[int]], pad: int, device: torch.device | str = "cpu") -> tuple[Tensor, Tensor]:
    """Responses as ids [N,T] and mask [N,T] (bool)."""
    width = max(map(len, responses))
    ids = torch.tensor([list(r) + [pad] * (width - len(r)) for r in responses], dtype=torch.int64).reshape(len(responses), width)
    lengths = torch.tensor([len(r) for r in responses])
    return ids.to(device), (torch.arange(width) < lengths[:, None]).to(device)


def positions(mask: Tensor) -> Tensor:
    """Position of each token among the real tokens of its row; 0 at left padding."""
    return (mask.cumsum(1) - 1).clamp(min=0)


def collate(pairs: Sequence[tuple[Sequence[int], Sequence[int]]], pad: int, device: torch.device | str) -> tuple[Tensor, Tensor]:
    """Prompt and response one after the other, padded on the right: ids [B,T], and which of them are response tokens [B,T]."""
    width = max(len(prompt) + len(response) for prompt, response in pairs)
    ids = [[*prompt, *response, *[pad] * (width - len(prompt) - len(response))] for prompt, response in pairs]
    place = torch.arange(width)
    begin = torch.tensor([len(prompt) for prompt, _ in pairs])[:, None]
    end = begin + torch.tensor([len(response) for _, response in pairs])[:, None]
    return torch.tensor(ids).to(device), ((begin <= place) & (place < end)).to(device)


def shifted(prompt_ids: Tensor, prompt_mask: Tensor, response_ids: Tensor, mask: Tensor, pad: int) -> tuple[Tensor, Tensor]:
    """What `collate` makes of the same rows, from prompts padded on the left and responses padded on the right."""
    empty = prompt_ids.shape[1] - prompt_mask.sum(1, keepdim=True)  # [B,1] columns of padding before the prompt
    begin = prompt_ids.shape[1] - empty
    end = begin + mask.sum(1, keepdim=True)
    place = torch.arange(int(end.max()), device=prompt_ids.device)
    ids = torch.cat([prompt_ids, response_ids], 1).gather(1, (place + empty).clamp(max=prompt_ids.shape[1] + response_ids.shape[1] - 1))
    return ids.where(place < end, pad), (begin <= place) & (place < end)


def read(model: LanguageModel, ids: Tensor, wanted: Tensor) -> Tensor:
    """Hidden states [R,H] that predict the tokens `wanted` [B,T] marks in `ids` [B,T], row after row.

    Padding lies on the right, where a causal model does not look from any real token: no mask is needed.
    """
    inputs = ids[:, :-1]
    places = torch.arange(inputs.shape[1], device=ids.device).expand_as(inputs)
    hidden, _ = model.hidden(inputs, torch.ones_like(inputs), places)
    return hidden[wanted[:, 1:]]


def of_similar_length(lengths: Sequence[int], device: torch.device, rows: int | None = None) -> list[list[int]]:
    """Rows that are read together: by length, as many as `READ_TOKENS` hold when padded to the longest, and no more than `rows`."""
    tokens = READ_TOKENS.get(device.type, READ_TOKENS["cpu"])
    made: list[list[int]] = []
    for row in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):  # the longest first: it says how wide
        if not made or lengths[made[-1][0]] * (len(made[-1]) + 1) > tokens or len(made[-1]) == rows:
            made.append([])
        made[-1].append(row)
    return made


def response_hidden(model: LanguageModel, prompt_ids: Tensor, prompt_mask: Tensor, response_ids: Tensor, mask: Tensor) -> Tensor:
    """Hidden states [R,H] that predict the real response tokens, row after row (the order of `response_ids[mask]`).

    One forward pass over prompt and response. The last response token predicts nothing and is left out.
    """
    ids = torch.cat([prompt_ids, response_ids[:, :-1]], 1)
    seen = torch.cat([prompt_mask, mask[:, :-1].long()], 1)
    hidden, _ = model.hidden(ids, seen, positions(seen))
    return hidden[:, prompt_ids.shape[1] - 1 :][mask]


@dataclass
class Rollout:
    """Sampled responses and what sampling them already computed: nothing here is computed twice.

    Log-probabilities, KL and entropy are at the sampling temperature, in nats, and 0 at padding.
    """

    rows: Tensor
    """[N] int64: the ids that the draws were made with."""
    prompt_ids: Tensor
    """[N,P] int64, padded on the left."""
    prompt_mask: Tensor
    """[N,P] int64, 1 at real tokens."""
    response_ids: Tensor
    """[N,T] int64, padded on the right."""
    mask: Tensor
    """[N,T] bool: real tokens, up to and with the first end token."""
    logp_student: Tensor
    """[N,T] log q(y_t) of the student that sampled, q_old."""
    logp_teacher: Tensor
    """[N,T] log p(y_t)."""
    kl: Tensor
    """[N,T] token reverse KL(q‖p), exact over the vocabulary."""
    entropy: Tensor
    """[N,T] entropy of q."""
    hidden_teacher: Tensor
    """[N,T,H] the teacher's final hidden states, from which its head gives p."""
    from_teacher: Tensor
    """[N,T] bool: drawn from the teacher's distribution."""
    ended: Tensor
    """[N] bool: the response has its end token; False: cut off."""

    def __len__(self) -> int:
        return self.rows.shape[0]

    def to(self, device: torch.device | str) -> Rollout:
        return Rollout(**{name: tensor.to(device) for name, tensor in self.tensors().items()})

    def select(self, rows: Tensor | Sequence[int] | slice) -> Rollout:
        """The given rows, without the columns that are padding in all of them."""
        index = rows if isinstance(rows, Tensor | slice) else torch.as_tensor(rows, dtype=torch.int64)
        return Rollout(**{name: tensor[index] for name, tensor in self.tensors().items()}).trim()

    def trim(self) -> Rollout:
        """Without the columns that are padding in every row."""
        prompt = int(self.prompt_mask.sum(1).max())
        response = max(1, int(self.mask.sum(1).max()))
        start = self.prompt_ids.shape[1] - prompt
        cut = {name: getattr(self, name)[:, :response] for name in _BY_TOKEN}
        return replace(self, prompt_ids=self.prompt_ids[:, start:], prompt_mask=self.prompt_mask[:, start:], **cut)

    def pairs(self) -> list[tuple[list[int], list[int]]]:
        """Prompt and response of each row, without padding."""
        prompts, responses = (self.prompt_mask.sum(1).tolist(), self.mask.sum(1).tolist())
        rows = zip(self.prompt_ids.tolist(), prompts, self.response_ids.tolist(), responses, strict=True)
        return [(prompt[len(prompt) - p :], response[:r]) for prompt, p, response, r in rows]

    def tensors(self) -> dict[str, Tensor]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor]) -> Rollout:
        return cls(**{field.name: tensors[field.name] for field in fields(cls)})


_BY_PROMPT = ("prompt_ids", "prompt_mask")
_BY_TOKEN = ("response_ids", "mask", "logp_student", "logp_teacher", "kl", "entropy", "hidden_teacher", "from_teacher")


def assemble(parts: Iterable[tuple[Rollout, Sequence[int]]], count: int, prompt: int, response: int, pad: int) -> Rollout:
    """One rollout of `count` rows from parts that come one after the other, each with the places of its rows.

    It is laid out at the first part, `prompt` and `response` columns wide, and a part is dropped when it has been put in its place: of
    the teacher's hidden states there is never more than the whole and one part. Columns that no part has are left out.
    """
    whole: dict[str, Tensor] = {}
    widest = 0
    for part, places in parts:
        index = torch.as_tensor(places, dtype=torch.int64).to(part.rows.device)
        width = part.mask.shape[1]
        widest = max(widest, width)
        for name, tensor in part.tensors().items():
            if name not in whole:
                size = () if tensor.dim() == 1 else (prompt if name in _BY_PROMPT else response, *tensor.shape[2:])
                whole[name] = tensor.new_full((count, *size), pad if name in ("prompt_ids", "response_ids") else 0)
            if tensor.dim() == 1:
                whole[name][index] = tensor
            elif name in _BY_PROMPT:
                whole[name][index, prompt - tensor.shape[1] :] = tensor
            else:
                whole[name][index, :width] = tensor
            del tensor
        del part
    return Rollout(**{name: tensor[:, :widest] if name in _BY_TOKEN else tensor for name, tensor in whole.items()})


def join(parts: Sequence[Rollout], pad: int) -> Rollout:
    """Rollouts one after the other, padded to the widest of them."""
    ends = list(accumulate(len(part) for part in parts))
    places = [range(end - len(part), end) for part, end in zip(parts, ends, strict=True)]
    prompt, response = (max(getattr(part, name).shape[1] for part in parts) for name in ("prompt_ids", "response_ids"))
    return assemble(zip(parts, places, strict=True), ends[-1], prompt, response, pad)
