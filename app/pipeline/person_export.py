"""Everything that is known of a person, as one document for that person: nobody else's data are in it."""

import base64
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from msgspec import Struct

from app.core.errors import Refused
from app.ingest.reading import Reader
from app.model import Lead, Value
from app.pipeline.persons import Found, Persons
from app.store import callbacks, deliveries, feedback, leads, partials, persons, returns
from app.store.database import Database
from app.store.person_requests import Request
from app.store.persons import Place
from app.validate.checks.consent import ConsentSettings, given_of

_PLAIN = ("state", "round", "outcome", "price", "received_at", "decided_at", "ended_at", "test", "score")
_SUBMISSION = ("id", "source", "received_at", "content_type", "remote")
_DELIVERY = (
    "id",
    "buyer",
    "contract",
    "round",
    "state",
    "price",
    "reference",
    "reason",
    "created_at",
    "ended_at",
)
_FEEDBACK = ("kind", "code", "raw", "occurred_at", "received_at", "amount", "currency", "note", "voided")
_CALLBACK = ("round", "event", "state", "outcome", "reasons", "owed_at", "ended_at", "exchanges")


class Exported(Struct, frozen=True):
    """The document as the bytes that are handed out, and the row that says so."""

    document: bytes
    request: Request


async def export(
    database: Database,
    reader: Reader,
    of: Persons,
    found: Found,
    *,
    by: str,
    buyers: Mapping[str, str],
    at: datetime,
) -> Exported:
    """In one view of the database, so that nothing in it contradicts the rest."""
    lists = await of.lists_of(found.contacts)
    async with database.acquire() as conn, conn.transaction(isolation="repeatable_read", readonly=True):
        document = await Exporter(conn, reader, buyers).document(found, at=at, lists=lists)
    text = orjson.dumps(document, option=orjson.OPT_INDENT_2)
    return Exported(text, await of.told(found, text, by=by))


class Exporter:
    """`buyers` is id → the name that people know."""

    def __init__(self, conn: Any, reader: Reader, buyers: Mapping[str, str]) -> None:
        self._conn = conn
        self._reader = reader
        self._buyers = buyers

    async def document(self, found: Found, *, at: datetime, lists: Sequence[str] = ()) -> dict[str, Any]:
        """JSON-able. `lists`: the suppression lists on which a contact stands."""
        holders = await persons.holders(self._conn, [one.lead_id for one in found.leads])
        return {
            "about": {"kind": found.whom.kind, "value": found.whom.value},
            "contacts": [{"kind": one.kind, "value": one.value} for one in found.contacts],
            "made_at": _plain(at),
            "leads": [await self._lead(place) for place in found.leads],
            "not_decided": [await self._undecided(place) for place in found.undecided],
            "buyers": sorted({self._name(row["buyer"]) for row in holders}),
            "suppression_lists": list(lists),
            "refused": [
                _plain(_with_body(one)) for one in await persons.refusals(self._conn, found.refusals)
            ],
            "rows_not_read": [_plain(one) for one in await persons.lines(self._conn, found.lines)],
        }

    def _name(self, buyer: str) -> str:
        return self._buyers.get(buyer) or buyer

    async def _lead(self, place: Place) -> dict[str, Any]:
        conn, lead_id = self._conn, place.lead_id
        lead = await leads.lead(conn, lead_id) or {}
        detail = await leads.detail(conn, lead_id) or {"fields": {}, "extra": {}, "findings": []}
        said = {
            "id": lead_id, "source": lead.get("source"), "campaign": lead.get("campaign"),
            **{name: lead.get(name) for name in _PLAIN},
            "fields": _fields(detail["fields"]), "beside": detail["extra"],
            "consent": _consent(lead, detail), "findings": detail["findings"],
            "former_rounds": [
                {**one, "fields": _fields(one["fields"])} for one in await persons.rounds(conn, lead_id)
            ],
            "submissions": await self._submissions(place),
            "deliveries": await self._deliveries(lead_id),
            "told_to_source": [
                {name: one.get(name) for name in _CALLBACK} for one in await callbacks.of_lead(conn, lead_id)
            ],
            "told_by_buyers": [
                {"buyer": self._name(one["buyer"]), **{name: one[name] for name in _FEEDBACK}}
                for one in await feedback.of_lead(conn, lead_id)
            ],
            "given_back": [
                {
                    "buyer": self._name(one.buyer), "state": one.state, "reason": one.reason,
                    "requested_at": one.requested_at, "words": await returns.words(conn, one.id),
                }
                for one in await returns.of_lead(conn, lead_id)
            ],
            "events": [
                {name: one[name] for name in ("at", "kind", "delivery_id", "data")}
                for one in await leads.events(conn, lead_id)
            ],
        }  # fmt: skip
        plain: dict[str, Any] = _plain(said)
        return plain

    async def _undecided(self, place: Place) -> dict[str, Any]:
        said = {"id": place.lead_id, "submissions": await self._submissions(place)}
        plain: dict[str, Any] = _plain(said)
        return plain

    async def _submissions(self, place: Place) -> list[dict[str, Any]]:
        """The bytes as they came; of several leads that came together this one's part alone."""
        parts = [one.submission_id for one in await partials.amendments(self._conn, [place.lead_id])]
        found = await partials.submissions(self._conn, [place.submission_id, *parts])
        told = []
        for submission_id in dict.fromkeys([place.submission_id, *parts]):
            one = found.get(submission_id)
            if one is None:
                continue
            said: dict[str, Any] = {name: getattr(one, name) for name in _SUBMISSION}
            records = self._records(one.content_type, one.body)
            if len(records) > 1:
                said["lead"] = records[place.position] if place.position < len(records) else None
            else:
                said["body"] = text_of(one.body)
            told.append(said)
        return told

    def _records(self, content_type: str, body: bytes) -> list[Any]:
        try:
            return list(self._reader.read(body, content_type))
        except Refused:
            return []

    async def _deliveries(self, lead_id: UUID) -> list[dict[str, Any]]:
        """To whom, and every conversation as far as it is kept."""
        tries = await leads.attempts(self._conn, lead_id)
        return [
            {
                **{name: getattr(one, name, None) for name in _DELIVERY},
                "buyer_name": self._name(one.buyer),
                "attempts": [
                    {name: value for name, value in turn.items() if name != "delivery_id"}
                    for turn in tries
                    if turn["delivery_id"] == one.id
                ],
            }
            for one in await deliveries.of_lead(self._conn, lead_id)
        ]


def _fields(fields: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """name → as it came, as it was understood, and whether it could be."""
    return {
        name: {"raw": told[0], "normal": told[1], "valid": len(told) < 3 or bool(told[2])}
        for name, told in fields.items()
    }


def _consent(lead: Mapping[str, Any], detail: Mapping[str, Any]) -> dict[str, Any]:
    """What the lead brought of it, wherever it stood."""
    fields = {name: Value(*told) for name, told in detail["fields"].items()}
    never = datetime.min.replace(tzinfo=UTC)
    none = UUID(int=0)
    known = Lead(
        id=none, submission_id=none, source="", campaign="", received_at=lead.get("received_at") or never,
        fields=fields, extra=detail["extra"],
    )  # fmt: skip
    return dict(given_of(known, ConsentSettings()).parts)


def _with_body(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "body": text_of(bytes(row["body"]))}


def text_of(body: bytes) -> str | dict[str, str]:
    """Text as text, anything else in base64."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body).decode()}


def _plain(value: Any) -> Any:
    """As JSON says it."""
    return orjson.loads(orjson.dumps(value, default=_said))


def _said(value: Any) -> Any:
    if isinstance(value, Decimal | UUID):
        return str(value)
    raise TypeError(type(value).__name__)
