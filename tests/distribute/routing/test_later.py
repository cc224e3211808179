"""From when on a contract takes a lead that it does not take now."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from app.distribute.later import later
from tests.distribute.routing.standing import NOON, Contract, contract, index_of

MST = {"zone": "America/Denver", "open": {"mon-fri": "08:00-18:00"}}
DAY = {"per": "day", "leads": 5}
Found = list[tuple[str, str, tuple[str, ...]]]


def when(
    *contracts: Contract,
    used: Mapping[int, Mapping[str, int]] | None = None,
    at: datetime = NOON,
    **more: Any,
) -> Found:
    """(contract, from when on, what is against it until then); `used`: contract's number → its cap's period → count."""
    index = index_of(*contracts)
    counters = {
        limit.part(at).key: n
        for i, told in (used or {}).items()
        for per, n in told.items()
        for limit in index.caps[i]
        if limit.per == per
    }
    found = later(index, more.pop("lead", {}), source="acme", at=at, used=counters, **more)
    return [(one.contract, f"{one.at:%a %d %H:%M}" if one.at else "", one.because) for one in found]


def test_who_is_closed_takes_it_when_he_opens() -> None:
    assert when(contract("a", hours=MST)) == [("a", f"{NOON:%a %d} 15:00", ("hours",))]


def test_a_cap_that_is_full_begins_anew_with_its_window() -> None:
    tomorrow = NOON + timedelta(days=1)
    assert when(contract("a", caps=[DAY]), used={0: {"day": 5}}) == [
        ("a", f"{tomorrow:%a %d} 00:00", ("cap per day",))
    ]


def test_who_opens_while_his_cap_is_full_waits_for_both() -> None:
    found = when(contract("a", hours=MST, caps=[DAY]), used={0: {"day": 5}})
    assert found == [("a", f"{NOON + timedelta(days=1):%a %d} 15:00", ("hours", "cap per day"))]


def test_the_soonest_is_first_and_of_equals_the_best() -> None:
    found = when(
        contract("a", hours=MST), contract("b", caps=[{"per": "hour", "leads": 1}]), contract("c", hours=MST),
        used={1: {"hour": 1}},
    )  # fmt: skip
    assert [one[0] for one in found] == ["b", "a", "c"]


def test_what_counts_for_ever_begins_anew_at_no_time_that_anybody_knows() -> None:
    assert when(contract("a", caps=[{"per": "total", "leads": 5}]), used={0: {"total": 5}}) == [
        ("a", "", ("cap per total",))
    ]


def test_a_rolling_cap_has_room_when_what_filled_it_has_rolled_out() -> None:
    rolling = {"per": "hour", "leads": 5, "window": "rolling"}
    index = index_of(contract("a", caps=[rolling]))
    filled = index.caps[0][0].part(NOON - timedelta(minutes=30)).key
    (found,) = later(index, {}, source="acme", at=NOON, used={filled: 5})
    assert found.at is not None
    assert timedelta(minutes=30) <= found.at - NOON <= timedelta(minutes=40)


def test_it_is_told_of_nobody_who_does_not_want_it_or_must_not_have_it() -> None:
    assert (
        when(
            contract("a", 'lead.state == "CA"', hours=MST),
            contract("b", hours=MST, paused=True),
            contract("c", hours=MST, sources=["other"]),
            contract("d", hours=MST, except_sources=["acme"]),
            contract("e", hours=MST),
            contract("f"),
            lead={"state": "NV"}, without={"buyer-of-e"},
        )
        == []
    )  # fmt: skip


def test_where_the_person_may_be_called_later_it_is_taken_later() -> None:
    night = datetime(2026, 11, 24, 9, tzinfo=UTC)
    asleep = contract("a", consumer_hours={"open": {"daily": "08:00-21:00"}, "otherwise": "leave_out"})
    assert when(asleep, at=night, zones=("America/New_York",)) == [("a", "Tue 24 13:00", ("consumer_hours",))]
    assert when(asleep, at=night) == [("a", "", ("consumer_hours",))]
