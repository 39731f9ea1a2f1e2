"""What models answered the inspection prompts, as text and token by token: `samples/`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from minillm.contract.record import Metrics, Number, Record
from minillm.rundir import VERSION


class Sample(Record):
    """A line of `samples/<checkpoint>.jsonl`: one response to one prompt."""

    v: int = VERSION
    checkpoint: str
    """Name of the checkpoint, or `teacher`."""
    step: int
    prompt_id: str
    """The row's id in the inspection file, else its line; of a validation row sampled besides, that after `validation:`."""
    prompt: str
    draw: int
    """0 is greedy; draw k > 0 is sampled with the prompt's own seed k, the same at every checkpoint."""
    seed: int | None = None
    ids: list[int]
    """Response tokens, with the end token if it came."""
    text: str
    score: Metrics = Field(default_factory=dict)
    """`rougeL`, `exact`, `errorRate` against the best reference."""
    kl: Number | None = None
    """Mean token reverse KL, KL(student‖teacher), on this response."""
    kl_sequence: Number | None = None
    """The sum of the token reverse KL over this response."""
    repetition: Number = 0.0
    """Share of the runs of four tokens that came before: 0 says nothing twice."""
    length: int
    stop: Literal["eos", "length"]
    references: list[str] = Field(default_factory=list)


class TokenDetail(Record):
    """A line of `samples/<checkpoint>.tokens.jsonl`: one response token by token, in nats, at temperature 1.

    The lists have one entry per token. What a model that did not look would have said is null: the teacher's own samples have only its.
    """

    v: int = VERSION
    checkpoint: str
    step: int
    prompt_id: str
    prompt: str
    kind: Literal["draw", "reference"]
    """`reference`: an accepted answer, as if the student had given it."""
    draw: int
    """As in `Sample`; of a reference its place among them."""
    ids: list[int]
    """Tokens of the response, with the end token if it came."""
    pieces: list[str]
    """The text that each token adds. Empty for a token that ends inside a character: the one that completes it has it all."""
    special: list[int]
    """Places of tokens that are no text; their piece is their name."""
    logp_student: list[Number] | None
    logp_teacher: list[Number] | None
    entropy_student: list[Number] | None
    entropy_teacher: list[Number] | None
    kl: list[Number] | None
    """Exact reverse KL at each token."""
    reward: list[Number] | None
    """What the objective pays for each token: log p/q, clipped where the config says so."""
    top: list[list[tuple[int, Number | None, Number | None]]]
    """Per token the likeliest of both models together: id, log-prob under the student, under the teacher."""
    names: dict[str, str]
    """Text of every id in `ids` and `top`; bytes that are no character as `\\xe6`."""


class TokenPlace(Record):
    prompt_id: str
    kind: Literal["draw", "reference"]
    draw: int
    offset: int
    """Bytes before the line."""
    length: int
    """Bytes of the line, with its end."""


class TokenIndex(Record):
    """`samples/<checkpoint>.tokens.index`: where each line of `<checkpoint>.tokens.jsonl` lies."""

    v: int = VERSION
    bytes: int
    """Size of the file that this index belongs to: another size means that the two are being replaced."""
    lines: list[TokenPlace]
