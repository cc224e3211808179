"""Files on FTP and SFTP servers through the real service: each lead once, also when it is killed in between."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.e2e.books import until
from tests.e2e.catalogues import catalogue
from tests.e2e.conftest import Make
from tests.e2e.test_channels import ADF, EMAILS, asked, done, fed
from tests.ingest.channels import ftpserver, sftpserver
from tests.ingest.channels.ftpserver import ftp_server
from tests.ingest.channels.sftpserver import sftp_server

pytestmark = pytest.mark.e2e


@pytest.fixture
def on_ftp(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    folder = tmp_path / "ftp"
    folder.mkdir()
    with ftp_server(folder) as server:
        yield (
            folder,
            f"{{channel: ftp, host: 127.0.0.1, port: {server.port}, tls: none, user: {ftpserver.USER},"
            f" password: {ftpserver.PASSWORD}, every: 1s}}",
        )


@pytest.fixture
async def on_sftp(tmp_path: Path) -> AsyncIterator[tuple[Path, str]]:
    folder = tmp_path / "sftp"
    folder.mkdir()
    async with sftp_server(folder) as server:
        yield (
            folder,
            f"{{channel: sftp, host: 127.0.0.1, port: {server.port}, host_key: {server.host_key},"
            f" user: {sftpserver.USER}, password: {sftpserver.PASSWORD}, every: 1s}}",
        )


async def test_a_table_on_sftp_and_an_adf_on_ftp_become_leads_once(
    services: Make, database_url: str, on_ftp: tuple[Path, str], on_sftp: tuple[Path, str]
) -> None:
    (ftp, told_ftp), (sftp, told_sftp) = on_ftp, on_sftp
    service = services(database_url=database_url, hasty=True)
    await service.configure(catalogue(fed(told_ftp, told_sftp)))
    await service.start()
    (ftp / "lead.adf").write_text(ADF)
    rows = "".join(f"Ann,sftp{n}@example.com\n" for n in range(300))
    (sftp / "leads.csv").write_text(f"first_name,email\n{rows}")

    async def begun() -> bool:
        return bool(await asked(database_url, "select count(*) from submission"))

    await until(begun, every=0.01)
    service.kill()
    for folder, name in ((ftp, "lead.adf"), (sftp, "leads.csv")):
        if name in done(folder):
            (folder / "done" / name).rename(folder / name)  # as if it had died a moment before the move
    await service.start()

    async def all_there() -> bool:
        return await asked(database_url, f"select cardinality(({EMAILS}))") == 301

    await until(all_there)
    await until(lambda: asyncio.sleep(0, done(ftp) and done(sftp)))
    assert (done(ftp), done(sftp)) == ({"lead.adf"}, {"leads.csv"})
    assert await asked(database_url, "select count(*) from lead") == 301
    assert await service.stop() == 0
    assert os.listdir(service.folder / "batches") == []
    assert "example.com" not in service.log()
    assert ftpserver.PASSWORD not in service.log()
