from typing import Any

import pytest
from pydantic import ValidationError

from app.core.errors import Forged, Unreadable
from app.ingest.platform import Taken
from app.ingest.platforms.unbounce import Unbounce
from tests.ingest.platforms.golden import asked, cases, holds, land, told

TOKEN = "example-token-0001"
BODY = b"data.json=%7B%22email%22%3A%5B%22a%40example.com%22%5D%7D"


def take(body: bytes = BODY, query: Any = (("token", TOKEN),), origin: str = "", **settings: Any) -> Taken:
    request = asked(body, dict(query), origin=origin)
    return Unbounce().take(request, told("unbounce", token=TOKEN, **settings), 0.0)


@pytest.mark.parametrize("name", cases("unbounce"))
def test_what_unbounce_sends_is_read(name: str) -> None:
    holds("unbounce", name)


@pytest.mark.parametrize("query", [(), (("token", ""),), (("token", TOKEN + "x"),), (("Token", TOKEN),)])
def test_an_address_without_its_token_is_forged(query: Any) -> None:
    with pytest.raises(Forged):
        take(query=query)


def test_a_page_of_another_site_is_forged_where_origins_are_named() -> None:
    mine = ["https://www.example.com"]
    assert take(origin=mine[0], origins=mine).keep == BODY
    for other in ("", "null", "https://evil.example", "https://www.example.com.evil.example"):
        with pytest.raises(Forged):
            take(origin=other, origins=mine)


def test_the_same_post_has_the_same_identity_and_another_another() -> None:
    assert take().identity == take().identity
    assert take().identity != take(BODY + b"&x=1").identity


@pytest.mark.parametrize(
    "body, code, where",
    [
        (b"", "empty", None),
        (b"data.json=%7B", "syntax", "data.json"),
        (b"data.json=%5B1%5D", "shape", "data.json"),
        (b"data.json=%7B%7D", "empty", None),
        (b"data.json=%7B%22a%22%3A%5B%22%5Cu0000%22%5D%7D", "nul", "a"),
        (b"data.json=%7B%22a%22%3A%5B%5D%7D", "empty", None),
    ],
)
def test_what_is_wrong_has_its_code_and_place(body: bytes, code: str, where: str | None) -> None:
    with pytest.raises(Unreadable) as caught:
        land("unbounce", asked(body, {"token": TOKEN}), token=TOKEN)
    assert (caught.value.reason, caught.value.where) == (code, where)


def test_what_the_visitor_wrote_goes_before_what_the_page_says() -> None:
    body = b"page_name=Solar&variant=b&data.json=%7B%22page_name%22%3A%5B%22Mine%22%5D%7D"
    assert Unbounce().read(body, "") == [{"page_name": "Mine", "variant": "b"}]


def test_a_visitor_is_sent_on_to_a_web_address_only() -> None:
    for bad in (
        "javascript:alert(1)",
        "//www.example.com",
        "https://",
        "https://a@b.example/",
        "https://x y/",
    ):
        with pytest.raises(ValidationError):
            told("unbounce", token=TOKEN, redirect=bad)
