"""Golden cases (see tests/golden.py), each a rule in words, a lead, and what the check says of it.

A field is written as its value (`anna@example.com`), as a phone `{number, region, line_type}`, as an address
`{ip}`, or as what could not be understood `{invalid, note}`. `expect` lists findings in order; of each,
what is named must be so. `earlier` is a lead that came before, `seen` how many came, `offences` how many of them were fraud, `mx` what the DNS says,
`listed` on which lists a value stands, `near` who lives in the
same house, `has` which buyers have the person, `untold` the lists that nobody is told of; `at` is what databases say
of the address, `blocked` the DNS lists that name it; `told` what a remote look-up came to (`became`, `value`).
"""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from app.model import Lead, Value
from app.validate.check import (
    Blocked,
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

MISLEADING = {"domain": "mailinator.com", "region": "XX", "line_type": "premium", "version": 4}
"""Parts of an invalid value, which no check may believe."""
AT = datetime(2026, 11, 20, 14, 32, tzinfo=UTC)


def value_of(written) -> Value:
    match written:
        case {"invalid": raw, **more}:
            return Value(raw, raw, False, MISLEADING, more.get("note", ""))
        case {"number": number, **parts}:
            return Value(number, number, True, parts)
        case {"ip": address}:
            return Value(address, address, True, {"version": 6 if ":" in address else 4})
        case str() if "@" in written:
            return Value(written, written.lower(), True, {"domain": written.rpartition("@")[2].lower()})
        case _:
            return Value(written, written)


def lead_of(given: dict, number: int = 1) -> Lead:
    return Lead(
        id=UUID(given.get("id", f"019a9f3e-7c41-7d0a-b2f6-5c1e{number:08x}")),
        submission_id=UUID(int=number),
        source=given.get("source", "acme"),
        campaign=given.get("campaign", "solar"),
        received_at=AT,
        test=given.get("test", False),
        fields={name: value_of(v) for name, v in given.get("fields", {}).items()},
        extra=given.get("extra", {}),
    )


def evidence_of(check, given: dict, lead: Lead, settings) -> dict:
    held = {}
    if earlier := given.get("earlier"):
        first = lead_of(earlier, 2)
        held = dict.fromkeys(check.asks(first, settings), Earlier(first.id, AT, first.source))
    evidence = {}
    for ask in check.asks(lead, settings):
        match ask:
            case Near():
                evidence[ask] = tuple(
                    Neighbour(other.id, AT, other.source, other.fields)
                    for other in (lead_of(one, 2 + at) for at, one in enumerate(given["near"]))
                )
            case Having():
                evidence[ask] = tuple(
                    Has(one["buyer"], UUID(one["lead"]) if "lead" in one else None, one.get("list", ""))
                    for one in given["has"].get(ask.kind, ())
                )
            case Claim():
                evidence[ask] = held.get(ask)
            case Offences():
                evidence[ask] = given["offences"]
            case Seen():
                evidence[ask] = given["seen"]
            case Mx(domain):
                evidence[ask] = given["mx"][domain]
            case Locate():
                evidence[ask] = Location(**given["at"]) if "at" in given else None
            case Blocked(zone):
                evidence[ask] = zone in given.get("blocked", ())
            case Remote():
                evidence[ask] = Told(**given["told"])
            case Listed():
                names = given["listed"].get(ask.value, ())
                untold = given.get("untold", ())
                evidence[ask] = tuple(Entry(name, name not in untold) for name in names if name in ask.lists)
    return evidence


def pytest_generate_tests(metafunc):
    if "golden" in metafunc.fixturenames:
        name = metafunc.module.__name__.rsplit(".", 1)[-1].removeprefix("test_")
        metafunc.parametrize("golden", [pytest.param((name, c), id=c["should"]) for c in cases_of(name)])


@pytest.fixture
def agrees(golden):
    """Runs the golden case and compares."""
    name, case = golden
    check = checks.discover()[name]
    given = case["given"]
    settings = check.settings.model_validate(given.get("settings", {}))
    lead = lead_of(given)
    found = list(check.run(lead, settings, evidence_of(check, given, lead, settings)))
    seen = [
        {key: getattr(f, key) for key in wanted} for f, wanted in zip(found, case["expect"], strict=False)
    ]
    assert (len(found), seen) == (len(case["expect"]), case["expect"])
    return True
