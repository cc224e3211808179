import pytest

from app.catalog.documents import CampaignDoc, SourceDoc
from app.ingest.fieldtype import fieldtypes
from app.ingest.mapping import FieldMap
from app.model import Value

FIELDS = {
    "first_name": {"type": "name", "required": True},
    "email": {"type": "email", "label": "E-mail"},
    "phone": {"type": "phone", "country": "US"},
    "owner": {"type": "boolean"},
    "roof": {"type": "choice", "values": ["tile", "slate"]},
    "bill": {"type": "number", "min": 0},
}


def field_map(mapping=None, defaults=None, fields=FIELDS) -> FieldMap:
    campaign = CampaignDoc.model_validate({"id": "solar", "fields": fields})
    source = SourceDoc.model_validate(
        {"id": "acme", "campaign": "solar", "mapping": mapping or {}, "defaults": defaults or {}}
    )
    return FieldMap.compile(campaign, source, fieldtypes.discover())


def normals(record, **said):
    fields, _ = field_map(**said).apply(record)
    return {name: value.normal for name, value in fields.items()}


def test_a_name_that_is_ours_needs_no_mapping_and_the_order_is_the_campaign_s():
    fields, extra = field_map().apply({"bill": "185", "utm": "x", "first_name": "ANN"})
    assert list(fields.items()) == [("first_name", Value("ANN", "Ann")), ("bill", Value("185", 185))]
    assert extra == {"utm": "x"}


def test_dotted_names_lead_to_fields():
    assert normals({"contact.phones.0": "5125550100"}, mapping={"contact.phones.0": "phone"}) == {
        "phone": "+15125550100"
    }


def test_names_match_in_any_case_but_exact_ones_first():
    assert normals({"FName": "Ann"}, mapping={"fname": "first_name"}) == {"first_name": "Ann"}
    record = {"FNAME": "Bob", "fname": "Ann"}
    fields, extra = field_map(mapping={"fname": "first_name"}).apply(record)
    assert (fields["first_name"].normal, extra) == ("Ann", {"FNAME": "Bob"})


def test_a_dash_is_not_an_underscore():
    assert field_map().apply({"first-name": "Ann"}) == ({}, {"first-name": "Ann"})


def test_the_first_of_the_mapping_that_is_not_blank_wins_and_the_other_is_kept_aside():
    mapping = {"mobile": "phone", "home": "phone"}
    fields, extra = field_map(mapping).apply(
        {"phone": "5125550102", "home": "5125550101", "mobile": "5125550100"}
    )
    assert fields["phone"].normal == "+15125550100"
    assert extra == {"home": "5125550101", "phone": "5125550102"}
    assert normals({"mobile": " ", "home": "5125550101"}, mapping=mapping) == {"phone": "+15125550101"}


def test_our_own_name_can_be_mapped_elsewhere():
    assert normals({"phone": "185"}, mapping={"phone": "bill"}) == {"bill": 185}


@pytest.mark.parametrize("blank", [None, "", "  ", "\t\r\n", "\u00a0"])
def test_blank_is_absent(blank):
    assert field_map().apply({"first_name": blank, "other": blank}) == ({}, {"other": blank})


@pytest.mark.parametrize("raw, normal", [(False, False), (0, False), ("0", False)])
def test_no_and_zero_are_not_blank(raw, normal):
    assert normals({"owner": raw}) == {"owner": normal}


def test_invalid_is_not_absent():
    fields, _ = field_map().apply({"email": "ann@"})
    assert fields["email"] == Value("ann@", None, False, {}, "is no e-mail address")


def test_values_are_translated_and_what_came_stays():
    mapping = {"roof_type": {"field": "roof", "values": {"1": "tile", "Schiefer": "slate", "?": ""}}}
    fields, _ = field_map(mapping).apply({"roof_type": 1})
    assert fields["roof"] == Value(1, "tile")
    assert normals({"roof_type": " SCHIEFER "}, mapping=mapping) == {"roof": "slate"}
    assert normals({"roof_type": "tile"}, mapping=mapping) == {"roof": "tile"}
    assert normals({"roof_type": "?"}, mapping=mapping) == {}


def test_a_default_fills_what_is_absent_or_blank_and_has_no_raw_value():
    mapping = {"own": {"field": "owner", "default": "yes"}}
    expected = Value(None, True, True, {}, "the source's default")
    for record in ({"x": 1}, {"own": " "}):
        fields, _ = field_map(mapping, defaults={"owner": "no"}).apply(record)
        assert fields["owner"] == expected
    assert normals({"own": "no"}, mapping=mapping) == {"owner": False}
    assert normals({"own": "??"}, mapping=mapping) == {"owner": None}
    assert normals({}, defaults={"bill": "120"}) == {"bill": 120}


def test_the_record_is_not_changed():
    record = {"FIRST_NAME": "Ann", "x": None}
    field_map().apply(record)
    assert record == {"FIRST_NAME": "Ann", "x": None}


@pytest.mark.parametrize(
    "said, message",
    [
        ({"fields": {"a": {"type": "colour"}}}, "field 'a' is of an unknown type 'colour'"),
        ({"fields": {"a": {"type": "number", "mni": 0}}}, "mni"),
        ({"mapping": {"x": "nothing"}}, "mapping of 'x' names 'nothing'"),
        ({"defaults": {"nothing": "1"}}, "defaults names 'nothing'"),
    ],
)
def test_what_the_catalogue_should_have_refused_is_said_clearly(said, message):
    with pytest.raises(ValueError, match=message):
        field_map(**said)
