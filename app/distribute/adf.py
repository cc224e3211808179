"""Writes a lead as ADF 1.0, under the names by which our reader reads it: what we read we can write.

A name is a path of what is written (`vehicle.make`, `vehicle@interest`, `vendor.vendorname`, `comments`), or one of the
shorter ones that the reader has: `first_name`, `middle_name`, `last_name`, `full_name`, `company`, `email`, `phone`,
`phone.cellphone`, `address.street.1`, `trade_in.make`, and those of `vendor.` and `provider.`. The document follows
the DTD whatever the lead: an element that it demands is there, empty, and an attribute holds only what it allows.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from app.core.world import moment_of
from app.distribute.adapter import Handover
from app.distribute.adf_names import guesses, named_in
from app.distribute.bodies import Filling
from app.distribute.templates import text_of
from app.distribute.xml import escaped

CONTENT_TYPE = "application/x-adf+xml"

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<?adf version="1.0"?>\n'
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?([+-]\d\d:\d\d|Z)")


class Element(Struct, frozen=True):
    """One element of the DTD, in its place. Without a `path` its own name is its step of the path."""

    tag: str
    inside: tuple["Element", ...] = ()
    path: str | None = None
    fixed: str = ""  # attributes that are always there
    may: Mapping[str, frozenset[str] | None] = {}  # attributes and what they may hold; None: anything
    needed: bool = False  # whenever the one around it is there


def _any(*names: str) -> dict[str, frozenset[str] | None]:
    return dict.fromkeys(names)


def _e(tag: str, *inside: Element) -> Element:
    return Element(tag, inside)


def _needed(tag: str) -> Element:
    return Element(tag, needed=True)


_01 = frozenset("01")
_ID = Element("id", may=_any("sequence", "source"))
_PRICE = Element(
    "price",
    may={
        "type": frozenset(("quote", "offer", "msrp", "invoice", "call", "appraisal", "asking")),
        "delta": frozenset(("absolute", "relative", "percentage")),
        "relativeto": frozenset(("msrp", "invoice")),
        **_any("currency", "source"),
    },
)
_OPTION = _e("option", _needed("optionname"), _e("manufacturercode"), _e("stock"), _e("weighting"), _PRICE)
_AMOUNT = Element(
    "amount", needed=True,
    may={
        "type": frozenset(("downpayment", "monthly", "total")),
        "limit": frozenset(("maximum", "minimum", "exact")),
        **_any("currency"),
    },
)  # fmt: skip
_BALANCE = Element("balance", may={"type": frozenset(("finance", "residual")), **_any("currency")})
_COLOURS = _e("colorcombination", _needed("interiorcolor"), _e("exteriorcolor"), _needed("preference"))
_ODOMETER = Element(
    "odometer",
    may={
        "status": frozenset(("unknown", "rolledover", "replaced", "original")),
        "units": frozenset(("km", "mi")),
    },
)
_IN_VEHICLE = (
    _ID, _needed("year"), _needed("make"), _needed("model"), _e("vin"), _e("stock"), _e("trim"), _e("doors"),
    _e("bodystyle"), _e("transmission"), _ODOMETER, _e("condition"), _COLOURS,
    Element("imagetag", may=_any("width", "height", "alttext")), _PRICE, _e("pricecomments"), _OPTION,
    _e("finance", _needed("method"), _AMOUNT, _BALANCE), _e("comments"),
)  # fmt: skip
_STATUS = {"status": frozenset(("new", "used"))}
_INTEREST = {"interest": frozenset(("buy", "lease", "sell", "trade-in", "test-drive")), **_STATUS}
_NAME = {"type": frozenset(("individual", "business"))}
_PHONE: dict[str, frozenset[str] | None] = {
    "time": frozenset(("morning", "afternoon", "evening", "nopreference", "day")),
    "preferredcontact": _01,
}
_PARTS = (
    Element("name", path="first_name", fixed=' part="first"', may=_NAME),
    Element("name", path="middle_name", fixed=' part="middle"', may=_NAME),
    Element("name", path="last_name", fixed=' part="last"', may=_NAME),
    Element("name", path="suffix", fixed=' part="suffix"', may=_NAME),
    Element("name", path="full_name", fixed=' part="full"', may=_NAME),
    Element("name", path="company", fixed=' part="full" type="business"'),
)
_PHONES = (
    Element("phone", path="phone", fixed=' type="voice"', may=_PHONE),
    Element("phone", path="phone.voice", fixed=' type="voice"', may=_PHONE),
    Element("phone", path="phone.cellphone", fixed=' type="cellphone"', may=_PHONE),
    Element("phone", path="phone.fax", fixed=' type="fax"', may=_PHONE),
    Element("phone", path="phone.pager", fixed=' type="pager"', may=_PHONE),
)
_STREETS = tuple(
    Element("street", path=f"street.{n}", fixed=f' line="{n}"', needed=n == 1) for n in range(1, 6)
)
_ADDRESS = Element(
    "address",
    (*_STREETS, _e("apartment"), _e("city"), _e("regioncode"), _e("postalcode"), _e("country")),
    may={"type": frozenset(("work", "home", "delivery"))},
)
_EMAIL = Element("email", may={"preferredcontact": _01})
_CONTACT = Element(
    "contact", (*_PARTS, _EMAIL, *_PHONES, _ADDRESS), path="", needed=True, may={"primarycontact": _01}
)
_TIMEFRAME = _e("timeframe", _e("description"), _e("earliestdate"), _e("latestdate"))
_PROSPECT = Element(
    "prospect",
    (
        _ID,
        _needed("requestdate"),
        Element("vehicle", _IN_VEHICLE, may=_INTEREST, needed=True),
        Element("vehicle", _IN_VEHICLE, path="trade_in", fixed=' interest="trade-in"', may=_STATUS),
        Element(
            "customer",
            (_CONTACT, Element("id", path="customer.id", may=_any("sequence", "source")), _TIMEFRAME, _e("comments")),
            path="", needed=True,
        ),
        Element("vendor", (_ID, _needed("vendorname"), _e("url"), _CONTACT), needed=True),
        Element("provider", (_ID, _needed("name"), _e("service"), _e("url"), _EMAIL, _e("phone"))),
    ),
    path="",
    may={"status": frozenset(("new", "resend"))},
)  # fmt: skip


class Adf:
    """The documents of one contract. `fields` come before what we guess by name; an empty one leaves its place out."""

    def __init__(self, fields: Mapping[str, Filling] | None, *, rest: bool = True) -> None:
        given = {_ALSO.get(name, name): filling for name, filling in (fields or {}).items()}
        if (unknown := next((name for name in given if name not in PLACES), None)) is not None:
            raise ValueError(f"{unknown!r} is no element or attribute of ADF")
        self._fills = {name: one.fill for name, one in given.items()}
        self._told = frozenset(name for one in given.values() for name in named_in(one.written))
        self._rest = rest

    def write(self, handover: Handover) -> bytes:
        return document([self.prospect(handover)])

    def prospect(self, handover: Handover) -> bytes:
        """One of those that a document may have."""
        guessed, rest = guesses(handover.lead, self._told)
        values = {name: text_of(value) for name, value in guessed.items()}
        values["id"] = str(handover.lead_id)
        values |= {name: text_of(fill(handover)) for name, fill in self._fills.items()}
        values["requestdate"] = _date(values.get("requestdate", ""), handover)
        if self._rest:
            lines = [f"{name}: {' '.join(text_of(value).split())}" for name, value in rest.items()]
            values["comments"] = "\n".join(filter(None, [values.get("comments", ""), *lines]))
        return _written(_PROSPECT, "", _fitting(values))[0].encode()


def document(prospects: Sequence[bytes]) -> bytes:
    return f"{_HEAD}<adf>".encode() + b"\n".join(prospects) + b"</adf>\n"


def _fitting(values: Mapping[str, str]) -> Mapping[str, str]:
    """Only what is filled; and, empty, what the DTD demands one of. A number is not written twice."""
    filled = {name: value for name, value in values.items() if value.strip()}
    if filled.get("phone", "") in {filled.get(one.path or "") for one in _PHONES[1:]}:
        del filled["phone"]
    for whose in ("", "vendor."):
        if not any(f"{whose}{one.path}" in filled for one in _PARTS):
            filled[f"{whose}full_name"] = filled.get(f"{whose}vendorname", "")
        if not any(f"{whose}{name}" in filled for name in ("email", *(one.path for one in _PHONES))):
            filled[f"{whose}email"] = ""
    return filled


def _written(element: Element, above: str, values: Mapping[str, str]) -> tuple[str, bool]:
    """The element, and whether there is a value in it."""
    path = _path(element, above)
    text = "" if element.inside else escaped(values.get(path, ""))
    inside, filled = [], bool(text)
    for child in element.inside:
        written, has_value = _written(child, path, values)
        filled = filled or has_value
        if has_value or child.needed or _path(child, path) in values:
            inside.append(written)
    return (
        f"<{element.tag}{_attributes(element, path, values)}>{text}{''.join(inside)}</{element.tag}>",
        filled,
    )


def _attributes(element: Element, path: str, values: Mapping[str, str]) -> str:
    """Those of the DTD; one that it has no such value for is left out."""
    found = element.fixed
    for name, allowed in element.may.items():
        value = values.get(f"{path}@{name}", "")
        value = value if allowed is None else value.lower()
        if value and (allowed is None or value in allowed):
            found += f' {name}="{escaped(value)}"'
    return found


def _path(element: Element, above: str) -> str:
    step = element.tag if element.path is None else element.path
    return f"{above}.{step}" if above and step else above or step


def _all(element: Element, above: str) -> Iterator[str]:
    path = _path(element, above)
    if not element.inside:
        yield path
    for name in element.may:
        yield f"{path}@{name}"
    for child in element.inside:
        yield from _all(child, path)


PLACES = frozenset(_all(_PROSPECT, ""))
_ALSO = {"address.street": "address.street.1", "vendor.address.street": "vendor.address.street.1"}


def _date(text: str, handover: Handover) -> str:
    """With an offset, as the DTD's own example has it. Without one: when the lead came, which its id says."""
    if _DATE.fullmatch(text):
        return text
    came = moment_of(handover.lead_id) if handover.lead_id.version == 7 else handover.at
    return came.isoformat(timespec="seconds")
