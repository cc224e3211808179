"""Of a lead that nobody takes now a rehearsal says so: who would take it, from when on, and whether it waits for that."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.api.conftest import Api, serving
from tests.api.test_routing import ANN, explain
from tests.buyer import Buyer
from tests.pipeline.house import catalogue, contract, source

OPENS = datetime.now(UTC).replace(hour=8, minute=0, second=0, microsecond=0) + timedelta(days=2)
HOURS = f'hours: {{zone: UTC, open: {{{OPENS:%a}: "08:00-18:00"}}}}'.lower().replace("utc", "UTC")


@asynccontextmanager
async def house(database_url: str, folder: Path, *parts: str, requeue: str = "") -> AsyncIterator[Api]:
    yaml = catalogue(source(), *parts)
    if requeue:
        yaml = yaml.replace("rank: [price, priority]", f"rank: [price, priority], requeue: {requeue}")
    async with serving(database_url, folder, yaml) as running:
        yield running


async def told(api: Api, lead: dict[str, Any] = ANN) -> Any:
    answer = await explain(api, lead)
    assert answer.status_code == 200, answer.text
    return answer.json()["leads"][0]


async def test_who_would_take_it_when_is_told_and_that_it_waits(
    database_url: str, tmp_path: Path, buyer: Buyer
) -> None:
    parts = (
        contract("closed", buyer.url("/ok"), more=HOURS),
        contract("full", buyer.url("/ok"), more="caps: [{per: total, leads: 1}]"),
        contract("never", buyer.url("/ok"), more='when: lead.state == "CA"'),
    )
    async with house(database_url, tmp_path, *parts, requeue="{every: 15m, for: 3d}") as api:
        assert "waits" not in await told(api)
        await api.post({**ANN, "email": "bob@example.com"})
        lead = await told(api)
    assert (lead["state"], lead["would_send"]) == ("delivering", [])
    waits = lead["waits"]
    assert (waits["offered_again"], waits["every"]) == (True, "15m")
    assert (
        timedelta(days=2, hours=23)
        < datetime.fromisoformat(waits["until"]) - datetime.now(UTC)
        <= timedelta(days=3)
    )
    assert waits["later"] == [
        {"contract": "closed", "buyer": "closed", "at": f"{OPENS:%Y-%m-%dT%H:%M:%SZ}", "because": ["hours"]},
        {"contract": "full", "buyer": "full", "because": ["cap per total"]},
    ]  # fmt: skip


async def test_what_does_not_wait_would_be_unsold_and_that_is_said(
    database_url: str, tmp_path: Path, buyer: Buyer
) -> None:
    async with house(database_url, tmp_path, contract("closed", buyer.url("/ok"), more=HOURS)) as api:
        lead = await told(api)
    assert (lead["state"], lead["waits"]["offered_again"]) == ("unsold", False)
    assert [one["contract"] for one in lead["waits"]["later"]] == ["closed"]
    assert "until" not in lead["waits"]


async def test_a_lead_that_is_refused_waits_for_nobody(
    database_url: str, tmp_path: Path, buyer: Buyer
) -> None:
    async with house(database_url, tmp_path, contract("closed", buyer.url("/ok"), more=HOURS)) as api:
        assert "waits" not in await told(api, {**ANN, "email": "no address"})


async def test_sweepers_and_chains_are_told_of_too(database_url: str, tmp_path: Path, buyer: Buyer) -> None:
    more = f"sweeper: true\n        {HOURS}"
    parts = (
        contract("own", buyer.url("/ok"), more='when: lead.state == "CA"'),
        contract("broom", buyer.url("/ok"), more=more),
    )
    async with house(database_url, tmp_path, *parts) as api:
        lead = await told(api)
    assert [one["contract"] for one in lead["waits"]["later"]] == ["broom"]


async def test_a_lead_whose_turn_comes_later_is_told_from_when(
    database_url: str, tmp_path: Path, buyer: Buyer
) -> None:
    paced = contract("paced", buyer.url("/ok"), more="rate: {per: minute, n: 1}")
    async with house(database_url, tmp_path, paced) as api:
        (first,) = (await told(api))["would_send"]
        assert "begins_at" not in first
        # This minute's turn is taken, and the next one's too, should it begin at this moment.
        await api.value("insert into pace values ('paced', date_trunc('minute', clock_timestamp()), 2)")
        (later,) = (await told(api))["would_send"]
        now = datetime.now(UTC)
    assert timedelta() <= datetime.fromisoformat(later["begins_at"]) - now <= timedelta(seconds=121)


@pytest.mark.parametrize("open_", [True, False])
async def test_a_person_who_may_not_be_called_yet_is_told_from_when(
    database_url: str, tmp_path: Path, buyer: Buyer, *, open_: bool
) -> None:
    there = datetime.now(ZoneInfo("America/New_York")) + timedelta(minutes=0 if open_ else 720)
    ends = f"{there.hour + 1:02}:59" if there.hour < 23 else "24:00"
    more = f'consumer_hours: {{open: {{daily: "{there.hour:02}:00-{ends}"}}, otherwise: wait}}'
    async with house(database_url, tmp_path, contract("b1", buyer.url("/ok"), more=more)) as api:
        (first,) = (await told(api, {**ANN, "state": "NY", "phone": "212 555 0123"}))["would_send"]
    if open_:
        assert "begins_at" not in first
    else:
        opens = there.replace(minute=0, second=0, microsecond=0)
        assert datetime.fromisoformat(first["begins_at"]) == opens
