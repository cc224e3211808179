"""A day of dealing, by chance and in haste: chains, rounds, a pool, pings, returns, rates, silence and kills."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from uuid import UUID
from zlib import crc32

from app.commands.beside import Beside, beside
from app.core.errors import Refused
from app.settings import Settings
from app.store.database import Database
from tests.e2e.books import Books, until
from tests.e2e.counting import CountingBuyer, Delivery, Says, accepts, rejects
from tests.e2e.day import Day, Ways
from tests.e2e.dealing_catalogue import EQUALS, PEOPLE
from tests.e2e.service import Service
from tests.e2e.source import Answer, lead

RETURNING = ("copies", "swap", "owes", *EQUALS, "fixed")
_REASONS = ("disconnected", "wrong_number", "no_contact")
_REFUSES = {"alone": 0.5, "both": 0.6, "copies": 0.6, "ahead": 0.5, "broom": 0.6, "old": 0.5, "desk": 0.5,
            "pushed": 0.7, "swap": 0.4, "owes": 0.3, "silent": 0.3, "flaky": 0.3, "cheaper": 0.5, "paced": 0.3,
            "asked": 0.4, "fixed": 0.4}  # fmt: skip


def _mind(delivery: Delivery, about: str = "") -> float:
    """From 0 to 1, the same for each try of one delivery."""
    return crc32(f"{delivery.id} {about}".encode()) / 2**32


def choosing(refuses: float) -> Says:
    def says(delivery: Delivery) -> tuple[int, dict[str, str]]:
        if _mind(delivery, "busy") < 0.05 and not delivery.before:
            return 503, {"status": "busy"}
        return rejects(delivery) if _mind(delivery) < refuses else accepts(delivery)

    return says


def silent(delivery: Delivery) -> tuple[int, dict[str, str]]:
    """Half of what it wants it can't speak of."""
    return (500, {"status": "?"}) if _mind(delivery) > 0.65 else choosing(0.3)(delivery)


def bidding(delivery: Delivery) -> tuple[int, dict[str, str]]:
    return 200, {"status": "bid", "bid": f"{5 + 20 * _mind(delivery):.2f}"}


class Dealing(Day):
    """`close_books` says what everybody knows, ends what waits by time, and empties the pool."""

    def __init__(self, service: Service, buyer: CountingBuyer, seed: int) -> None:
        super().__init__(service, buyer, seed)
        self.claimed: dict[str, set[str]] = defaultdict(set)  # lead -> who was told that it is his
        self.closed: dict[str, list[str]] = defaultdict(list)  # lead -> what was answered with 200
        self.promised: dict[str, str] = {}  # lead -> what its ping was promised
        self.confirmed: set[str] = set()
        self.said_yes: set[str] = set()  # with those whose answer a dead process kept to itself
        self.paced: list[float] = []  # when each conversation began
        self.down = False
        self._deposits: list[tuple[str, str]] = []
        self._pings: list[tuple[str, str, dict[str, str]]] = []
        buyer.says |= {one: choosing(share) for one, share in _REFUSES.items()}
        buyer.says |= {"silent": silent, "flaky": self._flaky, "cheaper": self._cheaper, "ping": bidding}
        buyer.says["paced"] = self._paced

    def _flaky(self, delivery: Delivery) -> tuple[int, dict[str, str]]:
        return (503, {"status": "down"}) if self.down else choosing(0.3)(delivery)

    def _paced(self, delivery: Delivery) -> tuple[int, dict[str, str]]:
        self.paced.append(asyncio.get_running_loop().time())
        return choosing(0.3)(delivery)

    def fastest(self, seconds: int) -> int:
        """The most that came in so many seconds by our clock."""
        return max(sum(at <= other < at + seconds for other in self.paced) for at in self.paced)

    def _cheaper(self, delivery: Delivery) -> tuple[int, dict[str, str]]:
        status, said = choosing(0.5)(delivery)
        return status, said | {"price": "39.50"} if said["status"] == "accepted" else said

    async def begin(self, database_url: str) -> None:
        await self.open(
            sources=("roofer", "caller", "acme", "pinger"),
            buyers=(*RETURNING, "silent", "inside"),
        )
        self.database = await Database.open(database_url, size=2)
        settings = Settings(data_dir=self.service.folder)
        self.beside: Beside = await beside(self.database, settings)

    async def end(self) -> None:
        await self.close()
        await self.database.close()

    def ways(self) -> Ways:
        return [
            (26, self.post("roofer", "r")), (14, self.post("caller", "c")), (36, self.post("acme", "s")),
            (14, self.ping), (12, self.post_pinged), (5, self.confirm), (8, self.give_back), (4, self.decide),
            (3, self.appeal), (4, self.deposit), (3, self.pay), (14, self.claim), (8, self.close_claim),
            (2, self.release), (3, self.time_passes), (3, self.replay), (2, self.up_and_down),
        ]  # fmt: skip

    # leads ------------------------------------------------------------------------------------------

    def post(self, source: str, kind: str) -> Callable[[], Awaitable[None]]:
        async def post() -> None:
            self.posted += 1
            self.answers.append(await self.sources[source].post(lead(f"{kind}{self.posted}")))

        return post

    async def ping(self) -> None:
        self.posted += 1
        whole = dict(lead(f"b{self.posted}"))
        facts = {"state": whole["state"], "bill": whole["bill"]}
        answer = await self.sources["pinger"].send("POST", "/v1/ping", json.dumps(facts).encode(), {"Content-Type": "application/json"})  # fmt: skip
        if answer.status == 200 and answer.document["outcome"] == "success":
            self._pings.append((answer.document["ping_id"], answer.document["price"], whole))

    async def post_pinged(self) -> None:
        """Mostly once; now and then twice at once, each with another person; or later, when it holds no more."""
        if not self._pings:
            return
        n = self.random.randrange(len(self._pings))
        id_, price, whole = self._pings[n] if self.random.random() < 0.3 else self._pings.pop()
        self.posted += 1
        other = {**whole, "email": f"annb{self.posted}@example.com"}
        both = (whole, other) if self.random.random() < 0.3 else (whole,)
        found = await asyncio.gather(*(self.sources["pinger"].post({**one, "ping_id": id_}) for one in both))
        self.answers += found
        self.promised |= {one.lead: price for one in found if one.acknowledged}

    # buyers -----------------------------------------------------------------------------------------

    async def confirm(self) -> None:
        unsaid = [one.delivery.id for one in self.buyer.answered if one.status == 500]
        if unsaid:
            await self.say(self.random.choice(unsaid[-20:]))

    async def say(self, delivery: str) -> None:
        yes = UUID(delivery).int % 3 > 0
        body = b'{"outcome": "accepted"}' if yes else b'{"outcome": "rejected"}'
        if yes:
            self.said_yes.add(delivery)
        answer = await self.as_("silent", "POST", f"/v1/deliveries/{delivery}/confirm", body)
        if yes and answer.status == 200:
            self.confirmed.add(delivery)

    async def give_back(self) -> None:
        """Some at once, while its other copy is still on its way; now and then twice at the same moment."""
        buyer = self.random.choice(RETURNING)
        answered = self.buyer.answered
        if bought := [one.delivery.id for one in answered if one.accepted and one.delivery.contract == buyer]:
            times = self.random.choice((1, 1, 2))
            chosen = self.random.choice(bought[-self.random.choice((2, 1000)) :])
            item = (buyer, chosen, self.random.choice(_REASONS), "")
            await asyncio.gather(*(self._ask_back(*item) for _ in range(times)))

    async def _ask_back(self, buyer: str, delivery: str, reason: str, evidence: str) -> Answer:
        item = {"delivery_id": delivery, "type": "return", "reason": reason}
        body = json.dumps(item | ({"evidence": evidence} if evidence else {})).encode()
        return await self.as_(buyer, "POST", "/v1/feedback", body)

    async def appeal(self) -> None:
        async with self.database.acquire() as conn:
            denied = await conn.fetch(
                "select buyer, delivery_id::text, reason from return_request where state = 'denied'"
            )
        if denied:
            await self._ask_back(*self.random.choice(denied), f"recording {self.random.random()}")

    async def decide(self) -> None:
        """Two of the house decide one return at the same moment, and not always alike."""
        asked = await self.as_("ops", "GET", "/admin/v1/returns")
        if asked.status != 200 or not asked.document:
            return
        id_ = self.random.choice(asked.document)["id"]
        says = self.random.choices((("approve", b""), ("deny", b'{"reason": "no"}')), (2, 1), k=2)
        await asyncio.gather(*(self.as_("ops", "POST", f"/admin/v1/returns/{id_}/{how}", body) for how, body in says))  # fmt: skip

    async def deposit(self) -> None:
        again = self._deposits and self.random.random() < 0.3
        key, amount = (
            self.random.choice(self._deposits) if again
            else (f"bank-{len(self._deposits)}", self.random.choice(("36.00", "90.00", "25.00")))
        )  # fmt: skip
        if not again:
            self._deposits.append((key, amount))
        await self._book("deposit", "ahead", amount, key)

    async def pay(self) -> None:
        await self._book("payment", "owes", "120.00", f"pay-{self.random.random()}")

    async def _book(self, kind: str, buyer: str, amount: str, key: str) -> Answer:
        body = json.dumps({"kind": kind, "buyer": buyer, "amount": amount}).encode()
        return await self.as_("ops", "POST", "/admin/v1/money/entries", body, key)

    async def up_and_down(self) -> None:
        self.down = not self.down

    # people -----------------------------------------------------------------------------------------

    async def claim(self) -> None:
        person = self.random.choice(PEOPLE)
        answer = await self._person("claim", {"as": person})
        if answer.status == 200:
            self.claimed[answer.document["lead"]].add(person)

    async def _mine(self) -> tuple[str, str] | None:
        """A lead that somebody was told to have; it need not be so any more."""
        open_ = [
            (one, by)
            for one, people in self.claimed.items()
            if one not in self.closed
            for by in sorted(people)
        ]
        return self.random.choice(open_) if open_ else None

    async def close_claim(self) -> None:
        """Sometimes two say it at once, one of them wrongly."""
        if mine := await self._mine():
            how = self.random.choices(("accepted", "rejected"), (2, 1), k=self.random.choice((1, 2)))
            await asyncio.gather(*(self._close(*mine, disposition) for disposition in how))

    async def _close(self, lead_id: str, person: str, disposition: str) -> None:
        said = {"as": person, "lead": lead_id, "disposition": disposition}
        if (await self._person("close", said)).status == 200:
            self.closed[lead_id].append(disposition)

    async def release(self) -> None:
        if mine := await self._mine():
            await self._person("release", {"as": mine[1], "lead": mine[0]})

    async def _person(self, what: str, said: dict[str, str]) -> Answer:
        return await self.as_("inside", "POST", f"/v1/pool/{what}", json.dumps(said).encode())

    # the house --------------------------------------------------------------------------------------

    async def time_passes(self) -> None:
        """What waits for its next round is due now."""
        async with self.database.acquire() as conn:
            await conn.execute("update requeue set due_at = now() where due_at is not null and lead_id in"
                               " (select lead_id from requeue where due_at is not null limit 20 for update skip locked)")  # fmt: skip

    async def replay(self) -> None:
        """Somebody asks again for what died, or waits."""
        async with self.database.acquire() as conn:
            found = await conn.fetch("select id from delivery where state in ('dead', 'waiting') limit 50")
        if found:
            with suppress(Refused):
                await self.beside.replayer.ask(self.random.choice(found)[0], by="ops")

    # the end ----------------------------------------------------------------------------------------

    async def close_books(self, books: Books) -> None:
        self.down = False
        for key, amount in self._deposits:
            assert (await self._book("deposit", "ahead", amount, key)).status in (200, 201)
        await until(lambda: self._quiet(books), within=180, every=0.3, what="everything at its end")

    async def _quiet(self, books: Books) -> bool:
        await books.conn.execute("update requeue set until = now(), due_at = now() where due_at is not null")
        for id_, contract in await books.conn.fetch(
            "select id::text, contract from delivery where state = 'unclear'"
        ):
            await self._remember(id_, contract)
        for person in PEOPLE:
            await self._empty(person)
        return await books.one(_MOVING) == 0

    async def _remember(self, id_: str, contract: str) -> None:
        """What a dead process spoke of last is in the buyer's memory."""
        if contract == "silent":
            return  # its time runs out
        if contract not in self.keys:
            self.keys[contract] = await self.service.key("buyer", contract)
        said = "accepted" if id_ in self.buyer.accepted(contract) else "rejected"
        body = json.dumps({"outcome": said}).encode()
        await self.as_(contract, "POST", f"/v1/deliveries/{id_}/confirm", body)

    async def _empty(self, person: str) -> None:
        answer = await self._person("claim", {"as": person})
        while answer.status == 200:
            self.claimed[answer.document["lead"]].add(person)
            await self._close(answer.document["lead"], person, "accepted")
            answer = await self._person("claim", {"as": person})


_MOVING = """
select (select count(*) from inbox where parked is null) + (select count(*) from requeue where due_at is not null)
     + (select count(*) from lead where ended_at is null) + (select count(*) from return_request where resale in ('due', 'waits'))
     + (select count(*) from delivery where state in ('sending', 'waiting', 'pooled', 'unclear'))
"""
