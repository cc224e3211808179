"""One of the campaign's own words, however the source spells it."""

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from app.core.registry import Settings
from app.ingest.fieldtype import FieldType, fieldtypes
from app.ingest.raw import invalid, valid, written
from app.model import Raw, Value

Word = Annotated[str, BeforeValidator(lambda word: word if isinstance(word, str) else written(word))]


class ChoiceSettings(Settings):
    values: tuple[Word, ...] = Field(min_length=1, max_length=1_000)
    spelled: Mapping[Word, Word] = Field({}, description="Another spelling → one of `values`.")

    @model_validator(mode="after")
    def _spellings_lead_to_values(self) -> "ChoiceSettings":
        for value in self.spelled.values():
            if value not in self.values:
                raise ValueError(f"spelled leads to {value!r}, which is none of values")
        return self

    @cached_property
    def words(self) -> Mapping[str, str]:
        """Every spelling → its value. Exact values first, then values in any case, then other spellings."""
        words = {_folded(spelling): value for spelling, value in self.spelled.items()}
        words |= {_folded(value): value for value in reversed(self.values)}
        return words | {value: value for value in self.values}


def _folded(word: Any) -> str:
    return " ".join(word.casefold().split())


@fieldtypes.register
class Choice(FieldType[ChoiceSettings]):
    name = "choice"
    settings = ChoiceSettings
    examples = (
        ({"values": ["own", "rent"]}, " OWN", Value(" OWN", "own")),
        (
            {"values": ["own", "rent"], "spelled": {"homeowner": "own"}},
            "Homeowner",
            Value("Homeowner", "own"),
        ),
        ({"values": ["own"]}, "lease", Value("lease", None, False, {}, "is none of the values")),
    )

    def normal(self, raw: Raw, to: ChoiceSettings) -> Value:
        text = written(raw)
        word = to.words.get(text) or to.words.get(_folded(text))
        return invalid(raw, "is none of the values") if word is None else valid(raw, word)
