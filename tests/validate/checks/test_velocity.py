import pytest

from app.validate.checks.velocity import Velocity, VelocitySettings
from tests.validate.checks.conftest import lead_of

ANNA = {"fields": {"email": "anna@example.com"}}


def test_the_golden_cases(agrees):
    assert agrees


def key(given, **settings):
    (ask,) = Velocity().asks(lead_of(given), VelocitySettings.model_validate({"most": 3} | settings))
    return ask


def test_equal_leads_are_counted_together_and_others_apart():
    first = key(ANNA, per="email", within="1h")
    assert key({"fields": {"email": "Anna@Example.com"}}, per="email", within="1h") == first
    assert key({"fields": {"email": "ines@example.com"}}, per="email", within="1h") != first
    assert key(ANNA | {"campaign": "roofing"}, per="email", within="1h") != first
    assert key(ANNA | {"test": True}, per="email", within="1h") != first


def test_two_windows_count_under_keys_of_their_own():
    hour, day = key(ANNA, per="email", within="1h"), key(ANNA, per="email", within="1d")
    assert (hour.within, day.within) == (3600, 86400)
    assert hour.key != day.key


@pytest.mark.parametrize("fields", [{}, {"email": {"invalid": "anna"}}])
def test_nothing_is_counted_for_a_lead_without_a_valid_value(fields):
    settings = VelocitySettings.model_validate({"per": "email", "most": 1, "within": "1h"})
    assert list(Velocity().asks(lead_of({"fields": fields}), settings)) == []


def test_a_missing_answer_is_no_finding():
    settings = VelocitySettings.model_validate({"per": "source", "most": 1, "within": "1h"})
    assert list(Velocity().run(lead_of({}), settings, {})) == []


def seen(per, extra=None, **fields):
    return key({"fields": fields, "extra": extra or {}}, per=per, within="1h")


def test_a_network_is_24_bits_of_an_old_address_and_48_of_a_new_one():
    assert seen("network", ip={"ip": "203.0.113.7"}) == seen("network", ip={"ip": "203.0.113.200"})
    assert seen("network", ip={"ip": "203.0.113.7"}) != seen("network", ip={"ip": "203.0.114.7"})
    assert seen("network", ip={"ip": "2001:db8:1:2::7"}) == seen("network", ip={"ip": "2001:db8:1:ffff::1"})
    assert seen("network", ip={"ip": "2001:db8:1::7"}) != seen("network", ip={"ip": "2001:db8:2::7"})
    assert seen("network", {"ip": "203.0.113.7"}) == seen("network", visitor={"ip": "203.0.113.9"})


def test_a_name_and_address_are_the_same_however_they_are_written():
    first = seen("name+address", first_name="Anna", last_name="Smith", address="1 Main St.", zip="94110")
    assert seen("name+address", name="Anna Smith", street="1 MAIN ST", postal_code="94110") == first
    assert (
        seen("name+address", firstname="ANNA", surname="smith", street="1 Main-St", zip_code="94110") == first
    )
    assert (
        seen("name+address", first_name="Anna", last_name="Smith", address="1 Main St.", zip="94111") != first
    )


def test_two_parts_are_not_one_longer_part():
    assert seen("a+b", a="12", b="3") != seen("a+b", a="1", b="23")
    assert seen("device+network", {"device.fingerprint": "x", "ip": "203.0.113.7"}) == seen(
        "device+network", {"device.fingerprint": "x", "ip": "203.0.113.8"}
    )
