"""What a batch asks of the database is a constant number of statements, however many leads are in it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from app.store.database import Database
from tests.pipeline import test_duplicates
from tests.pipeline.house import House, catalogue, contract, lead, opened, source

CHECKS = [
    {"check": "email", "role": "flag"},
    {"check": "phone", "match": ["state"]},
    {"check": "name"},
    {"check": "device"},
    {"check": "velocity", "per": "source", "most": 1_000, "within": "1h"},
    {"check": "velocity", "per": "email", "most": 1_000, "within": "1h"},
    {"check": "velocity", "per": "email", "most": 1_000, "within": "1d"},
    {"check": "suppression", "lists": ["dnc", "customers"]},
    {"check": "duplicate", "on": ["email"], "within": "30d"},
    {"check": "duplicate", "on": ["phone"], "within": "7d", "scope": "source", "action": "flag"},
]
Made = Callable[[int], dict[str, str]]
LISTS = """
lists:
  - {id: dnc, of: phone}
  - {id: customers, of: email, hashed: sha256}
"""


@asynccontextmanager
async def counted(house: House, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[str]]:
    """The statements that are sent meanwhile, also those of transactions."""
    said: list[str] = []
    acquire = house.database.acquire

    def note(one: Any) -> None:
        said.append(" ".join(one.query.split())[:60])

    @asynccontextmanager
    async def listened() -> AsyncIterator[asyncpg.Connection]:
        async with acquire() as connection:
            connection.add_query_logger(note)
            try:
                yield connection
            finally:
                connection.remove_query_logger(note)

    with monkeypatch.context() as patch:
        patch.setattr(house.database, "acquire", listened)
        yield said
        await asyncio.sleep(0)  # the last is told with the next turn of the loop


def of(number: int) -> dict[str, str]:
    email = f"ann{number}@acmeheating.com"
    return {**lead(email), "state": "CA", "phone": f"+1415{2_000_001 + 7 * number:07d}"}


async def statements(
    house: House, monkeypatch: pytest.MonkeyPatch, numbers: range, made: Made = of
) -> list[str]:
    """Of one batch that is decided, submissions of their own each."""
    works = [house.work(made(number)) for number in numbers]
    for work in works:
        await house.keep(work)
    drafts = [draft for work in works for draft in house.engine.decider.draft(work)]
    async with counted(house, monkeypatch) as said:
        decided = await house.engine.decider.decide(drafts)
    assert {one.verdict for one in decided} == {"accepted"}
    return said


async def test_a_batch_of_a_hundred_takes_as_many_statements_as_one_of_two(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    yaml = catalogue(source(), checks=json.dumps(CHECKS)) + LISTS
    async with opened(database, yaml) as house:
        house.engine.decider._evidence._lists = lambda: house.plans.snapshot.lists
        await statements(house, monkeypatch, range(300, 302))  # the first of a connection asks for types
        few = await statements(house, monkeypatch, range(2))
        many = await statements(house, monkeypatch, range(100, 200))
        assert many == few
        # Three windows of velocity are counted, then summed; both lists are one look-up.
        assert [one.split(" (")[0][:20] for one in few[: few.index("BEGIN;")]] == [
            "with mine as", "select t.key, coales", "select t.n::int from",
        ]  # fmt: skip
        assert len(few) < 12


MEMORY = f"""
      {test_duplicates.SIMILAR},
      {test_duplicates.BY_BUYER},
      {{check: email, role: flag}},
      {{check: offender, per: phone, within: 30d}},
      {{check: offender, per: source, within: 30d, share: 60}}
"""
WORTH = """    score: {rules: [{when: lead.sold_before > 0, points: 9, why: a customer}]}
    fraud: {weights: {email.role: 60, offender.offender: 60}}
    distribution:"""


async def test_nor_do_similar_people_buyers_lists_offenders_and_purchases_take_more(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    yaml = test_duplicates.catalogue(
        source(),
        contract("b1", "https://buyer.example/leads"),
        checks=MEMORY,
        lists="lists: [{id: theirs, of: phone, buyer: b1}]",
    ).replace("    distribution:", WORTH)
    async with opened(database, yaml) as house:
        house.engine.decider._evidence._lists = lambda: house.plans.snapshot.lists
        await statements(house, monkeypatch, range(300, 302), person)
        few = await statements(house, monkeypatch, range(2), person)
        many = await statements(house, monkeypatch, range(100, 200), person)
        assert many == few
        assert (
            few.index("BEGIN;") == 5
        )  # purchases, offences, what is counted and in which windows, buyers' lists
        assert (
            len(few) == 12
        )  # similar people, who has the person and the claims are asked for in the transaction


def person(number: int) -> dict[str, str]:
    more = {
        "phone": of(number)["phone"],
        "street": f"{number} N. Main Street",
        "last_name": f"Rivera {number}",
    }
    return test_duplicates.ann(f"ann{number}@acmeheating.com", **more)
