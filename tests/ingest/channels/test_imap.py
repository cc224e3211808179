"""Leads out of a mailbox: once each, and every mail ends in a folder that says what became of it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from app.core.errors import NotDurable
from app.distribute.wire import Wire
from app.ingest.channel import Trouble, Visit
from app.ingest.channels import imap
from app.ingest.channels.imap import Imap, ImapSettings
from app.pipeline.channel_door import ChannelDoor
from app.remote.mailbox import Box
from app.store.channels import Turn
from app.store.database import Database
from tests.ingest.channels.mailserver import PASSWORD, USER, MailServer, mail_server
from tests.pipeline import house
from tests.pipeline.house import House
from tests.selfsigned import self_signed

NEVER = "idle: 0s"


def form(email: str, id_: str = "") -> bytes:
    head = f"From: form@portal.example\r\nSubject: New lead\r\nMessage-ID: <{id_ or email}>\r\n\r\n"
    return f"{head}First Name: Ann\r\nEmail: {email}\r\n".encode()


@pytest.fixture
async def server() -> AsyncIterator[MailServer]:
    async with mail_server() as running:
        yield running


@pytest.fixture
async def inside(database: Database) -> AsyncIterator[House]:
    async with house.opened(database, house.catalogue(house.source())) as opened:
        yield opened


def told(server: MailServer, **more: Any) -> ImapSettings:
    given = {
        "host": "127.0.0.1",
        "port": server.port,
        "tls": "none",
        "user": USER,
        "password": PASSWORD,
        "idle": "0s",
    }
    return ImapSettings.model_validate(given | more)


def door_of(inside: House, kind: type[ChannelDoor] = ChannelDoor) -> ChannelDoor:
    turn = Turn("acme", "imap", 1, {}, 0, inside.identity())
    return kind(
        turn, "imap", database=inside.database, engine=inside.engine, reader=inside.reader, wire=Wire(allow_private=True),
        world=inside.world, import_file=None,
    )  # type: ignore[arg-type]  # fmt: skip


async def visited(inside: House, server: MailServer, **more: Any) -> Visit:
    return await Imap().visit(told(server, **more), door_of(inside))


async def emails(inside: House) -> list[str]:
    """Of all leads, once nothing is undecided any more."""

    async def none_left() -> bool:
        return not await inside.value("select count(*) from inbox")

    await inside.until(none_left)
    rows = await inside.rows("select fields->'email'->>1 from lead_detail order by lead_id")
    return [row[0] for row in rows]


async def refusals(inside: House) -> list[tuple[str, str]]:
    return [(row[0], row[1]) for row in await inside.rows("select source, code from refusal order by id")]


async def test_every_new_mail_is_taken_and_moved_to_done(inside: House, server: MailServer) -> None:
    await server.put(form("ann@example.com"))
    await server.put(form("bob@example.com"))
    assert await visited(inside, server) == Visit(kept=2)
    assert await emails(inside) == ["ann@example.com", "bob@example.com"]
    assert await server.folder("INBOX") == []
    assert await server.folder("Leads done") == [form("ann@example.com"), form("bob@example.com")]


async def test_a_visit_that_finds_nothing_leaves_nothing_behind_but_its_folders(
    inside: House, server: MailServer
) -> None:
    assert await visited(inside, server) == Visit()
    assert await visited(inside, server) == Visit()


async def test_a_mail_without_a_lead_goes_to_failed_with_the_reason_beside_it(
    inside: House, server: MailServer
) -> None:
    newsletter = b"From: a@b.example\r\nMessage-ID: <news@b.example>\r\n\r\nWe have a sale on.\r\n"
    await server.put(newsletter)
    assert await visited(inside, server) == Visit(refused=1)
    mail, note = await server.folder("Leads failed")
    assert mail == newsletter
    assert b"In-Reply-To: <news@b.example>" in note
    assert b"there is no data part, no table and no `label: value` line in the mail" in note
    assert await refusals(inside) == [("acme", "empty")]


async def test_a_mail_that_is_too_large_is_never_fetched_whole(inside: House, server: MailServer) -> None:
    await server.put(form("ann@example.com") + b"x" * 20_000)
    assert await visited(inside, server, largest=10_000) == Visit(refused=1)
    _, note = await server.folder("Leads failed")
    assert b"a mail of more than 10,000 bytes is not read" in note
    assert await refusals(inside) == [("acme", "too_large")]
    assert await inside.value("select content_type from refusal") == "message/rfc822"


class DiesAfterKeep(ChannelDoor):
    """As by kill -9 between what was kept and its move."""

    async def keep(self, *given: Any, **more: Any) -> bool:
        await super().keep(*given, **more)
        raise KeyboardInterrupt


async def test_a_kill_between_keep_and_move_doubles_nothing(inside: House, server: MailServer) -> None:
    await server.put(form("ann@example.com"))
    with pytest.raises(KeyboardInterrupt):
        await Imap().visit(told(server), door_of(inside, DiesAfterKeep))
    assert await server.folder("INBOX") == [form("ann@example.com")]
    assert await visited(inside, server) == Visit(known=1)
    assert await emails(inside) == ["ann@example.com"]
    assert await server.folder("Leads done") == [form("ann@example.com")]


class Away(ChannelDoor):
    async def keep(self, *given: Any, **more: Any) -> bool:
        raise NotDurable("the database does not answer")


async def test_a_mail_stays_where_it_is_while_nothing_can_be_stored(
    inside: House, server: MailServer
) -> None:
    await server.put(form("ann@example.com"))
    with pytest.raises(NotDurable):
        await Imap().visit(told(server), door_of(inside, Away))
    assert await visited(inside, server) == Visit(kept=1)


async def test_mails_that_were_numbered_anew_are_known_again(inside: House, server: MailServer) -> None:
    await server.put(form("ann@example.com"))
    await visited(inside, server)
    await server.move("Leads done", "INBOX")
    await server.number_anew()
    assert await visited(inside, server) == Visit(known=1)
    assert await emails(inside) == ["ann@example.com"]


async def test_a_form_that_gives_every_mail_the_same_id_loses_no_lead(
    inside: House, server: MailServer
) -> None:
    await server.put(form("ann@example.com", "same@portal.example"))
    await server.put(form("bob@example.com", "same@portal.example"))
    assert await visited(inside, server) == Visit(kept=2)


async def test_a_mail_that_a_person_has_opened_is_left_to_the_person(
    inside: House, server: MailServer
) -> None:
    await server.put(form("ann@example.com"))
    await server.mark(r"(\Seen)")
    assert await visited(inside, server) == Visit()
    assert await visited(inside, server, unseen=False) == Visit(kept=1)


async def test_without_a_folder_for_it_a_taken_mail_stays_and_is_seen(
    inside: House, server: MailServer
) -> None:
    await server.put(form("ann@example.com"))
    assert await visited(inside, server, done="") == Visit(kept=1)
    assert await server.folder("INBOX") == [form("ann@example.com")]
    assert await visited(inside, server, done="") == Visit()


@pytest.mark.parametrize("lacks", [{b"MOVE"}, {b"MOVE", b"UIDPLUS"}], ids=["copy", "expunge"])
async def test_a_server_without_move_is_helped_along(inside: House, lacks: set[bytes]) -> None:
    async with mail_server(lacks=lacks) as older:
        await older.put(form("ann@example.com"))
        assert await visited(inside, older) == Visit(kept=1)
        assert await older.folder("INBOX") == []
        assert await older.folder("Leads done") == [form("ann@example.com")]


async def test_a_mail_that_comes_while_it_waits_is_taken_at_once(inside: House, server: MailServer) -> None:
    visit = asyncio.create_task(visited(inside, server, idle="10m"))
    await server.put(form("ann@example.com"))

    async def taken() -> bool:
        return bool(await server.folder("Leads done"))

    await inside.until(taken)
    await server.put(form("bob@example.com"))
    assert await inside.until(lambda: _both(server))
    visit.cancel()
    with pytest.raises(asyncio.CancelledError):
        await visit


async def test_a_mail_that_comes_between_the_look_and_the_wait_is_not_waited_for_long(
    server: MailServer,
) -> None:
    """This server tells only of what comes while it idles."""
    box = Box(told(server), "127.0.0.1")
    await asyncio.to_thread(box.open, "INBOX", [])
    assert await asyncio.to_thread(box.waiting, 10, unseen=True) == []
    await server.put(form("ann@example.com"))
    assert await asyncio.to_thread(box.wait, 0.1)
    assert len(await asyncio.to_thread(box.waiting, 10, unseen=True)) == 1
    assert await asyncio.to_thread(box.wait, 0.1)
    await asyncio.to_thread(box.close)


async def _both(server: MailServer) -> bool:
    return len(await server.folder("Leads done")) == 2


async def test_a_wait_that_is_over_begins_again_only_where_it_had_lasted(
    inside: House, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await visited(inside, server, idle="50ms") == Visit()
    with monkeypatch.context() as patch:
        patch.setattr(imap, "_SHORTEST_IDLE", 0.04)
        assert await visited(inside, server, idle="50ms") == Visit(more=True)
    async with mail_server(lacks={b"IDLE"}) as older:
        assert await visited(inside, older, idle="10m") == Visit()


async def test_a_wrong_password_is_trouble_that_does_not_repeat_it(inside: House, server: MailServer) -> None:
    with pytest.raises(Trouble) as caught:
        await visited(inside, server, password="hunter2")
    assert str(caught.value) == "127.0.0.1: the log-in was refused"


async def test_trouble_says_host_and_cause(inside: House, server: MailServer) -> None:
    with pytest.raises(
        Trouble, match=r"^127.0.0.1: the folder Nowhere can't be opened there \(it said no\)$"
    ):
        await visited(inside, server, folder="Nowhere")
    with pytest.raises(Trouble, match=r"^127.0.0.1:1: it can't be connected to$"):
        await visited(inside, server, port=1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"password": ""},
        {"token": "both"},
        {"done": "", "unseen": False},
        {"done": "INBOX"},
        {"failed": "Leads done"},
        {"idle": "30m"},
        {"folder": "a\r\nb"},
        {"failed": 'a"b'},
    ],
    ids=str,
)
def test_settings_that_can_not_work_are_refused(wrong: Mapping[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ImapSettings.model_validate({"host": "h", "user": "u", "password": "p"} | dict(wrong))


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
async def test_a_certificate_that_nobody_vouches_for_is_trouble(
    inside: House, tls: str, tmp_path: Path
) -> None:
    cert = self_signed(tmp_path)
    async with mail_server(cert=cert) as server:
        with pytest.raises(
            Trouble, match=r"its certificate is not one that is trusted|its TLS handshake failed"
        ):
            await visited(inside, server, tls=tls)
        if tls == "starttls":
            await visited(inside, server, tls=tls, ca=str(cert))
