"""The check through the real application: evidence that the hosted form took, addresses that databases know."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.api.conftest import Api, serving
from tests.api.forms import ANN, Visitor, yaml

CHECKS = "[{check: device, countries: [US]}, {check: velocity, per: network, most: 2, within: 1h}]"
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/145.0.0.0 Safari/537.36"
HEADLESS = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/145.0.0.0 Safari/537.36"


@pytest.fixture
async def api(database_url, tmp_path) -> AsyncIterator[Api]:
    async with serving(database_url, tmp_path, yaml(checks=CHECKS), trusted_proxies="127.0.0.1") as running:
        yield running


async def findings(api: Api) -> list[dict[str, Any]]:
    import orjson

    text = await api.value("select findings::text from lead_detail order by lead_id desc limit 1")
    return [f for f in orjson.loads(text) if f["check"] in ("device", "velocity")]


async def send(api: Api, **headers: str) -> list[dict[str, Any]]:
    visitor = Visitor(api)
    visitor.headers |= headers
    await visitor.open()
    answer = await visitor.send(**ANN)
    assert answer.status_code == 303
    return await findings(api)


async def test_the_visitor_behind_a_proxy_is_located_and_held_against_the_campaign(api: Api) -> None:
    known, abroad = await send(api, **{"x-forwarded-for": "2a01:4f8::1", "user-agent": CHROME})
    assert (known["code"], known["facts"]) == (
        "known",
        {"browser": "Chrome 145 on windows", "kind": "browser", "country": "DE"},
    )
    assert (abroad["code"], abroad["field"], abroad["action"]) == ("ip_country", "ip", "flag")


async def test_client_hints_of_the_request_are_held_against_its_agent(api: Api) -> None:
    hints = {"sec-ch-ua-platform": '"Linux"', "sec-ch-ua": '"Chromium";v="145"'}
    found = await send(api, **{"x-forwarded-for": "8.8.8.8", "user-agent": CHROME, **hints})
    assert [f["code"] for f in found] == ["known", "contradiction"]
    found = await send(api, **{"x-forwarded-for": "8.8.8.8", "user-agent": HEADLESS})
    assert [f["code"] for f in found] == ["known", "headless"]


async def test_a_network_is_counted_and_not_its_single_addresses(api: Api) -> None:
    for last in (1, 2, 3):
        found = await send(api, **{"x-forwarded-for": f"8.8.8.{last}", "user-agent": CHROME})
    assert [f["code"] for f in found] == ["known", "velocity"]
    found = await send(api, **{"x-forwarded-for": "8.8.9.1", "user-agent": CHROME})
    assert [f["code"] for f in found] == ["known"]
