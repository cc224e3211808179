"""Reads what a buyer's own system posts of its leads: its events, and what each says in our words, by the buyer's mapping."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, BinaryIO

from app.catalog.hearing import FeedbackMapping, Word
from app.core.errors import TooLarge, UnknownType
from app.core.expressions import Failed, FeedbackExpression
from app.followup.item import Wrong, item_of
from app.ingest.body import as_utf8, charset_of, refuse_empty
from app.ingest.formats.form import Form
from app.ingest.markup import local, parsed, utf8
from app.ingest.objects import value_of
from app.model import Record
from app.pipeline.feedback_reading import LINES, MOST_ITEMS, Read, lines_of, suffix_of, table_of

_TYPES = ("application/json", "application/xml", "application/x-www-form-urlencoded")
_TIMES = ("occurred_at", "promised_at")
_DEEPEST = 40
_MOST = 2**63 - 1
_SCALARS = (str, int, float, bool)


def mapped(body: bytes, content_type: str, mapping: FeedbackMapping) -> list[Read]:
    """Of those events that the mapping is of; often none. Raises Unreadable, UnknownType, TooLarge."""
    refuse_empty(body)
    whole = _document(body, content_type)
    found = [one for one in _events(whole, mapping) if one is not None]
    if len(found) > MOST_ITEMS:
        raise TooLarge(f"more than {MOST_ITEMS:,} items in one body; send several", code="items")
    return found


def mapped_file(file: BinaryIO, name: str, mapping: FeedbackMapping) -> Iterator[tuple[int, Read | None]]:
    """(row, what it says) of a file of any size, by how it is named; None where the mapping passes it over. A row of
    a table, or a line, is a body of its own; of one JSON or XML document an event is a row."""
    suffix = suffix_of(name)
    if suffix in ("json", "xml"):
        whole = _document(file.read(), f"application/{suffix}")
        yield from enumerate(_events(whole, mapping), 1)
        return
    for number, whole in enumerate(lines_of(file) if suffix in LINES else table_of(file, suffix), 1):
        events = (whole,) if isinstance(whole, Wrong) else _events(_whole(whole), mapping)
        yield from ((number, event) for event in events)


def _document(body: bytes, content_type: str) -> Any:
    kind = content_type.partition(";")[0].strip().lower()
    if kind in ("application/json", "text/json") or kind.endswith("+json"):
        return _whole(value_of(as_utf8(body, charset_of(content_type))))
    if kind in ("application/xml", "text/xml") or kind.endswith("+xml"):
        return _element(parsed(utf8(body, content_type)), 1)
    if kind == "application/x-www-form-urlencoded":
        return Form().read(body, content_type)[0]
    raise UnknownType(f"send one of {', '.join(_TYPES)}", taken=list(_TYPES))


def _whole(value: Any) -> Any:
    """Numbers that CEL doesn't have as texts: they are names of something."""
    if isinstance(value, dict):
        return {name: _whole(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_whole(inner) for inner in value]
    return str(value) if isinstance(value, int) and abs(value) > _MOST else value


def _element(element: Any, depth: int) -> Any:
    """Its text, or its children by their names without namespaces; of several of a name a list."""
    if not len(element) or depth > _DEEPEST:
        return (element.text or "").strip()
    found: dict[str, Any] = {}
    for child in element:
        name, value = local(child.tag), _element(child, depth + 1)
        if name not in found:
            found[name] = value
        elif isinstance(found[name], list):
            found[name].append(value)
        else:
            found[name] = [found[name], value]
    return found


def _events(whole: Any, mapping: FeedbackMapping) -> Iterator[Read | None]:
    """None for one that tells of no lead."""
    events = whole
    for name in mapping.each.split(".") if mapping.each else ():
        events = events.get(name) if isinstance(events, dict) else None
    for event in events if isinstance(events, Sequence) and not isinstance(events, str) else [events]:
        seen = {"item": event, "body": whole}
        tells = event is not None and (mapping.when is None or _value(mapping.when, seen) is True)
        yield _said(mapping.item, seen) if tells else None


def _said(words: Mapping[Word, FeedbackExpression], seen: Mapping[str, Any]) -> Read:
    told: Record = {name: text for name, where in words.items() if (text := _text(name, _value(where, seen)))}
    try:
        return item_of(told)
    except Wrong as wrong:
        return wrong


def _value(expression: FeedbackExpression, seen: Mapping[str, Any]) -> Any:
    """None where it has none: another kind of event has other names."""
    found = expression.value(seen)
    return None if isinstance(found, Failed) else found


def _text(name: str, value: Any) -> str:
    if not isinstance(value, _SCALARS):
        return ""
    text = f"{value:.6f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    text = text.replace("\0", "")
    return _moment(text) if name in _TIMES else text


def _moment(text: str) -> str:
    """Seconds or milliseconds since 1970 as the time that they are."""
    if not (text.isascii() and text.isdigit() and 9 <= len(text) <= 14):
        return text
    return datetime.fromtimestamp(int(text) / (1000 if len(text) > 11 else 1), UTC).isoformat()
