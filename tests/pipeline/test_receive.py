"""Durable or not, and nothing in between: group commit, poison, outages, idempotency keys."""

import asyncio
from dataclasses import replace
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from app.core.errors import NotDurable
from app.pipeline.flush import Batcher, Full
from app.pipeline.work import lead_id_of
from app.store.database import Away, Database
from app.store.intake import Arrival, Kept, Refusal
from tests.pipeline.house import catalogue, lead, opened, source

YAML = catalogue(source(reply="receipt"))


async def test_what_queues_while_a_flush_is_in_flight_is_the_next_one() -> None:
    batches: list[list[int]] = []
    go = asyncio.Event()

    async def flush(items: list[int]) -> list[int]:
        batches.append(items)
        await go.wait()
        return [item * 10 for item in items]

    batcher: Batcher[int, int] = Batcher(flush, most=3)
    batcher.start()
    first = batcher.put(1)
    await asyncio.sleep(0)
    rest = [batcher.put(n) for n in (2, 3, 4, 5)]
    go.set()
    assert await asyncio.gather(first, *rest) == [10, 20, 30, 40, 50]
    assert batches == [[1], [2, 3, 4], [5]]
    await batcher.stop()


async def test_a_full_queue_says_no_at_once_and_a_stopped_one_too() -> None:
    async def flush(items: list[int]) -> list[int]:
        return items

    batcher: Batcher[int, int] = Batcher(flush, limit=1)
    kept = batcher.put(1)
    with pytest.raises(Full):
        batcher.put(2)
    batcher.start()
    assert await kept == 1
    await batcher.stop()
    with pytest.raises(Full):
        batcher.put(3)


async def test_a_stop_finishes_what_is_queued() -> None:
    done: list[int] = []

    async def flush(items: list[int]) -> list[int]:
        await asyncio.sleep(0)
        done.extend(items)
        return items

    batcher: Batcher[int, int] = Batcher(flush, most=2, flushers=2)
    batcher.start()
    for n in range(7):
        batcher.send(n)
    await batcher.stop()
    assert sorted(done) == list(range(7))


async def test_a_flush_that_raises_tells_every_waiter_and_the_next_goes_on() -> None:
    async def flush(items: list[int]) -> list[int]:
        if 0 in items:
            raise ValueError
        return [] if -1 in items else items

    batcher: Batcher[int, int] = Batcher(flush)
    batcher.start()
    results = await asyncio.gather(batcher.put(0), batcher.put(1), return_exceptions=True)
    assert [type(result) for result in results] == [ValueError, ValueError]
    (short,) = await asyncio.gather(batcher.put(-1), return_exceptions=True)
    assert isinstance(short, ValueError)
    assert await batcher.put(2) == 2
    await batcher.stop()


async def test_a_hundred_at_once_are_few_commits(database: Database) -> None:
    async with opened(database, YAML) as house:
        works = [house.work(lead(f"g{n}@example.com")) for n in range(100)]
        await asyncio.gather(*(house.keep(work) for work in works))
        assert await house.value("select count(*) from submission") == 100
        assert await house.value("select count(distinct xmin::text) from submission") <= 4


async def test_a_poison_row_fails_alone(database: Database) -> None:
    async with opened(database, YAML) as house:
        good = [house.work(lead(f"p{n}@example.com")) for n in range(3)]
        bad = house.work(lead())
        bad = type(bad)(msgspec.structs.replace(bad.submission, remote="a\0b"), bad.records)
        results = await asyncio.gather(
            *(house.keep(work) for work in [good[0], bad, *good[1:]]), return_exceptions=True
        )
        assert [isinstance(result, Kept) for result in results] == [True, False, True, True]
        assert isinstance(results[1], asyncpg.PostgresError)
        assert await house.value("select count(*) from submission") == 3
        assert bad.submission.id not in house.engine.in_hand


async def test_a_full_queue_is_not_durable_and_leaves_nothing_in_hand(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(database, YAML) as house:
        monkeypatch.setattr(house.engine.receiver._arrivals, "_limit", 0)
        with pytest.raises(NotDurable) as refused:
            await house.keep(house.work(lead()))
        assert refused.value.headers == {"Retry-After": "2"}
        assert house.engine.in_hand == set()


async def test_an_ambiguous_commit_is_done_again_with_a_mark_before_it_is_answered(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(database, YAML) as house:
        real, runs = house.engine.intake.keep, []

        async def doubtful(*given: Any, again: bool) -> Any:
            runs.append(again)
            kept = await real(*given, again=again)
            if len(runs) == 1:
                raise asyncpg.ConnectionDoesNotExistError
            return kept

        monkeypatch.setattr(house.engine.intake, "keep", doubtful)
        assert await house.keep(house.work(lead()), key=b"k") == Kept()
        assert runs == [False, True]
        assert await house.value("select count(*) from submission") == 1
        assert await house.value("select count(*) from inbox") == 1


async def test_a_retry_that_changes_nothing_still_writes_to_the_log(database: Database) -> None:
    async with opened(database, YAML) as house:
        work = house.work(lead())
        await house.keep(work)
        arrival = Arrival(submission=work.submission)
        async with database.acquire() as conn:
            before = await conn.fetchval("select pg_current_wal_insert_lsn()::text")
            await house.engine.intake.keep(conn, [arrival], house.identity(), again=True)
            assert await conn.fetchval("select pg_current_wal_insert_lsn()::text") != before


async def test_a_database_that_is_away_is_not_durable_after_a_while(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(database, YAML) as house:
        clock = iter(range(1000))
        hurried = replace(house.world, monotonic=lambda: float(next(clock)))
        monkeypatch.setattr(house.engine.receiver, "_world", hurried)

        async def away(*_: Any, **__: Any) -> Any:
            raise Away("gone")

        with monkeypatch.context() as patch:
            patch.setattr(house.engine.intake, "keep", away)
            with pytest.raises(NotDurable):
                await house.keep(house.work(lead()))
        assert house.engine.in_hand == set()
        assert await house.keep(house.work(lead())) == Kept()


async def test_equal_keys_in_one_batch_and_later_are_one_submission(database: Database) -> None:
    async with opened(database, YAML) as house:
        record = lead()
        works = [house.work(record) for _ in range(10)]
        kept = await asyncio.gather(*(house.keep(work, key=b"same") for work in works))
        firsts = [work.submission.id for work, one in zip(works, kept, strict=True) if one.first is None]
        assert len(firsts) == 1
        assert {one.first for one in kept if one.first is not None} == set(firsts)
        later = await house.keep(house.work(record), key=b"same")
        assert later == Kept(firsts[0], True)
        other = await house.keep(house.work(lead("other@example.com")), key=b"same")
        assert other == Kept(firsts[0], False)
        assert await house.value("select count(*) from submission") == 1


async def test_the_same_key_of_another_source_is_another_key(database: Database) -> None:
    async with opened(
        database, catalogue(source(reply="receipt"), source("other", reply="receipt"))
    ) as house:
        assert await house.keep(house.work(lead()), key=b"k") == Kept()
        assert await house.keep(house.work(lead(), source="other"), key=b"k") == Kept()


async def test_a_key_that_has_expired_is_free(database: Database) -> None:
    async with opened(database, YAML) as house:
        await house.keep(house.work(lead()), key=b"k")
        await house.run("update idempotency set expires_at = now()")
        assert await house.keep(house.work(lead()), key=b"k") == Kept()


async def test_a_repeat_is_answered_with_what_became_of_the_first(database: Database) -> None:
    async with opened(database, catalogue(source())) as house:
        (first,) = await house.post(lead())
        until = house.world.monotonic() + 5
        (again,) = await house.engine.answers_of(first.lead_id, 1, until)
        assert again.document("") == first.document("")


def test_ids_of_leads_follow_from_their_submission() -> None:
    submission = UUID("01a20202-aefc-7ccb-9e6d-fd8cf1aed9d0")
    assert lead_id_of(submission, 0) == submission
    ids = {lead_id_of(submission, n) for n in range(1000)}
    assert len(ids) == 1000
    assert {one.version for one in ids} == {7}
    assert {str(one)[:13] for one in ids} == {"01a20202-aefc"}


async def test_refusals_are_kept_for_a_person(database: Database) -> None:
    async with opened(database, YAML) as house:
        refusal = Refusal(
            id=house.world.new_id(), source="acme", at=house.world.now(), code="syntax", detail="broken JSON",
            content_type="application/json", body=b"{",
        )  # fmt: skip
        house.engine.receiver.note_refusal(refusal)

        async def noted() -> bool:
            return await house.value("select count(*) from refusal") == 1

        await house.until(noted)
