"""A lead as a file on real SFTP servers that refuse, lag and break off at every step."""

import errno
import os
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from app.distribute.exchange import Conversed
from app.model import Accepted, TryLater, Unclear
from tests.distribute.filing import BODY, NAME, PART, filed
from tests.ingest.channels.sftpserver import PASSWORD, USER, Sftp, sftp_server

THERE = Accepted(reference=NAME, read="the file is there")
OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJyGqkcbqpJ0lYr4YqPqBqv5m7Tn3vYw0sQzQ5r5c1vD"


async def over_sftp(server: Sftp, **more: Any) -> Conversed:
    who = {"host": "127.0.0.1", "user": USER, "password": PASSWORD, "patience": "5s"}
    return await filed("sftp", {**who, "port": server.port, "host_key": server.host_key, **more})


def seen(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


class Server(asyncssh.SFTPServer):
    """It breaks the connection off where a test says so."""

    def __init__(self, chan: Any, **more: Any) -> None:
        super().__init__(chan, **more)
        self.chan = chan

    def gone(self) -> None:
        self.chan.get_connection().abort()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "incoming"
    made.mkdir()
    return made


async def test_the_file_is_there_whole_over_what_the_try_before_left(folder: Path) -> None:
    (folder / "in").mkdir()
    (folder / "in" / NAME).write_text("of the try before")
    (folder / "in" / PART).write_text("left by another, and longer than what is to be there")
    async with sftp_server(folder) as server:
        conversed = await over_sftp(server, folder="in")
    assert conversed.outcome == THERE
    assert conversed.exchanges[0].url == f"sftp://127.0.0.1:{server.port}/in/{NAME}"
    assert conversed.exchanges[0].status == 0
    assert seen(folder) == {f"in/{NAME}": BODY}


class OlderServer(Server):
    def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        raise asyncssh.SFTPOpUnsupported("never heard of it")


async def test_a_server_that_moves_over_nothing_has_the_former_file_taken_away(folder: Path) -> None:
    (folder / NAME).write_text("of the try before")
    async with sftp_server(folder, serves=OlderServer) as server:
        assert (await over_sftp(server)).outcome == THERE
    assert seen(folder) == {NAME: BODY}


async def test_another_host_key_is_told_nothing_and_is_later(folder: Path) -> None:
    async with sftp_server(folder) as server:
        outcome = (await over_sftp(server, host_key=OTHER_KEY)).outcome
        assert isinstance(outcome, TryLater)
        assert outcome.reason == "refused"
        assert server.users == []


async def test_a_refused_log_in_is_later(folder: Path) -> None:
    async with sftp_server(folder) as server:
        assert (await over_sftp(server, password="wrong")).outcome == TryLater(
            reason="refused", read="refused: 127.0.0.1: the log-in was refused"
        )


async def test_a_folder_that_is_none_is_later(folder: Path) -> None:
    async with sftp_server(folder) as server:
        assert (await over_sftp(server, folder="nowhere")).outcome == TryLater(
            reason="sftp_2", read="the server refuses the file: sftp_2"
        )


class FullServer(Server):
    def write(self, file_obj: Any, offset: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class KeepsNames(Server):
    def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        raise asyncssh.SFTPPermissionDenied("no")


@pytest.mark.parametrize(("serves", "reason"), [(FullServer, "sftp_4"), (KeepsNames, "sftp_3")])
async def test_a_refusal_is_later_with_its_number_and_leaves_nothing_behind(
    folder: Path, serves: type[Server], reason: str
) -> None:
    async with sftp_server(folder, serves=serves) as server:
        conversed = await over_sftp(server)
    assert conversed.outcome == TryLater(reason=reason, read=f"the server refuses the file: {reason}")
    assert not conversed.handed_over
    assert seen(folder) == {}


class BreaksOff(Server):
    def write(self, file_obj: Any, offset: int, data: bytes) -> int:
        super().write(file_obj, offset, data[:9])
        self.gone()
        return len(data)


async def test_what_breaks_off_in_the_midst_is_later_and_the_name_never_appears(folder: Path) -> None:
    async with sftp_server(folder, serves=BreaksOff) as server:
        conversed = await over_sftp(server)
    assert isinstance(conversed.outcome, TryLater)
    assert conversed.outcome.reason == "broken_off"
    assert not conversed.handed_over
    assert NAME not in seen(folder)


class RenamesWithoutAWord(Server):
    def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        super().posix_rename(oldpath, newpath)
        self.gone()


class NeverRenames(Server):
    def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        self.gone()


class RenamesAndTakes(Server):
    def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        self.remove(oldpath)
        self.gone()


async def test_a_rename_that_was_done_without_a_word_is_found_out(folder: Path) -> None:
    async with sftp_server(folder, serves=RenamesWithoutAWord) as server:
        assert (await over_sftp(server)).outcome == THERE
    assert seen(folder) == {NAME: BODY}


async def test_a_rename_that_was_not_done_is_made_impossible_and_then_later(folder: Path) -> None:
    async with sftp_server(folder, serves=NeverRenames) as server:
        outcome = (await over_sftp(server)).outcome
    assert isinstance(outcome, TryLater)
    assert outcome.reason == "broken_off"
    assert seen(folder) == {}


async def test_a_file_that_was_renamed_without_a_word_and_taken_at_once_is_unclear(folder: Path) -> None:
    async with sftp_server(folder, serves=RenamesAndTakes) as server:
        assert isinstance((await over_sftp(server)).outcome, Unclear)


async def test_an_address_within_is_not_dialled(folder: Path) -> None:
    async with sftp_server(folder) as server:
        who = {"host": "127.0.0.1", "user": USER, "password": PASSWORD, "host_key": server.host_key}
        conversed = await filed("sftp", {**who, "port": server.port}, allow_private=False)
    assert conversed.outcome == TryLater(reason="address_refused", read="address_refused: loopback")
    assert server.users == []
