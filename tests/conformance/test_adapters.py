"""What every adapter owes, held on whatever is registered: a new file is covered unasked."""

import inspect
from pathlib import Path

import pytest
from pydantic import ValidationError

from app.catalog.kinds import at, secret_places
from app.distribute.adapter import Call, Grant, Intent, adapters
from app.distribute.wire import unsaid
from app.model import Accepted, Duplicate, Pooled, Rejected, TryLater, Unclear
from tests.distribute.drive import ANN, ann, answer, reply

EVERY = [pytest.param(adapter, id=adapter.name) for adapter in adapters.discover()]
TALKS = [
    pytest.param(adapter, example, id=f"{adapter.name}-{i}")
    for adapter in adapters
    for i, example in enumerate(adapter.examples)
]
STATUSES = [
    100,
    200,
    201,
    202,
    204,
    299,
    301,
    302,
    303,
    304,
    400,
    401,
    403,
    404,
    408,
    409,
    410,
    422,
    425,
    429,
]
STATUSES += [500, 501, 502, 503, 504, 522, 599, 999]
NOISE = [
    b"",
    b"\x00",
    b"\xff\xfe",
    b"<",
    b"<a>",
    b"<a/>",
    b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
    b"[]",
    b"{}",
    b"null",
    b"true",
    b"7",
    b'"accepted"',
    b'{"status": "accepted", "result": "success", "id": {"a": []}, "price": "NaN"}',
    b'{"status": 123456789012345678901234567890}',
    b"=&=",
    b"%zz",
    b"[" * 5000,
    b"<a>" * 5000,
    b"accepted success ok 1 true",
]
DIGEST = 'Digest realm="leads", nonce="n-1", qop="auth"'
WORDS = Accepted | Rejected | Duplicate | TryLater | Unclear | Pooled


@pytest.mark.parametrize("adapter", EVERY)
def test_it_says_what_it_is_for_and_has_a_test(adapter):
    assert inspect.getmodule(type(adapter)).__doc__
    assert Path("tests/distribute/adapters", f"test_{adapter.name}.py").is_file()


@pytest.mark.parametrize("adapter", EVERY)
def test_its_settings_have_a_schema_and_refuse_what_they_do_not_know(adapter):
    assert adapter.settings.model_json_schema()["additionalProperties"] is False
    with pytest.raises(ValidationError):
        adapter.settings.model_validate({**adapter.examples[0], "no_such_setting": 1})


@pytest.mark.parametrize(("adapter", "example"), TALKS)
def test_its_examples_work_and_speak_first(adapter, example):
    to = adapter.settings.model_validate(example)
    assert isinstance(next(adapter.converse(ANN, to)), Intent)


@pytest.mark.parametrize(("adapter", "example"), TALKS)
def test_every_call_carries_the_delivery_id_where_it_hands_over(adapter, example):
    for made in asked(adapter, example):
        assert not made.hands_over or str(ANN.delivery_id) in str(made)


@pytest.mark.parametrize(("adapter", "example"), TALKS)
def test_no_secret_of_its_settings_is_shown(adapter, example):
    places = secret_places(adapter.settings, example)
    for made in asked(adapter, example):
        shown = repr(unsaid(made))
        assert [place for place in places if at(example, place) in shown] == []


@pytest.mark.parametrize(("adapter", "example"), TALKS)
@pytest.mark.parametrize("handover", [ann(lead={}), ann(lead={}, test=True, attempt=9)], ids=["bare", "test"])
def test_a_bare_lead_is_no_reason_to_fail(adapter, example, handover):
    assert isinstance(next(adapter.converse(handover, adapter.settings.model_validate(example))), Intent)


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize(("adapter", "example"), TALKS)
def test_every_status_with_every_body_ends_in_an_outcome(adapter, example, status):
    to = adapter.settings.model_validate(example)
    by_http = isinstance(next(adapter.converse(ANN, to)), Call | Grant)
    for body in NOISE if by_http else NOISE[:3]:
        for kind in ("application/json", "text/xml", "", "text/plain; charset=utf-99") if by_http else ("",):
            outcome = ended(adapter.converse(ANN, to), reply(status, body, content_type=kind))
            assert isinstance(outcome, WORDS)
            if status >= 400:
                assert not isinstance(outcome, Accepted)


def asked(adapter, example):
    """All that it asks for, of one who wants to be asked by Digest, and then is glad of whatever comes."""
    talk = adapter.converse(ANN, adapter.settings.model_validate(example))
    made = next(talk)
    for _ in range(8):
        yield made
        said = reply(401, www_authenticate=DIGEST) if not made.hands_over else reply(200, b"{}")
        try:
            made = talk.send(answer(made, said))
        except StopIteration:
            return


def ended(talk, buyers_reply):
    asked = next(talk)
    for _ in range(8):
        try:
            asked = talk.send(answer(asked, buyers_reply))
        except StopIteration as end:
            return end.value
    return pytest.fail("the conversation does not end within eight replies")
