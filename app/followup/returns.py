"""Whether a buyer may give a lead back, by the terms of its contract: what is refused at once, what decides by itself."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, cast, get_args
from zoneinfo import ZoneInfo

from msgspec import Struct

from app.catalog.documents import ContractDoc
from app.catalog.returning import ReturnsDoc, SourceReturns
from app.catalog.telling import CONSENT, UNSELLABLE, Reason, folded, group_of
from app.distribute.caps import window
from app.distribute.hours import Opening, instant
from app.followup.item import Wrong
from app.store.feedback import Handed, Heard
from app.validate.fraud import NAME as FRAUD

Way = Literal["approve", "deny", "review", "refuse"]
_REACHED = frozenset(("contacted", "qualified", "won"))
_NOT_REACHED = frozenset(("wrong_number", "disconnected", "fake", "no_contact", "deceased"))
"""What can't be so where the person was spoken to."""
BORNE_OUT_BY: Mapping[Reason, frozenset[tuple[str, str]]] = {
    "invalid_email": frozenset(
        (("email", "no_mx"), ("email", "misspelt"), ("email", "lookalike"), ("email", "disposable"))
    ),
    "wrong_number": frozenset((("phone", "fictional"), ("phone", "toll_free"), ("phone", "premium"))),
    "disconnected": frozenset((("phone", "fictional"), ("phone", "repeated"), ("phone", "sequential"))),
    "fake": frozenset((("phone", "fictional"), ("email", "disposable"), (FRAUD, FRAUD))),
    "outside_area": frozenset((("phone", "elsewhere"), ("phone", "abroad"))),
    "dnc": frozenset((("suppression", "refused"),)),
}
"""What of our own findings (check, code) says the same as a reason does."""
_SECOND = timedelta(seconds=1)


class Facts(Struct, frozen=True, kw_only=True):
    """What is known of a request. `verified`: whether what we have bears it out; None where it says nothing."""

    attempts: int
    days: int
    contradicted: bool
    verified: bool | None = None
    sold: int = 0
    returned: int = 0
    over_cap: bool = False

    def kept(self) -> dict[str, Any]:
        """As the request's row has it: numbers and codes."""
        return {name: getattr(self, name) for name in self.__struct_fields__}


def reason_of(word: str) -> Reason:
    """Raises Wrong."""
    said = folded(word).removeprefix("bad.")
    if said not in get_args(Reason):
        raise Wrong("unknown_reason", f"a lead is given back for one of {', '.join(get_args(Reason))}")
    return cast("Reason", said)


def admitted(
    reason: Reason, handed: Handed, heard: Sequence[Heard], contract: ContractDoc | None, now: datetime
) -> ReturnsDoc:
    """The terms under which it may be asked for. Raises Wrong where they don't let it."""
    terms = contract.returns if contract is not None else None
    if handed.state != "accepted":
        raise Wrong("not_accepted", f"this delivery is {handed.state}: there is nothing to give back")
    if contract is None or terms is None:
        raise Wrong("no_returns", "this contract takes nothing back")
    if handed.free:
        raise Wrong(
            "not_returnable", "this lead stood in for one that you gave back; it is not taken back itself"
        )
    if terms.reasons and reason not in terms.reasons:
        raise Wrong("reason_not_allowed", f"this contract takes leads back for {', '.join(terms.reasons)}")
    until = deadline(contract, terms, handed.sold_at)
    if _whole(now) > _whole(until):
        raise Wrong("too_late", f"it could be given back until {_whole(until):%Y-%m-%dT%H:%M:%SZ}")
    if terms.after_won == "refuse" and any(one.code == "won" for one in _standing(heard)):
        raise Wrong("converted", "you told that this lead was won; take that back by a correction first")
    need = terms.needs.get(reason)
    attempts, days = called(heard, _zone(contract))
    if need is not None and (attempts < need.attempts or days < need.days):
        raise Wrong(
            "needs_attempts",
            f"{reason} needs {need.attempts} attempts on {need.days} days; told were {attempts} on {days}",
        )
    return terms


def deadline(contract: ContractDoc, terms: ReturnsDoc, sold_at: datetime) -> datetime:
    """The last moment at which it may be asked for; of open days the last second of the last one, by the contract's clock."""
    if terms.open_days is None:
        return sold_at + timedelta(seconds=terms.window.seconds)
    zone = _zone(contract)
    opening = Opening(contract.hours) if contract.hours is not None else None
    day, left = sold_at.astimezone(zone).date(), terms.open_days
    for _ in range(400):
        day += timedelta(days=1)
        begins, ends = instant(day, 0, zone), instant(day + timedelta(days=1), 0, zone)
        opens = begins if opening is None else opening.opens_at(begins)
        left -= opens is not None and opens < ends
        if not left:
            return ends - _SECOND
    return instant(day, 0, zone)


def called(heard: Sequence[Heard], zone: ZoneInfo) -> tuple[int, int]:
    """(attempts, on how many days); a call that the dialer dropped was nobody's attempt."""
    at = [
        one.occurred_at.astimezone(zone).date()
        for one in _standing(heard)
        if group_of(one.code) == "attempted" and one.code != "attempted.dropped"
    ]
    return len(at), len(set(at))


def facts_of(
    reason: Reason, heard: Sequence[Heard], contract: ContractDoc, terms: ReturnsDoc, *,
    verified: bool | None, used: tuple[int, int] | None,
) -> Facts:  # fmt: skip
    """`used`: (sold, given back or asked to be) in the period of the terms' cap."""
    attempts, days = called(heard, _zone(contract))
    groups = {group_of(one.code) for one in _standing(heard)}
    contradicted = "won" in groups or (reason in _NOT_REACHED and bool(groups & _REACHED))
    sold, returned = used or (0, 0)
    over = False
    if terms.cap is not None and used is not None:
        room = max(terms.cap.min, sold * terms.cap.percent // 100)
        over = returned + 1 > room
    return Facts(
        attempts=attempts, days=days, contradicted=contradicted, verified=verified, sold=sold, returned=returned,
        over_cap=over,
    )  # fmt: skip


def period(contract: ContractDoc, terms: ReturnsDoc, sold_at: datetime) -> tuple[datetime, datetime]:
    """[from, to) of the cap's calendar period in which it was sold, by the contract's clock."""
    assert terms.cap is not None
    return window(terms.cap.per, _zone(contract), sold_at)


def way(
    terms: ReturnsDoc, facts: Facts, *, reason: Reason, handed: Handed, lead: Mapping[str, Any], evidence: bool,
    now: datetime,
) -> Way:  # fmt: skip
    """The first rule that holds decides. A claim that the buyer's own words contradict is approved by no rule; one
    over the cap is refused, unless a rule leaves it to a person."""
    seen = {
        "lead": dict(lead), "source": handed.source, "reason": reason, "price": float(handed.price),
        "age": max(0.0, (now - handed.sold_at).total_seconds() / 3600), "evidence": evidence, **facts.kept(),
    }  # fmt: skip
    ruled: Way | None = next((rule.do for rule in terms.auto if rule.when.holds(seen)), None)
    if facts.over_cap:
        return ruled if ruled in ("deny", "review") else "refuse"
    return "review" if ruled is None or (ruled == "approve" and facts.contradicted) else ruled


def due(terms: ReturnsDoc, now: datetime) -> tuple[datetime | None, str | None]:
    """When a request is decided by itself, and how."""
    if terms.review_within is None:
        return None, None
    return now + timedelta(seconds=terms.review_within.seconds), terms.then


def resellable(terms: ReturnsDoc | None, reason: str) -> bool:
    return terms is not None and terms.resale and reason not in UNSELLABLE


def source_pays(
    terms: ReturnsDoc | None, own: SourceReturns | None, reason: str, *, received_at: datetime, requested_at: datetime,
    kept: int,
) -> bool:  # fmt: skip
    """Whether its source is not paid for it any more. `kept`: sales of it that nobody has given back. What was agreed
    with the source of leads without consent comes before all else."""
    if terms is None:
        return False
    if own is not None and own.consent and reason in CONSENT:
        return True
    if terms.source == "never":
        return False
    if terms.source == "own_policy":
        if own is None or (own.reasons and reason not in own.reasons):
            return False
        if own.window is not None and _whole(requested_at) > _whole(
            received_at + timedelta(seconds=own.window.seconds)
        ):
            return False
    return kept == 0 or (own is not None and own.when == "any_buyer")


def _standing(heard: Sequence[Heard]) -> list[Heard]:
    return [one for one in heard if not one.voided]


def _zone(contract: ContractDoc) -> ZoneInfo:
    return ZoneInfo(contract.hours.zone if contract.hours is not None else "UTC")


def _whole(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(microsecond=0)
