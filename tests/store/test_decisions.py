"""Claims and counters under concurrency, on real PostgreSQL; and the ways in which it was done wrong elsewhere.

Each rule has its sabotage beside it: the same interleaving with the rule taken away must go wrong, else the
test of the rule could not fail either.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from app.core.world import World
from app.model import Submission
from app.store import decisions
from app.store.decisions import KeyClaim, MissingCounters
from app.store.intake import Arrival, IntakeStore

A, B = b"key a", b"key b"
WORLD = World()
Pair = tuple[asyncpg.Connection, asyncpg.Connection]


@pytest.fixture
async def pair(database_url: str) -> AsyncIterator[Pair]:
    """Two processes' connections."""
    first, second = await asyncpg.connect(database_url), await asyncpg.connect(database_url)
    yield first, second
    await first.close()
    await second.close()


def claims(*keys: bytes, lead: UUID | None = None) -> list[KeyClaim]:
    lead_id = lead or WORLD.new_id()
    return [KeyClaim(key, lead_id, "acme", 3600.0) for key in keys]


async def until_waiting(conn: Any, other: Any) -> None:
    """Until `other` waits for a lock that somebody holds; asked through `conn`, which is free."""
    pid = other.get_server_pid()
    async with asyncio.timeout(5):
        while not await conn.fetchval("select cardinality(pg_blocking_pids($1)) > 0", pid):
            await asyncio.sleep(0.005)


# the dedupe keys -------------------------------------------------------------------------------------


async def test_a_key_is_had_by_the_first_who_claims_it(pair: Pair) -> None:
    first, second = pair
    (mine,) = claims(A)
    assert await decisions.claim(first, [mine]) == {}
    held = await decisions.claim(second, claims(A, B))
    assert {key: one.lead_id for key, one in held.items()} == {A: mine.lead_id}


async def test_a_key_that_is_being_claimed_is_waited_for(pair: Pair) -> None:
    first, second = pair
    transaction = first.transaction()
    await transaction.start()
    (mine,) = claims(A)
    await decisions.claim(first, [mine])
    asking = asyncio.create_task(decisions.claim(second, claims(A)))
    await until_waiting(first, second)
    await transaction.commit()
    assert (await asking)[A].lead_id == mine.lead_id


async def test_a_claim_that_is_rolled_back_is_nobodys(pair: Pair) -> None:
    first, second = pair
    transaction = first.transaction()
    await transaction.start()
    await decisions.claim(first, claims(A))
    asking = asyncio.create_task(decisions.claim(second, claims(A)))
    await until_waiting(first, second)
    await transaction.rollback()
    assert await asking == {}


async def test_a_lead_that_is_another_process_to_decide_claims_nothing(pair: Pair) -> None:
    first, second = pair
    (lost,) = claims(A)
    assert await decisions.begin(first, [lost.submission_id], WORLD.new_id(), [lost]) == (set(), {})
    assert await decisions.claim(second, claims(A)) == {}


async def test_an_expired_key_is_taken_over(pair: Pair) -> None:
    first, second = pair
    await decisions.claim(first, claims(A))
    await first.execute("update dedupe_key set expires_at = now() - interval '1 second'")
    assert await decisions.claim(second, claims(A)) == {}


async def test_a_key_claimed_again_for_the_same_lead_is_its_own(pair: Pair) -> None:
    """After an ambiguous commit the same batch runs once more."""
    mine = claims(A, B)
    assert await decisions.claim(pair[0], mine) == {}
    assert await decisions.claim(pair[1], mine) == {}


async def claimed(conn: Any, lead: KeyClaim, both_looked: asyncio.Barrier) -> bool:
    """Whether this process may accept the lead: as we do it."""
    await both_looked.wait()
    async with conn.transaction():
        return await decisions.claim(conn, [lead]) == {}


async def looked_up(conn: Any, lead: KeyClaim, both_looked: asyncio.Barrier) -> bool:
    """As it is done elsewhere: look whether the lead came before, if not write it down."""
    async with conn.transaction():
        earlier = await decisions.holders(conn, [lead.key])
        await both_looked.wait()
        if not earlier:
            await conn.execute(
                "insert into dedupe_key values ($1, $2, $3, now(), now() + interval '1 hour')"
                " on conflict (key) do nothing",
                lead.key, lead.lead_id, lead.source,
            )  # fmt: skip
        return not earlier


@pytest.mark.parametrize(
    ("deciding", "accepted"),
    [pytest.param(claimed, 1, id="claimed"), pytest.param(looked_up, 2, id="sabotage: looked up")],
)
async def test_one_of_two_at_once_is_accepted_where_the_key_is_claimed(
    pair: Pair, deciding: Callable[..., Awaitable[bool]], accepted: int
) -> None:
    barrier = asyncio.Barrier(2)
    yes = await asyncio.gather(*(deciding(conn, claims(A)[0], barrier) for conn in pair))
    assert sum(yes) == accepted


async def test_of_many_processes_with_many_keys_one_gets_each(database_url: str) -> None:
    """Eight connections, the same 40 keys in ever other orders, ten rounds: every key once, no deadlock."""
    conns = [await asyncpg.connect(database_url) for _ in range(8)]
    keys = [b"%02d" % n for n in range(40)]
    for round_ in range(10):
        wanted = [
            [KeyClaim(b"%d-" % round_ + key, WORLD.new_id(), "acme", 60.0) for key in keys] for _ in conns
        ]
        for n, one in enumerate(wanted):
            one[:] = one[n * 5 :] + one[: n * 5]
            if n % 2:
                one.reverse()
        lost = await asyncio.gather(
            *(decisions.claim(conn, one) for conn, one in zip(conns, wanted, strict=True))
        )
        assert sum(len(keys) - len(held) for held in lost) == len(keys)
    for conn in conns:
        await conn.close()


def _unsorted_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decisions, "_CLAIM", decisions._CLAIM.replace(" order by key\n", ""))
    monkeypatch.setattr(decisions, "sorted", lambda rows, key=None: list(rows), raising=False)


# One statement claims all its keys at once, so the hand that holds it still in between is a third
# transaction, `gate`: each batch gets its first key, and waits at the gate before its second.
class Gate:
    """A key that both batches need between their two: held, so that both stand in the middle."""

    KEY = b"key aa"

    def __init__(self, conn: Any) -> None:
        self._conn = conn
        self._transaction = conn.transaction()

    async def close(self) -> None:
        await self._transaction.start()
        await decisions.claim(self._conn, claims(self.KEY))

    async def open(self) -> None:
        await self._transaction.rollback()


async def crossing(conns: Sequence[Any], gate: Gate, watch: Any) -> list[BaseException | dict[bytes, Any]]:
    """Two batches want a, gate, b: one written down forwards, one backwards."""
    await gate.close()

    async def batch(conn: Any, *keys: bytes) -> dict[bytes, Any]:
        async with conn.transaction():
            return dict(await decisions.claim(conn, claims(*keys)))

    running = [
        asyncio.create_task(batch(conns[0], A, Gate.KEY, B)),
        asyncio.create_task(batch(conns[1], B, Gate.KEY, A)),
    ]
    for conn in conns:
        await until_waiting(watch, conn)
    await gate.open()
    return list(await asyncio.gather(*running, return_exceptions=True))


@pytest.fixture
async def crossed(database_url: str) -> AsyncIterator[Callable[[], Awaitable[list[Any]]]]:
    conns = [await asyncpg.connect(database_url) for _ in range(4)]
    yield lambda: crossing(conns[:2], Gate(conns[2]), conns[3])
    for conn in conns:
        await conn.close()


def _deadlocked(found: Sequence[Any]) -> int:
    return sum(isinstance(one, asyncpg.DeadlockDetectedError) for one in found)


async def test_batches_that_cross_do_not_deadlock_since_keys_are_sorted(
    crossed: Callable[[], Awaitable[list[Any]]],
) -> None:
    found = await crossed()
    assert _deadlocked(found) == 0
    assert sorted(len(one) for one in found) == [0, 3]


async def test_sabotage_batches_that_cross_deadlock_where_keys_are_not_sorted(
    crossed: Callable[[], Awaitable[list[Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    _unsorted_claim(monkeypatch)
    assert _deadlocked(await crossed()) == 1


# the counters ----------------------------------------------------------------------------------------


async def _counters(conn: Any, *keys: str) -> None:
    await decisions.ensure(conn, keys, {}, {})


async def test_counters_are_locked_in_one_order_whatever_was_asked(pair: Pair) -> None:
    """The second asks backwards, and still waits for the first key before it touches the second."""
    first, second = pair
    await _counters(first, "cap:a", "cap:b")
    holding = first.transaction()
    await holding.start()
    await decisions.lock(first, ["cap:a"])
    asking = asyncio.create_task(_locked(second, ["cap:b", "cap:a"]))
    await until_waiting(first, second)
    assert await decisions.lock(first, ["cap:b"]) == {"cap:b": 0}
    await holding.commit()
    assert await asking == {"cap:a": 0, "cap:b": 0}


async def _locked(conn: Any, keys: Sequence[str]) -> dict[str, int]:
    async with conn.transaction():
        return await decisions.lock(conn, keys)


async def test_sabotage_counters_locked_one_by_one_as_asked_deadlock(pair: Pair) -> None:
    await _counters(pair[0], "cap:a", "cap:b")
    barrier = asyncio.Barrier(2)

    async def one_by_one(conn: Any, keys: Sequence[str]) -> None:
        async with conn.transaction():
            for n, key in enumerate(keys):
                if n:
                    await barrier.wait()
                await decisions.lock(conn, [key])

    found = await asyncio.gather(
        one_by_one(pair[0], ["cap:a", "cap:b"]),
        one_by_one(pair[1], ["cap:b", "cap:a"]),
        return_exceptions=True,
    )
    assert _deadlocked(found) == 1


async def test_a_cap_counted_under_its_lock_is_never_exceeded(database_url: str) -> None:
    """Six connections take from a cap of fifty until it is full."""
    conns = [await asyncpg.connect(database_url) for _ in range(6)]
    await _counters(conns[0], "cap:x")

    async def take(conn: Any) -> int:
        taken = 0
        while True:
            async with conn.transaction():
                if (await decisions.lock(conn, ["cap:x"]))["cap:x"] >= 50:
                    return taken
                await decisions.count(conn, {"cap:x": 1})
                taken += 1

    assert sum(await asyncio.gather(*map(take, conns))) == 50
    for conn in conns:
        await conn.close()


async def test_a_counter_that_is_not_there_is_named_and_can_be_made(pair: Pair) -> None:
    with pytest.raises(MissingCounters) as missing:
        await decisions.lock(pair[0], ["cap:b", "cap:a"])
    assert sorted(missing.value.keys) == ["cap:a", "cap:b"]
    await decisions.ensure(pair[0], missing.value.keys, {"cap:b": 7}, {})
    await decisions.ensure(pair[1], missing.value.keys, {"cap:b": 9}, {})
    assert await decisions.lock(pair[1], ["cap:a", "cap:b"]) == {"cap:a": 0, "cap:b": 7}


# the fence -------------------------------------------------------------------------------------------


async def test_a_submission_is_decided_by_who_holds_it_and_once(pair: Pair) -> None:
    me, other = WORLD.new_id(), WORLD.new_id()
    submission = Submission(
        id=WORLD.new_id(), source="acme", received_at=datetime.now(UTC), content_type="", body=b"{}", test=False,
        remote="", key_hint="",
    )  # fmt: skip
    await IntakeStore(lease_seconds=20).keep(pair[0], [Arrival(submission=submission)], me)
    assert await decisions.fence(pair[0], [submission.id], other) == set()
    assert await decisions.fence(pair[0], [submission.id], me) == {submission.id}
    assert await decisions.fence(pair[1], [submission.id], me) == set()
