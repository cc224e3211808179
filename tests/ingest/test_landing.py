"""What a browser sees after its post."""

import pytest

from app.ingest.landing import sent_if_allowed, sent_to


def test_a_browser_is_sent_on_by_a_303_that_tells_no_address_of_ours() -> None:
    said = sent_to("https://www.example.com/thanks")
    assert (said.status, said.body) == (303, b"")
    assert dict(said.headers) == {
        "Location": "https://www.example.com/thanks", "Referrer-Policy": "no-referrer",
    }  # fmt: skip


@pytest.mark.parametrize(
    "url, location",
    [
        ("https://www.example.com/thanks?a=1&b=%20#x", "https://www.example.com/thanks?a=1&b=%20#x"),
        (" https://www.example.com ", "https://www.example.com"),
        ("https://www.example.com/grüße euch", "https://www.example.com/gr%C3%BC%C3%9Fe%20euch"),
        ("HTTPS://WWW.EXAMPLE.COM/", "HTTPS://WWW.EXAMPLE.COM/"),
        ("https://www.example.com/\r\nSet-Cookie: a=b", "https://www.example.com/%0D%0ASet-Cookie:%20a=b"),
    ],
)
def test_an_address_of_a_named_host_is_made_fit_for_a_header(url: str, location: str) -> None:
    assert dict(sent_if_allowed(url, ["www.example.com"]).headers)["Location"] == location


@pytest.mark.parametrize(
    "url", ["", "https:", "https://evil.example", "https:www.example.com", "https://www.example.com\\@evil.example", "https://evil.example\\.www.example.com", "data:text/html,x", "\udcff"]
)  # fmt: skip
def test_any_other_address_gets_a_word_of_thanks(url: str) -> None:
    said = sent_if_allowed(url, ["www.example.com"])
    assert (said.status, said.content_type) == (200, "text/html; charset=utf-8")
    assert b"Thank you" in said.body
    assert "Location" not in dict(said.headers)
