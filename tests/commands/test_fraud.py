"""`fraud`: what the findings of the leads say of their sources."""

import json
from datetime import UTC, datetime

from app.core.world import uuid7
from tests.commands.conftest import Gate, Leadgate, contract, objects, source
from tests.e2e.counting import CountingBuyer

_LEAD = """
insert into lead (id, submission_id, position, source, campaign, received_at, state, catalogue, test)
values ($1, $1, 0, $2, 'solar', $3, 'sold', 1, $4)
"""
_DETAIL = """
insert into lead_detail (lead_id, fields, extra, findings, routing, steps)
values ($1, '{}', '{}', $2::json, '{}', '{}')
"""


async def came(gate: Gate, source_id: str, *found: str, does: str = "", test: bool = False) -> None:
    """A lead of which was found `check.code`, …; `does`: what its fraud score did."""
    now = datetime.now(UTC)
    lead_id = uuid7()
    findings = [dict(zip(("check", "code"), one.split("."), strict=True), action="flag") for one in found]
    if does:
        findings.append({"check": "fraud", "code": "fraud", "action": does})
    await gate.fetch(_LEAD, lead_id, source_id, now, test)
    await gate.fetch(_DETAIL, lead_id, json.dumps(findings))


async def test_signs_are_counted_by_source_and_factor_the_worst_source_first(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    await gate.configure(source(), contract("sunco-west", buyer.url("sunco-west")))
    await came(gate, "acme", "form.honeypot", "velocity.velocity", does="reject")
    await came(gate, "acme", "velocity.velocity", "velocity.velocity", does="flag")
    await came(gate, "acme", "field.invalid", "phone.region")
    await came(gate, "acme", "form.honeypot", test=True)
    await came(gate, "clean")
    await came(gate, "worst", "email.disposable", does="hold")
    told = await leadgate("fraud")
    assert [line.split() for line in told.stdout.splitlines()] == [
        ["source", "factor", "leads", "of", "share%", "flagged", "held", "rejected"],
        ["worst", "any", "1", "1", "100.0", "0", "1", "0"],
        ["worst", "bots", "0", "1", "0.0", "0", "0", "0"],
        ["worst", "email.disposable", "1", "1", "100.0", "0", "1", "0"],
        ["acme", "any", "2", "3", "66.7", "1", "0", "1"],
        ["acme", "bots", "1", "3", "33.3", "0", "0", "1"],
        ["acme", "velocity.velocity", "2", "3", "66.7", "1", "0", "1"],
        ["acme", "form.honeypot", "1", "3", "33.3", "0", "0", "1"],
        ["clean", "any", "0", "1", "0.0", "0", "0", "0"],
        ["clean", "bots", "0", "1", "0.0", "0", "0", "0"],
    ]
    documents = objects(await leadgate("fraud", "--json", "--source", "worst"))
    assert [one["factor"] for one in documents] == ["any", "bots", "email.disposable"]
    assert (await leadgate("fraud", "--until", "2001-01-01")).stdout == "no leads in this time\n"


async def test_what_a_campaign_gives_no_weight_is_no_sign_there(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    await gate.configure(source(), contract("sunco-west", buyer.url("sunco-west")))
    weights = {"fraud": {"weights": {"velocity.velocity": 0, "phone": 20, "phone.region": 0}}}
    await gate.fetch(
        "update configured set doc = doc || $1::jsonb where kind = 'campaign'", json.dumps(weights)
    )
    await came(gate, "acme", "velocity.velocity", "phone.region")
    await came(gate, "acme", "phone.line_type")
    told = objects(await leadgate("fraud", "--json"))
    assert [(one["factor"], one["leads"]) for one in told] == [
        ("any", 1),
        ("bots", 0),
        ("phone.line_type", 1),
    ]
