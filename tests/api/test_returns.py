"""Programs decide on what buyers give back: once, and only with a user's key."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.conftest import Api, serving
from tests.buyer import Buyer
from tests.pipeline.house import catalogue, contract, lead, source


class Desk(Api):
    ops: str
    acme: str
    buyer: str

    async def ask(self, path: str = "", body: Any = None, key: str = "") -> httpx.Response:
        headers = {"x-api-key": key or self.ops}
        if body is None:
            return await self.http.get(f"/admin/v1/returns{path}", headers=headers)
        return await self.http.post(f"/admin/v1/returns{path}", json=body, headers=headers)

    async def requested(self, email: str) -> str:
        lead_id = (await self.post(lead(email))).json()["lead"]["id"]
        delivery = await self.value("select id::text from delivery where lead_id = $1::text::uuid", lead_id)
        item = {
            "type": "return",
            "delivery_id": delivery,
            "reason": "wrong_number",
            "evidence": "recording 17",
        }
        answer = await self.http.post("/v1/feedback", json=item, headers={"x-api-key": self.buyer})
        return str(answer.json()["results"][0]["id"])


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with Buyer() as buyer:
        yaml = catalogue(source(), contract("b1", buyer.url("/ok"), more="returns: {window: 7d}"))
        async with serving(database_url, tmp_path, yaml) as api:
            api.__class__ = Desk
            assert isinstance(api, Desk)
            api.ops, api.buyer = await api.key("user", "ann"), await api.key("buyer", "b1")
            yield api


async def test_they_are_listed_told_and_decided_once(desk: Desk) -> None:
    one, two = await desk.requested("a@example.com"), await desk.requested("b@example.com")
    assert [found["id"] for found in (await desk.ask()).json()] == [one, two]
    thread = (await desk.ask(f"/{one}")).json()
    assert [(word["kind"], word["evidence"]) for word in thread["words"]] == [("requested", "recording 17")]
    done = await desk.ask(f"/{one}/approve", {})
    assert (done.json()["state"], done.json()["credited"], done.json()["price_back"]) == (
        "approved",
        "42.00",
        "12.50",
    )
    assert (await desk.ask(f"/{one}/approve", {"message": "again"})).json() == done.json()
    against = await desk.ask(f"/{one}/deny", {"reason": "no"})
    assert (against.status_code, against.json()["code"]) == (409, "decided")
    assert (await desk.ask(f"/{two}/deny", {})).status_code == 422
    assert (await desk.ask(f"/{two}/deny", {"reason": "we called"})).json()["message"] == "we called"
    assert (await desk.ask("?state=denied")).json()[0]["decided_by"] == "user ann"


async def test_what_is_shown_while_it_is_open_stands_in_the_queue_and_the_thread(desk: Desk) -> None:
    one = await desk.requested("a@example.com")
    assert [found["evidence"] for found in (await desk.ask()).json()] == [1]
    delivery = (await desk.ask(f"/{one}")).json()["delivery"]
    item = {"type": "return", "delivery_id": delivery, "reason": "wrong_number", "evidence": "recording 18"}
    headers = {"x-api-key": desk.buyer}
    for outcome, code in (("pending", "evidence"), ("duplicate", "requested")):
        (told,) = (await desk.http.post("/v1/feedback", json=item, headers=headers)).json()["results"]
        assert (told["outcome"], told["code"], told["id"]) == (outcome, code, one)
    thread = (await desk.ask(f"/{one}")).json()
    assert (thread["evidence"], [word["evidence"] for word in thread["words"]]) == (
        2, ["recording 17", "recording 18"],
    )  # fmt: skip
    long = {**item, "evidence": "x" * 2_001}
    (told,) = (await desk.http.post("/v1/feedback", json=long, headers=headers)).json()["results"]
    assert (told["outcome"], told["code"]) == ("rejected", "too_long")


async def test_nobody_else_sees_or_decides_them(desk: Desk) -> None:
    one = await desk.requested("a@example.com")
    for key in (desk.acme, desk.buyer, "none"):
        assert (await desk.ask(key=key)).status_code == 401
        assert (await desk.ask(f"/{one}/approve", {}, key)).status_code == 401
    assert (await desk.ask("/01a20202-aefc-7ccb-9e6d-fd8cf1aed9d0/approve", {})).status_code == 404
    assert (await desk.ask("/no-id")).status_code == 404
    assert (await desk.ask("?state=lost")).status_code == 422
