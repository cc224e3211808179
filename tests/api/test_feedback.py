"""A buyer tells what became of its leads: each item has its own answer, twice is once, and nobody else's exist."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.pipeline.feedback_reading import items_of
from tests.api.conftest import Api, serving
from tests.buyer import Buyer
from tests.pipeline.house import catalogue, contract, lead, source

RETURNS = """returns:
          window: 7d
          reasons: [wrong_number, duplicate, no_contact, outside_area, dnc]
          needs: {no_contact: {attempts: 3, days: 2}}"""


class Told(Api):
    """With the keys of a source and two buyers."""

    acme: str
    buyer: str
    other: str

    async def sold(self, email: str = "ann@example.com", **more: str) -> str:
        """The id of the delivery of a lead that was sold."""
        answer = await self.post(lead(email, **more))
        assert answer.json()["outcome"] == "success", answer.text
        return str(
            await self.value(
                "select id from delivery where lead_id = $1::text::uuid", answer.json()["lead"]["id"]
            )
        )

    async def tell(
        self, body: Any, *, key: str = "", kind: str = "application/json", query: str = ""
    ) -> httpx.Response:
        content = (
            json.dumps(body) if kind == "application/json" and not isinstance(body, str | bytes) else body
        )
        headers = {"authorization": f"Bearer {key or self.buyer}", "content-type": kind}
        return await self.http.post(f"/v1/feedback{query}", content=content, headers=headers)

    async def results(self, body: Any, **more: Any) -> list[dict[str, Any]]:
        answer = await self.tell(body, **more)
        assert answer.status_code == 200, answer.text
        results = answer.json()["results"]
        assert [one["index"] for one in results] == list(range(len(results)))
        return list(results)

    async def one(self, **item: Any) -> dict[str, Any]:
        (result,) = await self.results(item)
        return result


@pytest.fixture
def house(buyer: Buyer) -> str:
    return catalogue(
        source(),
        contract("b1", buyer.url("/ok"), more=RETURNS),
        contract("b2", buyer.url("/ok"), price="1.00"),
    )


@pytest.fixture
async def told(database_url: str, tmp_path: Path, house: str) -> AsyncIterator[Told]:
    async with serving(database_url, tmp_path, house) as api:
        api.__class__ = Told
        assert isinstance(api, Told)
        api.buyer = await api.key("buyer", "b1")
        api.other = await api.key("buyer", "b2")
        yield api


async def test_a_disposition_is_kept_with_its_time_and_answered_with_its_id(told: Told) -> None:
    delivery = await told.sold()
    result = await told.one(delivery_id=delivery, code="contacted.interested", external_id="c-1")
    assert (result["outcome"], result["code"]) == ("accepted", "contacted.interested")
    row = await told.value(
        "select code || ' ' || by_whom from feedback where id = $1::text::uuid", result["id"]
    )
    assert row == "contacted.interested buyer b1"


async def test_the_same_again_is_a_duplicate_with_the_first_id(told: Told) -> None:
    delivery = await told.sold()
    for item in ({"code": "contacted", "external_id": "c-1"}, {"code": "attempted.busy"}):
        first = await told.one(delivery_id=delivery, **item)
        again = await told.one(delivery_id=delivery, **item)
        assert (again["outcome"], again["id"]) == ("duplicate", first["id"])
    twice = await told.results([{"delivery_id": delivery, "code": "qualified"}] * 2)
    assert [one["outcome"] for one in twice] == ["accepted", "duplicate"]
    assert await told.value("select count(*) from feedback") == 3


async def test_the_same_a_hundred_times_at_once_is_kept_once(told: Told) -> None:
    delivery = await told.sold()
    item = {"delivery_id": delivery, "type": "conversion", "external_id": "sale-7", "amount": "900"}
    answers = await asyncio.gather(*(told.results(item) for _ in range(30)))
    outcomes = sorted(answer[0]["outcome"] for answer in answers)
    assert outcomes == ["accepted"] + ["duplicate"] * 29
    assert len({answer[0]["id"] for answer in answers}) == 1


async def test_another_buyers_delivery_is_answered_as_one_that_never_was(told: Told) -> None:
    delivery = await told.sold()
    day = await told.value("select (ended_at at time zone 'UTC')::date::text from delivery")
    nobodys = "01a20202-aefc-7ccb-9e6d-fd8cf1aed9d0"
    lead_id = await told.value("select lead_id::text from delivery")
    for meant in (
        {"delivery_id": delivery},
        {"delivery_id": nobodys},
        {"delivery_id": "no id"},
        {"lead_id": lead_id},
        {"lead_id": nobodys},
        {"lead_id": "no id"},
        {"reference": "SC-88213"},
        {"match": {"email": "ann@example.com", "sold_on": day}},
    ):
        (result,) = await told.results({**meant, "code": "contacted"}, key=told.other)
        assert result == {
            "index": 0, "outcome": "unmatched", "id": None, "code": "unmatched",
            "message": "no delivery of yours is meant by it", "ids": [],
        }  # fmt: skip
    assert await told.value("select count(*) from feedback") == 0


async def test_a_reference_or_a_contact_with_its_day_means_the_delivery(told: Told) -> None:
    delivery = await told.sold("ann@example.com", phone="(512) 555-0143")
    day = await told.value("select (ended_at at time zone 'UTC')::date::text from delivery")
    results = await told.results(
        [
            {"reference": "SC-88213", "code": "contacted"},
            {"match": {"email": "Ann@Example.com", "sold_on": day}, "code": "qualified"},
            {"match": {"phone": "512.555.0143", "sold_on": day}, "code": "won"},
            {"match": {"phone": "512.555.0143", "email": "bob@example.com", "sold_on": day}, "code": "won"},
            {"match": {"email": "ann@example.com", "sold_on": "2020-01-01"}, "code": "won"},
            {"match": {"email": "ann@example.com"}, "code": "won"},
            {"code": "won"},
        ]
    )
    assert [one["outcome"] for one in results] == [
        "accepted", "accepted", "accepted", "unmatched", "unmatched", "rejected", "rejected",
    ]  # fmt: skip
    assert [one["code"] for one in results[5:]] == ["needs_day", "needs_delivery"]
    assert (
        await told.value(
            "select count(distinct delivery_id) from feedback where delivery_id = $1::text::uuid", delivery
        )
        == 1
    )


async def test_a_lead_by_our_id_means_the_delivery_by_which_its_buyer_has_it(told: Told) -> None:
    delivery = await told.sold("ann@example.com")
    lead_id = await told.value("select lead_id::text from delivery")
    results = await told.results(
        [
            {"lead_id": lead_id, "code": "contacted"},
            {"lead_id": lead_id.upper(), "code": "qualified"},
            {"lead_id": lead_id, "match": {"email": "ann@example.com"}, "code": "won"},
            {"lead_id": lead_id, "reference": "nobody's", "code": "won"},
        ]
    )
    assert [one["outcome"] for one in results] == ["accepted", "accepted", "accepted", "unmatched"]
    meant = "select count(*) from feedback where delivery_id = $1::text::uuid"
    assert await told.value(meant, delivery) == 3


async def test_of_a_lead_that_was_tried_twice_the_delivery_that_was_accepted_is_meant(told: Told) -> None:
    delivery = await told.sold()
    await told.value(
        "insert into delivery select (jsonb_populate_record(d, jsonb_build_object('id', gen_random_uuid(), 'state',"
        " 'rejected', 'round', 2))).* from delivery d returning 1"
    )
    lead_id = await told.value("select lead_id::text from delivery limit 1")
    assert (await told.one(lead_id=lead_id, code="contacted"))["outcome"] == "accepted"
    await told.value("update delivery set state = 'accepted' returning 1")
    both = await told.one(lead_id=lead_id, code="qualified")
    assert (both["outcome"], len(both["ids"]), delivery in both["ids"]) == ("ambiguous", 2, True)


async def test_a_column_of_that_name_may_be_the_buyers_own(told: Told) -> None:
    await told.sold()
    table = "lead_id,reference,code\n4711,SC-88213,contacted\n"
    assert [one["outcome"] for one in await told.results(table, kind="text/csv")] == ["accepted"]


async def test_two_that_may_be_meant_are_named_and_nothing_is_kept(told: Told) -> None:
    first, second = await told.sold(), await told.sold("bob@example.com")
    result = await told.one(reference="SC-88213", code="contacted")
    assert result["outcome"] == "ambiguous"
    assert sorted(result["ids"]) == sorted([first, second])
    assert await told.value("select count(*) from feedback") == 0


async def test_a_person_who_was_sold_twice_that_day_is_ambiguous(told: Told) -> None:
    both = sorted([await told.sold("ann@example.com"), await told.sold("ann@example.com")])
    day = await told.value("select max(ended_at at time zone 'UTC')::date::text from delivery")
    result = await told.one(match={"email": "ann@example.com", "sold_on": day}, code="contacted")
    assert (result["outcome"], sorted(result["ids"]), result["id"]) == ("ambiguous", both, None)
    assert await told.value("select count(*) from feedback") == 0


async def test_ten_thousand_items_are_one_body_and_each_has_its_place() -> None:
    found = items_of(b"[" + b",".join(b'{"code": "won"}' for _ in range(10_000)) + b"]", "application/json")
    assert len(found) == 10_000
    lines = items_of(b'{"code": "won"}\n{\n\n{"code": "lost"}\n', "application/x-ndjson")
    assert [type(one).__name__ for one in lines] == ["Item", "Wrong", "Item"]


async def test_more_items_than_one_transaction_takes_are_answered_in_their_order(told: Told) -> None:
    delivery = await told.sold()
    items = [{"delivery_id": delivery, "code": "attempted", "external_id": f"c{n % 150}"} for n in range(230)]
    results = await told.results(items)
    assert [one["outcome"] for one in results] == ["accepted"] * 150 + ["duplicate"] * 80
    assert [one["id"] for one in results[150:]] == [one["id"] for one in results[:80]]


async def test_every_kind_of_body_is_read(told: Told) -> None:
    delivery = await told.sold()
    lines = "\n".join(
        json.dumps({"delivery_id": delivery, "code": code}) for code in ("contacted", "qualified")
    )
    ndjson = await told.results(lines + "\n{broken\n", kind="application/x-ndjson")
    assert [one["outcome"] for one in ndjson] == ["accepted", "accepted", "rejected"]
    form = await told.results(f"delivery_id={delivery}&code=won", kind="application/x-www-form-urlencoded")
    assert form[0]["outcome"] == "accepted"
    table = (
        f"delivery_id;type;amount;agent\r\n{delivery};revenue;99,5;Zoë\r\n{delivery};revenue;99.50;Zoë\r\n"
    )
    csv = await told.results(table.encode("cp1252"), kind="text/csv")
    assert [(one["outcome"], one["code"]) for one in csv] == [
        ("rejected", "bad_amount"),
        ("accepted", "revenue"),
    ]
    assert (
        await told.value("select amount::text || currency from feedback where kind = 'revenue'") == "99.50USD"
    )


async def test_a_dry_run_says_what_would_be_and_keeps_nothing(told: Told) -> None:
    delivery = await told.sold()
    items = [
        {"delivery_id": delivery, "code": "won"},
        {"delivery_id": delivery, "type": "return", "reason": "duplicate"},
    ]
    results = await told.results(items, query="?dry_run=1")
    assert [(one["outcome"], one["code"]) for one in results] == [
        ("accepted", "won"),
        ("rejected", "converted"),
    ]
    assert await told.value("select count(*) from feedback") == 0
    assert await told.value("select count(*) from return_request") == 0


IMPOSSIBLE: list[tuple[Any, str]] = [
    ({"code": "won", "surprise": 1}, "unknown_name"),
    ({"type": "gift", "code": "won"}, "unknown_type"),
    ({}, "needs_code"),
    ({"type": "return"}, "needs_code"),
    ({"type": "revenue"}, "needs_amount"),
    ({"type": "revenue", "amount": "-1"}, "bad_amount"),
    ({"type": "revenue", "amount": "NaN"}, "bad_amount"),
    ({"type": "revenue", "amount": "1", "currency": "dollars"}, "too_long"),
    ({"type": "correction"}, "needs_voids"),
    ({"code": "won", "occurred_at": "yesterday"}, "bad_time"),
    ({"code": "won", "occurred_at": "2001-01-01T00:00:00Z"}, "before_delivery"),
    ({"code": "won", "occurred_at": "2001-01-01"}, "before_delivery"),
    ({"code": "won", "occurred_at": "2999-01-01T00:00:00Z"}, "in_future"),
    ({"code": "won", "note": "x" * 2001}, "too_long"),
    ({"type": "conversion", "code": "lost"}, "unknown_code"),
    ({"type": "return", "reason": "boredom"}, "unknown_reason"),
    ({"type": "return", "reason": "language"}, "reason_not_allowed"),
    ({"type": "return", "reason": "no_contact"}, "needs_attempts"),
    ("no object", "shape"),
    ({"code": "won", "note": "a\0b"}, "nul"),
]  # fmt: skip


async def test_what_can_not_be_so_is_refused_alone(told: Told) -> None:
    for n, (item, code) in enumerate(IMPOSSIBLE):
        delivery = await told.sold(f"ann{n}@example.com")
        if isinstance(item, dict):
            item = {"delivery_id": delivery, **item}
        results = await told.results([item, {"delivery_id": delivery, "code": "contacted"}])
        said = [(one["outcome"], one["code"]) for one in results]
        assert said == [("rejected", code), ("accepted", "contacted")], item


UNREADABLE = [
    (b"", "application/json", 400),
    (b"[]", "application/json", 400),
    (b"{", "application/json", 400),
    (b"7", "application/json", 400),
    (b"\xff\xfe\x00", "application/x-ndjson", 400),
    (b"code=won", "text/plain", 415),
    (b"[" + b"1," * 10_000 + b"1]", "application/json", 413),
]


async def test_only_a_body_that_can_not_be_read_is_a_problem(told: Told) -> None:
    for body, kind, status in UNREADABLE:
        answer = await told.tell(body, kind=kind)
        assert answer.status_code == status, body[:20]
        assert answer.headers["content-type"] == "application/problem+json"


async def test_only_a_buyers_key_tells(told: Told) -> None:
    for key in (told.acme, "nonsense", await told.key("user", "me")):
        assert (await told.tell({"code": "won"}, key=key)).status_code == 401


async def test_a_word_of_the_buyers_own_is_kept_and_has_its_meaning_later(told: Told, house: str) -> None:
    delivery = await told.sold()
    result = await told.one(delivery_id=delivery, code="Deal!!")
    assert (result["outcome"], result["code"]) == ("accepted", "unmapped")
    words = 'feedback: {speaks: vicidial, words: {"deal!!": won, "/left .*message/": attempted.voicemail}}\n    contracts'
    await told.configure(house.replace("contracts", words, 1))
    assert (await told.one(delivery_id=delivery, code="Left a message"))["code"] == "attempted.voicemail"
    assert (await told.one(delivery_id=delivery, code="NI"))["code"] == "lost.no_need"
    await told.process.attended.feedback.give_meaning()
    assert await told.value("select code from feedback where raw = 'Deal!!'") == "won"


async def test_who_has_won_has_not_lost_unless_it_is_taken_back(told: Told) -> None:
    delivery = await told.sold()
    won = await told.one(delivery_id=delivery, code="sold", external_id="w")
    assert won["code"] == "won"
    assert (await told.one(delivery_id=delivery, code="lost.price"))["code"] == "contradicts"
    assert (await told.one(type="correction", voids="w"))["outcome"] == "accepted"
    assert (await told.one(type="correction", voids=won["id"], note="again"))["code"] == "corrected"
    assert (await told.one(delivery_id=delivery, code="lost.price"))["outcome"] == "accepted"
    assert (await told.one(delivery_id=delivery, code="won"))["outcome"] == "accepted"
    (other,) = await told.results({"type": "correction", "voids": won["id"]}, key=told.other)
    assert other["outcome"] == "unmatched"


async def test_a_source_sees_codes_and_counts_and_no_buyer(told: Told) -> None:
    delivery = await told.sold()
    lead_id = str(await told.value("select id from lead"))
    before = (await told.get(f"/v1/leads/{lead_id}", told.acme)).json()
    assert "feedback" not in before
    await told.one(delivery_id=delivery, code="contacted", note="talked to her")
    await told.one(delivery_id=delivery, code="lost.price")
    seen = await told.get(f"/v1/leads/{lead_id}", told.acme)
    assert seen.json()["feedback"] == {
        "sold": 1, "returned": 0, "reached": 1, "best": "contacted", "reasons": ["lost.price"], "final": True,
    }  # fmt: skip
    assert "b1" not in seen.text
    assert "talked" not in seen.text
