"""A file is named by its delivery: another name for each, the same at each try, whatever a lead has in it."""

import gzip
import io
import zipfile
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.distribute.files import File, FileSettings
from app.distribute.templates import TemplateFailed
from tests.distribute.drive import ANN, ann

FIELDS = {"Name": "{{ lead.first_name }} {{ lead.last_name }}", "Notes": "notes", "Phone": "phone"}


def file(handover: Any = ANN, **told: Any) -> File:
    return FileSettings.model_validate(told).written(handover)


def test_the_name_holds_the_delivery_and_nothing_of_the_person() -> None:
    assert file().name == f"{ANN.delivery_id}.csv"
    assert file(body="xml").name == f"{ANN.delivery_id}.xml"
    assert file(zip=True).name == f"{ANN.delivery_id}.zip"
    assert file(gzip=True).name == f"{ANN.delivery_id}.csv.gz"


def test_what_is_packed_says_so_by_its_name() -> None:
    assert file(zip=True, file="{{ delivery_id }}.csv").name == f"{ANN.delivery_id}.csv.zip"
    assert file(zip=True, file="{{ delivery_id }}.zip").name == f"{ANN.delivery_id}.zip"
    assert file(gzip=True, file="{{ delivery_id }}").name == f"{ANN.delivery_id}.gz"
    assert file(gzip=True, file="{{ delivery_id }}.csv.gz").name == f"{ANN.delivery_id}.csv.gz"


def test_a_name_may_have_the_day_on_which_the_delivery_was_made() -> None:
    later = ann(at=ANN.at + timedelta(days=3), attempt=4)
    named = "{{ campaign }}-{{ day }}-{{ lead_id }}.csv"
    assert file(file=named).name == f"solar-2025-11-20-{ANN.lead_id}.csv" == file(later, file=named).name


@pytest.mark.parametrize(
    ("named", "wrong"),
    [
        ("leads.csv", "the same for two leads"),
        ("{{ lead.email }}.csv", "the same for two leads"),
        ("{{ delivery_id[:13] }}.csv", "the same for two leads"),
        ("{{ delivery_id }}-{{ attempt }}.csv", "another one at the next try"),
        ("{{ delivery_id }}-{{ sent_at }}.csv", "another one at the next try"),
        ("in/{{ delivery_id }}.csv", "letters, digits"),
        (".{{ delivery_id }}.csv", "letters, digits"),
        ("lead {{ delivery_id }}.csv", "letters, digits"),
        ("{{ delivery_id", "line 1"),
        ("{{ delivery_id }}{{ lead.bill / 2 }}", "without values"),
        ("x" * 200 + "{{ delivery_id }}", "too_long_a_name"),
    ],
)
def test_a_name_that_could_lose_a_lead_is_refused_when_it_is_saved(named: str, wrong: str) -> None:
    with pytest.raises(ValidationError, match=wrong):
        FileSettings.model_validate({"file": named})


@given(st.text(max_size=120), st.text(max_size=20))
def test_no_lead_can_write_a_name_that_leads_elsewhere(last: str, state: str) -> None:
    hostile = ann(lead={"last_name": last, "state": state})
    try:
        name = file(hostile, file="{{ lead.last_name }}{{ lead.state }}-{{ delivery_id }}.csv").name
    except TemplateFailed:
        return
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
    assert not name.startswith(".")
    assert len(name) <= 200


def test_two_deliveries_never_have_one_name() -> None:
    other = ann(delivery_id=UUID(int=ANN.delivery_id.int + 1))
    assert file().name != file(other).name


def test_a_column_without_a_value_keeps_its_place() -> None:
    assert file(fields=FIELDS).body == b"Name,Notes,Phone\r\nAnn O'Hara,,+15125550123\r\n"
    assert file(fields=FIELDS, header=False).body == b"Ann O'Hara,,+15125550123\r\n"
    assert file(ann(lead={}), fields=FIELDS, header=False).body == b" ,,\r\n"


def test_a_hostile_value_stays_in_its_cell() -> None:
    notes = 'a"b,c\r\n=cmd()'
    bare = file(ann(lead={"notes": notes}), fields={"n": "notes", "f": "notes"}, header=False).body
    assert bare == b'"a""b,c\r\n=cmd()","a""b,c\r\n=cmd()"\r\n'
    assert file(ann(lead={"notes": "=1+1"}), fields={"n": "notes"}, header=False).body == b"'=1+1\r\n"


def test_json_and_xml_nest_and_a_template_writes_the_whole() -> None:
    fields = {"contact.email": "email"}
    assert file(body="json", fields=fields).body == b'{"contact":{"email":"ann@example.com"}}'
    assert file(body="xml", fields=fields, envelope="leads.lead").body.endswith(
        b"<leads><lead><contact><email>ann@example.com</email></contact></lead></leads>"
    )
    assert file(body="json", template='{"who": "{{ lead.last_name }}"}').body == b'{"who": "O\'Hara"}'


def test_a_lead_for_a_car_dealer_is_written_as_adf() -> None:
    written = file(body="adf", fields={"email": "email", "vehicle.make": {"value": "Volvo"}})
    assert written.name == f"{ANN.delivery_id}.adf"
    assert b"<make>Volvo</make>" in written.body
    assert written.content_type == "application/x-adf+xml"


def test_a_packed_file_is_the_same_bytes_at_each_try() -> None:
    packed = file(zip=True, body="json", fields={"email": "email"})
    with zipfile.ZipFile(io.BytesIO(packed.body)) as archive:
        assert archive.namelist() == [f"{ANN.delivery_id}.json"]
        assert archive.read(archive.namelist()[0]) == b'{"email":"ann@example.com"}'
    again = ann(at=ANN.at + timedelta(hours=5), attempt=2)
    assert file(again, zip=True, body="json", fields={"email": "email"}) == packed
    assert packed.content_type == "application/zip"


def test_a_gzipped_file_is_the_same_bytes_at_each_try() -> None:
    packed = file(gzip=True, fields={"email": "email"})
    assert gzip.decompress(packed.body) == b"email\r\nann@example.com\r\n"
    again = ann(at=ANN.at + timedelta(hours=5), attempt=2)
    assert file(again, gzip=True, fields={"email": "email"}) == packed
    assert packed.content_type == "application/gzip"


@pytest.mark.parametrize(
    ("told", "wrong"),
    [
        ({"zip": True, "gzip": True}, "packed once"),
        ({"template": "x"}, "a template writes"),
        ({"body": "json", "template": "{}", "fields": {"a": "email"}}, "a template writes"),
        ({"header": False}, "header"),
        ({"body": "json", "fields": {"a": "email"}, "header": False}, "header"),
        ({"body": "json", "fields": {"a": "email", "a.b": "phone"}}, "hold others"),
        ({"body": "xml", "fields": {"1st": "email"}}, "XML name"),
        ({"body": "adf", "test": {"probe": "yes"}}, "no place"),
        ({"body": "adf", "fields": {"no.such": "email"}}, "no element"),
        ({"timeout": "2m"}, "at most 90s"),
    ],
)
def test_what_can_not_work_is_told_when_it_is_saved(told: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ValidationError, match=wrong):
        FileSettings.model_validate(told)
