"""A person is found wherever a contact of theirs stands, told everything, and erased for good with a proof."""

import asyncio
import json
from typing import Any
from uuid import UUID

import pytest

from app.core.errors import NotFound, NotYours, Unprocessable
from app.ingest.fieldtype import fieldtypes
from app.pipeline.lists import Lists
from app.pipeline.person_export import export
from app.pipeline.persons import Persons
from app.store.database import Database
from app.store.person_requests import Request
from tests.buyer import Buyer, Stream, reply, way
from tests.pipeline.house import House, catalogue, contract, lead, opened, source
from tests.pipeline.test_amending import Talk

LISTS = "lists: [{id: gone, of: email}, {id: calls, of: phone}]\n"
ANN = lead("Ann@Example.com", phone="(415) 555-0132", state="CA")


def of_bob(email: str, **more: str) -> dict[str, str]:
    return lead(email, **more) | {"first_name": "Bob"}


TRACES = (
    "select string_agg(encode(body, 'escape') || remote, '') from submission",
    "select string_agg(d::text, '') from lead_detail d",
    "select string_agg(d::text, '') from lead_round d",
    "select string_agg(e.exchanges::text || e.read, '') from attempt_end e",
    "select string_agg(d::text, '') from delivery d",
    "select string_agg(d::text, '') from lead d",
    "select string_agg(encode(body, 'escape'), '') from refusal",
    "select string_agg(cells::text, '') from batch_refusal",
    "select string_agg(e::text, '') from lead_event e",
    "select string_agg(e::text, '') from person_request e",
    "select string_agg(e::text, '') from person_part e",
)


def desk(house: House) -> Persons:
    return Persons(
        house.database, house.reader, fieldtypes, Lists(house.database, fieldtypes), house.world,
        secret=b"s" * 32, declared=lambda: house.plans.snapshot.lists, lease_seconds=20,
    )  # fmt: skip


async def traces(house: House) -> str:
    return "".join([str(await house.value(query)) for query in TRACES]).lower()


async def erased(house: House, who: str, **more: Any) -> Request:
    one = desk(house)
    return await one.erase(await one.find(one.whom(who)), by="user ops", **more)


async def told(house: House, who: str) -> Any:
    one = desk(house)
    found = await one.find(one.whom(who))
    made = await export(
        house.database, house.reader, one, found, by="user ops", buyers={"b1": "SunCo"}, at=house.world.now()
    )
    return json.loads(made.document)


async def test_everything_is_told_of_the_person_and_nothing_of_anybody_else(
    database: Database, buyer: Buyer
) -> None:
    yaml = catalogue(source(), contract("b1", buyer.url("/ok")))
    async with opened(database, LISTS + yaml) as house:
        await house.post({**ANN, "tcpa_text": "I agree."}, of_bob("bob@example.com", remarks="of Bob"))
        document = await told(house, "ANN@example.com")
        assert "bob" not in json.dumps(document).lower()
        (mine,) = document["leads"]
        assert mine["fields"]["phone"] == {"raw": "(415) 555-0132", "normal": "+14155550132", "valid": True}
        assert mine["consent"] == {"text": "I agree."}
        assert mine["submissions"][0]["lead"]["tcpa_text"] == "I agree."
        (delivery,) = mine["deliveries"]
        assert (delivery["buyer_name"], delivery["state"]) == ("SunCo", "accepted")
        assert "ann@example.com" in delivery["attempts"][0]["exchanges"][0]["sent"]
        assert document["buyers"] == ["SunCo"]


@pytest.mark.parametrize("who", ["ann@EXAMPLE.com", "415-555-0132", "+1 (415) 555-0132", "1.415.555.0132"])
async def test_of_an_erased_person_only_the_books_remain(database: Database, buyer: Buyer, who: str) -> None:
    async with opened(database, LISTS + catalogue(source(), contract("b1", buyer.url("/ok")))) as house:
        answer = await house.one(ANN)
        await house.one(of_bob("bob@example.com"))
        request = await erased(house, who)
        assert (request.state, request.buyers) == ("done", {"b1": 1})
        assert request.rows["lead_detail"] == request.rows["submission"] == request.rows["attempt_end"] == 1
        left = await traces(house)
        assert "ann" not in left
        assert "5550132" not in left
        assert "bob@example.com" in left
        row = await house.rows("select state, revenue, price from lead where id = $1", answer.lead_id)
        assert [(r[0], str(r[1]), str(r[2])) for r in row] == [("sold", "42.00", "12.50")]
        again = await erased(house, who)
        assert (again.state, again.rows, again.buyers) == ("done", {"batch_refusal": 0, "refusal": 0}, {})


async def test_of_leads_that_came_together_only_the_persons_own_part_goes(database: Database) -> None:
    async with opened(database, catalogue(source())) as house:
        first, mine, last = await house.post(of_bob("bob@example.com"), ANN, of_bob("cid@example.com"))
        request = await erased(house, "ann@example.com")
        assert request.state == "done"
        submission = await house.value("select submission_id from lead where id = $1", mine.lead_id)
        ((content_type, body),) = await house.rows(
            "select content_type, body from submission where id = $1", submission
        )
        records = house.reader.read(bytes(body), content_type)
        assert [one.get("email") for one in records] == ["bob@example.com", None, "cid@example.com"]
        assert "ann" not in await traces(house)
        erased_ = await house.rows("select id from lead where erased_at is not null")
        assert [row[0] for row in erased_] == [mine.lead_id]
        assert {first.lead_id, last.lead_id}.isdisjoint({mine.lead_id})


async def test_what_is_being_handed_over_ends_first_and_nothing_further_begins(
    database: Database, buyer: Buyer
) -> None:
    go, came = asyncio.Event(), asyncio.Event()

    @way("/slow-no-of-persons")
    async def slow(stream: Stream) -> None:
        came.set()
        await go.wait()
        stream.send(reply(200, b'{"status": "rejected"}'))

    yaml = catalogue(
        source(),
        contract("b1", buyer.url("/slow-no-of-persons"), price="50.00"),
        contract("b2", buyer.url("/ok")),
    )
    async with opened(database, yaml) as house:
        posting = asyncio.create_task(house.one(ANN))
        async with asyncio.timeout(10):
            await came.wait()
        request = await erased(house, "ann@example.com")
        assert (request.state, (await desk(house).proof(request.id)).left) == ("open", 1)
        go.set()
        answer = await posting
        assert answer.outcome == "failure"
        await desk(house).finish()
        proof = await desk(house).proof(request.id)
        assert (proof.request.state, proof.left, proof.intact) == ("done", 0, True)
        assert proof.request.buyers == {"b1": 1}
        assert await house.rows("select contract from delivery where contract = 'b2'") == []
        assert "ann" not in await traces(house)


async def test_a_delivery_that_waits_is_cancelled_and_gives_its_place_back(
    database: Database, buyer: Buyer
) -> None:
    yaml = catalogue(source(), contract("b1", buyer.url("/429"), more="caps: [{per: total, leads: 5}]"))
    async with opened(database, yaml) as house:
        lead_id = await house.waiting(ANN)
        assert await house.counters() == {"b1": 1}
        assert (await erased(house, str(lead_id))).state == "done"
        assert await house.deliveries(lead_id) == [("b1", "cancelled")]
        assert await house.counters() == {"b1": 0}
        assert await house.state(lead_id) == "rejected"


async def test_what_nobody_has_decided_never_is_and_of_several_they_are_decided_first(
    database: Database,
) -> None:
    async with opened(database, catalogue(source())) as house:
        alone, together = house.work(ANN), house.work(ANN, of_bob("bob@example.com"))
        for work in (alone, together):
            await house.keep(work, leased=False)
        request = await erased(house, "ann@example.com")
        assert request.state == "open"
        assert [row[0] for row in await house.rows("select submission_id from inbox")] == [
            together.submission.id
        ]
        await house.upkeep.inbox()

        async def decided() -> bool:
            return await house.value("select count(*) from lead") == 2

        await house.until(decided)
        await desk(house).finish()
        assert (await desk(house).proof(request.id)).request.state == "done"
        left = await traces(house)
        assert "ann" not in left
        assert "bob@example.com" in left


async def test_refused_bodies_rows_of_batches_and_begun_leads_are_hers_too(database: Database) -> None:
    async with opened(database, catalogue(source())) as house:
        one, batch, begun = (house.world.new_id() for _ in range(3))
        await house.run(
            "insert into refusal values ($1, 'acme', now(), 'syntax', 'x', 'text/plain', $2)",
            one, b"phone=%28415%29+555-0132&email=ANN%40example.com&\xff",
        )  # fmt: skip
        await house.run(
            "insert into batch (id, source, fingerprint, size, shape, mapping, state)"
            " values ($1, 'acme', '', 1, '{}', '{}', 'done')", batch,
        )  # fmt: skip
        await house.run(
            "insert into batch_refusal values ($1, 7, 'x', 'y', '[\"Ann\", \"ann@example.com\"]'), ($1, 8, 'x', 'y', '[\"bob\"]')",
            batch,
        )
        work = house.work(ANN)
        await house.run(
            "insert into submission (id, source, received_at, content_type, body)"
            " values ($1, 'acme', now(), 'application/json', $2)", begun, work.submission.body,
        )  # fmt: skip
        await house.run(
            "insert into partial (lead_id, source, state, due_at) values ($1, 'acme', 'open', now())", begun
        )
        document = await told(house, "+14155550132")
        assert [row["id"] for row in document["refused"]] == [str(one)]
        assert [row["id"] for row in document["not_decided"]] == [str(begun)]
        document = await told(house, "ann@example.com")
        assert [row["cells"] for row in document["rows_not_read"]] == [["Ann", "ann@example.com"]]
        request = await erased(house, "ann@example.com")
        assert (request.state, request.rows["refusal"], request.rows["batch_refusal"]) == ("done", 1, 1)
        left = await traces(house)
        assert "ann" not in left
        assert "bob" in left
        assert await house.value("select state from partial") == "abandoned"


async def test_a_lead_leads_to_the_persons_other_leads_unless_it_is_meant_alone(database: Database) -> None:
    async with opened(database, catalogue(source())) as house:
        first = await house.one(ANN)
        other = await house.one(lead("ann@example.com"))
        called = await house.one(lead("a2@example.com", phone="4155550132"))
        stranger = await house.one(of_bob("bob@example.com"))
        one = desk(house)
        who = one.whom(str(first.lead_id))
        every = {place.lead_id for place in (await one.find(who)).leads}
        assert every == {first.lead_id, other.lead_id, called.lead_id}
        assert [place.lead_id for place in (await one.find(who, alone=True)).leads] == [first.lead_id]
        by_mail = {place.lead_id for place in (await one.find(one.whom("ann@example.com"))).leads}
        assert by_mail == {first.lead_id, other.lead_id}
        assert stranger.lead_id not in every


async def test_whoever_asks_not_to_come_back_is_on_the_list_before_anything_is_erased(
    database: Database,
) -> None:
    checks = "[{check: suppression, lists: [gone, calls]}]"
    async with opened(database, LISTS + catalogue(source(), checks=checks)) as house:
        await house.one(ANN)
        request = await erased(house, "ann@example.com", suppress=["gone"])
        assert request.lists == ["gone"]
        house.engine.decider._evidence._lists = lambda: house.plans.snapshot.lists
        answer = await house.one(ANN)
        assert [reason["code"] for reason in answer.reasons] == ["suppressed"]
        for name, why in (("gon", 'there is no list "gon"'), ("calls", "calls is a list of phone")):
            with pytest.raises(Unprocessable, match=why):
                await erased(house, "ann@example.com", suppress=[name])


async def test_a_proof_that_somebody_changed_is_told(database: Database) -> None:
    async with opened(database, catalogue(source())) as house:
        await house.one(ANN)
        request = await erased(house, "ann@example.com")
        one = desk(house)
        assert (await one.proof(request.id)).intact is True
        assert request.mark == one.mark(one.whom("Ann@example.com"))
        assert request.mark != one.mark(one.whom("bob@example.com"))
        await house.run("update person_request set by_whom = 'nobody'")
        assert (await one.proof(request.id)).intact is False
        with pytest.raises(NotFound):
            await one.proof(UUID(int=7))


async def test_an_erasure_that_broke_off_is_ended_by_anybody(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(database, catalogue(source())) as house:
        for _ in range(3):
            await house.one(ANN)
        asked = 0
        forget = Persons._forget

        async def dies(self: Persons, conn: Any, part: Any) -> int:
            nonlocal asked
            asked += 1
            if asked == 2:
                raise RuntimeError("killed")
            return await forget(self, conn, part)

        monkeypatch.setattr(Persons, "_forget", dies)
        with pytest.raises(RuntimeError):
            await erased(house, "ann@example.com")
        monkeypatch.undo()
        await desk(house).finish()
        request = (await house.rows("select state, rows::text from person_request"))[0]
        assert request[0] == "done"
        assert json.loads(request[1])["lead_detail"] == 3
        assert "ann" not in await traces(house)


async def test_two_who_ask_at_once_erase_once(database: Database, buyer: Buyer) -> None:
    async with opened(database, catalogue(source(), contract("b1", buyer.url("/ok")))) as house:
        for _ in range(4):
            await house.one(ANN)
        both = await asyncio.gather(*(erased(house, "ann@example.com") for _ in range(2)))
        assert [one.state for one in both] == ["done", "done"]
        assert "ann" not in await traces(house)
        assert await house.value("select count(*) from lead_event where kind = 'erased'") == 4


@pytest.mark.parametrize("text", ["", "ann@", "12", "not a person", "415*******", "\x00"])
async def test_what_is_nobody_is_refused_without_being_repeated(database: Database, text: str) -> None:
    async with opened(database, catalogue(source())) as house:
        with pytest.raises(Unprocessable) as caught:
            desk(house).whom(text)
        assert not text or text not in caught.value.detail
        with pytest.raises(NotFound):
            await desk(house).find(desk(house).whom(str(house.world.new_id())))


async def test_nothing_is_said_any_more_of_a_lead_that_was_erased_before_it_was_decided(
    database: Database,
) -> None:
    async with opened(database, catalogue(source())) as house:
        work = house.work(ANN)
        await house.keep(work, leased=False)
        assert (await erased(house, str(work.submission.id))).state == "done"
        talk = Talk(house)
        for say in (talk.amend, talk.again):
            with pytest.raises(NotYours):
                await say(work.submission.id)
        assert "ann" not in await traces(house)
