"""Whether what a campaign wants looked up is declared, and has fields to go into."""

from collections.abc import Mapping
from typing import Any

from app.catalog.found import Item, Reading
from app.catalog.problems import suggestion


def fills_of(reading: Reading) -> Mapping[str, frozenset[str]]:
    """Enricher → the fields that it fills, in the files (also where they have faults) and in the catalogue."""
    found = {one.id: _filled(one.ask) for one in reading.current.enrichers}
    for item in reading.of("enricher"):
        if item.id:
            ask = item.node.items.get("ask")
            found[item.id] = _filled(ask.value if ask is not None else None)
    return found


def _filled(ask: Any) -> frozenset[str]:
    fields = ask.get("fields") if isinstance(ask, Mapping) else None
    return frozenset(map(str, fields)) if isinstance(fields, Mapping) else frozenset()


def check_enrich(
    reading: Reading, item: Item, enrichers: Mapping[str, frozenset[str]], fields: Mapping[str, set[str]]
) -> None:
    node = item.node.items.get("enrich")
    said = [child.value for child in node.items.values()] if node is not None and node.kind == "list" else []
    mine = fields.get(item.id, set())
    for at, name in enumerate(said):
        path: list[str | int] = ["enrich", at]
        if not isinstance(name, str):
            continue
        if name not in enrichers:
            reading.say(item, path, f'"{name}" is no enricher', suggestion(name, enrichers))
        elif name in said[:at]:
            reading.say(item, path, "is there twice", "keep one")
        elif mine and (gone := sorted(enrichers[name] - mine)):
            hint = f"declare {'it' if len(gone) == 1 else 'them'} under fields, with a type"
            reading.say(item, path, f"fills {', '.join(gone)}, which this campaign does not have", hint)
