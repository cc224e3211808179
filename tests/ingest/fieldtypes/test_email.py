import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.ingest.fieldtypes.email import Email, EmailSettings

TO = EmailSettings()


def normal(raw):
    return Email().normal(raw, TO)


@pytest.mark.parametrize(
    "raw, becomes, domain",
    [
        ("Ann.Smith+x@Example.COM", "ann.smith+x@example.com", "example.com"),
        (" ann @ example . com ", "ann@example.com", "example.com"),
        ("ann@bücher.example", "ann@xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("ann@XN--BCHER-KVA.example", "ann@xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("zoë@example.com", "zoë@example.com", "example.com"),
        ("o'hara@example.co.uk", "o'hara@example.co.uk", "example.co.uk"),
    ],
)
def test_an_address_is_lower_case_without_spaces_and_its_domain_ascii(raw, becomes, domain):
    value = normal(raw)
    assert (value.valid, value.normal, value.parts["domain"]) == (True, becomes, domain)
    assert value.parts["local"] == becomes.split("@")[0]


@pytest.mark.parametrize(
    "raw",
    [
        "ann",
        "@",
        "ann@",
        "@example.com",
        "ann@example",
        "ann@example..com",
        ".ann@example.com",
        "ann.@example.com",
        "a..b@example.com",
        "ann@-example.com",
        "ann@example-.com",
        "ann@example.c0",
        "ann@example.com.",
        "ann@host.local",
        "ann@host.test",
        "ann@bob@example.com",
        "ann@[192.0.2.1]",
        '"ann"@example.com',
        "Ann <ann@example.com>",
        "ann@ab--cd.example",
        "ann@xn--zzzzzz.example",
        "ann@" + "a" * 64 + ".com",
        "a" * 250 + "@example.com",
        "ann@example.com,bob@example.com",
        5125550100,
    ],
)
def test_what_is_no_address_is_kept_and_marked(raw):
    value = normal(raw)
    assert (value.raw, value.normal, value.valid, value.note) == (raw, None, False, "is no e-mail address")


def test_removed_spaces_are_noted():
    assert normal("ann@exam ple.com").note == "spaces removed"


def agrees(text: str) -> None:
    try:
        found = validate_email(text.lower(), check_deliverability=False)
        expected = f"{found.local_part}@{found.ascii_domain}"
    except EmailNotValidError:
        expected = None
    assert normal(text).normal == expected


LOCALS = st.from_regex(r"[a-zA-Z0-9_!#$%&'*+/=?^`{|}~.-]{1,70}", fullmatch=True)
LABELS = st.sampled_from(
    [
        "example",
        "a",
        "xn--bcher-kva",
        "ab--c",
        "-a",
        "a-",
        "1",
        "local",
        "test",
        "arpa",
        "a" * 63,
        "a" * 64,
        "",
    ]
)
DOMAINS = st.lists(LABELS | st.from_regex(r"[a-z0-9-]{1,8}", fullmatch=True), min_size=1, max_size=6).map(
    ".".join
)


@settings(max_examples=300, deadline=None)
@given(
    st.builds("{}@{}".format, LOCALS, DOMAINS)
    | st.text('ab@.-_ü"<>', max_size=20).filter(lambda t: not any(c.isspace() for c in t))
)
@example("a" * 20 + "@" + ("一" * 40 + ".").encode("idna").decode() * 2 + "com")
@example("a" * 242 + "@example.com")
@example("a" * 243 + "@example.com")
@example("a@" + "a." * 125 + "com")
@example("a@" + "a." * 126 + "com")
def test_the_short_cut_agrees_with_the_library(text):
    agrees(text)
