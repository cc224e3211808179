"""How many leads a second one core maps and judges with the standard set of checks."""

import time
from datetime import UTC, datetime
from typing import Any

from app.catalog.documents import CampaignDoc, SourceDoc
from app.core.registry import Component, Registry
from app.core.world import uuid7
from app.ingest.fieldtype import fieldtypes
from app.ingest.mapping import FieldMap
from app.model import Lead, Record
from app.validate.check import Ask, Listed, Locate, Location, Seen, checks
from app.validate.fraud import Suspicion
from app.validate.judge import Judge
from bench import catalogue

LEADS = 12_000
AT = datetime(2025, 11, 20, 18, 0, tzinfo=UTC)

WRITTEN: dict[str, Any] = {
    "id": "solar",
    "fields": {
        **catalogue.FIELDS,
        "last_name": {"type": "name"},
        "ip": {"type": "ip"},
        "user_agent": {"type": "text"},
        "address": {"type": "address"},
    },
    "checks": [
        *catalogue.CHECKS,
        {"check": "required", "fields": ["first_name", "email", "phone"]},
        {"check": "field"},
        {"check": "phone", "deny": ["premium"], "match": ["state", "postal_code"], "facts": True},
        {"check": "postal", "facts": True},
        {"check": "address"},
        {"check": "name"},
        {"check": "device", "countries": ["US"]},
        {"check": "velocity", "per": "ip", "most": 20, "within": "1h"},
        {"check": "velocity", "per": "name+address", "most": 20, "within": "1d"},
        {"check": "suppression", "lists": ["dnc", "customers"]},
    ],
    "score": {
        "start": 40,
        "rules": [
            {"when": "lead.bill >= 150", "points": 20, "why": "a bill of 150 or more"},
            {"when": "lead.state in ['CA', 'NV']", "points": 10, "why": "a sunny state"},
            {"when": "has(lead.address)", "points": 5, "why": "says where"},
        ],
        "grades": {"A": 80, "B": 60},
        "sales_ready": {"score": 60},
    },
    "fraud": {},
}
CAMPAIGN = CampaignDoc.model_validate(WRITTEN)
AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Safari/537.36"
HERE = Location(country="US", region="CA", time_zone="America/Los_Angeles", asn=7922, network="Comcast")
SOURCE = SourceDoc.model_validate({"id": "acme", "campaign": "solar", "mapping": {"zip": "postal_code"}})


def records(n: int, first: int = 0) -> list[Record]:
    """As load.lua sends them; no two alike, so that nothing is remembered from the one before."""
    return [
        {
            "first_name": "Ann", "last_name": "Smith", "email": f"ann{i}@acmeheating.com",
            "phone": f"+1415{2_000_000 + i:07d}", "zip": "94110", "city": "San Francisco", "state": "CA",
            "address": f"{i} north market street apt {i % 90}", "ip": f"8.8.{i % 250}.{i // 250}", "consent": "true", "utm_source": "google",
            "user_agent": AGENT.format(120 + i % 20),
            "utm_campaign": "solar-q4", "landing_page": "https://example.com/solar?x=1", "roof": "tile", "bill": "200",
        }
        for i in range(first, first + n)
    ]  # fmt: skip


def judge() -> Judge:
    found: Registry[Any] = checks.discover()
    rules = ((found[doc.check], settings(found[doc.check], doc.model_extra)) for doc in CAMPAIGN.checks)
    assert CAMPAIGN.fraud is not None
    return Judge(rules, CAMPAIGN.score, Suspicion(CAMPAIGN.fraud))


def settings(component: Component, given: Any) -> Any:
    return component.settings.model_validate(given or {})


def checks_per_s_core() -> float:
    """Leads per second of CPU time; raises where a lead isn't accepted, for a rejection may be quicker."""
    fields, all_checks = FieldMap.compile(CAMPAIGN, SOURCE, fieldtypes.discover()), judge()
    batch = records(LEADS)
    for record in batch[:500]:
        one(fields, all_checks, record)
    began = time.process_time()
    accepted = sum(one(fields, all_checks, record) for record in batch[500:])
    took = time.process_time() - began
    if accepted != LEADS - 500:
        raise AssertionError(
            f"only {accepted} of {LEADS - 500} leads were accepted: this measures something else"
        )
    return accepted / took


def one(fields: FieldMap, all_checks: Judge, record: Record) -> bool:
    """What the pipeline does with one lead between its two transactions, the evidence being there."""
    values, extra = fields.apply(record)
    identity = uuid7()
    lead = Lead(
        id=identity,
        submission_id=identity,
        source="acme",
        campaign="solar",
        received_at=AT,
        fields=values,
        extra=extra,
    )
    evidence: dict[Any, Any] = {ask: answer_to(ask) for ask in all_checks.asks(lead)}
    took: dict[str, float] = {}
    verdict = all_checks.judge(lead, evidence, took=took)
    evidence |= dict.fromkeys(all_checks.claims(lead))
    return all_checks.settle(lead, verdict, evidence, took).outcome == "accepted"


def answer_to(ask: Ask) -> Any:
    """As of a lead with which nothing is wrong."""
    match ask:
        case Seen():
            return 1
        case Listed():
            return ()
        case Locate():
            return HERE
    return None
