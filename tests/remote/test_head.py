"""What the head of a mail says."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.remote.head import MOST_HEAD, Head, head_of, machine

MAIL = (
    b"Message-ID: <1@a.example>\r\nFrom: Ann\r\n <ANN@a.example>\r\nSubject: x\r\n\r\nEmail: b@c.example\r\n"
)


def test_it_says_who_sent_it_and_which_it_is() -> None:
    head = head_of(MAIL)
    assert (head.message_id, head.sender, head.automatic) == ("<1@a.example>", "ann@a.example", False)
    assert MAIL.startswith(head.raw + b"\r\n\r\n")


@pytest.mark.parametrize(
    ("said", "sender"),
    [
        (b"ann@a.example", "ann@a.example"),
        (b"ann@a.example (Ann)", "ann@a.example"),
        (b'"Ann <x@b.example>" <ann@a.example>', "ann@a.example"),
        (b"Ann", ""),
        (b"", ""),
    ],
)
def test_a_sender_is_an_address_however_it_is_written(said: bytes, sender: str) -> None:
    assert head_of(b"From: " + said + b"\r\n\r\n").sender == sender


@pytest.mark.parametrize(
    "same",
    [
        MAIL.replace(b"\r\n", b"\n"),
        MAIL + b"\r\n\r\n",
        b"Received: from mx by mx2\r\n" + MAIL,
        MAIL.replace(b"Message-ID", b"MESSAGE-id"),
        MAIL.replace(b"Subject: x", b"Subject: [list] x"),
    ],
    ids=["line ends", "blank end", "another way", "case", "subject"],
)
def test_the_same_mail_has_the_same_identity_whatever_was_done_to_it_on_its_way(same: bytes) -> None:
    assert head_of(same).identity == head_of(MAIL).identity


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (MAIL, MAIL.replace(b"b@c.example", b"d@c.example")),
        (MAIL, MAIL.replace(b"<1@", b"<2@")),
        (b"Date: 1\r\n\r\nx", b"Date: 2\r\n\r\nx"),
        (b"\r\n\r\nx", b"\r\n\r\ny"),
    ],
    ids=["another lead", "sent again", "no id, another day", "no head"],
)
def test_another_mail_has_another_identity(one: bytes, other: bytes) -> None:
    assert head_of(one).identity != head_of(other).identity


@pytest.mark.parametrize(
    ("line", "automatic"),
    [
        (b"Auto-Submitted: auto-generated", True),
        (b"Auto-Submitted: no", False),
        (b"Auto-submitted: No ; x=y", False),
        (b"Precedence: Bulk", True),
        (b"List-Id: <a>", True),
        (b"X-Loop: yes", True),
    ],
)
def test_what_a_machine_wrote_is_known(line: bytes, automatic: bool) -> None:
    assert head_of(line + b"\r\n" + MAIL).automatic is automatic


@pytest.mark.parametrize(
    "address", ["", "<>", "MAILER-DAEMON@a", "no-reply@a.example", "bounces+1@a.example"]
)
def test_an_address_that_nobody_reads_is_known(address: str) -> None:
    assert machine(address)
    assert not machine("ann@a.example")


def test_a_head_without_end_is_looked_at_to_its_bound_only() -> None:
    head = head_of(b"A: b\r\n" * 1_000_000)
    assert len(head.raw) == MOST_HEAD
    assert head_of(b"From: " + b"(" * 5_000_000).sender == ""


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400) | st.text(alphabet='From: <a@b>\r\n\t"(,;=?', max_size=200).map(str.encode))
def test_no_bytes_are_too_strange(noise: bytes) -> None:
    assert isinstance(head_of(noise), Head)
    assert isinstance(head_of(b"From: " + noise), Head)
