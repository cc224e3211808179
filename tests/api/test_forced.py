"""A vendor's developer sees every answer before the first real lead, at whichever door he posts."""

from typing import Any

import pytest

from app.ingest.forced import DOMAIN, RESULTS
from tests.api.conftest import Api
from tests.api.test_intake import problem
from tests.pipeline.house import catalogue, contract, lead, source

STATUS = {"buyer_error": 202, "pending": 202, "held": 202}


async def nobody_asked(api: Api) -> bool:
    return await api.value("select count(*) from delivery") == 0


@pytest.mark.parametrize("result", RESULTS)
async def test_a_header_and_a_query_ask_for_a_result(api: Api, result: str) -> None:
    by_header = await api.post(lead(), X_Leadgate_Test=result)
    headers = {"x-api-key": api.acme}
    by_query = await api.http.post(f"/v1/leads?test={result}", json=lead(), headers=headers)
    for answer in (by_header, by_query):
        assert answer.status_code == STATUS.get(result, 201), answer.text
    first, second = by_header.json(), by_query.json()
    lead_id = first.pop("lead")["id"]
    assert first.keys() == second.keys() - {"lead"}
    view = (await api.get(f"/v1/leads/{lead_id}", api.acme)).json()
    assert (view["test"], view["forced"]) == (True, result)
    assert view["outcome"] in ("success", "failure"), "whatever was answered first, the end is known"
    assert await nobody_asked(api)


async def test_an_accepted_test_is_answered_as_a_sold_lead_is(api: Api) -> None:
    forced = (await api.post(lead(), X_Leadgate_Test="accepted")).json()
    real = (await api.post(lead())).json()
    assert forced.pop("lead").keys() == real.pop("lead").keys()
    assert forced == real == {"outcome": "success", "price": "12.50"}


async def test_a_word_that_is_no_result_is_refused_before_anything_is_kept(api: Api) -> None:
    where = problem(await api.post(lead(), X_Leadgate_Test="duplicat"), 422, "unprocessable")["where"]
    assert where == "header.X-Leadgate-Test"
    headers = {"x-api-key": api.acme}
    for query in ("test=no-buyer", "test=1&test=soled", "a=b&test=%00"):
        answer = await api.http.post(f"/v1/leads?{query}", json=lead(), headers=headers)
        assert problem(answer, 422, "unprocessable")["where"] == "query.test"
    assert await api.value("select count(*) from submission") == 0


async def test_who_is_nobody_learns_nothing_of_tests(api: Api) -> None:
    problem(await api.post(lead(), key="lg_src_no", X_Leadgate_Test="duplicat"), 401, "no_key")


async def test_no_asks_for_nothing(api: Api) -> None:
    assert (await api.post(lead(), X_Leadgate_Test="0")).json()["outcome"] == "success"
    assert await api.value("select count(*) from lead where not test") == 1


async def test_a_test_key_and_a_test_source_take_values_too(api: Api, house: str) -> None:
    key = await api.key("source", "acme", test=True)
    assert (await api.post(lead(f"no_buyer@{DOMAIN}"), key=key)).json()["reasons"][0]["code"] == "no_buyer"
    await api.configure(house.replace("id: acme,", "id: acme, test: true,"))
    assert (await api.post(lead(f"duplicate@{DOMAIN}"))).json()["reasons"][0]["code"] == "duplicate"
    assert await nobody_asked(api)


async def test_a_live_lead_with_such_values_is_sold(api: Api) -> None:
    assert (await api.post(lead(f"rejected@{DOMAIN}"))).json()["outcome"] == "success"
    assert not await nobody_asked(api)


async def test_parts_of_a_lead_are_told_of_tests_in_the_same_words(api: Api) -> None:
    headers = {"x-api-key": api.acme}
    begun = await api.http.post("/v1/leads?partial=1&test=1", json={"first_name": "Ann"}, headers=headers)
    lead_id = begun.json()["lead"]["id"]
    path = f"/v1/leads?completes={lead_id}"
    wrong = await api.http.post(f"{path}&test=soled", json={"email": "a@example.com"}, headers=headers)
    problem(wrong, 422, "unprocessable")
    done = await api.http.post(f"{path}&test=no_buyer", json={"email": "a@example.com"}, headers=headers)
    assert done.json()["reasons"][0]["code"] == "no_buyer"


async def dialects(api: Api, buyer: Any) -> None:
    entries = "replies: [{reply: boberdoo, key: k}, {reply: leadprosper, lp_key: k}, {reply: native}]"
    await api.configure(catalogue(source(more=f", {entries}"), contract("b1", buyer.url("/ok"))))


async def test_dialects_tell_a_forced_result_in_their_own_words(api: Api, buyer: Any) -> None:
    await dialects(api, buyer)
    said = {}
    for result in RESULTS:
        answer = await api.http.post(
            "/in/leadprosper/acme",
            json={"lp_key": "k", "lp_action": "test", **lead(f"{result}@{DOMAIN}")},
        )
        said[result] = answer.json()["status"]
    assert said == {
        "accepted": "ACCEPTED", "duplicate": "DUPLICATED", "rejected": "ERROR", "no_buyer": "ERROR",
        "buyer_error": "ACCEPTED", "pending": "ACCEPTED", "held": "ACCEPTED",
    }  # fmt: skip
    assert await nobody_asked(api)


async def test_boberdoo_s_own_test_zips_find_a_buyer(api: Api, buyer: Any) -> None:
    await dialects(api, buyer)
    body = {"Key": "k", "Mode": "full", "TYPE": "33", "Test_Lead": "1", "Zip": "00001", **lead()}
    answer = await api.http.post("/in/boberdoo/acme/api.php", data=body)
    assert "<status>Matched</status>" in answer.text
    assert await nobody_asked(api)
    live = await api.http.post("/in/boberdoo/acme/api.php", data=body | {"Test_Lead": "0"})
    assert "<status>Matched</status>" in live.text
    assert not await nobody_asked(api), "without its flag it is a lead"


async def test_the_native_dialect_takes_the_words(api: Api, buyer: Any) -> None:
    await dialects(api, buyer)
    headers = {"x-api-key": api.acme}
    answer = await api.http.post("/in/native/acme?test=no_buyer&format=text", data=lead(), headers=headers)
    assert "outcome: failure" in answer.text
    wrong = await api.http.post("/in/native/acme?test=nobuyer", data=lead(), headers=headers)
    assert wrong.status_code == 422
    by_header = await api.http.post(
        "/in/native/acme", data=lead(), headers=headers | {"x-leadgate-test": "held"}
    )
    assert by_header.json()["state"] == "held"


async def test_tests_are_in_no_figure_of_answers(api: Api) -> None:
    await api.post(lead(), X_Leadgate_Test="accepted")
    await api.post(lead(), X_Leadgate_Test="1")
    assert "leadgate_answers_total{" not in (await api.get("/metrics")).text
