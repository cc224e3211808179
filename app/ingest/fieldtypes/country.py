"""A country as its ISO 3166-1 code of two letters, from a code, a name or a usual spelling."""

from app.core.registry import Settings
from app.ingest.countries import NAMES, SPELLINGS
from app.ingest.data import folded
from app.ingest.fieldtype import FieldType, fieldtypes
from app.ingest.raw import invalid, valid, written
from app.model import Raw, Value

_PARTS = {code: {"name": name} for code, name in NAMES.items()}
_LONGEST = 80


class CountrySettings(Settings):
    pass


@fieldtypes.register
class Country(FieldType[CountrySettings]):
    name = "country"
    settings = CountrySettings
    parts = {"name": "its English name"}
    examples = (
        ({}, "United States", Value("United States", "US", True, {"name": "United States"})),
        ({}, "deu", Value("deu", "DE", True, {"name": "Germany"})),
        ({}, "Atlantis", Value("Atlantis", None, False, {}, "is no country")),
    )

    def normal(self, raw: Raw, to: CountrySettings) -> Value:
        text = written(raw)
        code = text if text in NAMES else SPELLINGS.get(folded(text)) if len(text) <= _LONGEST else None
        return invalid(raw, "is no country") if code is None else valid(raw, code, _PARTS[code])
