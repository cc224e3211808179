"""Who goes first where leads wait, and that nobody waits for ever."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalog.worth import PriorityDoc
from app.distribute.priority import most_passed_by, priority_of
from app.model import Worth

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
DOC = PriorityDoc.model_validate(
    {"within": "15m", "ready_within": "5m", "score": "10m", "price": "5m", "dear": "50.00"}
)


def moment(score: int = 0, *, ready: bool = False, price: str = "0", after: float = 0) -> timedelta:
    """Counted from noon; the lead came `after` seconds later."""
    at = NOON + timedelta(seconds=after)
    found = priority_of(DOC, Worth(score, "", ready), received_at=at, price=Decimal(price))
    return datetime.fromtimestamp(found.at, UTC) - NOON


@pytest.mark.parametrize(
    ("given", "minutes"),
    [
        ({}, 15.0),
        ({"score": 100}, 5.0),
        ({"score": 50}, 10.0),
        ({"ready": True}, 5.0),
        ({"price": "50.00"}, 10.0),
        ({"price": "12.50"}, 13.75),
        ({"price": "9999"}, 10.0),  # dearer than dear is no more
        ({"score": 100, "ready": True, "price": "50"}, -10.0),
        ({"after": 60}, 16.0),
    ],
)
def test_a_priority_is_when_it_is_due_less_what_it_is_worth(given: dict[str, object], minutes: float) -> None:
    assert moment(**given) == timedelta(minutes=minutes)  # type: ignore[arg-type]


def test_the_parts_are_told_apart() -> None:
    found = priority_of(DOC, Worth(70, "A", True), received_at=NOON, price=Decimal("25.00"))
    assert (found.within, found.score, found.price) == (300, 420, 150)
    assert found.at == found.received + 300 - 420 - 150


spans = st.integers(0, 30 * 86_400).map(lambda seconds: f"{seconds}s")
docs = st.fixed_dictionaries(
    {"within": spans, "score": spans, "price": spans, "ready_within": st.one_of(st.none(), spans)}
).map(PriorityDoc.model_validate)
worths = st.builds(Worth, st.integers(0, 100), st.just(""), st.booleans())
prices = st.decimals(0, 10_000, places=2)


@given(docs, worths, prices, worths, prices, st.floats(0.01, 1e7))
def test_nobody_is_passed_by_who_came_later_than_all_head_starts_together(
    doc: PriorityDoc, poor: Worth, cheap: Decimal, rich: Worth, dear: Decimal, later: float
) -> None:
    first = priority_of(doc, poor, received_at=NOON, price=cheap).at
    at = NOON + timedelta(seconds=most_passed_by(doc) + later)
    assert first < priority_of(doc, rich, received_at=at, price=dear).at


@given(docs)
def test_the_worthiest_passes_the_least_worthy_up_to_that_and_no_further(doc: PriorityDoc) -> None:
    hurried = doc.ready_within is not None and doc.ready_within.seconds < doc.within.seconds
    poor, rich = Worth(0, "", not hurried), Worth(100, "", hurried)
    if doc.ready_within is None:
        poor = Worth(0)
    first = priority_of(doc, poor, received_at=NOON, price=Decimal(0)).at
    for off, passes in ((-1.0, True), (1.0, False)):
        at = NOON + timedelta(seconds=most_passed_by(doc) + off)
        assert (priority_of(doc, rich, received_at=at, price=doc.dear).at < first) is passes


@given(docs, st.integers(0, 99), prices)
def test_more_score_and_more_price_never_come_later(doc: PriorityDoc, score: int, price: Decimal) -> None:
    moments = [
        priority_of(doc, Worth(points), received_at=NOON, price=cost).at
        for points, cost in ((score, price), (score + 1, price), (score + 1, price + 1))
    ]
    assert moments[0] >= moments[1] >= moments[2]


@pytest.mark.parametrize(
    "said", [{"score": "31d"}, {"dear": "0"}, {"dear": "-1"}, {"within": "soon"}, {"age": "1m"}]
)
def test_a_priority_that_means_nothing_is_refused(said: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="PriorityDoc"):
        PriorityDoc.model_validate(said)
