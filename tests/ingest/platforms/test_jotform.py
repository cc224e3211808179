from typing import Any

import pytest

from app.core.errors import Forged, Unreadable
from app.ingest.platform import Taken
from app.ingest.platforms.jotform import Jotform
from tests.ingest.platforms.golden import asked, case, cases, holds, land, told

TOKEN = "example-token-0001"


def take(body: bytes, token: str = TOKEN, **settings: Any) -> Taken:
    return Jotform().take(asked(body, {"token": token}), told("jotform", token=TOKEN, **settings), 0.0)


def read(body: bytes) -> dict[str, Any]:
    [record] = Jotform().read(body, "")
    return record


@pytest.mark.parametrize("name", cases("jotform"))
def test_what_jotform_sends_is_read(name: str) -> None:
    holds("jotform", name)


def test_a_post_without_the_token_or_of_another_form_is_forged() -> None:
    body = case("jotform", "submission")["body"]
    with pytest.raises(Forged):
        take(body, token="")
    with pytest.raises(Forged):
        take(body, form="1")


def test_a_name_without_its_number_never_hides_an_answer() -> None:
    body = b'rawRequest={"q3_email":"a@example.com","email":"b@example.com"}'
    assert read(body) == {"q3_email": "a@example.com", "email": "b@example.com"}


def test_of_two_questions_with_one_name_the_first_is_plain() -> None:
    assert read(b'rawRequest={"q3_email":"a","q9_email":"b"}') == {
        "q3_email": "a", "q9_email": "b", "email": "a", "email.0": "a", "email.1": "b",
    }  # fmt: skip


def test_an_answer_goes_before_what_jotform_says_of_the_form() -> None:
    assert read(b'rawRequest={"formTitle":"mine"}&formTitle=theirs&ip=192.0.2.7') == {
        "formTitle": "mine", "ip": "192.0.2.7",
    }  # fmt: skip


@pytest.mark.parametrize(
    "body, code, where",
    [
        (b"", "empty", None),
        (b"rawRequest={", "syntax", "rawRequest"),
        (b"rawRequest=", "empty", "rawRequest"),
        (b"rawRequest=[]", "shape", "rawRequest"),
        (b'rawRequest={"a":"\\u0000"}', "nul", "a"),
        (b"--", "boundary", "line 1"),
        (b"--x\r\n\r\n", "truncated", "byte 7"),
    ],
)
def test_what_is_wrong_has_its_code_and_place(body: bytes, code: str, where: str | None) -> None:
    with pytest.raises(Unreadable) as caught:
        land("jotform", asked(body, {"token": TOKEN}), token=TOKEN)
    assert (caught.value.reason, caught.value.where) == (code, where)
