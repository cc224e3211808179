"""A day of an exchange, by chance and in haste: thousands of steps of sources, buyers and book-keepers, and kills."""

import asyncio
import json
from collections import defaultdict
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.store import balances
from tests.e2e.books import Books, until
from tests.e2e.catalogues import contract
from tests.e2e.counting import CountingBuyer, Delivery, accepts, rejects
from tests.e2e.day import Day, Ways
from tests.e2e.service import Service
from tests.e2e.source import Answer, lead

EQUALS = ("e1", "e2", "e3")
SHARERS = ("r1", "r2", "r3", "r4")
CAPPED, SPENT, AHEAD = 60, Decimal("2100.00"), Decimal("60.00")
_REASONS = ("disconnected", "wrong_number", "no_contact")

_RETURNS = """returns:
          window: 7d
          reasons: [disconnected, wrong_number, no_contact]
          auto: [{when: reason == "disconnected", do: approve}, {when: reason == "wrong_number", do: deny}]"""

_FIELDS = """
    fields:
      first_name: {type: name, required: true}
      email:      {type: email, required: true}
      state:      {type: state, country: US}
      bill:       {type: number, min: 0}
    checks:
      - {check: duplicate, on: [email], within: 30d}"""


def catalogue(buyer: CountingBuyer) -> str:
    """Exclusive leads go down from who is dear and choosy to three equals; shared ones to two of four."""

    def at(id_: str, price: str, more: str = "", caps: str = "[]") -> str:
        return contract(id_, buyer.url(id_), price=price, more=more, caps=caps)

    def sharer(id_: str) -> str:
        return at(id_, "30.00").replace("campaign: solar", "campaign: roof")

    prepaid = at("ahead", "60.00").replace(
        "  - id: ahead\n", "  - id: ahead\n    money: {terms: prepaid}\n", 1
    )
    buyers = [
        at("choosy", "90.00", caps=f"[{{per: day, leads: {CAPPED}, window: rolling}}, {{per: total, leads: {CAPPED}}}]"),
        at("spender", "70.00", caps=f'[{{per: day, amount: "{SPENT}"}}]'), prepaid, at("doubtful", "50.00", caps="[{per: week, leads: 500}]"),
        *(at(id_, "40.00", _RETURNS) for id_ in EQUALS), *map(sharer, SHARERS),
    ]  # fmt: skip
    return f"""
campaigns:
  - id: solar{_FIELDS}
    distribution: {{sell: exclusive, rank: [price, round_robin]}}
  - id: roof{_FIELDS}
    distribution: {{sell: shared(2), rank: [price, round_robin]}}
sources:
  - {{id: acme, campaign: solar, reply: sold, deadline: 5s, price: "12.50"}}
  - {{id: roofer, campaign: roof, reply: sold, deadline: 5s, price: "9.00"}}
buyers:
{"".join(buyers)}"""


def _chance(delivery: Delivery) -> float:
    """The same for each try of one delivery, as an honest buyer's mind."""
    return UUID(delivery.id).int % 1000 / 1000


def choosy(delivery: Delivery) -> tuple[int, dict[str, str]]:
    return rejects(delivery) if _chance(delivery) < 0.4 else accepts(delivery)


def doubtful(delivery: Delivery) -> tuple[int, dict[str, str]]:
    """A quarter has it, or not, and can't say so."""
    return (500, {"status": "who knows"}) if _chance(delivery) < 0.25 else accepts(delivery)


def hasty(delivery: Delivery) -> tuple[int, dict[str, str]]:
    """Now and then too busy for the first try."""
    return (
        (503, {"status": "busy"}) if _chance(delivery) < 0.05 and not delivery.before else accepts(delivery)
    )


class Exchange(Day):
    """`close_books` settles what nobody knows."""

    def __init__(self, service: Service, buyer: CountingBuyer, seed: int) -> None:
        super().__init__(service, buyer, seed)
        self._deposits: list[tuple[str, str]] = []
        buyer.says |= {"choosy": choosy, "doubtful": doubtful, **dict.fromkeys(EQUALS, hasty)}

    def ways(self) -> Ways:
        return [
            (60, self.post_solar), (20, self.post_roof), (5, self.post_again),
            (5, self.confirm), (6, self.give_back), (4, self.deposit),
        ]  # fmt: skip

    # the steps --------------------------------------------------------------------------------------

    async def post_solar(self) -> None:
        self.posted += 1
        self.answers.append(await self.sources["acme"].post(lead(f"s{self.posted}")))

    async def post_roof(self) -> None:
        self.posted += 1
        self.answers.append(await self.sources["roofer"].post(lead(f"r{self.posted}"), "form"))

    async def post_again(self) -> None:
        """A person who came already, or comes a second time at this moment."""
        n = self.random.randint(1, self.posted + 1)
        self.answers.append(await self.sources["acme"].post(lead(f"s{n}"), "xml"))

    async def confirm(self) -> None:
        unsaid = [one.delivery for one in self.buyer.answered if one.status == 500]
        if unsaid:
            await self.say(self.random.choice(unsaid[-50:]).id, "doubtful")

    async def say(self, delivery: str, buyer: str) -> Answer:
        """What the buyer knows: it is a matter of the delivery, and never changes."""
        took = UUID(delivery).int % 2 == 0
        body = b'{"outcome": "accepted"}' if took else b'{"outcome": "rejected"}'
        return await self.as_(buyer, "POST", f"/v1/deliveries/{delivery}/confirm", body)

    async def give_back(self) -> None:
        """Mostly once; now and then the same lead twice at the same moment."""
        buyer = self.random.choice(EQUALS)
        bought = sorted(self.buyer.accepted(buyer))
        if not bought:
            return
        delivery, reason = self.random.choice(bought), self.random.choice(_REASONS)
        item = json.dumps({"delivery_id": delivery, "type": "return", "reason": reason}).encode()
        times = self.random.choice((1, 1, 2))
        await asyncio.gather(*(self.as_(buyer, "POST", "/v1/feedback", item) for _ in range(times)))

    async def deposit(self) -> None:
        """Who books asks again where no answer came, under the same key."""
        again = self._deposits and self.random.random() < 0.3
        key, amount = (
            self.random.choice(self._deposits) if again
            else (f"bank-{len(self._deposits)}", self.random.choice(("60.00", "150.00", "25.00")))
        )  # fmt: skip
        if not again:
            self._deposits.append((key, amount))
        await self._book(key, amount)

    async def _book(self, key: str, amount: str) -> Answer:
        body = f'{{"kind": "deposit", "buyer": "ahead", "amount": "{amount}"}}'
        return await self.as_("ops", "POST", "/admin/v1/money/entries", body.encode(), key)

    # the end ----------------------------------------------------------------------------------------

    async def close_books(self, books: Books) -> None:
        """Everybody says what he knows: what a dead process spoke of last is in the buyer's memory."""
        for key, amount in self._deposits:
            assert (await self._book(key, amount)).status in (200, 201)

        async def quiet() -> bool:
            await books.settled()
            rows = await books.conn.fetch("select id::text, contract from delivery where state = 'unclear'")
            for id_, contract_id in rows:
                await self._remember(id_, contract_id)
            return not rows

        await until(quiet, within=180, what="nothing unclear")

    async def _remember(self, id_: str, contract_id: str) -> None:
        if contract_id not in self.keys:
            self.keys[contract_id] = await self.service.key("buyer", contract_id)
        if contract_id == "doubtful" and id_ not in self.buyer.accepted("doubtful"):
            await self.say(id_, "doubtful")
            return
        yes = id_ in self.buyer.accepted(contract_id)
        body = b'{"outcome": "accepted"}' if yes else b'{"outcome": "rejected"}'
        await self.as_(contract_id, "POST", f"/v1/deliveries/{id_}/confirm", body)


# what must be true at the end --------------------------------------------------------------------------

_HELD = """
with lines as (
  select regexp_split_to_table(reserved, E'\\n') as line from delivery
   where reserved <> '' and state in ('sending', 'waiting', 'pooled', 'unclear', 'accepted')
)
select split_part(line, E'\\t', 1), sum(coalesce(nullif(split_part(line, E'\\t', 2), ''), '1')::bigint)::bigint
  from lines where line like 'cap:%' or line like 'budget:%' group by 1
"""


async def leaking(books: Books) -> dict[str, tuple[int, int]]:
    """Counters that aren't what open and accepted deliveries hold: key → (counter, held)."""
    held = {row[0]: row[1] for row in await books.conn.fetch(_HELD)}
    rows = await books.conn.fetch(
        "select key, value from counter where key like 'cap:%' or key like 'budget:%'"
    )
    counted = {row[0]: row[1] for row in rows}
    keys = held.keys() | counted.keys()
    return {k: (counted.get(k, 0), held.get(k, 0)) for k in keys if counted.get(k, 0) != held.get(k, 0)}


async def unbalanced(books: Books) -> dict[str, Any]:
    """Sums that the ledger must agree on with leads and deliveries; empty where it does."""
    sums = {
        "sales": (
            "select coalesce(sum(amount), 0) from entry where kind = 'sale'",
            "select coalesce(sum(price), 0) from delivery where state = 'accepted' and not test",
        ),
        "returns": (
            "select coalesce(sum(amount), 0) from entry where kind = 'return'",
            "select coalesce(sum(refunded), 0) from delivery",
        ),
        "revenue": (
            "select coalesce(sum(amount) filter (where kind = 'sale'), 0)"
            " - coalesce(sum(amount) filter (where kind = 'return'), 0) from entry",
            "select coalesce(sum(revenue), 0) from lead",
        ),
        "costs": (
            "select coalesce(sum(amount), 0) from entry where kind = 'cost'",
            "select coalesce(sum(price), 0) from lead where outcome = 'success' and not test",
        ),
        "once": (
            "select count(*) from entry where kind in ('sale', 'return') and delivery_id is not null",
            "select count(*) from (select distinct kind, delivery_id from entry"
            " where kind in ('sale', 'return') and delivery_id is not null) t",
        ),
    }  # fmt: skip
    found = {name: (await books.one(one), await books.one(other)) for name, (one, other) in sums.items()}
    return {name: pair for name, pair in found.items() if pair[0] != pair[1]}


async def owing(books: Books) -> list[str]:
    """Buyers whose counter is not what ledger and open deliveries say."""
    return [str(one) for one in await balances.differing(books.conn)]


async def sold_to(books: Books) -> dict[str, int]:
    rows = await books.conn.fetch(
        "select contract, count(*)::int from delivery where state = 'accepted' group by contract"
    )
    return defaultdict(int, {row[0]: row[1] for row in rows})
