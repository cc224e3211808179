import pytest

from app.distribute.adapter import Call
from app.distribute.exchange import shown
from tests.distribute.drive import reply

SECRET = 'a b&"ü/c'


@pytest.mark.parametrize(
    "written",
    [
        'a b&"ü/c',
        "a%20b%26%22%C3%BC%2Fc",
        "a%20b%26%22%C3%BC/c",
        "a+b%26%22%C3%BC%2Fc",
        'a b&\\"ü/c',
        'a b&\\"\\u00fc/c',
        "a b&amp;&quot;ü/c",
    ],
)
def test_a_secret_is_hidden_in_every_writing(written):
    call = Call(
        method="POST",
        url=f"https://b/?k={written}",
        headers={"x": written},
        body=written.encode(),
        secrets=(SECRET,),
    )
    exchange = shown(call, reply(200, written, x=written), ms=1.0)
    assert (exchange.url, exchange.sent_headers, exchange.sent) == ("https://b/?k=***", {"x": "***"}, b"***")
    assert (exchange.received_headers, exchange.received) == ({"x": "***"}, b"***")


@pytest.mark.parametrize("name", ["Authorization", "cookie", "X-API-Key", "Set-Cookie"])
def test_what_is_always_a_secret_is_hidden_untold(name):
    call = Call(method="POST", url="https://b/", headers={name: "v"})
    exchange = shown(call, reply(200, **{name.lower(): "v"}), ms=1.0)
    assert exchange.sent_headers == {name: "***"}
    assert list(exchange.received_headers.values()) == ["***"]


def test_an_empty_secret_hides_nothing():
    assert shown(Call(method="POST", url="https://b/", body=b"ab", secrets=("",)), None, ms=1.0).sent == b"ab"


def test_a_secret_at_the_cut_is_hidden_before_the_cut():
    call = Call(method="POST", url="https://b/", body=b"x" * 65_533 + b"s3cret", secrets=("s3cret",))
    exchange = shown(call, None, ms=1.0)
    assert exchange.sent.endswith(b"x***")
    assert not exchange.cut
