"""What every check owes, held against whatever is registered: a new file is covered unasked."""

import inspect
import re
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core.registry import Settings
from app.model import Finding, Lead, Value
from app.validate.check import (
    Blocked,
    Check,
    CheckSettings,
    Claim,
    Earlier,
    Entry,
    Has,
    Having,
    Listed,
    Locate,
    Location,
    Mx,
    Near,
    Neighbour,
    Offences,
    Seen,
    checks,
)
from app.validate.remote import Remote, Told
from tests.golden import cases_of

ROOT = Path(__file__).parents[2]
EVERY = [pytest.param(check, id=check.name) for check in checks.discover()]
PUBLISHED = {"required": 10, "field": 20, "email": 30, "phone": 40, "velocity": 60, "duplicate": 90}


@cache
def golden(check: Check) -> list[dict]:
    return cases_of(check.name)


@cache
def configured(check: Check) -> list[CheckSettings]:
    """Every settings that a golden case uses: what is worth showing is worth straining."""
    written = [case["given"].get("settings", {}) for case in golden(check)]
    return [check.settings.model_validate(w) for i, w in enumerate(written) if w not in written[:i]]


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
odd_text = st.text(st.characters(), max_size=12) | st.sampled_from(
    ["@", "a@", "@b", "a@\ud800", "x@..", "\x00", "İ@ß.de"]
)
parts = st.dictionaries(
    st.sampled_from(["domain", "region", "line_type", "version", "x"]), scalars | odd_text, max_size=4
)
values = st.builds(Value, scalars | odd_text, scalars | odd_text, st.booleans(), parts, odd_text)
fields = st.dictionaries(st.sampled_from(["email", "phone", "name", "ip", "other"]), values)


def lead_of(fields: dict[str, Value]) -> Lead:
    return Lead(
        id=UUID(int=1),
        submission_id=UUID(int=2),
        source="acme",
        campaign="solar",
        received_at=datetime(2026, 11, 20, tzinfo=UTC),
        fields=fields,
    )


def answer_to(ask: object, answered: bool) -> object:
    match ask:
        case Offences() | Seen():
            return 99 if answered else 0
        case Near():
            other = Neighbour(UUID(int=9), datetime(2026, 11, 1, tzinfo=UTC), "acme", SECRETIVE)
            return (other,) if answered else ()
        case Having():
            return (Has("sunco", UUID(int=9)), Has("rayco", list="customers")) if answered else ()
        case Claim():
            return Earlier(UUID(int=9), datetime(2026, 11, 1, tzinfo=UTC), "acme") if answered else None
        case Mx():
            return not answered
        case Locate():
            return Location(country="US", region="CA", asn=1, kinds=("hosting", "tor")) if answered else None
        case Blocked():
            return answered or None
        case Listed():
            return tuple(Entry(name) for name in ask.lists) if answered else ()
        case Remote():
            return Told(became="answered", value={"x": 1}) if answered else Told(became="late")
    raise AssertionError(f"{ask} is no kind of evidence")


def test_the_published_order_of_checks():
    assert {check.name: check.order for check in checks if check.name in PUBLISHED} == PUBLISHED


def test_no_two_checks_share_a_place():
    places: dict[int, list[str]] = {}
    for check in checks:
        places.setdefault(check.order, []).append(check.name)
    assert [names for names in places.values() if len(names) > 1] == []


@pytest.mark.parametrize("check", EVERY)
def test_a_check_says_what_it_is_for(check):
    assert (inspect.getmodule(type(check)).__doc__ or "").strip().endswith(".")
    assert (type(check).__dict__.get("__doc__") or "").strip()


@pytest.mark.parametrize("check", EVERY)
def test_a_check_has_a_test_file_and_golden_cases(check):
    assert (ROOT / "tests" / "validate" / "checks" / f"test_{check.name}.py").is_file()
    cases = golden(check)
    assert any(case["expect"] for case in cases)
    assert any(not case["expect"] for case in cases)


@pytest.mark.parametrize("check", EVERY)
def test_settings_are_strict_documented_and_take_action_and_points(check):
    assert issubclass(check.settings, CheckSettings)
    assert check.settings.model_config == Settings.model_config
    for name, field in check.settings.model_fields.items():
        assert field.description, f"{check.name}.{name} has no description"


@pytest.mark.parametrize("check", EVERY)
def test_codes_are_stable_words_with_a_meaning_and_each_is_given_by_a_golden_case(check):
    cases = golden(check)
    shown = {finding["code"] for case in cases for finding in case["expect"] if "code" in finding}
    assert all(re.fullmatch(r"[a-z][a-z_]*", code) and meaning for code, meaning in check.codes.items())
    assert shown >= set(check.codes)
    assert shown <= {code for to in configured(check) for code in check.codes_of(to)}


@pytest.mark.parametrize("check", EVERY)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(fields=fields, answered=st.booleans())
def test_a_check_never_raises_and_gives_only_declared_codes(check: Check, fields, answered):
    lead = lead_of(fields)
    for to in configured(check):
        asks = list(check.asks(lead, to))
        evidence = {ask: answer_to(ask, answered) for ask in asks}
        for finding in [*check.run(lead, to, evidence), *check.run(lead, to, {})]:
            assert isinstance(finding, Finding)
            assert finding.check == check.name
            assert finding.code in check.codes_of(to)
            assert isinstance(finding.field, str)


@pytest.mark.parametrize("check", EVERY)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(fields=fields)
def test_a_check_claims_exactly_when_it_says_so_and_asks_the_same_twice(check: Check, fields):
    for to in configured(check):
        asks = list(check.asks(lead_of(fields), to))
        assert all(isinstance(ask, Claim) is check.claims for ask in asks)
        assert asks == list(check.asks(lead_of(fields), to))


SECRETIVE = {
    "email": Value("q7x.zz@mailinator.com", "q7x.zz@mailinator.com", True, {"domain": "mailinator.com"}),
    "work": Value("info@q7xcorp.example", "info@q7xcorp.example", True, {"domain": "q7xcorp.example"}),
    "phone": Value("+4915112345678", "+4915112345678", True, {"region": "DE", "line_type": "fixed"}),
    "name": Value("Quintessa", "Quintessa"),
    "ip": Value("203.0.113.77", "203.0.113.77", True, {"version": 4}),
    "dob": Value("31.31.1931", None, False, {}, "is not a date"),
}


@pytest.mark.parametrize("check", EVERY)
def test_no_finding_repeats_what_the_person_wrote(check: Check):
    lead = lead_of(SECRETIVE)
    for to in configured(check):
        evidence = {ask: answer_to(ask, True) for ask in check.asks(lead, to)}
        for finding in check.run(lead, to, evidence):
            said = f"{finding.message} {finding.facts}"
            assert not re.search(r"q7x|12345|Quintessa|203\.0|1931", said)
