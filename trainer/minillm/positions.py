"""How many tokens the models can read at once, and whether a prompt and its response fit. No torch: what config.json says is enough."""

from __future__ import annotations

from typing import Any

from minillm.config import Data
from minillm.findings import Findings

KEYS = ("max_position_embeddings", "n_positions")
"""What families call it. Models without such a key know no bound, or do not tell."""
PROMPT, RESPONSE = "/data/maxPromptTokens", "/data/maxNewTokens"


def positions_of(shape: dict[str, Any]) -> int | None:
    """Of a model's config.json: tokens that it has positions for; None where it names no bound."""
    text = shape.get("text_config")
    told = text if isinstance(text, dict) else shape
    return next((told[key] for key in KEYS if type(told.get(key)) is int and told[key] > 0), None)


def room_for_prompt(positions: int, data: Data) -> int:
    """Tokens that a prompt can have before a response of full length; less than one where no prompt fits."""
    return positions - data.max_new_tokens


def check_positions(data: Data, limits: dict[str, int | None], findings: Findings) -> None:
    """Holds the lengths that the config allows against the positions of teacher and student, as far as they are known."""
    known = {role: limit for role, limit in limits.items() if limit is not None}
    if not known:
        return
    whose = min(known, key=lambda role: known[role])
    positions, prompt, response = known[whose], data.max_prompt_tokens, data.max_new_tokens
    room = room_for_prompt(positions, data)
    if room < 1:
        edits = {RESPONSE: positions - prompt} if prompt < positions else _halves(positions)
        why = f"leaves no room for a prompt in the {positions} positions of the {whose}"
        findings.error(f"data.maxNewTokens = {response} {why}; {_lower(edits)}.", RESPONSE, edits=edits)
    elif prompt > room:
        longer, edits = (PROMPT, {PROMPT: room}) if prompt >= response else (RESPONSE, {RESPONSE: positions - prompt})
        both = f"data.maxPromptTokens = {prompt} and data.maxNewTokens = {response} are together more"
        harm = f"a prompt of more than {room} tokens ends the run at its start"
        findings.warn(f"{both} than the {positions} positions of the {whose}: {harm}; {_lower(edits)}.", longer, edits=edits)


def _halves(positions: int) -> dict[str, int]:
    return {PROMPT: positions // 2, RESPONSE: positions - positions // 2}


def _lower(edits: dict[str, int]) -> str:
    return "lower " + " and ".join(f"{pointer[1:].replace('/', '.')} to {value}" for pointer, value in edits.items())
