"""YAML → Catalogue. Says everything that is wrong at once, each with its file, line, key and cure."""

from collections.abc import Mapping, Sequence

from pydantic import BaseModel

from app.catalog.documents import (
    BuyerDoc,
    CampaignDoc,
    Catalogue,
    ContractDoc,
    EnricherDoc,
    ListDoc,
    SourceDoc,
)
from app.catalog.found import Item, Reading, problem_of
from app.catalog.kinds import Kinds
from app.catalog.parts import check_parts, hide_secrets
from app.catalog.problems import CatalogueErrors, suggestion
from app.catalog.references import check
from app.catalog.sealing import Sealer
from app.catalog.tree import BadYaml, Node, Text, parse
from app.catalog.words import Fault

_LISTS: Mapping[str, type[BaseModel]] = {
    "lists": ListDoc, "enrichers": EnricherDoc, "campaigns": CampaignDoc, "sources": SourceDoc, "buyers": BuyerDoc,
}  # fmt: skip
KINDS = {
    "lists": "list", "enrichers": "enricher", "campaigns": "campaign", "sources": "source", "buyers": "buyer", "contracts": "contract",
}  # fmt: skip


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
        hide_secrets(reading, item)
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
        lists=tuple(item.doc for item in reading.of("list")),
        enrichers=tuple(item.doc for item in reading.of("enricher")),
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
        "list": ListDoc,
        "enricher": EnricherDoc,
        "campaign": CampaignDoc,
        "source": SourceDoc,
        "buyer": BuyerDoc,
        "contract": ContractDoc,
    }
    value = dict(item.node.value)
    if item.kind == "buyer":
        value.pop("contracts", None)
    item.doc = reading.validated(item, models[item.kind], value, item.node, item.path)
    check_parts(reading, item)
