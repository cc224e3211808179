"""Finds a lead by what people have of its id, and recalls the catalogue under which it was decided."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any
from uuid import UUID

from app.catalog.documents import CampaignDoc, Catalogue
from app.catalog.limits import Account
from app.catalog.rows import catalogue_of
from app.catalog.snapshot import Contract
from app.commands.desk import fail, world
from app.commands.steps import Setting
from app.commands.words import tail
from app.core.conditions import facts_of
from app.core.redaction import mask_value
from app.core.registry import Settings as NoSettings
from app.distribute.explain import LeftOutReason, explain
from app.distribute.route import RouteIndex
from app.pipeline.atlas import atlas_of
from app.pipeline.story import Story
from app.store import looking
from app.store.catalogue import CatalogueStore
from app.store.database import Database
from app.store.leads import worth_of
from app.validate.clocks import Clocks

FEWEST = 6


async def one_id(conn: Any, text: str, look: Callable[[Any, str], Any], what: str) -> UUID:
    """The id that is meant by a whole one or by its last characters, however they were copied."""
    given = text.strip().lstrip("….").lower()
    try:
        return UUID(given)
    except ValueError:
        pass
    if len(given.replace("-", "")) < FEWEST or not set(given) <= set("0123456789abcdef-"):
        raise fail(
            f"{text!r} is no id of a {what}; give the whole id, or its last {FEWEST} characters or more", 2
        )
    try:
        found: Sequence[UUID] = await look(conn, given)
    except looking.TooManyToLookThrough:
        raise fail(
            f"there are too many {what}s to find an old one by the end of its id; give the whole id"
        ) from None
    if not found:
        raise fail(f"no {what} has an id that ends in {given!r}")
    if len(found) > 1:
        raise fail(f"several {what}s have ids that end in {given!r}: {', '.join(map(str, found))}")
    return found[0]


async def setting_of(
    database: Database, story: Story, *, zone: tzinfo | None, reveal: bool = False, everything: bool = False
) -> Setting:
    """What the story is told with, from the catalogue as it was when the lead was decided."""
    now = world().now()
    lead = story.lead
    if lead is None:
        return Setting(now=now, zone=zone, reveal=reveal)
    catalogue = await _catalogue_of(database, lead["catalogue"])
    campaign = next((c for c in catalogue.campaigns if c.id == lead["campaign"]), None) if catalogue else None
    source = next((s for s in catalogue.sources if s.id == lead["source"]), None) if catalogue else None
    types = {name: doc.type for name, doc in campaign.fields.items()} if campaign else {}
    wanted = everything and catalogue is not None and campaign is not None
    return Setting(
        now=now, zone=zone, reveal=reveal, everything=everything, types=types,
        rank=campaign.distribution.rank if campaign else (),
        currency=campaign.currency if campaign else "",
        reply=source.reply if source else "sold", deadline=source.deadline.seconds if source else 30.0,
        within=_within(campaign) if campaign else "",
        left_out=_left_out(story, catalogue, campaign, types, reveal) if wanted and catalogue and campaign else None,
        earlier=await _earlier(database, story),
    )  # fmt: skip


async def _catalogue_of(database: Database, version: int) -> Catalogue | None:
    """None where a later version of the code can't read that catalogue any more."""
    try:
        return catalogue_of(await CatalogueStore(database).load_at(version))
    except ValueError:
        return None


def _within(campaign: CampaignDoc) -> str:
    for entry in campaign.checks:
        if entry.check == "duplicate":
            return str((entry.model_extra or {}).get("within", "30d"))
    return ""


async def _earlier(database: Database, story: Story) -> dict[str, tuple[str, datetime]]:
    found = [
        f["facts"]["earlier"]
        for f in (story.detail or {}).get("findings", ())
        if "earlier" in (f["facts"] or {})
    ]
    if not found:
        return {}
    async with database.acquire() as conn:
        return await looking.standing_of(conn, [UUID(one) for one in found])


# who was left out ----------------------------------------------------------------------------------


def _left_out(
    story: Story, catalogue: Catalogue, campaign: CampaignDoc, types: Mapping[str, str], reveal: bool
) -> list[LeftOutReason] | None:
    """Every contract asked again, over the values and the moment that are on record."""
    routing = story.detail["routing"] if story.detail else {}
    if "at" not in routing or story.lead is None or story.detail is None:
        return None
    contracts = [
        Contract(
            id=doc.id,
            buyer=buyer.id,
            doc=doc,
            adapter="",
            settings=NoSettings(),
            paused=doc.paused or buyer.paused,
            account=Account(buyer.caps, buyer.money),
        )
        for buyer in catalogue.buyers
        for doc in buyer.contracts
        if doc.campaign == campaign.id
    ]
    index = RouteIndex(
        sorted(contracts, key=lambda one: one.id), campaign.distribution, atlas_of(campaign, contracts)
    )
    normals = {name: v[1] for name, v in story.detail["fields"].items() if len(v) < 3 or v[2]}
    graded = next((f["facts"] for f in story.detail["findings"] if f["code"] == "graded"), None)
    facts = facts_of(normals, worth_of(story.lead["score"], graded))
    found = explain(
        index, facts, source=story.lead["source"], at=datetime.fromisoformat(routing["at"]),
        full=dict(routing["full"]), had=_had(routing), resting=routing.get("resting", ()), zones=Clocks(campaign.fields).zones(normals) if index.minds_consumers else (),
    )  # fmt: skip
    return found if reveal else [_masked(one, normals, types) for one in found]


def _had(routing: Mapping[str, Any]) -> dict[str, str]:
    """Buyer → by what he has this person."""
    return {
        buyer: f"{buyer} has this person: {f'on the list {name}' if name else f'lead {tail(lead)}'}"
        for buyer, (name, lead) in routing.get("had", {}).items()
    }


def _masked(one: LeftOutReason, normals: Mapping[str, Any], types: Mapping[str, str]) -> LeftOutReason:
    """The rule's value as people may see it."""
    value = one.value
    for name, normal in normals.items():
        if isinstance(normal, str):
            shown = mask_value(types.get(name, ""), normal)
            value = value.replace(f'lead.{name} == "{normal}"', f'lead.{name} == "{shown}"')
        elif types.get(name) not in ("number", "boolean"):
            value = value.replace(f"lead.{name} == {normal}", f"lead.{name} == •••")
    return LeftOutReason(one.contract, one.cause, one.rule, value)
