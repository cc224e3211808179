"""A lead as ADF: valid by the DTD whatever the lead, and read back by our own reader as what was written."""

from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from app.distribute.adf import PLACES, Adf
from app.distribute.bodies import Filling
from app.ingest.formats.adf import Adf as AdfFormat
from tests.distribute.drive import ANN, ann

DTD = etree.DTD(str(Path(__file__).parents[1] / "data/adf/adf-1.0.dtd"))
CAR = {
    "first_name": "Ann", "last_name": "O'Hara & <Sons>", "email": "ann@example.com", "phone": "+15125550123",
    "mobile": "+15125550199", "street": "1 Main St", "address_line_2": "Floor 2", "city": "Austin", "state": "TX",
    "postal_code": "78701", "vehicle_year": 2026, "make": "Honda", "model": "Civic", "mileage": 12, "color": "red",
    "trade_in_make": "Kia", "trade_in_model": "Rio", "comments": "Call: after 5", "owner": True, "bill": 12.5,
    "notes": "first\nsecond", "nothing": None, "empty": "",
}  # fmt: skip


def document(lead, rest=True, **fields):
    filled = {name.replace("__", "."): Filling(written) for name, written in fields.items()}
    return Adf(filled, rest=rest).write(ann(lead=lead))


def valid(body):
    root = etree.fromstring(body)
    assert DTD.validate(root), DTD.error_log.filter_from_errors()
    return root


def read(body):
    (record,) = AdfFormat().read(body, "application/x-adf+xml")
    return record


def test_what_is_written_is_read_as_it_was() -> None:
    body = document(CAR)
    valid(body)
    assert {
        "id": str(ANN.lead_id), "requestdate": "2025-11-20T03:11:03+00:00", "first_name": "Ann",
        "last_name": "O'Hara & <Sons>", "email": "ann@example.com", "phone": "+15125550123",
        "phone.cellphone": "+15125550199", "address.street.1": "1 Main St", "address.street.2": "Floor 2",
        "address.city": "Austin", "address.regioncode": "TX", "address.postalcode": "78701", "vehicle.year": "2026",
        "vehicle.make": "Honda", "vehicle.model": "Civic", "vehicle.odometer": "12",
        "vehicle.colorcombination.exteriorcolor": "red", "trade_in.make": "Kia", "trade_in.model": "Rio",
        "comments": "Call: after 5\nowner: true\nbill: 12.5\nnotes: first second",
        "comments.Call": "after 5", "comments.owner": "true", "comments.bill": "12.5",
    }.items() <= read(body).items()  # fmt: skip


def test_what_the_contract_says_comes_before_what_is_known_by_name() -> None:
    fields = {
        "vendor.vendorname": Filling({"value": "Downtown Honda"}),
        "vehicle@status": Filling({"value": "Used"}),
        "vehicle@interest": Filling({"value": "haggle"}),
        "comments": Filling("{{ lead.first_name }} rang"),
        "phone": Filling("lead.mobile"),
        "email": Filling({"value": ""}),
        "address.street": Filling("city"),
        "provider.name": Filling({"value": "Lead House"}),
    }
    body = Adf(fields, rest=False).write(ann(lead=CAR))
    valid(body)
    record = read(body)
    assert record["vendor.vendorname"] == record["vendor.full_name"] == "Downtown Honda"
    assert (record["vehicle@status"], record["comments"]) == ("used", "Ann rang")
    assert "vehicle@interest" not in record
    assert record["phone"] == "+15125550199"
    assert "email" not in record
    assert record["address.street.1"] == "Austin"
    assert record["provider.name"] == "Lead House"


def test_a_lead_of_another_trade_is_a_valid_document_too() -> None:
    valid(document({}))
    valid(document({"bill": 120, "roof": "flat"}))
    valid(document({"phone": "1"}))
    valid(document({"city": "Austin"}))


def test_one_number_is_written_once() -> None:
    root = valid(document({"phone": "1", "mobile": "1"}))
    assert [(one.get("type"), one.text) for one in root.iter("phone")] == [("cellphone", "1")]


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("2026-03-30T15:30:20-08:00", "2026-03-30T15:30:20-08:00"),
        ("2026-03-30T15:30:20Z", "2026-03-30T15:30:20Z"),
        ("2026-03-30 15:30", "2025-11-20T03:11:03+00:00"),
        ("yesterday", "2025-11-20T03:11:03+00:00"),
    ],
)
def test_a_date_has_an_offset_or_it_is_when_the_lead_came(given, written) -> None:
    assert read(document(CAR, requestdate={"value": given}))["requestdate"] == written


def test_an_id_that_tells_no_time_leaves_the_time_of_the_attempt() -> None:
    body = Adf(None).write(ann(lead={}, lead_id=UUID("5b0ed3f4-0c9e-4a8c-9a53-9f7a2a3d2b11")))
    assert read(body)["requestdate"] == "2026-11-20T14:32:05+00:00"


@pytest.mark.parametrize(
    "name", ["vehicle.wheels", "customer", "vehicle", "vehicle@colour", "", "a b", "phone.work"]
)
def test_what_is_no_place_of_adf_is_refused(name) -> None:
    with pytest.raises(ValueError, match="no element or attribute of ADF"):
        Adf({name: Filling("first_name")})


TEXT = st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=8)


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(st.sampled_from(sorted(PLACES)), TEXT, max_size=12),
    st.dictionaries(st.sampled_from(sorted(CAR)), TEXT, max_size=6),
)
def test_any_values_in_any_places_are_a_valid_document(fields, lead) -> None:
    valid(Adf({name: Filling({"value": text}) for name, text in fields.items()}).write(ann(lead=lead)))


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(sorted(p for p in PLACES if "@" not in p and "phone" not in p)),
        st.sampled_from(["a", "O'Hara & <b>", "Zoë"]),
        max_size=12,
    )
)
def test_any_place_is_read_by_its_name(fields) -> None:
    fields.pop("requestdate", None)
    record = read(Adf({name: Filling({"value": text}) for name, text in fields.items()}).write(ann(lead={})))
    assert fields.items() <= record.items()
