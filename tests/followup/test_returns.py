"""The terms of returns, number by number: the window to its second, the cap to its last lead, the calls by their days."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from app.catalog.documents import ContractDoc
from app.catalog.returning import ReturnsDoc, SourceReturns
from app.catalog.telling import Reason
from app.catalog.worth import FraudDoc
from app.followup import returns as terms
from app.followup.item import Wrong
from app.model import Finding
from app.store.feedback import Handed, Heard
from app.validate.check import checks
from app.validate.fraud import Suspicion

SUM_OF_SIGNS = ("fraud", "fraud")
ID = UUID(int=1)
SOLD = datetime(2026, 3, 5, 12, 0, 0, 900_000, tzinfo=UTC)


def contract(returns: dict[str, Any], **more: Any) -> ContractDoc:
    return ContractDoc.model_validate(
        {"id": "west", "campaign": "solar", "deliver": {}, "returns": returns, **more}
    )


def handed(**more: Any) -> Handed:
    told: dict[str, Any] = {
        "id": ID, "lead_id": ID, "round": 1, "campaign": "solar", "contract": "west", "buyer": "sunco",
        "state": "accepted", "sold_at": SOLD, "price": Decimal("42.00"), "test": False, "returned_at": None,
        "source": "acme", "currency": "USD", "erased": False, "free": False, "reserved": "",
    }  # fmt: skip
    return Handed(**told | more)


def heard(code: str, at: datetime = SOLD, *, voided: bool = False) -> Heard:
    return Heard(ID, ID, "disposition", code, at, voided)


def code_of(doc: ContractDoc, now: datetime, *told: Heard, reason: Reason = "other") -> str:
    try:
        terms.admitted(reason, handed(), told, doc, now)
    except Wrong as wrong:
        return f"{wrong.code}: {wrong.message}" if wrong.code == "too_late" else wrong.code
    return "admitted"


@pytest.mark.parametrize(
    ("now", "came"),
    [
        (datetime(2026, 3, 12, 12, 0, 0, 999_999, tzinfo=UTC), "admitted"),
        (
            datetime(2026, 3, 12, 12, 0, 1, tzinfo=UTC),
            "too_late: it could be given back until 2026-03-12T12:00:00Z",
        ),
    ],
)
def test_a_week_is_seven_times_24_hours_to_its_second_also_where_a_clock_was_changed(
    now: datetime, came: str
) -> None:
    """New York put its clocks on on 8 March 2026."""
    week = contract({"window": "7d"}, hours={"zone": "America/New_York", "open": {"mon-fri": "09:00-17:00"}})
    assert code_of(week, now) == came


@pytest.mark.parametrize(
    ("sold", "percent", "least", "room"),
    [
        (4, 15, 0, 0),  # 0.6 of a lead is none
        (4, 15, 3, 3),
        (20, 15, 3, 3),
        (26, 15, 3, 3),
        (27, 15, 3, 4),  # 4.05
        (39, 15, 0, 5),  # 5.85
        (40, 15, 0, 6),
        (7, 100, 0, 7),
        (0, 15, 0, 0),
        (1_000, 0, 0, 0),
    ],
)
def test_a_cap_is_whole_leads_of_those_sold_and_never_less_than_its_least(
    sold: int, percent: int, least: int, room: int
) -> None:
    doc = contract({"cap": {"percent": percent, "min": least}})
    assert doc.returns is not None
    over = [
        terms.facts_of("other", (), doc, doc.returns, verified=None, used=(sold, asked)).over_cap
        for asked in (room - 1, room)
        if asked >= 0
    ]
    assert over == [False, True][-len(over) :]


@pytest.mark.parametrize(
    ("per", "zone", "begins", "ends"),
    [
        ("month", "UTC", "2026-03-01T00:00Z", "2026-04-01T00:00Z"),
        ("month", "America/New_York", "2026-03-01T05:00Z", "2026-04-01T04:00Z"),
        ("week", "UTC", "2026-03-02T00:00Z", "2026-03-09T00:00Z"),
        ("day", "Australia/Sydney", "2026-03-04T13:00Z", "2026-03-05T13:00Z"),
    ],
)
def test_a_cap_counts_the_period_of_the_sale_by_the_contracts_clock(
    per: str, zone: str, begins: str, ends: str
) -> None:
    hours = {"zone": zone, "open": {"mon-fri": "09:00-17:00"}}
    doc = contract({"cap": {"percent": 15, "per": per}}, hours=hours)
    assert doc.returns is not None
    assert terms.period(doc, doc.returns, SOLD) == (
        datetime.fromisoformat(begins),
        datetime.fromisoformat(ends),
    )


def test_calls_count_by_the_days_of_the_contracts_clock_and_what_was_taken_back_does_not() -> None:
    """23:30 and 00:30 in New York are two days, and one of UTC."""
    needs = {"needs": {"no_contact": {"attempts": 3, "days": 2}}}
    late, early = datetime(2026, 3, 6, 4, 30, tzinfo=UTC), datetime(2026, 3, 6, 5, 30, tzinfo=UTC)
    calls = [
        heard("attempted.no_answer", late),
        heard("attempted.busy", early),
        heard("attempted.voicemail", early),
    ]
    west = contract(needs, hours={"zone": "America/New_York", "open": {"mon-fri": "09:00-17:00"}})
    now = SOLD + timedelta(days=2)
    assert code_of(west, now, *calls, reason="no_contact") == "admitted"
    assert code_of(contract(needs), now, *calls, reason="no_contact") == "needs_attempts"
    taken_back = heard("attempted.voicemail", early, voided=True)
    assert code_of(west, now, *calls[:2], taken_back, reason="no_contact") == "needs_attempts"
    assert code_of(west, now, reason="other") == "admitted"


@pytest.mark.parametrize(
    ("reason", "told", "contradicted"),
    [
        ("wrong_number", "contacted.callback", True),
        ("disconnected", "qualified", True),
        ("no_contact", "contacted", True),
        ("wrong_number", "won", True),
        ("other", "won", True),
        ("outside_area", "contacted", False),
        ("wrong_number", "attempted.no_answer", False),
    ],
)
def test_no_rule_approves_what_the_buyers_own_words_contradict(
    reason: Reason, told: str, contradicted: bool
) -> None:
    doc = contract({"after_won": "review", "auto": [{"when": "true", "do": "approve"}]})
    assert doc.returns is not None
    facts = terms.facts_of(reason, [heard(told)], doc, doc.returns, verified=None, used=None)
    way = terms.way(doc.returns, facts, reason=reason, handed=handed(), lead={}, evidence=True, now=SOLD)
    assert (facts.contradicted, way) == (contradicted, "review" if contradicted else "approve")
    taken_back = terms.facts_of(
        reason, [heard(told, voided=True)], doc, doc.returns, verified=None, used=None
    )
    assert not taken_back.contradicted


@pytest.mark.parametrize(
    ("after", "voided", "came"),
    [("refuse", False, "converted"), ("review", False, "admitted"), ("refuse", True, "admitted")],
)
def test_what_was_won_is_given_back_only_where_the_terms_leave_it_to_a_person(
    after: str, voided: bool, came: str
) -> None:
    assert code_of(contract({"after_won": after}), SOLD, heard("won", voided=voided)) == came


@pytest.mark.parametrize(
    ("rule", "way"), [("review", "review"), ("deny", "deny"), ("approve", "refuse"), (None, "refuse")]
)
def test_over_the_cap_nothing_is_approved_by_a_rule(rule: str | None, way: str) -> None:
    auto = [{"when": "over_cap", "do": rule}] if rule else []
    doc = contract({"cap": {"percent": 15}, "auto": auto})
    assert doc.returns is not None
    facts = terms.facts_of("other", (), doc, doc.returns, verified=True, used=(4, 0))
    assert (
        terms.way(doc.returns, facts, reason="other", handed=handed(), lead={}, evidence=True, now=SOLD)
        == way
    )


@pytest.mark.parametrize(
    ("buyers", "own", "reason", "days", "kept", "back"),
    [
        ("same", {"when": "all_buyers"}, "other", 3, 1, False),
        ("same", {"when": "any_buyer"}, "other", 3, 1, True),
        ("never", {"when": "any_buyer"}, "other", 3, 0, False),
        ("own_policy", {"window": "3d"}, "other", 3, 0, True),
        ("own_policy", {"window": "2d"}, "other", 3, 0, False),
        ("same", {"window": "2d"}, "other", 3, 0, True),
        ("own_policy", {"window": "2d", "consent": True}, "no_consent", 3, 1, True),
        ("own_policy", {"window": "2d", "consent": True}, "other", 3, 0, False),
        ("never", {"consent": True}, "dnc", 3, 1, True),
        ("never", {"consent": True}, "other", 3, 0, False),
        ("never", {}, "no_consent", 3, 0, False),
        ("own_policy", None, "other", 3, 0, False),
        ("same", None, "other", 3, 0, True),
    ],
)
def test_who_bears_a_return_is_said_by_both_terms(
    buyers: str, own: dict[str, Any] | None, reason: str, days: int, kept: int, back: bool
) -> None:
    doc = ReturnsDoc.model_validate({"source": buyers})
    theirs = None if own is None else SourceReturns.model_validate(own)
    asked = SOLD.replace(microsecond=999_999) + timedelta(days=days)  # to the second
    assert terms.source_pays(doc, theirs, reason, received_at=SOLD, requested_at=asked, kept=kept) is back


def test_what_bears_a_reason_out_is_what_a_check_can_find() -> None:
    codes = {(one.name, code) for one in checks.discover() for code in one.codes} | {SUM_OF_SIGNS}
    borne = {found for ones in terms.BORNE_OUT_BY.values() for found in ones}
    assert borne - codes == set()


def test_a_sum_of_signs_of_fraud_bears_out_that_a_lead_is_fake() -> None:
    suspicion = Suspicion(FraudDoc.model_validate({"weights": {"device": 95}}))
    found = suspicion.told([Finding(check="device", code="bot", message="")])
    assert found is not None
    assert (found.check, found.code) in terms.BORNE_OUT_BY["fake"]
