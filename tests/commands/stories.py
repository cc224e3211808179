"""Stories as their rows would tell them, from few words."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.commands.steps import Setting
from app.pipeline.arrival import Arrival
from app.pipeline.story import Story
from app.store.deliveries import DeliveryRow

LEAD = UUID("019a9f3e-7c41-7d0a-b2f6-5c1e8a40d9b3")
AT = datetime(2025, 11, 20, 22, 32, 5, 12_000, tzinfo=UTC)
NOW = AT + timedelta(hours=3)


def after(ms: float) -> datetime:
    return AT + timedelta(milliseconds=ms)


def delivery_id(n: int) -> UUID:
    return UUID(int=(LEAD.int >> 64 << 64) | (0x8 << 60) | (0xB5590EF0 + n))


def finding(
    check: str, message: str, *, points: int = 0, action: str = "flag", **facts: Any
) -> dict[str, Any]:
    return {
        "check": check, "code": check, "message": message, "field": "", "action": action, "points": points, "facts": facts,
    }  # fmt: skip


def delivery(n: int, contract: str, state: str, price: str = "42.00", **more: Any) -> DeliveryRow:
    given: dict[str, Any] = {
        "id": delivery_id(n), "lead_id": LEAD, "round": 1, "slot": 1, "rank": n, "campaign": "solar", "contract": contract,
        "buyer": contract, "state": state, "price": Decimal(price), "attempts": 1, "lease_id": None, "next_at": None,
        "created_at": after(12), "ended_at": None, "reserved": "", "reference": None, "reason": None, "test": False,
    }  # fmt: skip
    return DeliveryRow(**given | more)


def attempt(n: int, outcome: str | None, began: float, took: float, **more: Any) -> dict[str, Any]:
    """Of delivery `n`; by default its first, answered 200."""
    status = more.pop("status", 200)
    exchange = {
        "method": "POST", "url": "https://buyer.example/in", "sent_headers": {"authorization": "***"}, "sent": "{}",
        "status": status, "received_headers": {}, "received": "", "ms": took, "error": None, "cut": False,
    }  # fmt: skip
    given: dict[str, Any] = {
        "delivery_id": delivery_id(n), "n": 1, "started_at": after(began), "ended_at": after(began + took),
        "outcome": outcome, "reason": "", "reference": None, "price": None, "ms": took, "late": False, "read": "",
        "exchanges": [exchange],
    }  # fmt: skip
    return given | more


def story(
    state: str, *, outcome: str | None, price: str | None, findings: list[dict[str, Any]], score: int = 50,
    fields: dict[str, list[Any]] | None = None, extra: dict[str, Any] | None = None,
    steps: dict[str, float] | None = None, routing: dict[str, Any] | None = None, revenue: str = "0",
    source: str = "acme", size: int = 412, format: str = "form",
    reasons: list[dict[str, str]] | None = None, ended: float | None = None, **rows: Any,
) -> Story:  # fmt: skip
    lead = {
        "id": LEAD, "submission_id": LEAD, "position": 0, "source": source, "campaign": "solar", "received_at": AT,
        "state": state, "round": 1, "copies": 1, "test": False, "outcome": outcome,
        "price": None if price is None else Decimal(price), "reasons": reasons, "score": score,
        "revenue": Decimal(revenue), "catalogue": 1, "decided_at": after(9), "ended_at": None if ended is None else after(ended),
    }  # fmt: skip
    submission = {
        "id": LEAD, "source": source, "received_at": AT, "content_type": "", "bytes": size, "test": False,
        "remote": "", "key_hint": "", "parked": None, "undecided": False,
    }  # fmt: skip
    detail = {
        "fields": fields or {"email": ["ann@example.com", "ann@example.com"]}, "extra": extra or {}, "findings": findings,
        "routing": routing or {}, "steps": steps or {"durable": 3.1, "mapped": 4.2, "checked": 8.0, "routed": 8.5},
    }  # fmt: skip
    came = {LEAD: Arrival("POST /v1/leads", format, size)}
    parts: dict[str, Any] = {"deliveries": [], "attempts": [], "events": [], "arrivals": came} | rows
    return Story(id=LEAD, submission=submission, lead=lead, detail=detail, **parts)


def setting(**given: Any) -> Setting:
    from zoneinfo import ZoneInfo

    told: dict[str, Any] = {
        "now": NOW, "zone": ZoneInfo("America/Los_Angeles"), "currency": "USD",
        "types": {"email": "email", "dob": "date", "phone": "phone"},
    }  # fmt: skip
    return Setting(**told | given)
