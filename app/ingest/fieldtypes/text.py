"""Free text: trimmed, and held to a length or a pattern where the campaign says so."""

import re
from functools import cached_property
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from app.core.registry import Settings
from app.ingest.fieldtype import FieldType, fieldtypes
from app.ingest.raw import invalid, valid, written
from app.model import Raw, Value


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error.msg}") from None
    return pattern


class TextSettings(Settings):
    min_length: int = Field(0, ge=0)
    max_length: int = Field(10_000, ge=1, le=100_000)
    pattern: Annotated[str, AfterValidator(_compiles)] | None = Field(
        None, description="A regular expression that the whole text must match."
    )

    @model_validator(mode="after")
    def _in_order(self) -> "TextSettings":
        if self.min_length > self.max_length:
            raise ValueError("min_length is above max_length")
        return self

    @cached_property
    def matches(self) -> re.Pattern[str] | None:
        return re.compile(self.pattern) if self.pattern is not None else None


@fieldtypes.register
class Text(FieldType[TextSettings]):
    name = "text"
    settings = TextSettings
    examples = (
        ({}, "  south-facing roof ", Value("  south-facing roof ", "south-facing roof")),
        ({"max_length": 3}, "roof", Value("roof", None, False, {}, "is longer than 3 characters")),
        ({"pattern": "[A-Z]{2}[0-9]+"}, "ab1", Value("ab1", None, False, {}, "is not of the pattern")),
    )

    def normal(self, raw: Raw, to: TextSettings) -> Value:
        text = written(raw)
        length = len(text)
        if length > to.max_length:
            return invalid(raw, f"is longer than {to.max_length} characters")
        if length < to.min_length or not text:
            return invalid(raw, f"is shorter than {max(1, to.min_length)} characters")
        if to.matches is not None and not to.matches.fullmatch(text):
            return invalid(raw, "is not of the pattern")
        return valid(raw, text)
