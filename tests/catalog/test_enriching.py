"""What `apply` says of enrichers, and that their secrets and those of checks are sealed."""

from typing import Any

import pytest

from app.catalog.documents import Catalogue
from app.catalog.export import export
from app.catalog.planning import plan
from app.catalog.problems import CatalogueErrors
from app.catalog.reading import read
from app.catalog.rows import catalogue_of, to_row
from app.catalog.sealing import Sealer, sealed
from app.catalog.snapshot import build
from app.components import discover
from app.ingest.fieldtype import fieldtypes
from app.pipeline.plans import Plans
from app.validate.check import checks

SEALER = Sealer(b"k" * 32)
YAML = """
enrichers:
  - id: credit
    ask: {enricher: http, method: POST, url: "https://s.example/", send: {p: phone, n: "{{ lead.first_name }}"},
          when: lead.bill > 10, fields: {band: reply.json.band}, secret: {headers: {x-key: s3cret}}}
campaigns:
  - id: solar
    fields:
      first_name: {type: name}
      phone: {type: phone, country: US}
      bill: {type: number}
      band: {type: text}
    enrich: [credit]
    score: {rules: [{when: lead.phone_state == "CA", points: 3, why: here}]}
"""


def problems(text: str) -> list[tuple[str, str]]:
    with pytest.raises(CatalogueErrors) as raised:
        read([("t", text)], discover())
    return [(one.path, f"{one.message} | {one.hint}") for one in raised.value.problems]


def test_a_catalogue_with_enrichers_is_read_sealed_kept_and_written_again() -> None:
    wanted = sealed(read([("t", YAML)], discover()), Catalogue(), discover(), SEALER)
    assert "s3cret" not in wanted.model_dump_json()
    text = export(wanted)
    assert text.index("enrichers:") < text.index("campaigns:")
    again = sealed(read([("t", text)], discover(), sealer=SEALER), wanted, discover(), SEALER)
    assert plan(wanted, again).empty
    rows: dict[str, Any] = {
        "enricher": [(one.id, to_row(one)) for one in wanted.enrichers],
        "campaign": [(one.id, to_row(one)) for one in wanted.campaigns],
    }
    assert catalogue_of(rows).enrichers == wanted.enrichers
    part = build(1, rows, (), discover(), SEALER).enrichers["credit"]
    assert part.settings.secrets() == ("s3cret",)  # type: ignore[attr-defined]
    assert "s3cret" not in repr(part)


@pytest.mark.parametrize(
    ("old", "new", "path", "said"),
    [
        ("enrich: [credit]", "enrich: [credid]", "campaigns[0].enrich[0]", '"credid" is no enricher'),
        ("enrich: [credit]", "enrich: [credit, credit]", "campaigns[0].enrich[1]", "is there twice"),
        ("      band: {type: text}\n", "", "campaigns[0].enrich[0]", "fills band, which this campaign does not have"),
        ("lead.bill > 10", "lead.bil > 10", "campaigns[0].enrich[0]", "speaks of bil, which"),
        ("lead.phone_state", "lead.phone_stat", "campaigns[0].score.rules[0].when", "no field \"phone_stat\""),
        ("enricher: http", "enricher: htp", "enrichers[0].ask.enricher", '"htp" is no enricher'),
        ("method: POST", "methot: POST", "enrichers[0].ask.methot", "is not known"),
        ("lead.bill > 10", "lead.bill >", "enrichers[0].ask.when", ""),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_where_it_is(old: str, new: str, path: str, said: str) -> None:
    told = problems(YAML.replace(old, new))
    assert any(where == path and said in what for where, what in told), told
    assert "s3cret" not in str(told)


def test_an_enricher_may_speak_of_what_is_known_offline() -> None:
    read([("t", YAML.replace("lead.bill > 10", 'lead.phone_state == "CA"'))], discover())


def test_the_file_of_an_enricher_alone_changes_nothing_else() -> None:
    current = sealed(read([("t", YAML)], discover()), Catalogue(), discover(), SEALER)
    text = YAML[: YAML.index("campaigns:")].replace("s.example", "t.example")
    wanted = sealed(read([("t", text)], discover(), current=current), current, discover(), SEALER)
    changed = [(one.action, one.kind, one.id) for one in plan(current, wanted).changes]
    assert changed == [("changed", "enricher", "credit"), ("kept", "campaign", "solar")]


def test_a_secret_of_a_check_is_sealed_shown_to_nobody_and_given_to_the_check_in_clear() -> None:
    text = """
campaigns:
  - id: solar
    fields: {phone: {type: phone, country: US}, token: {type: text}}
    checks: [{check: jornaya, account: s3cret-account, key: s3cret-key}]
"""
    wanted = sealed(read([("t", text)], discover()), Catalogue(), discover(), SEALER)
    assert "s3cret" not in wanted.model_dump_json()
    assert "s3cret" not in export(wanted)
    (campaign,) = wanted.campaigns
    rows: dict[str, Any] = {"campaign": [(campaign.id, to_row(campaign))]}
    snapshot = build(1, rows, (), discover(), SEALER)
    assert snapshot.secret_checks["solar"][0]["account"] == "s3cret-account"
    assert "s3cret" not in repr(snapshot)
    rules = Plans(snapshot, fieldtypes.discover(), checks.discover()).campaign("solar").judge.rules
    (to,) = [to for check, to in rules if check.name == "jornaya"]
    assert to.key.get_secret_value() == "s3cret-key"  # type: ignore[attr-defined]
