"""Who is meant by a telephone number, an e-mail or a lead, and how that person is looked for."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal
from uuid import UUID

import orjson
import phonenumbers
from msgspec import Struct
from pydantic import ValidationError

from app.core.errors import Unprocessable
from app.core.registry import Registry
from app.ingest.fieldtype import FieldType
from app.model import Record
from app.store.persons import Needles, exact

Kind = Literal["phone", "email", "lead"]
_LONGEST = 320
_BETWEEN = r"(?:%2[0-9a-f]|[^0-9]){0,3}"
"""What people write between two digits of a number, also where it is sent in an address."""
_AT = r"(?:@|%40|\\u0040|&#64;|&#x40;)"


class Whom(Struct, frozen=True):
    """One contact in the normal form of leads, or a lead's id."""

    kind: Kind
    value: str

    @property
    def lead_id(self) -> UUID | None:
        return UUID(self.value) if self.kind == "lead" else None


def whom(
    text: str, fieldtypes: Registry[FieldType[Any]], *, country: str = "US", kind: Kind | None = None
) -> Whom:
    """What has an @ is an e-mail, what is an id a lead's, anything else a number of `country`. Raises Unprocessable,
    which does not repeat it."""
    given = text.strip()[:_LONGEST]
    if kind in (None, "lead"):
        try:
            return Whom("lead", str(UUID(given)))
        except ValueError:
            if kind == "lead":
                raise Unprocessable("that is no id of a lead") from None
    name: Kind = kind or ("email" if "@" in given else "phone")
    field = fieldtypes[name]
    told = {"country": country} if name == "phone" else {}
    try:
        to = field.settings.model_validate(told)
    except ValidationError:
        raise Unprocessable(
            "country: that is no country with numbers of its own; write US", where="country"
        ) from None
    value = field.normal(given, to)
    if not value.valid or not isinstance(value.normal, str) or value.parts.get("masked"):
        noun = (
            "e-mail address"
            if name == "email"
            else f"telephone number of {country}, nor one with a country code"
        )
        raise Unprocessable(f"that is no {noun}, and no id of a lead")
    return Whom(name, value.normal)


def contacts_of(fields: Mapping[str, list[Any]]) -> tuple[Whom, ...]:
    """Of a decided lead: `fields` is name → [raw, normal, valid, parts, note]."""
    found: dict[Whom, None] = {}
    for told in fields.values():
        parts = told[3] if len(told) > 3 else {}
        if not isinstance(told[1], str) or (len(told) > 2 and not told[2]) or parts.get("masked"):
            continue
        if "line_type" in parts:
            found[Whom("phone", told[1])] = None
        elif "domain" in parts:
            found[Whom("email", told[1])] = None
    return tuple(found)


def needles_of(contacts: Iterable[Whom]) -> Needles:
    every = [one for one in contacts if one.kind != "lead"]
    return Needles([exact(one.value) for one in every], "|".join(_written(one) for one in every))


def _written(one: Whom) -> str:
    """A pattern that PostgreSQL and Python read alike, over text in lower case."""
    if one.kind == "email":
        local, _, domain = one.value.lower().rpartition("@")
        return rf"(?:^|[^a-z0-9._+-]){re.escape(local)}{_AT}{re.escape(domain)}(?![a-z0-9-])"
    number = phonenumbers.parse(one.value)
    national = _BETWEEN.join(phonenumbers.national_significant_number(number))
    return rf"(?:^|[^0-9]|%2[0-9a-f])(?:0|{number.country_code}{_BETWEEN}0?{_BETWEEN})?{national}(?![0-9])"


def mentions(record: Record, needles: Needles) -> bool:
    """Whether one lead of several is this person's, before anybody has read its fields."""
    if not needles.written:
        return False
    return re.search(needles.written, orjson.dumps(record).decode().lower()) is not None
