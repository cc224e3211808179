"""Guesses which column of a table is which field, from the header and from what stands below it."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from app.catalog.documents import CampaignDoc, MapTo, SourceDoc
from app.core.errors import Unprocessable
from app.core.registry import Registry
from app.ingest.body import shown
from app.ingest.fieldtype import FieldType
from app.ingest.raw import is_blank
from app.model import Record

By = Literal["said", "mapping", "name", "values", ""]

_MOST_ASIDE = 1_000
_SURE, _LIKELY = 0.8, 0.5
_TELLING = ("email", "url", "ip", "phone", "state", "date", "postal_code")
"""Field types that a column's values alone may prove, the surest first; others need a name that is alike."""

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_]+|\d+")
_ALIKE: Mapping[str, Sequence[str]] = {
    "first_name": ("first name", "fname", "first", "given name", "forename", "vorname", "prenom", "nombre"),
    "last_name": ("last name", "lname", "last", "surname", "family name", "nachname", "apellido", "apellidos"),
    "full_name": ("name", "full name", "fullname", "contact name", "customer name", "lead name"),
    "email": ("email", "e mail", "mail", "email address", "e mail address", "emailaddress", "correo"),
    "phone": ("phone", "phone number", "telephone", "tel", "mobile", "mobile phone", "cell", "cell phone",
              "phone 1", "primary phone", "home phone", "contact number", "telefon", "telefono", "phonenumber"),
    "state": ("state", "province", "region", "st", "state code", "us state"),
    "postal_code": ("postal code", "zip", "zip code", "zipcode", "postal", "postcode", "post code", "plz", "postalcode"),
    "city": ("city", "town", "ort", "stadt", "ciudad"),
    "address": ("address", "street", "street address", "address 1", "address line 1", "addr", "strasse"),
    "country": ("country", "country code", "land", "pais"),
    "ip": ("ip", "ip address", "client ip", "user ip", "ipaddress"),
    "url": ("url", "landing page", "website", "web site", "source url", "page url"),
    "dob": ("dob", "date of birth", "birth date", "birthday", "birthdate"),
}  # fmt: skip
_GROUP = {name: group for group, names in _ALIKE.items() for name in (*names, group.replace("_", " "))}
_PARTS = re.compile(r"[^()\[\]/|]+")
_BRACKETS = re.compile(r"[(\[]([^()\[\]]+)[)\]]")
_OF_NAMES = frozenset({"first_name", "last_name", "full_name"})
_FILLING = frozenset(
    {"your", "the", "lead", "customer", "contact", "primary", "no", "nr", "number", "required"}
)

Fits = Callable[[str, str, int], bool]
"""Field, column, and how many values there must be to tell by."""


class Guess(Struct, frozen=True):
    """Where a column goes, and how that is known: said by a person, in the source's mapping (or ours by name),
    by a name that is alike, by its values. `field` None: kept aside."""

    column: str
    field: str | None
    by: By = ""


Rule = Callable[[str, str, Sequence[str]], Guess | None]
"""Field, its type, and the columns that are still free."""


def guess(
    columns: Sequence[str],
    first: Iterable[Record],
    source: SourceDoc,
    campaign: CampaignDoc,
    fieldtypes: Registry[FieldType[Any]],
    *,
    said: Mapping[str, str] | None = None,
) -> list[Guess]:
    """One guess a column, in order. What is said or mapped is certain; each field is guessed once at most.

    `said` is column → field, or "" for keeping it aside; raises Unprocessable where it names what is not there.
    """
    said = said or {}
    _refuse_unknown(said, columns, campaign)
    known = _known(source, campaign)
    found = {column: _certain(column, said, known) for column in columns}
    rows = list(first)
    fits = _fitting(rows, campaign, fieldtypes)
    for rule in (_by_name, _by_part(fits), _by_values(campaign, fits)):
        left = [name for name in campaign.fields if name not in {one.field for one in found.values()}]
        for field in left:
            free = [c for c in columns if found[c].field is None and found[c].by == ""]
            if made := rule(field, campaign.fields[field].type, free):
                found[made.column] = made
    return [found[column] for column in columns]


def names_of(guesses: Iterable[Guess], source: SourceDoc, campaign: CampaignDoc) -> dict[str, str]:
    """Column → the name under which its values are kept; only where that is another than the column's own."""
    guesses, known = list(guesses), _known(source, campaign)
    columns = {one.column for one in guesses}
    names: dict[str, str] = {}
    for one in guesses:
        leads_to = known.get(one.column.lower())
        if leads_to == one.field:
            continue
        if one.field is None:
            names[one.column] = _aside(one.column, columns)
            continue
        names[one.column] = _way_to(one.field, known)
    _refuse_two_of_one_name(names, guesses)
    return names


def _refuse_unknown(said: Mapping[str, str], columns: Sequence[str], campaign: CampaignDoc) -> None:
    for column, field in said.items():
        if column not in columns:
            listed = ", ".join(map(shown, columns[:40]))
            raise Unprocessable(f"there is no column {shown(column)!r} (the file has {listed})", where="map")
        if field and field not in campaign.fields:
            listed = ", ".join(campaign.fields)
            raise Unprocessable(f"{campaign.id} has no field {shown(field)!r} (it has {listed})", where="map")


def _known(source: SourceDoc, campaign: CampaignDoc) -> dict[str, str]:
    """Names in lower case → field, as the source's mapping reads them; ours need no mapping."""
    mapped = {
        name.lower(): to.field if isinstance(to, MapTo) else to
        for name, to in reversed(list(source.mapping.items()))
    }
    return {name.lower(): name for name in campaign.fields} | mapped


def _certain(column: str, said: Mapping[str, str], known: Mapping[str, str]) -> Guess:
    if column in said:
        return Guess(column, said[column] or None, "said")
    field = known.get(column.lower())
    return Guess(column, field, "mapping" if field else "")


def _by_name(field: str, kind: str, free: Sequence[str]) -> Guess | None:
    """The same words, else words that mean the same."""
    ours = _plain(field)
    for column in free:
        if _plain(column) == ours:
            return Guess(column, field, "name")
    group = _GROUP.get(ours) or (kind if kind in _ALIKE else None)
    alike = (c for c in free if group and _GROUP.get(_plain(c)) == group)
    return next((Guess(column, field, "name") for column in alike), None)


def _by_part(fits: Fits) -> Rule:
    """A name of several parts, as forms and spreadsheets write them: `Name (First)`, `State / Province`, `Tel. No.`.
    One column only, and none whose values say otherwise."""

    def rule(field: str, kind: str, free: Sequence[str]) -> Guess | None:
        group = _GROUP.get(_plain(field)) or (kind if kind in _ALIKE else None)
        alike = [c for c in free if group and _group_of_parts(c) == group and fits(field, c, 0)]
        return Guess(alike[0], field, "name") if len(alike) == 1 else None

    return rule


def _by_values(campaign: CampaignDoc, fits: Fits) -> Rule:
    """Only where exactly one column's values fit, and no other field of that type is there to be meant."""

    def rule(field: str, kind: str, free: Sequence[str]) -> Guess | None:
        one_of_its_kind = sum(doc.type == kind for doc in campaign.fields.values()) == 1
        if kind not in _TELLING or not one_of_its_kind:
            return None
        fitting = [c for c in free if fits(field, c, 2)]
        return Guess(fitting[0], field, "values") if len(fitting) == 1 else None

    return rule


def _group_of_parts(column: str) -> str | None:
    """What stands in brackets is the narrower word; else all that means something must mean the same.
    Words of a name mean other things too (`Company (Name)`, `Visit (First)`), so there no part may be strange."""
    parts = _groups_in(column)
    narrower = {group for text in _BRACKETS.findall(column) for group in _groups_in(text)} - {""}
    found = narrower or set(parts) - {""}
    strange = bool(found & _OF_NAMES) and not _OF_NAMES.issuperset(parts)
    return found.pop() if len(found) == 1 and not strange else None


def _groups_in(text: str) -> list[str]:
    """Of each part that is more than filling; "" for a strange one."""
    return [_GROUP.get(bare, "") for part in _PARTS.findall(text) if (bare := _bare(part))]


def _bare(text: str) -> str:
    """Without the words that only fill: `Your e-mail`, `Tel. No.`."""
    return " ".join(word for word in _plain(text).split() if word not in _FILLING)


def _fitting(rows: Sequence[Record], campaign: CampaignDoc, fieldtypes: Registry[FieldType[Any]]) -> Fits:
    """Whether a column holds at least so many values, and nearly all are of the field's type."""

    def fits(field: str, column: str, least: int) -> bool:
        doc = campaign.fields[field]
        found = fieldtypes[doc.type]
        settings = found.settings.model_validate(doc.model_extra or {})
        values = [raw for row in rows if not is_blank(raw := row.get(column))]
        valid = sum(found.normal(raw, settings).valid for raw in values)
        return len(values) >= least and valid >= (_SURE if least else _LIKELY) * len(values)

    return fits


def _plain(name: str) -> str:
    """`E-Mail_Address`, `emailAddress` → words in lower case."""
    return " ".join(word.lower() for word in _WORDS.findall(name))


def _way_to(field: str, known: Mapping[str, str]) -> str:
    """A name that leads to the field: its own, unless the source's mapping sends that elsewhere."""
    if known.get(field.lower()) == field:
        return field
    found = next((name for name, to in known.items() if to == field), None)
    if found is None:
        raise Unprocessable(
            f"the source's mapping leaves no name for the field {field!r}; map one to it", where="map"
        )
    return found


def _aside(column: str, columns: set[str]) -> str:
    """A name of no field, for a column whose own name would lead to one."""
    names = (f"{column} ({n})" for n in range(2, _MOST_ASIDE))
    return next(name for name in names if name not in columns)


def _refuse_two_of_one_name(names: Mapping[str, str], guesses: Sequence[Guess]) -> None:
    """Two columns under one name would lose one of them."""
    taken: dict[str, str] = {}
    for one in guesses:
        name = names.get(one.column, one.column)
        if other := taken.get(name):
            raise Unprocessable(
                f"the columns {shown(other)!r} and {shown(one.column)!r} both lead to {name!r}; "
                f"send one of them elsewhere, or nowhere",
                where="map",
            )
        taken[name] = one.column
