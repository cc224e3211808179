"""Leads that leave together from the real service: a kill at the rename puts the same file again, with the same rows."""

import asyncio
from pathlib import Path

import pytest

from tests.e2e.books import Books
from tests.e2e.catalogues import catalogue, source
from tests.e2e.conftest import Make
from tests.e2e.source import Source, lead
from tests.ingest.channels.ftpserver import PASSWORD, USER
from tests.ingest.channels.smallftp import Talk, small_ftp

pytestmark = pytest.mark.e2e


def contract(port: int) -> str:
    return f"""
  - id: by-ftp
    contracts:
      - id: by-ftp
        campaign: solar
        price: "42.00"
        idempotent: true
        retry: {{schedule: [1s], until: 60s}}
        deliver:
          adapter: ftp
          host: 127.0.0.1
          port: {port}
          tls: none
          user: {USER}
          password: {PASSWORD}
          timeout: 20s
          batch: {{every: 1h, count: 5}}
          fields: {{e: email}}
"""


async def test_who_is_killed_at_the_rename_puts_the_same_file_again(
    services: Make, database_url: str, tmp_path: Path
) -> None:
    folder, renamed = tmp_path / "ftp", asyncio.Event()
    folder.mkdir()

    async def renames_without_a_word(talk: Talk, given: str) -> str | None:
        await talk.answer("RNTO", given)
        talk.server.answers.clear()
        renamed.set()
        await talk.reader.read()
        return None

    async with small_ftp(folder) as server:
        server.answers["RNTO"] = renames_without_a_word
        service = services(database_url=database_url, hasty=True)
        await service.configure(catalogue(source(reply="receipt"), contract(server.port)))
        key = await service.key("source", "acme")
        await service.start()
        async with Source(service.url, key) as acme, Books(database_url) as books:
            posted = [await acme.post(lead(n)) for n in range(1, 6)]
            await asyncio.wait_for(renamed.wait(), 60)
            (first,) = folder.iterdir()
            written = first.read_bytes()
            service.kill()
            await service.start()
            await books.settled()
            states = await books.states(one.lead for one in posted)
        assert await service.stop() == 0
    assert set(states.values()) == {"sold"}
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == {first.name: written}
    assert sorted(written.split()) == sorted([b"e", *(f"ann{n}@example.com".encode() for n in range(1, 6))])
    assert server.said.count("RNTO") == 2
    assert not any(word in service.log() for word in ("example.com", PASSWORD))
