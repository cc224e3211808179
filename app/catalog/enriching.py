"""Whether what a campaign wants looked up is declared, and has fields to come from and to go into."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from msgspec import Struct

from app.catalog.found import Item, Reading
from app.catalog.problems import suggestion

_LEAD = re.compile(r"\blead\.([a-z][a-z0-9_]*)")


class Ways(Struct, frozen=True):
    """The fields that an enricher fills, and those that it speaks of."""

    fills: frozenset[str] = frozenset()
    reads: frozenset[str] = frozenset()


def ways_of(reading: Reading) -> Mapping[str, Ways]:
    """By enricher, in the files (also where they have faults) and in the catalogue."""
    found = {one.id: _ways(one.ask) for one in reading.current.enrichers}
    for item in reading.of("enricher"):
        if item.id:
            ask = item.node.items.get("ask")
            found[item.id] = _ways(ask.value if ask is not None else None)
    return found


def _ways(ask: Any) -> Ways:
    if not isinstance(ask, Mapping):
        return Ways()
    fields, key = ask.get("fields"), ask.get("key")
    told = [value for name, value in ask.items() if name != "fields"]
    reads = {name for text in _texts(told) for name in _LEAD.findall(text)}
    if isinstance(key, Mapping):
        reads |= set(map(str, key))
    return Ways(frozenset(map(str, fields)) if isinstance(fields, Mapping) else frozenset(), frozenset(reads))


def _texts(told: Any) -> Iterator[str]:
    if isinstance(told, str):
        yield told
    elif isinstance(told, Mapping | list):
        for inner in told.values() if isinstance(told, Mapping) else told:
            yield from _texts(inner)


def check_enrich(
    reading: Reading, item: Item, known: Mapping[str, Ways], fields: Collection[str], derived: Collection[str]
) -> None:
    """`fields` are the campaign's, none where it has faults; `derived` is what is known of them offline."""
    node = item.node.items.get("enrich")
    said = [child.value for child in node.items.values()] if node is not None and node.kind == "list" else []
    for at, name in enumerate(said):
        path: list[str | int] = ["enrich", at]
        if not isinstance(name, str):
            continue
        if name not in known:
            reading.say(item, path, f'"{name}" is no enricher', suggestion(name, known))
        elif name in said[:at]:
            reading.say(item, path, "is there twice", "keep one")
        elif fields and (gone := sorted(known[name].fills - set(fields))):
            hint = f"declare {'it' if len(gone) == 1 else 'them'} under fields, with a type"
            reading.say(item, path, f"fills {', '.join(gone)}, which this campaign does not have", hint)
        elif fields and (gone := sorted(known[name].reads - set(fields) - set(derived))):
            hint = suggestion(gone[0], fields, otherwise=f"{item.id} has")
            reading.say(item, path, f"speaks of {', '.join(gone)}, which this campaign does not have", hint)
