"""A buyer who keeps no id of ours confirms by its own, as its reply to the delivery had it."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.conftest import Api, serving
from tests.buyer import Buyer, reply, says
from tests.pipeline.house import catalogue, contract, source

says("/pending", reply(200, b'{"status": "pending", "id": "P-1"}'))
PENDING = "unclear: reply.json.status == 'pending'"


def pending(id_: str, buyer: Buyer) -> str:
    return contract(id_, buyer.url("/pending")).rstrip() + f"\n          {PENDING}\n"


async def confirm(api: Api, key: str, **body: Any) -> httpx.Response:
    return await api.http.post("/v1/deliveries/confirm", json=body, headers={"x-api-key": key})


async def test_its_own_reference_names_the_delivery(database_url: str, tmp_path: Path, buyer: Buyer) -> None:
    async with serving(database_url, tmp_path, catalogue(source(), pending("b1", buyer))) as api:
        answer = await api.post({"first_name": "Dana", "email": "dana@example.org"})
        lead = answer.json()["lead"]["id"]
        mine, stranger = await api.key("buyer", "b1"), await api.key("buyer", "b2")
        assert await api.value("select state from delivery") == "unclear"

        for key, reference in ((stranger, "P-1"), (mine, "P-2")):
            told = await confirm(api, key, reference=reference, outcome="accepted")
            assert (told.status_code, told.json()["code"]) == (404, "not_found")
        assert (await confirm(api, mine, outcome="accepted")).status_code == 422

        told = await confirm(api, mine, reference="P-1", outcome="accepted", price="40.00")
        delivery = str(await api.value("select id from delivery"))
        assert told.json() == {"delivery": delivery, "outcome": "accepted", "repeated": False}
        assert (await api.get(f"/v1/leads/{lead}", api.acme)).json()["state"] == "sold"
        again = await confirm(api, mine, reference="P-1", outcome="accepted", price="40.00")
        assert again.json()["repeated"] is True


async def test_a_reference_of_several_deliveries_names_none(
    database_url: str, tmp_path: Path, buyer: Buyer
) -> None:
    async with serving(database_url, tmp_path, catalogue(source(), pending("b1", buyer))) as api:
        for name in ("ann", "bea"):
            await api.post({"first_name": "Dana", "email": f"{name}@example.org"})
        told = await confirm(api, await api.key("buyer", "b1"), reference="P-1", outcome="accepted")
        assert (told.status_code, told.json()["code"]) == (409, "ambiguous")
        assert await api.value("select count(*) from delivery where state = 'unclear'") == 2


says("/bid", reply(200, b'{"bid": "7.25"}'))
says("/oops", reply(500, b"{}"))


def pinged(buyer: Buyer, post: str) -> str:
    """A buyer that bids 7.25 of the 42.00 that its contract says, and is posted to elsewhere."""
    return f"""
  - id: b1
    money: {{terms: credit, credit_limit: "1000"}}
    contracts:
      - id: b1
        campaign: solar
        price: "42.00"
        caps: [{{per: day, amount: "500"}}]
        deliver:
          adapter: ping_post
          ping: {{url: "{buyer.url("/bid")}", accepted: has(reply.json.bid), price: reply.json.bid}}
          post: {{url: "{buyer.url(post)}", timeout: 300ms, accepted: reply.status == 200}}
"""


@pytest.mark.parametrize("post", ["/oops", "/hang-up", "/black-hole"])
async def test_who_bid_before_its_answer_failed_pays_what_it_bid(
    database_url: str, tmp_path: Path, buyer: Buyer, post: str
) -> None:
    async with serving(database_url, tmp_path, catalogue(source(), pinged(buyer, post))) as api:
        await api.post({"first_name": "Dana", "email": "dana@example.org"})
        assert await api.value("select state || ' ' || price from delivery") == "unclear 42.00"
        delivery = await api.value("select id from delivery")
        told = await api.http.post(
            f"/v1/deliveries/{delivery}/confirm", json={"outcome": "accepted"},
            headers={"x-api-key": await api.key("buyer", "b1")},
        )  # fmt: skip
        assert told.status_code == 200, told.text
        assert await api.value("select price::text from delivery") == "7.25"
        assert await api.value("select amount::text from entry where kind = 'sale'") == "7.25"
        assert await api.value("select revenue::text from lead") == "7.25"
        used = "select array_agg(value) from counter where key like 'budget:%' or key like 'balance:%'"
        assert await api.value(used) == [72_500, 72_500]
