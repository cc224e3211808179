"""A server of your own may be older than the one we bring: whatever is installed beside it, from 15 on, serves."""

from pathlib import Path

import psycopg
import pytest

from app.store.embedded import EmbeddedPostgres
from tests.e2e.catalogues import catalogue, contract, source
from tests.e2e.conftest import Make
from tests.e2e.counting import CountingBuyer
from tests.e2e.source import Source, lead

pytestmark = pytest.mark.e2e

INSTALLED = sorted(p for p in Path("/usr/lib/postgresql").glob("*/bin") if int(p.parent.name) >= 15)
NONE = pytest.param(
    None, marks=pytest.mark.skip(reason="NO OLDER POSTGRESQL HERE: apt-get install postgresql to have one")
)


@pytest.mark.parametrize("binaries", INSTALLED or [NONE], ids=lambda p: p.parent.name if p else "none")
async def test_a_server_of_an_older_version_serves_by_its_url(
    services: Make, buyer: CountingBuyer, tmp_path: Path, binaries: Path
) -> None:
    with EmbeddedPostgres.start(tmp_path / "server", bin_dir=binaries) as server:
        with psycopg.connect(server.dsn, autocommit=True) as db:
            assert str(db.info.server_version).startswith(binaries.parent.name)
        service = services(database_url=server.dsn, processes=2)
        await service.configure(catalogue(source(), contract("west", buyer.url("west"))))
        key = await service.key("source", "acme")
        await service.start()
        async with Source(service.url, key) as acme:
            assert (await acme.post(lead("first"))).outcome == "success"
            assert (await acme.post(lead("first"))).outcome == "failure"  # a duplicate
        assert len(buyer.accepted("west")) == 1
        await service.close()
