"""Whether what the objects of a catalogue say of one another is so: names, fields, zones, hours."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from pydantic import BaseModel

from app.catalog.derived import derived
from app.catalog.documents import (
    BuyerDoc,
    CampaignDoc,
    ContractDoc,
    FieldMarker,
    FormDoc,
    ListDoc,
    ListMarker,
    MapTo,
    SourceDoc,
)
from app.catalog.enriching import check_enrich, ways_of
from app.catalog.forms import faults as form_faults
from app.catalog.found import Item, Reading
from app.catalog.kinds import at, marked_places
from app.catalog.limit_faults import (
    check_caps,
    check_endpoint,
    check_endpoints,
    check_hours,
    check_money,
    check_open,
)
from app.catalog.mailboxes import check_mailboxes
from app.catalog.people_faults import check_people
from app.catalog.problems import suggestion
from app.catalog.routing_faults import check_routing
from app.catalog.selling_faults import check_selling
from app.catalog.tree import Node
from app.catalog.worth_faults import check_worth
from app.core.expressions import Expression, ExpressionError

Path = tuple[str | int, ...]
_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")  # what is none has been told already


def check(reading: Reading) -> None:
    known = _Known(reading)
    for kind in ("list", "enricher", "campaign", "source", "buyer", "contract"):
        _unique(reading, kind)
    for item in reading.of("list"):
        _list(reading, item, known)
    for item in reading.of("campaign"):
        _campaign(reading, item, known)
    for item in reading.of("source"):
        _source(reading, item, known)
    for item in reading.of("contract"):
        _contract(reading, item, known)
    for item in reading.of("buyer"):
        _buyer(reading, item, known)
    check_mailboxes(reading)
    check_people(reading)
    check_routing(reading)
    check_selling(reading)


class _Known:
    """What names there are, in the files (also in objects that have faults) and in the catalogue as it is."""

    def __init__(self, reading: Reading) -> None:
        self.fields: dict[str, set[str]] = {c.id: set(c.fields) for c in reading.current.campaigns}
        self.derived = {
            c.id: set(derived({name: field.type for name, field in c.fields.items()}))
            for c in reading.current.campaigns
        }
        """campaign → what is known offline of its fields: conditions may speak of it"""
        for item in reading.of("campaign"):
            if not item.id:
                continue
            node = item.node.items.get("fields")
            self.fields[item.id] = {str(key) for key in node.items} if node else set()
            self.derived[item.id] = set(derived(_types(node)))
        self.enrichers = ways_of(reading)
        self.lists = {one.id for one in reading.current.lists} | {i.id for i in reading.of("list") if i.id}
        self.sources = {s.id for s in reading.current.sources} | {s.id for s in reading.of("source") if s.id}
        self.buyers = {b.id for b in reading.current.buyers} | {b.id for b in reading.of("buyer") if b.id}


def _types(node: Node | None) -> Mapping[str, str]:
    fields = node.value if node is not None and isinstance(node.value, Mapping) else {}
    return {str(name): str(doc.get("type")) for name, doc in fields.items() if isinstance(doc, Mapping)}


def _unique(reading: Reading, kind: str) -> None:
    first: dict[str, Item] = {}
    for item in reading.of(kind):
        if not item.id:
            continue
        if item.id in first:
            other = first[item.id]
            line, _ = other.text.place(other.node.items["id"].start)
            hint = f"the first is at {other.text.name}:{line}"
            reading.say(item, ["id"], f'"{item.id}" is used by two {kind}s', hint)
        first.setdefault(item.id, item)


def _list(reading: Reading, item: Item, known: _Known) -> None:
    """Entries are kept as digests: of another kind, or by another hash, they would match nothing any more."""
    if isinstance(item.doc, ListDoc) and item.doc.buyer is not None and item.doc.buyer not in known.buyers:
        reading.say(
            item, ["buyer"], f'"{item.doc.buyer}" is no buyer', suggestion(item.doc.buyer, known.buyers)
        )
    before = next((one for one in reading.current.lists if one.id == item.id), None)
    if before is None or not isinstance(item.doc, ListDoc):
        return
    for key in ("of", "hashed"):
        was, now = getattr(before, key), getattr(item.doc, key)
        if was != now:
            hint = f"it was {was or 'plain'}, and what is on it stays so; declare another list beside it"
            reading.say(item, [key], "can't be changed", hint)


def _listed(reading: Reading, item: Item, path: Path, name: Any, known: _Known) -> None:
    if isinstance(name, str) and name not in known.lists:
        hint = suggestion(name, known.lists)
        reading.say(item, path, f'"{name}" is no list', hint)


def _campaign(reading: Reading, item: Item, known: _Known) -> None:
    for i, node in _under(item, "checks"):
        model = reading.kinds.checks.get(str(node.value.get("check"))) if node.kind == "map" else None
        for place in marked_places(model, node.value, FieldMarker) if model else ():
            _field(reading, item, ("checks", i, *place), node.at(place).value, item.id, known)
        for place in marked_places(model, node.value, ListMarker) if model else ():
            _listed(reading, item, ("checks", i, *place), node.at(place).value, known)
        for key, text in _conditions(model, node):
            _lead_fields(reading, item, ("checks", i, key), text, item.id, known)
    check_enrich(
        reading, item, known.enrichers, known.fields.get(item.id, set()), known.derived.get(item.id, set())
    )
    _rules_named(reading, item)
    if isinstance(item.doc, CampaignDoc):
        check_worth(reading, item, item.doc)
        check_caps(reading, item, item.doc.distribution.caps, ("distribution", "caps"))
        caps = _expressions(item.doc.distribution.caps, ("distribution", "caps"))
        for path, expression in (*_expressions(item.doc.score, ("score",)), *caps):
            _lead_fields(reading, item, path, expression, item.id, known)
    if item.id:
        _kept(reading, item, known)


def _rules_named(reading: Reading, item: Item) -> None:
    """Rules for duplicates are told apart by their names in every trace."""
    named: dict[Any, str | int] = {}
    for i, node in _under(item, "checks"):
        told = node.value if node.kind == "map" and node.value.get("check") == "duplicate" else {}
        name = told.get("name")
        if isinstance(name, str) and name in named:
            hint = f"checks[{named[name]}] has it already"
            reading.say(item, ["checks", i, "name"], f'"{name}" is the name of two rules', hint)
        elif isinstance(name, str) and name:
            named[name] = i


def _conditions(model: type[BaseModel] | None, node: Node) -> Iterator[tuple[str, Expression]]:
    """The expressions of a check's settings that compile; of the others it has been told."""
    for key, info in model.model_fields.items() if model is not None else ():
        written = node.items.get(key)
        if (
            info.annotation in (Expression, Expression | None)
            and written is not None
            and isinstance(written.value, str)
        ):
            with suppress(ExpressionError):
                yield key, Expression(written.value)


def _kept(reading: Reading, item: Item, known: _Known) -> None:
    """What is not in the files goes on using the campaign's fields as they were."""
    before = next((c for c in reading.current.campaigns if c.id == item.id), None)
    gone = set(before.fields) - known.fields[item.id] if before else set()
    if not gone or not known.fields[item.id]:
        return
    for user, names in _users(reading, item.id):
        for name in sorted(gone & names):
            hint = f"{user} is not in the file and still uses it"
            reading.say(item, ["fields"], f'no longer has "{name}"', hint)


def _users(reading: Reading, campaign: str) -> Iterator[tuple[str, set[str]]]:
    """Contracts and sources of the campaign that the files do not have, each with the fields that it names."""
    given = {(item.kind, item.id) for item in reading.items}
    for buyer in reading.current.buyers:
        for contract in buyer.contracts:
            if contract.campaign == campaign and ("contract", contract.id) not in given:
                names = {n for _, e in _expressions(contract, ()) for n, _ in e.lead_fields()}
                yield f"contract {contract.id}", names
    for source in reading.current.sources:
        if source.campaign == campaign and ("source", source.id) not in given:
            targets = {t.field if isinstance(t, MapTo) else t for t in source.mapping.values()}
            asked = set(source.form.named) if source.form else set()
            yield f"source {source.id}", targets | set(source.defaults) | asked


def _source(reading: Reading, item: Item, known: _Known) -> None:
    campaign = _campaign_of(reading, item, known)
    if campaign is None:
        return
    for name, node in _under(item, "mapping"):
        path: Path = ("mapping", name)
        if node.kind == "map":
            path, node = (*path, "field"), node.items.get("field", node)
        _field(reading, item, path, node.value, campaign, known)
    for name, _ in _under(item, "defaults"):
        _field(reading, item, ("defaults",), name, campaign, known, key=str(name))
    _form(reading, item, campaign, known)
    if isinstance(item.doc, SourceDoc):
        _sane_source(reading, item, item.doc)
        check_caps(reading, item, item.doc.caps)
        for at, expression in _expressions(item.doc.caps, ("caps",)):
            _lead_fields(reading, item, at, expression, campaign, known)


def _form(reading: Reading, item: Item, campaign: str, known: _Known) -> None:
    node = item.node.items.get("form")
    if node is None or node.kind != "map":
        return
    before = len(reading.problems)
    for place in marked_places(FormDoc, node.value, FieldMarker):
        _field(reading, item, ("form", *place), node.at(place).value, campaign, known)
    for key in ("labels", "hints", "options"):
        words = node.items.get(key)
        for name in words.items if words is not None and words.kind == "map" else ():
            _field(reading, item, ("form", key), name, campaign, known, key=str(name))
    doc = _document(reading, campaign)
    if before == len(reading.problems) and isinstance(item.doc, SourceDoc) and item.doc.form and doc:
        for path, message, hint in form_faults(item.doc.form, doc, item.doc):
            reading.say(item, ["form", *path], message, hint)


def _document(reading: Reading, campaign: str) -> CampaignDoc | None:
    """As the files say, else as it is; None where the files have faults in it."""
    given = next((item for item in reading.of("campaign") if item.id == campaign), None)
    if given is not None:
        return given.doc if isinstance(given.doc, CampaignDoc) else None
    return next((one for one in reading.current.campaigns if one.id == campaign), None)


def _under(item: Item, key: str) -> list[tuple[str | int, Node]]:
    node = item.node.items.get(key)
    return list(node.items.items()) if node is not None else []


def _sane_source(reading: Reading, item: Item, source: SourceDoc) -> None:
    _once_each(reading, item, "platforms", [one.platform for one in source.platforms], "platform")
    _once_each(reading, item, "channels", [one.model_dump() for one in source.channels], "")
    if source.price is not None and source.price < 0:
        reading.say(item, ["price"], "must not be negative")
    if source.price is not None and source.revenue_share is not None:
        reading.say(item, ["revenue_share"], "and a price", "write one of them")
    if source.deadline.seconds <= 0:
        reading.say(item, ["deadline"], "must be longer than nothing", "30s is usual")


def _once_each(reading: Reading, item: Item, key: str, what: list[Any], step: str) -> None:
    for i, one in enumerate(what):
        if one in what[:i]:
            path: list[str | int] = [key, i, step] if step else [key, i]
            hint = f"{key}[{what.index(one)}] is the same; keep one"
            reading.say(item, path, "is there twice", hint)


def _campaign_of(reading: Reading, item: Item, known: _Known) -> str | None:
    node = item.node.items.get("campaign")
    if node is None or not isinstance(node.value, str):
        return None
    if node.value in known.fields:
        return node.value
    hint = suggestion(node.value, known.fields)
    reading.say(item, ["campaign"], f'"{node.value}" is no campaign', hint)
    return None


def _field(
    reading: Reading, item: Item, path: Path, name: Any, campaign: str, known: _Known, *, key: str = ""
) -> None:
    fields = known.fields.get(campaign, set())
    if isinstance(name, str) and fields and name not in fields and _NAME.match(name):
        hint = suggestion(name, fields, otherwise=f"{campaign} has")
        reading.say(item, path, f'"{name}" is no field of campaign {campaign}', hint, key=key)


def _contract(reading: Reading, item: Item, known: _Known) -> None:
    campaign = _campaign_of(reading, item, known)
    for key in ("sources", "except_sources"):
        for i, node in _under(item, key):
            if isinstance(node.value, str) and node.value not in known.sources:
                hint = suggestion(node.value, known.sources)
                reading.say(item, [key, i], f'"{node.value}" is no source', hint)
    if campaign is not None and known.fields[campaign]:
        deliver = _expressions(item.settings.get("deliver"), ("deliver",))
        bid = _expressions(item.settings.get("bid"), ("bid",))
        for path, expression in [*_written(item), *deliver, *bid]:
            _lead_fields(reading, item, path, expression, campaign, known)
    if isinstance(item.doc, ContractDoc):
        check_endpoint(reading, item, item.doc)
        _sane_contract(reading, item, item.doc)


def _buyer(reading: Reading, item: Item, known: _Known) -> None:
    """Its caps speak of leads of several campaigns: one of them must know the field."""
    check_money(reading, item, lambda campaign: _document(reading, campaign))
    check_endpoints(reading, item)
    if not isinstance(item.doc, BuyerDoc) or not item.doc.caps:
        return
    check_caps(reading, item, item.doc.caps)
    sold = {c.doc.campaign for c in reading.of("contract") if c.owner is item and c.doc is not None}
    for path, expression in _expressions(item.doc.caps, ("caps",)):
        for campaign in (
            sorted(sold & known.fields.keys())[:1] if not _any_knows(expression, sold, known) else ()
        ):
            _lead_fields(reading, item, path, expression, campaign, known)


def _any_knows(expression: Expression, campaigns: set[str], known: _Known) -> bool:
    names = {name for name, _ in expression.lead_fields()}
    return any(names <= known.fields.get(one, set()) | known.derived.get(one, set()) for one in campaigns)


def _lead_fields(
    reading: Reading, item: Item, path: Path, expression: Expression, campaign: str, known: _Known
) -> None:
    """Every `lead.X`, at its place inside the expression."""
    fields, also = known.fields[campaign], known.derived.get(campaign, set())
    for name, column in expression.lead_fields():
        if name not in fields and name not in also:
            hint = f'no field "{name}" on campaign {campaign}; {suggestion(name, fields, otherwise="it has")}'
            reading.say(item, path, "does not compile", hint, offset=column - 1, width=len(name))


def _written(item: Item) -> Iterator[tuple[Path, Expression]]:
    """The expressions of a contract; read from the file where the rest of it has faults."""
    if item.doc is not None:
        yield from _expressions(item.doc, ())
        return
    places: list[Path] = [("when",), *(("caps", i, "when") for i, _ in _under(item, "caps"))]
    for place in places:
        text = at(item.node.value, place)
        with suppress(ExpressionError):
            if isinstance(text, str):
                yield place, Expression(text)


def _expressions(value: Any, path: Path) -> Iterator[tuple[Path, Expression]]:
    if isinstance(value, Expression):
        yield path, value
    elif isinstance(value, BaseModel):
        for name, info in type(value).model_fields.items():
            yield from _expressions(getattr(value, name), (*path, info.alias or name))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _expressions(item, (*path, key))
    elif isinstance(value, list | tuple):
        for i, item in enumerate(value):
            yield from _expressions(item, (*path, i))


def _sane_contract(reading: Reading, item: Item, contract: ContractDoc) -> None:
    if contract.price < 0:
        reading.say(item, ["price"], "must not be negative")
    for i, wait in enumerate(contract.retry.schedule):
        if wait.seconds <= 0:
            reading.say(item, ["retry", "schedule", i], "must be longer than nothing", "5s is usual")
    check_caps(reading, item, contract.caps)
    if contract.hours is not None:
        check_hours(reading, item, contract.hours)
    if contract.consumer_hours is not None:
        check_open(reading, item, contract.consumer_hours.open, ("consumer_hours", "open"))
