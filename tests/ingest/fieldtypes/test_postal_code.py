import pytest

from app.ingest.fieldtypes.postal_code import PostalCode, PostalCodeSettings


def normal(raw, country="US"):
    return PostalCode().normal(raw, PostalCodeSettings(country=country))


@pytest.mark.parametrize(
    "raw, becomes, parts",
    [
        ("78701", "78701", {"zip5": "78701"}),
        ("78701-1234", "78701-1234", {"zip5": "78701", "plus4": "1234"}),
        ("78701 1234", "78701-1234", {"zip5": "78701", "plus4": "1234"}),
        ("78701-", "78701", {"zip5": "78701"}),
        (78701.0, "78701", {"zip5": "78701"}),
        (7030, "07030", {"zip5": "07030"}),
        ("7870", "07870", {"zip5": "07870"}),
        ("501", "00501", {"zip5": "00501"}),
        (70301234, "07030-1234", {"zip5": "07030", "plus4": "1234"}),
    ],
)
def test_a_zip_has_five_or_nine_digits(raw, becomes, parts):
    value = normal(raw)
    assert (value.normal, value.parts) == (becomes, parts)


def test_a_restored_zero_is_noted():
    assert normal(7030).note == "leading zero restored"
    assert normal("07030").note == ""
    assert normal(1067, "DE").normal == "01067"


@pytest.mark.parametrize(
    "raw", ["00000", "00500", "99951", "787011", "7870A", "78701-12", "abc", "٧٨٧٠١", 12, "7" * 30]
)
def test_what_is_no_zip_is_kept_and_marked(raw):
    value = normal(raw)
    assert (value.raw, value.valid, value.note) == (raw, False, "is no postal code of US")


@pytest.mark.parametrize(
    "country, raw, becomes",
    [
        ("CA", "k1a0b1", "K1A 0B1"),
        ("CA", "K1A-0B1", "K1A 0B1"),
        ("CA", "D1A 0B1", None),
        ("CA", "K1A", None),
        ("GB", "sw1a1aa", "SW1A 1AA"),
        ("GB", "M11AE", "M1 1AE"),
        ("GB", "GIR 0AA", "GIR 0AA"),
        ("GB", "SW1A 1CI", None),
        ("NL", "1234ab", "1234 AB"),
        ("PL", "00950", "00-950"),
        ("SE", "114 55", "114 55"),
        ("BR", "01310100", "01310-100"),
        ("JP", "1000001", "100-0001"),
        ("IE", "d02af30", "D02 AF30"),
        ("DE", "1067", None),
        ("AU", 800, "0800"),
        ("KY", "ky1-1102", "KY1-1102"),
        ("KY", "!", None),
    ],
)
def test_other_countries_are_written_as_they_write_them(country, raw, becomes):
    assert normal(raw, country).normal == becomes
