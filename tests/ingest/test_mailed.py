import time

import pytest

from app.ingest.mailed import facts_of_html, facts_of_text

BUYING_BUDDY = """Please import.
### BEGIN CREATE CONTACT ###
# email:ann@example.com
# first_name: Ann
#
### END CREATE CONTACT ###
Footer: nothing
"""


@pytest.mark.parametrize(
    "text, facts",
    [
        ("Name: Ann Lee\r\nPhone : 512-555-0100\r\n", [("Name", "Ann Lee"), ("Phone", "512-555-0100")]),
        (
            "name = Ann\nurl=https://example.com/?a=b\n",
            [("name", "Ann"), ("url", "https://example.com/?a=b")],
        ),
        ("Name:\nAnn Lee\nPhone:\n\n512\nBye\n", [("Name", "Ann Lee"), ("Phone", "512")]),
        ("Name:\nPhone: 512\n", [("Name", ""), ("Phone", "512")]),
        ("Name\nAnn Lee\n\nE-mail\nann@example.com\n", [("Name", "Ann Lee"), ("E-mail", "ann@example.com")]),
        ("Comments: one\ntwo\n\nAcme Inc\n", [("Comments", "one\ntwo")]),
        ("Name: Ann\nRegards\nAcme\n", [("Name", "Ann")]),
        (BUYING_BUDDY, [("email", "ann@example.com"), ("first_name", "Ann")]),
        ("Hello\nthere\n", []),
        ("See https://example.com/x at 10:30\n", []),
    ],
)
def test_facts_are_found_as_forms_write_them(text, facts):
    assert facts_of_text(text) == facts


@pytest.mark.parametrize(
    "reply",
    [
        "> Name: Bob\n> Phone: 1\n",
        "On Mon, 30 Mar 2026 at 15:30, Bob <bob@example.com> wrote:\nName: Bob\n",
        "-----Original Message-----\nFrom: Bob\nName: Bob\n",
        "Am 30.03.2026 um 15:30 schrieb Bob:\nName: Bob\n",
    ],
)
def test_quoted_replies_are_left_out(reply):
    assert facts_of_text("Name: Ann\n\n" + reply) == [("Name", "Ann")]


def test_a_mail_that_begins_with_what_it_forwards_is_read():
    text = "-----Original Message-----\nName: Ann\n"
    assert facts_of_text(text) == [("Name", "Ann")]


@pytest.mark.parametrize(
    "html, facts",
    [
        ("<table><tr><td>Name</td><td>Ann</td></tr></table>", [("Name", "Ann")]),
        ("<dl><dt>Name</dt><dd>Ann</dd></dl>", [("Name", "Ann")]),
        ("<p><b>Name:</b> Ann<br><b>City</b>: Austin</p>", [("Name", "Ann"), ("City", "Austin")]),
        ("<p><b>Name</b> Ann<br><strong>City</strong> Austin</p>", [("Name", "Ann"), ("City", "Austin")]),
        ("<p>Name: Ann</p><div class='gmail_quote'>Name: Bob</div>", [("Name", "Ann")]),
    ],
)
def test_facts_are_found_in_html(html, facts):
    assert facts_of_html(html) == facts


@pytest.mark.parametrize(
    "piece",
    [
        "x:" * 500_000,
        "a\n" * 300_000,
        "<b>" * 300_000,
        "On " * 300_000,
        "a" * 1_000_000,
        " " * 1_000_000,
        "</b>" * 200_000,
        "<div " * 200_000,
        "a =" * 300_000,
    ],
)
def test_time_is_bounded_by_the_length(piece):
    began = time.process_time()
    facts_of_text(piece)
    facts_of_html(piece)
    assert time.process_time() - began < 3
