"""`reprocess`: one more round of leads that are held, rejected or unsold, by an operator's word."""

import getpass
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any
from uuid import UUID

import httpx
import typer

from app.commands.calling import Url, address_of, passing_key, post
from app.commands.desk import AsJson, DataDir, DryRun, at_database, settings_beside, tell, warn
from app.commands.playing import playing
from app.commands.recalling import one_id
from app.commands.words import money, short, tail
from app.core.errors import Refused
from app.pipeline.next_round import Wish, source_of
from app.settings import Settings
from app.store import deliveries, looking, rounds
from app.store.database import Database

Round = Mapping[str, Any]
"""What became, or would become, of one lead; of one that can't go on: `refused` and `detail`."""


def reprocess(
    lead: Annotated[list[str], typer.Argument(help="Leads' ids, or their last 6 characters or more.")],
    url: Url = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Read leads that are held, rejected or unsold again under today's mapping, check and route them, as if they came
    today. The running service does it; a source with a callback is told."""
    settings = settings_beside(data_dir)

    async def work(database: Database) -> list[Round]:
        async with database.acquire() as conn:
            ids = [await one_id(conn, text, looking.leads_ending, "lead") for text in lead]
        if dry_run:
            return await _foretold(database, settings, list(dict.fromkeys(ids)))
        return await _begun(database, address_of(settings, url), list(dict.fromkeys(ids)))

    found = at_database(settings, work)
    for one in found:
        if as_json:
            tell(one, as_json=True)
        elif "refused" in one:
            warn(f"not {tail(one['lead'])}: {one['detail']}")
        else:
            tell(one, _line(one), as_json=False)
    raise typer.Exit(1 if any("refused" in one for one in found) else 0)


async def _foretold(database: Database, settings: Settings, ids: list[UUID]) -> list[Round]:
    async with playing(database, settings) as parts:
        next_round = parts.next_round()

        async def look(lead_id: UUID) -> Round:
            plan = parts.plans.open_source(await source_of(database, lead_id))
            return (await next_round.foretold(Wish(lead_id, plan, ""))).document()

        return [await _or_refused(lead_id, look) for lead_id in ids]


async def _begun(database: Database, address: str, ids: list[UUID]) -> list[Round]:
    async with passing_key(database, "user", getpass.getuser()) as key:

        async def begin(lead_id: UUID) -> Round:
            answer, _ = post(address, f"/admin/v1/leads/{lead_id}/reprocess", key)
            return await _became(database, lead_id, answer)

        return [await _or_refused(lead_id, begin) for lead_id in ids]


async def _or_refused(lead_id: UUID, look: Callable[[UUID], Awaitable[Round]]) -> Round:
    """Each by itself: one that can't go on keeps no other from it."""
    try:
        return await look(lead_id)
    except Refused as refused:
        return {"lead": lead_id, "refused": refused.reason, "detail": refused.detail}


async def _became(database: Database, lead_id: UUID, answer: httpx.Response) -> Round:
    document = answer.json() if "json" in answer.headers.get("content-type", "") else {}
    if "outcome" not in document:
        code = document.get("code", str(answer.status_code))
        return {"lead": lead_id, "refused": code, "detail": document.get("detail", f"{answer.status_code}")}
    async with database.acquire() as conn:
        now = await rounds.standing(conn, lead_id)
        rows = await deliveries.of_lead(conn, lead_id)
    assert now is not None, "it was answered"
    ends = [
        {"contract": row.contract, "state": row.state, "price": row.price}
        for row in rows
        if row.round == now.round
    ]
    return {
        "lead": lead_id, "round": now.round, "state": now.state, "outcome": document["outcome"],
        "reasons": document.get("reasons", []), "deliveries": ends, "dry_run": False,
    }  # fmt: skip


def _line(one: Round) -> str:
    is_ = "would be" if one["dry_run"] else "is"
    told = f"{tail(one['lead'])} {is_} {one['state']} in round {one['round']}"
    if one["dry_run"]:
        told += f", and go to {', '.join(one['asked'])}" if one["asked"] else ""
    else:
        sold = [f"{d['contract']} {money(d['price'])}" for d in one["deliveries"] if d["state"] == "accepted"]
        told += f", to {', '.join(sold)}" if sold else ""
    if one["reasons"] and one["state"] not in ("sold", "delivering"):
        told += f": {', '.join(reason['message'] for reason in one['reasons'])}"
    if one.get("not_asked"):
        told += f"; {', '.join(one['not_asked'])} would be asked first, and may change all of it"
    return told if one["dry_run"] else f"{told}        trace: leadgate trace {short(one['lead'])}"
