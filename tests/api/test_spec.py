"""A source reads what it must know to post, and what it reads works."""

import html
import re
import shlex
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.pipeline.spec_link import PURPOSE, path_of
from tests.api.conftest import Api
from tests.api.programs import can_run, over_a_socket, run
from tests.pipeline.house import contract

CATALOGUE = """
campaigns:
  - id: solar
    name: Solar roofs
    fields:
      first_name: {type: name, required: true}
      email:      {type: email, required: true}
      phone:      {type: phone, country: US}
      home:       {type: choice, values: [own, rent]}
      bill:       {type: number, min: 0, max: 100}
      consent:    {type: boolean}
    checks: %s
sources:
  - id: acme
    campaign: solar
    reply: %s
    deadline: 20s
    price: "12.50"
    mapping: {fname: first_name, "contact.mail": email, owner: {field: home, values: {"Y": own, "N": rent}}}
  - {id: other, campaign: solar, name: Somebody else, mapping: {their_name: first_name}}
"""
DUPLICATES = '[{check: duplicate, on: [email], within: "30d"}]'


def yaml(checks: str = "[]", reply: str = "verdict") -> str:
    return CATALOGUE % (checks, reply)


@pytest.fixture
def house() -> str:
    return yaml()


async def test_a_key_of_the_source_is_needed(api: Api) -> None:
    assert (await api.get("/v1/spec")).status_code == 401
    assert (await api.get("/v1/spec.json", "lg_src_no")).status_code == 401


async def test_a_key_of_a_buyer_opens_nothing(api: Api) -> None:
    await api.configure(yaml() + "buyers:" + contract("b1", "http://127.0.0.1:9001/"))
    key = await api.key("buyer", "b1")
    assert (await api.get("/v1/spec.json", key)).status_code == 401


async def test_the_fields_have_the_names_of_the_source(api: Api) -> None:
    told = (await api.get("/v1/spec.json", api.acme)).json()
    assert [(f["name"], f["field"], f["required"]) for f in told["fields"]] == [
        ("fname", "first_name", True), ("contact.mail", "email", True), ("phone", "phone", False),
        ("owner", "home", False), ("bill", "bill", False), ("consent", "consent", False),
    ]  # fmt: skip
    assert told["fields"][3]["values"] == ["Y", "N", "own", "rent"]
    assert (told["price"], told["reply"], told["deadline_seconds"]) == ("12.50", "verdict", 20.0)


async def test_nothing_of_another_source_or_a_buyer_or_a_key_stands_in_it(api: Api) -> None:
    await api.configure(
        yaml(reply="sold") + "buyers:" + contract("sunco", "http://127.0.0.1:9001/ok", price="42.00")
    )
    for path in ("/v1/spec.json", "/v1/spec.html"):
        text = (await api.get(path, api.acme)).text
        for secret in ("sunco", "42.00", "Somebody else", "their_name", api.acme, api.acme[-8:]):
            assert secret not in text, secret


async def test_a_browser_gets_a_page_and_a_program_gets_json(api: Api) -> None:
    async def kind(accept: str) -> str:
        headers = {"x-api-key": api.acme, "accept": accept}
        return str((await api.http.get("/v1/spec", headers=headers)).headers["content-type"].split(";")[0])

    assert await kind("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8") == "text/html"
    assert await kind("*/*") == "application/json"
    assert await kind("application/json, text/html;q=0.5") == "application/json"
    assert await kind("text/html;q=x") == "application/json"


async def test_the_page_says_all_of_it_without_a_script(api: Api) -> None:
    text = (await api.get("/v1/spec.html", api.acme)).text
    assert "<script" not in text
    assert "@media print" in text
    assert 'name="viewport"' in text
    for said in ("Solar roofs", "contact.mail", "12.50 USD", "curl -i", "urllib", "curl_init", "fetch("):
        assert said in text, said


async def test_what_is_configured_is_text_on_the_page(api: Api) -> None:
    await api.configure(
        yaml().replace("price:", "name: '<b>&bold'\n    price:").replace("fname:", "'<i>\"x':")
    )
    text = (await api.get("/v1/spec.html", api.acme)).text
    assert "<b>&bold" not in text
    assert "&lt;b&gt;&amp;bold" in text
    assert "<i>" not in text


async def test_what_has_not_changed_is_not_sent_again(api: Api) -> None:
    first = await api.get("/v1/spec.json", api.acme)
    headers = {"x-api-key": api.acme, "if-none-match": f'"x", {first.headers["etag"]}'}
    again = await api.http.get("/v1/spec.json", headers=headers)
    assert (again.status_code, again.content) == (304, b"")
    assert first.headers["cache-control"] == "private, no-cache"
    await api.configure(yaml().replace("max: 100", "max: 200"))
    assert (await api.http.get("/v1/spec.json", headers=headers)).status_code == 200


async def test_the_version_is_that_of_the_last_change_that_concerns_the_source(api: Api) -> None:
    before = (await api.get("/v1/spec.json", api.acme)).json()
    assert before["version"] == 1
    assert before["changed_at"]
    await api.configure(
        yaml().replace("Somebody else", "Another") + "buyers:" + contract("b", "http://b.example")
    )
    assert (await api.get("/v1/spec.json", api.acme)).json() == before
    await api.configure(yaml().replace("bill:       {", "bill: {label: A month, "))
    assert (await api.get("/v1/spec.json", api.acme)).json()["version"] == 3


async def test_since_says_which_fields_differ(api: Api) -> None:
    changed = (
        yaml()
        .replace("min: 0, max: 100", "min: 5, max: 100, required: true")
        .replace("consent:    {type: boolean}", "zip: {type: postal_code}")
        .replace("fname: first_name", "forename: first_name")
    )
    await api.configure(changed)
    changes = (await api.get("/v1/spec.json?since=1", api.acme)).json()["changes"]
    assert (changes["added"], changes["removed"]) == (["forename", "zip"], ["fname", "consent"])
    (bill,) = changes["changed"]
    assert bill == {
        "name": "bill",
        "was": {"required": False, "shape": "a number from 0 up to 100"},
        "now": {"required": True, "shape": "a number from 5 up to 100"},
    }
    nothing = (await api.get("/v1/spec.json?since=2", api.acme)).json()["changes"]
    assert nothing == {"since": 2, "added": [], "removed": [], "changed": [], "terms": []}
    page = (await api.get("/v1/spec.html?since=1", api.acme)).text
    assert "What changed since version 1" in page


async def test_before_the_source_was_all_fields_are_new(api: Api) -> None:
    changes = (await api.get("/v1/spec.json?since=0", api.acme)).json()["changes"]
    assert len(changes["added"]) == 6


@pytest.mark.parametrize("since", ["99", "-1", "x", "9999999999999999999999"])
async def test_a_version_that_is_none_is_a_problem(api: Api, since: str) -> None:
    answer = await api.get(f"/v1/spec.json?since={since}", api.acme)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


async def test_the_answers_are_those_that_come(api: Api) -> None:
    """Each but for its id, time and price."""
    await api.configure(yaml(DUPLICATES))
    told = (await api.get("/v1/spec.json", api.acme)).json()
    said = {(one["outcome"], one["status"]): one["body"] for one in told["answers"]}
    lead = {"fname": "Ann", "contact.mail": "ann@example.com"}
    for name, body in (
        ("accepted", lead),
        ("duplicate", lead),
        ("rejected", {"contact.mail": "b@example.com"}),
    ):
        real, sample = (await api.post(body)).json(), said[name, 201]
        assert real.pop("lead").keys() == sample.pop("lead").keys()
        if name == "duplicate":  # the same source's earlier lead is named
            real["reason"] = real["reasons"][0]["message"] = "same email as an earlier lead"
            del real["reasons"][0]["lead"]
        assert real == sample, name
    real = (await api.http.post("/v1/leads", content=b"{}")).json()
    assert real == said["error", 401]


async def test_a_part_of_each_sale_is_told_and_answered_as_the_spec_says(api: Api) -> None:
    shared = yaml(DUPLICATES, reply="sold").replace('price: "12.50"', 'revenue_share: "60"')
    await api.configure(shared)
    told = (await api.get("/v1/spec.json", api.acme)).json()
    assert (told["price"], told["revenue_share"]) == (None, "60")
    text = (await api.get("/v1/spec.html", api.acme)).text
    assert "60 % of what each buyer pays for your lead, in USD" in text
    assert "None is agreed here" not in text
    said = {one["outcome"]: one["body"]["price"] for one in told["answers"] if "price" in one["body"]}
    good, bad = {"fname": "Ann", "contact.mail": "ann@example.com"}, {"contact.mail": "b@example.com"}
    assert (await api.post(bad)).json()["price"] == said["rejected"]
    assert (await api.post(good)).json()["price"] == said["no buyer"]
    await api.configure(shared.replace("reply: sold", "reply: verdict"))
    assert "tells no price" in (await api.get("/v1/spec.html", api.acme)).text


async def test_a_source_that_has_a_price_or_nothing_reads_so(api: Api) -> None:
    assert "None is agreed here" not in (await api.get("/v1/spec.html", api.acme)).text
    assert (await api.get("/v1/spec.json", api.acme)).json()["revenue_share"] is None
    await api.configure(yaml().replace('price: "12.50"', "price: null"))
    assert "None is agreed here" in (await api.get("/v1/spec.html", api.acme)).text


async def test_a_source_that_gets_receipts_reads_the_outcomes_at_the_status_address(api: Api) -> None:
    await api.configure(yaml(reply="receipt"))
    told = (await api.get("/v1/spec.json", api.acme)).json()
    assert [(one["outcome"], one["status"], one["request"]) for one in told["answers"][:3]] == [
        ("pending", 202, "POST"), ("accepted", 200, "GET status_url"), ("rejected", 200, "GET status_url"),
    ]  # fmt: skip


@pytest.mark.parametrize("language", ["curl", "Python", "PHP", "JavaScript"])
async def test_every_sample_posts_a_lead_that_passes_all_checks(
    api: Api, tmp_path: Path, language: str
) -> None:
    if not can_run(language):
        pytest.skip(f"THE {language} SAMPLE IS NOT RUN: there is no {language} here")
    async with over_a_socket(api) as address:
        headers = {"x-api-key": api.acme, "host": address.removeprefix("http://")}
        told = (await api.http.get("/v1/spec.json", headers=headers)).json()
        mine = [sample for sample in told["samples"] if sample["language"] == language]
        for sample in mine:
            out = await run(sample, api.acme, tmp_path)
            assert "201" in out, out
            assert "success" in out, out
    curls = [
        "application/json", "application/x-www-form-urlencoded", "application/xml", "multipart/form-data",
    ]  # fmt: skip
    assert [one["content_type"] for one in mine] == (curls if language == "curl" else curls[:1])
    assert await api.value("select count(*) from lead where test and state = 'unsold'") == len(mine)


async def test_a_sample_is_not_broken_by_odd_names_or_an_odd_host(api: Api, tmp_path: Path) -> None:
    await api.configure(yaml().replace("fname:", '"Ann\'s \\"na\\\\me\\" é":'))
    async with over_a_socket(api) as address:
        headers = {"x-api-key": api.acme, "host": address.removeprefix("http://")}
        told = (await api.http.get("/v1/spec.json", headers=headers)).json()
        assert told["fields"][0]["name"] == 'Ann\'s "na\\me" é'
        kinds = [(one["language"], one["content_type"]) for one in told["samples"]]
        assert ("curl", "application/xml") not in kinds
        for sample in told["samples"]:
            if can_run(sample["language"]):
                assert "success" in await run(sample, api.acme, tmp_path), sample["text"]
    hostile = await api.http.get("/v1/spec.json", headers={"x-api-key": api.acme, "host": "a';id;'"})
    assert hostile.status_code == 200
    for sample in hostile.json()["samples"]:
        if sample["language"] == "curl":
            assert shlex.split(sample["text"])[4] == "http://a';id;'/v1/leads?test=1"


async def test_a_paused_source_reads_that_it_is(api: Api) -> None:
    await api.configure(yaml().replace("deadline: 20s", "deadline: 20s\n    paused: true\n    test: true"))
    assert (await api.get("/v1/spec.json", api.acme)).json()["paused"] is True
    text = (await api.get("/v1/spec.html", api.acme)).text
    assert "You are paused" in text
    assert "Test mode" in text


async def test_a_source_that_is_not_configured_has_none(api: Api) -> None:
    answer = await api.get("/v1/spec", await api.key("source", "nobody"))
    assert (answer.status_code, answer.json()["code"]) == (404, "source_off")


async def linked(api: Api, source: str = "acme", days: float = 1, more: str = "") -> httpx.Response:
    until = api.process.world.now() + timedelta(days=days)
    path = path_of(api.process.sealer.derived(PURPOSE), source, until)
    return await api.http.get(path + more)


async def test_a_link_shows_the_page_to_whoever_has_it_and_holds_no_key(api: Api) -> None:
    answer = await linked(api)
    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, "text/html")
    assert "contact.mail" in answer.text
    assert "duplicate@leadgate.example" in answer.text
    for secret in (api.acme, api.acme[-8:], "their_name"):
        assert secret not in answer.text + str(answer.url)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-robots-tag"] == "noindex, nofollow"
    assert answer.headers["referrer-policy"] == "no-referrer"
    (as_json,) = re.findall(r'href="([^"]*)">As JSON', answer.text)
    assert (await api.http.get(html.unescape(as_json))).json()["source"] == "acme"


@pytest.mark.parametrize(
    "change",
    [
        ("sig=", "sig=x"), ("expires=", "expires=9"), ("expires=", "expires=-"), ("/acme", "/other"),
        ("&sig=", "&gis="), ("expires=", "expires=\u0661"), ("sig=", "sig=\u00e9"), ("?", "?expires=0&x="),
    ],
)  # fmt: skip
async def test_a_link_that_was_touched_opens_nothing_and_says_nothing(
    api: Api, change: tuple[str, str]
) -> None:
    until = api.process.world.now() + timedelta(days=1)
    path = path_of(api.process.sealer.derived(PURPOSE), "acme", until)
    answer = await api.http.get(path.replace(*change))
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    nobody = await api.http.get("/spec/nobody?expires=1&sig=x")
    assert nobody.json() == answer.json(), "a source that is there is not told from one that isn't"


async def test_a_link_ends(api: Api) -> None:
    answer = await linked(api, days=-0.001)
    assert (answer.status_code, answer.json()["code"]) == (404, "link_expired")
    assert answer.headers["cache-control"] == "no-store"


async def test_a_link_opens_nothing_but_the_page(api: Api) -> None:
    until = api.process.world.now() + timedelta(days=1)
    query = path_of(api.process.sealer.derived(PURPOSE), "acme", until).partition("?")[2]
    assert (await api.http.get(f"/v1/spec?{query}")).status_code == 401
    assert (await api.http.post(f"/v1/leads?{query}", json={})).status_code == 401
    assert (await api.http.post(f"/spec/acme?{query}")).status_code == 405


async def test_the_link_of_a_source_that_is_gone_says_so(api: Api) -> None:
    assert (await linked(api, "gone")).json()["code"] == "source_off"


async def test_the_page_names_the_other_doors_with_their_whole_address(api: Api) -> None:
    await api.configure(
        yaml().replace("deadline: 20s", "deadline: 20s\n    replies: [{reply: boberdoo, key: s3cret}]")
    )
    text = (await api.get("/v1/spec.html", api.acme)).text
    assert "<code>http://leads.test/in/boberdoo/acme</code>" in text
    assert "<code>http://leads.test/v1/batches</code>" in text
    assert "s3cret" not in text
    told = (await api.get("/v1/spec.json?since=1", api.acme)).json()
    assert [one["name"] for one in told["changes"]["terms"]] == ["doors"]
    page = (await api.get("/v1/spec.html?since=1", api.acme)).text
    assert "changed doors" in page


async def test_what_a_forced_result_answers_is_what_the_spec_tells(api: Api) -> None:
    await api.configure(yaml(reply="sold"))
    told = (await api.get("/v1/spec.json", api.acme)).json()
    for one in told["forced"]:
        headers = {"x-api-key": api.acme}
        by_word = await api.http.post(
            f"/v1/leads?test={one['result']}", json=told_example(told), headers=headers
        )
        by_value = await api.http.post(
            "/v1/leads?test=1", json={**told_example(told), "contact.mail": one["email"]}, headers=headers
        )
        by_number = await api.http.post(
            "/v1/leads?test=1", json={**told_example(told), "phone": one["phone"]}, headers=headers
        )
        for answer in (by_word, by_value, by_number):
            body = answer.json()
            assert (answer.status_code, body["outcome"]) == (one["status"], one["outcome"]), one
            state = (await api.get(f"/v1/leads/{body['lead']['id']}", api.acme)).json()
            assert f"{state['outcome']}, {state['state']}" == one["ends"]


def told_example(told: dict[str, Any]) -> dict[str, Any]:
    return {one["name"]: one["example"] for one in told["fields"]}
