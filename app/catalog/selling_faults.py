"""What `apply` says of ways to sell that can't be meant, and of chains that lead nowhere, in circles, or to strangers."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app.catalog.derived import derived
from app.catalog.documents import CampaignDoc, ContractDoc
from app.catalog.found import Item, Reading
from app.catalog.problems import suggestion

_LEAD = re.compile(r"\blead\.([a-z][a-z0-9_]*)")


def check_selling(reading: Reading) -> None:
    known = _Known(reading)
    for item in reading.of("campaign"):
        if isinstance(item.doc, CampaignDoc):
            _campaign(reading, item, item.doc, known)
    for item in reading.of("contract"):
        if isinstance(item.doc, ContractDoc):
            _contract(reading, item, item.doc, known)


class _Known:
    """Campaigns and contracts as they will be."""

    def __init__(self, reading: Reading) -> None:
        self.campaigns = {one.id: one for one in reading.current.campaigns}
        self.campaigns |= {i.id: i.doc for i in reading.of("campaign") if isinstance(i.doc, CampaignDoc)}
        self.contracts = {one.id: one for buyer in reading.current.buyers for one in buyer.contracts}
        self.contracts |= {i.id: i.doc for i in reading.of("contract") if isinstance(i.doc, ContractDoc)}
        self.given = {i.id for kind in ("campaign", "contract") for i in reading.of(kind)}

    def of(self, campaign: str) -> list[ContractDoc]:
        return [one for one in self.contracts.values() if one.campaign == campaign]


def _campaign(reading: Reading, item: Item, doc: CampaignDoc, known: _Known) -> None:
    to, contracts = doc.distribution, known.of(doc.id)
    if to.hybrid and contracts and all(one.shared_price is None for one in contracts):
        hint = "give contracts a shared_price, or write sell: exclusive"
        reading.say(
            item, ["distribution", "sell"], f"{to.sell}, and no contract of {doc.id} takes a copy", hint
        )
    policy = to.requeue
    if (
        policy is not None
        and policy.price is not None
        and policy.price.after.seconds >= policy.lasting.seconds
    ):
        hint = f"a lead waits for {policy.lasting} and is unsold then"
        reading.say(item, ["distribution", "requeue", "price", "after"], "never comes", hint)
    for i, one in enumerate(to.then):
        path: list[str | int] = ["distribution", "then", i, "house" if one.house else "campaign"]
        if one in to.then[:i]:
            reading.say(item, path, "is there twice", "keep the first")
        elif one.house:
            _house(reading, item, path, one.house, doc, known)
        elif one.campaign:
            _next(reading, item, path, one.campaign, doc, known)


def _house(
    reading: Reading, item: Item, path: list[str | int], name: str, doc: CampaignDoc, known: _Known
) -> None:
    contract = known.contracts.get(name)
    if contract is None:
        reading.say(item, path, f'"{name}" is no contract', suggestion(name, known.contracts))
        return
    _same_money(reading, item, path, contract.campaign, doc, known)


def _next(
    reading: Reading, item: Item, path: list[str | int], name: str, doc: CampaignDoc, known: _Known
) -> None:
    if name not in known.campaigns:
        reading.say(item, path, f'"{name}" is no campaign', suggestion(name, known.campaigns))
        return
    circle = _way(name, doc.id, known.campaigns)
    if circle:
        reading.say(
            item, path, f"leads in a circle: {' > '.join((doc.id, *circle))}", "leave one of them out"
        )
        return
    for other in reached(name, known.campaigns):
        _same_money(reading, item, path, other, doc, known)
        for strange in _strangers(other, doc, known):
            reading.say(item, path, strange, f"give {doc.id} the field, or leave {other} out of its chain")


def reached(start: str, campaigns: Mapping[str, CampaignDoc]) -> list[str]:
    """It, and all that its chain leads to."""
    found = [start]
    for name in found:
        doc = campaigns.get(name)
        for one in doc.distribution.then if doc is not None else ():
            if one.campaign and one.campaign in campaigns and one.campaign not in found:
                found.append(one.campaign)
    return found


def _way(start: str, goal: str, campaigns: Mapping[str, CampaignDoc]) -> Sequence[str]:
    """From one campaign to another along their chains; empty where there is none."""
    ways: list[tuple[str, ...]] = [(start,)]
    seen = {start}
    while ways:
        way = ways.pop(0)
        if way[-1] == goal:
            return way
        doc = campaigns.get(way[-1])
        further = [one.campaign for one in doc.distribution.then if one.campaign] if doc is not None else []
        ways += [(*way, name) for name in further if name not in seen]
        seen.update(further)
    return ()


def _same_money(
    reading: Reading, item: Item, path: list[str | int], other: str, doc: CampaignDoc, known: _Known
) -> None:
    found = known.campaigns.get(other)
    if found is not None and found.currency != doc.currency:
        hint = f"{doc.id} is sold in {doc.currency}"
        reading.say(item, path, f"{other} is sold in {found.currency}", hint)


def _strangers(name: str, doc: CampaignDoc, known: _Known) -> Iterator[str]:
    """Which contracts of the other campaign speak of what this one's leads don't have, or have as something else."""
    mine, theirs = _types(doc), _types(known.campaigns[name])
    for contract in known.of(name):
        for field in sorted(_speaks_of(contract)):
            if field not in mine:
                yield f"contract {contract.id} speaks of lead.{field}, which campaign {doc.id} has not"
            elif mine[field] != theirs.get(field, mine[field]):
                yield (
                    f"contract {contract.id} speaks of lead.{field}, which is {mine[field]} on campaign {doc.id} "
                    f"and {theirs[field]} on {name}"
                )


def _types(doc: CampaignDoc) -> Mapping[str, str]:
    types = {field: one.type for field, one in doc.fields.items()}
    return {**dict.fromkeys(derived(types), "derived"), **types}


def _speaks_of(contract: ContractDoc) -> set[str]:
    asked = [contract.when, *(cap.when for cap in contract.caps)]
    names = {name for one in asked if one is not None for name, _ in one.lead_fields()}
    return names | {name for text in _texts(contract.deliver) for name in _LEAD.findall(text)}


def _texts(said: Any) -> Iterator[str]:
    if isinstance(said, str):
        yield said
    elif isinstance(said, Mapping | list | tuple):
        for inner in said.values() if isinstance(said, Mapping) else said:
            yield from _texts(inner)


def _contract(reading: Reading, item: Item, doc: ContractDoc, known: _Known) -> None:
    if doc.shared_price is not None:
        _copy(reading, item, doc, known.campaigns.get(doc.campaign))
    for campaign in known.campaigns.values():
        if campaign.id in known.given or not _way(campaign.id, doc.campaign, known.campaigns)[1:]:
            continue
        for strange in _strangers(doc.campaign, campaign, known):
            if strange.startswith(f"contract {doc.id} "):
                hint = f"leads of {campaign.id} come here along its chain; give it the field"
                reading.say(item, [], strange, hint)


def _copy(reading: Reading, item: Item, doc: ContractDoc, campaign: CampaignDoc | None) -> None:
    if doc.shared_price is not None and doc.shared_price < 0:
        reading.say(item, ["shared_price"], "must not be negative")
    elif doc.sweeper:
        reading.say(
            item, ["shared_price"], "is never asked for", "a sweeper takes a lead alone; leave it out"
        )
    elif campaign is not None and not campaign.distribution.hybrid:
        hint = f"{campaign.id} sells {campaign.distribution.sell}: write hybrid(2) there, or leave it out"
        reading.say(item, ["shared_price"], "is never asked for", hint)
