from datetime import UTC, datetime
from decimal import Decimal

import pytest

from app.distribute.rules import ReplySettings, Rules
from app.model import Accepted, Duplicate, Rejected, TryLater, Unclear
from tests.distribute.drive import reply

NOW = datetime(2026, 11, 20, 14, 32, 5, tzinfo=UTC)
YES = '{"status": "accepted", "id": "SC-1", "price": "12.50"}'
RULE = 'reply.json.status == "accepted"'


def judged(buyers_reply, **settings):
    return Rules(ReplySettings.model_validate({"accepted": RULE} | settings)).outcome(buyers_reply, NOW)


def test_a_yes_is_a_sale_with_its_reference_and_price():
    assert judged(reply(200, YES), reference="reply.json.id", price="$.price") == Accepted(
        reference="SC-1",
        price=Decimal("12.50"),
        read=f"accepted: {RULE} → true; reference: reply.json.id; price: $.price",
    )


def test_a_no_is_rejected_in_the_buyers_words():
    body = '{"status": "no", "why": "outside  territory"}'
    assert judged(reply(200, body), reason="reply.json.why") == Rejected(
        reason="outside territory", read=f"accepted: {RULE} → false"
    )


def test_a_no_without_words_has_a_code():
    assert judged(reply(200, '{"status": "no"}')).reason == "not_accepted"


@pytest.mark.parametrize(
    "body",
    ["{}", "[]", "null", "7", '"accepted"', "garbage", "<html>", '{"Status": "accepted"}', "[" * 5000, "\0"],
)
def test_a_reply_that_the_rule_can_not_read_is_unclear(body):
    assert judged(reply(200, body)) == Unclear(
        reason="unreadable_reply", read=f"accepted: {RULE} → no value in this reply"
    )


@pytest.mark.parametrize("body", ["", " \r\n"])
@pytest.mark.parametrize("rule", [RULE, 'reply.text.contains("OK")', 'reply.xml.r == "1"'])
def test_an_empty_reply_is_unclear_where_the_body_was_to_speak(body, rule):
    assert judged(reply(200, body), accepted=rule).reason == "empty_reply"


def test_a_contract_may_take_the_status_alone_for_a_yes():
    assert isinstance(judged(reply(204), accepted="reply.status == 204"), Accepted)
    assert isinstance(judged(reply(303), accepted="reply.status == 303"), Accepted)


@pytest.mark.parametrize("status", [400, 401, 404, 409, 422, 500, 503, 599])
@pytest.mark.parametrize("rule", ["true", "reply.status >= 400", RULE])
def test_no_rule_makes_a_sale_of_an_error(status, rule):
    assert not isinstance(judged(reply(status, YES), accepted=rule), Accepted)


@pytest.mark.parametrize("said", ['"true"', "1", '"yes"'])
def test_only_the_boolean_true_is_a_yes(said):
    assert judged(reply(200, f'{{"ok": {said}}}'), accepted="reply.json.ok").reason == "unreadable_reply"


@pytest.mark.parametrize(
    ("rule", "outcome"),
    [
        ("duplicate", Duplicate(reason="duplicate", read='duplicate: reply.json.s == "x" → true')),
        ("rejected", Rejected(reason="rejected", read='rejected: reply.json.s == "x" → true')),
        ("later", TryLater(reason="later", after=9.0, read='later: reply.json.s == "x" → true')),
        ("unclear", Unclear(reason="unclear", read='unclear: reply.json.s == "x" → true')),
    ],
)
@pytest.mark.parametrize("status", [200, 302, 409, 500])
def test_a_rule_of_the_contract_goes_before_the_table_and_before_the_yes(rule, outcome, status):
    buyers_reply = reply(status, '{"s": "x"}', retry_after="9")
    assert judged(buyers_reply, accepted="true", **{rule: 'reply.json.s == "x"'}) == outcome


def test_a_rule_that_has_no_value_does_not_apply():
    assert isinstance(
        judged(reply(200, YES), duplicate="reply.json.dup", rejected="reply.xml.r.no"), Accepted
    )


def test_duplicate_is_asked_before_rejected():
    assert isinstance(judged(reply(200, "{}"), duplicate="true", rejected="true"), Duplicate)


def test_the_buyers_words_explain_an_error_status_too():
    assert judged(reply(422, '{"why": "bad phone"}'), reason="reply.json.why") == Rejected(
        reason="bad phone", read="status 422"
    )


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("ann@example.com is known", "… is known"),
        ("phone +1 (512) 555-0123 invalid", "phone … invalid"),
        ("5125550123", "…"),
        ("code 1008", "code 1008"),
    ],
)
def test_a_reason_names_nobody(said, reason):
    body = f'{{"status": "no", "why": "{said}"}}'
    assert judged(reply(200, body), reason="reply.json.why").reason == reason


@pytest.mark.parametrize(
    ("price", "read_as"),
    [
        ('"12.5"', "12.5"),
        ("12.5", "12.5"),
        ("0", "0"),
        ('"$12.50"', "12.50"),
        ('"-1"', None),
        ('"x"', None),
        ("null", None),
        ("1e300", None),
        ("true", None),
    ],
)
def test_a_price_that_can_not_be_read_leaves_the_contracts_own(price, read_as):
    outcome = judged(reply(200, f'{{"status": "accepted", "p": {price}}}'), price="reply.json.p")
    assert outcome.price == (Decimal(read_as) if read_as else None)
    assert ("the contract's" in outcome.read) == (read_as is None)
