"""The whole story of one lead, from its rows, in order: for its source, for the trace, for the console."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from app.core.money import written
from app.followup.summing import summary
from app.ingest.format import MOST_RECORDS
from app.pipeline import arrival
from app.pipeline.arrival import Arrival
from app.pipeline.work import lead_id_of, moment_of
from app.store import bundle_book, callbacks, deliveries, feedback, leads, partials, requeues, returns, rounds
from app.store.deliveries import DeliveryRow
from app.store.partials import Amendment
from app.store.returns import Request

_TELLING = {
    "held": "held for a person", "rejected": "rejected", "delivering": "being delivered", "unclear": "unclear",
    "sold": "sold", "unsold": "no buyer", "returned": "returned",
}  # fmt: skip


class Story(Struct, frozen=True, kw_only=True):
    """Rows as they are; `lead` and `detail` are None while the submission is undecided."""

    id: UUID
    submission: dict[str, Any] | None
    lead: dict[str, Any] | None
    detail: dict[str, Any] | None
    deliveries: list[DeliveryRow]
    attempts: list[dict[str, Any]]
    events: list[dict[str, Any]]
    refusal: dict[str, Any] | None = None
    parts: Sequence[Amendment] = ()  # what its source said of it after the first bytes
    former: Sequence[Mapping[str, Any]] = ()  # rounds before the current one
    callbacks: Sequence[Mapping[str, Any]] = ()
    waiting: requeues.Standing | None = None  # nobody took it, and it is offered again
    feedback: Sequence[Mapping[str, Any]] = ()  # what its buyers told of it
    returns: Sequence[tuple[Request, Sequence[Mapping[str, Any]]]] = ()  # with what was said about each
    files: Sequence[bundle_book.Place] = ()  # of many leads, in which it left or is to leave
    begun: bool = False  # it is a partial lead, and its source has not completed it
    arrivals: Mapping[
        UUID, Arrival
    ] = {}  # by which doors its submissions came; of a refusal under its own id


async def story(conn: Any, lead_id: UUID) -> Story | None:
    """All that is known of a lead, a submission without one, or a refused body; None when nothing is."""
    lead = await leads.lead(conn, lead_id)
    submission = await leads.submission(conn, lead["submission_id"] if lead else lead_id)
    if lead is None and submission is None:
        refusal = await leads.refusal(conn, lead_id)
        if refusal is None:
            return None
        return Story(
            id=lead_id,
            submission=None,
            lead=None,
            detail=None,
            deliveries=[],
            attempts=[],
            events=[],
            refusal=refusal,
            arrivals={lead_id: await arrival.refused(conn, lead_id)},
        )
    parts = await partials.amendments(conn, [lead_id])
    return Story(
        id=lead_id, submission=submission, lead=lead,
        detail=await leads.detail(conn, lead_id) if lead else None,
        deliveries=await deliveries.of_lead(conn, lead_id) if lead else [],
        attempts=await leads.attempts(conn, lead_id) if lead else [],
        events=await leads.events(conn, lead_id) if lead else [],
        parts=parts,
        arrivals=await arrival.arrivals(conn, lead["submission_id"] if lead else lead_id, parts),
        former=await rounds.former(conn, lead_id) if lead and lead["round"] > 1 else (),
        callbacks=await callbacks.of_lead(conn, lead_id),
        waiting=await requeues.of_lead(conn, lead_id) if lead and lead["state"] == "delivering" else None,
        feedback=await feedback.of_lead(conn, lead_id) if lead else (),
        returns=await _returns(conn, lead_id) if lead else (),
        files=await bundle_book.of_lead(conn, lead_id) if lead else (),
        begun=lead is None and await _begun(conn, lead_id),
    )  # fmt: skip


async def _returns(conn: Any, lead_id: UUID) -> list[tuple[Request, Sequence[Mapping[str, Any]]]]:
    return [(one, await returns.words(conn, one.id)) for one in await returns.of_lead(conn, lead_id)]


async def _begun(conn: Any, lead_id: UUID) -> bool:
    partial = await partials.look(conn, lead_id)
    return partial is not None and partial["state"] == "open"


async def source_view(
    conn: Any, lead_id: UUID, source: str, *, coarse: bool = False
) -> dict[str, Any] | None:
    """What a source may know of its own lead: never buyers, never others' leads. `coarse`: and no reasons."""
    lead = await leads.lead(conn, lead_id)
    if lead is None:
        return await _undecided(conn, lead_id, source)
    if lead["source"] != source:
        return None
    view = {
        "id": str(lead_id), "state": lead["state"], "outcome": lead["outcome"] or "pending",
        "reasons": lead["reasons"] or [], "test": lead["test"], "timeline": _timeline(lead),
    }  # fmt: skip
    if lead["price"] is not None:
        view["price"] = written(lead["price"])
    if told := await _summed(conn, lead_id, coarse=coarse):
        view["feedback"] = told
    if lead["test"] and (result := await _forced(conn, lead_id)):
        view["forced"] = result
    return view


async def _summed(conn: Any, lead_id: UUID, *, coarse: bool) -> dict[str, Any] | None:
    return summary((await feedback.lanes(conn, [lead_id])).get(lead_id, ()), coarse=coarse)


async def _forced(conn: Any, lead_id: UUID) -> str | None:
    """The result that this test asked for."""
    detail = await leads.detail(conn, lead_id)
    return detail["routing"].get("forced") if detail is not None else None


async def _undecided(conn: Any, lead_id: UUID, source: str) -> dict[str, Any] | None:
    submission = await leads.submission(conn, lead_id) or await brought_with(conn, lead_id, source)
    if submission is None or submission["source"] != source:
        return None
    partial = await partials.look(conn, lead_id)
    begun = partial is not None and partial["state"] == "open"
    moments = [_moment(submission["received_at"], "begun" if partial else "received")]
    if partial is not None and partial["ended_at"] is not None:
        moments.append(_moment(partial["ended_at"], partial["state"]))
    return {
        "id": str(lead_id), "state": "partial" if begun else "received", "outcome": "pending", "reasons": [],
        "test": submission["test"], "timeline": moments,
    }  # fmt: skip


async def brought_with(conn: Any, lead_id: UUID, source: str) -> dict[str, Any] | None:
    """The undecided submission that this one of several leads came in: their ids share the millisecond."""
    for submission in await leads.undecided(conn, *moment_of(lead_id), source):
        if any(lead_id_of(submission["id"], n) == lead_id for n in range(1, MOST_RECORDS)):
            return submission
    return None


def _timeline(lead: dict[str, Any]) -> list[dict[str, str]]:
    moments = [_moment(lead["received_at"], "received")]
    verdict = lead["state"] if lead["state"] in ("held", "rejected") else "accepted"
    moments.append(_moment(lead["decided_at"], verdict))
    if lead["ended_at"] is not None and lead["state"] != "rejected":
        moments.append(_moment(lead["ended_at"], _TELLING.get(lead["state"], lead["state"])))
    return moments


def _moment(at: datetime, what: str) -> dict[str, str]:
    return {"at": at.astimezone(UTC).isoformat(timespec="milliseconds"), "what": what}
