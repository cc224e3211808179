from datetime import UTC, datetime, timedelta

import pytest

from app.catalog.documents import Retry
from app.distribute.schedule import next_try

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


def wait(
    attempt: int, *, chance: float = 0.0, after: float | None = None, lasted: float = 0, **doc: object
) -> float | None:
    retry = Retry.model_validate(doc)
    at = next_try(
        retry, attempt=attempt, first_at=NOW - timedelta(seconds=lasted), now=NOW, chance=chance, after=after
    )
    return None if at is None else (at - NOW).total_seconds()


def test_the_waits_come_in_turn_and_the_last_one_repeats() -> None:
    assert [wait(n) for n in range(1, 9)] == [5, 300, 1800, 7200, 18_000, 36_000, 36_000, 36_000]


def test_it_is_dead_when_the_next_try_would_be_too_late() -> None:
    assert wait(1, schedule=["1h"], until="2h", lasted=3600) == 3600
    assert wait(1, schedule=["1h"], until="2h", lasted=3601) is None


def test_jitter_only_adds_and_at_most_a_tenth() -> None:
    assert wait(2, chance=0.5) == pytest.approx(315)
    assert wait(2, chance=0.999999) == pytest.approx(330, abs=0.01)


@pytest.mark.parametrize("asked, waited", [(1, 300), (400, 400), (86_400, 600), (-5, 300)])
def test_what_the_buyer_asks_for_is_held_between_once_and_twice_the_wait(asked: float, waited: float) -> None:
    assert wait(2, after=asked) == waited


def test_without_a_schedule_there_is_no_second_try() -> None:
    assert wait(1, schedule=[]) is None
