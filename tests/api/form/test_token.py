"""A form's token is ours, of this form, and says when."""

import base64
from datetime import UTC, datetime, timedelta

import pytest

from app.api.form.token import OLDEST, Token, Tokens, mark_of
from app.core.world import World

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MARK = mark_of("Call me.")


def tokens(now: datetime = NOON, key: bytes = b"k" * 32) -> Tokens:
    return Tokens(key, World(now=lambda: now))


def read(text: str, form: str = "solar\0acme") -> Token | None:
    return tokens().read(form, text)


def test_a_token_says_when_it_was_shown_and_with_which_text() -> None:
    text = tokens().issue("solar\0acme", MARK)
    token = read(text)
    assert token is not None
    assert (token.shown_at, token.issued_at, token.consent) == (NOON.timestamp(), NOON.timestamp(), MARK)
    assert tokens(NOON + timedelta(days=1)).age(token) == OLDEST
    assert tokens(NOON - timedelta(minutes=1)).age(token) == 0


def test_a_token_is_of_one_form_and_one_installation() -> None:
    text = tokens().issue("solar\0acme", MARK)
    assert read(text, "solar\0other") is None
    assert read(text, "solar\0acm") is None
    assert tokens(key=b"x" * 32).read("solar\0acme", text) is None


def test_no_bit_of_a_token_can_be_changed() -> None:
    data = base64.urlsafe_b64decode(tokens().issue("solar\0acme", MARK))
    for bit in range(len(data) * 8):
        forged = bytearray(data)
        forged[bit // 8] ^= 1 << bit % 8
        assert read(base64.urlsafe_b64encode(forged).decode()) is None


@pytest.mark.parametrize("text", ["", "x", "=", "A" * 72, "A" * 100_000, "é", "\ud800", "AAAA\nAAAA"])
def test_noise_is_no_token(text: str) -> None:
    assert read(text) is None


def test_a_new_token_of_the_same_visit_is_another_sending_that_began_when_the_first_did() -> None:
    former = read(tokens().issue("solar\0acme", MARK))
    later = tokens(NOON + timedelta(hours=2))
    token = later.read("solar\0acme", later.issue("solar\0acme", MARK, former))
    assert former is not None
    assert token is not None
    assert token.shown_at == former.shown_at
    assert token.issued_at == former.issued_at + 7200
    assert token.nonce != former.nonce
