"""A spec says what the mapping and the checks really do."""

import json
from typing import Any

import pytest

from app.catalog.documents import CampaignDoc, SourceDoc
from app.catalog.snapshot import Snapshot
from app.components import discover
from app.ingest.fieldtype import fieldtypes
from app.ingest.format import formats
from app.ingest.mapping import FieldMap
from app.pipeline.spec import Known, Spec, build, compared, spec_of
from app.pipeline.spec_examples import example, shape
from app.pipeline.spec_samples import bodies, nested
from app.validate.check import checks

discover()
KNOWN = Known(fieldtypes, checks, formats)
SETTINGS: list[tuple[str, dict[str, Any]]] = [
    ("number", {"min": 500, "max": 600}), ("number", {"min": 0.5, "max": 0.75}), ("number", {"decimal": ","}),
    ("number", {"max": -5, "integer": True}), ("number", {"min": 0.2, "max": 0.3, "decimal": ","}),
    ("date", {"order": "dmy", "min": "2020-01-01"}), ("date", {"max": "1950-05-05"}),
    ("text", {"max_length": 3}), ("text", {"min_length": 50}), ("text", {"pattern": "[A-Z]{2}[0-9]+"}),
    ("choice", {"values": ["own", "rent"]}), ("name", {"max_length": 3}), ("state", {"country": "CA"}),
    *(("phone", {"country": country}) for country in ("US", "CA", "DE", "GB", "BR", "IN", "AU")),
    *(("postal_code", {"country": c}) for c in ("US", "CA", "GB", "DE", "NL", "PL", "PT", "CZ", "BR", "JP", "IE", "AT", "IN")),
]  # fmt: skip
FIELDS = {"first_name": {"type": "name", "required": True}, "email": {"type": "email", "required": True}}


def told(fields: Any = FIELDS, campaign: Any = None, **source: Any) -> Spec:
    sold = CampaignDoc.model_validate({"id": "solar", "fields": fields, **(campaign or {})})
    its = SourceDoc.model_validate({"id": "acme", "campaign": "solar", **source})
    return build(sold, its, KNOWN, base="https://leads.example", version=7)


@pytest.mark.parametrize(
    ("name", "given"), [*SETTINGS, *((kind.name, {}) for kind in fieldtypes if kind.name != "choice")]
)
def test_an_example_is_valid_by_its_own_field_type(name: str, given: dict[str, Any]) -> None:
    kind = fieldtypes[name]
    to = kind.settings.model_validate(given)
    found = example("any", kind, to)
    assert found is not None
    assert kind.normal(found, to).valid
    assert shape(kind, to)


def test_a_pattern_that_nothing_known_matches_has_no_example() -> None:
    spec = told(FIELDS | {"code": {"type": "text", "pattern": "QX-[0-9]{9}", "required": True}})
    assert (spec.fields[2].example, "QX-[0-9]{9}" in spec.fields[2].shape) == (None, True)
    assert "code" not in spec.example
    assert spec.samples


@pytest.mark.parametrize(
    "mapping",
    [
        {"fname": "first_name"},
        {"a": "email", "b": "email"},
        {"email": "first_name", "mail": "email"},
        {"Person.Names.0": "first_name", "Person.Mails.0.at": "email"},
        {"x": "first_name", "x.y": "email"},
        {"First Name": "first_name"},
        {"owner": {"field": "home", "values": {"yes": "own", "": "rent", "gone": "nothing"}}},
        {"ok": {"field": "consent", "values": {"J": "true", "N": "false"}, "default": "N"}},
    ],
)
def test_the_example_lead_is_understood_by_the_mapping(mapping: Any) -> None:
    fields = FIELDS | {
        "home": {"type": "choice", "values": ["own", "rent"], "required": True},
        "consent": {"type": "boolean"},
    }
    spec = told(fields, mapping=mapping)
    sold = CampaignDoc.model_validate({"id": "solar", "fields": fields})
    its = SourceDoc.model_validate({"id": "acme", "campaign": "solar", "mapping": mapping})
    made, extra = FieldMap.compile(sold, its, fieldtypes).apply(dict(spec.example))
    assert set(made) == {field.field for field in spec.fields}
    assert all(value.valid for value in made.values())
    assert extra == {}
    for kind, body in bodies(spec.example, formats).items():
        known = next(one for one in formats if kind in one.content_types)
        (record,) = known.read(body.encode(), kind)
        again, _ = FieldMap.compile(sold, its, fieldtypes).apply(record)
        assert {n: v.normal for n, v in again.items()} == {n: v.normal for n, v in made.items()}, kind


def test_names_are_listed_in_the_order_in_which_they_win() -> None:
    (first, email) = told(mapping={"mail": "email", "e": "email", "first_name": "first_name"}).fields
    assert (email.name, email.also) == ("mail", ("e", "email"))
    assert (first.name, first.also) == ("first_name", ())


def test_a_name_of_ours_that_is_mapped_elsewhere_is_not_offered() -> None:
    first, email = told(mapping={"email": "first_name", "mail": "email"}).fields
    assert (first.name, first.also) == ("email", ("first_name",))
    assert (email.name, email.also) == ("mail", ())


def test_a_field_with_a_default_is_not_required() -> None:
    first, email = told(defaults={"first_name": "Friend"}).fields
    assert (first.required, first.absent, email.required, email.absent) == (False, "Friend", True, None)


def test_the_words_of_the_source_are_allowed_beside_ours() -> None:
    home = {"home": {"type": "choice", "values": ["own", "rent"]}}
    mapping = {"owner": {"field": "home", "values": {"Y": "own", "x": "castle", "z": ""}}}
    (field,) = told(home, mapping=mapping).fields
    assert field.values == ("Y", "own", "rent")
    assert field.example == "Y"


def test_checks_are_listed_in_their_order_with_what_refuses_or_holds() -> None:
    campaign = {
        "checks": [
            {"check": "duplicate", "on": ["email", ["first_name", "email"]], "within": "30d"},
            {"check": "email", "role": "hold", "mx": "reject"},
            {"check": "velocity", "per": "source", "most": 5, "within": "1h", "action": "flag"},
        ]
    }
    spec = told(campaign=campaign, mapping={"mail": "email"})
    assert [(c.check, [(one.code, one.action) for one in c.codes]) for c in spec.checks] == [
        ("required", [("missing", "reject")]),
        ("field", [("invalid", "reject")]),
        ("email", [("role", "hold"), ("no_mx", "reject")]),
        ("duplicate", [("duplicate", "reject")]),
    ]
    assert spec.checks[3].of == "mail, or mail and first_name, within 30d"
    assert all(code.meaning for check in spec.checks for code in check.codes)


def test_a_source_that_is_not_told_why_is_not_told_the_checks() -> None:
    spec = told(campaign={"checks": [{"check": "duplicate", "on": ["email"]}]}, reasons="coarse")
    assert spec.checks == ()
    assert {
        reason["code"] for a in spec.answers if a.outcome != "error" for reason in a.body.get("reasons", ())
    } == {"refused"}


def test_the_fingerprint_is_of_what_is_told_and_not_of_where_and_when() -> None:
    sold = CampaignDoc.model_validate(
        {"id": "solar", "fields": FIELDS, "distribution": {"sell": "shared(2)"}}
    )
    its = SourceDoc(id="acme", campaign="solar")
    elsewhere = build(sold, its, KNOWN, base="http://b.example", version=9)
    assert elsewhere.fingerprint == told().fingerprint
    assert told(price="1").fingerprint != told().fingerprint
    assert told(mapping={"a": "email"}).fingerprint != told().fingerprint


def test_an_equal_spec_has_no_changes() -> None:
    one = told()
    assert compared(one, one, 3).empty
    first, last = (one.model_copy(update={"fields": part}) for part in (one.fields[:1], one.fields[1:]))
    assert compared(first, last, 3).model_dump() == {
        "since": 3, "added": ("email",), "removed": ("first_name",), "changed": (), "terms": (),
    }  # fmt: skip


def test_what_is_the_same_for_every_field_is_compared_too() -> None:
    changes = compared(told(price="1"), told(price="2", test=True, replies=[{"reply": "cake"}]), 3)
    assert [one["name"] for one in changes.terms] == ["price", "only_tests", "doors"]
    assert changes.terms[0] == {"name": "price", "was": "1.00", "now": "2.00"}


def test_a_part_of_each_sale_is_told_as_the_percentage_that_was_agreed_on() -> None:
    assert [told(revenue_share=said).revenue_share for said in ("60", "100.00", "33.333333")] == [
        "60", "100", "33.333333",
    ]  # fmt: skip
    assert (told(revenue_share="60").price, told(price="1").revenue_share) == (None, None)
    (changed,) = compared(told(revenue_share="60"), told(revenue_share="55"), 3).terms
    assert changed == {"name": "revenue_share", "was": "60", "now": "55"}
    was, now = compared(told(price="1"), told(revenue_share="60"), 3).terms
    assert (was, now["now"]) == ({"name": "price", "was": "1.00", "now": None}, "60")


@pytest.mark.parametrize(("reply", "price"), [("sold", "6.00"), ("receipt", "6.00"), ("verdict", None)])
def test_the_answer_to_a_sale_has_the_part_of_it(reply: str, price: str | None) -> None:
    answers = {one.outcome: one for one in told(reply=reply, revenue_share="60").answers}
    assert answers["accepted"].body.get("price") == price
    assert ("10.00" in answers["accepted"].when) == (price is not None)
    assert answers["rejected"].body["price"] == "0.00"


@pytest.mark.parametrize("reply", ["sold", "verdict", "receipt"])
def test_every_result_that_a_test_may_ask_for_is_told_with_its_answer(reply: str) -> None:
    spec = told(reply=reply)
    assert {one.result: (one.status, one.outcome, one.ends) for one in spec.forced} == {
        "sold": {
            "accepted": (201, "success", "success, sold"), "duplicate": (201, "failure", "failure, rejected"),
            "rejected": (201, "failure", "failure, rejected"), "no_buyer": (201, "failure", "failure, unsold"),
            "buyer_error": (202, "pending", "failure, unsold"), "pending": (202, "pending", "success, sold"),
            "held": (202, "pending", "failure, rejected"),
        },
        "verdict": {
            "accepted": (201, "success", "success, sold"), "duplicate": (201, "failure", "failure, rejected"),
            "rejected": (201, "failure", "failure, rejected"), "no_buyer": (201, "success", "success, unsold"),
            "buyer_error": (201, "success", "success, unsold"), "pending": (201, "success", "success, sold"),
            "held": (202, "pending", "failure, rejected"),
        },
        "receipt": {
            "accepted": (202, "pending", "success, sold"), "duplicate": (202, "pending", "failure, rejected"),
            "rejected": (202, "pending", "failure, rejected"), "no_buyer": (202, "pending", "failure, unsold"),
            "buyer_error": (202, "pending", "failure, unsold"), "pending": (202, "pending", "success, sold"),
            "held": (202, "pending", "failure, rejected"),
        },
    }[reply]  # fmt: skip


def test_every_door_that_is_open_is_told_and_none_of_its_secrets() -> None:
    spec = told(
        replies=[{"reply": "boberdoo", "key": "s3cret"}],
        platforms=[{"platform": "google_ads", "key": "s3cret"}],
        channels=[{"channel": "feed", "url": "https://feed.example/s3cret"}],
        form={"title": "Get a quote"},
        mail={"addresses": ["acme@leads.example.com"], "senders": ["*@acme.example"]},
    )
    assert [(one.door, one.at) for one in spec.doors] == [
        ("boberdoo", "/in/boberdoo/acme"), ("google_ads", "/in/google_ads/acme"), ("form", "/f/solar?source=acme"),
        ("mail", "acme@leads.example.com"), ("feed", ""), ("batch", "/v1/batches"),
    ]  # fmt: skip
    assert "s3cret" not in spec.model_dump_json()


def test_a_source_that_is_not_configured_has_no_spec() -> None:
    assert spec_of(Snapshot(), "acme", KNOWN, base="") is None


def test_nested_names_are_nested_where_they_are_read_back_so() -> None:
    lead = {"a.b": 1, "a.c.0": "x", "d": True}
    assert nested(lead, formats) == {"a": {"b": 1, "c": ["x"]}, "d": True}
    both = {"a": 1, "a.b": 2}
    assert nested(both, formats) == both
    assert json.loads(bodies(both, formats)["application/json"]) == both


def test_what_a_campaign_says_of_required_counts() -> None:
    also = told(campaign={"checks": [{"check": "required", "fields": ["email"]}]})
    assert [field.required for field in also.fields] == [False, True]
    flagged = told(campaign={"checks": [{"check": "required", "action": "flag"}]})
    assert [field.required for field in flagged.fields] == [False, False]
    assert "rejected" not in {answer.outcome for answer in flagged.answers}


def test_faults_that_end_a_lead_are_those_of_required_fields() -> None:
    fields = {**FIELDS, "bill": {"type": "number"}}
    (_, field) = told(fields, mapping={"mail": "email"}).checks
    assert (field.check, field.of) == ("field", "first_name, mail")
    only = {"checks": [{"check": "field", "only": ["bill"], "optional": []}]}
    assert told(fields, campaign=only).checks[1].of == "bill"


def test_a_duplicate_that_is_only_flagged_is_no_answer() -> None:
    for action, there in (("flag", False), ("reject", True)):
        spec = told(campaign={"checks": [{"check": "duplicate", "on": ["email"], "action": action}]})
        assert ("duplicate" in {answer.outcome for answer in spec.answers}) is there
