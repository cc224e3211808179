"""The items of a feed, RSS or Atom, and what each is told by."""

from typing import Any

from app.ingest.body import refuse_empty
from app.ingest.format import Unreadable
from app.ingest.markup import local, parsed, utf8, without_prolog

ATOM = "http://www.w3.org/2005/Atom"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
OWN = frozenset(
    (
        "",
        "http://purl.org/rss/1.0/",
        "http://my.netscape.com/rdf/simple/0.9/",
        "http://channel.netscape.com/rdf/simple/0.9/",
        "http://backend.userland.com/rss2",
    )
)
"""Namespaces whose names are RSS's own."""


def items(body: bytes, content_type: str) -> list[Any]:
    """The element of each item; each is a body of its own, too. Unreadable (`empty`) where there is none."""
    refuse_empty(body)
    return _items(parsed(without_prolog(utf8(body, content_type))))


def guid_of(item: Any) -> str:
    """What its writer tells the item by: guid, Atom's id or RDF's about; nothing where it says none."""
    own = OWN | {ATOM}
    for child in item:
        namespace = child.tag[1:].partition("}")[0] if child.tag.startswith("{") else ""
        if namespace in own and local(child.tag) in ("guid", "id") and (child.text or "").strip():
            return str(child.text.strip())
    return str(item.get(f"{{{RDF}}}about", "")).strip()


def _items(root: Any) -> list[Any]:
    kind = local(root.tag).lower()
    if kind == "feed":
        found = [child for child in root if local(child.tag) == "entry"]
    elif kind in ("rss", "rdf"):
        found = [
            item
            for child in (root, *(one for one in root if local(one.tag) == "channel"))
            for item in child
            if local(item.tag) == "item"
        ]
    elif kind in ("item", "entry"):
        found = [root]
    else:
        raise Unreadable(
            "the root element of a feed is <rss>, <rdf:RDF> or <feed>", code="shape", where="line 1"
        )
    if not found:
        raise Unreadable("there is no item in the feed", code="empty")
    return found
