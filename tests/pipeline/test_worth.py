"""A campaign's score and fraud from the file to the rows, over a real database."""

from app.catalog.rows import catalogue_of
from app.catalog.service import Configuration
from app.components import discover
from app.store.catalogue import CatalogueStore
from app.store.database import Database
from app.store.leads import decode
from tests.pipeline.house import SEALER, catalogue, lead, opened, source

SAID = """    score:
      start: 20
      rules:
        - {when: lead.state == "CA", points: 45, why: a sunny state}
      grades: {A: 80, B: 60}
      sales_ready: {score: 60, version: 3, reviewed: 2026-10-01}
    fraud: {weights: {email.role: 35}, flag: 10, hold: 30}
    distribution:"""


def yaml() -> str:
    checks = "[{check: email, role: flag, points: -5}]"
    return catalogue(source(), checks=checks).replace("    distribution:", SAID)


async def test_what_a_lead_is_worth_is_kept_with_its_explanation(database: Database) -> None:
    async with opened(database, yaml()) as house:
        await house.one(lead(state="CA"))
        assert await house.value("select score from lead") == 65
        found = decode(await house.value("select findings from lead_detail"))
        told = [(one["check"], one["code"], one["points"], one["message"]) for one in found]
        assert told == [
            ("score", "points", 45, "a sunny state"),
            ("score", "graded", 0, "grade B, sales-ready (version 3)"),
        ]
        assert found[-1]["facts"]["reviewed"] == "2026-10-01"


async def test_a_lead_whose_signs_add_up_waits_for_a_person(database: Database) -> None:
    async with opened(database, yaml()) as house:
        answer = await house.one(lead("info@acmeheating.com"))
        assert answer.outcome == "pending"
        assert await house.value("select state from lead") == "held"
        found = decode(await house.value("select findings from lead_detail"))
        assert [(one["check"], one["points"], one["action"]) for one in found] == [
            ("email", -5, "flag"),
            ("fraud", 0, "hold"),
            ("score", 0, "flag"),
        ]
        assert found[1]["facts"] == {"score": 35, "factors": {"email.role": 35}}


async def test_each_finding_is_kept_with_the_time_that_its_check_took(database: Database) -> None:
    async with opened(database, yaml()) as house:
        await house.one(lead("info@acmeheating.com"))
        found = decode(await house.value("select findings from lead_detail"))
        assert found[0]["check"] == "email"
        assert 0 < found[0]["ms"] < 1_000


async def test_the_same_file_again_changes_nothing(database: Database) -> None:
    async with opened(database, yaml()) as house:
        store = CatalogueStore(database)
        before, _ = await store.load()
        await Configuration(store, discover(), SEALER).apply([("t", yaml())], by="test")
        after, rows = await store.load()
        assert after == before
        (campaign,) = catalogue_of(rows).campaigns
        assert campaign == house.plans.snapshot.campaigns["solar"]
