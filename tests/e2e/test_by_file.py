"""Leads that leave as files, from the real service: whole under one name, through refusals and a kill at the rename."""

import asyncio
from pathlib import Path

import pytest

from tests.distribute.objectstore import BUCKET, KEY_ID, REGION, SECRET, http, object_store
from tests.e2e.books import Books
from tests.e2e.catalogues import catalogue, source
from tests.e2e.conftest import Make
from tests.e2e.source import Source, lead
from tests.ingest.channels.ftpserver import PASSWORD, USER, ftp_server
from tests.ingest.channels.sftpserver import sftp_server
from tests.ingest.channels.smallftp import Talk, small_ftp

pytestmark = pytest.mark.e2e

FILE = "file: '{{ lead_id }}.csv', fields: {e: email}, header: false, timeout: 20s"


def contract(id_: str, deliver: str, *, bill: int) -> str:
    return f"""
  - id: {id_}
    contracts:
      - id: {id_}
        campaign: solar
        price: "42.00"
        idempotent: true
        when: lead.bill == {bill}.0
        retry: {{schedule: [1s], until: 60s}}
        deliver: {deliver}
"""


def over_ftp(port: int) -> str:
    who = f"host: 127.0.0.1, port: {port}, tls: none, user: {USER}, password: {PASSWORD}"
    return f"{{adapter: ftp, {who}, {FILE}}}"


def over_sftp(port: int, host_key: str) -> str:
    who = f"host: 127.0.0.1, port: {port}, host_key: {host_key}, user: {USER}, password: {PASSWORD}"
    return f"{{adapter: sftp, {who}, {FILE}}}"


def into_store(port: int) -> str:
    key = f"bucket: {BUCKET}, region: {REGION}, access_key: {KEY_ID}, secret_key: {SECRET}"
    return f'{{adapter: s3, endpoint: "http://127.0.0.1:{port}", {key}, {FILE}}}'


def seen(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def made(folder: Path, name: str) -> Path:
    (folder / name).mkdir()
    return folder / name


async def test_each_protocol_has_its_file_after_what_was_refused_at_first(
    services: Make, database_url: str, tmp_path: Path
) -> None:
    ftp, sftp = made(tmp_path, "ftp"), made(tmp_path, "sftp")
    async with sftp_server(sftp) as ssh, object_store() as store:
        with ftp_server(ftp) as server:
            store.answers = [http(503, b"<Error><Code>SlowDown</Code></Error>")]
            service = services(database_url=database_url)
            await service.configure(
                catalogue(
                    source(),
                    contract("by-ftp", over_ftp(server.port), bill=1),
                    contract("by-sftp", over_sftp(ssh.port, ssh.host_key), bill=2),
                    contract("by-s3", into_store(store.port), bill=3),
                )
            )
            key = await service.key("source", "acme")
            await service.start()
            async with Source(service.url, key) as acme, Books(database_url) as books:
                answers = await asyncio.gather(*(acme.post({**lead(n), "bill": str(n)}) for n in (1, 2, 3)))
                await books.settled()
                states = await books.states(one.lead for one in answers)
            assert await service.stop() == 0
    assert [one.outcome for one in answers] == ["success"] * 3
    assert set(states.values()) == {"sold"}
    assert seen(ftp) == {f"{answers[0].lead}.csv": b"ann1@example.com\r\n"}
    assert seen(sftp) == {f"{answers[1].lead}.csv": b"ann2@example.com\r\n"}
    assert store.objects == {f"/{BUCKET}/{answers[2].lead}.csv": b"ann3@example.com\r\n"}
    assert len(store.asked) == 2
    assert not any(word in service.log() for word in ("example.com", PASSWORD, SECRET))


async def test_who_is_killed_at_the_rename_puts_the_same_file_again(
    services: Make, database_url: str, tmp_path: Path
) -> None:
    folder, renamed = made(tmp_path, "ftp"), asyncio.Event()

    async def renames_without_a_word(talk: Talk, given: str) -> str | None:
        await talk.answer("RNTO", given)
        talk.server.answers.clear()
        renamed.set()
        await talk.reader.read()
        return None

    async with small_ftp(folder) as server:
        server.answers["RNTO"] = renames_without_a_word
        service = services(database_url=database_url, hasty=True)
        await service.configure(
            catalogue(source(reply="receipt"), contract("by-ftp", over_ftp(server.port), bill=120))
        )
        key = await service.key("source", "acme")
        await service.start()
        async with Source(service.url, key) as acme, Books(database_url) as books:
            posted = await acme.post(lead(1))
            await asyncio.wait_for(renamed.wait(), 60)
            service.kill()
            await service.start()
            await books.settled()
            states = await books.states([posted.lead])
            deliveries = await books.deliveries(posted.lead)
        assert await service.stop() == 0
    assert states == {posted.lead: "sold"}
    assert [one["state"] for one in deliveries] == ["accepted"]
    assert seen(folder) == {f"{posted.lead}.csv": b"ann1@example.com\r\n"}
    assert server.said.count("RNTO") == 2
