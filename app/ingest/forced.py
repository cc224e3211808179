"""The results that a test may ask for: by a word beside the lead, or by a value of it that no person has."""

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple, get_args

from app.core.errors import Unprocessable
from app.ingest.raw import written
from app.model import Lead

Result = Literal["accepted", "duplicate", "rejected", "no_buyer", "buyer_error", "pending", "held"]
RESULTS: tuple[Result, ...] = get_args(Result)

DOMAIN = "leadgate.example"
"""A domain that nobody can have (RFC 2606): the result before its @ is forced."""
NUMBERS: Mapping[Result, str] = {one: f"555-{191 + n:04}" for n, one in enumerate(RESULTS)}
"""Ends of North American numbers that are set aside for fiction, in any area."""

_YES = frozenset(("1", "true", "yes", "on", "t", "y"))
_NO = frozenset(("", "0", "false", "no", "off", "f", "n"))
_BY_ADDRESS = {f"{one}@{DOMAIN}": one for one in RESULTS}
_BY_NUMBER = {number.replace("-", ""): one for one, number in NUMBERS.items()}
_DIGITS = re.compile(r"1?[2-9][0-9]{2}(5550[0-9]{3})")


class Asked(NamedTuple):
    """What a sender says of a test."""

    test: bool = False
    result: str = ""


NOTHING = Asked()


def asked(told: str, where: str) -> Asked:
    """A word of a header or a query. Raises Unprocessable for one that is neither yes, no nor a result: a slip
    of the pen must not make a live lead of a test."""
    word = told.strip().lower()
    if word in _NO:
        return NOTHING
    if word in _YES:
        return Asked(test=True)
    if word not in RESULTS:
        raise Unprocessable(
            f"this is no test that is known; say 1, or a result: {', '.join(RESULTS)}", where=where
        )
    return Asked(test=True, result=word)


def value_of(lead: Lead, types: Mapping[str, str]) -> str:
    """The result that a value of the lead asks for; nothing where none does. `types` is field → its type."""
    for name, value in lead.fields.items():
        look = _LOOKS.get(types.get(name, ""))
        found = look(written(value.normal if value.valid else value.raw)) if look is not None else ""
        if found:
            return found
    return ""


def _of_address(text: str) -> str:
    return _BY_ADDRESS.get(text.strip().lower(), "")


def _of_number(text: str) -> str:
    digits = _DIGITS.fullmatch("".join(c for c in text if c in "0123456789")) if len(text) < 40 else None
    return _BY_NUMBER.get(digits[1], "") if digits else ""


_LOOKS = {"email": _of_address, "phone": _of_number}
