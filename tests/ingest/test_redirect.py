"""A person is sent on only to where the source says, by addresses that every browser reads alike."""

import pytest

from app.core.errors import Unreadable
from app.ingest.redirect import allowed

HOSTS = ("thanks.example", "Other.example")


@pytest.mark.parametrize(
    "url",
    [
        "https://thanks.example/",
        "http://thanks.example",
        "HTTPS://THANKS.example/a?b=c%20d#e",
        "https://thanks.example:8443/you",
        "https://other.example/?next=https://evil.example",
    ],
)
def test_a_named_host_is_redirected_to(url: str) -> None:
    assert allowed(url, HOSTS) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/relative",
        "//thanks.example/",
        "https:thanks.example",
        "https:///thanks.example",
        "javascript:alert(1)//thanks.example",
        "ftp://thanks.example/",
        "https://evil.example/thanks.example",
        "https://thanks.example.evil.example/",
        "https://evilthanks.example/",
        "https://thanks.example@evil.example/",
        "https://thanks.example:x@evil.example/",
        "https://user@thanks.example/",
        "https://evil.example\\@thanks.example/",
        "https://thanks.example\\.evil.example/",
        "https://thanks.example\r\nSet-Cookie: a=b",
        "https://thanks.example/\r\nLocation: https://evil.example",
        "https://thanks.example/\t",
        "https://thanks.example/ a",
        "https://thanks.example/\u0085",
        "https://thanks.\u0435xample/",
        "https://thanks\u3002example/",
        "https://thanks.example:99999/",
        "https://thanks.example:8o/",
        "https://[::1/",
        "https://thanks.example./",
        "https://thanks.example/" + "a" * 2_000,
    ],
)
def test_any_other_address_is_refused(url: str) -> None:
    with pytest.raises(Unreadable) as refused:
        allowed(url, HOSTS)
    assert refused.value.reason == "redirect"
    assert "evil" not in refused.value.detail


def test_a_source_that_names_no_host_redirects_nowhere() -> None:
    with pytest.raises(Unreadable):
        allowed("https://thanks.example/", ())
