import time
import tracemalloc

import pytest

from app.ingest.format import Unreadable
from app.ingest.letter import opened


def test_headers_are_decoded_however_they_are_written():
    body = (
        b"From: =?utf-8?q?Zo=C3=AB?= <a@b.example>\nReply-To: ann@example.com\n"
        b"Subject: =?iso-8859-1?q?Caf=E9?=\n lead\nMessage-ID: <1@x>\nDate: Mon, 30 Mar 2026 15:30:20 -0800\n\nhi"
    )
    assert opened(body).headers == {
        "mail.from": "a@b.example",
        "mail.from_name": "Zoë",
        "mail.reply_to": "ann@example.com",
        "mail.subject": "Café lead",
        "mail.message_id": "<1@x>",
        "mail.date": "2026-03-30T15:30:20-08:00",
    }


@pytest.mark.parametrize(
    "subject", ["Café".encode(), "Café".encode("cp1252"), b"=?utf-8?q?Caf=C3=A9?=", b"=?utf-8?b?Q2Fmw6k?="]
)
def test_a_subject_in_raw_bytes_is_read_too(subject):
    assert opened(b"Subject: " + subject + b"\n\nhi").headers == {"mail.subject": "Café"}


@pytest.mark.parametrize(
    "header",
    [
        b"From: <<<>>",
        b"From: ,;:@",
        b"Date: 99 Foo",
        b"Subject: =?x?b?!!!?=",
        b"Message-ID: [",
        b"Content-Type: ;;=",
        b"Content-Type: multipart/mixed",
    ],
)
def test_broken_headers_are_no_hindrance(header):
    assert opened(header + b"\n\nName: Ann\n").plain or header.startswith(b"Content-Type")


@pytest.mark.parametrize(
    "encoding, charset, text",
    [
        ("8bit", "utf-8", "Zoë".encode()),
        ("8bit", "us-ascii", "Zoë".encode()),
        ("8bit", "utf-8", "Zoë".encode("cp1252")),
        ("8bit", "x-klingon", "Zoë".encode()),
        ("quoted-printable", "iso-8859-1", b"Zo=EB"),
        ("quoted-printable", "utf-8", b"Zo=EB"),
        ("base64", "utf-8", b"Wm/Dqw"),
        ("base64", "utf-8", b"Wm/Dqw==="),
    ],
)
def test_texts_are_decoded_though_their_labels_are_wrong(encoding, charset, text):
    head = f"Content-Type: text/plain; charset={charset}\nContent-Transfer-Encoding: {encoding}\n\n".encode()
    assert opened(head + text).plain == ["Zoë"]


def test_a_file_is_what_its_name_says_where_its_type_says_nothing():
    body = (
        b'Content-Type: multipart/mixed; boundary=x\n\n--x\n\nhi\n--x\nContent-Type: application/octet-stream; name="a.CSV"\n'
        b"\nname\nAnn\n--x--\n"
    )
    letter = opened(body)
    assert letter.plain == ["hi"]
    assert [(part.kind, part.data) for part in letter.files] == [("text/csv", b"name\nAnn")]


def test_a_forwarded_mail_is_opened_too():
    assert opened(b"Content-Type: message/rfc822\n\nSubject: x\n\nName: Ann\n").plain == ["Name: Ann\n"]


NESTED = (
    b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(90)) + b"\nx"
)


@pytest.mark.parametrize(
    "body",
    [
        NESTED,
        NESTED * 200,
        b"Content-Type: message/rfc822\n\n" * 50_000,
        b"Content-Type: multipart/mixed; boundary=x\n\n" + b"--x\n\nhi\n" * 900,
        b"Content-Type: multipart/mixed; boundary=x\n\n" + b"--x\n" * 2_500_000,
        b"\n" * 10_000_000,
        b"\r" * 10_000_000,
        b"a:b\n" * 2_500_000,
        b"a: b\n" * 60_000,
    ],
    ids=[
        "deep",
        "deeper",
        "forwarded",
        "parts",
        "many parts",
        "lines",
        "returns",
        "headers",
        "fewer headers",
    ],
)
def test_a_hostile_mail_is_refused_soon(body):
    began = time.process_time()
    with pytest.raises(Unreadable):
        opened(body)
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    "body",
    [
        b"From: " + b"a," * 5_000_000,
        b"Subject: " + b"=?utf-8?q?a?= " * 700_000,
        b'Content-Type: multipart/mixed; x="' + b'";' * 2_000_000 + b"\n\nhi",
        b"Content-Type: text/plain; " + b"a*0=b; " * 500_000 + b"\n\nhi",
        b"Content-Transfer-Encoding: base64\n\n" + b"=" * 10_000_000,
        b"Content-Transfer-Encoding: quoted-printable\n\n" + b"=" * 10_000_000,
        b"Content-Transfer-Encoding: x-uuencode\n\nbegin 666 a\n" + b"M" * 10_000_000,
    ],
    ids=["from", "subject", "quotes", "parameters", "base64", "quoted-printable", "uuencode"],
)
def test_a_long_header_or_body_takes_no_longer_than_its_length(body):
    began = time.process_time()
    try:
        opened(body)
    except Unreadable:
        pass
    assert time.process_time() - began < 2


def test_a_hostile_mail_takes_little_memory():
    tracemalloc.start()
    with pytest.raises(Unreadable):
        opened(b"a: b\n" * 60_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000


def test_typographic_quotes_of_windows_1252_are_quotes():
    assert opened(b"Content-Type: text/plain; charset=utf-8\n\nNote: \x93hi\x94").plain == ["Note: “hi”"]
