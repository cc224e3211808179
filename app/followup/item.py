"""What a buyer's program says of one delivery, read from a flat record; what it can't mean is told with its place."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, cast, get_args
from uuid import UUID

import orjson
from msgspec import Struct
from msgspec.structs import asdict

from app.catalog.telling import LONGEST_WORD
from app.core.money import amount
from app.ingest.raw import written
from app.model import Record

ItemKind = Literal["disposition", "return", "conversion", "revenue", "correction"]
NAMES = (
    "delivery_id", "lead_id", "reference", "match.email", "match.phone", "match.sold_on", "email", "phone", "sold_on", "type",
    "code", "reason", "occurred_at", "amount", "currency", "promised_at", "external_id", "evidence", "note", "voids",
)  # fmt: skip
_LONGEST = {
    "reference": 500, "external_id": 200, "evidence": 2_000, "note": 2_000, "code": LONGEST_WORD,
    "reason": LONGEST_WORD, "currency": 3, "email": 320, "phone": 40,
}  # fmt: skip
EARLY, LATE = timedelta(minutes=5), timedelta(minutes=5)
"""So much may a clock of the buyer's be wrong before the hand-over, and ahead of ours."""


class Wrong(Exception):
    """An item that can't be taken, whoever sends it: a stable code, and words that don't repeat it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class Item(Struct, frozen=True, kw_only=True):
    """One thing said. `word` is the buyer's own; `on` stands for `at` where only a day was told."""

    kind: ItemKind
    word: str
    delivery_id: str = ""
    lead_id: str = ""
    reference: str = ""
    email: str = ""
    phone: str = ""
    sold_on: date | None = None
    at: datetime | None = None
    on: date | None = None
    amount: Decimal | None = None
    currency: str = ""
    promised_at: datetime | None = None
    external_id: str = ""
    evidence: str = ""
    note: str = ""
    voids: str = ""

    @property
    def key(self) -> bytes:
        """The same for what is said again: of the buyer's own id of it, else of all that it says. A return that is
        asked for with other evidence says more than before: it may be an appeal."""
        said: list[str] | dict[str, Any] = {k: v for k, v in asdict(self).items() if v}
        if self.external_id:
            said = [self.external_id, *([self.evidence] if self.kind == "return" and self.evidence else ())]
        return hashlib.sha256(orjson.dumps(said, default=str, option=orjson.OPT_SORT_KEYS)).digest()

    @property
    def delivery(self) -> UUID | None:
        return uuid_of(self.delivery_id)

    @property
    def lead(self) -> UUID | None:
        return uuid_of(self.lead_id)

    @property
    def finds(self) -> str:
        """How it says which delivery is meant: `id`, `reference`, `match`, `lead`, or nothing. A table's column `lead_id`
        may be the buyer's own: it counts where nothing else says which."""
        if self.delivery_id:
            return "id"
        if self.reference:
            return "reference"
        told = self.email or self.phone
        return "match" if told and (self.sold_on or not self.lead_id) else "lead" if self.lead_id else ""

    def occurred(self, sold_at: datetime, now: datetime) -> datetime:
        """When it happened, as far as that can be so. Raises Wrong."""
        if self.on is not None:  # some moment of that day, by a clock that nobody told
            end = datetime.combine(self.on, datetime.max.time(), UTC) + timedelta(hours=12)
            if datetime.combine(self.on, datetime.min.time(), UTC) - timedelta(hours=14) > now:
                raise Wrong("in_future", "occurred_at is a day that has not come")
            if end < sold_at:
                raise Wrong("before_delivery", "occurred_at is a day before the lead was handed over")
            return max(sold_at, min(end, now))
        at = self.at or now
        if at > now + LATE:
            raise Wrong("in_future", "occurred_at is more than 5 minutes ahead")
        if at < sold_at - EARLY:
            raise Wrong("before_delivery", "occurred_at is before the lead was handed over")
        return min(max(at, sold_at), max(now, sold_at))


def item_of(record: Record, *, strict: bool = True) -> Item:
    """`strict`: a name that is none of ours is refused; a table may have columns of its own. Raises Wrong."""
    said = {name: text for name, raw in record.items() if (text := written(raw))}
    if strict and (unknown := next((name for name in said if name not in NAMES), None)):
        raise Wrong("unknown_name", f"{_shown(unknown)} is no name here; there are {', '.join(NAMES)}")
    told = {name: said[name] for name in NAMES if name in said}
    for name in ("email", "phone", "sold_on"):
        if f"match.{name}" in told:
            told[name] = told[f"match.{name}"]
    for name, longest in _LONGEST.items():
        if len(told.get(name, "")) > longest:
            raise Wrong("too_long", f"{name} has at most {longest:,} characters")
    at, on = _moment("occurred_at", told, days=True)
    promised, _ = _moment("promised_at", told)
    kind = _kind(told)
    sold_on = _day("sold_on", told)
    return Item(
        kind=kind, word=_word(kind, told), delivery_id=told.get("delivery_id", ""), lead_id=told.get("lead_id", ""), reference=told.get("reference", ""),
        email=told.get("email", ""), phone=told.get("phone", ""), sold_on=sold_on, at=at, on=on,
        amount=_amount(kind, told), currency=_currency(told), promised_at=promised,
        external_id=told.get("external_id", ""), evidence=told.get("evidence", ""), note=told.get("note", ""),
        voids=told.get("voids", ""),
    )  # fmt: skip


def uuid_of(text: str) -> UUID | None:
    """What is no id names nothing."""
    try:
        return UUID(text)
    except ValueError:
        return None


def _kind(told: Mapping[str, str]) -> ItemKind:
    said = told.get("type", "disposition").lower()
    if said not in get_args(ItemKind):
        raise Wrong("unknown_type", f"type is one of {', '.join(get_args(ItemKind))}")
    kind = cast("ItemKind", said)
    if kind == "correction" and not told.get("voids"):
        raise Wrong(
            "needs_voids",
            "a correction says in voids which event it takes back: our id of it, or your external_id",
        )
    if kind == "revenue" and "amount" not in told:
        raise Wrong("needs_amount", "revenue has an amount")
    return kind


def _word(kind: ItemKind, told: Mapping[str, str]) -> str:
    word = told.get("reason" if kind == "return" else "code") or told.get(
        "code" if kind == "return" else "reason", ""
    )
    if word:
        return word
    if kind in ("conversion", "revenue", "correction"):
        return {"conversion": "won", "revenue": "revenue", "correction": "correction"}[kind]
    raise Wrong("needs_code", f"a {kind} has a {'reason' if kind == 'return' else 'code'}")


def _amount(kind: ItemKind, told: Mapping[str, str]) -> Decimal | None:
    if "amount" not in told:
        return None
    if kind not in ("conversion", "revenue", "disposition"):
        raise Wrong("bad_amount", f"a {kind} has no amount")
    try:
        found = amount(told["amount"])
    except ValueError as error:
        raise Wrong("bad_amount", f"amount {error}") from None
    if found < 0:
        raise Wrong("bad_amount", "an amount is nought or more; take an earlier one back by a correction")
    return found


def _currency(told: Mapping[str, str]) -> str:
    said = told.get("currency", "").upper()
    if said and not (len(said) == 3 and said.isascii() and said.isalpha()):
        raise Wrong("bad_currency", "a currency is three letters, as USD")
    return said


def _moment(name: str, told: Mapping[str, str], *, days: bool = False) -> tuple[datetime | None, date | None]:
    said = told.get(name)
    if said is None:
        return None, None
    if days and len(said) == 10:
        return None, _day(name, told)
    try:
        at = datetime.fromisoformat(said)
        return (at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)), None
    except (ValueError, OverflowError):
        raise Wrong("bad_time", f"{name} is no time; write it as 2026-03-08T14:30:00Z") from None


def _day(name: str, told: Mapping[str, str]) -> date | None:
    if name not in told:
        return None
    try:
        found = date.fromisoformat(told[name])
    except ValueError:
        raise Wrong("bad_time", f"{name} is no day; write it as 2026-03-08") from None
    if not 2000 <= found.year < 9000:
        raise Wrong("bad_time", f"{name} is no day that can be meant")
    return found


def _shown(name: str) -> str:
    printable = "".join(one if one.isprintable() else "�" for one in name[:40])
    return printable + ("…" if len(name) > 40 else "")
