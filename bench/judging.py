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
from app.validate.check import Claim, checks
from app.validate.judge import Judge
from bench import catalogue

LEADS = 12_000
AT = datetime(2025, 11, 20, 18, 0, tzinfo=UTC)

CAMPAIGN = CampaignDoc.model_validate(
    {
        "id": "solar",
        "fields": {**catalogue.FIELDS, "last_name": {"type": "name"}, "ip": {"type": "ip"}},
        "checks": [
            *catalogue.CHECKS,
            {"check": "required", "fields": ["first_name", "email", "phone"]},
            {"check": "field"},
            {"check": "phone", "deny": ["premium"]},
            {"check": "postal"},
            {"check": "name"},
            {"check": "velocity", "per": "ip", "most": 20, "within": "1h"},
        ],
    }
)
SOURCE = SourceDoc.model_validate({"id": "acme", "campaign": "solar", "mapping": {"zip": "postal_code"}})


def records(n: int) -> list[Record]:
    """As load.lua sends them; no two alike, so that nothing is remembered from the one before."""
    return [
        {
            "first_name": "Ann", "last_name": "Smith", "email": f"ann{i}@acmeheating.com",
            "phone": f"+1415{2_000_000 + i:07d}", "zip": "94110", "city": "San Francisco", "state": "CA",
            "address": "1 Market St", "ip": f"203.0.113.{i % 250}", "consent": "true", "utm_source": "google",
            "utm_campaign": "solar-q4", "landing_page": "https://example.com/solar?x=1", "roof": "tile", "bill": "200",
        }
        for i in range(n)
    ]  # fmt: skip


def judge() -> Judge:
    found: Registry[Any] = checks.discover()
    return Judge((found[doc.check], settings(found[doc.check], doc.model_extra)) for doc in CAMPAIGN.checks)


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
    evidence: dict[Any, Any] = {ask: None if isinstance(ask, Claim) else 1 for ask in all_checks.asks(lead)}
    verdict = all_checks.judge(lead, evidence)
    evidence |= dict.fromkeys(all_checks.claims(lead))
    return all_checks.settle(lead, verdict, evidence).outcome == "accepted"
