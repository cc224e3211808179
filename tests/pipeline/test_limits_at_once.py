"""Two choosers over one database, any interleaving: no limit is passed, and when all has ended nothing is held."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import asyncpg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.catalog.documents import Distribution
from app.catalog.limits import Account, Cap, Money
from app.core.reserved import held
from app.core.world import World
from app.distribute.route import RouteIndex
from app.distribute.wanting import Choice, Want
from app.pipeline.choosing import Again, Chooser
from app.store import balances, decisions
from app.store.ledger import Entry, post
from tests.distribute.routing.standing import NOON, Contract, contract, index_of

_CAP = st.builds(
    lambda per, what, n, window: Cap.model_validate(
        {
            "per": per,
            what: n if what == "leads" else str(n),
            "window": "calendar" if per == "total" else window,
        }
    ),
    st.sampled_from(["hour", "day", "total"]),
    st.sampled_from(["leads", "amount"]),
    st.integers(0, 12),
    st.sampled_from(["calendar", "rolling"]),
)
_CAPS = st.lists(_CAP, max_size=2).map(tuple)
_BUYER = st.tuples(_CAPS, st.none() | st.integers(0, 15), st.none() | st.integers(1, 4))
_CONTRACT = st.tuples(st.integers(0, 4), st.sampled_from("xy"), _CAPS)
_TURN = st.tuples(st.integers(1, 4), st.integers(0, 2))  # leads that come, and held ones that are refused
_ROUND = st.tuples(st.lists(_TURN, max_size=3), st.lists(_TURN, max_size=3), st.sampled_from(["x", "y", ""]))
Round = tuple[list[tuple[int, int]], list[tuple[int, int]], str]


def account(told: tuple[tuple[Cap, ...], int | None, int | None]) -> Account:
    caps, credit, low = told
    if credit is None:
        return Account(caps)
    doc = {"terms": "credit", "credit_limit": str(credit), "low_balance": None if low is None else str(low)}
    return Account(caps, Money.model_validate(doc))


class Process:
    """Chooses and ends; whatever it holds is written where a real one writes it."""

    def __init__(
        self, database_url: str, index: RouteIndex[Contract], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.url, self.index = database_url, index
        self.chooser = Chooser(World(now=lambda: NOON, monotonic=monotonic))
        self.held: list[Choice] = []

    async def open(self) -> "Process":
        self.conn = await asyncpg.connect(self.url)
        return self

    async def choose(self, n: int, back: int) -> None:
        """`back` of what it holds is refused in the same transaction."""
        refused, self.held = self.held[:back], self.held[back:]
        gives = Counter[str]()
        for choice in refused:
            for one in choice.chosen:
                gives.update(held(one.caps))
        wants = [Want(self.index.match({}, source="acme", at=NOON)) for _ in range(n)]
        for _ in range(20):
            try:
                async with self.conn.transaction():
                    choices = await self.chooser.choose(self.conn, wants, gives)
                self.held += [one for one in choices if one.chosen]
                return
            except Again:
                pass
            except decisions.MissingCounters as missing:
                await self.chooser.prepare(self.conn, missing.keys)
        raise AssertionError("it never ends")


async def test_what_looked_full_is_looked_at_again_within_a_second_and_the_rest_is_remembered(
    database_url: str,
) -> None:
    clock = [100.0]
    index = index_of(
        contract("first", price="2", caps=[{"per": "day", "leads": 1}]),
        contract("second", price="1", caps=[{"per": "day", "leads": 9}]),
    )
    here, there = [await Process(database_url, index, lambda: clock[0]).open() for _ in range(2)]
    try:
        await here.choose(1, 0)
        await there.choose(1, 0)  # full, as it sees once it has locked it
        await here.choose(0, 1)  # given back, which nobody tells the other
        clock[0] += 1.5
        await there.choose(2, 0)
    finally:
        await here.conn.close()
        await there.conn.close()
    assert [one.contract for choice in there.held for one in choice.chosen] == ["second", "first", "second"]
    known = {key.split(":")[1]: value for key, value in there.chooser._hints.items()}
    assert known == {"first": 0, "second": 1}  # as last seen: the one anew, the other was never forgotten


async def deposit(conn: Any, buyer: str, n: int) -> None:
    entry = Entry(
        kind="deposit", debit="cash", credit=f"buyer:{buyer}", amount=Decimal(1), currency="USD", key=f"k{n}"
    )
    async with conn.transaction():
        await post(conn, [entry])
        await balances.change(conn, {buyer: Decimal(-1)})


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    contracts=st.lists(_CONTRACT, min_size=1, max_size=3),
    buyers=st.fixed_dictionaries({"x": _BUYER, "y": _BUYER}),
    campaign=_CAPS,
    rounds=st.lists(_ROUND, min_size=2, max_size=6),
)
def test_limits_hold_under_any_interleaving_and_nothing_leaks(
    database_url: str,
    contracts: list[tuple[int, str, tuple[Cap, ...]]],
    buyers: dict[str, Any],
    campaign: tuple[Cap, ...],
    rounds: list[Round],
) -> None:
    accounts = {id: account(told) for id, told in buyers.items()}
    made = [
        Contract(one.id, buyer, one.doc, one.paused, accounts[buyer])
        for n, (price, buyer, caps) in enumerate(contracts)
        for one in [contract(f"c{n}", price=str(price), caps=[cap.model_dump() for cap in caps])]
    ]
    index: RouteIndex[Contract] = RouteIndex(
        made,
        Distribution.model_validate({"rank": ["price", "round_robin"]}).model_copy(update={"caps": campaign}),
    )
    asyncio.run(_run(database_url, index, rounds))


async def _run(url: str, index: RouteIndex[Contract], rounds: list[Round]) -> None:
    processes = [await Process(url, index).open() for _ in range(2)]
    conn = await asyncpg.connect(url)
    try:
        await conn.execute("delete from counter; truncate entry")
        paid, n = Counter[str](), 0
        for first, second, payer in rounds:
            if payer:
                n, paid[payer] = n + 1, paid[payer] + 1
                await deposit(conn, payer, n)
            await asyncio.gather(_turns(processes[0], first), _turns(processes[1], second))
            await _check(conn, index, processes, paid)
        for process in processes:
            await process.choose(0, len(process.held))
        await _check(conn, index, processes, paid)
    finally:
        await conn.close()
        for process in processes:
            await process.conn.close()


async def _turns(process: Process, turns: list[tuple[int, int]]) -> None:
    for want, back in turns:
        await process.choose(want, back)


async def _check(
    conn: Any, index: RouteIndex[Contract], processes: list[Process], paid: Counter[str]
) -> None:
    rows = await conn.fetch("select key, value from counter where key not like 'turn:%' and value <> 0")
    counted = {row[0]: row[1] for row in rows}
    holds = Counter[str]({f"balance:{buyer}": -10_000 * n for buyer, n in paid.items()})
    for process in processes:
        for choice in process.held:
            for one in choice.chosen:
                holds.update(held(one.caps))
    assert counted == {key: n for key, n in holds.items() if n}
    for limits in index.caps:
        for use in (limit.part(NOON, 0) for limit in limits):
            assert sum(counted.get(key, 0) for key in use.keys) <= use.limit
