"""YAML → Catalogue. Says everything that is wrong at once, each with its file, line, key and cure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from app.catalog.documents import BuyerDoc, CampaignDoc, Catalogue, CheckDoc, ContractDoc, FieldDoc, SourceDoc
from app.catalog.found import Item, Reading, problem_of
from app.catalog.kinds import Kinds, replaced, secret_places, unknown_places
from app.catalog.problems import CatalogueErrors, suggestion
from app.catalog.references import check
from app.catalog.sealing import CannotOpen, Sealer, is_sealed
from app.catalog.tree import BadYaml, Node, Text, parse
from app.catalog.words import Fault, faults, joined

_LISTS: Mapping[str, type[BaseModel]] = {"campaigns": CampaignDoc, "sources": SourceDoc, "buyers": BuyerDoc}
KINDS = {"campaigns": "campaign", "sources": "source", "buyers": "buyer", "contracts": "contract"}


def read(
    files: Sequence[tuple[str, str]],
    kinds: Kinds,
    *,
    current: Catalogue = Catalogue(),
    sealer: Sealer | None = None,
) -> Catalogue:
    """What the files say; names may refer to what `current` has. Raises CatalogueErrors with every problem.

    A sealed secret stays as it stands; one that `sealer` can't open is a problem.
    """
    reading = Reading(kinds, current, sealer)
    for name, text in files:
        _collect(reading, Text(name, text.removeprefix("\ufeff")))
    for item in reading.items:
        _hide_secrets(reading, item)
    for item in reading.items:
        _shape(reading, item)
    check(reading)
    if reading.problems:
        order = {name: i for i, (name, _) in enumerate(files)}
        raise CatalogueErrors(sorted(reading.problems, key=lambda p: (order[p.file], p.line, p.column)))
    return _catalogue(reading)


def _catalogue(reading: Reading) -> Catalogue:
    buyers = []
    for item in reading.of("buyer"):
        mine = tuple(c.doc for c in reading.of("contract") if c.owner is item)
        buyers.append(item.doc.model_copy(update={"contracts": mine}))
    return Catalogue.model_construct(
        campaigns=tuple(item.doc for item in reading.of("campaign")),
        sources=tuple(item.doc for item in reading.of("source")),
        buyers=tuple(buyers),
    )


def _collect(reading: Reading, text: Text) -> None:
    try:
        root = parse(text)
    except BadYaml as bad:
        reading.problems.append(bad.problem)
        return
    if root is None:
        return
    if root.kind != "map":
        hint = "a catalogue is a map with campaigns, sources and buyers"
        reading.problems.append(text.problem(root.start, root.start + 1, "is no catalogue", hint=hint))
        return
    for key, node in root.items.items():
        if key not in _LISTS:
            fault = Fault(
                node=root, path=str(key), key=str(key), on_key=True,
                message="is not known", hint=suggestion(str(key), _LISTS),
            )  # fmt: skip
            reading.problems.append(problem_of(text, fault))
            continue
        _collect_list(reading, text, node, str(key), str(key), None)


def _collect_list(reading: Reading, text: Text, node: Node, key: str, path: str, owner: Item | None) -> None:
    if node.kind == "text" and node.value is None:
        return
    if node.kind != "list":
        fault = Fault(node=node, path=path, message="must be a list", hint="begin each entry with - id: …")
        reading.problems.append(problem_of(text, fault))
        return
    for i, child in node.items.items():
        item = Item(kind=KINDS[key], text=text, node=child, path=f"{path}[{i}]", owner=owner)
        if child.kind != "map":
            reading.tell(
                item, Fault(node=child, path=item.path, message="must be a map", hint="write - id: …")
            )
            continue
        reading.items.append(item)
        if key == "buyers" and "contracts" in child.items:
            inner = child.items["contracts"]
            _collect_list(reading, text, inner, "contracts", f"{item.path}.contracts", item)


def _shape(reading: Reading, item: Item) -> None:
    """The object against its model, then its components against theirs."""
    models: dict[str, type[BaseModel]] = {
        "campaign": CampaignDoc,
        "source": SourceDoc,
        "buyer": BuyerDoc,
        "contract": ContractDoc,
    }
    value = dict(item.node.value)
    if item.kind == "buyer":
        value.pop("contracts", None)
    item.doc = _validated(reading, item, models[item.kind], value, item.node, item.path)
    if item.kind == "campaign":
        _fields(reading, item)
        _checks(reading, item)
    elif item.kind == "contract":
        _deliver(reading, item)


def _validated(
    reading: Reading,
    item: Item,
    model: type[BaseModel],
    value: Any,
    node: Node,
    path: str,
    also: Iterable[str] = (),
) -> Any:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        for fault in faults(error, node, path, model, also=also):
            reading.tell(item, fault)
        return None


def _fields(reading: Reading, item: Item) -> None:
    fields = item.node.items.get("fields")
    if fields is None or fields.kind != "map":
        return
    for name, node in fields.items.items():
        path = joined(item.path, f"fields.{name}")
        _component(reading, item, node, path, "type", reading.kinds.fieldtypes, FieldDoc)


def _checks(reading: Reading, item: Item) -> None:
    checks = item.node.items.get("checks")
    if checks is None or checks.kind != "list":
        return
    for i, node in checks.items.items():
        path = f"{item.path}.checks[{i}]"
        _component(reading, item, node, path, "check", reading.kinds.checks, CheckDoc)


def _deliver(reading: Reading, item: Item) -> None:
    node = item.node.items.get("deliver")
    if node is None or node.kind != "map":
        return
    if "adapter" not in node.items:
        known = suggestion("", reading.kinds.adapters)
        reading.tell(item, Fault(node=node, path=f"{item.path}.deliver", message="needs adapter", hint=known))
        return
    _component(reading, item, node, f"{item.path}.deliver", "adapter", reading.kinds.adapters, None)


def _component(
    reading: Reading,
    item: Item,
    node: Node,
    path: str,
    key: str,
    known: Mapping[str, type[Any]],
    base: type[BaseModel] | None,
) -> None:
    """The settings beside `key` against the model of the component that it names."""
    named = node.items.get(key) if node.kind == "map" else None
    if named is None or not isinstance(named.value, str):
        return  # the object's own model has said so
    if named.value not in known:
        hint = suggestion(named.value, known)
        message = f'"{named.value}" is no {_NOUNS[key]}'
        reading.tell(item, Fault(node=named, path=f"{path}.{key}", message=message, hint=hint))
        return
    own = set(base.model_fields) if base else {key}
    value = {name: v for name, v in node.value.items() if name not in own}
    model = known[named.value]
    value = _in_clear(reading, item, path, model, value)
    settings = _validated(reading, item, model, value, node, path, also=own)
    item.settings[path.removeprefix(item.path).lstrip(".")] = settings


_NOUNS = {"type": "field type", "check": "check", "adapter": "adapter"}


def _in_clear(
    reading: Reading, item: Item, path: str, model: type[BaseModel], value: dict[str, Any]
) -> dict[str, Any]:
    """Settings are checked against what a sealed secret says, not against its seal."""

    def clear(place: tuple[str | int, ...], text: str) -> str:
        if not is_sealed(text) or reading.sealer is None:
            return text
        try:
            return reading.sealer.open(text)
        except CannotOpen as error:
            message, _, hint = str(error).partition("; ")
            inner = [*_steps(path.removeprefix(item.path)), *place]
            reading.say(item, inner, message, hint)
            return text

    return dict(replaced(value, secret_places(model, value), clear))


def _steps(path: str) -> list[str | int]:
    return [part for part in path.split(".") if part]


def _hide_secrets(reading: Reading, item: Item) -> None:
    """Before any problem is told: a line that is shown must not show a secret that stands there too."""
    deliver = item.node.items.get("deliver") if item.kind == "contract" else None
    if deliver is None or deliver.kind != "map":
        return
    model = reading.kinds.adapters.get(str(deliver.value.get("adapter")))
    settings = {key: value for key, value in deliver.value.items() if key != "adapter"}
    secret = secret_places(model, settings) if model else []
    for place in [*secret, *unknown_places(model, settings)]:  # a misspelt key may be a secret's
        for node in _texts(deliver.at(place)):
            item.text.hide(node.start, node.end)


def _texts(node: Node) -> Iterator[Node]:
    if node.kind == "text":
        yield node
    for item in node.items.values():
        yield from _texts(item)
