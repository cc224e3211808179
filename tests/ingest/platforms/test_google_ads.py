from typing import Any

import msgspec
import pytest

from app.core.errors import Forged, Unreadable
from app.ingest.platform import Taken
from app.ingest.platforms.google_ads import GoogleAds
from tests.ingest.platforms.golden import asked, cases, holds, told

KEY = "0ur-key-at-google"


def take(body: bytes) -> Taken:
    taken = GoogleAds().take(asked(body), told("google_ads", key=KEY), 0.0)
    assert isinstance(taken, Taken)
    return taken


def posted(**more: Any) -> bytes:
    return msgspec.json.encode({"lead_id": "L1", "google_key": KEY, **more})


@pytest.mark.parametrize("name", cases("google_ads"))
def test_what_google_ads_sends_is_read(name: str) -> None:
    holds("google_ads", name)


@pytest.mark.parametrize("key", ["", KEY[:-1], KEY + "x", "ключ", None, 7, [KEY], {"a": KEY}])
def test_another_key_is_forged(key: Any) -> None:
    with pytest.raises(Forged) as caught:
        take(posted(google_key=key))
    assert KEY not in str(caught.value.problem())


def test_a_body_without_a_key_is_forged_and_one_that_is_no_object_unreadable() -> None:
    with pytest.raises(Forged):
        take(b"{}")
    for body in (b"", b"[]", b"null", b"{"):
        with pytest.raises(Unreadable):
            take(body)


def test_the_key_is_gone_even_where_it_stands_twice() -> None:
    taken = take(b'{"google_key":"a-first-secret","lead_id":"L1","google_key":"%s"}' % KEY.encode())
    assert taken.keep == b'{"lead_id":"L1"}'


def test_a_test_has_no_identity_since_every_test_of_google_has_the_same() -> None:
    taken = take(posted(is_test=True))
    assert (taken.test, taken.identity) == (True, "")
    assert take(posted(is_test=False)).identity == "L1"
    assert take(posted(lead_id=7)).identity == "7"


@pytest.mark.parametrize("lead", [None, {}, ["L1"], True, 1.5, ""])
def test_what_is_no_id_makes_no_two_leads_one(lead: Any) -> None:
    assert take(posted(lead_id=lead)).identity == ""


@pytest.mark.parametrize(
    ("columns", "where"),
    [
        ("?", "user_column_data"),
        ([], "user_column_data"),
        (["?"], "user_column_data.0"),
        ([{"column_id": "EMAIL"}, {"string_value": "x"}], "user_column_data.1"),
        ([{"column_id": "EMAIL", "string_value": {}}], "user_column_data.0"),
    ],
)
def test_a_column_of_another_shape_is_told_by_its_place(columns: Any, where: str) -> None:
    with pytest.raises(Unreadable) as caught:
        GoogleAds().read(msgspec.json.encode({"user_column_data": columns}), "")
    assert caught.value.where == where


def test_an_answer_stands_over_an_id_of_the_same_name() -> None:
    body = {"form_id": 1, "user_column_data": [{"column_name": "form_id", "string_value": "mine"}]}
    assert GoogleAds().read(msgspec.json.encode(body), "") == [{"form_id": "mine"}]
