"""A lead that its source corrects goes one more round, and is sold once at most, whoever asks how often."""

import asyncio
import json
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from app.core.errors import Conflict, NotYours, Unprocessable
from app.model import Accepted
from app.pipeline.amending import Amender
from app.pipeline.evidence import EvidenceDesk
from app.pipeline.next_round import MOST_ROUNDS
from app.pipeline.pieces import Pieces
from app.pipeline.reprocessing import Reprocessor
from app.pipeline.story import source_view
from app.store import rounds
from app.store.database import Database
from tests.buyer import Buyer, reply, says
from tests.pipeline.house import ON_EMAIL, House, catalogue, contract, lead, opened, source
from tests.pipeline.test_partials import JSON, body, partials_of

CAP = "caps: [{per: day, leads: 1}]"
NO_MAIL = {"first_name": "Ann"}
MAIL = body(email="ann@example.com")


class Talk:
    """What a source may say of its leads afterwards."""

    def __init__(self, house: House) -> None:
        self._house = house
        pieces = Pieces(house.reader, house.world, lambda: house.plans)
        parts = (house.engine, house.database, pieces)
        self.begun = partials_of(house)
        self._amender = Amender(*parts, self.begun, house.world, house.metrics)
        evidence = EvidenceDesk(house.database, house.resolver)  # type: ignore[arg-type]
        self._reprocessor = Reprocessor(*parts, evidence, house.world, house.metrics)

    async def amend(self, lead_id: UUID, said: bytes = MAIL, source_id: str = "acme") -> None:
        await self._amender.amend(lead_id, source_id, said, JSON)

    async def again(self, lead_id: UUID, source_id: str = "acme", key: bytes = b"") -> Any:
        return await self._reprocessor.reprocess(lead_id, source_id, key=key)

    async def view(self, lead_id: UUID) -> dict[str, Any]:
        async with self._house.database.acquire() as conn:
            seen = await source_view(conn, lead_id, "acme")
        assert seen is not None
        return seen


def yaml(buyer: Buyer, *more: str, checks: str = ON_EMAIL, reply: str = "sold", path: str = "/ok") -> str:
    return catalogue(
        source(reply=reply), source("other"), contract("b1", buyer.url(path), more=CAP), *more, checks=checks
    )


async def rejected(house: House) -> UUID:
    answer = await house.one(NO_MAIL)
    assert (answer.outcome, answer.state) == ("failure", "rejected")
    return answer.lead_id


async def test_a_rejected_lead_that_is_corrected_is_sold_in_its_next_round(
    database: Database, buyer: Buyer
) -> None:
    async with opened(database, yaml(buyer)) as house:
        talk, lead_id = Talk(house), await rejected(house)
        await talk.amend(lead_id)
        assert (await talk.view(lead_id))["state"] == "rejected"
        answer = await talk.again(lead_id)
        assert (answer.lead_id, answer.outcome, str(answer.price)) == (lead_id, "success", "12.50")
        seen = await talk.view(lead_id)
        assert (seen["state"], seen["outcome"], seen["price"]) == ("sold", "success", "12.50")
        assert await house.rows("select round, state from delivery") == [(2, "accepted")]
        assert await house.counters() == {"b1": 1}
        assert await house.value("select revenue from lead") == 42
        assert house.at_rest()


async def test_the_round_before_stays_as_it_stood(database: Database, buyer: Buyer) -> None:
    async with opened(database, yaml(buyer)) as house:
        talk, lead_id = Talk(house), await rejected(house)
        kept = await house.value("select findings::text from lead_detail")
        await talk.amend(lead_id)
        await talk.again(lead_id)
        (former,) = await house.rows(
            "select round, state, outcome, findings::text as findings from lead_round"
        )
        assert tuple(former) == (1, "rejected", "failure", kept)
        assert json.loads(await house.value("select findings::text from lead_detail")) == []
        async with database.acquire() as conn:
            assert [one["reasons"][0]["field"] for one in await rounds.former(conn, lead_id)] == ["email"]
        kinds = await house.rows("select kind, data::text from lead_event order by at")
        assert [one[0] for one in kinds] == ["amended", "reprocessed"]
        assert "ann@example.com" not in str(kinds)


async def test_twenty_at_the_same_moment_are_one_round_and_one_sale(database: Database, buyer: Buyer) -> None:
    async with opened(database, yaml(buyer)) as house:
        talk, other = (
            Talk(house),
            Talk(house),
        )  # the second as in another process: it knows nothing of the first
        lead_id = await rejected(house)
        await asyncio.gather(*(talk.amend(lead_id) for _ in range(20)))
        assert await house.value("select count(*) from amendment") == 1
        found = await asyncio.gather(
            *((talk if n % 2 else other).again(lead_id) for n in range(20)), return_exceptions=True
        )
        answered = {(one.outcome, one.state) for one in found if not isinstance(one, Exception)}
        assert answered == {("success", "sold")}
        assert {type(one) for one in found if isinstance(one, Exception)} <= {Conflict}
        assert await house.value("select round from lead") == 2
        assert await house.counters() == {"b1": 1}
    assert len(buyer.received) == 1


async def test_processes_at_the_same_moment_are_one_round_also_where_it_ends_at_once(
    database: Database, database_url: str, buyer: Buyer
) -> None:
    async with opened(database, yaml(buyer)) as house:
        lead_id = await rejected(house)
        beside = await asyncpg.connect(database_url)

        async def all_wait() -> bool:
            return bool(
                await house.value(
                    "select count(*) = 3 from pg_stat_activity"
                    " where datname = current_database() and wait_event_type = 'Lock'"
                )
            )

        async with beside.transaction():
            await rounds.standing(beside, lead_id, locked=True)
            asked = [asyncio.create_task(Talk(house).again(lead_id)) for _ in range(3)]
            await house.until(all_wait)
        await beside.close()
        found = await asyncio.gather(*asked)
        assert {(one.outcome, one.state) for one in found} == {("failure", "rejected")}
        assert await house.value("select round from lead") == 2


async def test_a_lead_is_no_duplicate_of_itself_but_of_others(database: Database, buyer: Buyer) -> None:
    async with opened(database, yaml(buyer, path="/reject")) as house:
        talk = Talk(house)
        ann = (await house.one(lead())).lead_id
        assert (await talk.again(ann)).state == "unsold"
        late = (await house.one({"first_name": "Bob"})).lead_id
        await talk.amend(late)
        answer = await talk.again(late)
        assert (answer.state, [one["code"] for one in answer.reasons]) == ("rejected", ["duplicate"])


async def test_a_lead_is_counted_once_however_often_it_is_judged(database: Database, buyer: Buyer) -> None:
    checks = '[{check: velocity, per: email, most: 2, within: "1h", action: reject}]'
    async with opened(database, yaml(buyer, path="/reject", checks=checks)) as house:
        talk = Talk(house)
        ann = (await house.one(lead())).lead_id
        for _ in range(4):
            assert (await talk.again(ann)).state == "unsold"
        await talk.amend(ann, body(email="bob@example.com"))
        await talk.again(ann)
        assert await house.value("select max(n) from velocity") == 1


async def test_who_refused_it_is_asked_again_and_who_may_have_it_is_not(
    database: Database, buyer: Buyer
) -> None:
    says("/changes", reply(200, b'{"status": "rejected"}'))
    two = contract("b2", buyer.url("/reject"), price="50.00")
    async with opened(database, yaml(buyer, two, path="/changes")) as house:
        talk = Talk(house)
        lead_id = (await house.one(lead())).lead_id
        says("/changes", reply())
        await house.run("update delivery set state = 'accepted' where contract = 'b2'")  # of round 1
        assert (await talk.again(lead_id)).outcome == "success"
        assert await house.rows("select contract, round from delivery order by round, contract") == [
            ("b1", 1), ("b2", 1), ("b1", 2),
        ]  # fmt: skip
        assert await house.counters() == {"b1": 1}


async def test_a_cap_that_is_full_stays_so_for_another_round(database: Database, buyer: Buyer) -> None:
    async with opened(database, yaml(buyer)) as house:
        talk = Talk(house)
        lead_id = await rejected(house)
        assert (await house.one(lead("bob@example.com"))).outcome == "success"
        await talk.amend(lead_id)
        assert (await talk.again(lead_id)).state == "unsold"
        assert await house.counters() == {"b1": 1}


async def test_what_is_sold_or_may_be_is_not_corrected(database: Database, buyer: Buyer) -> None:
    async with opened(database, yaml(buyer)) as house:
        talk = Talk(house)
        sold = (await house.one(lead())).lead_id
        for ask in (talk.amend, talk.again):
            with pytest.raises(Conflict) as found:
                await ask(sold)
            assert found.value.reason == "sold"
        await house.configure(yaml(buyer, path="/500").replace(CAP, ""))
        unclear = (await house.one(lead("bob@example.com"))).lead_id
        for ask in (talk.amend, talk.again):
            with pytest.raises(Conflict) as found:
                await ask(unclear)
            assert found.value.reason == "under_way"
        (delivery,) = await house.rows("select id from delivery where state = 'unclear'")
        await house.settler.settle(delivery[0], Accepted(), by="test")
        assert await house.state(unclear) == "sold"


async def test_nobody_corrects_what_is_not_theirs(database: Database, buyer: Buyer) -> None:
    async with opened(database, yaml(buyer)) as house:
        talk, lead_id = Talk(house), await rejected(house)
        for ask in (talk.amend, talk.again):
            with pytest.raises(NotYours):
                await ask(lead_id, source_id="other")
            with pytest.raises(NotYours):
                await ask(house.world.new_id())
        with pytest.raises(Unprocessable):
            await talk.amend(lead_id, b'[{"a": 1}, {"b": 2}]')


async def test_a_key_asks_once_and_a_lead_goes_so_many_rounds_and_no_more(
    database: Database, buyer: Buyer
) -> None:
    async with opened(database, yaml(buyer, path="/reject")) as house:
        talk = Talk(house)
        lead_id = (await house.one(lead())).lead_id
        for _ in range(3):
            assert (await talk.again(lead_id, key=b"once")).state == "unsold"
        assert await house.value("select round from lead") == 2
        for _ in range(MOST_ROUNDS - 2):
            await talk.again(lead_id)
        with pytest.raises(Unprocessable, match="rounds"):
            await talk.again(lead_id)


async def test_a_correction_of_a_lead_that_is_not_decided_yet_is_decided_with_it(
    database: Database, buyer: Buyer
) -> None:
    async with opened(database, yaml(buyer, reply="receipt")) as house:
        talk = Talk(house)
        work = house.work(NO_MAIL)
        await house.keep(work)
        await talk.amend(work.submission.id)
        house.engine.later([work])  # what was in memory has lost its turn
        await house.ends(work.submission.id, "sold")
        assert await house.value("select count(*) from lead") == 1
        assert await house.value("select count(*) from inbox") == 0


async def test_who_waits_for_a_lead_that_is_corrected_meanwhile_hears_of_the_whole(
    database: Database, buyer: Buyer
) -> None:
    async with opened(database, yaml(buyer)) as house:
        talk = Talk(house)
        house.resolver.go.clear()
        await house.configure(yaml(buyer, checks="[{check: email, mx: reject}]"))
        asked = asyncio.create_task(house.one(lead("ann@nomail.example")))

        async def looking() -> bool:
            return bool(house.resolver.asked)

        await house.until(looking)
        (inbox,) = await house.rows("select submission_id from inbox")
        await talk.amend(inbox[0], body(email="ann@example.com"))
        house.resolver.go.set()
        assert (await asked).outcome == "success"


async def test_one_of_several_that_are_not_decided_yet_is_asked_for_again(
    database: Database, buyer: Buyer
) -> None:
    async with opened(database, yaml(buyer, reply="receipt")) as house:
        talk = Talk(house)
        work = house.work(NO_MAIL, lead("bob@example.com"))
        await house.keep(work)
        for lead_id in work.lead_ids():
            with pytest.raises(Conflict) as found:
                await talk.amend(lead_id)
            assert found.value.headers["Retry-After"] == "1"
        house.engine.later([work])
        await house.ends(work.lead_ids()[0], "rejected")
        await talk.amend(work.lead_ids()[0])
        await house.run("delete from counter")
        await house.configure(
            yaml(buyer, reply="receipt").replace("per: day", "per: week", 1)
        )  # no counter that was seen
        await talk.again(work.lead_ids()[0])
        await house.ends(work.lead_ids()[0], "sold")


async def test_a_mended_mapping_is_what_the_next_round_reads_with(database: Database, buyer: Buyer) -> None:
    async with opened(database, yaml(buyer)) as house:
        talk = Talk(house)
        lead_id = (await house.one({"first_name": "Ann", "correo": "ann@example.com"})).lead_id
        await house.configure(
            yaml(buyer).replace("reply: sold,", "reply: sold, mapping: {correo: email},", 1)
        )
        assert (await talk.again(lead_id)).outcome == "success"


async def test_a_partial_lead_is_corrected_before_it_is_completed(database: Database, buyer: Buyer) -> None:
    async with opened(database, yaml(buyer)) as house:
        talk = Talk(house)
        lead_id = await talk.begun.keep("acme", body(first_name="Ann", email="typo@example.com"), JSON)
        await talk.amend(lead_id)
        with pytest.raises(Conflict):
            await talk.again(lead_id)
        answer = await talk.begun.complete("acme", body(state="CA"), JSON, lead_id=lead_id)
        assert answer.outcome == "success"
    assert json.loads(buyer.received[0].body) == {"email": "ann@example.com"}


async def test_what_a_source_was_promised_stands_whatever_another_round_brings(
    database: Database, buyer: Buyer
) -> None:
    async with opened(database, yaml(buyer, reply="verdict", path="/reject")) as house:
        talk = Talk(house)
        lead_id = (await house.one(lead())).lead_id
        await house.ends(lead_id, "unsold")
        await talk.amend(lead_id, body(email="not an address"))
        answer = await talk.again(lead_id)
        assert (answer.outcome, answer.state, str(answer.price)) == ("success", "rejected", "12.50")
        assert (await talk.view(lead_id))["outcome"] == "success"


async def test_a_test_lead_stays_one(database: Database, buyer: Buyer) -> None:
    async with opened(database, yaml(buyer)) as house:
        talk = Talk(house)
        lead_id = (await house.one(NO_MAIL, test=True)).lead_id
        await talk.amend(lead_id)
        assert (await talk.again(lead_id)).outcome == "success"
        assert await house.counters() in ({}, {"b1": 0})
        assert await house.value("select revenue from lead") == 0
