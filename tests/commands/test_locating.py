"""Nobody takes an address for a home's because no database was there."""

import lzma
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.commands.locating import told
from app.validate.data import countries_packed
from app.validate.places import Places

BUILT = datetime(2026, 6, 17, tzinfo=UTC)


@pytest.fixture(scope="module")
def countries() -> bytes:
    return lzma.decompress(countries_packed())


def test_what_ships_is_told_and_what_is_unknown_without_more(tmp_path: Path) -> None:
    places = Places(tmp_path)
    places.open()
    (line,) = told(places, BUILT + timedelta(days=900))
    assert line.level == "ok"
    assert line.text.startswith(
        "countries (ships with leadgate) of 2026-06-17; networks, VPNs and servers are unknown"
    )


def test_a_broken_file_and_an_old_one_are_warned_of(tmp_path: Path, countries: bytes) -> None:
    (tmp_path / "asn.mmdb").write_bytes(b"half of it")
    (tmp_path / "country.mmdb").write_bytes(countries)
    places = Places(tmp_path)
    places.open()
    broken, old = told(places, BUILT + timedelta(days=200))
    assert (broken.level, broken.text) == ("warn", "asn.mmdb can't be read (InvalidDatabaseError)")
    assert (old.level, old.cure) == ("warn", "replace country.mmdb: addresses change hands")
    assert told(places, BUILT + timedelta(days=20))[1].level == "ok"
