"""`trigger`: a made-up lead, marked as a test, through the real path of the running service."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

import httpx
import typer

from app.catalog.documents import CampaignDoc, Catalogue
from app.catalog.rows import catalogue_of
from app.commands import completing
from app.commands.calling import Url, address_of, passing_key, post
from app.commands.desk import AsJson, DataDir, at_database, fail, settings_beside, tell, world
from app.commands.sampling import sample
from app.commands.words import columns, money, short, span, tail
from app.components import discover
from app.store import deliveries
from app.store.catalogue import CatalogueStore
from app.store.database import Database


def trigger(
    campaign: Annotated[str, typer.Argument(help="The campaign's id.", autocompletion=completing.campaigns)],
    source: Annotated[str, typer.Option(help="As which source.", autocompletion=completing.sources)],
    url: Url = None,
    values: Annotated[
        list[str] | None, typer.Option("--set", help="A field of the lead: --set state=NV.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the lead that would be posted, and post none.")
    ] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Post a test lead as a source would. Buyers get it, marked as a test; no cap, no turn and no report counts it."""
    settings, given = settings_beside(data_dir), _given(values or [])
    address = address_of(settings, url)

    async def work(database: Database) -> tuple[Mapping[str, Any], list[str]]:
        discover()
        catalogue = catalogue_of((await CatalogueStore(database).load())[1])
        lead = sample(_campaign(catalogue, campaign, source, given), world(), given)
        if dry_run:
            return lead, columns([(name, str(value)) for name, value in lead.items()])
        async with passing_key(database, "source", source, test=True) as key:
            answer, took = post(address, "/v1/leads", key, lead)
        return await _told(database, answer, took)

    told, lines = at_database(settings, work)
    tell(told, *lines, as_json=as_json)


def _given(values: list[str]) -> dict[str, str]:
    for one in values:
        if "=" not in one:
            raise fail(f"--set {one!r} has no =; write --set state=NV", 2)
    return dict(one.split("=", 1) for one in values)


def _campaign(catalogue: Catalogue, id_: str, source_id: str, given: dict[str, str]) -> CampaignDoc:
    found = next((one for one in catalogue.campaigns if one.id == id_), None)
    if found is None:
        raise fail(
            f"there is no campaign {id_!r} (known: {', '.join(c.id for c in catalogue.campaigns) or 'none'})"
        )
    mine = [one.id for one in catalogue.sources if one.campaign == id_]
    if source_id not in mine:
        raise fail(
            f"source {source_id!r} does not post to {id_} (those that do: {', '.join(mine) or 'none'})"
        )
    for name in given:
        if name not in found.fields:
            raise fail(f"--set {name}: {id_} has no such field (it has {', '.join(found.fields)})", 2)
    return found


async def _told(
    database: Database, answer: httpx.Response, took: float
) -> tuple[Mapping[str, Any], list[str]]:
    """What its source was answered, and what its buyers said."""
    document = answer.json() if "json" in answer.headers.get("content-type", "") else {}
    if "lead" not in document:
        raise fail(f"{answer.status_code} {document.get('detail', 'and no lead')}")
    lead = document["lead"]["id"]
    told = [f"{answer.status_code} {document['outcome']} {tail(lead)} in {span(took * 1000)}"]
    if document.get("reasons"):
        told.append(", ".join(one["message"] for one in document["reasons"]))
    async with database.acquire() as conn:
        rows = await deliveries.of_lead(conn, UUID(lead))
    told += [f"{row.contract} (test), {money(row.price)}" for row in rows if row.state == "accepted"]
    told += [f"{row.contract} (test) {row.state}" for row in rows if row.state != "accepted"]
    ends = [{"contract": row.contract, "state": row.state, "price": row.price} for row in rows]
    line = f"→ {', '.join(told)}        trace: leadgate trace {short(lead)}"
    return {**document, "status": answer.status_code, "deliveries": ends}, [line]
