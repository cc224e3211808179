"""Whom a change of the catalogue concerns is noted once, and told where it wants to hear: signed, until it has heard."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from standardwebhooks import Webhook

from app.catalog.problems import CatalogueErrors
from app.catalog.service import Configuration
from app.catalog.snapshot import build
from app.components import discover
from app.core import events
from app.core.world import World
from app.distribute.wire import Limits, Wire
from app.ingest.fieldtype import fieldtypes
from app.ingest.format import formats
from app.pipeline.plans import Plans
from app.pipeline.spec import Known
from app.pipeline.spec_changes import SpecChanges
from app.store.catalogue import CatalogueStore
from app.store.database import Database
from app.validate.check import checks
from tests.buyer import WAYS, Buyer, reply, says
from tests.pipeline.house import SEALER, contract

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
KINDS = discover()
KNOWN = Known(fieldtypes, checks, formats)
HOUSE = """
campaigns:
  - id: solar
    fields: {first_name: {type: name, required: true}, bill: {type: number, max: 1000}}
  - {id: roof, fields: {email: {type: email}}}
sources:
  - {id: acme, campaign: solar, price: "12.50", mapping: {fname: first_name}%s}
  - {id: other, campaign: solar}
  - {id: third, campaign: roof}
"""
says("/told", reply(200, b"thanks"))
says("/busy", reply(503, b""))
says("/gone", reply(410, b""))


class Watched:
    """A catalogue that is changed, and two processes that look at it."""

    def __init__(self, database: Database, wire: Wire) -> None:
        self.database, self.wire = database, wire
        self.processes = [self.process(), self.process()]

    def process(self) -> SpecChanges:
        return SpecChanges(self.database, self.wire, World(), KNOWN, plans=lambda: self.plans)

    async def configure(self, yaml: str) -> None:
        store = CatalogueStore(self.database)
        await Configuration(store, KINDS, SEALER).apply([("t", yaml)], by="test")
        version, rows = await store.load()
        self.plans = Plans(build(version, rows, [], KINDS, SEALER), fieldtypes, checks)

    async def changed(self, yaml: str) -> list[Any]:
        """What both processes together noted."""
        await self.configure(yaml)
        found = await asyncio.gather(*(one.look() for one in self.processes))
        return [note for notes in found for note in notes]

    async def rows(
        self, query: str = "select source, state, attempts from spec_change order by source"
    ) -> list[Any]:
        async with self.database.acquire() as conn:
            return [tuple(row) for row in await conn.fetch(query)]

    async def pass_wait(self) -> None:
        await self.rows("update spec_change set next_at = now() where state = 'waiting' returning id")


@asynccontextmanager
async def watched(database: Database, yaml: str = HOUSE % "") -> AsyncIterator[Watched]:
    async with Wire(allow_private=True, limits=Limits(total=2.0)) as wire:
        one = Watched(database, wire)
        assert await one.changed(yaml) == [], "what was before the first look is no change"
        yield one


@pytest.fixture
async def vendor() -> AsyncIterator[Buyer]:
    async with Buyer() as listening:
        yield listening


def hears(vendor: Buyer, path: str = "/told", more: str = "") -> str:
    return (
        HOUSE
        % f', callback: {{url: "{vendor.url(path)}?a=b", notices: true, sign: {{secrets: [{SECRET}]}}{more}}}'
    )


async def test_a_field_that_changes_concerns_every_source_of_its_campaign_once(database: Database) -> None:
    async with watched(database) as one:
        notes = await one.changed((HOUSE % "").replace("max: 1000", "max: 2000"))
        assert [(note.source, note.since, note.version) for note in notes] == [
            ("acme", 1, 2),
            ("other", 1, 2),
        ]
        assert notes[0].changes == [
            {"what": "changed", "field": "bill", "was": {"shape": "a number up to 1000"}, "now": {"shape": "a number up to 2000"}}
        ]  # fmt: skip
        assert await one.rows() == [("acme", "noted", 0), ("other", "noted", 0)]
        again = [await process.look() for process in (*one.processes, one.process())]
        assert again == [[], [], []]


async def test_a_change_of_a_source_concerns_it_alone_and_one_of_a_buyer_nobody(database: Database) -> None:
    async with watched(database) as one:
        notes = await one.changed((HOUSE % "").replace("12.50", "13.00").replace("fname:", "forename:"))
        (note,) = notes
        assert [one for one in note.changes if one.get("term") != "checks"] == [
            {"what": "added", "field": "forename"}, {"what": "removed", "field": "fname"},
            {"what": "changed", "term": "price", "was": "12.50", "now": "13.00"},
        ]  # fmt: skip
        assert await one.changed("buyers:" + contract("b1", "http://buyer.example/")) == []


async def test_a_part_of_each_sale_concerns_its_source_once_it_changes_and_never_by_an_upgrade(
    database: Database,
) -> None:
    shared = (HOUSE % "").replace('price: "12.50"', 'revenue_share: "60"')
    async with watched(database, shared) as one:
        assert [await process.look() for process in (*one.processes, one.process())] == [[], [], []]
        (note,) = await one.changed(shared.replace('"60"', '"55"'))
        assert (note.source, note.changes) == (
            "acme", [{"what": "changed", "term": "revenue_share", "was": "60", "now": "55"}],
        )  # fmt: skip


async def test_a_new_source_and_what_nobody_is_told_of_are_no_news(database: Database) -> None:
    async with watched(database) as one:
        assert await one.changed("sources: [{id: new, campaign: solar}]") == []
        assert await one.changed(HOUSE % ", silence: off") == []


async def test_several_versions_between_two_looks_are_one_change(database: Database) -> None:
    async with watched(database) as one:
        await one.configure((HOUSE % "").replace("12.50", "13.00"))
        await one.configure((HOUSE % "").replace("12.50", "14.00"))
        (note,) = await one.changed((HOUSE % "").replace("12.50", "15.00"))
        assert (note.since, note.version, note.changes[0]["now"]) == (1, 4, "15.00")
        await one.configure((HOUSE % "").replace("12.50", "1.00"))
        assert await one.changed((HOUSE % "").replace("12.50", "15.00")) == [], "back as it was told"


async def test_a_look_that_dies_before_its_commit_is_made_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watched(database) as one:
        await one.configure((HOUSE % "").replace("12.50", "13.00"))
        with monkeypatch.context() as broken:
            broken.setattr("app.store.spec_changes._MARK", "select 1 / 0, $1::bigint")
            with pytest.raises(Exception, match="division by zero"):
                await one.processes[0].look()
        assert await one.rows() == []
        assert [note.source for note in await one.processes[1].look()] == ["acme"]


async def test_the_log_says_whom_it_concerned_in_ids_and_numbers(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = io.BytesIO()
    monkeypatch.setattr(events, "_sink", events.Sink(20, log, World().now))
    async with watched(database) as one:
        await one.changed((HOUSE % "").replace("12.50", "13.00"))
    (line,) = [json.loads(line) for line in log.getvalue().splitlines()]
    assert {name: line[name] for name in ("event", "source", "since", "version", "terms")} == {
        "event": "spec_changed", "source": "acme", "since": 1, "version": 2, "terms": ["price"],
    }  # fmt: skip
    assert "13" not in log.getvalue().decode().replace(line["at"], "")


async def test_who_wants_to_hear_is_told_signed_and_once(database: Database, vendor: Buyer) -> None:
    async with watched(database, hears(vendor)) as one:
        await one.changed(hears(vendor).replace("12.50", "13.00"))
        await asyncio.gather(*(process.due() for process in one.processes))
        assert await one.rows() == [("acme", "told", 1)]
    (got,) = vendor.received
    assert Webhook(SECRET).verify(got.body.decode(), got.headers)
    assert (got.path, got.method, got.headers["content-type"]) == ("/told?a=b", "POST", "application/json")
    assert json.loads(got.body) == {
        "type": "spec.changed", "source": "acme", "since": 1, "version": 2, "see": "/v1/spec?since=1",
        "changes": [{"what": "changed", "term": "price", "was": "12.50", "now": "13.00"}],
    }  # fmt: skip


async def test_who_is_away_is_told_again_under_the_same_id(database: Database, vendor: Buyer) -> None:
    async with watched(database, hears(vendor, "/busy")) as one:
        await one.changed(hears(vendor, "/busy").replace("12.50", "13.00"))
        await one.processes[0].due()
        await one.processes[1].due()
        assert await one.rows() == [("acme", "waiting", 1)], "not before its time"
        await one.pass_wait()
        await one.processes[1].due()
        assert await one.rows() == [("acme", "waiting", 2)]
        assert len({got.headers["webhook-id"] for got in vendor.received}) == 1


async def test_what_a_process_died_over_is_told_by_another(database: Database, vendor: Buyer) -> None:
    WAYS["/dying"] = WAYS["/black-hole"]
    async with watched(database, hears(vendor, "/dying")) as one:
        await one.changed(hears(vendor, "/dying").replace("12.50", "13.00"))
        telling = asyncio.create_task(one.processes[0].due())
        while (await one.rows()) != [("acme", "waiting", 1)]:
            await asyncio.sleep(0)
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
        says("/dying", reply(200, b"thanks"))
        await one.pass_wait()
        await one.processes[1].due()
        assert await one.rows() == [("acme", "told", 2)]


@pytest.mark.parametrize(
    ("path", "more", "state"),
    [("/gone", "", "gone"), ("/busy", ", retry: {schedule: [1s], until: 1s}", "dead")],
)
async def test_who_can_t_be_told_is_given_up_and_seen(
    database: Database, vendor: Buyer, path: str, more: str, state: str
) -> None:
    async with watched(database, hears(vendor, path, more)) as one:
        await one.changed(hears(vendor, path, more).replace("12.50", "13.00"))
        await one.rows("update spec_change set at = now() - interval '1 day' returning id")
        await one.processes[0].due()
        assert await one.rows() == [("acme", state, 1)]


async def test_who_no_longer_listens_is_not_told(database: Database, vendor: Buyer) -> None:
    async with watched(database, hears(vendor)) as one:
        await one.changed(hears(vendor).replace("12.50", "13.00"))
        await one.changed((HOUSE % "").replace("12.50", "13.00"))
        await one.processes[0].due()
        assert await one.rows() == [("acme", "moot", 1)]
        assert vendor.received == []


@pytest.mark.parametrize("told", ["method: GET", 'url: "https://acme.example/{{ sent.subid }}"'])
async def test_an_address_for_outcomes_alone_gets_no_notices(database: Database, told: str) -> None:
    url = "" if "url" in told else 'url: "https://acme.example/hook", '
    async with watched(database) as one:
        with pytest.raises(CatalogueErrors):
            await one.configure(HOUSE % f", callback: {{{url}{told}, notices: true}}")
