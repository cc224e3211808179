"""What is known of ordinary values offline, from the value that the field type makes of them."""

from typing import Any
from uuid import UUID

import pytest

from app.catalog.derived import DERIVED, derived, named
from app.enrich.offline import known_of
from app.ingest.fieldtype import fieldtypes
from app.model import Lead, Value
from app.validate.check import Locate, Location
from tests.validate.checks.conftest import AT

CHROME = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Version/17.0 Mobile Safari/604.1"


def known(kind: str, raw: str, evidence: dict[Any, Any] | None = None, **told: Any) -> dict[str, Any]:
    field = fieldtypes.discover()[kind]
    value = field.normal(raw, field.settings.model_validate(told))
    lead = Lead(
        id=UUID(int=1), submission_id=UUID(int=1), source="acme", campaign="solar", received_at=AT,
        fields={"x": value},
    )  # fmt: skip
    return dict(known_of(lead, "x", kind, evidence or {}))


def test_a_number_tells_its_line_country_state_and_zone() -> None:
    assert known("phone", "(212) 555-2671", country="US") == {
        "line_type": "fixed_or_mobile", "country": "US", "state": "NY", "zone": "America/New_York",
    }  # fmt: skip
    abroad = known("phone", "+49 1512 3456789")
    assert (abroad["country"], abroad["line_type"], "state" in abroad) == ("DE", "mobile", False)


def test_an_address_tells_whose_mailbox_it_is() -> None:
    assert known("email", "ann@gmail.com") == {"domain": "gmail.com", "kind": "free"}
    assert known("email", "ann@mailinator.com")["kind"] == "disposable"
    assert known("email", "ann@gmial.com")["suggestion"] == "gmail.com"


def test_a_postal_code_tells_its_place() -> None:
    place = known("postal_code", "94110", country="US")
    assert (place["country"], place["state"], round(place["latitude"]), round(place["longitude"])) == (
        "US", "CA", 38, -122,
    )  # fmt: skip
    assert (place["city"], place["county"]) == ("San Francisco", "City and County of San Francisco")
    assert "city" not in known("postal_code", "V6B 1A1", country="CA")
    assert known("postal_code", "SW1A 1AA", country="GB") == {}


def known_city(city: str, state: str, **told: Any) -> dict[str, Any]:
    kinds = fieldtypes.discover()
    made = kinds["state"].normal(state, kinds["state"].settings.model_validate(told))
    lead = Lead(
        id=UUID(int=1), submission_id=UUID(int=1), source="acme", campaign="solar", received_at=AT,
        fields={"city": Value(city, city), "home": made},
    )  # fmt: skip
    return dict(known_of(lead, "city", "city", {}, state="home"))


def test_a_city_and_its_state_tell_the_codes_that_it_may_have() -> None:
    assert known_city("Beverly Hills", "CA") == {
        "postal_codes": "90210, 90211, 90212", "county": "Los Angeles", "latitude": 34.076, "longitude": -118.4,
    }  # fmt: skip
    small = known_city("Tonopah", "NV")
    assert (small["postal_code"], small["postal_codes"], small["county"]) == ("89049", "89049", "Nye")
    assert "postal_code" not in known_city("Dallas", "TX")


def test_of_a_city_without_a_state_and_of_one_that_no_post_office_knows_nothing_is_told() -> None:
    assert known_city("Beverly Hills", "TX") == {}
    assert known_city("Beverly Hills", "nowhere") == {}
    assert known_city("Hamburg", "Hamburg", country="DE") == {}
    assert known_city("Toronto", "ON", country="CA") == {}
    lead = Lead(
        id=UUID(int=1), submission_id=UUID(int=1), source="acme", campaign="solar", received_at=AT,
        fields={"city": Value("Reno", "Reno")},
    )  # fmt: skip
    assert known_of(lead, "city", "city", {}, state="state") == {}


def test_a_campaign_may_speak_of_what_its_city_tells_and_of_no_other_text() -> None:
    names = derived({"city": "text", "town": "text", "home": "state"})
    assert names["city_postal_codes"] == ("city", "postal_codes")
    assert not [name for name in names if name.startswith("town_")]
    assert "city_browser" not in names


def test_a_name_an_agent_and_an_ip_tell_their_parts() -> None:
    assert known("name", "ludwig van beethoven") == {"given": "Ludwig", "family": "van Beethoven"}
    assert known("name", "Cher") == {"given": "Cher"}
    assert known("text", CHROME)["device"] == "mobile"
    assert known("text", "curl/8.5")["device"] == "program"
    where = {Locate("203.0.114.9"): Location(country="US", region="CA", asn=64500, kinds=("hosting",))}
    assert known("ip", "203.0.114.9", where) == {
        "country": "US",
        "region": "CA",
        "asn": 64500,
        "kind": "hosting",
    }
    assert known("ip", "203.0.114.9") == {}


@pytest.mark.parametrize(
    ("kind", "raw"), [("phone", "nope"), ("email", "@"), ("postal_code", "?"), ("name", "12")]
)
def test_of_what_is_invalid_nothing_is_known(kind: str, raw: str) -> None:
    assert known(kind, raw) == {}


def test_all_that_is_told_is_declared() -> None:
    shown = {
        "phone": "(212) 555-2671", "email": "ann@gmial.com", "postal_code": "94110", "name": "Dr. Ann B. Miller Jr.",
        "text": CHROME,
    }  # fmt: skip
    for kind, raw in shown.items():
        assert known(kind, raw).keys() <= DERIVED[kind].keys()
    assert known_city("Tonopah", "NV").keys() == DERIVED["city"].keys()


def test_a_field_of_the_campaign_goes_before_what_is_derived_and_other_text_is_no_agent() -> None:
    names = derived({"phone": "phone", "phone_state": "state", "comment": "text", "user_agent": "text"})
    assert "phone_state" not in names
    assert names["phone_zone"] == ("phone", "zone")
    assert not [name for name in names if name.startswith("comment_")]
    assert names["user_agent_device"] == ("user_agent", "device")
    assert "sold_before" in names
    assert "sold_before" not in derived({"x": "number"})


def test_only_what_something_speaks_of_is_worked_out() -> None:
    names = derived({"phone": "phone", "email": "email"})
    assert named(['lead.phone_state == "CA" && xphone_zone', "{{ lead.email_kind }}"], names) == {
        "phone_state", "email_kind",
    }  # fmt: skip


def test_an_invalid_value_of_another_kind_of_parts_is_no_trouble() -> None:
    lead = Lead(
        id=UUID(int=1), submission_id=UUID(int=1), source="acme", campaign="solar", received_at=AT,
        fields={"x": Value("x", "x"), "m": Value("m", "m", True, {"masked": True})},
    )  # fmt: skip
    assert known_of(lead, "x", "email", {}) == {}
    assert known_of(lead, "m", "phone", {}) == {}
    assert known_of(lead, "none", "phone", {}) == {}
