"""What a lead's source said later, the rounds before, and what the source was told."""

from typing import Any
from uuid import UUID

import pytest

from app.commands.afterwards import afterwards
from app.commands.steps import decision_began
from app.store.partials import Amendment
from tests.commands.stories import LEAD, after, setting, story

ID = UUID("019a9f3e-7c41-7d0a-b2f6-5c1e00000001")


def callback(state: str, **more: Any) -> dict[str, Any]:
    given = {
        "id": ID, "round": 1, "state": state, "outcome": "success", "attempts": 3, "created_at": after(9),
        "owed_at": after(20), "next_at": after(61_000), "ended_at": None, "reason": "http_500",
        "exchanges": [{"status": 500}],
    }  # fmt: skip
    return given | more


@pytest.mark.parametrize(
    "one, said",
    [
        (callback("promised", attempts=0, exchanges=[]), "promised: its source did not wait"),
        (callback("waiting", attempts=0, exchanges=[]), "success is to be told"),
        (callback("waiting"), "success is to be told; 3 tries so far, status 500, next 14:33:06"),
        (callback("told", attempts=1, exchanges=[{"status": 204}]), "success told in 1 try, status 204"),
        (callback("dead"), "given up after 3 tries, status 500: leadgate callbacks --again 00000001"),
        (
            callback("dead", exchanges=[]),
            "given up after 3 tries, http_500: leadgate callbacks --again 00000001",
        ),
        (callback("gone"), "its source's address is gone (410): leadgate callbacks --again 00000001"),
        (callback("moot"), "not wanted any more"),
    ],
)
def test_how_far_a_callback_is(one: dict[str, Any], said: str) -> None:
    told = story("sold", outcome="success", price="12.50", findings=[], callbacks=[one])
    (entry,) = afterwards(told, setting())
    assert (entry.name, entry.lines) == ("callback", [said])


def test_former_rounds_and_corrections_are_told() -> None:
    former = {
        "round": 1, "state": "rejected", "outcome": "failure", "reasons": [{"code": "missing"}],
        "decided_at": after(9), "ended_at": after(9),
    }  # fmt: skip
    told = story(
        "sold", outcome="success", price="12.50", findings=[], former=[former],
        parts=[Amendment(LEAD, 1, "patch", after(30_000), ID)],
    )  # fmt: skip
    part, round_ = afterwards(told, setting())
    assert part.lines[0].startswith("corrected by its source")
    assert (round_.name, round_.lines) == ("round 1", ['rejected, answered failure "missing"'])


def test_a_later_round_is_timed_from_its_own_beginning() -> None:
    lead = {"round": 1, "received_at": after(0), "decided_at": after(9)}
    assert decision_began(lead, {"checked": 8.0}) == after(0)
    assert decision_began({**lead, "round": 2, "decided_at": after(60_000)}, {"checked": 8.0}) == after(
        59_992
    )
