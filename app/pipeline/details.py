"""What is kept for the why, as compact JSON: fields, findings and routing of a decision, what was said to a buyer."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

import orjson

from app.distribute.exchange import SHOWN_BYTES, Conversed, Exchange
from app.distribute.reasons import why_of
from app.distribute.route import Match
from app.model import Finding, Value
from app.store.pings import Promise
from app.validate.check import Has

RANKED = 20
SILENT = 100


def _dumps(value: Any) -> str:
    return orjson.dumps(value).decode()


def fields_json(fields: Mapping[str, Value]) -> str:
    """name → [raw, normal, valid, parts, note], trailing defaults left out."""
    return _dumps({name: _field(value) for name, value in fields.items()})


def _field(value: Value) -> list[Any]:
    if value.note:
        return [value.raw, value.normal, value.valid, value.parts, value.note]
    if value.parts:
        return [value.raw, value.normal, value.valid, value.parts]
    return [value.raw, value.normal] if value.valid else [value.raw, value.normal, False]


def extra_json(extra: Mapping[str, Any]) -> str:
    return _dumps(extra)


def findings_json(findings: Sequence[Finding], took: Mapping[str, float] = {}) -> str:
    """`took`: by check, the milliseconds that it and what it waited for took of this lead."""
    if not findings:
        return "[]"
    return _dumps(
        [
            {
                "check": f.check, "code": f.code, "message": f.message, "field": f.field, "action": f.action,
                "points": f.points, "facts": f.facts,
                **({"ms": round(took[f.check], 3)} if f.check in took else {}),
            }
            for f in findings
        ]
    )  # fmt: skip


def routing_json(
    match: Match | None,
    full: Sequence[tuple[str, str]],
    of: int,
    *,
    forced: str = "",
    barred: Mapping[str, Has] = {},
    bids: Sequence[Mapping[str, str]] = (),
    silent: Mapping[str, str] = {},
    counted: Mapping[str, Mapping[str, Any]] = {},
    chain: Sequence[Mapping[str, Any]] = (),
    promise: Promise | None = None,
    whole: Match | None = None,
) -> str:
    """The ranking and the counts of who was left out; `full` (contract, cap) can't be recomputed later, nor can `bids`,
    who was `silent` and how far the `chain` was gone along. `whole` is the match with those who are asked later, or have copies alone.

    Of a test that asked for a result, the result instead: no contract was looked at.
    """
    if forced:
        return _dumps({"forced": forced})
    if match is None:
        return "{}" if promise is None else _dumps({"ping": promise.document()})
    index, out = match.index, match.left_out
    wanting = whole or match
    out_of = {one for one in wanting.ranked() if index.buyer_of(one) in barred} if barred else frozenset()
    left = match.ranked(RANKED + len(out_of))
    if out_of:
        left = [one for one in left if one not in out_of][:RANKED]
    left_out = {"filter": out.filter, "hours": out.hours, "paused": out.paused, "source": out.source}
    if index.areas.minding:
        left_out["area"] = out.area
    if index.minds_consumers:
        left_out["consumer_hours"] = out.consumer_hours
    if out_of:
        left_out["duplicate"] = len(out_of)
    told = {
        "at": match.at.isoformat(), "of": of, "eligible": wanting.count - len(out_of),
        "ranked": [(one, index.prices[one]) for one in left],
        "left_out": left_out, "full": full,
    }  # fmt: skip
    if why := why_of(match, counted, left):
        told["why"] = why
    if out.resting:
        told["resting"] = out.resting
    if bids:
        told["bids"] = bids
    if silent:
        told["silent"] = dict(islice(silent.items(), SILENT))
    if chain:
        told["chain"] = chain
    if barred:
        told["had"] = {buyer: (one.list, str(one.lead_id or "")) for buyer, one in barred.items()}
    return _dumps(told)


def steps_json(steps: Mapping[str, float]) -> str:
    """step → milliseconds after the submission was received, when it was done."""
    return _dumps(steps)


def exchanges_json(conversed: Conversed, bytes_kept: int) -> str:
    return _dumps([exchange_document(one, bytes_kept) for one in conversed.exchanges])


def exchange_document(one: Exchange, bytes_kept: int = SHOWN_BYTES) -> dict[str, Any]:
    """One exchange as it is kept and shown."""
    return {
        "method": one.method, "url": one.url, "sent_headers": dict(one.sent_headers),
        "sent": shown_bytes(one.sent[:bytes_kept]), "status": one.status,
        "received_headers": dict(one.received_headers), "received": shown_bytes(one.received[:bytes_kept]),
        "ms": round(one.ms, 2), "error": one.error, "cut": one.cut or max(len(one.sent), len(one.received)) > bytes_kept,
    }  # fmt: skip


def shown_bytes(body: bytes) -> str | dict[str, str]:
    """Text as text, anything else as hex; NUL is no text here, since json columns are read by people."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        return {"hex": body.hex()}
