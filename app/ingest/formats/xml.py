"""Reads leads posted as XML of any shape: every element and attribute by its path below the root."""

import re
from collections import Counter
from typing import Any, ClassVar

from lxml import etree

from app.ingest.body import (
    as_utf8,
    charset_named,
    charset_of,
    joined,
    no_fields,
    parameters,
    refuse_empty,
    too_deep,
    too_many_fields,
)
from app.ingest.format import MOST_DEPTH, MOST_FIELDS, MOST_RECORDS, Format, Unreadable, formats
from app.model import Record

_PARSER = etree.XMLParser(
    encoding="utf-8",
    resolve_entities=False,
    no_network=True,
    load_dtd=False,
    dtd_validation=False,
    huge_tree=False,
    remove_comments=True,
    remove_pis=True,
)
_LEADS = frozenset(("lead", "record", "item", "prospect", "row"))
_PLURALS = frozenset(f"{name}s" for name in _LEADS)
_DECLARED = re.compile(rb"""\s*<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']""")
_PROLOG_DOCTYPE = re.compile(rb"(?:\s|<\?[^>]*>|<!--(?:(?!-->)[\s\S])*-->)*<!DOCTYPE")
_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_WORDS = {
    etree.ErrorTypes.ERR_TAG_NAME_MISMATCH: "an element is closed by another name",
    etree.ErrorTypes.ERR_TAG_NOT_FINISHED: "an element is not closed",
    etree.ErrorTypes.ERR_UNDECLARED_ENTITY: "an entity that XML doesn't know; write & as &amp;",
    etree.ErrorTypes.ERR_ENTITYREF_SEMICOL_MISSING: "an & that begins no entity; write &amp;",
    etree.ErrorTypes.ERR_NAME_REQUIRED: "an & or < that begins nothing; write &amp; or &lt;",
    etree.ErrorTypes.ERR_INVALID_CHAR: "a character that XML doesn't allow",
    etree.ErrorTypes.ERR_DOCUMENT_END: "something follows the end of the root element",
}


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
        root = _parsed(_utf8(body, content_type))
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


def _utf8(body: bytes, content_type: str) -> bytes:
    """The header's charset outranks the declaration's; without either it is UTF-8."""
    charset = charset_of(content_type)
    if "charset" not in parameters(content_type) and (declared := _DECLARED.match(body)):
        charset = charset_named(declared[1].decode())
    return as_utf8(body, charset)


def _parsed(body: bytes) -> Any:
    if b"\0" in body:
        raise Unreadable("a NUL character stands in the body", code="nul", where=f"byte {body.index(0) + 1}")
    if b"<!DOCTYPE" in body and _PROLOG_DOCTYPE.match(body):
        raise Unreadable("a DOCTYPE and its entities are not read; send the XML without it", code="doctype")
    try:
        root = etree.fromstring(body, _PARSER)
    except etree.XMLSyntaxError as error:
        raise _explained(error) from None
    if root is None:
        raise no_fields()
    if root.getroottree().docinfo.internalDTD is not None:
        raise Unreadable("a DOCTYPE and its entities are not read; send the XML without it", code="doctype")
    return root


def _explained(error: etree.XMLSyntaxError) -> Unreadable:
    """In our words: the parser's own can repeat what was sent."""
    line, column = error.position
    if error.code == etree.ErrorTypes.ERR_INVALID_ENCODING:
        detail, code = "a byte is not of the charset that is named, or UTF-8", "charset"
    else:
        detail, code = f"broken XML: {_WORDS.get(error.code, 'it is not well-formed')}", "syntax"
    return Unreadable(detail, code=code, where=f"line {line}, column {column}")


def _leads(root: Any) -> list[Any]:
    """The root itself, or its children where all have a lead's name and one at least has fields."""
    names = {_local(child.tag) for child in root}
    several = len(root) > 1 or _local(root.tag).lower() in _PLURALS
    if several and len(names) == 1 and names <= _LEADS and any(len(child) for child in root):
        return list(root)
    return [root]


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


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
                self.record[f"{path}@{_local(name)}"] = value
        if len(element):
            self._children(element, path, depth)
        elif path:
            self.record[path] = None if element.get(_NIL) in ("true", "1") else element.text or ""

    def _children(self, element: Any, path: str, depth: int) -> None:
        text = (element.text or "").strip()
        if text and path:
            self.record[path] = text
        times = Counter(_local(child.tag) for child in element)
        done: Counter[str] = Counter()
        for child in element:
            tag = _local(child.tag)
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
