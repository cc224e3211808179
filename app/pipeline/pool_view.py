"""What a person sees of the pool: its own leads whole, the others as far as its contract shows them before a claim."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from app.core.redaction import mask_value
from app.core.world import World
from app.distribute.offering import InternalSettings, settings_of
from app.model import Scalar
from app.pipeline.pooling import Agent, PoolDesk
from app.pipeline.tracking import Tracker
from app.pipeline.tracks import Track
from app.store import leads, pool
from app.store.database import Database
from app.store.pool import Pooled


class Card(Struct, frozen=True, kw_only=True):
    """One lead in the pool. `fields` are all of them once it is claimed; `reachable_from` is None where the person may
    be called now, or nobody minds."""

    row: Pooled
    name: str
    fields: Mapping[str, Scalar]
    score: int
    grade: str
    reachable_from: datetime | None
    renewals_left: int


class View(Struct, frozen=True, kw_only=True):
    """`free` counts what may be claimed, up to 10,000, also where none of it is shown; `why_not` is a problem's code."""

    mine: Sequence[Card]
    shown: Sequence[Card]
    free: int
    why_not: str = ""


class PoolView:
    """Reads without a lock: what is free may be taken a moment later."""

    def __init__(self, database: Database, desk: PoolDesk, tracker: Tracker, world: World) -> None:
        self._database = database
        self._desk = desk
        self._tracker = tracker
        self._world = world

    async def seen_by(self, agent: Agent, *, limit: int, campaign: str | None = None) -> View:
        async with self._database.promptly() as conn:
            mine = await pool.held_by(conn, agent.buyer, agent.person.id)
            allowed = await self._desk.allowed(conn, agent)
            rows: list[Pooled] = []
            if allowed.why is None:
                rows = await pool.free(conn, allowed.rules, limit, campaign)
            free = await pool.how_many(conn, allowed.rules) if allowed.why is None else 0
            shown = [row for row in rows if _view(agent, row) != "blind_next"]
            cards = await self._cards(conn, agent, [*mine, *shown])
        ids = {row.delivery_id for row in mine}
        why = allowed.why.reason if allowed.why is not None else "quota" if allowed.full else ""
        return View(
            mine=[card for card in cards if card.row.delivery_id in ids],
            shown=[card for card in cards if card.row.delivery_id not in ids], free=free, why_not=why,
        )  # fmt: skip

    async def card(self, agent: Agent, row: Pooled) -> Card | None:
        """Of a lead that this person has just claimed; None where nobody is to have it any more."""
        async with self._database.promptly() as conn:
            cards = await self._cards(conn, agent, [row])
        return cards[0] if cards else None

    async def _cards(self, conn: Any, agent: Agent, rows: Sequence[Pooled]) -> list[Card]:
        contexts = await leads.contexts(conn, [row.lead_id for row in rows]) if rows else {}
        return [
            self._card(agent, row, self._tracker.track(context))
            for row in rows
            if (context := contexts.get(row.lead_id)) is not None and not context.closed
        ]

    def _card(self, agent: Agent, row: Pooled, track: Track) -> Card:
        settings, now = _settings(agent, row), self._world.now()
        campaign = track.plan.campaign
        mine = row.person == agent.person.id
        whole = mine or settings.view == "open"
        opens = campaign.opens_at(row.contract, track.normals, now)
        return Card(
            row=row, name=called(track.normals, campaign.types, whole=whole),
            fields=track.normals if whole else shown(track.normals, campaign.types),
            score=track.worth.score, grade=track.worth.grade, reachable_from=opens if opens > now else None,
            renewals_left=max(0, settings.renewals - row.renewals) if mine else 0,
        )  # fmt: skip


def _settings(agent: Agent, row: Pooled) -> InternalSettings:
    contract = agent.contracts.get(row.contract)
    return InternalSettings() if contract is None else settings_of(contract)


def _view(agent: Agent, row: Pooled) -> str:
    return _settings(agent, row).view


def shown(normals: Mapping[str, Scalar], types: Mapping[str, str]) -> dict[str, Scalar]:
    """Fields by which nobody can be reached: those whose type is shown to everybody."""
    return {
        name: value
        for name, value in normals.items()
        if value is not None and mask_value(types.get(name, ""), value) == str(value)
    }


def called(normals: Mapping[str, Scalar], types: Mapping[str, str], *, whole: bool) -> str:
    """`Ann O'Hara`, or `Ann O.` to those who have not claimed the lead."""
    words = " ".join(
        str(value) for name, value in normals.items() if value and types.get(name) == "name"
    ).split()
    if whole or len(words) < 2:
        return " ".join(words)
    return f"{words[0]} {words[-1][0]}."
