"""Documents ⇄ the rows they are kept in: without defaults, and with the order of keys that jsonb forgets."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from app.catalog.documents import BuyerDoc, CampaignDoc, Catalogue, EnricherDoc, ListDoc, SourceDoc

MODELS: Mapping[str, type[BaseModel]] = {
    "list": ListDoc, "enricher": EnricherDoc, "campaign": CampaignDoc, "source": SourceDoc, "buyer": BuyerDoc,
}  # fmt: skip
Rows = Mapping[str, Iterable[tuple[str, Mapping[str, Any]]]]

_ORDER = "~order"  # no key of a document can be called so


def plain(doc: BaseModel) -> dict[str, Any]:
    """A document as JSON values, defaults left out: what the YAML says."""
    return doc.model_dump(mode="json", exclude_defaults=True)


def to_row(doc: BaseModel) -> dict[str, Any]:
    """`plain` with a note of every map whose keys jsonb would put in another order; each contract has its own."""
    value = plain(doc)
    contracts = value.pop("contracts", None)
    row = _noted(value)
    return row if contracts is None else {**row, "contracts": [_noted(each) for each in contracts]}


def in_order(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row's document, or a contract's in it, with its keys as they were written."""
    order = row.get(_ORDER, {})
    value = {key: item for key, item in row.items() if key != _ORDER}
    return dict(_ordered(value, (), order)) if order else value


def from_row(kind: str, row: Mapping[str, Any]) -> Any:
    doc = in_order(row)
    if "contracts" in doc:
        doc["contracts"] = [in_order(each) for each in row["contracts"]]
    return MODELS[kind].model_validate(doc)


def catalogue_of(rows: Rows) -> Catalogue:
    read = {kind: tuple(from_row(kind, doc) for _, doc in rows.get(kind, ())) for kind in MODELS}
    return Catalogue.model_construct(
        lists=read["list"],
        enrichers=read["enricher"],
        campaigns=read["campaign"],
        sources=read["source"],
        buyers=read["buyer"],
    )


def _noted(value: dict[str, Any]) -> dict[str, Any]:
    order = dict(_unusual(value, ()))
    return {**value, _ORDER: order} if order else value


def _unusual(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, list[str]]]:
    if isinstance(value, dict):
        keys = list(value)
        if len(path) and keys != sorted(keys, key=lambda key: (len(key.encode()), key.encode())):
            yield "/".join(path), keys
        for key, item in value.items():
            yield from _unusual(item, (*path, _escaped(key)))
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from _unusual(item, (*path, str(i)))


def _ordered(value: Any, path: tuple[str, ...], order: Mapping[str, list[str]]) -> Any:
    if isinstance(value, dict):
        keys = order.get("/".join(path), value)
        known = dict.fromkeys([*(key for key in keys if key in value), *value])
        return {key: _ordered(value[key], (*path, _escaped(key)), order) for key in known}
    if isinstance(value, list):
        return [_ordered(item, (*path, str(i)), order) for i, item in enumerate(value)]
    return value


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
