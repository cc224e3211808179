from datetime import UTC, datetime

import pytest

from app.distribute.replies import Opened, by_status, retry_after
from app.model import Rejected, TryLater, Unclear
from tests.distribute.drive import reply

NOW = datetime(2026, 11, 20, 14, 32, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (100, Unclear),
        (199, Unclear),
        (300, Unclear),
        (301, Rejected),
        (302, Unclear),
        (303, Unclear),
        (304, Unclear),
        (307, Rejected),
        (308, Rejected),
        (400, Rejected),
        (401, Rejected),
        (403, Rejected),
        (404, Rejected),
        (405, Rejected),
        (408, TryLater),
        (409, Rejected),
        (410, Rejected),
        (413, Rejected),
        (415, Rejected),
        (422, Rejected),
        (425, TryLater),
        (429, TryLater),
        (499, Rejected),
        (500, Unclear),
        (501, Unclear),
        (502, Unclear),
        (503, TryLater),
        (504, Unclear),
        (522, Unclear),
        (599, Unclear),
        (600, Unclear),
        (999, Unclear),
    ],
)
def test_status_to_outcome(status, kind):
    outcome = by_status(reply(status), NOW)
    assert type(outcome) is kind
    assert outcome.reason == f"http_{status}"


@pytest.mark.parametrize("status", [200, 201, 202, 204, 206, 226, 299])
def test_only_a_contract_can_say_what_2xx_means(status):
    assert by_status(reply(status), NOW) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        (" 7 ", 7.0),
        ("Fri, 20 Nov 2026 14:33:05 GMT", 60.0),
        ("Fri, 20 Nov 2026 14:33:05", 60.0),
        ("Fri, 20 Nov 2026 14:00:00 GMT", 0.0),
        ("99999999999999999999", 691_200.0),
        ("Fri, 20 Nov 9999 14:33:05 GMT", 691_200.0),
        ("", None),
        ("-5", None),
        ("1.5", None),
        ("²", None),
        ("soon", None),
        ("Fri, 99 Nov 2026 99:99:99 GMT", None),
    ],
)
def test_retry_after_is_a_number_or_a_date(text, seconds):
    assert retry_after(reply(429, retry_after=text), NOW) == seconds


def test_the_wait_stands_in_the_outcome():
    assert by_status(reply(503, retry_after="30"), NOW) == TryLater(
        reason="http_503", after=30.0, read="status 503"
    )


@pytest.mark.parametrize(
    "body", [b"", b"{", b"NaN", b"[" * 5000, b"\xff", b'"\\ud800"', b"1e400", b"{'a': 1}"]
)
def test_what_is_no_json_has_no_json(body):
    with pytest.raises(ValueError):
        Opened(reply(200, body)).part("json")


def test_json_keeps_long_numbers_and_forgives_a_mark_in_front():
    assert Opened(reply(200, b'\xef\xbb\xbf{"id": 123456789012345678901234}')).part("json") == {
        "id": 123456789012345678901234
    }


@pytest.mark.parametrize(
    ("kind", "body", "text"),
    [
        ("text/plain", b"\xef\xbb\xbfZo\xc3\xab", "Zoë"),
        ("text/plain; charset=ISO-8859-1", b"Zo\xeb", "Zoë"),
        ("text/plain; charset=rot13", b"Zoe", "Zoe"),
        ("text/plain; charset=unicode_escape", b"\\ud800", "\\ud800"),
        ("text/plain", b"Zo\xeb", "Zo\ufffd"),
    ],
)
def test_text_can_always_be_read(kind, body, text):
    assert Opened(reply(200, body, content_type=kind)).part("text") == text
