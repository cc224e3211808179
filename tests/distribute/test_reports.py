"""A report is believed when every recipient failed and it names a delivery; nothing in a mail can hurt whoever reads it."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.distribute.reports import LONGEST, Bounced, bounced

ID = "019a9f3e-7c41-7d0a-b2f6-5c1e8a40d9b3"
HEAD = "From: MAILER-DAEMON@mx.example\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
STATUS = "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n{envelope}\r\n\r\n{one}\r\n"
RETURNED = f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nSubject: Lead\r\nMessage-ID: <{ID}@us.example>\r\n--b--\r\n"
FAILED = "Final-Recipient: rfc822; sales@sunco.example\r\nAction: failed\r\nStatus: 5.1.1"


def report(*, head=HEAD, envelope=f"Original-Envelope-Id: {ID}", one=FAILED, returned=RETURNED):
    return (head + STATUS.format(envelope=envelope, one=one) + returned).encode()


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, Bounced(UUID(ID), "5.1.1")),
        ({"envelope": ""}, Bounced(UUID(ID), "5.1.1")),
        ({"returned": ""}, Bounced(UUID(ID), "5.1.1")),
        ({"one": "ACTION:Failed\r\nSTATUS:5.2.2 (full)"}, Bounced(UUID(ID), "5.2.2")),
        ({"one": "Action: failed"}, Bounced(UUID(ID), "")),
        ({"envelope": "", "returned": RETURNED.replace("ID: <", "ID:\r\n <")}, Bounced(UUID(ID), "5.1.1")),
        ({"one": "Action: delayed\r\nStatus: 4.4.1"}, None),
        ({"one": "Action: delivered\r\nStatus: 2.0.0"}, None),
        ({"one": f"{FAILED}\r\n\r\nAction: relayed"}, None),
        ({"one": ""}, None),
        ({"envelope": "", "returned": ""}, None),
        ({"envelope": "Original-Envelope-Id: 1", "returned": RETURNED.replace(ID, "somebody")}, None),
        ({"head": HEAD.replace("multipart/report", "multipart/mixed")}, None),
        ({"head": f"Message-ID: <{ID}@us.example>\r\nContent-Type: multipart/report\r\n\r\n", "envelope": "", "returned": ""}, None),
    ],
)  # fmt: skip
def test_what_a_report_says(given, found) -> None:
    assert bounced(report(**given)) == found
    assert bounced(report(**given).replace(b"\r\n", b"\n")) == found


@given(st.binary(max_size=200) | st.binary(max_size=100).map(lambda noise: HEAD.encode() + noise))
def test_noise_is_no_report(noise) -> None:
    assert bounced(noise) is None


def test_what_stands_far_behind_is_not_looked_for() -> None:
    assert bounced(HEAD.encode() + b"x: y\r\n" * LONGEST + report()) is None
