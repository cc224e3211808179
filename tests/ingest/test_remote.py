"""A folder on another machine is picked up, by whichever protocol: each file once, and seen to be done with."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Protocol

import asyncssh
import pytest

from app.core.errors import NotDurable
from app.pipeline.channel_door import ChannelDoor
from app.store.database import Database
from tests.ingest.channels.ftpserver import EVERYTHING, NO_MOVING, OLDER, PASSWORD, USER, ftp_server
from tests.ingest.channels.sftpserver import sftp_server
from tests.pipeline.house import House, catalogue, opened
from tests.pipeline.visiting import Rounds, visiting, with_channels

ADF = (
    "<?ADF VERSION='1.0'?><?xml version='1.0'?><adf><prospect><customer><contact><name part='first'>Ann</name>"
    "<email>ann%s@example.com</email></contact></customer></prospect></adf>"
)


def csv(*numbers: int) -> str:
    return "first_name,email\n" + "".join(f"Ann,ann{n}@example.com\n" for n in numbers)


class Place(Protocol):
    told: str
    fetched: list[str]

    def lets_move(self, yes: bool) -> None: ...


class OverFtp:
    def __init__(self, server: Any) -> None:
        self._server = server
        self.told = f"channel: ftp, host: 127.0.0.1, port: {server.port}, tls: none, user: {USER}, password: {PASSWORD}"

    @property
    def fetched(self) -> list[str]:
        return [command for command in self._server.said if command == "RETR"]

    def lets_move(self, yes: bool) -> None:
        self._server.authorizer.user_table[USER]["perm"] = EVERYTHING if yes else NO_MOVING


class Strict(asyncssh.SFTPServer):
    """One where others may only read."""

    strict = False
    opened: list[bytes]

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> Any:
        if pflags != asyncssh.FXF_READ:
            self._refuse()
        type(self).opened.append(path)
        return super().open(path, pflags, attrs)

    def mkdir(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> Any:
        self._refuse()
        return super().mkdir(path, attrs)

    def rename(self, oldpath: bytes, newpath: bytes) -> Any:
        self._refuse()
        return super().rename(oldpath, newpath)

    def _refuse(self) -> None:
        if type(self).strict:
            raise asyncssh.SFTPPermissionDenied("not yours")


class OverSftp:
    def __init__(self, server: Any, serves: type[Strict]) -> None:
        self._serves = serves
        self.told = (
            f"channel: sftp, host: 127.0.0.1, port: {server.port}, host_key: {server.host_key}, user: {USER},"
            f" password: {PASSWORD}"
        )

    @property
    def fetched(self) -> list[bytes]:
        return self._serves.opened

    def lets_move(self, yes: bool) -> None:
        self._serves.strict = not yes


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "leads"
    folder.mkdir()
    return folder


@pytest.fixture(params=["ftp", "sftp"])
async def place(request: pytest.FixtureRequest, inbox: Path) -> AsyncIterator[Place]:
    if request.param != "sftp":
        with ftp_server(inbox, lacks=OLDER if request.param == "older ftp" else ()) as server:
            yield OverFtp(server)
        return

    class Ours(Strict):
        opened: list[bytes] = []

    async with sftp_server(inbox, serves=Ours) as sftp:
        yield OverSftp(sftp, Ours)


@pytest.fixture
async def house(database: Database, place: Place) -> AsyncIterator[House]:
    async with opened(database, catalogue(with_channels(f"{{{place.told}, every: 1s}}"))) as made:
        yield made


@pytest.fixture
async def picker(house: House, tmp_path: Path) -> AsyncIterator[Rounds]:
    async with visiting(house, tmp_path / "spool") as rounds:
        yield rounds


def seen(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if not file.is_dir()}


async def trouble(picker: Rounds) -> str:
    return (await picker.standing()).trouble or ""


async def visited_twice(picker: Rounds) -> None:
    await picker.go()
    await picker.go()


async def test_a_file_is_taken_when_two_looks_saw_it_the_same(inbox: Path, picker: Rounds) -> None:
    (inbox / "leads.csv").write_text(csv(1))
    await picker.go()
    (inbox / "leads.csv").write_text(csv(1, 2))
    await picker.go()
    assert seen(inbox) == {"leads.csv"}
    await picker.go()
    assert seen(inbox) == {"done/leads.csv"}
    assert await picker.emails() == ["ann1@example.com", "ann2@example.com"]


async def test_each_kind_is_read_as_it_is_and_ends_in_a_folder_that_says_what_became_of_it(
    inbox: Path, picker: Rounds
) -> None:
    for name, content in (
        ("a.csv", csv(1)),
        ("b.adf", ADF % 2),
        ("some.csv", csv(3) + "Bob,bob@example.com,one,too,many\n"),
        ("bad.json", '{"email": '),
        ("empty.csv", ""),
        ("large.xml", "<x>" + " " * 10_000_000),
        (".hidden.csv", csv(9)),
        ("leads.csv.part", csv(9)),
        ("leads.csv~", csv(9)),
    ):
        (inbox / name).write_text(content)
    (inbox / "folder.csv").mkdir()
    (inbox / "link.csv").symlink_to(inbox / "a.csv")
    await visited_twice(picker)
    assert await trouble(picker) == ""
    assert seen(inbox) == {
        "done/a.csv", "done/b.adf", "done/some.csv", "done/some.csv.reason.txt", "failed/bad.json",
        "failed/bad.json.reason.txt", "failed/empty.csv", "failed/empty.csv.reason.txt", "failed/large.xml",
        "failed/large.xml.reason.txt", ".hidden.csv", "leads.csv.part", "leads.csv~", "link.csv",
    }  # fmt: skip
    assert "1 row" in (inbox / "done/some.csv.reason.txt").read_text()
    assert "line 1" in (inbox / "failed/bad.json.reason.txt").read_text()
    assert "10,000,000 bytes" in (inbox / "failed/large.xml.reason.txt").read_text()
    await picker.emails()
    assert await picker.house.value("select count(*) from lead") == 3


async def test_a_body_that_is_too_large_is_noted_as_a_refusal_and_never_fetched(
    inbox: Path, place: Place, picker: Rounds
) -> None:
    with (inbox / "huge.json").open("wb") as file:
        file.truncate(10_000_001)
    await picker.go()
    await picker.go()
    assert (inbox / "failed/huge.json").exists()
    assert await picker.refusals() == [("acme", "too_large")]
    assert not {b"huge.json", "RETR"}.intersection(place.fetched)


async def test_the_same_name_with_other_content_is_another_file_and_gets_another_name(
    inbox: Path, picker: Rounds
) -> None:
    for n in (1, 2, 3):
        (inbox / "leads.csv").write_text(csv(n))
        os.utime(inbox / "leads.csv", (1_000_000_000, 1_000_000_000))
        await visited_twice(picker)
    assert seen(inbox) == {
        "done/leads.csv", "done/leads-20010909014640.csv", "done/leads-20010909014640-2.csv",
    }  # fmt: skip
    assert await picker.emails() == ["ann1@example.com", "ann2@example.com", "ann3@example.com"]


@pytest.mark.parametrize(
    ("name", "content"), [("a.csv", csv(1)), ("b.json", '{"email": "ann1@example.com"}')]
)
async def test_a_file_that_was_kept_but_not_moved_is_only_moved(
    inbox: Path, picker: Rounds, name: str, content: str
) -> None:
    for _ in range(2):
        (inbox / name).write_text(content)
        os.utime(inbox / name, (1, 1))
        await visited_twice(picker)
        (inbox / "done" / name).rename(inbox / name)  # as a kill before the move leaves it
        await visited_twice(picker)
        assert name in os.listdir(inbox / "done")
        (inbox / "done" / name).unlink()
    assert await picker.emails() == ["ann1@example.com"]


async def test_where_nobody_may_move_files_each_is_fetched_once_and_moved_when_somebody_may(
    inbox: Path, picker: Rounds, place: Place
) -> None:
    (inbox / "a.csv").write_text(csv(1))
    (inbox / "b.json").write_text('{"email": "ann2@example.com"}')
    place.lets_move(False)
    for _ in range(4):
        await picker.go()
        assert await trouble(picker) == ""
    assert len(place.fetched) == 2
    (inbox / "b.json").write_text('{"email": "ann3@example.com"}')
    os.utime(inbox / "b.json", (1, 1))
    await visited_twice(picker)
    assert len(place.fetched) == 3
    place.lets_move(True)
    await picker.go()
    assert seen(inbox) == {"done/a.csv", "done/b.json"}
    assert len(place.fetched) == 3
    assert await picker.emails() == ["ann1@example.com", "ann2@example.com", "ann3@example.com"]


async def test_what_is_refused_where_nobody_may_move_files_is_told_as_trouble_once(
    inbox: Path, picker: Rounds, place: Place
) -> None:
    (inbox / "bad.json").write_text("{")
    (inbox / "empty.csv").write_text("")
    place.lets_move(False)
    await visited_twice(picker)
    said = await trouble(picker)
    assert "can't be moved to failed" in said
    assert "[syntax]" in said
    assert "[empty]" in said
    await visited_twice(picker)
    assert await trouble(picker) == ""
    assert sorted(await picker.refusals()) == [("acme", "empty"), ("acme", "syntax")]
    place.lets_move(True)
    await picker.go()
    assert seen(inbox) == {"failed/bad.json", "failed/empty.csv"}


class PutsAnotherThere(ChannelDoor):
    """Somebody replaces the file while it is kept."""

    file: Path

    async def keep(self, *given: Any, **more: Any) -> bool:
        kept = await super().keep(*given, **more)
        self.file.write_text('{"email": "second@example.com"}')
        return kept


@pytest.mark.parametrize("place", ["ftp", "older ftp", "sftp"], indirect=True)
async def test_what_was_put_in_its_place_before_it_was_moved_is_taken_as_well(
    inbox: Path, picker: Rounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    (inbox / "lead.json").write_text('{"email": "first@example.com"}')
    os.utime(inbox / "lead.json", (1, 1))
    await picker.go()
    with monkeypatch.context() as patched:
        PutsAnotherThere.file = inbox / "lead.json"
        patched.setattr("app.pipeline.channels.ChannelDoor", PutsAnotherThere)
        await picker.go()
    assert seen(inbox) == {"lead.json"}
    await visited_twice(picker)
    assert seen(inbox) == {"done/lead.json"}
    assert await picker.emails() == ["first@example.com", "second@example.com"]


class NoRoom(ChannelDoor):
    async def keep(self, *given: Any, **more: Any) -> bool:
        raise NotDurable("the database does not answer")


async def test_what_is_not_durable_stays_where_it_is(
    inbox: Path, picker: Rounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    (inbox / "lead.json").write_text('{"email": "ann1@example.com"}')
    await picker.go()
    with monkeypatch.context() as patched:
        patched.setattr("app.pipeline.channels.ChannelDoor", NoRoom)
        await picker.go()
    assert seen(inbox) == {"lead.json"}
    await picker.go()
    assert seen(inbox) == {"done/lead.json"}


async def test_nothing_is_left_of_what_was_fetched(inbox: Path, picker: Rounds, tmp_path: Path) -> None:
    (inbox / "leads.csv").write_text(csv(1))
    (inbox / "bad.json").write_text("{")
    await visited_twice(picker)
    assert seen(tmp_path / "spool") == set()
