"""What a form asks and in which words: its questions, made of the campaign's fields and the source's form."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from app.catalog.documents import CampaignDoc, Consent, FieldDoc, FormDoc, SourceDoc
from app.catalog.forms import asked
from app.ingest.countries import NAMES
from app.ingest.data import rows

Kind = Literal["line", "area", "choice", "select", "tick"]

_STATES: dict[str, list[tuple[str, str]]] = {}
for _country, _code, _name, _ in rows("states.tsv"):
    _STATES.setdefault(_country, []).append((_code, _name))
_COUNTRIES = sorted(NAMES.items(), key=lambda row: row[1])
_MOST_RADIOS = 5
_AREA_FROM = 500
_DATES = {
    "mdy": ("MM/DD/YYYY", "12/31/1980"),
    "dmy": ("DD/MM/YYYY", "31/12/1980"),
    "ymd": ("YYYY-MM-DD", "1980-12-31"),
}
_YES_OR_NO = (("yes", "Yes"), ("no", "No"))
_POSTAL = {"US": "for example 94110", "CA": "for example K1A 0B1", "GB": "for example SW1A 1AA"}

# the field's name, or its end → what a browser fills in by itself
_AUTOCOMPLETE = {
    "first_name": "given-name", "given_name": "given-name", "last_name": "family-name", "surname": "family-name",
    "family_name": "family-name", "middle_name": "additional-name", "name": "name", "full_name": "name",
    "company": "organization", "street": "street-address", "address": "street-address", "address1": "address-line1",
    "address_1": "address-line1", "address2": "address-line2", "address_2": "address-line2", "city": "address-level2",
    "town": "address-level2", "born": "bday", "birthday": "bday", "birth_date": "bday", "date_of_birth": "bday",
    "dob": "bday", "job_title": "organization-title",
}  # fmt: skip
_BY_TYPE = {
    "email": "email", "phone": "tel", "postal_code": "postal-code", "state": "address-level1", "country": "country",
    "url": "url", "address": "street-address",
}  # fmt: skip


class Question(Struct, frozen=True, kw_only=True):
    """One field as it is asked."""

    name: str
    label: str
    type: str
    required: bool = False
    kind: Kind = "line"
    input: str = "text"
    inputmode: str = ""
    autocomplete: str = ""
    hint: str = ""
    options: Sequence[tuple[str, str]] = ()
    longest: int = 0
    width: str = ""  # of the input, as the answer's length: short, middle or all there is
    names: tuple[str, ...] = ()  # what the source calls it


class Page(Struct, frozen=True):
    """What is asked together."""

    title: str
    questions: Sequence[Question]


class Shape(Struct, frozen=True, kw_only=True):
    """A form, ready to be shown."""

    campaign: str
    source: str
    title: str
    doc: FormDoc
    pages: Sequence[Page]
    trap: str
    """The name of the input that only a program fills in."""
    fields: frozenset[str]
    """All that the campaign has."""
    answers: frozenset[str]
    """Names under which a visitor may answer: of what is asked, and those that the source maps."""

    @property
    def consent(self) -> Consent | None:
        return self.doc.consent

    @property
    def place(self) -> str:
        """What its tokens are bound to."""
        return f"{self.campaign}\0{self.source}"

    @property
    def questions(self) -> list[Question]:
        return [question for page in self.pages for question in page.questions]


def shape_of(campaign: CampaignDoc, source: SourceDoc) -> Shape:
    """`source` has a form."""
    form = source.form or FormDoc()
    found = {name: _question(name, campaign, source, form) for name in asked(form, campaign, source)}
    if form.steps:
        pages = [Page(step.title, [found[name] for name in step.fields]) for step in form.steps]
    else:
        pages = [Page("", list(found.values()))]
    return Shape(
        campaign=campaign.id, source=source.id, title=form.title or campaign.name or campaign.id, doc=form,
        pages=pages, trap=_trap(campaign, source), fields=frozenset(campaign.fields),
        answers=frozenset((*found, *(name.lower() for name in source.mapping))),
    )  # fmt: skip


def _trap(campaign: CampaignDoc, source: SourceDoc) -> str:
    """A name that looks worth filling in, is no field, and that no browser fills in by itself."""
    taken = {name.lower() for name in (*campaign.fields, *source.mapping)}
    return next(
        name for name in ("homepage", "homepage_address", "my_homepage", "homepage_0") if name not in taken
    )


def _question(name: str, campaign: CampaignDoc, source: SourceDoc, form: FormDoc) -> Question:
    doc = campaign.fields[name]
    given: dict[str, Any] = {
        "name": name,
        "label": form.labels.get(name) or doc.label or name.replace("_", " ").capitalize(),
        "type": doc.type,
        "required": doc.required,
        "autocomplete": _autocomplete(name, doc.type),
        "names": (
            name,
            *(theirs for theirs, to in source.mapping.items() if name in (to, getattr(to, "field", ""))),
        ),
    }
    given |= _asked_as(doc, form.options.get(name, {}))
    if name in form.hints:
        given["hint"] = form.hints[name]
    return Question(**given)


def _autocomplete(name: str, kind: str) -> str:
    if kind in _BY_TYPE:
        return _BY_TYPE[kind]
    return _AUTOCOMPLETE.get(name, "") if kind in ("name", "text", "date") else ""


def _asked_as(doc: FieldDoc, words: Mapping[str, str]) -> dict[str, Any]:
    more = doc.model_extra or {}
    match doc.type:
        case "choice":
            options = [
                (value, words.get(value, _worded(value))) for value in map(str, more.get("values", ()))
            ]
            return {"kind": "choice" if len(options) <= _MOST_RADIOS else "select", "options": options}
        case "boolean":
            return {"kind": "choice", "options": _YES_OR_NO} if doc.required else {"kind": "tick"}
        case "country":
            return {"kind": "select", "options": _COUNTRIES}
        case "state":
            states = _STATES.get(more.get("country", "US"))
            return {"kind": "select", "options": states} if states else {}
        case "email":
            return {"input": "email", "inputmode": "email", "longest": 254}
        case "phone":
            return {"input": "tel", "inputmode": "tel", "longest": 40, "width": "middle"}
        case "url":
            return {"inputmode": "url", "longest": 2_000}
        case _:
            return _written(doc.type, more)


def _written(kind: str, more: Mapping[str, Any]) -> dict[str, Any]:
    if kind == "postal_code":
        country = more.get("country", "US")
        mode = "numeric" if country == "US" else ""
        return {
            "width": "short",
            "longest": 20,
            "inputmode": mode,
            "hint": _POSTAL.get(country, "").capitalize(),
        }
    if kind == "date":
        shape, example = _DATES[more.get("order", "mdy")]
        return {"width": "short", "longest": 40, "hint": f"{shape}, for example {example}"}
    if kind == "number":
        mode = "numeric" if more.get("integer") else "decimal"
        return {
            "width": "short",
            "longest": 40,
            "inputmode": mode,
            "hint": _range(more.get("min"), more.get("max")),
        }
    longest = int(more.get("max_length") or (200 if kind == "name" else 10_000))
    area = kind == "text" and longest >= _AREA_FROM and "max_length" in more
    return {"kind": "area" if area else "line", "longest": longest}


def _range(least: Any, most: Any) -> str:
    if least is not None and most is not None:
        return f"From {least:g} to {most:g}"
    if most is not None:
        return f"At most {most:g}"
    return f"At least {least:g}" if least else ""


def _worded(value: str) -> str:
    """`own_home` → `Own home`; what has capitals of its own stays."""
    words = value.replace("_", " ")
    return words.capitalize() if re.fullmatch(r"[a-z0-9 -]+", words) else words
