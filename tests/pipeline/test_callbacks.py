"""A source that did not wait for its answer hears of it: once at least, under one id, whoever dies in between."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from standardwebhooks import Webhook

from app.model import Accepted, Rejected
from app.pipeline.callbacks import Callbacks
from app.pipeline.settling import Settler
from app.store.database import Database
from tests.buyer import Buyer, Stream, reply, says, way
from tests.pipeline.house import House, catalogue, contract, lead, opened, source

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
says("/told", reply(200, b"thanks"))
says("/later", reply(503, b"", "Retry-After: 600"))


@pytest.fixture
async def vendor() -> AsyncIterator[Buyer]:
    """Where the source listens."""
    async with Buyer() as listening:
        yield listening


def hears(vendor: Buyer, path: str = "/told", more: str = "") -> str:
    return f', callback: {{url: "{vendor.url(path)}"{more}}}'


def callbacks_of(house: House) -> Callbacks:
    return Callbacks(
        house.database, house.engine.sender._wire, house.world, house.metrics, process_id=house.identity,
        plans=lambda: house.plans, lease_seconds=20, seats=lambda: house.engine.sender.seats,
    )  # fmt: skip


async def told(house: House, callbacks: Callbacks | None = None) -> list[str]:
    """After everything due was told: the states of all callbacks."""
    callbacks = callbacks or callbacks_of(house)
    await callbacks.recover()
    while await callbacks.due():
        await asyncio.gather(*callbacks.tasks)
    rows = await house.rows("select state from callback order by id")
    return [row[0] for row in rows]


async def pass_wait(house: House) -> None:
    await house.run("update callback set next_at = now() where state = 'waiting'")


@asynccontextmanager
async def held(path: str, data: bytes) -> AsyncIterator[asyncio.Event]:
    """A buyer that answers when it is let go."""
    go = asyncio.Event()

    @way(path)
    async def wait(stream: Stream) -> None:
        await go.wait()
        await stream.send_all(data)

    try:
        yield go
    finally:
        go.set()


async def receipt(house: House, record: Any, state: str, **more: Any) -> UUID:
    """A lead whose source was answered by a receipt, come to its state."""
    work = house.work(record, **more)
    await house.keep(work)
    house.engine.later([work])
    lead_id = work.submission.id

    async def there() -> bool:
        return await house.value("select state from lead where id = $1", lead_id) == state

    await house.until(there)
    return lead_id


async def test_a_source_that_asked_for_a_receipt_is_told_that_its_lead_was_sold(
    database: Database, buyer: Buyer, vendor: Buyer
) -> None:
    more = hears(vendor, more=f", sign: {{secrets: [{SECRET}]}}")
    yaml = catalogue(source(reply="receipt", more=more), contract("b1", buyer.url("/ok")))
    async with opened(database, yaml) as house:
        lead_id = await receipt(house, lead(), "sold")
        assert await told(house) == ["told"]
    (got,) = vendor.received
    assert json.loads(got.body) == {
        "outcome": "success", "lead": {"id": str(lead_id)}, "state": "sold", "price": "12.50",
    }  # fmt: skip
    assert Webhook(SECRET).verify(got.body.decode(), got.headers)


async def test_a_refused_lead_is_told_with_its_reasons(
    database: Database, buyer: Buyer, vendor: Buyer
) -> None:
    yaml = catalogue(source(reply="receipt", more=hears(vendor)), contract("b1", buyer.url("/reject")))
    async with opened(database, yaml) as house:
        await receipt(house, {"first_name": "Ann"}, "rejected")
        await receipt(house, lead(), "unsold")
        assert await told(house) == ["told", "told"]
    said = sorted((json.loads(got.body) for got in vendor.received), key=lambda one: str(one["state"]))
    assert [(one["outcome"], one["state"], one["price"]) for one in said] == [
        ("failure", "rejected", "0.00"), ("failure", "unsold", "0.00"),
    ]  # fmt: skip
    assert said[0]["reasons"][0]["field"] == "email"


async def test_who_had_the_answer_is_not_told_again(database: Database, buyer: Buyer, vendor: Buyer) -> None:
    yaml = catalogue(
        source(more=hears(vendor)),
        source("verdict", reply="verdict", more=hears(vendor)),
        contract("b1", buyer.url("/ok")),
    )
    async with opened(database, yaml) as house:
        assert (await house.one(lead())).outcome == "success"
        assert (await house.one({"first_name": "Ann"})).outcome == "failure"
        answer = await house.one(lead("bob@example.com"), source="verdict")
        await house.ends(answer.lead_id, "sold")
        assert await told(house) == []


async def test_who_wants_every_outcome_is_told_that_too(
    database: Database, buyer: Buyer, vendor: Buyer
) -> None:
    more = hears(vendor, more=", only_late: false")
    yaml = catalogue(source(more=more), contract("b1", buyer.url("/ok")))
    async with opened(database, yaml) as house:
        await house.one(lead())
        await house.one({"first_name": "Ann"})
        assert await told(house) == ["told", "told"]


async def test_who_wants_sales_only_is_told_of_no_other(
    database: Database, buyer: Buyer, vendor: Buyer
) -> None:
    more = hears(vendor, more=", outcomes: [success]")
    yaml = catalogue(source(reply="receipt", more=more), contract("b1", buyer.url("/ok")))
    async with opened(database, yaml) as house:
        await receipt(house, {"first_name": "Ann"}, "rejected")
        await receipt(house, lead(), "sold")
        assert await told(house) == ["told"]


async def test_a_source_that_was_let_go_at_its_deadline_is_told_when_the_buyer_answers(
    database: Database, buyer: Buyer, vendor: Buyer
) -> None:
    yaml = catalogue(source(more=hears(vendor)), contract("b1", buyer.url("/slow")))
    async with held("/slow", reply()) as go, opened(database, yaml) as house:
        answer = await house.one(lead(), within=0)
        assert answer.outcome == "pending"
        assert await told(house) == ["promised"]
        go.set()
        await house.ends(answer.lead_id, "sold")
        assert await told(house) == ["told"]
    assert len(vendor.received) == 1


async def test_an_outcome_that_crosses_the_deadline_is_told(
    database: Database, buyer: Buyer, vendor: Buyer
) -> None:
    """The outcome was written while the source was on the line; it was let go before it could hear."""
    yaml = catalogue(source(more=hears(vendor)), contract("b1", buyer.url("/ok")))
    async with opened(database, yaml) as house:
        answer = await house.one(lead())
        house.engine.let_go("acme", [answer.lead_id], "delivering")
        assert await told(house) == []
        house.engine.waiting.wait(answer.lead_id)
        house.engine.let_go("acme", [answer.lead_id], "delivering")

        async def promised() -> bool:
            return bool(await house.value("select count(*) from callback"))

        await house.until(promised)
        assert await told(house) == ["told"]


@pytest.mark.parametrize("path, state", [("/500", "unclear")])
async def test_a_source_that_heard_of_no_outcome_is_told_when_somebody_says_what_it_was(
    database: Database, buyer: Buyer, vendor: Buyer, path: str, state: str
) -> None:
    yaml = catalogue(source(more=hears(vendor)), contract("b1", buyer.url(path)))
    async with opened(database, yaml) as house:
        answer = await house.one(lead())
        assert (answer.outcome, answer.state) == ("pending", state)
        assert await told(house) == ["promised"]
        (delivery,) = await house.rows("select id from delivery")
        await house.settler.settle(delivery[0], Accepted(reference="x"), by="test")
        assert await told(house) == ["told"]
    assert json.loads(vendor.received[0].body)["outcome"] == "success"


async def test_a_command_beside_the_service_owes_it_too(
    database: Database, buyer: Buyer, vendor: Buyer
) -> None:
    yaml = catalogue(source(reply="receipt", more=hears(vendor)), contract("b1", buyer.url("/500")))
    async with opened(database, yaml) as house:
        await receipt(house, lead(), "unclear")
        (delivery,) = await house.rows("select id from delivery")
        settler: Settler = house.settler
        await settler.settle(delivery[0], Rejected(reason="no"), by="test")
        await settler.settle(delivery[0], Rejected(reason="no"), by="test")
        assert await told(house) == ["told"]
    assert [json.loads(got.body)["outcome"] for got in vendor.received] == ["failure"]


async def test_a_postback_has_the_sources_own_click_id_and_nobodys_data_in_its_address(
    database: Database, buyer: Buyer, vendor: Buyer
) -> None:
    query = "?c={{ sent.subid }}&s={{ outcome }}&p={{ price }}&e={{ sent.email }}&m={{ sent.mail }}"
    more = (
        hears(vendor, "/told" + query, ", method: GET, secret: {query: {k: s3cret-key}}")
        + ", mapping: {mail: email}"
    )
    yaml = catalogue(source(reply="receipt", more=more), contract("b1", buyer.url("/ok")))
    async with opened(database, yaml) as house:
        sent = {"first_name": "Ann", "mail": "ann@example.com", "subid": "a b&c=d/é", "x": "1"}
        await receipt(house, sent, "sold")
        assert await told(house) == ["told"]
        kept = await house.value("select exchanges::text from callback")
        assert "s3cret-key" not in kept
    (got,) = vendor.received
    assert (got.method, got.body) == ("GET", b"")
    assert parse_qs(urlsplit(got.path).query) == {
        "c": ["a b&c=d/é"], "s": ["success"], "p": ["12.50"], "k": ["s3cret-key"],
    }  # fmt: skip


async def test_a_source_writes_its_own_body_and_no_value_breaks_it(
    database: Database, buyer: Buyer, vendor: Buyer
) -> None:
    template = '{\\"id\\": \\"{{ sent.subid }}\\", \\"ok\\": {{ (outcome == \\"success\\") | tojson }}}'
    more = hears(vendor, more=f', template: "{template}", headers: {{x-lead: "{{{{ lead_id }}}}"}}')
    yaml = catalogue(source(reply="receipt", more=more), contract("b1", buyer.url("/ok")))
    async with opened(database, yaml) as house:
        lead_id = await receipt(house, {**lead(), "subid": 'a"b\\'}, "sold")
        assert await told(house) == ["told"]
    (got,) = vendor.received
    assert json.loads(got.body) == {"id": 'a"b\\', "ok": True}
    assert got.headers["x-lead"] == str(lead_id)


@pytest.mark.parametrize("path", ["/500", "/404", "/302", "/hang-up", "/reset", "/gibberish-status"])
async def test_who_does_not_say_that_it_heard_is_told_again_under_the_same_id(
    database: Database, buyer: Buyer, vendor: Buyer, path: str
) -> None:
    says("/gibberish-status", b"SSH-2.0-OpenSSH_9.6\r\n")
    yaml = catalogue(source(reply="receipt", more=hears(vendor, path)), contract("b1", buyer.url("/ok")))
    async with opened(database, yaml) as house:
        await receipt(house, lead(), "sold")
        assert await told(house) == ["waiting"]
        await pass_wait(house)
        assert await told(house) == ["waiting"]
        assert await house.value("select attempts from callback") == 2
        await house.configure(
            catalogue(source(reply="receipt", more=hears(vendor)), contract("b1", buyer.url("/ok")))
        )
        await pass_wait(house)
        assert await told(house) == ["told"]
    assert len({got.headers["webhook-id"] for got in vendor.received}) == 1


async def test_retry_after_is_honoured(database: Database, buyer: Buyer, vendor: Buyer) -> None:
    more = hears(vendor, "/later", ', retry: {schedule: ["500s"], until: 1d}')
    yaml = catalogue(source(reply="receipt", more=more), contract("b1", buyer.url("/ok")))
    async with opened(database, yaml) as house:
        await receipt(house, lead(), "sold")
        assert await told(house) == ["waiting"]
        waits = await house.value("select extract(epoch from next_at - now())::int from callback")
        assert 590 <= waits <= 661


async def test_an_address_that_is_gone_is_not_asked_again_and_that_is_seen(
    database: Database, buyer: Buyer, vendor: Buyer
) -> None:
    yaml = catalogue(source(reply="receipt", more=hears(vendor, "/410")), contract("b1", buyer.url("/ok")))
    async with opened(database, yaml) as house:
        await receipt(house, lead(), "sold")
        assert await told(house) == ["gone"]
        await pass_wait(house)
        assert await told(house) == ["gone"]
    assert len(vendor.received) == 1


async def test_after_its_schedule_it_is_given_up_and_that_is_seen(
    database: Database, buyer: Buyer, vendor: Buyer
) -> None:
    more = hears(vendor, "/500", ", retry: {schedule: [1s], until: 1s}")
    yaml = catalogue(source(reply="receipt", more=more), contract("b1", buyer.url("/ok")))
    async with opened(database, yaml) as house:
        await receipt(house, lead(), "sold")
        await house.run("update callback set owed_at = now() - interval '1 minute'")
        callbacks = callbacks_of(house)
        assert await told(house, callbacks) == ["dead"]
        await callbacks.gauges()
        assert b"callbacks_dead" in house.metrics.snapshot()


async def test_what_a_dead_process_was_telling_is_told_again_by_another(
    database: Database, buyer: Buyer, vendor: Buyer
) -> None:
    yaml = catalogue(source(reply="receipt", more=hears(vendor)), contract("b1", buyer.url("/ok")))
    async with opened(database, yaml) as house:
        await receipt(house, lead(), "sold")
        await house.run(
            "update callback set state = 'sending', attempts = 1, lease_id = $1", house.world.new_id()
        )
        assert await told(house) == ["told"]


async def test_a_source_that_is_told_slowly_holds_up_no_other(
    database: Database, buyer: Buyer, vendor: Buyer
) -> None:
    yaml = catalogue(
        source(reply="receipt", more=hears(vendor, "/stuck")),
        source("quick", reply="receipt", more=hears(vendor)),
        contract("b1", buyer.url("/ok")),
    )
    async with held("/stuck", reply()) as go, opened(database, yaml) as house:
        callbacks = callbacks_of(house)
        for n in range(12):
            await receipt(house, lead(f"a{n}@example.com"), "sold")
        await callbacks.due()
        await receipt(house, lead("b@example.com"), "sold", source="quick")
        await callbacks.due()

        async def heard() -> bool:
            return await house.value("select count(*) from callback where state = 'told'") == 1

        await house.until(heard)
        assert await house.value("select count(*) from callback where state = 'sending'") == 8
        go.set()
        await asyncio.gather(*callbacks.tasks)
        assert set(await told(house, callbacks)) == {"told"}


async def test_a_callback_that_is_not_wanted_any_more_ends(
    database: Database, buyer: Buyer, vendor: Buyer
) -> None:
    yaml = catalogue(source(reply="receipt", more=hears(vendor)), contract("b1", buyer.url("/ok")))
    async with opened(database, yaml) as house:
        await receipt(house, lead(), "sold")
        await house.configure(catalogue(source(reply="receipt"), contract("b1", buyer.url("/ok"))))
        assert await told(house) == ["moot"]
    assert vendor.received == []
