"""Catalogues by chance: every key of the vocabulary, odd texts included."""

from datetime import date
from typing import Any

from hypothesis import strategies as st

from app.catalog.documents import Catalogue

ids = st.from_regex(r"[a-z0-9][a-z0-9_.-]{0,8}", fullmatch=True)
names = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
odd = st.sampled_from(
    ["", " ", "null", "~", "true", "on", "02134", "1.5", "1e3", "0x1f", "- a", "a: b", "a #b", "'", '"', "{a}", "[",
     "a\nb", "a\n\nb\n", "\na", " a\n b", "a \nb", "a\tb", "\ttab", "x\r\ny", "\u2028", "\x85", "\ufeff", "é ü", "😀",
     "|", ">", "&a", "*a", "!t", "%", "@", "`", "...", "---", "?", ":", "a:", "http://x.example/?a=b,c", "\x7f", "<<"]
)  # fmt: skip
texts = odd | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
amounts = st.decimals(0, 1000, places=2).map(str)
durations = st.sampled_from(["30s", "5m", "1h30m", "30d"])
expressions = st.sampled_from(
    ['lead.a == "b"', "lead.a > 1 && lead.b < 2", 'lead.a in ["x", "y"]\n  || lead.b == "#1: z"', "true"]
)
values: Any = st.recursive(
    texts | st.booleans() | st.none() | st.integers(-(10**17), 10**17) | st.floats(-1e20, 1e20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
zones = st.sampled_from(["UTC", "America/Los_Angeles"])


def some(required: dict[str, Any], /, **optional: Any) -> Any:
    return st.fixed_dictionaries(required, optional=optional)


fields = some(
    {"type": st.just("choice")}, required=st.booleans(), label=texts, options=st.lists(texts, max_size=3)
)
campaigns = some(
    {"id": ids, "fields": st.dictionaries(names, fields, min_size=1, max_size=4)},
    name=texts,
    checks=st.lists(some({"check": st.just("duplicate")}, on=st.lists(names), within=durations), max_size=2),
    distribution=some(
        {}, sell=st.sampled_from(["exclusive", "shared(3)"]), rank=st.just(["weight", "round_robin"])
    ),
    currency=st.sampled_from(["USD", "EUR"]),
)
mappings = st.dictionaries(
    texts,
    names | some({"field": names}, values=st.dictionaries(texts, texts, max_size=2), default=texts),
    max_size=3,
)
sources = some(
    {"id": ids, "campaign": ids},
    name=texts, reply=st.sampled_from(["receipt", "verdict", "sold"]), deadline=durations, price=amounts,
    mapping=mappings, defaults=st.dictionaries(names, texts, max_size=2), test=st.booleans(), paused=st.booleans(),
    caps=st.deferred(lambda: st.lists(caps, max_size=2)),
)  # fmt: skip
caps = (
    some({"per": st.sampled_from(["hour", "total"]), "leads": st.integers(0, 99)}, zone=zones, when=expressions)
    | some({"per": st.just("day"), "amount": amounts}, window=st.sampled_from(["calendar", "rolling"]))
)  # fmt: skip
money = some({"terms": st.just("prepaid")}, low_balance=amounts) | some(
    {"terms": st.just("credit"), "credit_limit": amounts}, currency=st.just("EUR")
)
days = st.dates(date(2026, 1, 1), date(2028, 12, 31)).map(date.isoformat)
holidays = some(
    {"country": st.just("US")}, subdiv=st.just("CA"), observed=st.booleans(),
    add=st.dictionaries(days, texts, max_size=2), remove=st.lists(texts, max_size=2),
    days=st.dictionaries(days, texts, max_size=2), known_to=st.just(2028), by=st.just("holidays 0.109"),
)  # fmt: skip
hours = some(
    {
        "zone": zones,
        "open": st.dictionaries(st.sampled_from(["mon", "tue-fri"]), st.just("08:00-18:00"), max_size=2),
    },
    holidays=holidays,
    special=st.dictionaries(days, st.just("09:00-12:00"), max_size=2),
    away=st.lists(some({"from": st.just("2026-01-01"), "to": days}), max_size=2),
)
contracts = some(
    {"id": ids, "campaign": ids, "deliver": st.dictionaries(texts, values, max_size=4)},
    when=expressions, price=amounts, priority=st.integers(-5, 5), weight=st.integers(1, 9), hours=hours,
    rate=some({"per": st.just("second"), "n": st.integers(1, 9)}),
    caps=st.lists(caps, max_size=2), sources=st.lists(ids, max_size=2), idempotent=st.booleans(),
    retry=some({}, schedule=st.lists(durations, max_size=3), until=durations), paused=st.booleans(),
)  # fmt: skip
buyers = some(
    {"id": ids}, name=texts, contracts=st.lists(contracts, max_size=3), paused=st.booleans(), money=money,
    caps=st.lists(caps, max_size=2),
)  # fmt: skip
catalogues = some(
    {}, campaigns=st.lists(campaigns, max_size=2), sources=st.lists(sources, max_size=2),
    buyers=st.lists(buyers, max_size=2),
).map(Catalogue.model_validate)  # fmt: skip
