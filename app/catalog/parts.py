"""The components that an object of a file names: each against its own model, and their secrets hidden."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from app.catalog.found import Item, Reading
from app.catalog.kinds import Path, replaced, secret_places, unknown_places
from app.catalog.problems import suggestion
from app.catalog.sealing import CannotOpen, is_sealed
from app.catalog.slots import Slot, slots_of
from app.catalog.tree import Node
from app.catalog.words import Fault, joined, path_text


def check_parts(reading: Reading, item: Item) -> None:
    for slot in slots_of(item.kind):
        for at, node in _nodes(slot, item.node):
            _component(reading, item, slot, at, node)


def hide_secrets(reading: Reading, item: Item) -> None:
    """Before any problem is told: a line that is shown must not show a secret that stands there too."""
    for slot in slots_of(item.kind, secret=True):
        mine = dict(_nodes(slot, item.node))
        for node in mine.values():
            _hide(item, node, _secret_nodes(reading, slot, node))
        if not mine and slot.key in item.node.items:  # of another shape than it should be: any may be secret
            _hide(item, item.node, [(slot.key,)])


def _secret_nodes(reading: Reading, slot: Slot, node: Node) -> list[Path]:
    if node.kind != "map":
        return [()]
    model = slot.models(reading.kinds).get(str(slot.named(node.value)))
    settings = {key: value for key, value in node.value.items() if key not in slot.own}
    secret = secret_places(model, settings) if model else []
    return [*secret, *unknown_places(model, settings)]  # a misspelt key may be a secret's


def _hide(item: Item, node: Node, places: list[Path]) -> None:
    for place in places:
        for text in _texts(node.at(place)):
            item.text.hide(text.start, text.end)


def _texts(node: Node) -> Iterator[Node]:
    if node.kind == "text":
        yield node
    for item in node.items.values():
        yield from _texts(item)


def _nodes(slot: Slot, node: Node) -> Iterator[tuple[Path, Node]]:
    """Where the object has them; nothing where what stands there is of another shape."""
    found = node.items.get(slot.key)
    if found is None:
        return
    if slot.holds == "one":
        if found.kind == "map":
            yield (slot.key,), found
    elif found.kind == slot.holds:
        for step, child in found.items.items():
            yield (slot.key, step), child


def _component(reading: Reading, item: Item, slot: Slot, at: Path, node: Node) -> None:
    """The settings beside `names` against the model of the component that it names."""
    models, path = slot.models(reading.kinds), joined(item.path, path_text(at))
    if slot.only:
        if node.kind == "map":
            _settings(reading, item, slot, at, node, models[slot.only])
        return
    named = node.items.get(slot.names) if node.kind == "map" else None
    if named is None or not isinstance(named.value, str):
        if slot.base is None:  # else the object's own model has said so
            reading.tell(
                item, Fault(node=node, path=path, message=f"needs {slot.names}", hint=suggestion("", models))
            )
        return
    if named.value not in models:
        hint, message = suggestion(named.value, models), f'"{named.value}" is no {slot.noun}'
        reading.tell(item, Fault(node=named, path=f"{path}.{slot.names}", message=message, hint=hint))
        return
    _settings(reading, item, slot, at, node, models[named.value])


def _settings(reading: Reading, item: Item, slot: Slot, at: Path, node: Node, model: type[BaseModel]) -> None:
    path = joined(item.path, path_text(at))
    told = {key: value for key, value in node.value.items() if key not in slot.own}
    told = _in_clear(reading, item, at, model, told)
    item.settings[path_text(at)] = reading.validated(item, model, told, node, path, also=slot.own)


def _in_clear(
    reading: Reading, item: Item, at: Path, model: type[BaseModel], value: Mapping[str, Any]
) -> dict[str, Any]:
    """Settings are checked against what a sealed secret says, not against its seal."""

    def clear(place: Path, text: str) -> str:
        if not is_sealed(text) or reading.sealer is None:
            return text
        try:
            return reading.sealer.open(text)
        except CannotOpen as error:
            message, _, hint = str(error).partition("; ")
            reading.say(item, [*at, *place], message, hint)
            return text

    return dict(replaced(value, secret_places(model, value), clear))
