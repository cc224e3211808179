"""The one hardened XML parser of all formats, and the prolog that the wild puts before a root."""

import re
from itertools import islice
from typing import Any

from lxml import etree

from app.ingest.body import as_utf8, charset_named, charset_of, no_fields, parameters
from app.ingest.format import Unreadable

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
_DECLARED = re.compile(
    rb"""<\?xml[^>]{0,200}?\sencoding\s*=\s*["'\x80-\xff]{1,3}([A-Za-z0-9._:-]{1,40})""", re.IGNORECASE
)
_FIRST_DECLARED = re.compile(rb"\s*" + _DECLARED.pattern)
_PROLOG_DOCTYPE = re.compile(rb"(?:\s|<\?[^>]*>|<!--(?:(?!-->)[\s\S])*-->)*<!DOCTYPE")
_LITERAL = rb"""\s+(?:"[^"<>]{0,300}"|'[^'<>]{0,300}')"""
_PLAIN_DOCTYPE = re.compile(
    rb"<!DOCTYPE\s+[\w:.-]{1,60}(?:\s+SYSTEM%(l)s|\s+PUBLIC%(l)s(?:%(l)s)?)?\s*>" % {b"l": _LITERAL},
    re.IGNORECASE,
)
_NO_NEWLINE = re.compile(rb"[^\n]")
_ROOT = re.compile(rb"<(?:[A-Za-z_][\w.-]{0,60}:)?([A-Za-z_][\w.-]{0,60})")
_SPACE = re.compile(rb"\s+")
_SNIFFED = 1_024
_MOST_PROLOG = 64
_LONGEST_PROLOG = 64_000
_MOST_TAGS = 250_000
_MOST_ATTRIBUTES = 100_000
_ATTRIBUTE = re.compile(rb"=\s*[\"']")
_TAG = re.compile(rb"<[^<]*")
_FEW = 2_000
_WORDS = {
    etree.ErrorTypes.ERR_TAG_NAME_MISMATCH: "an element is closed by another name",
    etree.ErrorTypes.ERR_TAG_NOT_FINISHED: "an element is not closed",
    etree.ErrorTypes.ERR_UNDECLARED_ENTITY: "an entity that XML doesn't know; write & as &amp;",
    etree.ErrorTypes.ERR_ENTITYREF_SEMICOL_MISSING: "an & that begins no entity; write &amp;",
    etree.ErrorTypes.ERR_NAME_REQUIRED: "an & or < that begins nothing; write &amp; or &lt;",
    etree.ErrorTypes.ERR_INVALID_CHAR: "a character that XML doesn't allow",
    etree.ErrorTypes.ERR_DOCUMENT_END: "something follows the end of the root element",
}


def utf8(body: bytes, content_type: str, *, anywhere: bool = False) -> bytes:
    """The header's charset outranks the declaration's; without either it is UTF-8.

    `anywhere`: the declaration may stand behind something else in the first kilobyte.
    """
    charset = charset_of(content_type)
    if "charset" not in parameters(content_type):
        declared = _DECLARED.search(body, 0, _SNIFFED) if anywhere else _FIRST_DECLARED.match(body)
        if declared:
            charset = charset_named(declared[1].decode())
    return as_utf8(body, charset)


def parsed(body: bytes) -> Any:
    """The root element of UTF-8 XML, without comments and processing instructions."""
    if b"\0" in body:
        raise Unreadable("a NUL character stands in the body", code="nul", where=f"byte {body.index(0) + 1}")
    if b"<!DOCTYPE" in body and _PROLOG_DOCTYPE.match(body):
        raise _doctype()
    if body.count(b"<") > _MOST_TAGS:
        raise Unreadable(f"more than {_MOST_TAGS} tags in one body; send several bodies", code="records")
    if body.count(b"=") > _FEW:
        _refuse_attributes(body)
    try:
        root = etree.fromstring(body, _PARSER)
    except etree.XMLSyntaxError as error:
        raise _explained(error) from None
    if root is None:
        raise no_fields()
    if root.getroottree().docinfo.internalDTD is not None:
        raise _doctype()
    return root


def _refuse_attributes(body: bytes) -> None:
    """The parser takes the square of their number in one tag, and two hundred bytes for each in a body."""
    if sum(1 for _ in islice(_ATTRIBUTE.finditer(body), _MOST_ATTRIBUTES + 1)) > _MOST_ATTRIBUTES:
        raise Unreadable(f"more than {_MOST_ATTRIBUTES} attributes in one body; send several", code="records")
    for tag in _TAG.finditer(body):
        start, end = tag.span()
        if end - start > _FEW and sum(1 for _ in _ATTRIBUTE.finditer(body, start, end)) > _FEW:
            raise Unreadable(f"more than {_FEW} attributes in one tag", code="fields")


def without_prolog(body: bytes) -> bytes:
    """What stands before the root made blank, so that positions hold: declarations however they are written.

    A DOCTYPE that only names a file is blanked too (the file is never fetched); one with an internal
    subset is refused.
    """
    at = _past_prolog(body)
    if at > _LONGEST_PROLOG:
        raise Unreadable("the root element comes too late", code="syntax", where=f"byte {at + 1}")
    return _NO_NEWLINE.sub(b" ", body[:at]) + body[at:] if at else body


def root_name(body: bytes) -> str:
    """The root's local name in lower case, found in the first kilobyte without parsing; else nothing."""
    start = body[:_SNIFFED]
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        start = start.decode("utf-16", "ignore").encode()
    try:
        found = _ROOT.match(start, _past_prolog(start))
    except Unreadable:
        return ""
    return found[1].decode().lower() if found else ""


def local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _past_prolog(body: bytes) -> int:
    """Where the root begins, or what is no prolog. One pass: each step begins where the last one ended."""
    at, end = 3 if body.startswith(b"\xef\xbb\xbf") else 0, len(body)
    for _ in range(_MOST_PROLOG):
        if space := _SPACE.match(body, at):
            at = space.end()
        if body.startswith(b"<?", at):
            at = body.find(b">", at) + 1 or end
        elif body.startswith(b"<!--", at):
            at = body.find(b"-->", at) + 3
            if at == 2:
                at = end
        elif body[at : at + 9].upper() == b"<!DOCTYPE":
            plain = _PLAIN_DOCTYPE.match(body, at)
            if plain is None:
                raise _doctype()
            at = plain.end()
        else:
            break
    return at


def _doctype() -> Unreadable:
    return Unreadable("a DOCTYPE and its entities are not read; send the XML without it", code="doctype")


def _explained(error: etree.XMLSyntaxError) -> Unreadable:
    """In our words: the parser's own can repeat what was sent."""
    line, column = error.position
    if error.code == etree.ErrorTypes.ERR_INVALID_ENCODING:
        detail, code = "a byte is not of the charset that is named, or UTF-8", "charset"
    else:
        detail, code = f"broken XML: {_WORDS.get(error.code, 'it is not well-formed')}", "syntax"
    return Unreadable(detail, code=code, where=f"line {line}, column {column}")
