"""When a file of many is due, what it is called, and what is in it."""

import gzip
import io
import json
import zipfile
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from lxml import etree
from pydantic import ValidationError

from app.distribute.batching import Batch, Bundle, Laid
from app.distribute.files import FileSettings
from tests.distribute.drive import ANN, ann

BUNDLE = Bundle(
    id=UUID("019a9f3e-7c41-7d0a-b2f6-5c1e8a40d9b0"), contract="c1", campaign="solar",
    at=datetime(2025, 11, 21, tzinfo=UTC),
)  # fmt: skip
BOB = ann(delivery_id=UUID(int=ANN.delivery_id.int + 1), lead={"first_name": "Bob", "notes": "=1+1"})
HOURLY = {"every": "1h"}


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def laid(*handovers: Any, **told: Any) -> Laid:
    return FileSettings.model_validate({"batch": HOURLY, **told}).laid(BUNDLE, handovers or (ANN, BOB))


def body(**told: Any) -> bytes:
    return laid(**told).file.body


# when -------------------------------------------------------------------------------------------------


def test_a_file_is_due_when_its_first_lead_has_waited_for_so_long() -> None:
    assert Batch.model_validate({"every": "90m"}).due(utc("2026-03-08T06:00")) == utc("2026-03-08T07:30")


@pytest.mark.parametrize(
    ("since", "due"),
    [
        ("2026-01-15T10:59", "2026-01-15T11:00"),
        ("2026-01-15T11:00", "2026-01-15T23:00"),
        ("2026-03-07T12:00", "2026-03-07T23:00"),
        ("2026-03-07T23:00", "2026-03-08T10:00"),  # the spring leap was that night
        ("2026-11-01T04:00", "2026-11-01T11:00"),  # the autumn one
    ],
)
def test_times_of_the_day_are_those_of_the_zone_on_that_day(since: str, due: str) -> None:
    batch = Batch.model_validate({"at": ["18:00", "06:00"], "zone": "America/New_York"})
    assert batch.due(utc(since)) == utc(due)


def test_a_time_that_the_clock_leaps_over_is_the_leap_and_one_that_comes_twice_counts_once() -> None:
    swallowed = Batch.model_validate({"at": ["02:30"], "zone": "America/New_York"})
    assert swallowed.due(utc("2026-03-08T00:00")) == utc("2026-03-08T07:00")
    assert swallowed.due(utc("2026-03-08T07:00")) == utc("2026-03-09T06:30")
    twice = Batch.model_validate({"at": ["01:30"], "zone": "America/New_York"})
    assert twice.due(utc("2026-11-01T05:00")) == utc("2026-11-01T05:30")
    assert twice.due(utc("2026-11-01T05:30")) == utc("2026-11-02T06:30")


@pytest.mark.parametrize(
    ("told", "wrong"),
    [
        ({"count": 5}, "needs every or at"),
        ({"every": "1h", "at": ["06:00"]}, "needs every or at"),
        ({"at": ["24:00"]}, "is no time"),
        ({"at": ["06:00"], "zone": "Mars/Olympus"}, "no time zone"),
        ({"every": "8d"}, "between 1s and 7d"),
        ({"every": "1h", "count": 2_000}, "at most what goes in one file"),
        ({"every": "1h", "most": 10_001}, "10000"),
    ],
)
def test_a_batch_that_could_keep_leads_or_lose_them_is_refused(told: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ValidationError, match=wrong):
        Batch.model_validate(told)


# its name ---------------------------------------------------------------------------------------------


def test_its_name_is_its_own_and_the_same_at_each_try() -> None:
    assert laid().file.name == f"{BUNDLE.id}.csv"
    named = laid(file="{{ contract }}-{{ day }}-{{ time }}-{{ bundle }}.csv", zip=True).file.name
    assert named == f"c1-2025-11-20-031103-{BUNDLE.id}.csv.zip"


@pytest.mark.parametrize("named", ["leads.csv", "{{ day }}-{{ time }}.csv", "{{ delivery_id }}.csv"])
def test_a_name_that_two_files_could_share_is_refused(named: str) -> None:
    with pytest.raises(ValidationError, match="the same for two bundles"):
        FileSettings.model_validate({"batch": HOURLY, "file": named})


# what is in it ----------------------------------------------------------------------------------------


def test_a_table_has_one_line_of_names_and_every_column_of_any_lead() -> None:
    bare = ann(lead={"first_name": "Ann"})
    lines = laid(bare, BOB).file.body.decode().splitlines()
    assert lines == [
        "first_name,lead_id,delivery_id,notes",
        f"Ann,{ANN.lead_id},{ANN.delivery_id},",
        f"Bob,{BOB.lead_id},{BOB.delivery_id},'=1+1",
    ]


def test_columns_of_the_contract_are_always_there_and_their_names_may_be_left_out() -> None:
    fields = {"Name": "first_name", "Notes": "notes"}
    assert body(fields=fields) == b"Name,Notes\r\nAnn,\r\nBob,'=1+1\r\n"
    assert body(fields=fields, header=False) == b"Ann,\r\nBob,'=1+1\r\n"


def test_lists_and_lines_of_json() -> None:
    fields = {"person.name": "first_name"}
    both = [{"person": {"name": "Ann"}}, {"person": {"name": "Bob"}}]
    assert json.loads(body(body="json", fields=fields)) == both
    lines = body(body="ndjson", template='{\n"person": {"name": "{{ lead.first_name }}"}\n}').splitlines()
    assert [json.loads(line) for line in lines] == both


@pytest.mark.parametrize(
    ("told", "path"),
    [
        ({"fields": {"name": "first_name"}}, "/leads/lead/name"),
        ({"fields": {"name": "first_name"}, "envelope": "batch.in.person"}, "/batch/in/person/name"),
        ({"template": "<?xml version='1.0'?><p><name>{{ lead.first_name }}</name></p>"}, "/leads/p/name"),
    ],
)
def test_an_xml_root_has_an_element_for_each(told: dict[str, Any], path: str) -> None:
    root = etree.fromstring(body(body="xml", **told))
    assert [one.text for one in root.xpath(path)] == ["Ann", "Bob"]


def test_an_adf_has_several_prospects() -> None:
    root = etree.fromstring(body(body="adf"))
    assert [one.text for one in root.xpath("/adf/prospect/customer/contact/name[@part='first']")] == [
        "Ann",
        "Bob",
    ]


def test_a_packed_one_is_the_same_bytes_each_time() -> None:
    packed = body(zip=True, fields={"Name": "first_name"})
    assert packed == body(zip=True, fields={"Name": "first_name"})
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.read(f"{BUNDLE.id}.csv") == b"Name\r\nAnn\r\nBob\r\n"
    packed = body(gzip=True, fields={"Name": "first_name"})
    assert packed == body(gzip=True, fields={"Name": "first_name"})
    assert gzip.decompress(packed) == b"Name\r\nAnn\r\nBob\r\n"


def test_a_lead_of_which_no_row_can_be_made_stands_in_nobodys_way() -> None:
    done = laid(fields={"Twice": "{{ lead.bill * 2 }}"})
    assert done.file.body == b"Twice\r\n240\r\n"
    assert list(done.spoilt) == [BOB.delivery_id]


def test_a_single_one_is_shown_as_a_file_of_one() -> None:
    to = FileSettings.model_validate({"batch": HOURLY, "fields": {"Name": "first_name"}})
    assert to.written(ANN).body == b"Name\r\nAnn\r\n"


def test_lines_of_json_are_of_many() -> None:
    with pytest.raises(ValidationError, match="needs batch"):
        FileSettings.model_validate({"body": "ndjson"})
