"""Digest by the letter of RFC 7616: its own examples, and what servers write instead."""

import pytest

from app.distribute.digest import Challenge, challenge, cnonce

NONCE, OPAQUE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"
OFFER = f'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=%s, nonce="{NONCE}", opaque="{OPAQUE}"'
BOTH = f"{OFFER % 'MD5'}, {OFFER % 'SHA-256'}"


def asked(header: str, **more: object) -> str:
    found = challenge(header)
    assert found is not None
    told = {
        "user": "Mufasa",
        "password": "Circle of Life",
        "method": "GET",
        "uri": "/dir/index.html",
        "body": b"",
        "cnonce": "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    }
    return found.header(**(told | more))  # type: ignore[arg-type]  # each as its name says


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_examples_of_the_standard(algorithm: str, response: str) -> None:
    assert asked(OFFER % algorithm) == (
        'Digest username="Mufasa", realm="http-auth@example.org", '
        f'nonce="{NONCE}", uri="/dir/index.html", response="{response}", algorithm={algorithm}, '
        f'opaque="{OPAQUE}", qop=auth, nc=00000001, cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"'
    )


def test_the_example_of_the_older_standard_has_no_qop() -> None:
    header = asked(
        'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"',
        user="Mufasa",
        password="Circle Of Life",
    )
    assert 'response="670fd8c2df070c60b045671b8b24ff02"' in header
    assert "cnonce" not in header


def test_the_best_of_several_is_answered() -> None:
    assert challenge(BOTH) == challenge(OFFER % "SHA-256")
    assert challenge(f'Basic realm="a, b", {OFFER % "MD5"}, Bearer') == challenge(OFFER % "MD5")


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic realm=x",
        "Negotiate",
        'Digest realm="x"',
        'Digest nonce="n"',
        'Digest realm="x", nonce=""',
        'Digest realm="x", nonce="n", algorithm=SHA-512-256',
        'Digest realm="x", nonce="n", qop="auth-conf"',
        "Digest",
        ',,=,"',
    ],
)
def test_what_can_not_be_answered_is_no_challenge(header: str) -> None:
    assert challenge(header) is None


def test_a_body_is_proved_where_nothing_less_is_taken() -> None:
    only = 'Digest realm="r", nonce="n", qop="auth-int"'
    assert "qop=auth-int" in asked(only)
    assert asked(only, body=b"a") != asked(only, body=b"b")


def test_a_session_binds_the_secret_to_its_nonces() -> None:
    told = 'Digest realm="r", nonce="n", qop="auth", algorithm=MD5-sess'
    assert asked(told, cnonce="0a4f113b") != asked(told.replace("-sess", ""), cnonce="0a4f113b")
    assert "algorithm=MD5-sess" in asked(told)


def test_a_name_may_be_hashed_and_quotes_are_kept() -> None:
    told = asked('Digest realm="a \\"b\\"", nonce="n", qop="auth", algorithm=SHA-256, userhash=true')
    assert "Mufasa" not in told
    assert 'realm="a \\"b\\""' in told
    assert "userhash=true" in told


def test_our_own_nonce_is_another_for_each_challenge_and_nobody_elses() -> None:
    assert (
        len({cnonce("p", "n", "a"), cnonce("p", "m", "a"), cnonce("q", "n", "a"), cnonce("p", "n", "b")}) == 4
    )
    assert challenge('Digest realm="r", nonce="n"') == Challenge(realm="r", nonce="n")
