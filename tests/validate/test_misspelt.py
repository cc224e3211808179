import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.validate.data import free_domains, meant_domains
from app.validate.misspelt import meant_by, shown_as

LETTERS = "abcdefghijklmnopqrstuvwxyz"
GMAIL = "gmail.com"


@pytest.mark.parametrize("domain", sorted(free_domains()))
def test_no_real_provider_is_taken_for_a_slip_of_another(domain):
    assert meant_by(domain) is None
    assert shown_as(domain) is None


def test_every_domain_that_may_be_meant_is_one_of_the_free_ones():
    assert set(meant_domains()) <= free_domains()


@pytest.mark.parametrize(
    "domain",
    ["gmial.com", "gmal.com", "gmaill.com", "gmsil.com", "gmail.con", "gmail.cm", "gmail.comm", "gmail.co"],
)
def test_a_slip_is_understood(domain):
    assert meant_by(domain) == "gmail.com"


@pytest.mark.parametrize(
    "domain",
    [
        "acme.com",
        "gmail.de",
        "gmx.li",
        "web.dk",
        "sol.com",
        "cox.com",
        "chartered.net",
        "yahoo.gr",
        "libero.is",
        "a",
        "",
    ],
)
def test_what_somebody_else_may_own_is_no_slip(domain):
    assert meant_by(domain) is None


@given(st.integers(0, len(GMAIL) - 1), st.sampled_from(LETTERS))
def test_any_one_letter_too_many_leads_back(at, letter):
    written = GMAIL[:at] + letter + GMAIL[at:]
    assert meant_by(written) == GMAIL


@given(st.text(max_size=30))
def test_what_is_meant_is_never_itself_a_slip(text):
    meant = meant_by(text)
    assert meant is None or (meant_by(meant) is None and meant != text)


@pytest.mark.parametrize(
    ("written", "provider"),
    [("gmаil.com", "gmail.com"), ("gmáil.com", "gmail.com"), ("yаhоо.com", "yahoo.com"), ("müller.de", None)],
)
def test_letters_of_another_alphabet_do_not_deceive(written, provider):
    assert shown_as(written.encode("idna").decode()) == provider


@pytest.mark.parametrize("domain", ["xn--", "xn--a.xn--b", "xn--99999999", "gmail.com"])
def test_what_is_no_international_domain_looks_like_nothing(domain):
    assert shown_as(domain) is None
