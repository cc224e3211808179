"""A state, province or territory as its postal code of two letters."""

from app.core.registry import Settings
from app.ingest.countries import CountryCode
from app.ingest.data import folded, rows
from app.ingest.fieldtype import FieldType, fieldtypes
from app.ingest.raw import invalid, valid, written
from app.model import Raw, Value

_LONGEST = 80
_PARTS: dict[str, dict[str, dict[str, str]]] = {}
_SPELLINGS: dict[str, dict[str, str]] = {}
for _country, _code, _name, _others in rows("states.tsv"):
    _PARTS.setdefault(_country, {})[_code] = {"name": _name}
    for _spelling in (*_others.split("|"), _name, _code, f"{_country}-{_code}"):
        _SPELLINGS.setdefault(_country, {})[folded(_spelling)] = _code


class StateSettings(Settings):
    country: CountryCode = "US"


@fieldtypes.register
class State(FieldType[StateSettings]):
    """The United States with their territories, and Canada; of other countries it is kept as text."""

    name = "state"
    settings = StateSettings
    parts = {"name": "its English name"}
    examples = (
        ({}, "calif.", Value("calif.", "CA", True, {"name": "California"})),
        ({"country": "CA"}, "Québec", Value("Québec", "QC", True, {"name": "Quebec"})),
        ({"country": "DE"}, " Bayern ", Value(" Bayern ", "Bayern")),
        ({}, "Bayern", Value("Bayern", None, False, {}, "is no state of US")),
    )

    def normal(self, raw: Raw, to: StateSettings) -> Value:
        text = written(raw)
        if not text or len(text) > _LONGEST:
            return invalid(raw, f"is no state of {to.country}")
        known = _PARTS.get(to.country)
        if known is None:
            return valid(raw, " ".join(text.split()))
        code = text if text in known else _SPELLINGS[to.country].get(folded(text))
        return invalid(raw, f"is no state of {to.country}") if code is None else valid(raw, code, known[code])
