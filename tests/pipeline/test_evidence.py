"""Look-ups that need no database: what is known at once, and what a lead waits for."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from app.enrich.enrichment import NONE
from app.model import Lead, Value
from app.pipeline.evidence import EvidenceDesk
from app.validate.blocklists import Blocklists
from app.validate.check import Blocked, Locate, Location, checks
from app.validate.judge import Judge
from app.validate.places import Places
from tests.validate import test_mx
from tests.validate.checks.conftest import AT
from tests.validate.test_blocklists import asking

DEVICE = checks.discover()["device"]
WHERE, LISTED = Locate("203.0.114.9"), Blocked("bl.example", "203.0.114.9")


@pytest.fixture(autouse=True)
def _zone(monkeypatch: pytest.MonkeyPatch) -> None:
    zone = {("9.114.0.203.bl.example", "A"): ["127.0.0.2"]}
    monkeypatch.setattr(test_mx, "ZONE", zone)
    monkeypatch.setattr(test_mx, "NAMES", {name for name, _ in zone})


class Shelves(Places):
    """One that counts how often it was opened, and knows every address."""

    opened = 0

    def refresh(self) -> bool:
        self.opened, self.ready = self.opened + 1, True
        return True

    def look(self, address: str) -> Location | None:
        return Location(country="US")


def draft(**settings: Any) -> Any:
    judge = Judge([(DEVICE, DEVICE.settings.model_validate(settings))])
    lead = Lead(
        id=UUID(int=1), submission_id=UUID(int=2), source="acme", campaign="solar", received_at=AT,
        fields={"ip": Value("203.0.114.9", "203.0.114.9", True, {"version": 4})},
    )  # fmt: skip
    return SimpleNamespace(
        plan=SimpleNamespace(campaign=SimpleNamespace(judge=judge, enrichment=NONE)),
        lead=lead,
        evidence={},
        took={},
    )


def desk(places: Places | None, blocklists: Blocklists | None = None) -> EvidenceDesk:
    return EvidenceDesk(None, None, places=places, blocklists=blocklists)  # type: ignore[arg-type]


async def test_the_first_lead_opens_the_databases_and_no_other_waits(tmp_path: Path) -> None:
    places = Shelves(tmp_path)
    first, second = draft(), draft()
    assert desk(places).slow(first) == [WHERE]
    await desk(places).look_up(first, [WHERE])
    assert desk(places).slow(second) == []
    assert first.evidence == second.evidence == {WHERE: Location(country="US")}
    assert places.opened == 1


async def test_a_dns_list_is_waited_for_where_the_campaign_names_one(tmp_path: Path) -> None:
    places = Shelves(tmp_path)
    places.open()
    async with asking() as (lists, server, _):
        at = desk(places, lists)
        one = draft(blocklists=["bl.example"])
        assert at.slow(one) == [LISTED]
        await at.look_up(one, [LISTED])
        assert one.evidence == {WHERE: Location(country="US"), LISTED: True}
        assert one.took["device"] > 0  # what it waited for counts as its own
        assert at.slow(one) == []
        other = draft()
        assert at.slow(other) == []
        assert sum(server.asked.values()) == 1


async def test_without_databases_and_lists_everything_is_unknown() -> None:
    one = draft(blocklists=["bl.example"])
    await desk(None).look_up(one, desk(None).slow(one))
    assert one.evidence == {WHERE: None, LISTED: None}
