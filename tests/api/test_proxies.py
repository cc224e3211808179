"""Whoever stands behind a proxy is believed where the proxy is, and no further."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.proxies import Proxies, node
from tests.api.conftest import serving

LEAD = {"first_name": "Ada", "email": "ada@example.com", "phone": "+14155550132"}


def origin(trusted: str, peer: str, header: Any = "either", **said: str) -> tuple[str, str]:
    proxies = Proxies.of(trusted, header)
    assert proxies is not None
    headers = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in said.items()]
    return tuple(proxies.origin(peer, "http", headers))  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("trusted", "said", "address"),
    [
        ("10.0.0.0/8", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.0/8", "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("10.0.0.0/8", "198.51.100.1, 203.0.113.9, 10.9.9.9", "203.0.113.9"),
        ("10.0.0.0/8", "198.51.100.1,203.0.113.9:4711,10.9.9.9:80", "203.0.113.9"),
        ("10.0.0.0/8", "[2001:DB8::1]:4711", "2001:db8::1"),
        ("10.0.0.0/8", "2001:db8:0:0::1", "2001:db8::1"),
        ("10.0.0.0/8", "::ffff:203.0.113.9", "203.0.113.9"),
        ("10.0.0.0/8", "198.51.100.1, ::ffff:10.1.1.1", "198.51.100.1"),
        ("10.0.0.0/8", "10.1.1.1, 10.2.2.2", "10.1.1.1"),
        ("10.0.0.0/8", "198.51.100.1, unknown", "10.0.0.1"),
        ("10.0.0.0/8", "198.51.100.1, _hidden, 10.3.3.3", "10.3.3.3"),
        ("10.0.0.0/8", "198.51.100.1, 203.0.113.300", "10.0.0.1"),
        ("10.0.0.0/8", "198.51.100.1, 203.0.113.9%eth0", "10.0.0.1"),
        ("10.0.0.0/8", "'; drop table lead; --", "10.0.0.1"),
        ("10.0.0.0/8", " , ,203.0.113.9, ,", "203.0.113.9"),
        ("10.0.0.0/8", "", "10.0.0.1"),
        ("192.168.0.0/16, 2001:db8::/32", "203.0.113.9", "10.0.0.1"),
        ("1", "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("2", "192.0.2.1, 198.51.100.1, 203.0.113.9", "198.51.100.1"),
        ("2", "203.0.113.9", "203.0.113.9"),
        ("1", "garbage", "10.0.0.1"),
    ],
)
def test_x_forwarded_for_is_read_from_the_right_through_trusted_hops(trusted, said, address) -> None:
    assert origin(trusted, "10.0.0.1", x_forwarded_for=said)[0] == address


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("for=203.0.113.9", ("203.0.113.9", "http")),
        ('For="[2001:db8:cafe::17]:4711";proto=https;by=10.0.0.1', ("2001:db8:cafe::17", "https")),
        ("for=192.0.2.43, for=203.0.113.9;proto=https, for=10.1.1.1;proto=http", ("203.0.113.9", "https")),
        ("for=unknown", ("10.0.0.1", "http")),
        ("for=_gazonk", ("10.0.0.1", "http")),
        ('for="_gazonk:_port"', ("10.0.0.1", "http")),
        ("for=192.0.2.43;for=203.0.113.9", ("10.0.0.1", "http")),
        ('for="192.0.2.43, for=203.0.113.9', ("203.0.113.9", "http")),
        ('for=192.0.2.43;by=", for=203.0.113.9;by="x"', ("203.0.113.9", "http")),
        ("for=203.0.113.9;proto=gopher", ("203.0.113.9", "http")),
        ("for=203.0.113.9; proto=https ; host=a", ("203.0.113.9", "https")),
        ("proto=https", ("10.0.0.1", "http")),
        ("for", ("10.0.0.1", "http")),
    ],
)
def test_forwarded_is_read_as_rfc_7239_writes_it(said, expected) -> None:
    assert origin("10.0.0.0/8", "10.0.0.1", forwarded=said) == expected


def test_who_is_not_trusted_is_not_believed() -> None:
    said = {"x_forwarded_for": "192.0.2.1", "forwarded": "for=192.0.2.1", "x_forwarded_proto": "https"}
    assert origin("10.0.0.0/8", "203.0.113.9", **said) == ("203.0.113.9", "http")


def test_of_two_headers_that_disagree_one_is_forged() -> None:
    said = {"x_forwarded_for": "203.0.113.9", "forwarded": "for=192.0.2.1"}
    assert origin("10.0.0.1", "10.0.0.1", **said)[0] == "10.0.0.1"
    assert origin("10.0.0.1", "10.0.0.1", "x-forwarded-for", **said)[0] == "203.0.113.9"
    assert origin("10.0.0.1", "10.0.0.1", "forwarded", **said)[0] == "192.0.2.1"
    both = {"x_forwarded_for": "203.0.113.9", "forwarded": 'for="203.0.113.9:80"'}
    assert origin("10.0.0.1", "10.0.0.1", **both)[0] == "203.0.113.9"


@pytest.mark.parametrize(
    ("hops", "proto", "scheme"),
    [
        ("203.0.113.9", "https", "https"),
        ("203.0.113.9, 10.1.1.1", "https, http", "https"),
        ("198.51.100.1, 203.0.113.9, 10.1.1.1", "http, https, http", "https"),
        ("203.0.113.9, 10.1.1.1", "https", "https"),
        ("203.0.113.9", "HTTPS ", "https"),
        ("203.0.113.9", "javascript", "http"),
    ],
)
def test_the_scheme_is_what_the_outermost_trusted_proxy_was_asked_for(hops, proto, scheme) -> None:
    said = origin("10.0.0.0/8", "10.0.0.1", x_forwarded_for=hops, x_forwarded_proto=proto)
    assert said == ("203.0.113.9", scheme)


def test_several_headers_of_one_name_are_one_list() -> None:
    proxies = Proxies.of("10.0.0.0/8")
    assert proxies is not None
    headers = [(b"x-forwarded-for", b"192.0.2.1"), (b"x-forwarded-for", b"203.0.113.9, 10.1.1.1")]
    assert proxies.origin("10.0.0.1", "http", headers).address == "203.0.113.9"


def test_a_proxy_on_a_dual_socket_is_the_same_proxy() -> None:
    assert origin("10.0.0.0/8", "::ffff:10.0.0.1", x_forwarded_for="203.0.113.9")[0] == "203.0.113.9"
    assert origin("::ffff:10.0.0.0/104", "10.0.0.1", x_forwarded_for="203.0.113.9")[0] == "203.0.113.9"


@given(st.text(alphabet=st.characters(max_codepoint=255), max_size=80), st.booleans())
def test_nothing_that_a_client_writes_moves_it(forged: str, quoted: bool) -> None:
    """Our proxy appends; what stood there before may be anything."""
    assert origin("10.0.0.0/8", "10.0.0.1", x_forwarded_for=f"{forged}, 203.0.113.9")[0] == "203.0.113.9"
    own = 'for="203.0.113.9:80";by="10.0.0.1"' if quoted else "for=203.0.113.9"
    assert origin("10.0.0.0/8", "10.0.0.1", forwarded=f"{forged}, {own}")[0] == "203.0.113.9"
    assert origin("1", "192.0.2.200", x_forwarded_for=f"{forged}, 203.0.113.9")[0] == "203.0.113.9"


@given(st.text(max_size=60))
def test_noise_is_no_address_and_an_address_has_one_spelling(text: str) -> None:
    known = node(text)
    assert known is None or (known != "" and node(known) == known)


def test_a_header_without_end_is_read_at_its_end() -> None:
    long = "198.51.100.1," * 100_000 + "203.0.113.9"
    assert origin("10.0.0.0/8", "10.0.0.1", x_forwarded_for=long)[0] == "203.0.113.9"
    inside = "10.1.1.1," * 100 + "10.0.0.2"
    assert origin("10.0.0.0/8", "10.0.0.1", x_forwarded_for=inside)[0] == "10.1.1.1"


@pytest.mark.parametrize("text", ["", "  ", "0"])
def test_nobody_is_trusted_unless_it_is_said(text: str) -> None:
    assert Proxies.of(text) is None


@pytest.mark.parametrize("text", ["localhost", "10.0.0.0/99", "1 2", "33", "-1", "10.0.0.0/8; ::1"])
def test_a_setting_that_names_no_proxies_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"network|proxies"):
        Proxies.of(text)


# through the real application: the one that connects is 127.0.0.1


async def test_a_spoofed_header_is_ignored_where_no_proxy_is_trusted(api) -> None:
    answer = await api.post(LEAD, x_forwarded_for="203.0.113.9", forwarded="for=203.0.113.9")
    assert answer.status_code == 201
    assert await api.value("select remote from submission") == "127.0.0.1"


async def test_every_door_sees_the_client_behind_a_trusted_proxy(database_url, tmp_path, house) -> None:
    async with serving(database_url, tmp_path, house, trusted_proxies="127.0.0.0/8") as api:
        api.acme, quick = await api.key("source", "acme"), await api.key("source", "quick")
        behind = {"x-forwarded-for": "192.0.2.1, 203.0.113.9", "x-forwarded-proto": "https"}
        kept = await api.post(LEAD, key=quick, **{k.replace("-", "_"): v for k, v in behind.items()})
        assert kept.json()["status_url"].startswith("https://leads.test/")
        begun = await api.http.post(
            "/v1/leads?partial=1", json=LEAD, headers={"x-api-key": api.acme, **behind}
        )
        assert begun.status_code == 202
        batch = await api.http.post(
            "/v1/batches", content=b"email,phone\na@example.com,+14155550133\n",
            headers={"x-api-key": api.acme, "content-type": "text/csv", **behind},
        )  # fmt: skip
        assert batch.json()["status_url"].startswith("https://leads.test/")
        assert await api.value("select array_agg(distinct remote) from submission") == ["203.0.113.9"]
        assert await api.value("select remote from batch") == "203.0.113.9"
