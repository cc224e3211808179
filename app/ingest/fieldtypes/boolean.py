"""Yes or no, in the spellings that forms send."""

from app.core.registry import Settings
from app.ingest.fieldtype import FieldType, fieldtypes
from app.ingest.raw import invalid, valid, written
from app.model import Raw, Value

_WORDS = dict.fromkeys(("t", "true", "y", "yes", "1", "on", "checked", "x"), True) | dict.fromkeys(
    ("f", "false", "n", "no", "0", "off", "unchecked"), False
)


class BooleanSettings(Settings):
    pass


@fieldtypes.register
class Boolean(FieldType[BooleanSettings]):
    name = "boolean"
    settings = BooleanSettings
    examples = (
        ({}, "Yes", Value("Yes", True)),
        ({}, 0, Value(0, False)),
        ({}, "maybe", Value("maybe", None, False, {}, "is neither yes nor no")),
    )

    def normal(self, raw: Raw, to: BooleanSettings) -> Value:
        word = _WORDS.get(written(raw).lower())
        return invalid(raw, "is neither yes nor no") if word is None else valid(raw, word)
