"""Which failures in a row put a contract to rest, and what is none."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from app.catalog.confirming import BreakerDoc
from app.model import Accepted, Duplicate, Outcome, Rejected, TryLater, Unclear
from app.pipeline.health import Health

DOWN = TryLater(reason="http_503")
LEAD = UUID("019a9f3e-7c41-7d0a-b2f6-5c1e8a40d9b3")


class Clock:
    at = 0.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def health(clock: Clock) -> Health:
    return Health(clock)


class Of:
    """As much of a Job as is looked at."""

    def __init__(self, contract: str, breaker: BreakerDoc | None) -> None:
        self.contract: Any = self
        self.doc = self.track = self
        self.lead_id = LEAD
        self.id, self.breaker = contract, breaker


def job(contract: str = "west", *, failures: int = 3, over: str = "0s", off: bool = False) -> Any:
    return Of(contract, None if off else BreakerDoc.model_validate({"failures": failures, "over": over}))


def failing(health: Health) -> Iterator[tuple[str, int, str]]:
    for one in health.turns()[0]:
        yield one.contract, one.failures, one.why


def test_so_many_failures_in_a_row_put_it_to_rest_and_are_told_once(health: Health) -> None:
    for _ in range(2):
        health.heard(job(), DOWN)
    assert list(failing(health)) == []
    health.heard(job(), Unclear(reason="timed_out"))
    assert list(failing(health)) == [("west", 3, "timed_out")]
    assert list(failing(health)) == []


@pytest.mark.parametrize(
    "answer",
    [Accepted(), Rejected(reason="no"), Duplicate(reason="had"), Unclear(reason="awaits_confirmation")],
)
def test_any_answer_in_between_begins_the_row_anew(health: Health, answer: Outcome) -> None:
    for said in (DOWN, DOWN, answer, DOWN, DOWN):
        health.heard(job(), said)
    assert list(failing(health)) == []
    health.heard(job(), DOWN)
    assert list(failing(health)) == [("west", 3, "http_503")]


@pytest.mark.parametrize("why", ["shutdown", "unformattable", "contract_gone", "internal_error", "http_429"])
def test_a_fault_of_ours_and_a_plea_for_patience_are_no_failure(health: Health, why: str) -> None:
    for _ in range(5):
        health.heard(job(), TryLater(reason=why))
    assert list(failing(health)) == []


def test_a_hiccup_is_no_failure_before_it_has_lasted(health: Health, clock: Clock) -> None:
    for _ in range(50):
        health.heard(job(over="60s"), DOWN)
    assert list(failing(health)) == []
    clock.at = 60.0
    health.heard(job(over="60s"), DOWN)
    assert list(failing(health)) == [("west", 51, "http_503")]


def test_each_contract_has_a_row_of_its_own_and_one_that_says_null_has_none(health: Health) -> None:
    for _ in range(3):
        health.heard(job("east", off=True), DOWN)
        health.heard(job("north", failures=4), DOWN)
        health.heard(job("west"), DOWN)
    assert list(failing(health)) == [("west", 3, "http_503")]


def test_the_one_conversation_that_tries_decides(health: Health) -> None:
    health.shut = health.tried = frozenset({"west"})
    health.heard(job(), DOWN)
    assert list(failing(health)) == [("west", 1, "http_503")]
    health.heard(job(), Rejected(reason="no"))
    assert health.turns() == ([], {"west": LEAD})
    assert health.turns() == ([], {})
