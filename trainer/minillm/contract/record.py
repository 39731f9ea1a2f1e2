"""What all records have in common."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Record(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        use_attribute_docstrings=True,
        extra="allow",
        json_schema_serialization_defaults_required=True,
    )


Number = float | Literal["NaN", "Infinity", "-Infinity"]
Metrics = dict[str, Number]
