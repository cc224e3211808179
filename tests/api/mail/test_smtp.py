"""A lead that comes by SMTP: durable before 250, at our addresses only, once, and refused in words."""

import asyncio
import smtplib
import ssl
from pathlib import Path

import aiosmtplib
import psycopg
import pytest

from app.pipeline import receive
from app.store.database import Database
from app.store.embedded import EmbeddedPostgres
from tests.api.mail.conftest import Post, listening
from tests.api.mail.letters import ADF, CSV, NEWSLETTER, TABLE, form
from tests.selfsigned import self_signed

HELLO = b"EHLO form.example\r\n"
FROM = b"MAIL FROM:<form@portal.example>\r\n"
TO = b"RCPT TO:<acme@leads.example>\r\n"
END = b"\r\n.\r\n"


async def test_a_mail_is_the_leads_that_stand_in_it(post: Post) -> None:
    mails = [
        (form("ann@example.com"), ["ann@example.com"]),
        (ADF, ["adf@example.com"]),
        (CSV, ["csv@example.com", "tsv@example.com"]),
        (TABLE, ["table@example.com"]),
        (form("long@example.com").replace(b"Ann", b"Ann" + b" " * 5_000 + b"M."), ["long@example.com"]),
        (form("dots@example.com") + b".\r\n..\r\n", ["dots@example.com"]),
    ]
    for mail, _ in mails:
        assert (await post.send(mail=mail)).startswith("250 2.0.0 Kept as ")
    assert sorted(await post.emails()) == sorted(email for _, emails in mails for email in emails)
    kept = await post.house.rows("select body from submission order by id")
    assert [row[0] for row in kept] == [mail for mail, _ in mails]


async def test_it_belongs_to_the_source_whose_address_it_was_sent_to(post: Post) -> None:
    assert (await post.send("portal@leads.example", "Solar+x@LEADS.example", mail=form())).startswith("250")
    rows = await post.house.rows("select source from submission order by source")
    assert [row[0] for row in rows] == ["acme", "portal"]


async def test_two_addresses_of_one_source_are_one_submission(post: Post) -> None:
    await post.send("acme@leads.example", "solar@leads.example", mail=form())
    assert await post.house.value("select count(*) from submission") == 1


async def test_what_is_addressed_to_no_source_is_refused_before_it_is_sent(post: Post) -> None:
    for to, answer in (
        ("nobody@leads.example", "550 5.1.1"),
        ("ann@elsewhere.example", "550 5.1.1"),
        ('"acme@leads.example"@elsewhere.example', "550 5.1.1"),
        ("off@leads.example", "550 5.2.1"),
    ):
        assert (await post.send(to, mail=form())).startswith(answer)
    assert await post.house.value("select count(*) from submission") == 0


async def test_a_source_may_take_mail_of_its_own_senders_only(post: Post) -> None:
    stranger = form().replace(b"form@portal.example", b"form@other.example")
    said = await post.send("portal@leads.example", sender="x@other.example", mail=stranger)
    assert said.startswith("550 5.7.1")
    assert (await post.send("portal@leads.example", sender="x@other.example", mail=form())).startswith("250")
    other = form(id_="2").replace(b"form@portal.example", b"form@other.example")
    assert (await post.send("portal@leads.example", sender="x@portal.example", mail=other)).startswith("250")


async def test_the_same_mail_is_taken_once_however_often_it_comes(post: Post) -> None:
    first = await post.send(mail=form())
    again = await asyncio.gather(*(post.send(mail=form()) for _ in range(10)))
    assert set(again) == {first.replace("Kept as ", "Came before, as ")}
    assert await post.emails() == ["ann@example.com"]
    assert post.counted() == {("smtp", "acme", "kept"): 1, ("smtp", "acme", "repeated"): 10}


async def test_a_mail_without_a_lead_is_refused_with_the_reason_and_kept_for_a_person(post: Post) -> None:
    said = await post.send(mail=NEWSLETTER)
    assert said == (
        "554 5.6.0 No lead could be read: there is no data part, no table and no `label: value` line in the mail [empty]"
    )
    row = await post.house.until(lambda: post.house.rows("select source, code, body from refusal"))
    assert tuple(row[0]) == ("acme", "empty", NEWSLETTER)


async def test_a_mail_that_is_too_large_is_refused_and_the_next_one_taken(database: Database) -> None:
    async with listening(database, most_bytes=20_000) as post:
        assert (await post.send(mail=form() + b"x" * 20_000)).startswith("552 Error: message size exceeds")
        spoken = b"DATA\r\n" + form() + b"x" * 200_000 + END
        mail = b"DATA\r\n" + form() + END
        said = await post.talk(HELLO, FROM, TO, spoken, FROM, TO, mail, b"QUIT\r\n")
        assert "552 5.3.4 A mail has at most 20000 bytes" in said
        assert await post.emails() == ["ann@example.com"]
        codes = await post.house.rows("select code from refusal")
        assert [row[0] for row in codes] == ["too_large"]


async def test_while_nothing_can_be_stored_the_sender_is_told_to_try_again(
    post: Post, postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receive, "_PATIENCE", 0.2)
    name = await post.house.value("select current_database()")
    with psycopg.connect(postgres.dsn, autocommit=True) as administration:
        administration.execute(f"alter database {name} allow_connections false")
        administration.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name]
        )
        assert (await post.send(mail=form())).startswith("451 4.3.0 the database does not answer")
        administration.execute(f"alter database {name} allow_connections true")

    async def taken() -> bool:
        return (await post.send(mail=form())).startswith("250")

    await post.house.until(taken)
    assert await post.emails() == ["ann@example.com"]


async def test_only_crlf_dot_crlf_ends_a_mail_and_what_looks_like_it_is_refused(post: Post) -> None:
    smuggled = form("eve@example.com", "9")
    for forged in (b"\n.\r\n", b"\n.\n", b"\r\n.\n", b"\r\n.\r", b"\r.\r", b"\r.\r\n"):
        mail = b"DATA\r\n" + form() + forged + FROM + TO + b"DATA\r\n" + smuggled + END
        said = await post.talk(HELLO, FROM, TO, mail, b"QUIT\r\n")
        assert [line for line in said if line.startswith("5")] == [
            "550 5.5.2 A lone dot stands between bare line ends; lines end with CR LF"
        ], forged
    assert await post.house.value("select count(*) from submission") == 0


async def test_a_mail_of_which_nothing_but_the_end_comes_is_empty(post: Post) -> None:
    said = await post.talk(HELLO, FROM, TO, b"DATA\r\n.\r\n", b"QUIT\r\n")
    assert said[-2] == "554 5.6.0 No lead could be read: the body is empty [empty]"


async def test_a_mail_that_was_sent_is_kept_even_if_its_sender_is_gone(post: Post) -> None:
    host, _, port = post.place.rpartition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(HELLO + FROM + TO + b"DATA\r\n" + form() + END)
    await writer.drain()
    writer.write_eof()
    found = await post.house.until(lambda: post.house.rows("select id from submission"))
    assert len(found) == 1
    assert await post.emails() == ["ann@example.com"]
    writer.close()


async def test_half_a_mail_is_no_mail(post: Post) -> None:
    host, _, port = post.place.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(HELLO + FROM + TO + b"DATA\r\n" + form())
    writer.write_eof()
    await reader.read()
    writer.close()
    assert await post.house.value("select count(*) from submission") == 0


async def test_tls_is_offered_where_there_is_a_certificate(database: Database, tmp_path: Path) -> None:
    pem = self_signed(tmp_path)
    async with listening(database, certificate=str(pem)) as post:
        host, _, port = post.place.rpartition(":")

        def send() -> None:
            with smtplib.SMTP(host, int(port), timeout=10) as client:
                client.starttls(context=ssl.create_default_context(cafile=pem))
                client.ehlo()
                assert not client.has_extn("auth")
                client.sendmail("form@portal.example", ["acme@leads.example"], form())

        await asyncio.to_thread(send)
        assert await post.emails() == ["ann@example.com"]


async def test_what_is_slipped_in_before_tls_is_forgotten(database: Database, tmp_path: Path) -> None:
    pem = self_signed(tmp_path)
    async with listening(database, certificate=str(pem)) as post:
        host, _, port = post.place.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(HELLO + b"STARTTLS\r\n" + FROM)
        while not (await reader.readline()).startswith(b"220 Ready"):
            pass
        await writer.start_tls(ssl.create_default_context(cafile=pem), server_hostname=host)
        writer.write(HELLO + TO + b"QUIT\r\n")
        said = (await reader.read()).decode().splitlines()
        assert said[-2:] == ["503 Error: need MAIL command", "221 Bye"]
        writer.close()


async def test_nobody_logs_in_and_nobody_is_let_through(post: Post) -> None:
    said = await post.talk(HELLO, b"AUTH PLAIN AGEAYg==\r\n", b"VRFY acme@leads.example\r\n", b"QUIT\r\n")
    assert said[-3] == "502 5.5.1 Nobody logs in here"
    assert not any("AUTH" in line for line in said)


async def test_who_guesses_addresses_is_sent_away(post: Post) -> None:
    guesses = b"".join(b"RCPT TO:<%d@leads.example>\r\n" % n for n in range(60))
    said = await post.talk(HELLO, FROM, guesses)
    assert said[-1] == "421 4.7.0 Too many unknown addresses"
    assert sum(line.startswith("550 5.1.1") for line in said) == 21


async def test_one_connection_too_many_comes_again(database: Database) -> None:
    async with listening(database, most_connections=1) as post:
        client = await post.client()
        with pytest.raises(aiosmtplib.SMTPConnectError, match="Too many connections"):
            await post.client()
        await client.quit()

        async def free() -> bool:
            return (await post.send(mail=form())).startswith("250")

        await post.house.until(free)


async def test_who_says_nothing_is_not_waited_for(database: Database) -> None:
    async with listening(database, seconds=0.1) as post:
        assert await post.talk(HELLO, FROM, TO, b"DATA\r\n", b"Subject: never\r\n")


async def test_mails_on_their_way_in_have_a_bound_together(database: Database) -> None:
    async with listening(database, most_bytes=10_000) as post:
        post.listener._held.now = post.listener._held.most - 5_000
        big = b"DATA\r\n" + form() + b"x" * 6_000 + END
        said = await post.talk(HELLO, FROM, TO, big, FROM, TO, b"DATA\r\n" + form() + END, b"QUIT\r\n")
        assert "452 4.3.1 Too much mail at once; send it again" in said
        assert said[-2].startswith("250 2.0.0 Kept as ")
        assert post.listener._held.now == post.listener._held.most - 5_000


async def test_at_the_end_whoever_is_idle_is_told_and_the_mail_on_its_way_is_taken(post: Post) -> None:
    host, _, port = post.place.rpartition(":")
    idle = await post.client()
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(HELLO + FROM + TO + b"DATA\r\n" + form())
    while not (await reader.readline()).startswith(b"354"):
        pass
    closing = asyncio.create_task(post.listener.close(within=10))
    with pytest.raises((aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPResponseException)):
        await _noop_for_ever(idle)
    writer.write(END)
    said = (await reader.read()).decode().splitlines()
    assert said[0].startswith("250 2.0.0 Kept as ")
    assert said[1] == "421 4.3.2 Going away; send it again"
    await closing
    writer.close()
    with pytest.raises(OSError):
        await asyncio.open_connection(host, int(port))


async def test_nothing_of_a_mail_is_logged(post: Post, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    await post.send(mail=form())
    await post.send("nobody@leads.example", mail=form())
    assert "portal.example" not in caplog.text
    assert "leads.example" not in caplog.text


async def _noop_for_ever(client: aiosmtplib.SMTP) -> None:
    while True:
        await client.noop()
