import pytest

from app.ingest.format import MOST_RECORDS, Unreadable
from app.ingest.formats.csv import Csv


def refused(body: bytes, content_type: str) -> str:
    with pytest.raises(Unreadable) as caught:
        Csv().read(body, content_type)
    return caught.value.reason


def test_tab_separated_values_are_cut_at_tabs_only():
    body = b"name, first\tcity\nAnn\tReno, NV\n"
    assert Csv().read(body, "text/tab-separated-values") == [{"name, first": "Ann", "city": "Reno, NV"}]


@pytest.mark.parametrize(
    "body, content_type, name",
    [
        (b"name\nZo\xeb\n", "text/csv; charset=iso-8859-1", "Zoë"),
        (b"name\nZo\xeb\n", "text/csv", "Zoë"),
        ("name\nZoë\n".encode("utf-8-sig"), "text/csv; charset=iso-8859-1", "Zoë"),
        ("name\n" + "ë" * 200_000, "text/csv", None),
    ],
)
def test_the_charset_is_the_mark_s_the_header_s_or_found_out(body, content_type, name):
    if name is None:
        assert refused(body.encode(), content_type) == "syntax"
    else:
        assert Csv().read(body, content_type) == [{"name": name}]


@pytest.mark.parametrize(
    "body, content_type, code",
    [
        (b"name\nAnn\n", "text/csv; header=absent", "header"),
        (b"name,email\n", "text/csv", "empty"),
        (b"name\nZo\xeb\n", "text/csv; charset=utf-8", "charset"),
        (b"name\n" + b"Ann\n" * (MOST_RECORDS + 1), "text/csv", "records"),
    ],
)
def test_what_is_wrong_has_its_own_code(body, content_type, code):
    assert refused(body, content_type) == code
