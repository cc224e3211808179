import pytest

from app.ingest.format import formats
from app.ingest.named import is_table, is_unfinished, type_of
from app.ingest.reading import Reader

READER = Reader(formats.discover())


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("leads.csv", "csv"),
        ("LEADS.CSV", "csv"),
        ("a.b.tsv", "csv"),
        ("x.xlsx", "sheet"),
        ("x.xls", "sheet"),
        ("x.ods", "sheet"),
        ("x.jsonl", "ndjson"),
        ("x.json", "json"),
        ("x.xml", "xml"),
        ("x.adf", "adf"),
        ("x.atom", "feed"),
        ("x.eml", "mail"),
    ],
)
def test_an_ending_names_a_type_that_a_format_takes(name, format):
    assert READER.format_of(type_of(name)).name == format


@pytest.mark.parametrize("name", ["", "leads", ".csv", "leads.txt", "leads.csv.pgp", "csv"])
def test_another_name_says_nothing(name):
    assert type_of(name) == ""
    assert not is_table(name)


@pytest.mark.parametrize(
    "name", [".leads.csv", "leads.csv.part", "leads.TMP", "leads.csv~", "~$leads.xlsx", ".nfs01"]
)
def test_what_is_still_written_is_known_by_its_name(name):
    assert is_unfinished(name)


@pytest.mark.parametrize("name", ["leads.csv", "part.csv", "tmp", "a~b.csv"])
def test_what_is_finished_is_not_taken_for_unfinished(name):
    assert not is_unfinished(name)
