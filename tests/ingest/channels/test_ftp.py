"""What is FTP's own of picking up: older and stricter servers, TLS, and servers that mean harm."""

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from app.ingest.channels.ftp import FtpSettings
from tests.ingest.channels.ftpserver import OLDER, PASSWORD, USER, ftp_server
from tests.ingest.channels.smallftp import Talk, small_ftp
from tests.pipeline.house import House, catalogue
from tests.pipeline.visiting import Rounds, with_channels
from tests.selfsigned import self_signed

LEAD = '{"email": "ann1@example.com"}'
SETTINGS = {"host": "ftp.example", "user": "acme"}


async def configured(house: House, port: int, more: str = "tls: none") -> None:
    who = f"host: 127.0.0.1, port: {port}, user: {USER}, password: {PASSWORD}"
    await house.configure(catalogue(with_channels(f"{{channel: ftp, {who}, every: 1s, {more}}}")))


def seen(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if not file.is_dir()}


async def trouble(picker: Rounds) -> str:
    return (await picker.standing()).trouble or ""


async def visited_twice(picker: Rounds) -> None:
    await picker.go()
    await picker.go()


# servers as they are -------------------------------------------------------------------------------


async def test_a_server_that_only_knows_list_and_pasv_is_enough(
    inbox: Path, house: House, picker: Rounds
) -> None:
    (inbox / "lead of Jänner.json").write_text(LEAD)
    (inbox / "bad.json").write_text("{")
    with ftp_server(inbox, lacks=OLDER) as server:
        await configured(house, server.port)
        await visited_twice(picker)
        assert "LIST" in server.said
        assert "PASV" in server.said
    assert seen(inbox) == {"done/lead of Jänner.json", "failed/bad.json", "failed/bad.json.reason.txt"}
    assert await picker.emails() == ["ann1@example.com"]


async def test_the_address_that_pasv_names_is_not_dialled(inbox: Path, house: House, picker: Rounds) -> None:
    (inbox / "lead.json").write_text(LEAD)
    async with small_ftp(inbox) as server:
        server.answers["EPSV"] = lambda *_: says("500 what?")
        await configured(house, server.port)
        await visited_twice(picker)
        assert "PASV" in server.said
    assert seen(inbox) == {"done/lead.json"}


async def test_a_time_that_a_listing_writes_otherwise_later_makes_no_other_file(
    inbox: Path, house: House, picker: Rounds
) -> None:
    (inbox / "lead.json").write_text(LEAD)
    async with small_ftp(inbox) as server:
        server.answers |= {name: lambda *_: says("502 what?") for name in ("MLSD", "RNFR")}
        await configured(house, server.port)
        await visited_twice(picker)
        assert await picker.emails() == ["ann1@example.com"]
        listed = "-rw-r--r-- 1 ftp ftp 29 Feb  3  2025 lead.json\r\n"
        server.answers["LIST"] = lambda talk, _: talk.send(listed.encode())
        await visited_twice(picker)
    assert len(await picker.bodies()) == 1


async def test_a_name_goes_back_as_the_bytes_it_came_in(inbox: Path, house: House, picker: Rounds) -> None:
    with open(os.fsencode(inbox) + b"/M\xfcller.json", "w") as file:
        file.write(LEAD)
    asked = []

    async def retr(talk: Talk, given: str) -> str:
        asked.append(given.encode("latin-1"))
        return await talk.send(LEAD.encode())

    async with small_ftp(inbox) as server:
        facts = f"type=file;size={len(LEAD)};modify=20260131120000; M\xfcller.json"
        server.answers["MLSD"] = lambda talk, _: talk.send(f"{facts}\r\n".encode("latin-1"))
        server.answers["MLST"] = lambda *_: says(f"250-so\r\n {facts}\r\n250 end")
        server.answers["RETR"] = retr
        await configured(house, server.port)
        await visited_twice(picker)
    assert asked == [b"M\xfcller.json"]
    assert await picker.emails() == ["ann1@example.com"]


# TLS -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tls", ["explicit", "implicit"])
async def test_log_in_and_data_are_protected_in_one_session(
    inbox: Path, house: House, picker: Rounds, tmp_path: Path, tls: str
) -> None:
    certificate = self_signed(tmp_path)
    (inbox / "lead.json").write_text(LEAD)
    (inbox / "bad.json").write_text("{" + " " * 3_000_000)
    async with small_ftp(inbox, tls=tls, certificate=certificate) as server:
        await configured(house, server.port, f"tls: {tls}, ca: {certificate}")
        await visited_twice(picker)
        assert await trouble(picker) == ""
        assert server.said.index("PROT") < server.said.index("MLSD")
        assert set(server.resumed) == {True}
        assert "PASS" not in server.said[: server.said.index("AUTH")] if tls == "explicit" else True
    assert seen(inbox) == {"done/lead.json", "failed/bad.json", "failed/bad.json.reason.txt"}


async def test_a_certificate_that_is_not_trusted_is_told_nothing(
    inbox: Path, house: House, picker: Rounds, tmp_path: Path
) -> None:
    async with small_ftp(inbox, tls="explicit", certificate=self_signed(tmp_path)) as server:
        await configured(house, server.port, "tls: explicit")
        await picker.go()
        assert "certificate is not one that is trusted" in await trouble(picker)
        assert server.said == ["AUTH"]


@pytest.mark.parametrize(
    ("command", "answer"), [("AUTH", "502 what?"), ("PROT", "534 no"), ("AUTH", "234 go\r\n230 you are in")]
)
async def test_what_is_not_protected_is_not_used(
    inbox: Path, house: House, picker: Rounds, tmp_path: Path, command: str, answer: str
) -> None:
    certificate = self_signed(tmp_path)
    async with small_ftp(inbox, tls="explicit", certificate=certificate) as server:
        server.answers[command] = lambda *_: says(answer)
        await configured(house, server.port, f"tls: explicit, ca: {certificate}")
        await picker.go()
        assert "MLSD" not in server.said
        assert server.said == ["AUTH"] or command == "PROT"
    assert await trouble(picker)


async def test_a_ca_that_is_no_file_is_trouble_in_words(house: House, picker: Rounds) -> None:
    await configured(house, 1, "ca: /no/such/file.pem")
    await picker.go()
    assert await trouble(picker) == "127.0.0.1: the file in ca holds no certificate that can be read"


# servers that mean harm, or break ------------------------------------------------------------------


async def says(text: str) -> str:
    return text


async def breaks_off(talk: Talk, given: str) -> None:
    """In the middle of a file."""
    _, writer = await talk.opened()
    writer.write(LEAD.encode()[:9])
    await writer.drain()
    writer.transport.abort()


async def endless(talk: Talk, given: str) -> str:
    _, writer = await talk.opened()
    try:
        while True:
            writer.write(b"type=file;size=1;modify=20260131120000; a.json\r\n" * 1000)
            await writer.drain()
    except ConnectionError:
        return "426 you went"


async def stalls(talk: Talk, given: str) -> None:
    await talk.opened()
    await talk.reader.read()


async def test_a_file_whose_connection_breaks_is_taken_at_the_next_visit_and_keeps_no_other(
    inbox: Path, house: House, picker: Rounds
) -> None:
    (inbox / "a.json").write_text(LEAD)
    os.utime(inbox / "a.json", (1, 1))
    (inbox / "b.json").write_text('{"email": "ann2@example.com"}')
    async with small_ftp(inbox) as server:

        async def retr(talk: Talk, given: str) -> str | None:
            return await (breaks_off(talk, given) if given == "a.json" else talk.answer("RETR", given))

        server.answers["RETR"] = retr
        await configured(house, server.port)
        await visited_twice(picker)
        assert "broke" in await trouble(picker)
        assert await picker.bodies() == []
        await picker.go()
        assert seen(inbox) == {"a.json", "done/b.json"}
        del server.answers["RETR"]
        await picker.go()
    assert seen(inbox) == {"done/a.json", "done/b.json"}
    assert await picker.emails() == ["ann1@example.com", "ann2@example.com"]


HARM = [
    ("RETR", endless, "not as long as it is said to be"),
    ("RETR", stalls, "did not answer in time"),
    ("MLSD", stalls, "did not answer in time"),
    ("MLSD", endless, "more than 20,000 entries"),
    ("MLSD", lambda talk, _: talk.send(b"x" * 100_000), "stood still"),
    ("MLSD", lambda talk, _: talk.send(b"no listing\r\n" * 3), "listing can't be read"),
    ("EPSV", lambda *_: says("229 there"), "no data connection"),
    ("EPSV", lambda *_: says("229 (|||99999|)"), "no data connection"),
    ("USER", lambda *_: says("331-a\r\n" + "more\r\n" * 9_000 + "331 b"), "log-in"),
    ("PASS", lambda *_: says("331 again"), "log-in was refused (it says 331)"),
    ("USER", lambda *_: says("no number"), "log-in was refused (it says no)"),
    ("RETR", lambda *_: says("421 closing"), "it broke off (it says 421)"),
    ("RETR", lambda *_: says("450 busy"), "can't be read to its end"),
]


async def test_a_server_that_means_harm_is_trouble_within_limits(
    inbox: Path, house: House, picker: Rounds
) -> None:
    (inbox / "lead.json").write_text(LEAD)
    async with small_ftp(inbox) as server:
        await configured(house, server.port, "tls: none, patience: 300ms")
        for command, does, words in HARM:
            server.answers = {command: does}
            await visited_twice(picker)
            assert words in await trouble(picker)
            assert PASSWORD not in await trouble(picker)
    assert await picker.bodies() == []
    assert seen(inbox) == {"lead.json"}


async def test_names_from_elsewhere_are_left_alone_and_hinder_no_other(
    inbox: Path, house: House, picker: Rounds, tmp_path: Path
) -> None:
    (inbox / "lead.json").write_text(LEAD)
    hostile = ("../lead.json", "/etc/passwd.json", "a\\b.json", "a\x01b.json", "..", "x" * 300 + ".json")
    before = seen(tmp_path)

    async def mlsd(talk: Talk, given: str) -> str:
        lines = [f"type=file;size=29;modify=20260131120000; {name}" for name in hostile]
        return await talk.send("\r\n".join([*lines, talk.facts(inbox / "lead.json"), ""]).encode())

    async with small_ftp(inbox) as server:
        server.answers["MLSD"] = mlsd
        await configured(house, server.port)
        await visited_twice(picker)
        assert "6 entries of the listing have names that no file has" in await trouble(picker)
        assert server.said.count("RETR") == 1
    assert seen(tmp_path) - before == {"leads/done/lead.json"}


async def test_a_file_that_is_not_handed_out_goes_to_failed(
    inbox: Path, house: House, picker: Rounds
) -> None:
    (inbox / "lead.json").write_text(LEAD)
    async with small_ftp(inbox) as server:
        server.answers["RETR"] = lambda *_: says("550 not yours")
        await configured(house, server.port)
        await visited_twice(picker)
    assert "does not hand the file out [unreadable]" in (inbox / "failed/lead.json.reason.txt").read_text()


async def test_what_is_put_in_its_place_in_the_moment_of_the_move_is_put_back(
    inbox: Path, house: House, picker: Rounds
) -> None:
    (inbox / "lead.json").write_text(LEAD)

    async def rnfr(talk: Talk, given: str) -> str | None:
        (inbox / "lead.json").write_text('{"email": "second@example.com"}')
        del talk.server.answers["RNFR"]
        return await talk.answer("RNFR", given)

    async with small_ftp(inbox) as server:
        server.answers["RNFR"] = rnfr
        await configured(house, server.port)
        await visited_twice(picker)
        assert seen(inbox) == {"lead.json"}
        await visited_twice(picker)
    assert seen(inbox) == {"done/lead.json"}
    assert await picker.emails() == ["ann1@example.com", "second@example.com"]


# settings ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "told",
    [
        {"host": "ftp.example/x"},
        {"user": "a\r\nDELE x"},
        {"password": "a\nb"},
        {"folder": "a\nb"},
        {"done": "../x"},
        {"match": []},
        {"tls": "starttls"},
        {"tls": "none", "ca": "/x.pem"},
        {"patience": "0s"},
        {"largest": 1},
    ],
)
def test_settings_that_cannot_work_are_found_when_configured(told: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        FtpSettings.model_validate(SETTINGS | told)
    assert FtpSettings.model_validate(SETTINGS).tls == "explicit"
