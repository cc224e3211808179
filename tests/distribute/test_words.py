"""A buyer's own words and what they mean, through the rules of a contract."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from app.distribute.rules import ReplySettings, Rules
from app.model import Accepted, Duplicate, Outcome, Rejected, TryLater, Unclear
from tests.distribute.drive import reply

NOW = datetime(2026, 11, 20, 14, 32, 5, tzinfo=UTC)
MAP = {
    "sold": "accepted",
    "dup": "duplicate",
    "not interested": "rejected",
    "busy": "try_later",
    "queued": "unclear",
}
WORD = "reply.json.status"


def settings(**more: Any) -> ReplySettings:
    return ReplySettings.model_validate({"words": {"reading": WORD, "map": MAP}} | more)


def judged(body: str, status: int = 200, **more: Any) -> Outcome:
    return Rules(settings(**more)).outcome(reply(status, body), NOW)


def told(word: str, means: str) -> str:
    return f'words: {WORD} → "{word}" → {means}'


@pytest.mark.parametrize(
    ("word", "outcome"),
    [
        ("sold", Accepted(read=told("sold", "accepted"))),
        (" SOLD ", Accepted(read=told("SOLD", "accepted"))),
        ("Dup", Duplicate(reason="Dup", read=told("Dup", "duplicate"))),
        ("Not  Interested", Rejected(reason="Not Interested", read=told("Not Interested", "rejected"))),
        ("busy", TryLater(reason="busy", read=told("busy", "try_later"))),
        ("queued", Unclear(reason="queued", read=told("queued", "unclear"))),
        ("soldier", Unclear(reason="unknown_word", read=told("soldier", "not among them"))),
    ],
)
def test_each_word_is_what_the_contract_says_it_means(word: str, outcome: Outcome) -> None:
    assert judged(f'{{"status": "{word}"}}') == outcome


def test_a_sale_by_word_has_its_reference_and_price() -> None:
    outcome = judged('{"status": "sold", "id": 7, "pays": "12.50"}', reference="reply.json.id", price="pays")
    assert isinstance(outcome, Accepted)
    assert (outcome.reference, outcome.price) == ("7", Decimal("12.50"))


def test_the_buyers_reason_counts_before_his_word_and_names_no_person() -> None:
    outcome = judged('{"status": "dup", "why": "ann@example.com is known"}', reason="reply.json.why")
    assert outcome == Duplicate(reason="… is known", read=told("dup", "duplicate"))


def test_a_word_may_be_a_beginning_and_the_longest_counts() -> None:
    words = {"reading": "reply.text", "map": {"ok*": "accepted", "ok, but*": "unclear", "*": "rejected"}}
    assert isinstance(judged("OK 12345", words=words), Accepted)
    assert isinstance(judged("OK, but later", words=words), Unclear)
    assert isinstance(judged("KO", words=words), Rejected)
    assert isinstance(judged("", words=words), Unclear)


def test_numbers_and_yes_or_no_are_words_too() -> None:
    words = {"reading": "reply.json.code", "map": {1: "accepted", 0: "rejected", "true": "accepted"}}
    assert isinstance(judged('{"code": 1}', words=words), Accepted)
    assert isinstance(judged('{"code": true}', words=words), Accepted)
    assert isinstance(judged('{"code": "0"}', words=words), Rejected)
    assert isinstance(
        judged('{"code": true}', words={"reading": "reply.json.code", "map": {True: "accepted"}}), Accepted
    )


@pytest.mark.parametrize("status", [400, 401, 409, 422, 500, 503])
def test_no_word_makes_a_sale_of_an_error(status: int) -> None:
    assert not isinstance(judged('{"status": "sold"}', status), Accepted)
    assert isinstance(judged('{"status": "dup"}', status), Duplicate)


@pytest.mark.parametrize(
    "body", ["{}", "[]", "null", "<html>", '{"status": null}', '{"status": {"a": 1}}', '{"status": ""}']
)
def test_where_no_word_stands_nobody_can_tell(body: str) -> None:
    assert judged(body) == Unclear(reason="unreadable_reply", read="accepted: no value in this reply")
    assert judged("") == Unclear(reason="empty_reply", read="accepted: the reply is empty")


def test_rules_count_before_words_and_accepted_where_no_word_is_known() -> None:
    assert isinstance(judged('{"status": "sold"}', duplicate='reply.json.status == "sold"'), Duplicate)
    assert isinstance(judged('{"status": "fine"}', accepted='reply.json.status == "fine"'), Accepted)
    assert isinstance(judged('{"status": "dup"}', accepted="true"), Duplicate)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ({"reading": WORD, "map": {"*": "accepted"}}, "a default is never a sale"),
        ({"reading": WORD, "map": {"dup": "duplicate"}}, "one of the words must mean it"),
        ({"reading": WORD, "map": {"Sold": "accepted", "sold ": "rejected"}}, "the same"),
        ({"reading": WORD, "map": {" ": "accepted"}}, "a word is empty"),
        ({"reading": WORD, "map": {"sold": "bought"}}, "map"),
        ({"reading": WORD, "map": {}}, "map"),
        ({"reading": "//[", "map": MAP}, "is no XPath"),
    ],
)
def test_words_that_can_not_work_are_refused_when_saved(words: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        settings(words=words)
