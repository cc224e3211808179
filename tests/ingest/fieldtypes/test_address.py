from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ingest.fieldtypes.address import Address, AddressSettings

WRITTEN = [
    line.split("\t")
    for line in (Path(__file__).parents[2] / "data" / "addresses.tsv").read_text("utf-8").splitlines()
    if not line.startswith("#")
]


def normal(raw, country="US"):
    return Address().normal(raw, AddressSettings(country=country))


@pytest.mark.parametrize("country, raw, becomes", WRITTEN)
def test_an_address_is_written_as_its_post_does_and_stays_so(country, raw, becomes):
    value = normal(raw, country)
    assert value.normal == becomes
    again = normal(becomes, country)
    assert (again.normal, again.parts) == (becomes, value.parts)


@pytest.mark.parametrize(
    "raw, parts",
    [
        (
            "1600 North Pennsylvania Avenue SW, Suite 5",
            {
                "number": "1600", "predirectional": "N", "street": "Pennsylvania", "suffix": "Ave",
                "postdirectional": "SW", "unit": "Ste 5",
            },
        ),
        ("P O Box 12", {"box": "PO Box 12"}),
        ("Post Office Box #12-a", {"box": "PO Box 12-A"}),
        ("rural route 2, box 15", {"box": "RR 2 Box 15"}),
        ("12 Main St\nAustin", {"number": "12", "street": "Main", "suffix": "St", "rest": "Austin"}),
        ("Main Street", {}),
    ],
)  # fmt: skip
def test_its_parts_are_told(raw, parts):
    assert normal(raw).parts == parts


@pytest.mark.parametrize(
    "one, other",
    [
        ("123 NORTH MAIN STREET, APARTMENT 4-B", "123 n main st apt 4-b"),
        ("PO BOX 12", "p.o. box 12"),
        ("55 United Blvd., Floor 2", "55 united boulevard 2nd fl"),
    ],
)
def test_one_house_is_one_text(one, other):
    assert normal(one).normal == normal(other).normal


@pytest.mark.parametrize("raw", ["???", "-", ",,,", "x" * 301])
def test_what_is_no_address_is_kept_and_marked(raw):
    value = normal(raw)
    assert (value.raw, value.valid, value.normal) == (raw, False, None)
    assert value.note


@pytest.mark.parametrize("raw", ["12 East NE", "12 ß", "12 12 hc # .. Key", "12 north RR"])
def test_what_would_read_otherwise_when_read_again_is_left_alone(raw):
    assert (normal(raw).normal, normal(raw).parts) == (raw, {})


WORDS = st.sampled_from(
    [
        "12",
        "12-3",
        "5A",
        "1/2",
        "N",
        "north",
        "NE",
        "East",
        "st",
        "Street",
        "AVE",
        "avenue",
        "Rd",
        "Key",
        "West",
        "Front",
        "apt",
        "#",
        "#4",
        "4B",
        "b",
        "Floor",
        "2nd",
        "ste",
        "rear",
        "of",
        "the",
        "PO",
        "Box",
        "RR",
        "rue",
        "Rue",
        "ouest",
        "boulevard",
        "Boul",
        "app",
        ",",
        ".",
        "Hwy",
        "County",
        "US",
        "Calle",
        "O'hara",
        "d'or",
        "unit",
        "-",
        "St.",
        "..",
        "FM",
        "100",
        "hc",
        "é",
        "İ",
        "ß",
    ]
)


@given(st.lists(WORDS, min_size=1, max_size=9).map(" ".join), st.sampled_from(("US", "CA", "DE")))
def test_a_normal_address_stays_as_it_is_whatever_it_was_made_of(raw, country):
    value = normal(raw, country)
    if value.valid:
        again = normal(value.normal, country)
        assert (again.normal, again.parts) == (value.normal, value.parts)
