"""Reads feeds whose items are leads: RSS 2.0 (and its elders), RSS 1.0 and Atom."""

import re
from html import escape
from typing import Any, ClassVar

from lxml import etree

from app.ingest.body import joined, no_fields, too_deep, too_many_fields
from app.ingest.format import MOST_DEPTH, MOST_FIELDS, MOST_RECORDS, Format, Unreadable, formats
from app.ingest.items import ATOM, OWN, RDF, items
from app.ingest.markup import local, root_name
from app.ingest.page import facts
from app.model import Record

_PREFIXES = {
    ATOM: "atom",
    RDF: "rdf",
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://purl.org/dc/terms/": "dcterms",
    "http://purl.org/rss/1.0/modules/content/": "content",
    "http://purl.org/rss/1.0/modules/slash/": "slash",
    "http://wellformedweb.org/CommentAPI/": "wfw",
    "http://search.yahoo.com/mrss/": "media",
    "http://base.google.com/ns/1.0": "g",
    "http://www.georss.org/georss": "georss",
    "http://www.w3.org/2003/01/geo/wgs84_pos#": "geo",
    "http://www.itunes.com/dtds/podcast-1.0.dtd": "itunes",
}
_TEXTS = ("description", "content.encoded", "content", "summary")
_STAND_INS = (
    ("published", ("dc.date", "dcterms.created", "updated")),
    ("author", ("dc.creator",)),
    ("guid", ("rdf.about", "link")),
)
_ATOM_NAMES = {"id": ("guid", ""), "category": ("category", "term")}
_NO_WORD = re.compile(r"\W+")


@formats.register
class Feed(Format):
    """Each `<item>` or `<entry>` is a record: `guid`, `title`, `link`, `published`, `author`, `category` and
    `description` (Atom: `summary`, `content`), whatever the kind of feed calls them. Other elements go by their path,
    attributes by `path@name`, repeated elements also by `path.0`, `path.1`; an element of another namespace is
    `prefix.name`, by the well-known prefix (dc, content, media, g, georss …), else the declared one.

    guid: the item's guid, Atom's id or RDF's about; where there is none the link. It tells the same lead again.
    published: pubDate, Atom's published, dc:date, or else when it was updated.
    facts: what the text says as `Label: value` lines, two-column table rows or definition lists is a field too:
    `Home Phone: 512…` is `home_phone`. Where the item has such a name already it is `description.home_phone`.
    """

    name = "feed"
    content_types: ClassVar[tuple[str, ...]] = (
        "application/rss+xml",
        "application/atom+xml",
        "application/rdf+xml",
    )
    also: ClassVar[tuple[str, ...]] = ("application/xml", "text/xml")
    examples = (
        (
            b'<rss version="2.0" xmlns:lead="http://vendor.example/ns"><channel><title>Leads</title><item>'
            b"<guid isPermaLink='false'>L-77</guid><title>Solar lead</title><link>http://vendor.example/77</link>"
            b"<pubDate>Mon, 30 Mar 2026 15:30:20 GMT</pubDate><lead:score>8</lead:score>"
            b"<description>Name: Ann Smith&lt;br&gt;E-mail: ann@example.com</description></item></channel></rss>",
            "application/rss+xml",
            [
                {
                    "guid": "L-77",
                    "guid@isPermaLink": "false",
                    "title": "Solar lead",
                    "link": "http://vendor.example/77",
                    "published": "Mon, 30 Mar 2026 15:30:20 GMT",
                    "lead.score": "8",
                    "description": "Name: Ann Smith<br>E-mail: ann@example.com",
                    "name": "Ann Smith",
                    "e_mail": "ann@example.com",
                }
            ],
        ),
        (
            b'<feed xmlns="http://www.w3.org/2005/Atom"><title>Leads</title><entry><id>urn:lead:78</id>'
            b"<title>Solar lead</title><link rel='alternate' href='http://vendor.example/78'/>"
            b"<updated>2026-03-30T15:30:20Z</updated><author><name>Portal</name></author>"
            b"<category term='solar'/><summary>Phone: 5125550100</summary></entry></feed>",
            "application/atom+xml",
            [
                {
                    "guid": "urn:lead:78",
                    "title": "Solar lead",
                    "link": "http://vendor.example/78",
                    "updated": "2026-03-30T15:30:20Z",
                    "author": "Portal",
                    "category": "solar",
                    "summary": "Phone: 5125550100",
                    "published": "2026-03-30T15:30:20Z",
                    "phone": "5125550100",
                }
            ],
        ),
    )

    def read(self, body: bytes, content_type: str) -> list[Record]:
        found = items(body, content_type)
        if len(found) > MOST_RECORDS:
            raise Unreadable(f"more than {MOST_RECORDS} leads in one body", code="records")
        records = [_record(item) for item in found]
        if not all(records):
            raise no_fields(str([bool(record) for record in records].index(False)))
        return records

    def sniffs(self, body: bytes) -> bool:
        root = root_name(body)
        return root in ("rss", "rdf") or (root == "feed" and ATOM.encode() in body[:1024])


def _record(item: Any) -> Record:
    reading = _Reading(atom=item.tag.startswith(f"{{{ATOM}}}"))
    reading.element(item, "", 1)
    record = reading.record
    for name, sources in _STAND_INS:
        if not record.get(name) and (
            found := next((record[one] for one in sources if record.get(one)), None)
        ):
            record[name] = found
    for text in [record[name] for name in _TEXTS if name in record]:
        _add_facts(record, str(text))
    if len(record) > MOST_FIELDS:
        raise too_many_fields()
    return record


def _add_facts(record: Record, text: str) -> None:
    """What the item says itself is not replaced by what its text says."""
    for label, value in facts(text):
        name = _NO_WORD.sub("_", label.lower()).strip("_")
        if name and record.setdefault(name, value) != value:
            record.setdefault(f"description.{name}", value)


class _Reading:
    """One item. Elements are counted, as repeated ones are read twice, at every level."""

    def __init__(self, *, atom: bool) -> None:
        self.atom = atom
        self.record: Record = {}
        self.seen = 0

    def element(self, element: Any, path: str, depth: int, value_of: str = "") -> None:
        """`value_of`: the attribute that is the element's value."""
        if depth > MOST_DEPTH:
            raise too_deep(path)
        self._attributes(element, path, value_of)
        text = (element.text or "").strip()
        if value_of and element.get(value_of) is not None:
            self._put(path, element.get(value_of).strip())
        elif len(element) and path in _TEXTS:
            self._put(path, _inner(element))
        elif len(element):
            if text and path:
                self._put(path, text)
            self._children(element, path, depth)
        elif path and (text or not element.attrib):
            self._put(path, text)

    def _children(self, element: Any, path: str, depth: int) -> None:
        if len(element) > 4 * MOST_FIELDS:
            raise too_many_fields()
        groups: dict[str, list[tuple[Any, str]]] = {}
        for child in element:
            name, value_of = self._named(child, path)
            groups.setdefault(name, []).append((child, value_of))
        for name, children in groups.items():
            self.element(children[0][0], name, depth + 1, children[0][1])
            if len(children) > 1:
                for index, (child, value_of) in enumerate(children):
                    self.element(child, f"{name}.{index}", depth + 1, value_of)

    def _named(self, child: Any, path: str) -> tuple[str, str]:
        """The path of a child, and the attribute that is its value: Atom writes links and categories so."""
        tag = self._prefixed(child.tag, child.prefix)
        if tag.lower() == "pubdate":
            tag = "published"
        elif self.atom and not path and tag in _ATOM_NAMES:
            return _ATOM_NAMES[tag]
        elif self.atom and not path and tag == "link":
            rel = _NO_WORD.sub("_", child.get("rel", "alternate"))
            return ("link" if rel == "alternate" else joined("link", rel)), "href"
        elif self.atom and tag == "name" and path.partition(".")[0] in ("author", "contributor"):
            return path, ""
        return joined(path, tag), ""

    def _prefixed(self, tag: str, declared: str | None) -> str:
        namespace = tag[1:].partition("}")[0] if tag.startswith("{") else ""
        if namespace in OWN or (self.atom and namespace == ATOM):
            return local(tag)
        prefix = _PREFIXES.get(namespace) or declared
        return f"{prefix}.{local(tag)}" if prefix else local(tag)

    def _attributes(self, element: Any, path: str, value_of: str) -> None:
        for name, value in element.items():
            if name.startswith("{") and not path:
                self._put(self._prefixed(name, None), value.strip())
            elif name != value_of and not (value_of == "href" and name == "rel"):  # the path has it
                self._put(f"{path}@{local(name)}", value.strip())

    def _put(self, name: str, value: str) -> None:
        self.seen += 1
        if self.seen > 4 * MOST_FIELDS or len(self.record) >= MOST_FIELDS:
            raise too_many_fields()
        if not self.record.get(name):
            self.record[name] = value


def _inner(element: Any) -> str:
    """What is in an element, as HTML: XHTML content, or markup that its writer didn't escape."""
    if len(element) > 4 * MOST_FIELDS:
        raise too_many_fields()
    pieces = [escape(element.text or "", quote=False)]
    pieces += [etree.tostring(child, method="html", encoding="unicode") for child in element]
    return "".join(pieces).strip()
