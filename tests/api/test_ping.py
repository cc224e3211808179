"""A ping is answered with what would be paid, and the lead that follows gets it."""

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from tests.api.conftest import Api, serving
from tests.bidders import Bidders, bidder, campaign, market, source, standing

FACTS = {"state": "CA", "bill": 180}
ANN = {"first_name": "Ann", "email": "ann@example.com", "phone": "512 555 0100", **FACTS}
PING = {"contact": "refuse"}


@pytest.fixture
async def bidders() -> AsyncIterator[Bidders]:
    async with Bidders({"sunco": "12.00", "volta": "15.00", "amp": None}) as listening:
        yield listening


@pytest.fixture
async def api(database_url: str, tmp_path: Path, bidders: Bidders) -> AsyncIterator[Api]:
    """Three who are pinged, one who bids his price; the house keeps 2.00."""
    yaml = market(
        bidder(bidders, "sunco", bid="named: true"),
        bidder(bidders, "volta"),
        bidder(bidders, "amp"),
        standing(bidders, "house", "4.00"),
        campaign=campaign('{deadline: 2s, margin: {fixed: "2.00"}, expires: 60s}'),
        sources=source() + source("other", more=', price: "1.00"') + source("strict", more=", ping: {otherwise: refuse}")
        + source("slow", more=", ping: {per_minute: 2}") + source("loose", more=", ping: {contact: drop}"),
    )  # fmt: skip
    async with serving(database_url, tmp_path, yaml) as running:
        yield running


async def ping(api: Api, body: Any = None, *, key: str = "", **headers: str) -> httpx.Response:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return await api.http.post(
        "/v1/ping", json=FACTS if body is None else body, headers={"x-api-key": key or api.acme, **given}
    )


async def test_a_ping_is_answered_with_the_best_bid_less_the_margin(api: Api) -> None:
    answer = (await ping(api)).json()
    assert (answer["outcome"], answer["price"], answer["currency"]) == ("success", "13.00", "USD")
    assert answer["ping_id"]
    assert answer["expires_at"].endswith("Z")


async def test_buyers_are_named_where_their_contract_allows_it(api: Api) -> None:
    assert (await ping(api)).json()["buyers"] == [{"bid_id": "2", "name": "Sunco Inc"}]


async def test_a_ping_makes_no_lead(api: Api) -> None:
    await ping(api)
    assert (
        await api.value("select count(*) from lead") + await api.value("select count(*) from submission") == 0
    )


async def test_bidders_see_facts_and_no_contact(api: Api, bidders: Bidders) -> None:
    await ping(api)
    assert bidders.pings() == [{"state": "CA", "bill": 180}] * 3


async def test_xml_is_answered_with_xml(api: Api) -> None:
    answer = await ping(api, accept="application/xml")
    assert answer.headers["content-type"].startswith("application/xml")
    assert "<result><outcome>success</outcome><ping_id>" in answer.text
    assert "<buyers><buyer><bid_id>2</bid_id><name>Sunco Inc</name></buyer></buyers>" in answer.text


async def test_a_ping_may_come_as_a_form(api: Api) -> None:
    form = {"content-type": "application/x-www-form-urlencoded", "x-api-key": api.acme}
    answer = await api.http.post("/v1/ping", content=b"state=CA&bill=180", headers=form)
    assert answer.json()["price"] == "13.00"


async def test_contact_data_in_a_ping_is_refused_by_name_and_not_repeated(api: Api) -> None:
    for name in ("first_name", "email", "phone"):
        answer = await ping(api, {**FACTS, name: ANN[name]})
        problem = answer.json()
        assert (answer.status_code, problem["code"], problem["where"]) == (422, "contact_in_ping", name)
        assert str(ANN[name]) not in answer.text


async def test_contact_data_is_dropped_where_the_source_may_send_it(api: Api, bidders: Bidders) -> None:
    answer = await ping(api, ANN, key=await api.key("source", "loose"))
    assert answer.json()["outcome"] == "success"
    assert bidders.pings() == [{"state": "CA", "bill": 180}] * 3
    assert "ann" not in str(await api.value("select p::text from ping p")).lower()


async def test_a_hash_that_is_none_is_refused(api: Api) -> None:
    assert (await ping(api, {**FACTS, "phone_hash": "5125550100"})).json()["code"] == "no_hash"


async def test_the_lead_goes_to_the_best_bidder_at_his_bid_and_the_source_gets_what_was_promised(
    api: Api, bidders: Bidders
) -> None:
    ping_id = (await ping(api)).json()["ping_id"]
    answer = (await api.post({**ANN, "ping_id": ping_id})).json()
    assert (answer["outcome"], answer["price"]) == ("success", "13.00")
    assert bidders.leads("volta") == [{"email": "ann@example.com", "price": "15.00", "bid": "bid-volta"}]
    assert await api.value("select price from delivery") == 15


async def test_a_bidder_who_refuses_the_lead_makes_way_for_the_next_and_nobody_is_paid_more_than_came_in(
    api: Api, bidders: Bidders
) -> None:
    ping_id = (await ping(api)).json()["ping_id"]
    bidders.refusing = {"volta"}
    answer = (await api.post({**ANN, "ping_id": ping_id})).json()
    assert (answer["outcome"], answer["price"]) == ("success", "12.00")
    assert bidders.leads("sunco")[0]["bid"] == "bid-sunco"


async def test_nobody_gets_the_lead_who_has_not_bid(api: Api, bidders: Bidders) -> None:
    ping_id = (await ping(api)).json()["ping_id"]
    bidders.refusing = {"volta", "sunco", "house"}
    assert (await api.post({**ANN, "ping_id": ping_id})).json()["outcome"] == "failure"
    assert bidders.leads("amp") == []


async def test_only_the_bidder_whom_the_person_agreed_to_gets_the_lead(api: Api, bidders: Bidders) -> None:
    ping_id = (await ping(api)).json()["ping_id"]
    answer = (await api.post({**ANN, "ping_id": ping_id, "bid_id": "2"})).json()
    assert (answer["price"], len(bidders.leads("sunco")), len(bidders.leads("volta"))) == ("10.00", 1, 0)


async def test_a_ping_is_used_once_and_the_second_lead_goes_the_normal_way(api: Api) -> None:
    ping_id = (await ping(api)).json()["ping_id"]
    await api.post({**ANN, "ping_id": ping_id})
    again = (await api.post({**ANN, "email": "bob@example.com", "ping_id": ping_id})).json()
    assert again["outcome"] == "success"
    assert [reason["code"] for reason in again["reasons"]] == ["ping_used"]
    assert (
        await api.value("select count(*) from lead l join delivery d on d.lead_id = l.id where d.price = 15")
        == 1
    )


async def test_of_many_leads_with_one_ping_at_once_one_gets_the_promise(api: Api) -> None:
    ping_id = (await ping(api)).json()["ping_id"]
    posts = [api.post({**ANN, "email": f"p{n}@example.com", "ping_id": ping_id}) for n in range(12)]
    answers = [answer.json() for answer in await asyncio.gather(*posts)]
    assert sum(not answer.get("reasons") for answer in answers) == 1
    assert await api.value("select count(*) from delivery where price = 15") == 1


async def test_a_lead_that_differs_from_its_ping_is_told_so(api: Api) -> None:
    ping_id = (await ping(api)).json()["ping_id"]
    answer = (await api.post({**ANN, "state": "NV", "ping_id": ping_id})).json()
    assert answer["reasons"][0] == {
        "code": "ping_changed", "field": "state", "message": "state is not what it was in the ping",
    }  # fmt: skip


async def test_a_ping_that_is_none_is_told_so(api: Api) -> None:
    for n, ping_id in enumerate(("nonsense", "019a9f3e-7c41-7d0a-b2f6-5c1e8a40d9b3", 7)):
        answer = (await api.post({**ANN, "email": f"ann{n}@example.com", "ping_id": ping_id})).json()
        assert (answer["outcome"], answer["reasons"][0]["code"]) == ("success", "ping_unknown"), ping_id


async def test_somebody_elses_ping_is_as_none(api: Api) -> None:
    ping_id = (await ping(api, key=await api.key("source", "other"))).json()["ping_id"]
    answer = (await api.post({**ANN, "ping_id": ping_id})).json()
    assert answer["reasons"][0]["code"] == "ping_unknown"
    assert await api.value("select lead_id from ping") is None


async def test_a_ping_that_is_too_old_is_told_so_and_its_lead_refused_where_the_source_is_to(
    api: Api,
) -> None:
    key = await api.key("source", "strict")
    ping_id = (await ping(api, key=key)).json()["ping_id"]
    await api.value("update ping set expires_at = now() - interval '1 hour'")
    answer = (await api.post({**ANN, "ping_id": ping_id}, key=key)).json()
    assert (answer["outcome"], answer["reasons"][0]["code"]) == ("failure", "ping_expired")
    assert (
        await api.value("select count(*) from dedupe_key") + await api.value("select count(*) from delivery")
        == 0
    )


async def test_a_tests_ping_is_for_a_test(api: Api) -> None:
    ping_id = (await ping(api, x_leadgate_test="1")).json()["ping_id"]
    assert (await api.post({**ANN, "ping_id": ping_id})).json()["reasons"][0]["code"] == "ping_test"
    test = (await api.post({**ANN, "ping_id": ping_id}, x_leadgate_test="1")).json()
    assert (test["outcome"], test["price"]) == ("success", "13.00")


async def test_a_source_that_pings_too_often_is_told_when_to_come_again(api: Api) -> None:
    key = await api.key("source", "slow")
    first = [(await ping(api, key=key)).status_code for _ in range(2)]
    answer = await ping(api, key=key)
    assert (first, answer.status_code, answer.json()["code"]) == ([200, 200], 429, "ping_rate")
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert (await ping(api)).status_code == 200


async def test_of_pings_that_come_at_once_as_many_are_taken_as_were_agreed_on(api: Api) -> None:
    key = await api.key("source", "slow")
    codes = [one.status_code for one in await asyncio.gather(*(ping(api, key=key) for _ in range(8)))]
    assert sorted(codes) == [200] * 2 + [429] * 6


async def test_the_winner_pays_what_the_next_one_bid_and_alone_the_reserve(
    api: Api, bidders: Bidders
) -> None:
    await api.configure(campaign('{deadline: 2s, price: second, minimum: "5.00", margin: {percent: 20}}'))
    second = (await ping(api)).json()
    assert second["price"] == "9.60"  # of 12.01, which the next buyer's 12.00 makes
    assert (await api.post({**ANN, "ping_id": second["ping_id"]})).json()["price"] == "9.60"
    assert bidders.leads("volta")[0]["price"] == "12.01"
    bidders.bids["sunco"] = "4.99"  # under the reserve, as the house's 4.00 is
    alone = (await ping(api)).json()
    assert alone["price"] == "4.00"
    await api.post({**ANN, "email": "bob@example.com", "ping_id": alone["ping_id"]})
    assert bidders.leads("volta")[1]["price"] == "5.00"


async def test_nobody_bids_is_an_answer(api: Api) -> None:
    await api.configure(campaign('{minimum: "50.00"}'))
    answer = await ping(api)
    assert (answer.status_code, answer.json()["outcome"], answer.json()["price"]) == (200, "failure", "0.00")
    assert answer.json()["reasons"] == [{"code": "no_bid", "field": "", "message": "nobody bids for it"}]
    lead = (await api.post({**ANN, "ping_id": answer.json()["ping_id"]})).json()
    assert lead["reasons"][0]["code"] == "ping_no_bid"


async def test_what_is_no_ping_is_told_why(api: Api) -> None:
    headers = {"content-type": "application/json", "x-api-key": api.acme}
    two = b'[{"state": "CA"}, {"state": "NV"}]'
    for body, *expected in (
        (b"", 400, "empty"), (b"{", 400, "syntax"), (two, 422, "several"), (b"\xff\xff", 400, "charset")
    ):  # fmt: skip
        answer = await api.http.post("/v1/ping", content=body, headers=headers)
        assert [answer.status_code, answer.json()["code"]] == expected, body


async def test_a_ping_needs_a_sources_key(api: Api) -> None:
    assert (await ping(api, key="nobody's")).status_code == 401
    assert (await ping(api, key=await api.key("buyer", "sunco"))).status_code == 401


@pytest.mark.parametrize(
    ("ping_at", "post_at", "said", "names"),
    [
        ("leadspedia/acme/ping.do", "leadspedia/acme/post.do", r"<ping_id>(.+)</ping_id><price>13.00<", "lp_ping_id"),
        ("leadprosper/acme/ping", "leadprosper/acme/post", r'"ping_id":"(.+?)","payout":"13.00"', "lp_ping_id"),
        ("leadexec/acme/leads/ping/json", "leadexec/acme/leads/json", r'"PostID":"(.+?)".*"Price":"13.00"', "orderid"),
        ("boberdoo/acme/api.php?Mode=ping", "boberdoo/acme/api.php?Mode=post", r"<lead_id>(.+)</lead_id><price>13.00<", "Lead_ID"),
        ("leadconduit/acme/ping", "leadconduit/acme/submit", r'"price":13.0,"ping_id":"(.+?)"', "ping_id"),
    ],
)  # fmt: skip
async def test_another_systems_ping_is_answered_in_its_words_and_its_post_is_bound(
    api: Api, bidders: Bidders, ping_at: str, post_at: str, said: str, names: str
) -> None:
    form = {"content-type": "application/x-www-form-urlencoded", "x-api-key": api.acme}
    pinged = await api.http.post(f"/in/{ping_at}", content=b"state=CA&bill=180", headers=form)
    found = re.search(said, pinged.text)
    assert found, pinged.text
    ann = urlencode({**ANN, names: found[1]}).encode()
    await api.http.post(f"/in/{post_at}", content=ann, headers=form)
    assert bidders.leads("volta") == [{"email": "ann@example.com", "price": "15.00", "bid": "bid-volta"}]


async def test_another_systems_ping_is_paced_and_refused_in_its_words(api: Api) -> None:
    form = {"content-type": "application/x-www-form-urlencoded", "x-api-key": await api.key("source", "slow")}
    at = "/in/leadspedia/slow/ping.do"
    answers = [await api.http.post(at, content=b"state=CA&email=a%40b.org", headers=form) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert "contact data" in answers[0].text
    assert answers[2].headers["retry-after"]


HASHED = """
lists:
  - {id: dnc, of: phone}
campaigns:
  - id: hashed
    fields: {email: {type: email}, phone: {type: phone, country: US}, state: {type: state, country: US}}
    checks: [{check: duplicate, on: [phone], scope: buyer}, {check: suppression, lists: [dnc]}]
sources:
  - {id: salted, campaign: hashed, price: "1.00", ping: {salt: pepper, hash: sha256}}
  - {id: plain, campaign: hashed, price: "1.00", ping: {}}
buyers:
"""


@pytest.fixture
async def hashed(api: Api, bidders: Bidders) -> Api:
    buyers = [standing(bidders, "one", "5.00"), standing(bidders, "two", "4.00")]
    await api.configure(HASHED + "".join(buyers).replace("campaign: solar", "campaign: hashed"))
    return api


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


async def test_a_buyer_who_has_the_person_does_not_bid_for_a_salted_hash_of_him(hashed: Api) -> None:
    key = await hashed.key("source", "salted")
    facts = {"state": "CA", "phone_hash": sha256("pepper+15125550100")}
    assert (await ping(hashed, facts, key=key)).json()["price"] == "5.00"
    sold = await hashed.post({"state": "CA", "phone": "512 555 0100", "email": "ann@example.com"}, key=key)
    assert sold.json()["outcome"] == "success"
    assert (await ping(hashed, facts, key=key)).json()["price"] == "4.00"
    other = {"state": "CA", "phone_hash": sha256("pepper+15125550199")}
    assert (await ping(hashed, other, key=key)).json()["price"] == "5.00"


async def test_of_an_e_mail_likewise(hashed: Api) -> None:
    """By a rule on e-mails, under a salt of its own, in the writing that two partners agree on: lower case."""
    by_mail = HASHED.replace("on: [phone], scope", "on: [email], scope").replace(
        "salt: pepper", "salt: salty"
    )
    await hashed.configure(by_mail.replace("buyers:\n", ""))
    key = await hashed.key("source", "salted")
    facts = {"state": "CA", "email_hash": sha256("saltyann@example.com").upper()}
    assert (await ping(hashed, facts, key=key)).json()["price"] == "5.00"
    await hashed.post({"state": "CA", "phone": "512 555 0100", "email": "Ann@Example.com"}, key=key)
    assert (await ping(hashed, facts, key=key)).json()["price"] == "4.00"
    assert (await ping(hashed, {**facts, "email_hash": sha256("ann@example.com")}, key=key)).json()[
        "price"
    ] == "5.00"


async def test_a_hash_without_a_salt_is_found_on_a_list_and_nobody_is_asked(hashed: Api) -> None:
    user = await hashed.key("user", "ann")
    await hashed.http.post(
        "/admin/v1/lists/dnc/entries", json={"add": ["512 555 0100"]}, headers={"x-api-key": user}
    )
    facts = {"state": "CA", "phone_hash": sha256("+15125550100")}
    key = await hashed.key("source", "plain")
    assert (await ping(hashed, facts, key=key)).json()["outcome"] == "failure"
    assert (await ping(hashed, {"state": "CA"}, key=key)).json()["outcome"] == "success"
    salted = {"state": "CA", "phone_hash": sha256("pepper+15125550100")}
    assert (await ping(hashed, salted, key=await hashed.key("source", "salted"))).json()[
        "outcome"
    ] == "success"


async def test_the_salt_is_sealed_where_it_is_stored(hashed: Api) -> None:
    stored = await hashed.value("select doc::text from configured where kind = 'source' and id = 'salted'")
    assert "pepper" not in stored


ASKING = "{state: state, phone: lead.phone_hash, email: lead.email_hash}"


@pytest.mark.parametrize(
    ("of_source", "of_buyer", "shown"),
    [
        ("{salt: pepper}", "{salt: pepper}", True),
        ("{}", "{}", True),
        ("{salt: pepper}", "{salt: other}", False),
        ("{salt: pepper}", "{}", False),
        ("{hash: sha1}", "{hash: sha256}", False),
    ],
)
async def test_a_bidder_is_shown_the_hashes_of_a_ping_where_both_partners_hash_alike(
    api: Api, bidders: Bidders, of_source: str, of_buyer: str, shown: bool
) -> None:
    volta = bidder(bidders, "volta").replace(
        "fields: {state: state, bill: bill, phone: phone, email: email}",
        f"fields: {ASKING}\n            hashes: {of_buyer}",
        1,
    )
    one = source("hashing", more=f", ping: {of_source}")
    await api.configure(market(volta, campaign=campaign("{deadline: 2s}"), sources=one))
    letters = 40 if "sha1" in of_source else 64
    hashes = {"phone_hash": "a" * letters, "email_hash": "B" * letters}
    answer = await ping(api, {"state": "CA", **hashes}, key=await api.key("source", "hashing"))
    assert answer.json()["outcome"] == "success"
    asked = {"phone": "a" * letters, "email": "b" * letters} if shown else {}
    (told,) = [json.loads(one.body) for one in bidders.received if one.path == "/ping/volta"]
    assert {name: text for name, text in told.items() if text and name != "state"} == asked


async def test_a_bidder_is_shown_a_whole_leads_hashes_under_his_own_salt(api: Api, bidders: Bidders) -> None:
    """Phone in E.164, e-mail in lower case, whatever they came as; and neither of them as it is."""
    volta = bidder(bidders, "volta").replace(
        "fields: {state: state, bill: bill, phone: phone, email: email}",
        f"fields: {ASKING}\n            hashes: {{salt: his}}",
        1,
    )
    await api.configure(market(volta, campaign=campaign("{on: post, deadline: 2s}")))
    await api.post({**ANN, "email": "Ann@Example.com"})
    assert {
        "state": "CA", "phone": sha256("his+15125550100"), "email": sha256("hisann@example.com"),
    } in bidders.pings()  # fmt: skip
