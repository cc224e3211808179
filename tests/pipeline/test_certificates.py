"""Certificates of consent are asked for over real sockets: of services that answer, lag, lie and die."""

import asyncio
import json
from decimal import Decimal
from typing import Any

import pytest

from app.model import Lead
from app.store.database import Database
from app.validate.checks.jornaya import Jornaya, JornayaSettings
from app.validate.checks.trusted_form import TrustedForm, TrustedFormSettings
from tests.buyer import Buyer, Stream, reply, says, way
from tests.pipeline.test_look_ups import desk, spent
from tests.validate.checks.conftest import lead_of

KEPT = {
    "outcome": "success", "match_lead": {"result": {"success": True}},
    "retain": {"results": {"expires_at": "2031-01-01T00:00:00Z"}}, "insights": {"properties": {"age_seconds": 9}},
}  # fmt: skip
says("/cert-kept", reply(200, json.dumps(KEPT).encode()))
says("/cert-gone", reply(404, b"{}"))
says("/cert-lies", reply(200, b"<html>success</html>"))
says("/SingleQuery", reply(200, b'{"audit": {"authentic": 1, "age": 2, "age_rule": 1}}'))


@way("/cert-lags")
async def _lags(stream: Stream) -> None:
    await asyncio.Event().wait()


def origin(buyer: Buyer) -> str:
    return buyer.url("/x").removesuffix("/x")


async def told_of(database: Database, buyer: Buyer, path: str, **more: Any) -> tuple[list[str], Any]:
    """(the codes that are found, what the look-up came to)."""
    service = origin(buyer)
    to = TrustedFormSettings.model_validate(
        {"key": "s3cret", "cost": "0.15", "service": service, "deadline": "200ms", **more}
    )
    lead = lead_of(
        {"fields": {"email": "ann@example.com"}, "extra": {"trustedform_cert_url": service + path}}
    )
    check = TrustedForm()
    (ask,) = check.asks(lead, to)
    async with desk(database) as at:
        told = await at.ask(lead, ask)
    return [finding.code for finding in check.run(lead, to, {ask: told})], told


@pytest.mark.parametrize(
    ("path", "codes", "became"),
    [
        ("/cert-kept", ["known"], "answered"),
        ("/cert-gone", ["not_found"], "answered"),
        ("/cert-lags", ["unknown"], "late"),
        ("/cert-lies", ["unknown"], "failed"),
        ("/reset", ["unknown"], "failed"),
    ],
)
async def test_a_service_that_fails_is_never_the_leads_fault(
    database: Database, buyer: Buyer, path: str, codes: list[str], became: str
) -> None:
    found, told = await told_of(database, buyer, path)
    assert (found, told.became) == (codes, became)
    assert await spent(database) == Decimal("0.15")
    assert "s3cret" not in repr(told)


def leads_of(buyer: Buyer, *paths: str) -> list[Lead]:
    """One lead for the certificate under each path."""
    return [
        lead_of(
            {"fields": {"email": "ann@example.com"}, "extra": {"trustedform_cert_url": buyer.url(path)}}, n
        )
        for n, path in enumerate(paths, 1)
    ]


async def test_a_dead_service_costs_its_deadline_once_and_then_nothing_whosever_certificate_it_is(
    database: Database, buyer: Buyer
) -> None:
    to = TrustedFormSettings.model_validate(
        {"key": "k", "cost": "0.15", "service": origin(buyer), "deadline": "200ms"}
    )
    became = []
    async with desk(database) as at:
        for lead in leads_of(buyer, "/cert-lags", "/cert-kept", "/cert-gone"):
            (ask,) = TrustedForm().asks(lead, to)
            became.append((await at.ask(lead, ask)).became)
    assert became == ["late", "resting", "resting"]
    assert len(buyer.received) == 1
    assert await spent(database) == Decimal("0.15")


async def test_each_lead_asks_for_itself_since_each_certificate_is_kept_for_one(
    database: Database, buyer: Buyer
) -> None:
    to = TrustedFormSettings.model_validate({"key": "k", "cache": "1d", "service": origin(buyer)})
    leads = leads_of(buyer, "/cert-kept", "/cert-kept")
    async with desk(database) as at:
        for lead in leads:
            (ask,) = TrustedForm().asks(lead, to)
            assert (await at.ask(lead, ask)).became == "answered"
    references = [json.loads(one.body)["retain"]["reference"] for one in buyer.received]
    assert references == [str(lead.id) for lead in leads]


async def test_a_leadid_is_audited_once_for_everybody_who_asks_the_same(
    database: Database, buyer: Buyer
) -> None:
    to = JornayaSettings.model_validate(
        {"account": "a", "key": "k", "cache": "1d", "cost": "0.03", "service": origin(buyer)}
    )
    lead = lead_of({"extra": {"universal_leadid": "93A35D34-F4C0-F6A6-E9B8-F46B4CD3BEE4"}})
    (ask,) = Jornaya().asks(lead, to)
    async with desk(database) as at:
        told = [await at.ask(lead, ask) for _ in range(2)]
    assert [one.became for one in told] == ["answered", "cached"]
    assert [finding.code for finding in Jornaya().run(lead, to, {ask: told[1]})] == ["known"]
    assert await spent(database) == Decimal("0.03")
