"""When people may be called, across zones and the days on which clocks jump."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalog.compliance import ConsumerHours
from app.distribute.consumer_hours import Reachable
from app.distribute.explain import explain
from app.distribute.route import LeftOut
from tests.distribute.routing.standing import Contract, contract, index_of

EAST, WEST, CENTRAL = "America/New_York", "America/Los_Angeles", "America/Chicago"


def reachable(spans: str = "08:00-21:00", **more: str) -> Reachable:
    return Reachable(ConsumerHours.model_validate({"open": {"daily": spans}, **more}))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_the_strictest_of_several_zones_decides() -> None:
    hours = reachable()
    at = utc("2026-07-01T12:30")  # 08:30 in New York, 07:30 in Chicago
    assert hours.opens_at((EAST,), at) == at
    assert hours.opens_at((CENTRAL, EAST), at) == utc("2026-07-01T13:00")
    late = utc("2026-07-02T01:30")  # 21:30 in New York, 20:30 in Chicago
    assert hours.opens_at((CENTRAL,), late) == late
    assert hours.opens_at((CENTRAL, EAST), late) == utc("2026-07-02T13:00")


@pytest.mark.parametrize(
    ("at", "opens"),
    [
        (
            "2026-03-08T03:00",
            "2026-03-08T12:00",
        ),  # the night in which the clock is put on: 8:00 comes an hour sooner
        ("2026-03-07T03:00", "2026-03-07T13:00"),
        ("2026-11-01T03:00", "2026-11-01T13:00"),  # and in which it is put back
        ("2026-10-31T03:00", "2026-10-31T12:00"),
    ],
)
def test_the_morning_comes_by_the_clock_that_is_kept_there(at: str, opens: str) -> None:
    assert reachable().opens_at((EAST,), utc(at)) == utc(opens)


def test_where_the_clock_is_never_put_on_the_morning_stays() -> None:
    phoenix, denver = ("America/Phoenix",), ("America/Denver", "America/Phoenix")
    assert reachable().opens_at(phoenix, utc("2026-07-01T14:00")) == utc("2026-07-01T15:00")
    assert reachable().opens_at(denver, utc("2026-07-01T13:30")) == utc("2026-07-01T15:00")
    assert reachable().opens_at(denver, utc("2027-01-01T14:30")) == utc("2027-01-01T15:00")


def test_zones_that_never_agree_are_never_open() -> None:
    morning = reachable("08:00-09:00")
    assert morning.opens_at(("Pacific/Honolulu", EAST), utc("2026-07-01T12:00")) is None


def test_where_nothing_tells_the_time_nobody_is_called_unless_the_contract_says_so() -> None:
    at = utc("2026-07-01T12:00")
    assert reachable().opens_at((), at) is None
    assert reachable(unknown="open").opens_at((), at) == at


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 1), timezones=st.just(UTC)),
    st.sets(st.sampled_from([EAST, WEST, CENTRAL, "America/Phoenix", "Pacific/Honolulu"]), min_size=1),
)
def test_it_is_open_when_it_is_said_to_open_and_never_between(at: datetime, zones: set[str]) -> None:
    hours, where = reachable(), tuple(sorted(zones))
    opens = hours.opens_at(where, at)
    assert opens is not None
    assert hours.steady(where, opens)[0]
    if opens > at:
        for share in (0.0, 0.5, 0.999):
            between = at + share * (opens - at)
            assert not hours.steady(where, between)[0]


def minding(id_: str, **more: str) -> Contract:
    return contract(id_, consumer_hours={"open": {"daily": "08:00-21:00"}, **more})


NIGHT = utc("2026-07-01T06:00")  # 02:00 in New York
NOON = utc("2026-07-01T16:00")


def test_a_contract_waits_or_is_left_out_as_it_says() -> None:
    index = index_of(minding("waits"), minding("passes", otherwise="leave_out"), contract("any"))
    match = index.match({}, source="acme", at=NIGHT, zones=(EAST,))
    assert match.ranked() == ["any", "waits"]
    assert match.left_out == LeftOut(consumer_hours=1)
    assert index.match({}, source="acme", at=NOON, zones=(EAST,)).count == 3


def test_the_answer_of_one_set_of_zones_is_not_that_of_another_nor_of_another_hour() -> None:
    index = index_of(minding("passes", otherwise="leave_out"))

    def taken(at: datetime, *zones: str) -> bool:
        return index.match({}, source="acme", at=at, zones=zones).count == 1

    early = utc("2026-07-01T12:30")  # 08:30 in New York, 05:30 in Los Angeles
    assert [taken(early, EAST), taken(early, WEST), taken(early, EAST, WEST)] == [True, False, False]
    assert [taken(NOON, WEST), taken(early, EAST), taken(NIGHT, EAST)] == [True, True, False]
    assert taken(early + timedelta(hours=2, minutes=30), WEST)


def test_a_contract_of_which_the_person_is_never_awake_is_left_out_though_it_would_wait() -> None:
    index = index_of(minding("waits"), minding("bold", unknown="open"))
    assert index.match({}, source="acme", at=NOON).ranked() == ["bold"]


def test_the_reason_is_the_clock_that_is_closed() -> None:
    index = index_of(minding("passes", otherwise="leave_out"), minding("waits"), contract("shut", "false"))
    told = explain(index, {}, source="acme", at=NIGHT, zones=(EAST,))
    assert [(one.contract, one.cause, one.value) for one in told] == [
        ("passes", "consumer_hours", "closed until Wed 08:00 EDT"),
        ("shut", "filter", "→ false"),
    ]
    (unknown, *_) = explain(index, {}, source="acme", at=NIGHT)
    assert unknown.value == "nothing tells which time it is there"
