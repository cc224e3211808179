"""How long one lead takes to find those who want it among thousands of contracts."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median
from typing import Any

from app.catalog.documents import ContractDoc, Distribution
from app.catalog.limits import FREE, Account
from app.catalog.routing import Area, Near
from app.distribute.route import RouteIndex

STATES = (
    "AZ",
    "CA",
    "CO",
    "FL",
    "GA",
    "IL",
    "MA",
    "NC",
    "NJ",
    "NV",
    "NY",
    "OH",
    "OR",
    "PA",
    "TX",
    "VA",
    "WA",
)
HOURS = {"zone": "America/Los_Angeles", "open": {"mon-fri": "08:00-18:00"}}
AT = datetime(2025, 11, 20, 18, 0, tzinfo=UTC)  # a Thursday, 10:00 in Los Angeles
LEADS = 2_000
LISTED = 1_000


@dataclass(frozen=True)
class Standing:
    """As much of a contract as routing asks for."""

    id: str
    buyer: str
    doc: ContractDoc
    paused: bool = False
    account: Account = FREE


def contract(i: int) -> Standing:
    """Filters as they are written: places and amounts, in one of ten an expression that no index holds."""
    here, there = STATES[i % len(STATES)], STATES[(i * 7 + 3) % len(STATES)]
    when = f'lead.state in ["{here}", "{there}"] && lead.bill >= {50 + i % 6 * 25}'
    if i % 10 == 0:
        when += f' && (lead.roof != "flat" || lead.bill * 12.0 > {1000 + i % 40 * 100}.0)'
    doc = ContractDoc.model_validate(
        {
            "id": f"contract-{i}",
            "campaign": "solar",
            "when": when,
            "price": f"{20 + i % 40}.00",
            "caps": [{"per": "day", "leads": 200}],
            "hours": HOURS if i % 3 == 0 else None,
            "deliver": {"adapter": "webhook"},
        }
    )
    return Standing(doc.id, f"buyer-{i // 4}", doc)


def lead(i: int) -> dict[str, Any]:
    roof = "flat" if i % 4 == 0 else "tile"
    return {
        "state": STATES[i * 5 % len(STATES)],
        "bill": float(40 + i * 37 % 300),
        "roof": roof,
        "first_name": "Ann",
    }


def took_ms(index: RouteIndex[Any], leads: Sequence[dict[str, Any]]) -> list[float]:
    """Per lead: the match and the twenty best of it."""
    times = []
    for each in leads:
        began = time.perf_counter()
        index.match(each, source="acme", at=AT).ranked(20)
        times.append((time.perf_counter() - began) * 1000)
    return times


def listed(i: int, codes: Sequence[str]) -> Standing:
    """As `contract`, and every other one has a list of postal codes instead of a filter."""
    one = contract(i)
    if i % 2:
        return one
    places = [codes[(i * 31 + n) % len(codes)] for n in range(LISTED)]
    area = Area.model_validate({"postal_codes": places})
    return Standing(one.id, one.buyer, one.doc.model_copy(update={"when": None, "area": area}))


class _Zips:
    country, state, postal_code, city = "", "state", "zip", ""

    def within(self, near: Near) -> Sequence[str]:
        return ()

    def parts_of(self, code: str) -> tuple[str, Sequence[str]]:
        return "US", ()

    def codes_of(self, city: str, state: str) -> Sequence[str]:
        return ()


def area_ms(contracts: int) -> dict[str, float]:
    """As `route_ms`, where half of the contracts have a thousand postal codes each, and what is expected ranks."""
    codes = [f"{n:05d}" for n in range(10_000, 50_000)]
    index = RouteIndex(
        [listed(i, codes) for i in range(contracts)],
        Distribution(rank=("sticky", "expected_value", "load", "round_robin")),
        _Zips(),
    )
    leads = [{**lead(i), "zip": codes[i * 7 % len(codes)]} for i in range(LEADS)]
    times = sorted(took_ms(index, leads))
    return {"area_ms_5000": median(times), "area_p99_ms_5000": times[int(len(times) * 0.99)]}


def route_ms(contracts: int) -> dict[str, float]:
    """Median and p99 over leads from everywhere; raises where nothing matched, for that would be quick."""
    index = RouteIndex([contract(i) for i in range(contracts)], Distribution(rank=("price", "round_robin")))
    leads = [lead(i) for i in range(LEADS)]
    wanted = [index.match(each, source="acme", at=AT).count for each in leads]
    if sum(n > 0 for n in wanted) < LEADS / 2:
        raise AssertionError("most leads are wanted by nobody: this measures nothing")
    times = sorted(took_ms(index, leads))
    return {
        "route_ms_5000": median(times),
        "route_p99_ms_5000": times[int(len(times) * 0.99)],
        "route_wanted_by": median(wanted),
    }
