"""Reads leads posted as XML of any shape: every element and attribute by its path below the root."""

import re
from collections import Counter
from typing import Any, ClassVar

from app.ingest.body import joined, no_fields, refuse_empty, too_deep, too_many_fields
from app.ingest.format import MOST_DEPTH, MOST_FIELDS, MOST_RECORDS, Format, Unreadable, formats
from app.ingest.markup import local, parsed, utf8
from app.model import Record

_LEADS = frozenset(("lead", "record", "item", "prospect", "row"))
_PLURALS = frozenset(f"{name}s" for name in _LEADS)
_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_BEGINS = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:[A-Za-z_]|\?xml|!--)")


@formats.register
class Xml(Format):
    """The root's own name is no part of a path; an attribute is `path@name`, a repeated element `path.0`, `path.1`."""

    name = "xml"
    content_types: ClassVar[tuple[str, ...]] = ("application/xml", "text/xml", "+xml")
    examples = (
        (
            b"<lead><customer><name>Ann</name></customer><phone type='cell'>5125550100</phone></lead>",
            "application/xml",
            [{"customer.name": "Ann", "phone@type": "cell", "phone": "5125550100"}],
        ),
        (
            b"<leads><lead><email>ann@example.com</email></lead><lead><email>bob@example.com</email></lead></leads>",
            "text/xml; charset=utf-8",
            [{"email": "ann@example.com"}, {"email": "bob@example.com"}],
        ),
    )

    def read(self, body: bytes, content_type: str) -> list[Record]:
        refuse_empty(body)
        root = parsed(utf8(body, content_type))
        leads = _leads(root)
        if len(leads) > MOST_RECORDS:
            raise Unreadable(f"more than {MOST_RECORDS} leads in one body", code="records")
        records = []
        for index, lead in enumerate(leads):
            reading = _Reading()
            reading.element(lead, "", 1)
            if not reading.record:
                raise no_fields(str(index) if len(leads) > 1 else None)
            records.append(reading.record)
        return records

    def sniffs(self, body: bytes) -> bool:
        return bool(_BEGINS.match(body[:1024])) and b"<html" not in body[:1024].lower()


def _leads(root: Any) -> list[Any]:
    """The root itself, or its children where all have a lead's name and one at least has fields."""
    names = {local(child.tag) for child in root}
    several = len(root) > 1 or local(root.tag).lower() in _PLURALS
    if several and len(names) == 1 and names <= _LEADS and any(len(child) for child in root):
        return list(root)
    return [root]


class _Reading:
    """One lead. Elements are counted, not names: first of a repeated branch is read twice, at every level."""

    def __init__(self) -> None:
        self.record: Record = {}
        self.seen = 0

    def element(self, element: Any, path: str, depth: int) -> None:
        self._count(depth, path)
        for name, value in element.items():
            if name != _NIL:
                self._count(depth, path)
                self.record[f"{path}@{local(name)}"] = value
        if len(element):
            self._children(element, path, depth)
        elif path:
            self.record[path] = None if element.get(_NIL) in ("true", "1") else element.text or ""

    def _children(self, element: Any, path: str, depth: int) -> None:
        text = (element.text or "").strip()
        if text and path:
            self.record[path] = text
        times = Counter(local(child.tag) for child in element)
        done: Counter[str] = Counter()
        for child in element:
            tag = local(child.tag)
            name = joined(path, tag)
            if not done[tag]:
                self.element(child, name, depth + 1)
            if times[tag] > 1:
                self.element(child, f"{name}.{done[tag]}", depth + 1)
            done[tag] += 1

    def _count(self, depth: int, path: str) -> None:
        self.seen += 1
        if self.seen > 2 * MOST_FIELDS or len(self.record) > MOST_FIELDS:
            raise too_many_fields()
        if depth > MOST_DEPTH:
            raise too_deep(path)
