"""`score`: learned from outcomes, put in force by a person, watched."""

import json
import random
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.catalog.documents import Catalogue
from app.commands.scoring import overdue
from app.settings import Settings
from tests.commands.conftest import Gate, Leadgate, contract, objects, source
from tests.e2e.counting import CountingBuyer

SCORE = """
    score:
      start: 30
      rules: [{when: lead.bill >= 150, points: 20, why: a bill of 150 or more}]
      grades: {A: 40, B: 20}
      model: {features: [state, bill, {name: big, value: lead.bill > 200}], score: %s}
"""
_LEADS = """
insert into lead (id, submission_id, position, source, campaign, received_at, state, score, catalogue)
select * from unnest($1::uuid[], $1::uuid[], $2::int[], $3::text[], $4::text[], $5::timestamptz[], $6::text[],
                     $7::int[], $2::int[])
"""
_DETAILS = """
insert into lead_detail (lead_id, fields, extra, findings, routing, steps)
select id, fields::json, '{}', '[]', '{}', '{}' from unnest($1::uuid[], $2::text[]) t(id, fields)
"""


async def configured(gate: Gate, buyer: CountingBuyer, score: str = "points") -> None:
    """The campaign of these tests with a declared model; its source and a contract."""
    parts = source(), contract("sunco-west", buyer.url("sunco-west"))
    await gate.configure(*parts)
    from app.catalog.service import Configuration
    from app.components import discover
    from app.ground import sealer
    from app.store.catalogue import CatalogueStore
    from tests.e2e.catalogues import catalogue

    yaml = catalogue(*parts).replace("\n    distribution:", SCORE % score + "    distribution:")
    assert "features" in yaml
    applying = Configuration(CatalogueStore(gate.database), discover(), sealer(gate.settings))
    await applying.apply([("test.yaml", yaml)], by="test")


async def came(gate: Gate, n: int, *, all_sold: bool = False) -> None:
    """Leads of the last days: the dearer the bill, and in CA, the likelier sold."""
    chance, now = random.Random(5), datetime.now(UTC)
    rows: list[tuple[Any, ...]] = []
    for i in range(n):
        at = now - timedelta(minutes=2 * (n - i))
        state, bill = chance.choice(["CA", "TX"]), chance.randrange(50, 250)
        sold = all_sold or chance.random() < 0.1 + 0.4 * (state == "CA") + 0.4 * (bill > 150)
        id_ = UUID(int=(int(at.timestamp() * 1000) << 80) | chance.getrandbits(76))
        fields = json.dumps({"state": [state, state], "bill": [str(bill), bill], "email": ["x", None, False]})
        rows.append((id_, at, "sold" if sold else "unsold", 50 if bill >= 150 else 30, fields))
    ids, ats, states, scores, fields_ = map(list, zip(*rows, strict=True))
    await gate.fetch(_LEADS, ids, [1] * n, ["acme"] * n, ["solar"] * n, ats, states, scores)
    await gate.fetch(_DETAILS, ids, fields_)


class Page(HTMLParser):
    """Every tag that is opened is closed, and nothing is fetched from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        assert tag not in ("script", "link", "img", "iframe")
        assert not any(name in ("src", "href") for name, _ in attrs)
        if tag not in ("meta",):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)


def report(settings: Settings, name: str) -> str:
    return (Path(settings.data_dir) / "reports" / name).read_text("utf-8")


async def test_a_score_is_learned_told_and_kept_and_changes_nothing_yet(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate, settings: Settings
) -> None:
    await configured(gate, buyer, "probability")
    await came(gate, 1_500)
    told = await leadgate("score", "fit", "solar")
    assert told.exit_code == 0, told.output
    lines = [line.split() for line in told.stdout.splitlines()]
    assert lines[0] == ["tenth", "leads", "foretold", "came", "lift"]
    assert [line[:2] for line in lines[1:11]] == [[str(i), "30"] for i in range(1, 11)]
    assert float(lines[1][4]) > 1.3 > 0.7 > float(lines[10][4])
    (model,) = [line for line in lines if line[:1] == ["model"]]
    (points,) = [line for line in lines if line[:1] == ["points"]]
    assert float(model[1]) > float(points[1])
    assert "nothing changes by it yet: leadgate score activate solar@1 --dry-run" in told.stderr

    page = Page()
    page.feed(report(settings, "score-solar-1.html"))
    assert page.open == []
    assert {"svg", "polyline", "circle", "table"} <= page.seen
    shown = (await leadgate("score", "models")).stdout
    assert "solar@1" in shown
    assert await gate.one("select count(*) from score_activation") == 0


async def test_a_dry_run_keeps_nothing(gate: Gate, buyer: CountingBuyer, leadgate: Leadgate) -> None:
    await configured(gate, buyer)
    await came(gate, 1_000)
    (told,) = objects(await leadgate("score", "fit", "solar", "--dry-run", "--json"))
    assert (told["id"], told["leads"], told["parts"]) == (None, 1000, [600, 200, 200])
    assert {one["name"] for one in told["features"]} == {"state", "bill", "big"}
    assert (
        await leadgate("score", "models")
    ).stderr == "nothing was learned yet: leadgate score fit CAMPAIGN\n"


async def test_a_model_is_put_in_force_in_the_running_service_and_taken_out_again(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    await configured(gate, buyer, "probability")
    await came(gate, 1_000)
    await leadgate("score", "fit", "solar")
    dry = (await leadgate("score", "activate", "solar@1", "--dry-run")).stdout.splitlines()
    assert dry[0] == "solar@1 would be put in force"
    assert "the score is the probability in per cent (score.model.score)" in dry
    assert any(line.startswith("of the newest 1,000 leads with an outcome: mean score") for line in dry)
    assert await gate.one("select count(*) from score_activation") == 0

    said = (await leadgate("score", "activate", "solar@1")).stdout
    assert said.startswith("solar@1 is in force\n")
    assert (await leadgate("score", "activate", "solar@1")).stdout == "solar@1 is in force already\n"
    await gate.process.catalogue.refresh()
    lead = await gate.post(bill=230, state="CA")
    trace = (await leadgate("trace", lead, "--all")).stdout
    assert "likely to be sold (solar@1)" in trace
    assert "bill +" in trace
    document = objects(await leadgate("score", "models", "--json"))[0]
    assert document["activated_by"]
    (drift,) = objects(await leadgate("score", "drift", "--json"))
    assert (drift["version"], drift["leads"], drift["drifted"]) == (1, 1, False)
    told = (await leadgate("score", "drift")).stdout
    assert "solar@1" in told
    assert "too few leads to tell: 500 are enough" in told

    await leadgate("score", "fit", "solar")
    assert "instead of solar@1" in (await leadgate("score", "activate", "solar@2")).stdout
    assert (await leadgate("score", "deactivate", "solar", "--dry-run")).stdout.startswith(
        "solar@2 would be out"
    )
    assert (await leadgate("score", "deactivate", "solar")).stdout.startswith("solar@2 is out of force")
    assert (await leadgate("score", "deactivate", "solar")).exit_code == 1
    assert (await leadgate("score", "drift")).stderr == "no model is in force\n"


async def test_what_can_not_be_done_says_what_to_do(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    parts = source(), contract("sunco-west", buyer.url("sunco-west"))
    await gate.configure(*parts)
    undeclared = await leadgate("score", "fit", "solar")
    assert (undeclared.exit_code, "model: {target: sold, features: [state, bill]}" in undeclared.stderr) == (
        1,
        True,
    )
    await configured(gate, buyer)
    for words, code, said in [
        (("fit", "sollar"), 1, 'did you mean "solar"?'),
        (("fit", "solar"), 1, "0 were sold and 0 were not sold; 100 of each are needed"),
        (("activate", "solar@7"), 1, "there is no model solar@7 that can be used; solar has none"),
        (("activate", "solar"), 2, "write it as solar@3"),
        (("activate", "solar@x"), 2, "write it as solar@3"),
        (("activate", "@1"), 2, "write it as solar@3"),
        (("deactivate", "solar"), 1, "no model of solar is in force"),
        (("fit", "solar", "--since", "then"), 2, "is no moment"),
    ]:
        told = await leadgate("score", *words)
        assert (told.exit_code, said in told.stderr) == (code, True), told.stderr
        assert told.stdout == ""


async def test_one_kind_of_outcome_is_nothing_to_learn_from(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    await configured(gate, buyer)
    await came(gate, 300, all_sold=True)
    told = await leadgate("score", "fit", "solar")
    assert told.exit_code == 1
    assert (
        "300 were sold and 0 were not sold; 100 of each are needed, so 100 more that were not sold"
        in told.stderr
    )


async def test_without_numpy_it_says_what_to_install(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    await configured(gate, buyer)
    monkeypatch.setitem(sys.modules, "numpy", None)
    monkeypatch.delitem(sys.modules, "app.validate.fitting", raising=False)
    told = await leadgate("score", "fit", "solar")
    assert (told.exit_code, "pip install 'leadgate[fit]'" in told.stderr) == (1, True)


async def test_the_doctor_warns_of_drift_and_of_definitions_that_nobody_looks_at(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    await configured(gate, buyer)
    await came(gate, 1_000)
    assert "scores" not in (await leadgate("doctor")).stdout
    await leadgate("score", "fit", "solar")
    await leadgate("score", "activate", "solar@1")
    await gate.process.attended.watch.look()
    assert "in force: solar@1" in (await leadgate("doctor")).stdout
    await gate.fetch("update score_drift set drifted = true")
    told = (await leadgate("doctor")).stdout
    assert "the model solar@1 meets other leads" in told
    assert "leadgate score fit solar" in told


@pytest.mark.parametrize(("reviewed", "days"), [("2026-05-22", 184), ("2026-05-23", None), (None, None)])
def test_a_definition_is_overdue_after_half_a_year(reviewed: str | None, days: int | None) -> None:
    ready = {"score": 60, "version": 3, "reviewed": reviewed}
    campaign = {"id": "solar", "fields": {}, "score": {"sales_ready": ready}}
    found = [
        one.text for one in overdue(Catalogue.model_validate({"campaigns": [campaign]}), date(2026, 11, 22))
    ]
    told = f"what solar calls sales-ready (version 3) was last looked at {days} days ago"
    assert found == ([told] if days else [])
