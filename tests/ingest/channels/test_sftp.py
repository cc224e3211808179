"""What is SFTP's own of picking up: who the server is, who we are, and servers that mean harm."""

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from pydantic import ValidationError

from app.ingest.channels.sftp import Sftp, SftpSettings
from tests.ingest.channels.sftpserver import PASSWORD, USER, sftp_server
from tests.ingest.channels.sftpserver import Sftp as Server
from tests.pipeline.house import House, catalogue
from tests.pipeline.visiting import Rounds, with_channels

LEAD = '{"email": "ann1@example.com"}'
KEY = Sftp.examples[0]["host_key"]
SETTINGS = {"host": "sftp.example", "user": "acme", "password": "x", "host_key": KEY}
Read = Callable[["Faulty", Any, int, int], Any]


class Faulty(asyncssh.SFTPServer):
    """Reads and lists as the test says."""

    reads: Read | None = None
    lists: Callable[[], Iterator[asyncssh.SFTPName]] | None = None

    def read(self, file_obj: Any, offset: int, size: int) -> Any:
        if type(self).reads is not None:
            return type(self).reads(self, file_obj, offset, size)
        return super().read(file_obj, offset, size)

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        if type(self).lists is not None:
            for one in type(self).lists():
                yield one
            return
        async for one in super().scandir(path):
            yield one


@pytest.fixture
def faulty() -> type[Faulty]:
    class Ours(Faulty):
        pass

    return Ours


async def configured(house: House, server: Server, **more: Any) -> None:
    given = {"user": USER, "password": PASSWORD, "host_key": server.host_key, "every": "1s"} | more
    written = ", ".join(f"{name}: {value!r}" for name, value in given.items() if value is not None)
    told = f"{{channel: sftp, host: 127.0.0.1, port: {server.port}, {written}}}"
    await house.configure(catalogue(with_channels(told.replace("\\n", "\n\n"))))


def seen(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if not file.is_dir()}


async def trouble(picker: Rounds) -> str:
    return (await picker.standing()).trouble or ""


async def visited_twice(picker: Rounds) -> None:
    await picker.go()
    await picker.go()


# who the server is, and who we are -----------------------------------------------------------------


def another_key(algorithm: str = "ssh-ed25519") -> str:
    return asyncssh.generate_private_key(algorithm).export_public_key().decode().strip()


async def test_a_server_with_another_host_key_is_told_nothing(
    inbox: Path, house: House, picker: Rounds
) -> None:
    (inbox / "lead.json").write_text(LEAD)
    async with sftp_server(inbox) as server:
        for key in (another_key(), another_key("ecdsa-sha2-nistp256"), f"other.example {server.host_key}"):
            await configured(house, server, host_key=key)
            await house.run("delete from channel")
            await visited_twice(picker)
            assert "host key" in await trouble(picker)
        assert server.users == []


async def test_the_host_key_may_be_one_of_several_or_stand_in_known_hosts(
    inbox: Path, house: House, picker: Rounds
) -> None:
    async with sftp_server(inbox) as server:
        for n, key in enumerate(
            (f"{another_key()}\n# ours\n{server.host_key}", f"[127.0.0.1]:{server.port} {server.host_key}")
        ):
            (inbox / f"{n}.json").write_text(LEAD.replace("1", str(n)))
            await configured(house, server, host_key=key)
            await visited_twice(picker)
    assert seen(inbox) == {"done/0.json", "done/1.json"}
    assert await picker.emails() == ["ann0@example.com", "ann1@example.com"]


async def test_a_private_key_logs_in_with_its_passphrase_and_a_wrong_one_is_trouble(
    inbox: Path, house: House, picker: Rounds
) -> None:
    (inbox / "lead.json").write_text(LEAD)
    ours = asyncssh.generate_private_key("ssh-ed25519")
    written = ours.export_private_key("pkcs8-pem", passphrase="open").decode()
    async with sftp_server(inbox, client_key=ours.export_public_key().decode()) as server:
        for passphrase, words in (("shut", "the private key can't be read"), ("open", "")):
            await configured(house, server, password=None, private_key=written, passphrase=passphrase)
            await visited_twice(picker)
            assert words in await trouble(picker)
    assert await trouble(picker) == ""
    assert seen(inbox) == {"done/lead.json"}


async def test_a_wrong_password_and_a_folder_that_is_none_are_trouble_in_words(
    inbox: Path, house: House, picker: Rounds
) -> None:
    async with sftp_server(inbox) as server:
        for more, words in (
            ({"password": "wrong word"}, "127.0.0.1: the log-in was refused"),
            ({"folder": "/no/such"}, "127.0.0.1: there is no folder /no/such, or it may not be listed"),
        ):
            await configured(house, server, **more)
            await house.run("delete from channel")
            await picker.go()
            assert await trouble(picker) == words


# servers that mean harm, or break ------------------------------------------------------------------


def entry(name: str, size: int = 29) -> asyncssh.SFTPName:
    return asyncssh.SFTPName(
        name.encode(), attrs=asyncssh.SFTPAttrs(size=size, permissions=0o100644, atime=1, mtime=1)
    )


def without_end() -> Iterator[asyncssh.SFTPName]:
    while True:
        yield entry("lead.json")


def drops(server: Faulty, file: Any, offset: int, size: int) -> bytes:
    if offset:
        server.channel.get_connection().abort()
    return b"x" * size


async def stalls(server: Faulty, file: Any, offset: int, size: int) -> bytes:
    await asyncio.Event().wait()
    return b""


async def test_a_server_that_means_harm_is_trouble_within_limits(
    inbox: Path, house: House, picker: Rounds, faulty: type[Faulty], caplog: pytest.LogCaptureFixture
) -> None:
    (inbox / "lead.json").write_text('{"email": "ann1@example.com"}' + " " * 300_000)
    async with sftp_server(inbox, serves=faulty) as server:
        await configured(house, server, patience="500ms")
        for lists, reads, words in (
            (without_end, None, "more than 20,000 entries"),
            (None, lambda server, file, offset, size: b"x" * size, "not as long as it is said to be"),
            (None, lambda server, file, offset, size: b"", "not as long as it is said to be"),
            (None, stalls, "did not answer in time"),
            (None, drops, "broke"),
        ):
            faulty.lists, faulty.reads = staticmethod(lists) if lists else None, reads  # type: ignore[assignment]
            await visited_twice(picker)
            assert words in await trouble(picker)
            assert await picker.bodies() == []
            assert seen(inbox) == {"lead.json"}
        faulty.reads = None
        await visited_twice(picker)
    assert seen(inbox) == {"done/lead.json"}
    assert await picker.emails() == ["ann1@example.com"]
    gc.collect()
    assert "never retrieved" not in caplog.text  # of what asyncssh had under way when it was left


async def test_names_from_elsewhere_are_left_alone_and_hinder_no_other(
    inbox: Path, house: House, picker: Rounds, faulty: type[Faulty], tmp_path: Path
) -> None:
    (inbox / "lead.json").write_text(LEAD)
    os.utime(inbox / "lead.json", (1, 1))
    hostile = ("../lead.json", "/etc/passwd.json", "a\nb.json", "a\\b.json")
    before = seen(tmp_path)
    faulty.lists = staticmethod(lambda: iter([entry(name) for name in (*hostile, "lead.json")]))
    async with sftp_server(inbox, serves=faulty) as server:
        await configured(house, server)
        await visited_twice(picker)
        assert "4 entries of the listing have names that no file has" in await trouble(picker)
    assert seen(tmp_path) - before == {"leads/done/lead.json"}


# settings ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "told",
    [
        {"host_key": None},
        {"host_key": ""},
        {"host_key": "# nothing\n"},
        {"host_key": "ssh-ed25519"},
        {"host_key": "ssh-ed25519 AAAA"},
        {"host_key": str(KEY).replace("ssh-ed25519", "ssh-rsa")},
        {"host_key": f"{KEY}\nsftp.example {KEY}"},
        {"host_key": "SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8"},
        {"password": ""},
        {"passphrase": "x"},
        {"no_such": 1},
    ],
)
def test_settings_that_cannot_work_are_found_when_configured(told: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SftpSettings.model_validate(SETTINGS | told)
    assert SftpSettings.model_validate(SETTINGS | {"host_key": f"@cert-authority *.example {KEY} ca\n"})
