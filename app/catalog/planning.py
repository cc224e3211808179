"""What applying some files would change, object by object, before anything is changed."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Literal, TypeVar

from msgspec import Struct

from app.catalog.answering import unnamed
from app.catalog.documents import BuyerDoc, Catalogue, ContractDoc, SourceDoc
from app.catalog.problems import counted
from app.catalog.sealing import is_sealed
from app.catalog.selling_faults import reached
from app.catalog.writing import flow
from app.core.money import written

Action = Literal["added", "changed", "paused", "kept"]

_MISSING = object()
_LATER = ("confirmed", "acknowledged")


class Detail(Struct, frozen=True):
    """One place that differs; texts as the YAML writes them, None where there was or is nothing."""

    path: str
    old: str | None
    new: str | None
    secret: bool = False
    note: str = ""


class Change(Struct, frozen=True, kw_only=True):
    action: Action
    kind: str
    id: str
    details: tuple[Detail, ...] = ()
    note: str = ""


class Caution(Struct, frozen=True, kw_only=True):
    """Allowed, but perhaps not meant. `path` is the key that it speaks of."""

    kind: str
    id: str
    path: str
    text: str


class Plan(Struct, frozen=True, kw_only=True):
    """`result` is the catalogue as it will be; `against` the version that was compared with."""

    against: int
    changes: tuple[Change, ...]
    warnings: tuple[Caution, ...]
    result: Catalogue

    @property
    def empty(self) -> bool:
        return all(change.action == "kept" for change in self.changes)

    def count(self, action: Action) -> int:
        return sum(change.action == action for change in self.changes)

    def touched(self) -> dict[str, set[str]]:
        """Ids of the campaigns, sources and buyers whose documents differ from the current ones."""
        found: dict[str, set[str]] = {kind: set() for kind in _KINDS}
        for change in self.changes:
            if change.action != "kept":
                found[change.kind].add(change.id)
                if change.kind == "contract":
                    moved = [d for d in change.details if d.path == "buyer"]
                    found["buyer"] |= {name for d in moved for name in (d.old, d.new) if name}
        contracts = found.pop("contract")
        for buyer in self.result.buyers:
            if any(contract.id in contracts for contract in buyer.contracts):
                found["buyer"].add(buyer.id)
        return found


def plan(current: Catalogue, wanted: Catalogue, *, prune: bool = False, against: int = 0) -> Plan:
    """Both with their secrets sealed (`sealing.sealed`). What `wanted` does not have is kept; `prune` pauses it."""
    result = _merged(current, wanted, prune=prune)
    old, new, given = _objects(current), _objects(result), _objects(wanted)
    changes = tuple(_change(key, old, new, given) for key in sorted(new, key=_order))
    shown = tuple(change for change in changes if change is not None)
    warnings = tuple(w for w in _warnings(result) if (w.kind, w.id) in given)
    return Plan(against=against, changes=shown, warnings=warnings, result=result)


def _merged(current: Catalogue, wanted: Catalogue, *, prune: bool) -> Catalogue:
    given = {contract.id for buyer in wanted.buyers for contract in buyer.contracts}
    buyers = {buyer.id: buyer for buyer in wanted.buyers}
    for buyer in current.buyers:
        kept = tuple(_left(c, prune) for c in buyer.contracts if c.id not in given)
        mine = buyers.get(buyer.id)
        contracts = (*mine.contracts, *kept) if mine else kept
        buyers[buyer.id] = (mine or _left(buyer, prune)).model_copy(update={"contracts": contracts})
    sources = {source.id: _left(source, prune) for source in current.sources}
    sources |= {source.id: source for source in wanted.sources}
    campaigns = {c.id: c for c in current.campaigns} | {c.id: c for c in wanted.campaigns}
    lists = {one.id: one for one in (*current.lists, *wanted.lists)}
    enrichers = {one.id: one for one in (*current.enrichers, *wanted.enrichers)}
    return Catalogue.model_construct(
        lists=tuple(lists[id_] for id_ in sorted(lists)),
        enrichers=tuple(enrichers[id_] for id_ in sorted(enrichers)),
        campaigns=tuple(campaigns[id_] for id_ in sorted(campaigns)),
        sources=tuple(sources[id_] for id_ in sorted(sources)),
        buyers=tuple(buyers[id_] for id_ in sorted(buyers)),
    )


T = TypeVar("T", SourceDoc, BuyerDoc, ContractDoc)


def _left(doc: T, prune: bool) -> T:
    return doc.model_copy(update={"paused": True}) if prune else doc


Objects = dict[tuple[str, str], dict[str, Any]]
_KINDS = ("list", "enricher", "campaign", "source", "buyer", "contract")


def _order(key: tuple[str, str]) -> tuple[int, str]:
    return _KINDS.index(key[0]), key[1]


def _objects(catalogue: Catalogue) -> Objects:
    """Every object with all its values, defaults too; contracts beside buyers, not in them."""
    found: Objects = {("list", one.id): one.model_dump(mode="json") for one in catalogue.lists}
    found |= {("enricher", one.id): one.model_dump(mode="json") for one in catalogue.enrichers}
    found |= {("campaign", c.id): c.model_dump(mode="json") for c in catalogue.campaigns}
    found |= {("source", s.id): s.model_dump(mode="json") for s in catalogue.sources}
    for buyer in catalogue.buyers:
        found["buyer", buyer.id] = buyer.model_dump(mode="json", exclude={"contracts"})
        for contract in buyer.contracts:
            found["contract", contract.id] = {"buyer": buyer.id, **contract.model_dump(mode="json")}
    return found


def _change(key: tuple[str, str], old: Objects, new: Objects, given: Objects) -> Change | None:
    kind, id_ = key
    if key not in old:
        return Change(action="added", kind=kind, id=id_, note=_note(kind, new[key], new))
    details = tuple(_differences(old[key], new[key], ""))
    if key in given:
        return Change(action="changed", kind=kind, id=id_, details=details) if details else None
    if details and not any(detail.path == "paused" for detail in details):
        return Change(action="changed", kind=kind, id=id_, details=details)
    if details:
        return Change(action="paused", kind=kind, id=id_, note="not in the file: paused")
    return Change(action="kept", kind=kind, id=id_, note="not in the file: kept")


def _note(kind: str, doc: dict[str, Any], objects: Objects) -> str:
    if kind == "list":
        return f"of {doc['of']}, {doc['hashed'] or 'plain'}"
    if kind == "enricher":
        return str(doc["ask"].get("enricher"))
    parts = []
    if kind != "campaign":
        parts.append("paused" if doc["paused"] else "active")
    if kind == "campaign":
        parts.append(counted(len(doc["fields"]), "field"))
    if kind == "source":
        parts.append(f"for {doc['campaign']}")
    parts += _prices(doc, objects)
    if kind == "contract":
        parts.append(str(doc["deliver"].get("adapter")))
    return ", ".join(parts)


def _prices(doc: Mapping[str, Any], objects: Objects) -> Iterator[str]:
    """What is paid for a lead, for a copy of one, of each sale."""
    currency = objects.get(("campaign", doc.get("campaign", "")), {}).get("currency", "")
    price, copy, share = (doc.get(name) for name in ("price", "shared_price", "revenue_share"))
    if price is not None and (copy is None or Decimal(price)):
        yield f"{price} {currency}".rstrip()
    if copy is not None:
        yield f"{copy} {currency} a copy".replace("  ", " ")
    if share is not None:
        yield f"{share} % of each sale"


def _differences(old: Any, new: Any, path: str) -> Iterator[Detail]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys([*old, *new]):
            inner = f"{path}.{key}" if path else key
            yield from _differences(old.get(key, _MISSING), new.get(key, _MISSING), inner)
        if list(old) != list(new) and set(old) == set(new):
            yield Detail(path or "keys", None, None, note="in another order")
    elif _are_maps(old) and _are_maps(new):
        for i in range(max(len(old), len(new))):
            before = old[i] if i < len(old) else _MISSING
            yield from _differences(before, new[i] if i < len(new) else _MISSING, f"{path}[{i}]")
    elif old is _MISSING or new is _MISSING or type(old) is not type(new) or old != new:
        yield Detail(path, _shown(old), _shown(new), is_sealed(old) or is_sealed(new))


def _are_maps(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def _shown(value: Any) -> str | None:
    if value is _MISSING or value is None:
        return None
    return value if isinstance(value, str) and not is_sealed(value) else flow(_veiled(value))


def _veiled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _veiled(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_veiled(item) for item in value]
    return "(secret)" if is_sealed(value) else value


def _warnings(catalogue: Catalogue) -> Iterator[Caution]:
    contracts = [c for b in catalogue.buyers if not b.paused for c in b.contracts if not c.paused]
    sources = [source for source in catalogue.sources if not source.paused]
    further = _further(catalogue)
    for contract in contracts:
        feeding = [s for s in sources if _feeds(s, contract)]
        if not feeding and not any(contract.id in further.get(s.campaign, ()) for s in sources):
            text = f"no source feeds campaign {contract.campaign}"
            if contract.sources:
                text = f"none of its sources feeds campaign {contract.campaign}"
            yield Caution(kind="contract", id=contract.id, path="campaign", text=text)
        yield from _loss(contract, feeding)
        yield from _unnamed(contract)
        yield from _unlimited(contract)
    sold = {contract.campaign for contract in contracts}
    for source in sources:
        if source.campaign not in sold and not further.get(source.campaign):
            text = f"campaign {source.campaign} has no contract: every lead stays unsold"
            yield Caution(kind="source", id=source.id, path="campaign", text=text)


def _further(catalogue: Catalogue) -> dict[str, set[str]]:
    """Campaign → contracts to which its leads go on along its chain."""
    campaigns = {one.id: one for one in catalogue.campaigns}
    found: dict[str, set[str]] = {}
    for campaign in (one for one in catalogue.campaigns if one.distribution.then):
        along = reached(campaign.id, campaigns)
        houses = {link.house for one in along for link in campaigns[one].distribution.then if link.house}
        beyond = {c.id for b in catalogue.buyers for c in b.contracts if c.campaign in along[1:]}
        found[campaign.id] = houses | beyond
    return found


def _feeds(source: SourceDoc, contract: ContractDoc) -> bool:
    return source.campaign == contract.campaign and (not contract.sources or source.id in contract.sources)


def _loss(contract: ContractDoc, feeding: list[SourceDoc]) -> Iterator[Caution]:
    """A contract that costs nothing is one's own team, which is no loss."""
    dearest = max(feeding, key=lambda source: source.price or Decimal(0), default=None)
    if dearest is None or dearest.price is None or not 0 < contract.price < dearest.price:
        return
    loss = written(dearest.price - contract.price)
    text = f"under {dearest.id}'s {written(dearest.price)}, every lead would lose {loss}"
    yield Caution(kind="contract", id=contract.id, path="price", text=text)


def _unnamed(contract: ContractDoc) -> Iterator[Caution]:
    if (missing := unnamed(contract.deliver)) is not None:
        path, text = missing
        yield Caution(kind="contract", id=contract.id, path=path, text=text)


def _unlimited(contract: ContractDoc) -> Iterator[Caution]:
    """Whoever waits for a buyer's later word wants to hear that it does not come."""
    ways = (contract.deliver, *(contract.deliver.get(way) for way in ("mail", "http", "post")))
    told = [one for one in ways if isinstance(one, Mapping)]
    if contract.confirm is not None or not any(
        one.get("proof") in _LATER or one.get("unclear") for one in told
    ):
        return
    text = "its buyer says later what he took, and nobody is told when he does not: confirm says by when"
    yield Caution(kind="contract", id=contract.id, path="confirm", text=text)
