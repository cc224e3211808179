"""Ordinary people of every browser are not taken for programs."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.model import Lead, Value
from app.validate.check import Blocked, Locate, Location, checks
from tests.golden import HERE

AT = datetime(2026, 11, 20, 14, 32, tzinfo=UTC)
PEOPLE = [
    tuple(line.split("\t"))
    for line in (HERE / "data" / "agents" / "people.tsv").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
]
DEVICE = checks.discover()["device"]


def test_the_golden_cases(agrees):
    assert agrees


def lead(agent: str, **extra) -> Lead:
    return Lead(
        id=UUID(int=1), submission_id=UUID(int=2), source="acme", campaign="solar", received_at=AT,
        fields={"ip": Value("8.8.8.8", "8.8.8.8", True, {"version": 4}), "state": Value("CA", "CA")},
        extra={"user_agent": agent, "form.script": True, **extra},
    )  # fmt: skip


def codes(one: Lead, found: Location | None = None, **settings) -> list[str]:
    to = DEVICE.settings.model_validate({"countries": ["US"], "actions": {"known": "allow"}, **settings})
    return [f.code for f in DEVICE.run(one, to, {Locate("8.8.8.8"): found})]


@pytest.mark.parametrize(("platform", "touch", "agent"), PEOPLE)
def test_nothing_is_found_of_an_ordinary_browser(platform, touch, agent):
    said = {
        "device.platform": platform, "device.touch_points": int(touch), "device.screen": "1440x900",
        "device.time_zone": "America/Los_Angeles", "typing.keys": 61, "typing.pastes": 1, "typing.fills": 2,
        "typing.gap_ms": 190, "typing.gap_spread_ms": 130,
    }  # fmt: skip
    assert codes(lead(agent, **said), Location(country="US", region="TX", asn=7922)) == []


@pytest.mark.parametrize("asn", [22616, 53813, 13335, 36183])
def test_nothing_is_found_of_who_reads_from_an_office_or_through_a_relay(asn):
    """Zscaler, WARP and iCloud's relay carry people."""
    from app.validate.places import located

    found = located([{"country_code": "US", "autonomous_system_number": asn}])
    assert codes(lead(PEOPLE[0][2], **{"device.time_zone": "America/Los_Angeles"}), found) == []


def test_only_addresses_of_the_public_are_looked_up():
    to = DEVICE.settings.model_validate({"blocklists": ["zen.example.org"]})
    asks = [*DEVICE.asks(lead("x"), to)]
    assert asks == [Locate("8.8.8.8"), Blocked("zen.example.org", "8.8.8.8")]
    at_home = lead("x")
    at_home.fields["ip"] = Value("10.0.0.1", "10.0.0.1", True, {"version": 4})
    assert [*DEVICE.asks(at_home, to)] == []


@pytest.mark.parametrize(
    "settings",
    [
        {"actions": {"nonsense": "flag"}},
        {"actions": {"bot": "explode"}},
        {"countries": ["USA"]},
        {"blocklists": ["a b.example"]},
        {"blocklists": ["localhost"]},
        {"worth": {"bot": 5000}},
    ],
)
def test_a_setting_that_means_nothing_is_refused(settings):
    with pytest.raises(ValidationError):
        DEVICE.settings.model_validate(settings)


raw = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30)
names = st.sampled_from(
    ["user_agent", "ip", "device.platform", "device.screen", "device.time_zone", "device.touch_points", "form.script",
     "device.hint_platform", "device.hint_brands", "typing.keys", "typing.gap_ms", "typing.gap_spread_ms", "device.fingerprint"]
)  # fmt: skip


@given(st.dictionaries(names, raw))
def test_whatever_a_browser_says_of_itself_is_read_without_harm(extra):
    one = lead("x")
    one.extra = extra
    assert all(finding.code in DEVICE.codes for finding in DEVICE.run(one, DEVICE.settings(), {}))
