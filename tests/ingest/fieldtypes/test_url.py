import pytest

from app.ingest.fieldtypes.url import Url, UrlSettings


def normal(raw, **said):
    value = Url().normal(raw, UrlSettings(**said))
    return value.normal if value.valid else value.note


@pytest.mark.parametrize(
    "raw, becomes",
    [
        ("https://solar.example/Quote?a=1#x", "https://solar.example/Quote?a=1#x"),
        ("HTTP://Solar.EXAMPLE", "http://solar.example/"),
        ("https://solar.example?a=1", "https://solar.example/?a=1"),
        ("http://solar.example:80/", "http://solar.example/"),
        ("http://solar.example:8080/", "http://solar.example:8080/"),
        ("https://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC"),
        ("www.solar.example/a", "https://www.solar.example/a"),
        ("http://[2001:DB8:0::1]/", "http://[2001:db8::1]/"),
        ("https://solar.example/@ann", "https://solar.example/@ann"),
    ],
)
def test_a_web_address_has_a_lower_case_host_and_a_path(raw, becomes):
    assert normal(raw) == becomes


@pytest.mark.parametrize(
    "raw, note",
    [
        ("ftp://a.example/", "is neither http nor https"),
        ("javascript:alert(1)", "is no web address"),
        ("data:text/html,x", "is no web address"),
        ("https://ann:secret@a.example/", "is no web address"),
        ("https://ann@a.example/", "holds a user name"),
        ("https://", "is no web address"),
        ("https:///path", "is no web address"),
        ("word", "is no web address"),
        ("https://a b.example/", "is no web address"),
        ("https://a.example\\b", "is no web address"),
        ("https://a..example/", "is no web address"),
        ("https://a.example:99999/", "is no web address"),
        ("https://a.example:0/", "is no web address"),
        ("https://[::zz]/", "is no web address"),
        ("https://a.example/\u202e", "is no web address"),
        ("https://" + "a" * 64 + ".example/", "is no web address"),
    ],
)
def test_what_is_no_web_address_is_marked(raw, note):
    assert normal(raw) == note


def test_its_host_comes_with_it():
    assert Url().normal("https://Solar.Example/x", UrlSettings()).parts == {
        "scheme": "https",
        "host": "solar.example",
    }


def test_it_is_held_to_its_length():
    assert normal("https://a.example/" + "a" * 30, max_length=30) == "is longer than 30 characters"
