"""A postal code in the writing of its country."""

import re
from collections.abc import Callable

from app.core.registry import Settings
from app.ingest.countries import CountryCode
from app.ingest.fieldtype import FieldType, fieldtypes
from app.ingest.raw import invalid, valid, written
from app.model import Raw, Value

_US = re.compile(r"([0-9]{5})(?:[- ]?([0-9]{4})?)?")
_CA = re.compile(r"([ABCEGHJ-NPRSTVXY][0-9][ABCEGHJ-NPRSTV-Z])[- ]?([0-9][ABCEGHJ-NPRSTV-Z][0-9])")
_GB = re.compile(r"(GIR|[A-Z]{1,2}[0-9](?:[0-9]|[A-Z])?)\s?([0-9][ABD-HJLNP-UW-Z]{2})")
_ANY = re.compile(r"[A-Z0-9](?:[ -]?[A-Z0-9]){1,11}")
_APART = re.compile(r"[\s.-]+")

# 9 is a digit, A a letter, X either; what stands between is written so.
_SHAPES = {
    "9999": "AT AU BE BG CH CY DK GE HU LU NO NZ PH SI TN ZA",
    "99999": "DE EE ES FI FR HR ID IT KR LT MA MX MY RS SA TH TR UA",
    "999999": "CN CO IN KZ RO RU SG VN",
    "9999 AA": "NL",
    "99-999": "PL",
    "9999-999": "PT",
    "999 99": "CZ GR SE SK",
    "99999-999": "BR",
    "999-9999": "JP",
    "9999999": "IL",
    "AXX XXXX": "IE",
}


class PostalCodeSettings(Settings):
    country: CountryCode = "US"


Reading = Callable[[Raw, str], Value | None]


@fieldtypes.register
class PostalCode(FieldType[PostalCodeSettings]):
    """Leading zeros that a spreadsheet ate are given back, and the note says so."""

    name = "postal_code"
    settings = PostalCodeSettings
    parts = {
        "zip5": "US: the first five digits",
        "plus4": "US: the last four, where they came",
        "outward": "CA, GB: the district",
        "inward": "CA, GB: the delivery point",
    }
    examples = (
        ({}, "787011234", Value("787011234", "78701-1234", True, {"zip5": "78701", "plus4": "1234"})),
        ({}, 7030, Value(7030, "07030", True, {"zip5": "07030"}, "leading zero restored")),
        ({"country": "CA"}, "k1a0b1", Value("k1a0b1", "K1A 0B1", True, {"outward": "K1A", "inward": "0B1"})),
        (
            {"country": "GB"},
            "sw1a1aa",
            Value("sw1a1aa", "SW1A 1AA", True, {"outward": "SW1A", "inward": "1AA"}),
        ),
        ({"country": "NL"}, "1234ab", Value("1234ab", "1234 AB")),
        ({}, "1234567", Value("1234567", None, False, {}, "is no postal code of US")),
    )

    def normal(self, raw: Raw, to: PostalCodeSettings) -> Value:
        text = written(raw)
        if len(text) > 20:
            return invalid(raw, _said(to.country))
        return _READINGS.get(to.country, _any)(raw, text) or invalid(raw, _said(to.country))


def _said(country: str) -> str:
    return f"is no postal code of {country}"


def _us(raw: Raw, text: str) -> Value | None:
    note = ""
    if text.isdecimal() and len(text) in (3, 4):
        text, note = text.zfill(5), "leading zero restored"
    elif text.isdecimal() and len(text) == 8:
        text, note = text.zfill(9), "leading zero restored"
    match = _US.fullmatch(text)
    if match is None or not "00501" <= match[1] <= "99950":
        return None
    zip5, plus4 = match.groups()
    if plus4 is None:
        return valid(raw, zip5, {"zip5": zip5}, note)
    return valid(raw, f"{zip5}-{plus4}", {"zip5": zip5, "plus4": plus4}, note)


def _halves(shape: re.Pattern[str]) -> Reading:
    def read(raw: Raw, text: str) -> Value | None:
        if match := shape.fullmatch(text.upper()):
            outward, inward = match.groups()
            return valid(raw, f"{outward} {inward}", {"outward": outward, "inward": inward})
        return None

    return read


def _shaped(shape: str) -> Reading:
    compact = shape.replace(" ", "").replace("-", "")
    matches = re.compile(
        compact.replace("9", "[0-9]").replace("A", "[A-Z]").replace("X", "[A-Z0-9]")
    ).fullmatch
    cut = next((i for i, c in enumerate(shape) if c in " -"), None)

    def read(raw: Raw, text: str) -> Value | None:
        code, note = _APART.sub("", text.upper()), ""
        if isinstance(raw, int | float) and len(code) == len(compact) - 1:
            code, note = f"0{code}", "leading zero restored"
        if not matches(code):
            return None
        return valid(raw, code if cut is None else f"{code[:cut]}{shape[cut]}{code[cut:]}", note=note)

    return read


def _any(raw: Raw, text: str) -> Value | None:
    code = " ".join(text.upper().split())
    return valid(raw, code) if _ANY.fullmatch(code) else None


_READINGS = {"US": _us, "CA": _halves(_CA), "GB": _halves(_GB)} | {
    country: _shaped(shape) for shape, countries in _SHAPES.items() for country in countries.split()
}
