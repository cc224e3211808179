"""What a source did not wait for reaches it, whichever moment the service dies at."""

import asyncio
import json

import pytest

from tests.buyer import Buyer, Stream, reply, says, way
from tests.e2e.books import Books, until
from tests.e2e.catalogues import catalogue, contract, source
from tests.e2e.conftest import Make
from tests.e2e.counting import CountingBuyer
from tests.e2e.source import Source, lead

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("posts", [40])
async def test_callbacks_survive_a_kill_between_outcome_and_telling(
    services: Make, buyer: CountingBuyer, posts: int
) -> None:
    stuck = asyncio.Event()

    @way("/vendor")
    async def hang(stream: Stream) -> None:
        stuck.set()
        await stream.reader.read()

    async with Buyer() as vendor:
        service = services(hasty=True)
        hears = f"    callback: {{url: '{vendor.url('/vendor')}', retry: {{schedule: [1s], until: 60s}}}}\n"
        await service.configure(
            catalogue(source("acme", reply="receipt") + hears, contract("b1", buyer.url("b1")))
        )
        await service.start()
        key = await service.key("source", "acme")
        async with Source(service.url, key) as acme:
            await acme.known()
            answers = await acme.post_all(map(lead, range(posts)))
        assert all(answer.acknowledged for answer in answers)
        await asyncio.wait_for(stuck.wait(), 60)
        async with Books(service.dsn) as books:

            async def all_sold() -> (
                bool
            ):  # a buyer cut off in mid sentence leaves its lead unclear: no outcome
                return await books.one("select count(*) from lead where outcome = 'success'") == posts

            await until(all_sold)
        service.kill()
        tried = {got.headers["webhook-id"] for got in vendor.received}
        says("/vendor", reply(200, b"ok"))
        vendor.received.clear()
        await service.start()
        async with Books(service.dsn) as books:

            async def all_told() -> bool:
                return await books.one("select count(*) from callback where state = 'told'") == posts

            await until(all_told)
        heard = {json.loads(got.body)["lead"]["id"]: got for got in vendor.received}
        assert heard.keys() == {answer.lead for answer in answers}
        assert {json.loads(got.body)["outcome"] for got in heard.values()} == {"success"}
        assert tried <= {got.headers["webhook-id"] for got in vendor.received}


async def test_a_form_that_was_begun_is_completed_after_a_kill_and_sold_once(
    services: Make, buyer: CountingBuyer
) -> None:
    service = services(hasty=True)
    await service.configure(catalogue(source("acme"), contract("b1", buyer.url("b1"))))
    await service.start()
    key = await service.key("source", "acme")
    kind = {"Content-Type": "application/json"}
    async with Source(service.url, key) as acme:
        await acme.known()
        begun = await acme.send("POST", "/v1/leads?partial=1", b'{"first_name": "Ann"}', kind)
        assert (begun.status, begun.document["state"]) == (202, "partial")
        service.kill()
    await service.start()
    async with Source(service.url, key, fresh=True) as acme:
        await acme.known()
        whole = json.dumps({"email": "ann@example.com", "state": "CA"}).encode()
        at_once = [acme.send("POST", f"/v1/leads?completes={begun.lead}", whole, kind) for _ in range(20)]
        answers = await asyncio.gather(*at_once)
        assert {(one.status, one.lead, one.outcome) for one in answers} == {(201, begun.lead, "success")}
        assert len(buyer.accepted("b1")) == 1
