"""A model in force, and what leads are worth, from the verdict to the contract that gets them."""

from typing import Any

from msgspec import json
from msgspec.structs import replace

from app.catalog.modelling import Model
from app.core.metrics import expose
from app.core.world import World
from app.ingest.fieldtype import fieldtypes
from app.pipeline import drift
from app.pipeline.drift import Watch, look_at
from app.pipeline.plans import Plans
from app.store import models
from app.store.database import Database
from app.store.leads import decode
from app.validate.check import checks
from tests.buyer import Buyer, reply, says
from tests.pipeline.house import House, catalogue, contract, lead, opened, source
from tests.pipeline.test_reviewing import reviewer
from tests.validate.models import model

SCORE = """    score:
      start: 20
      rules: [{when: lead.state == "TX", points: 60, why: deep in the heart}]
      grades: {A: 70, B: 10}
      model: {features: [state], score: %s}
    distribution:"""


def yaml(*parts: str, score: str = "probability", checks: str = "[]") -> str:
    return catalogue(source(), *parts, checks=checks).replace("    distribution:", SCORE % score)


async def put_in_force(house: House, one: Model | None) -> None:
    """As the live catalogue does it, with the plans that were."""
    found = {} if one is None else {one.campaign: one}
    house.plans = Plans(replace(house.plans.snapshot, models=found), fieldtypes, checks, house.plans)


async def scores(house: House) -> list[int]:
    return [row[0] for row in await house.rows("select score from lead order by id")]


async def test_a_model_changes_scores_from_when_it_is_put_in_force_until_it_is_taken_out(
    database: Database, buyer: Buyer
) -> None:
    async with opened(database, yaml(contract("b1", buyer.url("/ok")))) as house:
        before = house.plans.campaign("solar")
        for i, one in enumerate([None, model(), model(2, sunny=2.0), None]):
            await put_in_force(house, one)
            await house.one(lead(f"p{i}@example.com", state="CA"))
        assert await scores(house) == [20, 73, 88, 20]
        assert house.plans.campaign("solar").doc is before.doc
        kept = house.plans.campaign("solar")
        await put_in_force(house, None)
        assert house.plans.campaign("solar") is kept  # nothing is compiled anew where nothing changed


async def test_what_a_model_said_is_kept_with_what_made_it_so(database: Database, buyer: Buyer) -> None:
    async with opened(database, yaml(contract("b1", buyer.url("/ok")), score="points")) as house:
        await put_in_force(house, model(7))
        await house.one(lead(state="CA"))
        said, graded = decode(await house.value("select findings from lead_detail"))
        assert said["message"] == "73.1% likely to be sold (solar@7)"
        assert said["facts"]["contributions"] == {"state": 200}
        assert graded["facts"]["points"] == 20
        assert await scores(house) == [20]


async def test_a_campaign_that_declares_no_model_has_none_in_force(database: Database, buyer: Buyer) -> None:
    async with opened(database, catalogue(source(), contract("b1", buyer.url("/ok")))) as house:
        await put_in_force(house, model())
        await house.one(lead(state="CA"))
        assert await scores(house) == [50]
        assert decode(await house.value("select findings from lead_detail")) == []


def picky(buyer: Buyer, when: str, path: str = "/ok", price: str = "50.00") -> str:
    return contract("picky", buyer.url(path), price=price, more=f"when: '{when}'")


async def bought_by(house: House) -> list[str]:
    rows = await house.rows("select contract from delivery where state = 'accepted' order by lead_id")
    return [row[0] for row in rows]


async def test_contracts_may_ask_for_score_grade_and_probability(database: Database, buyer: Buyer) -> None:
    when = 'score >= 70 && grade == "A" && probability > 0.5 && !sales_ready'
    async with opened(
        database, yaml(picky(buyer, when), contract("other", buyer.url("/ok"), price="1"))
    ) as house:
        await house.one(lead("a@example.com", state="CA"))  # no model: 20 points
        await put_in_force(house, model())
        await house.one(lead("b@example.com", state="CA"))
        await house.one(lead("c@example.com", state="TX"))
        assert await bought_by(house) == ["other", "picky", "other"]


async def test_the_next_contract_is_asked_for_the_worth_that_the_lead_was_found_to_have(
    database: Database, buyer: Buyer
) -> None:
    """Also by another process: what a lead is worth is read back, and not judged again."""
    says("/worth-503", reply(503))
    parts = (
        contract("first", buyer.url("/worth-503"), price="60"),
        picky(buyer, 'grade == "A" && score == 73'),
    )
    async with opened(database, yaml(*parts)) as house:
        await put_in_force(house, model())
        lead_id = await house.waiting(lead(state="CA"))
        says("/worth-503", reply(200, b'{"status": "rejected"}'))
        await put_in_force(house, None)
        await house.due_now()
        await house.ends(lead_id, "sold")
        assert await bought_by(house) == ["picky"]


async def test_an_approved_lead_goes_where_its_worth_is_asked_for(database: Database, buyer: Buyer) -> None:
    parts = [picky(buyer, "probability > 0.7")]
    async with opened(database, yaml(*parts, checks="[{check: email, role: hold}]")) as house:
        await put_in_force(house, model())
        answer = await house.one(lead("info@dana.example", state="CA"))
        assert answer.state == "held"
        await reviewer(house).approve(answer.lead_id, by="dana")
        await house.due_now()
        await house.ends(answer.lead_id, "sold")


# drift ---------------------------------------------------------------------------------------------


async def said_of(
    house: House, one: Model, *, sold: int, unsold: int, probability: float, state: str = ""
) -> None:
    """Leads of which the model said this, and what became of them."""
    facts = {"check": "score", "code": "model", "facts": {"model": one.id, "probability": probability}}
    findings = json.encode([facts]).decode()
    for became, n in (("sold", sold), ("unsold", unsold)):
        ids = [house.world.new_id() for _ in range(n)]
        await house.run(
            "insert into lead (id, submission_id, position, source, campaign, received_at, state, catalogue) "
            "select id, id, 0, 'acme', 'solar', now(), $2, 1 from unnest($1::uuid[]) id", ids, state or became,
        )  # fmt: skip
        await house.run(
            "insert into lead_detail (lead_id, fields, extra, findings, routing, steps) "
            "select id, '{}', '{}', $2::json, '{}', '{}' from unnest($1::uuid[]) id", ids, findings,
        )  # fmt: skip


async def kept(house: House, one: Model) -> None:
    async with house.database.acquire() as conn:
        version = await models.add(conn, one.campaign, json.encode(one.fitted).decode(), "dana")
        assert version == one.version
        await models.activate(conn, one.campaign, version, "dana")


async def test_leads_and_outcomes_are_counted_since_it_was_put_in_force(database: Database) -> None:
    async with opened(database, yaml()) as house:
        await kept(house, model())
        await said_of(house, model(), sold=30, unsold=10, probability=0.73)
        await said_of(house, model(), sold=0, unsold=60, probability=0.27)
        await said_of(house, model(), sold=5, unsold=0, probability=0.27, state="delivering")
        await said_of(house, model(), sold=5, unsold=0, probability=0.99, state="rejected")
        await said_of(house, model(2), sold=7, unsold=7, probability=0.9)
        now = World().now()
        async with house.database.acquire() as conn:
            found = await look_at(conn, model(), (await models.history(conn, "solar"))[0].at, now)
        assert (found.leads, found.ended) == (105, 100)
        assert found.predicted is not None
        assert round(found.predicted, 4) == round((40 * 0.73 + 60 * 0.27) / 100, 4)
        assert found.observed == 0.3
        assert [round(share, 3) for share in found.shares] == [0, 0, 0.619, 0, 0, 0, 0, 0.381, 0, 0]


async def test_a_model_that_drifts_is_told_once_and_once_more_when_it_is_steady(
    database: Database, monkeypatch: Any
) -> None:
    told: list[Any] = []
    monkeypatch.setattr(drift, "emit", told.append)
    async with opened(database, yaml()) as house:
        watch = Watch(house.database, house.world, house.metrics)
        await watch.look()
        await kept(house, model())
        await said_of(house, model(), sold=40, unsold=160, probability=0.73)
        await watch.look()
        await watch.look()  # within the hour nobody looks again
        assert [(type(one).__name__, one.model) for one in told] == [("ScoreDrifted", 1)]
        assert (told[0].predicted, told[0].observed) == (0.73, 0.2)
        await watch.gauges()
        text = expose([house.metrics.snapshot()]).decode()
        assert 'leadgate_score_drifted{campaign="solar"} 1.0' in text
        assert 'leadgate_score_observed{campaign="solar"} 0.2' in text
        await house.run("update score_drift set looked_at = now() - interval '2 hours'")
        await watch.look()
        assert len(told) == 1
        late = "update lead set state = 'sold' where id in (select id from lead where state = 'unsold' limit 106)"
        await house.run(late)  # outcomes that came late, as foretold
        await house.run("update score_drift set looked_at = now() - interval '2 hours'")
        await watch.look()
        assert [type(one).__name__ for one in told] == ["ScoreDrifted", "ScoreSteady"]


async def test_one_that_is_out_of_force_is_watched_no_more(database: Database) -> None:
    async with opened(database, yaml()) as house:
        watch = Watch(house.database, house.world, house.metrics)
        await kept(house, model())
        await watch.look()
        async with house.database.acquire() as conn:
            assert [one.id for one in await models.drifts(conn)] == ["solar@1"]
            await models.activate(conn, "solar", None, "dana")
            assert await models.drifts(conn) == []
            assert await models.to_watch(conn, 0) == []
        await watch.gauges()
        assert 'leadgate_score_drifted{campaign="solar"}' not in expose([house.metrics.snapshot()]).decode()
