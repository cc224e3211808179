"""Databases of addresses may come, go, be replaced and be broken; answers stay right, and unknown stays unknown."""

import lzma
from pathlib import Path

import pytest

from app.validate.check import Location
from app.validate.data import countries_packed
from app.validate.places import SHIPPED, Places, located


@pytest.fixture(scope="session")
def countries() -> bytes:
    return lzma.decompress(countries_packed())


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """Without the one that ships, which takes a moment to unpack."""
    return Places(tmp_path, ships=False)


def test_the_countries_that_ship_are_known_for_both_kinds_of_address(tmp_path: Path):
    places = Places(tmp_path / "none")
    places.open()
    assert [shelf.name for shelf in places.told()] == [SHIPPED]
    assert places.look("8.8.8.8") == Location(country="US")
    assert places.look("2a01:4f8::1") == Location(country="DE")
    assert places.look("::ffff:8.8.8.8") == Location(country="US")
    assert [places.look(noise) for noise in ("10.0.0.1", "", "x", "999.1.1.1")] == [None] * 4


def test_nothing_is_known_without_a_database(places: Places):
    assert places.refresh() is False
    assert places.ready
    assert places.look("8.8.8.8") is None


def test_a_database_that_is_put_there_is_used_and_one_that_is_taken_away_is_not(places, tmp_path, countries):
    places.refresh()
    assert places.look("8.8.8.8") is None
    (tmp_path / "mine.mmdb").write_bytes(countries)
    assert places.refresh()
    assert places.look("8.8.8.8") == Location(country="US")
    assert not places.refresh()
    (tmp_path / "mine.mmdb").unlink()
    assert places.refresh()
    assert places.look("8.8.8.8") is None


def test_the_operators_own_takes_the_place_of_the_one_that_ships(tmp_path, countries):
    (tmp_path / "dbip-country-lite.mmdb").write_bytes(countries)
    places = Places(tmp_path)
    places.open()
    assert [shelf.name for shelf in places.told()] == ["dbip-country-lite.mmdb"]


def test_a_file_that_is_half_there_leaves_the_former_in_use(places, tmp_path, countries):
    file = tmp_path / "mine.mmdb"
    file.write_bytes(countries)
    places.refresh()
    file.write_bytes(countries[: len(countries) // 2])  # in place: who mapped the file itself would be killed
    assert not places.refresh()
    assert places.look("8.8.4.4") == Location(country="US")
    assert list(places.unread) == ["mine.mmdb"]
    file.write_bytes(countries)
    places.refresh()
    assert places.unread == {}


@pytest.mark.parametrize(
    "noise", [b"", b"noise", b"\xab\xcd\xefMaxMind.com", b"\xab\xcd\xefMaxMind.com\xe0" * 3]
)
def test_a_file_that_is_none_is_told_and_harms_nothing(places, tmp_path, noise):
    (tmp_path / "broken.mmdb").write_bytes(noise)
    assert not places.refresh()
    assert "broken.mmdb" in places.unread
    assert places.look("8.8.8.8") is None


def test_nobody_is_looked_for_before_anybody_asked(tmp_path):
    places = Places(tmp_path)
    assert places.again() is False
    assert not places.ready


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([], None),
        ([{}], None),
        ([{"country": {"iso_code": "US"}, "subdivisions": [{"iso_code": "CA", "names": {"en": "California"}}],
           "location": {"time_zone": "America/Los_Angeles"}}],
         Location(country="US", region="CA", time_zone="America/Los_Angeles")),
        ([{"country": {"iso_code": "DE"}, "subdivisions": [{"names": {"en": "Bavaria"}}]}], Location(country="DE", region="Bavaria")),
        ([{"country_code": "us"}], Location(country="US")),
        ([{"country": "US", "asn": "AS15169", "as_name": "Google LLC"}], Location(country="US", asn=15169, network="Google LLC")),
        ([{"autonomous_system_number": 24940, "autonomous_system_organization": "Hetzner Online GmbH"}],
         Location(asn=24940, network="Hetzner Online GmbH", kinds=("hosting",))),
        ([{"country_code": "US"}, {"country_code": "CA", "autonomous_system_number": 13335}],
         Location(country="US", asn=13335, kinds=("relay",))),
        ([{"is_anonymous": True, "is_anonymous_vpn": True, "is_tor_exit_node": True}], Location(kinds=("tor", "vpn"))),
        ([{"traits": {"is_hosting_provider": True, "autonomous_system_number": 1}}], Location(asn=1, kinds=("hosting",))),
        ([{"country": 7, "subdivisions": "x", "location": [], "asn": "ASX", "traits": None, "vpn": "no"}], None),
    ],
)  # fmt: skip
def test_records_of_many_makers_say_the_same(records, expected):
    assert located(records) == expected
