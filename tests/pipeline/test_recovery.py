"""What is left behind by the dead, by doubtful commits and by a stop is found again, and never sent twice unasked."""

import asyncio
from typing import Any

import asyncpg
import pytest

from app.store import decisions, deliveries, upkeep
from app.store.database import Database
from tests.buyer import WAYS, Buyer, Stream, reply, says
from tests.pipeline.house import House, catalogue, contract, lead, opened, source

DEAD = "00000000-0000-7000-8000-00000000dead"


async def speaking(house: House, email: str = "ann@example.com") -> Any:
    """A lead that is being handed over by a process that has died."""
    lead_id = await house.waiting(lead(email))
    await house.run("update delivery set state = 'sending', lease_id = $1, next_at = null", DEAD)
    return lead_id


async def recover(house: House) -> None:
    """As if this process had been seen for a whole lease."""
    house.upkeep._seen_since -= 1_000
    await house.upkeep.recover()


async def test_a_conversation_that_a_process_died_in_is_unclear(database: Database, buyer: Buyer) -> None:
    async with opened(database, catalogue(source(), contract("b1", buyer.url("/503")))) as house:
        lead_id = await speaking(house)
        await recover(house)
        assert await house.deliveries(lead_id) == [("b1", "unclear")]
        assert await house.state(lead_id) == "unclear"
        assert await house.value("select reason from delivery") == "process_died"


async def test_one_that_may_be_repeated_is_asked_again(database: Database, buyer: Buyer) -> None:
    says("/repeats", reply(503))
    yaml = catalogue(source(), contract("b1", buyer.url("/repeats"), more="idempotent: true"))
    async with opened(database, yaml) as house:
        lead_id = await speaking(house)
        says("/repeats", reply())
        await recover(house)
        assert await house.deliveries(lead_id) == [("b1", "waiting")]
        await house.upkeep.due()
        await house.ends(lead_id, "sold")


async def test_a_shared_lead_stays_in_delivery_while_another_buyer_is_asked(
    database: Database, buyer: Buyer
) -> None:
    yaml = catalogue(
        source(), contract("b1", buyer.url("/503")), contract("b2", buyer.url("/503")), sell="shared(2)"
    )
    async with opened(database, yaml) as house:
        lead_id = await house.waiting(lead())
        await house.run("update delivery set state = 'sending', lease_id = $1 where contract = 'b1'", DEAD)
        await recover(house)
        assert sorted(await house.deliveries(lead_id)) == [("b1", "unclear"), ("b2", "waiting")]
        assert await house.state(lead_id) == "delivering"


async def test_nobody_is_judged_dead_right_after_an_outage(database: Database, buyer: Buyer) -> None:
    async with opened(database, catalogue(source(), contract("b1", buyer.url("/503")))) as house:
        lead_id = await speaking(house)
        await house.upkeep.recover()
        assert await house.deliveries(lead_id) == [("b1", "sending")]


async def test_who_was_stopped_for_a_lease_takes_neither_himself_for_dead_nor_whoever_woke_with_him(
    database: Database, buyer: Buyer
) -> None:
    go = asyncio.Event()

    async def answers_at_last(stream: Stream) -> None:
        await go.wait()
        await stream.send_all(reply())

    WAYS["/at-last"] = answers_at_last
    async with opened(database, catalogue(source(), contract("b1", buyer.url("/at-last")))) as house:
        asked = asyncio.create_task(house.one(lead()))
        await house.until(lambda: _true(bool(buyer.received)))
        await house.run("insert into process (id, role, host, pid) values ($1, 'test', 'other', 1)", DEAD)
        await house.run("update process set seen_at = now() - interval '1 hour'")
        await recover(house)
        assert await house.value("select count(*) from process") == 2
        go.set()
        assert (await asked).state == "sold"


async def test_a_heartbeat_that_fails_begins_the_grace_anew(database: Database) -> None:
    async with opened(database, catalogue(source())) as house:
        house.upkeep._seen_since -= 1_000
        size = database._free
        database._free = asyncio.Semaphore(0)
        import app.store.database as module

        patience, module.PATIENCE_S = module.PATIENCE_S, 0.05
        try:
            with pytest.raises(module.Away):
                await house.upkeep.heartbeat()
        finally:
            database._free, module.PATIENCE_S = size, patience
        assert house.world.monotonic() - house.upkeep._seen_since < 20


async def test_who_was_buried_goes_on_as_somebody_new(database: Database, buyer: Buyer) -> None:
    async with opened(database, catalogue(source(), contract("b1", buyer.url("/ok")))) as house:
        before = house.identity()
        await house.run("delete from process")
        await house.upkeep.heartbeat()
        assert house.identity() != before
        assert (await house.one(lead())).state == "sold"


async def test_a_result_that_comes_after_the_fence_fell_changes_nothing(
    database: Database, buyer: Buyer
) -> None:
    async with opened(database, catalogue(source(), contract("b1", buyer.url("/drip")))) as house:
        work = house.work(lead())
        await house.keep(work)
        waiting = asyncio.create_task(house.engine.decided(work, house.world.monotonic() + 10))
        await house.ends(work.submission.id, "delivering")
        await house.run("update delivery set lease_id = $1", DEAD)
        await recover(house)

        async def told() -> bool:
            return bool(await house.value("select count(*) from attempt_end where late"))

        await house.until(told)
        (answer,) = await waiting
        assert (answer.outcome, answer.state) == ("pending", "unclear")
        assert await house.state(work.submission.id) == "unclear"


async def test_a_lead_without_its_next_step_gets_it(database: Database, buyer: Buyer) -> None:
    yaml = catalogue(
        source(), contract("b1", buyer.url("/reject"), price="50.00"), contract("b2", buyer.url("/ok"))
    )
    async with opened(database, yaml) as house:
        lead_id = (await house.one(lead())).lead_id
        await house.run("delete from delivery where contract = 'b2'")
        await house.run("update lead set state = 'delivering', outcome = null, ended_at = null, revenue = 0")
        await recover(house)
        await house.ends(lead_id, "sold")
        assert await house.deliveries(lead_id) == [("b1", "rejected"), ("b2", "accepted")]


async def test_a_shared_lead_is_resumed_in_the_slot_that_is_free(database: Database, buyer: Buyer) -> None:
    yaml = catalogue(
        source(),
        contract("a", buyer.url("/reject"), price="9.00"),
        contract("b", buyer.url("/ok"), price="8.00"),
        contract("c", buyer.url("/ok"), price="7.00"),
        sell="shared(2)",
    )
    async with opened(database, yaml) as house:
        lead_id = (await house.one(lead())).lead_id
        await house.ends(lead_id, "sold")
        await house.run("delete from delivery where contract = 'c'")  # it had slot 1, b has slot 2
        await house.run("update lead set state = 'delivering'")
        await recover(house)
        await house.ends(lead_id, "sold")
        slots = await house.rows("select contract, slot from delivery where state = 'accepted' order by slot")
        assert [tuple(row) for row in slots] == [("c", 1), ("b", 2)]


async def test_a_stranded_test_lead_counts_nothing(database: Database, buyer: Buyer) -> None:
    yaml = catalogue(source(), contract("b1", buyer.url("/ok"), more="caps: [{per: day, leads: 5}]"))
    async with opened(database, yaml) as house:
        lead_id = (await house.one(lead(), test=True)).lead_id
        await house.run("delete from delivery")
        await house.run("update lead set state = 'delivering'")
        await recover(house)
        await house.ends(lead_id, "sold")
        assert await house.counters() == {}


async def test_a_stranded_lead_whose_source_and_campaign_are_gone_ends(
    database: Database, buyer: Buyer
) -> None:
    async with opened(database, catalogue(source(), contract("b1", buyer.url("/503")))) as house:
        lead_id = await house.waiting(lead())
        await house.run("delete from delivery")
        await house.configure("campaigns: [{id: other, fields: {email: {type: email}}}]")
        await recover(house)
        assert await house.state(lead_id) == "unsold"


async def test_a_submission_of_the_dead_is_decided_by_the_living(database: Database, buyer: Buyer) -> None:
    async with opened(database, catalogue(source(), contract("b1", buyer.url("/ok")))) as house:
        work = house.work(lead())
        await house.keep(work)
        house.engine.in_hand.clear()
        await house.run("update inbox set lease_id = $1", DEAD)
        await house.upkeep.inbox()
        await house.ends(work.submission.id, "sold")


@pytest.mark.parametrize(
    "gone", ["update process set seen_at = seen_at - interval '1 hour'", "delete from process"]
)
async def test_who_was_away_for_a_lease_does_not_take_what_he_has_in_hand_a_second_time(
    database: Database, buyer: Buyer, gone: str
) -> None:
    """After an outage his own heartbeat is as old as everybody's, or others have buried him."""
    async with opened(database, catalogue(source(), contract("b1", buyer.url("/ok")))) as house:
        work = house.work(lead())
        await house.keep(work)
        await house.run(gone)
        await house.upkeep.inbox()
        await house.upkeep.heartbeat()
        await house.upkeep.inbox()
        assert house.engine.backlog == 0
        house.engine.later([work])
        await house.ends(work.submission.id, "sold")
        assert await house.value("select count(*) from inbox") == 0
    assert len(buyer.received) == 1


async def test_work_that_is_taken_again_and_again_is_parked(database: Database) -> None:
    async with opened(database, catalogue(source())) as house:
        work = house.work(lead())
        await house.keep(work, leased=False)
        await house.run("update inbox set tries = 5")
        await house.upkeep.inbox()
        assert "in vain" in await house.value("select parked from inbox")


async def test_one_submission_that_breaks_the_reader_takes_no_neighbour_with_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(database, catalogue(source())) as house:
        bad, good = house.work(lead("bad@example.com")), house.work(lead("good@example.com"))
        for work in (bad, good):
            await house.keep(work, leased=False)
        read = house.reader.read

        def breaks(body: bytes, content_type: str) -> Any:
            if b"bad@" in body:
                raise RecursionError
            return read(body, content_type)

        monkeypatch.setattr(house.reader, "read", breaks)
        await house.upkeep.inbox()
        await house.ends(good.submission.id, "unsold")
        assert await house.value("select parked from inbox") == "unreadable"


async def test_a_submission_that_this_process_lost_is_found_on_the_second_look(database: Database) -> None:
    async with opened(database, catalogue(source())) as house:
        work = house.work(lead())
        await house.keep(work)
        house.engine.in_hand.clear()
        await house.upkeep.lost()
        await house.upkeep.inbox()
        assert await house.state(work.submission.id) == "None"
        await house.upkeep.lost()
        await house.upkeep.inbox()
        await house.ends(work.submission.id, "unsold")


async def test_a_delivery_that_was_claimed_and_never_begun_is_sent(database: Database, buyer: Buyer) -> None:
    """A commit in doubt: the rows say that this process sends, and nobody does."""
    says("/unbegun", reply(503))
    async with opened(database, catalogue(source(), contract("b1", buyer.url("/unbegun")))) as house:
        lead_id = await house.waiting(lead())
        says("/unbegun", reply())
        async with database.acquire() as conn:
            await conn.execute("update delivery set next_at = now()")
            await deliveries.claim_due(conn, house.identity(), 32, [])
        await house.upkeep.lost()
        assert await house.deliveries(lead_id) == [("b1", "sending")]
        await house.upkeep.lost()
        await house.ends(lead_id, "sold")


async def test_a_result_that_can_not_be_written_down_leaves_an_unclear_delivery(
    database: Database, buyer: Buyer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(database, catalogue(source(), contract("b1", buyer.url("/ok")))) as house:

        async def broken(*_: Any) -> Any:
            raise ValueError("a bug")

        with monkeypatch.context() as patch:
            patch.setattr(house.engine.recorder, "_sell", broken)
            answer = await house.one(lead(), within=0)
            await house.until(lambda: _true(bool(house.engine.sender.spoiled)))
        await house.upkeep.lost()
        await house.upkeep.lost()
        assert await house.deliveries(answer.lead_id) == [("b1", "unclear")]
        assert len(buyer.received) == 1
        assert house.at_rest()
        assert not house.engine.sender.spoiled


def after_commit(patch: pytest.MonkeyPatch, owner: Any, name: str, *, times: int = 1) -> None:
    """The first runs are committed, but the connection is lost before that is heard."""
    real, left = getattr(owner, name), [times]

    async def doubtful(*given: Any, **more: Any) -> Any:
        result = await real(*given, **more)
        if left[0]:
            left[0] -= 1
            raise asyncpg.ConnectionDoesNotExistError
        return result

    patch.setattr(owner, name, doubtful)


async def test_a_decision_whose_commit_was_in_doubt_is_sent_and_answered_once(
    database: Database, buyer: Buyer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(database, catalogue(source(), contract("b1", buyer.url("/ok")))) as house:
        after_commit(monkeypatch, house.engine.decider, "_attempt")
        answer = await house.one(lead())
        assert answer.state == "sold"
        assert house.at_rest()
    assert len(buyer.received) == 1


async def test_a_delivery_that_is_found_in_the_rows_before_it_begins_is_sent_once(
    database: Database, buyer: Buyer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its commit and its first byte somebody else in this process asks what became of the lead."""
    async with opened(database, catalogue(source(), contract("b1", buyer.url("/ok")))) as house:
        attempt = house.engine.decider._attempt

        async def looked_at(drafts: Any, again: bool) -> Any:
            decided = await attempt(drafts, again)
            await house.engine.adopt([one.row.id for one in decided])
            return decided

        monkeypatch.setattr(house.engine.decider, "_attempt", looked_at)
        assert (await house.one(lead())).state == "sold"
        await house.until(lambda: _true(house.at_rest()))
    assert len(buyer.received) == 1


async def test_a_result_whose_commit_was_in_doubt_goes_on_to_the_next_buyer_once(
    database: Database, buyer: Buyer, monkeypatch: pytest.MonkeyPatch
) -> None:
    yaml = catalogue(
        source(), contract("b1", buyer.url("/reject"), price="50.00"), contract("b2", buyer.url("/ok"))
    )
    async with opened(database, yaml) as house:
        after_commit(monkeypatch, house.engine.recorder, "_continue")
        answer = await house.one(lead())
        assert answer.state == "sold"
        assert await house.deliveries(answer.lead_id) == [("b1", "rejected"), ("b2", "accepted")]
        assert house.at_rest()
    assert len(buyer.received) == 2


async def test_a_sale_whose_commit_was_in_doubt_is_answered_from_the_rows(
    database: Database, buyer: Buyer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(database, catalogue(source(), contract("b1", buyer.url("/ok")))) as house:
        after_commit(monkeypatch, house.engine.recorder, "_sell")
        answer = await house.one(lead())
        assert (answer.state, str(answer.price)) == ("sold", "12.50")
        assert str(await house.value("select revenue from lead")) == "42.00"


async def test_a_batch_that_always_loses_is_parked_and_its_neighbours_are_decided(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    import app.pipeline.faults as faults

    monkeypatch.setattr(faults, "_PAUSE", (0.0, 0.0))
    async with opened(database, catalogue(source())) as house:
        real = decisions.insert_decided

        async def loses(conn: Any, rows: Any, *more: Any) -> None:
            if any("bad@" in row.fields for row in rows):
                raise asyncpg.UniqueViolationError
            await real(conn, rows, *more)

        monkeypatch.setattr(decisions, "insert_decided", loses)
        bad, good = house.work(lead("bad@example.com")), house.work(lead("good@example.com"))
        until = house.world.monotonic() + 10
        for work in (bad, good):
            await house.keep(work)
        answers = await asyncio.gather(house.engine.decided(bad, until), house.engine.decided(good, until))
        assert [answer[0].state for answer in answers] == ["received", "unsold"]

        async def parked() -> bool:
            return await house.value("select parked from inbox") == "not_decidable"

        await house.until(parked)
        await house.until(lambda: _true(house.at_rest()))


async def _true(value: bool) -> bool:
    return value


async def test_a_lead_that_became_a_duplicate_between_two_runs_is_not_sent(
    database: Database, buyer: Buyer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first run chose a buyer and was rolled back; in the second another process has the person."""
    yaml = catalogue(
        source(), contract("b1", buyer.url("/ok")), checks="[{check: duplicate, on: [email], within: 30d}]"
    )
    async with opened(database, yaml) as house:
        real, claim = decisions.insert_decided, decisions.begin
        runs: list[list[str]] = []
        key: list[bytes] = []

        async def claims(conn: Any, ids: Any, process_id: Any, wanted: Any) -> Any:
            key[:] = [one.key for one in wanted]
            return await claim(conn, ids, process_id, wanted)

        monkeypatch.setattr(decisions, "begin", claims)

        async def loses(conn: Any, rows: Any, *more: Any) -> None:
            runs.append([row.state for row in rows])
            if len(runs) == 1:
                raise asyncpg.DeadlockDetectedError
            await real(conn, rows, *more)

        monkeypatch.setattr(decisions, "insert_decided", loses)
        began = house.engine.decider._transact

        async def transact(conn: Any, drafts: Any, again: bool) -> Any:
            if len(runs) == 1:
                async with database.acquire() as other:
                    await other.execute(
                        "insert into dedupe_key select $1, $2, 'other', now(), now() + interval '1 day'",
                        key[0], DEAD,
                    )  # fmt: skip
            return await began(conn, drafts, again)

        monkeypatch.setattr(house.engine.decider, "_transact", transact)
        answer = await house.one(lead())
        assert runs == [["delivering"], ["rejected"]]
        assert answer.state == "rejected"
        assert await house.deliveries(answer.lead_id) == []
    assert buyer.received == []


async def test_a_stop_finishes_what_is_in_hand(database: Database, buyer: Buyer) -> None:
    async def slowly(stream: Stream) -> None:
        await asyncio.sleep(0.02)
        await stream.send_all(reply())

    WAYS["/slow"] = slowly
    yaml = catalogue(
        source(), contract("b1", buyer.url("/reject"), price="50.00"), contract("b2", buyer.url("/slow"))
    )
    async with opened(database, yaml) as house:
        works = [house.work(lead(f"s{n}@example.com")) for n in range(20)]
        await asyncio.gather(*(house.keep(work) for work in works))
        until = house.world.monotonic() + 10
        waiting = [asyncio.create_task(house.engine.decided(work, until)) for work in works]
        await asyncio.sleep(0)
        await house.upkeep.rest()
        await house.engine.stop()
        answers = await asyncio.gather(*waiting)
        assert {answer[0].state for answer in answers} == {"sold"}
        assert house.at_rest()


async def test_a_stop_that_takes_too_long_gives_back_unsent_what_stands_in_line(
    database: Database, buyer: Buyer
) -> None:
    yaml = catalogue(source(), contract("b1", buyer.url("/black-hole"), more="concurrency: 1"))
    async with opened(database, yaml) as house:
        works = [house.work(lead(f"s{n}@example.com")) for n in range(3)]
        for work in works:
            await house.keep(work)
            house.engine.deciding._urgent.append(work)
        house.engine.deciding._wake.set()

        async def sending() -> bool:
            return await house.value("select count(*) from delivery") == 3 and bool(buyer.received)

        await house.until(sending)
        await house.engine.stop(within=0.05)
        left = await house.rows("select state, coalesce(reason, ''), lease_id from delivery order by state")
        assert [row[0] for row in left] == ["sending", "waiting", "waiting"]
        # Who stood in line for longer than a tenth of a second was written down as not begun before the end.
        assert {row[1] for row in left[1:]} <= {"", "shutdown"}
        assert [row[2] for row in left[1:]] == [None, None]


async def test_what_rests_takes_nothing_more(database: Database) -> None:
    async with opened(database, catalogue(source())) as house:
        await house.upkeep.start()
        await house.upkeep.rest()
        work = house.work(lead())
        await house.keep(work, leased=False)
        assert all(task.done() for task in house.upkeep._takers)
        await house.upkeep.stop()
        assert await house.value("select count(*) from process") == 0
        assert await house.value("select lease_id from inbox") is None


async def test_a_day_that_can_not_be_made_is_told_and_stops_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr("app.pipeline.sweep.emit", lambda event: told.append(type(event).__name__))

    async def fails(conn: Any) -> int:
        raise asyncpg.CheckViolationError

    monkeypatch.setattr(upkeep, "make_days", fails)
    async with opened(database, catalogue(source())) as house:
        await house.upkeep._days_first()
        assert told == ["Bug"]
        assert (await house.one(lead())).state == "unsold"
