"""XML in and out, for buyers who speak it: written as text, read without entities, DOCTYPE or network."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from lxml import etree

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_FORBIDDEN = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF))
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})
_ESCAPES.update(_FORBIDDEN)
_DEEPEST = 64
_MOST = 2_000
_TOO_DEEP = etree.XPath(f"boolean(//*[count(ancestor::*) > {_DEEPEST}])")


def escaped(text: str) -> str:
    """As text or attribute value; characters that XML can't hold are left out."""
    return text.translate(_ESCAPES)


def is_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None and not name.lower().startswith("xml")


def written(name: str, value: Any) -> str:
    """One element: mappings are children, sequences repeat it, the rest is text."""
    if isinstance(value, Mapping):
        inner = "".join([written(child, v) for child, v in value.items()])
        return f"<{name}>{inner}</{name}>"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "".join([written(name, v) for v in value])
    if isinstance(value, bool):
        value = "true" if value else "false"
    return f"<{name}>{escaped('' if value is None else str(value))}</{name}>"


def read(body: bytes) -> Any:
    """The root element; ValueError for what is no XML or has a DOCTYPE (entities are how XML bites)."""
    if b"<!DOCTYPE" in body:
        raise ValueError("has a DOCTYPE")
    parser = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False)
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise ValueError("is no XML") from None
    if root.getroottree().docinfo.doctype:
        raise ValueError("has a DOCTYPE")
    return root


def bare(body: bytes) -> bytes:
    """Its root element alone, for where it stands among others. Raises ValueError."""
    return bytes(etree.tostring(read(body), encoding="utf-8", xml_declaration=False, with_tail=False))


def page(text: str) -> Any:
    """The root of an HTML page, as browsers would mend it; ValueError for what has none."""
    parser = etree.HTMLParser(encoding="utf-8", no_network=True, huge_tree=False)
    try:
        root = etree.fromstring(text.encode("utf-8", "replace"), parser)
    except (etree.XMLSyntaxError, ValueError):
        root = None
    if root is None:
        raise ValueError("is no HTML")
    return root


def searchable(root: Any) -> Any:
    """`root`; ValueError for what could make an XPath or a selector run for minutes. At this bound the slowest that we
    found took 0.4 s, at 256 KiB of one element in another 90."""
    count = sum(1 for _ in zip(root.iter(), range(_MOST + 1), strict=False))
    if count > _MOST or (count > _DEEPEST and _TOO_DEEP(root)):
        raise ValueError("is too large to be searched")
    return root


def tree(root: Any) -> dict[str, Any]:
    """`<a x="1"><b>2</b></a>` as `{"a": {"@x": "1", "b": "2"}}`; repeated names become lists."""
    return {_local(root): _inside(root, 0)}


def _inside(element: Any, depth: int) -> Any:
    if depth > _DEEPEST:
        raise ValueError("is too deep")
    inside: dict[str, Any] = {f"@{_bare(name)}": value for name, value in element.attrib.items()}
    for child in element.iterchildren(etree.Element):
        name, value = _local(child), _inside(child, depth + 1)
        if name not in inside:
            inside[name] = value
        elif isinstance(inside[name], list):
            inside[name].append(value)
        else:
            inside[name] = [inside[name], value]
    text = (element.text or "").strip()
    if not inside:
        return text
    return inside | {"#text": text} if text else inside


def _local(element: Any) -> str:
    return _bare(element.tag)


def _bare(name: str) -> str:
    return name.rpartition("}")[2]
