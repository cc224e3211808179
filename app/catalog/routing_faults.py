"""What `apply` says of rankings that decide nothing, of shares that can't be had, and of places that nobody knows."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal

from app.catalog.documents import CampaignDoc, ContractDoc
from app.catalog.found import Item, Reading
from app.catalog.problems import suggestion
from app.catalog.routing import SORTS, TURNS, Rank, Territory

Fault = tuple[int, str, str]
_COUNTING = ("percentage", "load", *TURNS)


def check_routing(reading: Reading) -> None:
    campaigns = {one.id: one for one in reading.current.campaigns}
    campaigns |= {item.id: item.doc for item in reading.of("campaign") if isinstance(item.doc, CampaignDoc)}
    contracts = _contracts(reading)
    for item in reading.of("campaign"):
        if isinstance(item.doc, CampaignDoc):
            _campaign(reading, item, item.doc, contracts[item.id])
    for item in reading.of("contract"):
        doc = item.doc
        if isinstance(doc, ContractDoc):
            _contract(reading, item, doc, campaigns.get(doc.campaign), contracts[doc.campaign])


def _contracts(reading: Reading) -> defaultdict[str, list[ContractDoc]]:
    """By campaign, as they will be."""
    given = {item.id for item in reading.of("contract")}
    found: defaultdict[str, list[ContractDoc]] = defaultdict(list)
    for buyer in reading.current.buyers:
        for contract in buyer.contracts:
            if contract.id not in given:
                found[contract.campaign].append(contract)
    for item in reading.of("contract"):
        if isinstance(item.doc, ContractDoc):
            found[item.doc.campaign].append(item.doc)
    return found


def rank_faults(rank: Sequence[Rank]) -> Iterator[Fault]:
    """Where a ranking says what can't be meant, and what would be right."""
    turn = next((at for at, word in enumerate(rank) if word in TURNS), len(rank))
    for at, word in enumerate(rank):
        before = rank[:at]
        if word in before:
            yield at, f"{word} is there twice", "keep the first"
        elif word in TURNS and at > turn:
            yield at, f"{word} beside {rank[turn]}", "keep one: weight takes turns too, in proportion"
        elif word == "percentage" and "load" in before:
            yield at, "percentage after load", "write percentage first: hardly any are equal in their load"
        elif at > turn and word not in SORTS[:3]:
            hint = f"write {word} before {rank[turn]}, which leaves none equal"
            yield at, f"{word} after {rank[turn]}", hint


def _campaign(reading: Reading, item: Item, doc: CampaignDoc, contracts: Sequence[ContractDoc]) -> None:
    for at, what, hint in rank_faults(doc.distribution.rank):
        reading.say(item, ["distribution", "rank", at], f"{what} decides nothing", hint)
    rank = doc.distribution.rank
    if "percentage" in rank and not any(one.percent for one in contracts):
        hint = "give contracts a percent, or leave percentage out"
        path: list[str | int] = ["distribution", "rank", rank.index("percentage")]
        reading.say(item, path, f"percentage, and no contract of {doc.id} has a percent", hint)
    for name, territory in doc.distribution.territories.items():
        _places(reading, item, ["distribution", "territories", name], territory, doc)


def _contract(
    reading: Reading,
    item: Item,
    doc: ContractDoc,
    campaign: CampaignDoc | None,
    beside: Sequence[ContractDoc],
) -> None:
    if doc.sources and doc.except_sources:
        hint = "sources says already which ones; leave except_sources out"
        reading.say(item, ["except_sources"], "says nothing beside sources", hint)
    if campaign is None:
        return
    rank = campaign.distribution.rank
    if doc.percent is not None and "percentage" not in rank:
        hint = f"add percentage to distribution.rank of {campaign.id}"
        reading.say(item, ["percent"], "is not looked at", hint)
    if doc.percent is not None and (together := _together(doc, beside)) > 100 * campaign.distribution.copies:
        hint = "together at most 100, and what is left over goes to those without a percent"
        reading.say(item, ["percent"], f"is too much: who takes every lead has {together:f} % together", hint)
    if "load" in rank and doc.capacity is None and any(one.capacity for one in beside):
        hint = "give a capacity to all of them, or to none"
        reading.say(item, ["id"], f"has no capacity, and others of {campaign.id} have one", hint)
    if doc.area is not None:
        known = campaign.distribution.territories
        for at, name in enumerate(doc.area.territories):
            if name not in known:
                hint = suggestion(name, known, otherwise=f"{campaign.id} has")
                reading.say(item, ["area", "territories", at], f'"{name}" is no territory', hint)
        _places(reading, item, ["area"], doc.area, campaign)


def _together(doc: ContractDoc, beside: Sequence[ContractDoc]) -> Decimal:
    """What those have who surely compete for every lead; 0 where this one does not."""

    def is_open(one: ContractDoc) -> bool:
        narrowed = one.when or one.area or one.sources or one.except_sources or one.hours or one.from_score
        return not (narrowed or one.caps or one.paused or one.consumer_hours)

    return sum((one.percent or Decimal(0) for one in beside if is_open(one)), Decimal(0)) * is_open(doc)


def _places(
    reading: Reading, item: Item, path: list[str | int], places: Territory, campaign: CampaignDoc
) -> None:
    kinds: dict[str, str] = {}
    for name, field in campaign.fields.items():
        kinds.setdefault(field.type, name)
    coded = "postal_code" in kinds
    needs = {
        "countries": "country" in kinds or coded, "states": "state" in kinds or coded,
        "postal_codes": coded, "near": coded,
    }  # fmt: skip
    for key, there in needs.items():
        if getattr(places, key) and not there:
            kind = "postal_code" if key in ("postal_codes", "near") else key.replace("ies", "y").rstrip("s")
            hint = f"give it a field of type {kind}"
            reading.say(item, [*path, key], f"{campaign.id} has no field that says where a lead is", hint)
    if coded:
        country = str((campaign.fields[kinds["postal_code"]].model_extra or {}).get("country", "US"))
        _circles(reading, item, path, places, country)
    _states(reading, item, path, places, campaign)


def _states(
    reading: Reading, item: Item, path: list[str | int], places: Territory, campaign: CampaignDoc
) -> None:
    """Of the United States and Canada; elsewhere a state is whatever its leads say."""
    field = next((field for field in campaign.fields.values() if field.type == "state"), None)
    country = str((field.model_extra or {}).get("country", "US")) if field is not None else "US"
    known = reading.kinds.places
    for at, state in enumerate(places.states):
        if known is not None and country in ("US", "CA") and state not in known.states:
            hint = suggestion(state, known.states, otherwise="write it as")
            reading.say(item, [*path, "states", at], f'"{state}" is no state', hint)


def _circles(reading: Reading, item: Item, path: list[str | int], places: Territory, country: str) -> None:
    known = reading.kinds.places
    for at, near in enumerate(places.near):
        if country not in ("US", "CA"):
            hint = "coordinates are known of the United States and Canada; write postal_codes"
            reading.say(item, [*path, "near", at], f"can't be told by postal codes of {country}", hint)
        elif near.postal_code is not None and known is not None and not known.knows(near.postal_code):
            hint = "write its latitude and longitude, or bring an own file of places"
            reading.say(
                item, [*path, "near", at, "postal_code"], f'nobody knows where "{near.postal_code}" is', hint
            )
