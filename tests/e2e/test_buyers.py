"""Buyers that fail in every way: never a sale, never on to the next buyer, until somebody knows what happened."""

import asyncio
import json
import socket

import pytest

from tests.buyer import Buyer
from tests.e2e.books import Books, until
from tests.e2e.catalogues import catalogue, contract, source
from tests.e2e.conftest import Make
from tests.e2e.counting import CountingBuyer, rejects
from tests.e2e.source import Source, lead

pytestmark = pytest.mark.e2e

UNCLEAR = (
    "/black-hole", "/drip", "/reset-after-headers", "/endless", "/gibberish", "/empty", "/short", "/bomb",
    "/half-gzip", "/500", "/504", "/hang-up", "/two-lengths",
)  # fmt: skip
UNSOLD = ("/401", "/404", "/422", "/410", "/reject")


def _nobodys_address() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/closed"


async def test_no_failure_of_a_buyer_is_a_sale(services: Make, database_url: str) -> None:
    """Each lead fits one misbehaving contract alone, by its bill, and a second buyer who'd take them all."""
    down, ways = _nobodys_address(), [*UNCLEAR, *UNSOLD]
    async with Buyer() as buyer, CountingBuyer() as second:
        service = services(database_url=database_url)
        await service.configure(
            catalogue(
                source(deadline="20s"),
                *(
                    contract(
                        f"way{n}",
                        buyer.url(path),
                        price="90.00",
                        more=f"when: lead.bill == {n}.0",
                        timeout="1s" if path in UNCLEAR else "10s",
                    )
                    for n, path in enumerate(ways, 1)
                ),
                contract("second", second.url("second"), more=f"when: lead.bill <= {len(UNCLEAR)}.0"),
                contract("down", down, more="when: lead.bill == 99.0", until="3s"),
            )
        )
        key = await service.key("source", "acme")
        await service.start()
        async with Source(service.url, key) as acme, Books(database_url) as books:
            answers = await asyncio.gather(
                *(acme.post({**lead(n), "bill": str(n)}) for n in [*range(1, len(ways) + 1), 99])
            )
            await books.settled()
            states = await books.states(a.lead for a in answers if a.acknowledged)
            found = {path: states[a.lead] for path, a in zip([*ways, down], answers, strict=True)}
            told = {path: (a.status, a.outcome) for path, a in zip([*ways, down], answers, strict=True)}
            sold = await books.one("select count(*) from delivery where state = 'accepted'")
            revenue, _ = await books.money()
        assert {path: found[path] for path in UNCLEAR} == dict.fromkeys(UNCLEAR, "unclear")
        assert {path: found[path] for path in UNSOLD} == dict.fromkeys(UNSOLD, "unsold")
        assert found[down] == "unsold"
        assert {told[path] for path in UNCLEAR} == {(202, "pending")}
        assert {told[path] for path in UNSOLD} == {(201, "failure")}
        assert (sold, revenue) == (0, 0)
        assert second.answered == []


async def test_a_buyers_late_word_ends_what_was_unclear(
    services: Make, buyer: CountingBuyer, database_url: str
) -> None:
    service = services(database_url=database_url)
    buyer.slowness["vague"] = 0.0
    buyer.says["vague"] = lambda _: (500, {"status": "?"})
    await service.configure(
        catalogue(
            source(),
            contract("vague", buyer.url("vague"), price="90.00", caps="[{per: day, leads: 10}]"),
            contract("next", buyer.url("next")),
        )
    )
    key, mine, others = [
        await service.key(*who) for who in (("source", "acme"), ("buyer", "vague"), ("buyer", "next"))
    ]
    await service.start()
    async with (
        Books(database_url) as books,
        Source(service.url, key) as acme,
        Source(service.url, mine) as vague,
        Source(service.url, others) as stranger,
    ):

        async def says(who: Source, delivery: str, **word: str) -> tuple[int, dict[str, str]]:
            kind = {"Content-Type": "application/json"}
            sent = await who.send(
                "POST", f"/v1/deliveries/{delivery}/confirm", json.dumps(word).encode(), kind
            )
            return sent.status, sent.document

        taken, refused = [(await acme.post(lead(n))).lead for n in (1, 2)]
        assert await books.states([taken, refused]) == {taken: "unclear", refused: "unclear"}
        yes, no = [str((await books.deliveries(one))[0]["id"]) for one in (taken, refused)]

        assert (await says(stranger, yes, outcome="accepted"))[0] == 404
        assert (await says(acme, yes, outcome="accepted"))[0] == 401
        assert (await says(vague, "not-an-id", outcome="accepted"))[0] == 404

        status, said = await says(vague, yes, outcome="accepted", price="77.50", reference="V-1")
        assert (status, said["repeated"]) == (200, False)
        status, said = await says(vague, yes, outcome="accepted", price="77.50", reference="V-1")
        assert (status, said["repeated"]) == (200, True)
        status, said = await says(vague, yes, outcome="rejected")
        assert (status, said["code"]) == (409, "ended_otherwise")
        sold = await books.lead(taken)
        assert (sold["state"], sold["outcome"], str(sold["revenue"])) == ("sold", "success", "77.50")

        status, said = await says(vague, no, outcome="rejected", reason="too far away")
        assert (status, said["repeated"]) == (200, False)

        async def sold_on() -> bool:
            return (await books.states([refused]))[refused] == "sold"

        await until(sold_on, what="the next buyer is asked")
        assert [d["contract"] for d in await books.deliveries(refused)] == ["vague", "next"]
        assert (await says(vague, no, outcome="rejected"))[1]["repeated"] is True
        assert (await says(vague, no, outcome="accepted"))[0] == 409
        assert await books.counters_leak() == {}
        revenue, prices = await books.money()
        assert revenue == prices
        shown = await acme.get(f"/v1/leads/{taken}")
        assert (shown.document["state"], shown.document["outcome"]) == ("sold", "success")


async def test_simultaneous_words_on_one_delivery_are_one(
    services: Make, buyer: CountingBuyer, database_url: str
) -> None:
    """A yes and a no, ten of each at once: one kind wins, the other is told so, the money is counted once."""
    service = services(database_url=database_url)
    buyer.says["vague"] = lambda _: (500, {"status": "?"})
    buyer.says["next"] = rejects
    await service.configure(
        catalogue(
            source(),
            contract("vague", buyer.url("vague"), price="90.00"),
            contract("next", buyer.url("next")),
        )
    )
    key, mine = await service.key("source", "acme"), await service.key("buyer", "vague")
    await service.start()
    async with (
        Books(database_url) as books,
        Source(service.url, key) as acme,
        Source(service.url, mine, fresh=True) as vague,
    ):
        one = (await acme.post(lead(1))).lead
        delivery = (await books.deliveries(one))[0]["id"]
        words = [json.dumps({"outcome": word}).encode() for word in ("accepted", "rejected") * 10]
        kind = {"Content-Type": "application/json"}
        told = await asyncio.gather(
            *(vague.send("POST", f"/v1/deliveries/{delivery}/confirm", word, kind) for word in words)
        )
        assert sorted(a.status for a in told) == [200] * 10 + [409] * 10
        assert sum(a.document.get("repeated") is False for a in told) == 1
        await books.settled()
        revenue, prices = await books.money()
        assert revenue == prices
        state = (await books.states([one]))[one]
        assert state in ("sold", "unsold")
        assert (state == "sold") == (revenue == 90)


async def test_a_buyer_may_confirm_before_it_has_answered(
    services: Make, buyer: CountingBuyer, database_url: str
) -> None:
    """Its postback overtakes its reply, in another process perhaps: one sale, counted once, told in time."""
    service = services(database_url=database_url, processes=2)
    buyer.gate["b"] = asyncio.Event()
    await service.configure(catalogue(source(), contract("b", buyer.url("b"))))
    key, mine = await service.key("source", "acme"), await service.key("buyer", "b")
    await service.start()
    kind = {"Content-Type": "application/json"}
    async with (
        Books(database_url) as books,
        Source(service.url, key, fresh=True) as acme,
        Source(service.url, mine, fresh=True) as confirming,
    ):
        posts = [asyncio.create_task(acme.post(lead(n))) for n in range(8)]
        await buyer.until(lambda: buyer.talking >= 8)
        ids = await books.conn.fetch("select id from delivery where state = 'sending'")
        word = b'{"outcome": "accepted", "price": "50.00"}'
        told = [await confirming.send("POST", f"/v1/deliveries/{row[0]}/confirm", word, kind) for row in ids]
        assert {a.status for a in told} == {200}
        buyer.gate["b"].set()
        answers = await asyncio.gather(*posts)
        assert {(a.status, a.outcome) for a in answers} == {(201, "success")}
        await books.settled()
        assert await books.money() == (400, 400)
        assert await books.one("select count(*) from attempt_end where late") == 8


async def test_a_source_that_cannot_wait_is_told_where_to_look(
    services: Make, buyer: CountingBuyer, database_url: str
) -> None:
    service = services(database_url=database_url)
    buyer.gate["b"] = asyncio.Event()
    await service.configure(catalogue(source(deadline="1s"), contract("b", buyer.url("b"))))
    key = await service.key("source", "acme")
    await service.start()
    async with Source(service.url, key) as acme:
        answer = await acme.post(lead(1))
        assert (answer.status, answer.outcome, answer.document["state"]) == (202, "pending", "delivering")
        assert answer.seconds > 0.9
        assert buyer.answered == []
        buyer.gate["b"].set()
        path = answer.document["status_url"].removeprefix(service.url)

        async def sold() -> bool:
            looked = await acme.get(path)
            return (looked.status, looked.document["state"]) == (200, "sold")

        await until(sold)
