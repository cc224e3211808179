import pytest
from pydantic import ValidationError

from app.validate.checks.duplicate import DuplicateCheck, DuplicateSettings
from tests.validate.checks.conftest import lead_of

ANNA = {"fields": {"email": "anna@example.com", "phone": "+12025550142"}}


def test_the_golden_cases(agrees):
    assert agrees


def claims(given, **settings):
    return list(DuplicateCheck().asks(lead_of(given), DuplicateSettings.model_validate(settings)))


def test_each_entry_claims_one_key_for_the_look_back():
    asked = claims(ANNA, on=["email", "phone"], within="2d")
    assert [(len(c.key), c.within) for c in asked] == [(16, 172800), (16, 172800)]
    assert asked[0].key != asked[1].key


def test_the_look_back_is_thirty_days_unless_said_otherwise():
    assert [c.within for c in claims(ANNA, on=["email"])] == [30 * 86400]


def test_a_key_is_the_same_in_every_process_and_version():
    assert claims(ANNA, on=["email"])[0].key.hex() == "8e57a1db403d3ed181b616f6b00190cb"


def test_an_entry_named_twice_is_claimed_once():
    assert len(claims(ANNA, on=["email", ["email"], "email"])) == 1
    assert len(claims(ANNA, on=[["email", "phone"], ["phone", "email"]])) == 1


def test_a_border_between_values_is_part_of_the_key():
    one = claims({"fields": {"a": "x y", "b": "z"}}, on=[["a", "b"]])
    two = claims({"fields": {"a": "x", "b": "y z"}}, on=[["a", "b"]])
    assert one != two


@pytest.mark.parametrize("on", [[], [""], [[]], None])
def test_a_rule_that_names_no_field_is_refused(on):
    with pytest.raises(ValidationError):
        DuplicateSettings.model_validate({"on": on})


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"on": ["email"], "scope": "buyer", "action": "reject"}, "leave action out"),
        ({"on": [["a", "b", "c"]], "scope": "buyer", "match": "similar"}, "scope buyer compares keys"),
        ({"on": ["email"], "match": "similar"}, "wants a name, a street and a postal code"),
        ({"on": ["email"], "kinds": {"road": "address"}}, "kinds tells what road is"),
        ({"on": ["email"], "match": "loose", "kinds": {"email": "mail"}}, "kinds.email"),
        ({"on": [["a", "b", "c"]], "match": "similar", "alike": 0.5}, "alike"),
        ({"on": ["email"], "action": "ignore"}, "action"),
    ],
)
def test_a_rule_that_contradicts_itself_is_refused_with_what_to_write(settings, why):
    with pytest.raises(ValidationError, match=why):
        DuplicateSettings.model_validate(settings)


def test_an_exact_and_a_loose_rule_have_keys_of_their_own():
    exact, loose = (claims(ANNA, on=["phone"], match=how)[0].key for how in ("exact", "loose"))
    assert exact != loose


def test_a_rule_by_buyer_asks_their_lists_by_what_may_stand_on_one():
    anna = {
        "fields": {"email": "anna@example.com", "phone": {"number": "+12025550142", "line_type": "mobile"}}
    }
    asked = claims(anna, on=["email", "phone", ["email", "phone"]], scope="buyer")
    assert [(c.kind, c.value) for c in asked] == [
        ("email", "anna@example.com"),
        ("phone", "+12025550142"),
        ("", ""),
    ]


def test_the_findings_of_each_way_have_the_code_that_is_told_of_it():
    of = DuplicateCheck().codes_of
    told = [
        {"on": ["a"]},
        {"on": ["a"], "action": "link"},
        {"on": ["a"], "action": "dont_pay"},
        {"on": ["a"], "scope": "buyer"},
    ]
    assert [list(of(DuplicateSettings.model_validate(one))) for one in told] == [
        ["duplicate"],
        ["repeat"],
        ["unpaid"],
        ["known"],
    ]
