"""A value of each field that its own field type takes, and how the field is written, in words."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import phonenumbers

from app.core.registry import Settings
from app.ingest.fieldtype import FieldType
from app.ingest.raw import is_blank

Example = str | int | float | bool

_FIRST = {"first_name": "Ann", "given_name": "Ann", "last_name": "Smith", "family_name": "Smith"}
_CODES = (
    "78701", "K1A 0B1", "SW1A 1AA", "1234", "12345", "123456", "1234 AB", "12-345", "1234-567", "123 45",
    "12345-678", "123-4567", "1234567", "A65 F4E2",
)  # fmt: skip
_TEXTS = (
    "example", "A", "A1", "AB12", "12", "123", "1234", "12345", "abc", "ABC", "2026-01-31", "A-1",
    "0f8fad5b-d9cb-469f-a165-70867728950e", "a" * 40, "https://www.example.com/a",
)  # fmt: skip
_PLAIN = {"US": "+15125550100", "CA": "+16135550123"}
"""Numbers that no person has."""


def example(field: str, kind: FieldType[Any], to: Settings, words: Sequence[str] = ()) -> Example | None:
    """The first that is valid: of the source's own `words`, then the usual ones, then the field type's."""
    for candidate in _candidates(field, kind, to, words):
        if not is_blank(candidate) and kind.normal(candidate, to).valid:
            return candidate
    return None


def _candidates(field: str, kind: FieldType[Any], to: Any, words: Sequence[str]) -> Iterator[Example]:
    yield from words
    if kind.name in _USUAL:
        yield from _USUAL[kind.name](field, to)
    yield from (raw for _, raw, value in kind.examples if value.valid and raw is not None)
    yield from _TEXTS


def _numbers(_: str, to: Any) -> Iterator[Example]:
    ends = [end for end in (to.min, to.max) if end is not None]
    middle = [sum(ends) / 2] if len(ends) == 2 else []
    for number in (180, 35, 1, *middle, *ends, *(end + 1 for end in ends)):
        whole = int(number) if float(number).is_integer() else number
        yield whole if isinstance(whole, int) or to.decimal == "." else str(whole).replace(".", ",")


def _phones(_: str, to: Any) -> Iterator[Example]:
    yield from [_PLAIN[to.country]] if to.country in _PLAIN else []
    number = phonenumbers.example_number(to.country)
    if number is not None:
        yield str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def _dates(_: str, to: Any) -> Iterator[Example]:
    yield from ("1988-12-31", *(day.isoformat() for day in (to.min, to.max) if day is not None))


def _texts(_: str, to: Any) -> Iterator[Example]:
    text = "example"
    yield from (text, text[: to.max_length], (text * (to.min_length // len(text) + 1))[: to.min_length])


def _always(*known: Example) -> Callable[[str, Any], Sequence[Example]]:
    return lambda _, __: known


_USUAL: dict[str, Callable[[str, Any], Any]] = {
    "name": lambda field, _: (_FIRST.get(field, "Ann Smith"), "Ann"),
    "email": _always("ann.smith@example.com"),
    "phone": _phones,
    "number": _numbers,
    "date": _dates,
    "boolean": _always(True),
    "choice": lambda _, to: to.values,
    "state": _always("CA", "ON", "Bayern"),
    "postal_code": _always(*_CODES),
    "country": _always("US"),
    "address": _always("123 N Main St Apt 4", "Hauptstr. 12"),
    "ip": _always("203.0.113.7"),
    "url": _always("https://www.example.com/quote"),
    "text": _texts,
}


def shape(kind: FieldType[Any], to: Any) -> str:
    """How a value is written, in words that a vendor's developer can follow."""
    said = _SHAPES.get(kind.name)
    if said is not None:
        return said(to)
    return (kind.__doc__ or kind.name).strip().split("\n")[0]


def _number(to: Any) -> str:
    said = "a whole number" if to.integer else "a number"
    ends = (("from", to.min), ("up to", to.max))
    said += "".join(f" {word} {_short(end)}" for word, end in ends if end is not None)
    return said + (", a comma before its fraction" if to.decimal == "," else "")


def _short(number: float) -> str:
    return f"{number:.15g}"


def _date(to: Any) -> str:
    order = {
        "mdy": "month, day, year (12/31/1988)",
        "dmy": "day, month, year (31.12.1988)",
        "ymd": "year, month, day",
    }
    ends = (("not before", to.min), ("not after", to.max))
    return f"a date as 1988-12-31, or {order[to.order]}" + "".join(
        f", {word} {day}" for word, day in ends if day is not None
    )


def _text(to: Any) -> str:
    least = f"{to.min_length} to " if to.min_length else "at most "
    said = f"text, {least}{to.max_length:,} characters"
    return said + (f", all of it matching {to.pattern}" if to.pattern else "")


_SHAPES: dict[str, Callable[[Any], str]] = {
    "name": lambda to: f"a name, at most {to.max_length} characters",
    "email": lambda _: "an e-mail address",
    "phone": lambda to: (
        f"a telephone number, in any punctuation; of {to.country} unless it begins with + and a country code"
        + ("; hidden digits as * are taken" if to.masked else "")
    ),
    "number": _number,
    "date": _date,
    "boolean": lambda _: "yes or no: true, yes, y, 1, on · false, no, n, 0, off",
    "choice": lambda _: "one of the values, in any case",
    "state": lambda to: f"a state or province of {to.country}: its code or its name",
    "postal_code": lambda to: f"a postal code of {to.country}",
    "address": lambda to: f"a street address of {to.country}, with its number and unit",
    "country": lambda _: "a country: its ISO 3166-1 code or its English name",
    "ip": lambda _: "an IP address, version 4 or 6",
    "url": lambda to: f"a web address, http or https, at most {to.max_length:,} characters",
    "text": _text,
}
