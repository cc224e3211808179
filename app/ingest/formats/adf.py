"""Reads leads in ADF 1.0, the XML in which the car trade hands over prospects, as it is written and as it is sent."""

import re
from collections.abc import Sequence
from itertools import count
from typing import Any, ClassVar

from lxml import etree

from app.ingest.body import joined, no_fields, refuse_empty, too_deep, too_many_fields
from app.ingest.format import MOST_DEPTH, MOST_FIELDS, MOST_RECORDS, Format, Unreadable, formats
from app.ingest.labelled import labelled
from app.ingest.markup import local, parsed, root_name, utf8, without_prolog
from app.model import Record

_NAMES = {
    "first": "first_name",
    "middle": "middle_name",
    "last": "last_name",
    "surname": "last_name",
    "suffix": "suffix",
    "full": "full_name",
}
_PHONES = {
    "": "voice",
    "phone": "voice",
    "mobile": "cellphone",
    "cell": "cellphone",
    "cellular": "cellphone",
}
_NO_CALL = frozenset(("fax", "pager"))
_DATES = frozenset(("requestdate", "earliestdate", "latestdate"))
_OFFERED = frozenset(("trade-in", "sell"))
_UNNAMED = frozenset(("customer", "contact"))
_BREAKS = frozenset(("br", "p", "div", "li", "tr"))
_SHORT_ZONE = re.compile(r"(T.*[+-]\d\d:)(\d)\Z")
_SMART_QUOTED = re.compile(
    r"""=\s*(?:["“”„‟″]([^"“”„‟″<>]*)["“”„‟″]|['‘’‚‛]([^'‘’‚‛"<>]*)['‘’‚‛])(?=[\s/>])"""
)
_SMART = frozenset("“”„‟″‘’‚‛")
_VERBATIM = (("<![CDATA[", "]]>"), ("<!--", "-->"))
_LONGEST_DATE = 40
_NO_WORD = re.compile(r"[^a-z0-9]+")


@formats.register
class Adf(Format):
    """Each `<prospect>` is a record. An element is its path below the prospect, an attribute `path@name`, a repeated
    element also `path.0`, `path.1`; names are in lower case and text is without outer space. An empty element is an
    empty value and never hides a filled one. Shorter names than paths:

    customer: its contact, timeframe and comments stand without `customer.`; so do the parts below.
    contact: `first_name`, `middle_name`, `last_name`, `suffix`, `full_name` by the name's part (a full name of type
    business is `company`), `email`, `phone`, `address.city` …; `vendor.email` and `provider.email` for the others.
    phone: `phone` is the preferred one, else the first that is no fax or pager; each by its type too (`phone.voice`,
    `phone.cellphone`, `phone.work`); mobile and cell are cellphone, no type or `phone` is voice.
    street: `address.street.1`, `address.street.2` by line; `address.street` is the first.
    vehicle: `vehicle.make` … is the first that isn't a trade-in or for sale; `trade_in.make` … is the trade-in.
    comments: `comments` whole, and each `Key: value` line of it as `comments.Key`.

    A DOCTYPE that only names a file is passed over, never fetched; one that declares anything is refused.
    """

    name = "adf"
    content_types: ClassVar[tuple[str, ...]] = ("application/x-adf+xml", "application/adf+xml")
    also: ClassVar[tuple[str, ...]] = ("application/xml", "text/xml")
    examples = (
        (
            b'<?ADF VERSION "1.0"?>\n<?xml version="1.0"?>\n<adf><prospect status="new">'
            b'<id sequence="1" source="acme">77</id><requestdate>2026-03-30T15:30:20-08:00</requestdate>'
            b'<vehicle interest="buy" status="new"><year>2026</year><make>Honda</make><model>Civic</model></vehicle>'
            b'<customer><contact><name part="first">Ann</name><name part="last">Smith</name>'
            b'<email>ann@example.com</email><phone type="cellphone">512-555-0100</phone>'
            b'<address><street line="1">1 Main St</street><postalcode>78701</postalcode></address></contact>'
            b"<comments>Trade: none</comments></customer>"
            b"<vendor><vendorname>Downtown Honda</vendorname></vendor></prospect></adf>",
            "application/x-adf+xml",
            [
                {
                    "@status": "new",
                    "id@sequence": "1",
                    "id@source": "acme",
                    "id": "77",
                    "requestdate": "2026-03-30T15:30:20-08:00",
                    "vehicle@interest": "buy",
                    "vehicle@status": "new",
                    "vehicle.year": "2026",
                    "vehicle.make": "Honda",
                    "vehicle.model": "Civic",
                    "first_name": "Ann",
                    "last_name": "Smith",
                    "email": "ann@example.com",
                    "phone": "512-555-0100",
                    "phone@type": "cellphone",
                    "phone.cellphone": "512-555-0100",
                    "address.street": "1 Main St",
                    "address.street.1": "1 Main St",
                    "address.postalcode": "78701",
                    "comments": "Trade: none",
                    "comments.Trade": "none",
                    "vendor.vendorname": "Downtown Honda",
                }
            ],
        ),
    )

    def read(self, body: bytes, content_type: str) -> list[Record]:
        refuse_empty(body)
        prospects = _prospects(_root(without_prolog(utf8(body, content_type, anywhere=True))))
        if len(prospects) > MOST_RECORDS:
            raise Unreadable(f"more than {MOST_RECORDS} leads in one body", code="records")
        records = []
        for index, prospect in enumerate(prospects):
            reading = _Reading()
            reading.element(prospect, "", 1)
            if not reading.record:
                raise no_fields(str(index) if len(prospects) > 1 else None)
            records.append(reading.record)
        return records

    def sniffs(self, body: bytes) -> bool:
        return root_name(body) == "adf"


def _root(body: bytes) -> Any:
    """The strict reading first; typographic quotes around attributes are straightened only if that fails."""
    try:
        return parsed(body)
    except Unreadable as refused:
        if refused.reason != "syntax":
            raise
        return parsed(_straightened(body, refused))


def _straightened(body: bytes, refused: Unreadable) -> bytes:
    """Quotes within tags; text, comments and CDATA stay as they came. One pass. Nothing to straighten: `refused`."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise refused from None
    if _SMART.isdisjoint(text):
        raise refused
    pieces, at = [], 0
    while (start := text.find("<", at)) >= 0:
        pieces.append(text[at:start])
        closing = next((end for mark, end in _VERBATIM if text.startswith(mark, start)), ">")
        end = text.find(closing, start)
        if end < 0:
            at = start
            break
        at = end + len(closing)
        tag = text[start:at]
        pieces.append(_SMART_QUOTED.sub(_straight, tag) if closing == ">" else tag)
    return ("".join(pieces) + text[at:]).encode()


def _straight(match: re.Match[str]) -> str:
    return f'="{match[1] if match[2] is None else match[2]}"'


def _prospects(root: Any) -> Sequence[Any]:
    kind = _tag(root)
    if kind == "prospect":
        return [root]
    if kind != "adf":
        raise Unreadable("the root element of ADF is <adf>", code="shape", where="line 1")
    found = [child for child in root if _tag(child) == "prospect"]
    if not found:
        raise no_fields()
    return found


def _tag(element: Any) -> str:
    return local(element.tag).lower()


class _Reading:
    """One prospect. What stands first holds, unless it is empty. Elements are counted, as repeated ones are read twice."""

    def __init__(self) -> None:
        self.record: Record = {}
        self.seen = 0

    def element(self, element: Any, path: str, depth: int, *, said: str = "") -> None:
        """`said`: the attribute that the path says already."""
        self._attributes(element, path, said)
        if len(element):
            self._children(element, path, depth)
        elif path:
            self._value(path, _text(element))

    def _children(self, element: Any, path: str, depth: int) -> None:
        if depth > MOST_DEPTH:
            raise too_deep(path)
        if len(element) > 4 * MOST_FIELDS:
            raise too_many_fields()
        if path and (text := _own_text(element)):
            self._value(path, text)
        within = _tag(element)
        for (tag, name), children in _grouped(element, within).items():
            self._kind(within, tag, children, joined(path, name), depth + 1)

    def _kind(self, within: str, tag: str, children: list[Any], path: str, depth: int) -> None:
        """The children of one name, each in the way of its kind."""
        if tag == "phone":
            self._phones(children, path, depth)
        elif tag == "street":
            self._streets(children, path, depth)
        elif tag == "vehicle" and within == "prospect":
            self._vehicles(children, path, depth)
        elif tag in _UNNAMED:
            self._unnamed(children, path, depth)
        else:
            said = "part" if tag == "name" and within == "contact" else ""
            self._repeated(children, path, depth, _best(children), said=said)

    def _unnamed(self, children: list[Any], path: str, depth: int) -> None:
        """Elements whose name no path has: the first one's content stands where they stand."""
        for index, child in enumerate(children):
            numbered = f"{path}.{index}" if index else path
            if len(child):
                self._attributes(child, numbered)
                self._children(child, numbered if index else path.rpartition(".")[0], depth)
            else:
                self.element(child, numbered, depth)

    def _repeated(self, children: list[Any], path: str, depth: int, best: Any, *, said: str = "") -> None:
        self.element(best, path, depth, said=said)
        if len(children) > 1:
            for index, child in enumerate(children):
                self.element(child, f"{path}.{index}", depth, said=said)

    def _phones(self, phones: list[Any], path: str, depth: int) -> None:
        self._repeated(phones, path, depth, _best_phone(phones))
        for phone in phones:
            for kind in _phone_kinds(phone):
                self._put(f"{path}.{kind}", _text(phone))

    def _streets(self, streets: list[Any], path: str, depth: int) -> None:
        self.element(_best(streets), path, depth, said="line")
        lines = [_get(street, "line") for street in streets]
        own = {line for line in lines if line.isdecimal() and len(line) < 3 and lines.count(line) == 1}
        free = (str(place) for place in count(1) if str(place) not in own)
        for line, street in zip(lines, streets, strict=True):
            if line in own:
                self.element(street, f"{path}.{line}", depth, said="line")
            else:
                self.element(street, f"{path}.{next(free)}", depth)

    def _vehicles(self, vehicles: list[Any], path: str, depth: int) -> None:
        interests = [_get(one, "interest").lower() for one in vehicles]
        wanted = (one for one, interest in zip(vehicles, interests, strict=True) if interest not in _OFFERED)
        self._repeated(vehicles, path, depth, next(wanted, vehicles[0]))
        if "trade-in" in interests:
            self.element(vehicles[interests.index("trade-in")], "trade_in", depth)

    def _attributes(self, element: Any, path: str, said: str = "") -> None:
        self._count()
        for name, value in element.items():
            key = local(name).lower()
            if key != said:
                self._put(f"{path}@{key}", value.strip())

    def _value(self, path: str, text: str) -> None:
        name = path.rpartition(".")[2]
        if name in _DATES and len(text) <= _LONGEST_DATE:
            whole = _SHORT_ZONE.sub(r"\g<1>0\2", text)
            if whole != text:
                self._put(f"{path}.raw", text)
                text = whole
        self._put(path, text)
        if name == "comments" and ":" in text:
            for label, value in labelled(text):
                self._put(joined(path, label), value)

    def _put(self, name: str, value: str) -> None:
        if not self.record.get(name):
            self.record[name] = value
            self._count()

    def _count(self) -> None:
        self.seen += 1
        if self.seen > 4 * MOST_FIELDS or len(self.record) > MOST_FIELDS:
            raise too_many_fields()


def _text(element: Any) -> str:
    return (element.text or "").strip()


def _own_text(element: Any) -> str:
    """The text beside children: where it runs on behind them it is prose with markup, and read whole."""
    if not any((child.tail or "").strip() for child in element):
        return _text(element)
    pieces: list[str] = []
    for event, one in etree.iterwalk(element, events=("start", "end")):
        if event == "start":
            pieces += ["\n" if _tag(one) in _BREAKS else "", one.text or ""]
        elif one is not element:
            pieces.append(one.tail or "")
    return "".join(pieces).strip()


def _grouped(element: Any, within: str) -> dict[tuple[str, str], list[Any]]:
    """Children by their tag and the name that stands for it in a path, in the order of the first of each."""
    groups: dict[tuple[str, str], list[Any]] = {}
    for child in element:
        tag = _tag(child)
        name = _name(child) if tag == "name" and within == "contact" else tag
        name = "customer.id" if tag == "id" and within == "customer" else name
        groups.setdefault((tag, name), []).append(child)
    return groups


def _name(element: Any) -> str:
    """A part that the DTD doesn't know is `name.PART`."""
    part = _word(_get(element, "part")) or "full"
    if part == "full" and _word(_get(element, "type")) == "business":
        return "company"
    return _NAMES.get(part) or f"name.{part}"


def _phone_kinds(phone: Any) -> list[str]:
    """The type as it is written, and as the DTD has it."""
    kind = _word(_get(phone, "type"))
    return [one for one in (kind if kind != "phone" else "", _PHONES.get(kind, "")) if one]


def _best(elements: list[Any]) -> Any:
    """The preferred of the filled ones, else the first."""
    return min(elements, key=_rank)


def _best_phone(phones: list[Any]) -> Any:
    return min(phones, key=lambda one: (*_rank(one), _word(_get(one, "type")) in _NO_CALL))


def _rank(element: Any) -> tuple[bool, bool]:
    return not (len(element) or _text(element)), _get(element, "preferredcontact") != "1"


def _get(element: Any, name: str) -> str:
    """An attribute, however its name is capitalised."""
    value = element.get(name)
    if value is None:
        value = next((text for key, text in element.items() if key.lower() == name), "")
    return str(value).strip()


def _word(text: str) -> str:
    return _NO_WORD.sub("_", text.lower()).strip("_")[:40]
