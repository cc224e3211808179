"""Leads that leave together: once each, in one file, whatever fails and whoever dies."""

import asyncio
from collections import Counter
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.pipeline.bounces import Bounces
from app.store import bundles, erasing
from app.store.database import Database
from tests.ingest.channels.ftpserver import EVERYTHING, USER, Ftp, ftp_server
from tests.ingest.channels.sftpserver import sftp_server
from tests.mail_server import Outbox
from tests.pipeline.filehouse import bundled_by, desk, ended, files, is_due, over_ftp, over_sftp
from tests.pipeline.house import House, catalogue, lead, opened, source

DEAD = UUID("00000000-0000-7000-8000-00000000dead")


def people(n: int, first: int = 0) -> list[dict[str, str]]:
    return [lead(f"p{i}@example.com") for i in range(first, first + n)]


def emails(folder: Path) -> list[str]:
    return sorted(line.partition(",")[2] for lines in files(folder).values() for line in lines)


def may(server: Ftp, what: str) -> None:
    server.authorizer.user_table[USER]["perm"] = what


async def posted(house: House, *given: dict[str, str]) -> list[Any]:
    answers = await house.post(*given)
    assert {(one.outcome, one.state) for one in answers} == {("pending", "delivering")}
    return answers


async def test_leads_wait_and_leave_in_one_file(database: Database, tmp_path: Path) -> None:
    with ftp_server(tmp_path) as server:
        async with opened(database, catalogue(source(), over_ftp(server.port))) as house:
            await posted(house, *people(3))
            await house.upkeep.due()
            await desk(house).look()
            assert files(tmp_path) == {}
            await house.run(
                "update delivery set next_at = now() where id = (select id from delivery limit 1)"
            )
            await house.upkeep.due()
            await desk(house).look()
            await ended(house, "accepted", 3)
            ((lines),) = files(tmp_path).values()
            assert sorted(line.partition(",")[2] for line in lines) == [f"p{i}@example.com" for i in range(3)]
            ids = {str(row[0]) for row in await house.rows("select id from delivery")}
            assert {line.partition(",")[0] for line in lines} == ids
            (name,) = files(tmp_path)
            told = await house.rows("select read, exchanges from attempt_end order by read")
            assert [row[0] for row in told] == [
                f"row {n} of 3 in {name}; the file is there" for n in (1, 2, 3)
            ]
            assert not any("p1@example.com" in str(row[1]) for row in told)
            assert "p1@example.com" in await house.value("select exchanges::text from bundle")
            assert await house.rows("select state, size, outcome from bundle") == [("sent", 3, "Accepted")]
            assert house.at_rest()


async def test_a_thousand_leave_as_soon_as_they_are_a_thousand(database: Database, tmp_path: Path) -> None:
    with ftp_server(tmp_path) as server:
        yaml = catalogue(source(), over_ftp(server.port, batch="{every: 1d, count: 1000}"))
        async with opened(database, yaml) as house:
            for first in (0, 333, 666):
                await posted(house, *people(333, first))
            await desk(house).look()
            assert files(tmp_path) == {}
            await posted(house, *people(1, 999))
            await desk(house).look()
            await ended(house, "accepted", 1000)
    assert emails(tmp_path) == sorted(f"p{i}@example.com" for i in range(1000))
    assert len(files(tmp_path)) == 1


async def test_what_is_too_much_for_one_file_is_in_the_next(database: Database, tmp_path: Path) -> None:
    with ftp_server(tmp_path) as server:
        yaml = catalogue(source(), over_ftp(server.port, batch="{every: 1h, most: 2}"))
        async with opened(database, yaml) as house:
            await posted(house, *people(5))
            await is_due(house)
            bundling = desk(house)
            for n in (2, 4, 5):
                await bundling.look()
                await ended(house, "accepted", n)
    assert [len(lines) for lines in files(tmp_path).values()] == [2, 2, 1]
    assert len(set(emails(tmp_path))) == 5


async def test_by_count_only_new_ones_are_counted_so_that_a_refusal_keeps_to_its_schedule(
    database: Database, tmp_path: Path
) -> None:
    with ftp_server(tmp_path, may="elr") as server:
        yaml = catalogue(source(), over_ftp(server.port, batch="{every: 1d, count: 2}"))
        async with opened(database, yaml) as house:
            await posted(house, *people(2))
            await desk(house).look()
            await ended(house, "waiting", 2)
            await desk(house).look()
            assert await house.value("select max(attempts) from delivery") == 1
            (read, *_) = (await house.rows("select read from attempt_end order by read"))[0]
            assert read.endswith("the server refuses the file: ftp_550")
            may(server, EVERYTHING)
            await posted(house, *people(1, 2))
            await is_due(house)
            await desk(house).look()
            await ended(house, "accepted", 3)
            assert await house.rows("select state, size from bundle order by id") == [
                ("unsent", 2),
                ("sent", 3),
            ]
    assert emails(tmp_path) == [f"p{i}@example.com" for i in range(3)]


async def test_two_processes_never_put_one_lead_into_two_files(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    own = await Database.open(database_url, size=4, application_name="another")
    with ftp_server(tmp_path) as server:
        yaml = catalogue(source(), over_ftp(server.port, batch="{every: 1h, most: 7}"))
        async with opened(database, yaml) as one, opened(own, yaml) as other:
            await posted(one, *people(60))
            await is_due(one)
            desks = desk(one), desk(other), desk(one), desk(other)

            async def all_sent() -> bool:
                await asyncio.gather(*(each.look() for each in desks))
                return bool(await one.value("select count(*) = 60 from delivery where state = 'accepted'"))

            await one.until(all_sent)
    await own.close()
    assert Counter(emails(tmp_path)) == {f"p{i}@example.com": 1 for i in range(60)}


# those who die -----------------------------------------------------------------------------------------


async def claimed_by_the_dead(house: House) -> str:
    """Somebody has taken all that wait, and died before the first byte: the name of the file."""
    ids = await house.rows("select id, lead_id from delivery where state = 'waiting' order by id")
    async with house.database.acquire() as conn, conn.transaction():
        bundle, name = house.world.new_id(), "begun.csv"
        rows = await bundles.claim(conn, DEAD, "files", 1000)
        assert len(rows) == len(ids)
        await bundles.new(conn, bundle, "files", name, [(row.id, row.lead_id) for row in rows])
    house.upkeep._seen_since -= 1000
    await house.upkeep.recover()
    return name


async def test_what_somebody_died_at_is_unclear(database: Database, tmp_path: Path) -> None:
    with ftp_server(tmp_path) as server:
        async with opened(database, catalogue(source(), over_ftp(server.port))) as house:
            answers = await posted(house, *people(2))
            await claimed_by_the_dead(house)
            assert {await house.state(one.lead_id) for one in answers} == {"unclear"}
            await desk(house).tidy()
            assert await house.value("select state from bundle") == "unclear"
            await desk(house).look()
            assert files(tmp_path) == {}


async def test_of_an_idempotent_contract_the_same_file_is_put_again_and_nobody_else_is_in_it(
    database: Database, tmp_path: Path
) -> None:
    with ftp_server(tmp_path) as server:
        async with opened(
            database, catalogue(source(), over_ftp(server.port, head="idempotent: true"))
        ) as house:
            await posted(house, *people(3))
            name = await claimed_by_the_dead(house)
            await posted(house, *people(1, 3))
            await house.run("update delivery set next_at = now() + interval '1 hour' where attempts > 0")
            await house.run("update delivery set next_at = now() where attempts = 0")
            await desk(house).look()
            await ended(house, "accepted", 1)
            assert emails(tmp_path) == ["p3@example.com"]
            settled = await house.value("select id from delivery order by id limit 1")
            await house.run("update delivery set state = 'accepted' where id = $1", settled)
            await is_due(house)
            await desk(house).look()
            await ended(house, "accepted", 4)
            found = files(tmp_path)
            assert len(found) == 2
            assert sorted(line.partition(",")[2] for line in found[name]) == [
                f"p{i}@example.com" for i in range(3)
            ]


async def test_what_was_claimed_and_never_begun_goes_out_in_no_file_of_its_own(
    database: Database, tmp_path: Path
) -> None:
    with ftp_server(tmp_path) as server:
        async with opened(database, catalogue(source(), over_ftp(server.port))) as house:
            await posted(house, *people(2))
            async with house.database.acquire() as conn, conn.transaction():
                rows = await bundles.claim(conn, house.identity(), "files", 1000)
                await bundles.new(
                    conn, house.world.new_id(), "files", "begun.csv", [(row.id, row.lead_id) for row in rows]
                )
            await house.upkeep.lost()
            await house.upkeep.lost()
            await ended(house, "waiting", 2)
            assert files(tmp_path) == {}
            await is_due(house)
            await desk(house).look()
            await ended(house, "accepted", 2)
    assert list(files(tmp_path)) == ["begun.csv"]


# what is special of one of them ------------------------------------------------------------------------


async def test_a_lead_that_was_erased_is_in_no_file_and_its_bytes_are_gone(
    database: Database, tmp_path: Path
) -> None:
    with ftp_server(tmp_path) as server:
        async with opened(database, catalogue(source(), over_ftp(server.port))) as house:
            _, two = await posted(house, *people(2))
            await is_due(house)
            await desk(house).look()
            await ended(house, "accepted", 2)
            async with house.database.acquire() as conn, conn.transaction():
                await erasing.erase_leads(conn, [two.lead_id], by="test")
            assert await house.value("select exchanges::text from bundle") == "[]"
            (three,) = await posted(house, *people(1, 2))
            async with house.database.acquire() as conn, conn.transaction():
                await erasing.erase_leads(conn, [three.lead_id], by="test")
            await is_due(house)
            await desk(house).look()
            assert len(files(tmp_path)) == 1


async def test_one_that_has_no_row_waits_on_and_the_others_leave(database: Database, tmp_path: Path) -> None:
    fields = "{Id: delivery_id, Email: '{{ lead.email }}{{ 1 / (lead.phone | length) }}'}"
    with ftp_server(tmp_path) as server:
        yaml = catalogue(source(), over_ftp(server.port, fields=fields))
        async with opened(database, yaml) as house:
            await posted(house, lead("no@example.com"), lead("ok@example.com", phone="+1 512 555 0123"))
            await is_due(house)
            await desk(house).look()
            await ended(house, "accepted", 1)
            told = await house.rows("select outcome, reason, read from attempt_end order by outcome")
            assert told[0][2].startswith("row 1 of 1 in ")
            assert told[1][:2] == ("TryLater", "unformattable")
            assert await house.value("select size from bundle") == 1
            assert await house.value("select state from delivery where reason = 'unformattable'") == "waiting"


async def test_over_sftp_the_same(database: Database, tmp_path: Path) -> None:
    async with (
        sftp_server(tmp_path) as ssh,
        opened(database, catalogue(source(), over_sftp(ssh.port, ssh.host_key))) as house,
    ):
        await posted(house, *people(3))
        await is_due(house)
        await desk(house).look()
        await ended(house, "accepted", 3)
    assert emails(tmp_path) == [f"p{i}@example.com" for i in range(3)]


@pytest.mark.parametrize("pause", ["paused: true", "breaker: null"])
async def test_a_contract_that_is_paused_or_rests_keeps_its_leads(
    database: Database, tmp_path: Path, pause: str
) -> None:
    with ftp_server(tmp_path) as server:
        async with opened(database, catalogue(source(), over_ftp(server.port))) as house:
            await posted(house, *people(1))
            await house.configure(catalogue(source(), over_ftp(server.port, head=pause)))
            if pause != "paused: true":
                house.engine.sender.health.shut = frozenset({"files"})
            await is_due(house)
            await desk(house).look()
            await house.upkeep.due()
            assert await house.value("select state from delivery") == "waiting"
    assert files(tmp_path) == {}


async def test_by_mail_they_are_one_mail_and_its_bounce_is_everybodys(database: Database) -> None:
    outbox = Outbox()
    async with outbox.listening() as port:
        deliver = f"""{{adapter: email, server: {{host: 127.0.0.1, port: {port}, tls: none}}, sender: us@leads.example,
            to: [sales@sunco.example], subject: Leads, batch: {{every: 1h}}, proof: confirmed,
            attach: [{{kind: csv, fields: {{Email: email}}}}]}}"""
        async with opened(database, catalogue(source(), bundled_by(deliver))) as house:
            answers = await posted(house, *people(2))
            await is_due(house)
            await desk(house).look()
            await ended(house, "unclear", 2)
            (envelope,) = outbox.got
            message = message_from_bytes(bytes(envelope.original_content or b""), policy=default)
            (file,) = message.iter_attachments()
            assert sorted(file.get_content().split()) == ["Email", "p0@example.com", "p1@example.com"]
            report = (
                "From: <>\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n"
                "Content-Type: text/plain\r\n\r\nno\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
                "Reporting-MTA: dns; mx\r\n\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b\r\n"
                f"Content-Type: message/rfc822\r\n\r\nMessage-ID: {message['message-id']}\r\n\r\n--b--\r\n"
            )
            bounces = Bounces(house.settler, house.engine.follow)
            assert await bounces.take(report.encode(), frozenset({"files"}))
            assert {await house.state(one.lead_id) for one in answers} == {"unsold"}
            assert not await bounces.take(report.encode(), frozenset({"another"}))
