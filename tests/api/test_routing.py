"""What would become of a lead is told whole, and nothing of it stays."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.conftest import Api, serving
from tests.bidders import Bidders, bidder, campaign, market
from tests.buyer import Buyer
from tests.pipeline.house import catalogue, contract, source

CHECKS = (
    '[{check: duplicate, on: [email], within: "30d"}, '
    '{check: velocity, per: source, most: 2, within: "1h", action: flag, points: -5}]'
)
ANN = {"first_name": "Ann", "email": "ann@example.com", "state": "NV"}
TABLES = ("submission", "inbox", "lead", "lead_detail", "delivery", "attempt", "dedupe_key", "velocity")


async def explain(
    api: Api, body: Any, *, key: str | None = None, query: str = "?source=acme"
) -> httpx.Response:
    admin = key or await api.key("user", "ann")
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"authorization": f"Bearer {admin}", "content-type": "application/json"}
    return await api.http.post(f"/admin/v1/route/explain{query}", content=sent, headers=headers)


async def rows(api: Api) -> dict[str, int]:
    return {table: await api.value(f"select count(*) from {table}") for table in TABLES}


@pytest.fixture
async def selling(database_url: str, tmp_path: Path, buyer: Buyer) -> AsyncIterator[Api]:
    yaml = catalogue(
        source(), source("paused", more=", paused: true"),
        contract("best", buyer.url("/ok"), price="50.00", more="""when: lead.state == "CA" """),
        contract("full", buyer.url("/ok"), price="40.00", more="caps: [{per: day, leads: 1}]"),
        contract("next", buyer.url("/ok"), price="30.00"),
        checks=CHECKS,
    )  # fmt: skip
    async with serving(database_url, tmp_path, yaml) as running:
        yield running


async def test_who_stands_level_is_told_with_what_tells_them_apart(selling: Api, buyer: Buyer) -> None:
    (apart,) = (await explain(selling, ANN)).json()["leads"]
    assert apart["level"] == []
    await selling.configure("buyers:" + contract("next", buyer.url("/ok"), price="40.00"))
    (lead,) = (await explain(selling, ANN)).json()["leads"]
    (level,) = lead["level"]
    assert level["contracts"] == ["full", "next"]
    assert (level["level_in"][0], level["by"]) == ("price", "id")


async def test_what_would_be_sent_is_told_byte_for_byte_and_nothing_stays(selling: Api, buyer: Buyer) -> None:
    before = await rows(selling)
    answer = await explain(selling, ANN)
    assert answer.status_code == 200
    (lead,) = answer.json()["leads"]
    assert (lead["verdict"], lead["state"]) == ("accepted", "delivering")
    assert lead["ranked"] == [{"contract": "full", "price": "40.00"}, {"contract": "next", "price": "30.00"}]
    assert lead["left_out"] == [
        {
            "contract": "best",
            "cause": "filter",
            "rule": 'lead.state == "CA"',
            "value": 'lead.state == "NV" → false',
        }
    ]
    (first,) = lead["would_send"]
    assert (first["contract"], first["buyer"], first["price"]) == ("full", "full", "40.00")
    request = first["request"]
    assert (request["method"], request["url"]) == ("POST", buyer.url("/ok"))
    assert json.loads(request["body"]) == {"email": "ann@example.com"}
    assert request["headers"]["content-length"] == str(len(request["body"]))
    assert await rows(selling) == before
    assert await selling.value("select coalesce(sum(value), 0) from counter") == 0
    assert buyer.received == []


async def test_it_is_what_really_happens_then(selling: Api, buyer: Buyer) -> None:
    foretold = (await explain(selling, ANN)).json()["leads"][0]["would_send"][0]["request"]
    assert (await selling.post(ANN)).json()["outcome"] == "success"
    (came,) = buyer.received
    assert came.body.decode() == foretold["body"]
    assert {name.lower(): value for name, value in foretold["headers"].items()}.items() >= {
        ("content-length", str(len(came.body)))
    }


async def test_what_came_before_counts_and_the_rehearsal_counts_for_nothing(selling: Api) -> None:
    for _ in range(3):
        (lead,) = (await explain(selling, ANN)).json()["leads"]
        assert lead["verdict"] == "accepted"
        assert lead["findings"] == []
    await selling.post(ANN)
    await selling.post({**ANN, "email": "bob@example.com"})
    (lead,) = (await explain(selling, ANN)).json()["leads"]
    assert (lead["verdict"], lead["outcome"], lead["would_send"]) == ("rejected", "failure", [])
    assert [(f["check"], f["code"], f["points"]) for f in lead["findings"]] == [
        ("velocity", "velocity", -5), ("duplicate", "duplicate", 0),
    ]  # fmt: skip
    (other,) = (await explain(selling, {**ANN, "email": "carl@example.com"})).json()["leads"]
    assert {out["contract"]: out["value"] for out in other["left_out"]} == {
        "best": 'lead.state == "NV" → false', "full": "1 of 1 today",
    }  # fmt: skip
    assert other["would_send"][0]["contract"] == "next"


async def test_several_leads_stand_in_each_others_way_as_they_would(selling: Api) -> None:
    first, second, third = (await explain(selling, [ANN, ANN, {**ANN, "email": "bob@example.com"}])).json()[
        "leads"
    ]
    assert (first["verdict"], second["verdict"], third["verdict"]) == ("accepted", "rejected", "accepted")
    assert third["would_send"][0]["contract"] == "next"


async def test_leads_that_really_come_meanwhile_are_not_held_up(selling: Api, buyer: Buyer) -> None:
    explained = [explain(selling, {**ANN, "email": f"e{n}@example.com"}) for n in range(10)]
    posted = [selling.post({**ANN, "email": f"p{n}@example.com"}) for n in range(10)]
    answers = await asyncio.gather(*explained, *posted)
    assert {answer.status_code for answer in answers} == {200, 201}
    assert await selling.value("select count(*) from lead where state = 'sold'") == 10


@pytest.mark.parametrize(
    ("query", "body", "status", "code"),
    [
        ("?source=nobody", ANN, 404, "source_off"),
        ("?source=paused", ANN, 404, "source_off"),
        ("", ANN, 422, "unprocessable"),
        ("?source=acme", b'{"email": ', 400, "syntax"),
        ("?source=acme", b"", 400, "empty"),
        ("?source=acme", [ANN] * 21, 413, "too_large"),
    ],
)
async def test_what_can_not_be_rehearsed_is_refused_as_its_door_would(
    selling: Api, query: str, body: Any, status: int, code: str
) -> None:
    answer = await explain(selling, body, query=query)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_it_is_for_people_of_the_house_only(selling: Api) -> None:
    for kind, owner in (("source", "acme"), ("buyer", "full")):
        answer = await explain(selling, ANN, key=await selling.key(kind, owner))
        assert answer.status_code == 401


async def test_a_link_to_confirm_is_rehearsed_too(database_url: str, tmp_path: Path, buyer: Buyer) -> None:
    yaml = catalogue(source(), contract("b1", buyer.url("/ok"))).replace(
        "{email: email}", "{url: confirm_url}"
    )
    async with serving(database_url, tmp_path, yaml, public_url="https://leads.example") as running:
        (lead,) = (await explain(running, ANN)).json()["leads"]
    sent = json.loads(lead["would_send"][0]["request"]["body"])
    assert sent["url"].startswith("https://leads.example/c/")


async def test_a_secret_stays_hidden(api: Api, buyer: Buyer, tmp_path: Path) -> None:
    deliver = "auth: {bearer: s3cr3t-of-theirs}"
    yaml = catalogue(source(), contract("b1", buyer.url("/ok"))).replace(
        "body: json", f"body: json\n          {deliver}"
    )
    await api.configure(yaml)
    answer = await explain(api, ANN)
    assert answer.json()["leads"][0]["would_send"][0]["request"]["headers"]["authorization"] == "***"
    assert "s3cr3t" not in answer.text


async def test_a_service_that_costs_is_not_asked_but_named(
    database_url: str, tmp_path: Path, buyer: Buyer
) -> None:
    certificates = f"[{{check: trusted_form, key: example-key, service: {buyer.url('')}}}]"
    yaml = catalogue(source(), contract("best", buyer.url("/ok")), checks=certificates)
    async with serving(database_url, tmp_path, yaml) as api:
        certified = {**ANN, "trustedform_cert_url": buyer.url("/abc123")}
        named, none = (await explain(api, [certified, ANN])).json()["leads"]
    assert (named["not_asked"], none["not_asked"]) == (["trusted_form"], [])
    assert buyer.received == []


async def test_bidders_are_not_asked_and_that_is_said(database_url: str, tmp_path: Path) -> None:
    async with Bidders({"sunco": "12.00"}) as bidders:
        yaml = market(bidder(bidders, "sunco"), campaign=campaign("{on: post, deadline: 2s}"))
        async with serving(database_url, tmp_path, yaml) as api:
            taken, refused = (await explain(api, [{**ANN, "phone": "512 555 0100"}, {"state": "NV"}])).json()[
                "leads"
            ]
    assert (taken["verdict"], taken["not_asked"]) == ("accepted", ["bidders"])
    assert (refused["verdict"], refused["not_asked"]) == ("rejected", [])
    assert bidders.received == []


async def test_the_whole_way_is_told_with_its_copies_and_how_full_each_limit_is(
    database_url: str, tmp_path: Path, buyer: Buyer
) -> None:
    yaml = catalogue(
        source(),
        contract(
            "one",
            buyer.url("/ok"),
            price="42.00",
            more='shared_price: "24.00"\n        caps: [{per: day, leads: 5}]',
        ),
        contract("copy", buyer.url("/ok"), price="0", more='shared_price: "21.00"'),
        contract("broom", buyer.url("/ok"), price="4.00", more="sweeper: true"),
        sell="hybrid(2)",
    )
    async with serving(database_url, tmp_path, yaml) as api:
        (lead,) = (await explain(api, ANN)).json()["leads"]
    copies = [{"contract": "one", "price": "24.00"}, {"contract": "copy", "price": "21.00"}]
    own, broom = lead["chain"]
    assert own["copies"] == {"of": 2, "eligible": 2, "ranked": copies}
    assert (own["took"], own["earns"]) == ("shared", {"alone": "42.00", "shared": "45.00"})
    assert (broom["leg"], broom["ranked"]) == ("sweepers of solar", [{"contract": "broom", "price": "4.00"}])
    assert lead["limits"] == [{"contract": "one", "limits": ["0 of 5 today"]}]
