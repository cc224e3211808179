import base64

import pytest

from app.ingest.format import MOST_RECORDS, Unreadable
from app.ingest.formats.mail import Mail
from tests.ingest.workbooks import xlsx

ADF = (
    b'<?xml version="1.0"?><adf><prospect><customer><contact><name part="first">Ann</name>'
    b"<email>ann@example.com</email></contact></customer></prospect></adf>"
)
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
NOTE = ("text/plain", b"Name: Bob\n")


def mail(*parts: tuple[str, bytes]) -> bytes:
    body = b"From: p@x.example\nContent-Type: multipart/mixed; boundary=zz\n\n"
    for kind, data in parts:
        body += b"--zz\nContent-Type: %s\nContent-Transfer-Encoding: base64\n\n" % kind.encode()
        body += base64.encodebytes(data)
    return body + b"--zz--\n"


def read(body: bytes):
    return Mail().read(body, "message/rfc822")


def refused(body: bytes) -> str:
    with pytest.raises(Unreadable) as caught:
        read(body)
    return caught.value.reason


@pytest.mark.parametrize(
    "body",
    [
        mail(NOTE, ("application/x-adf+xml", ADF)),
        mail(NOTE, ("application/xml", ADF)),
        mail(NOTE, ("application/octet-stream; name=lead.adf", ADF)),
        mail(
            NOTE,
            ("text/csv", b"name\nCid\n"),
            ("text/xml", b"<lead><name>Cid</name></lead>"),
            ("text/xml", ADF),
        ),
        b"From: p@x.example\n\nA new lead:\n" + ADF + b"\nRegards\n",
        b"From: p@x.example\nContent-Type: text/xml\n\n" + ADF,
    ],
    ids=["adf", "xml", "file", "among others", "text", "whole body"],
)
def test_adf_is_found_wherever_it_stands(body):
    [record] = read(body)
    assert record == {"first_name": "Ann", "email": "ann@example.com", "mail.from": "p@x.example"}


def test_xml_sent_as_plain_text_is_read():
    body = b"From: p@x.example\nSubject: Portal = Website\n\n<Lead><Email>ann@example.com</Email></Lead>\n"
    assert read(body) == [
        {"Email": "ann@example.com", "mail.from": "p@x.example", "mail.subject": "Portal = Website"}
    ]


@pytest.mark.parametrize(
    "kind, data",
    [
        ("text/csv", b"name,city\nAnn,Austin\nBob,Reno\n"),
        ("application/octet-stream; name=leads.csv", b"name;city\nAnn;Austin\nBob;Reno\n"),
        (XLSX, xlsx(["name", "city"], ["Ann", "Austin"], ["Bob", "Reno"])),
        (
            "application/octet-stream; name=May.XLSX",
            xlsx(["name", "city"], ["Ann", "Austin"], ["Bob", "Reno"]),
        ),
    ],
)
def test_an_attached_table_is_several_leads_and_its_covering_letter_is_none(kind, data):
    assert read(mail(("text/plain", b"Date: May\nLeads: 2\n"), (kind, data))) == [
        {"name": "Ann", "city": "Austin", "mail.from": "p@x.example"},
        {"name": "Bob", "city": "Reno", "mail.from": "p@x.example"},
    ]


def test_pictures_and_documents_are_left_alone():
    body = mail(NOTE, ("image/png", b"\x89PNG"), ("application/pdf; name=bill.pdf", b"%PDF"))
    assert read(body) == [{"name": "Bob", "mail.from": "p@x.example"}]


def test_of_text_and_html_that_one_is_read_which_says_more():
    html = b"<table><tr><td>First name</td><td>Ann</td></tr><tr><td>Phone</td><td>512</td></tr></table>"
    assert read(mail(NOTE, ("text/html", html))) == [
        {"first_name": "Ann", "phone": "512", "mail.from": "p@x.example"}
    ]
    assert read(mail(NOTE, ("text/html", b"<p>Name: Cid</p>"))) == [
        {"name": "Bob", "mail.from": "p@x.example"}
    ]


def test_what_a_label_says_twice_is_kept_twice():
    [record] = read(b"From: p@x.example\n\nPhone: 1\nPhone: 2\n")
    assert record == {"phone": "1", "phone.0": "1", "phone.1": "2", "mail.from": "p@x.example"}


def test_an_address_in_the_text_is_no_markup():
    [record] = read(b"From: p@x.example\n\nSeller: Portal <leads@portal.example>\n")
    assert record["seller"] == "Portal <leads@portal.example>"


@pytest.mark.parametrize(
    "body, code",
    [
        (b"", "empty"),
        (b"Subject: x\n\nHello, call me.\n", "empty"),
        (mail(NOTE, ("application/x-adf+xml", ADF[:-9])), "syntax"),
        (mail(NOTE, ("text/csv", b"Ann,ann@example.com\n")), "header"),
        (mail(("text/csv", b"name\n" + b"Ann\n" * (MOST_RECORDS + 1))), "records"),
        (mail(*[("text/csv", b"name\n" + b"Ann\n" * 600)] * 2), "records"),
        (b"Subject: x\n\nName: A\x00nn\n", "nul"),
    ],
)
def test_what_is_wrong_has_its_own_code(body, code):
    assert refused(body) == code
