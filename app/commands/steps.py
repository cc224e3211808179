"""The steps of a lead's story, each as a sign, a name and lines: what was decided, and what followed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any
from uuid import UUID

from msgspec import Struct, field

from app.catalog.routing import Rank
from app.commands.chain_text import chain_lines, in_order, level_lines
from app.commands.silent_text import silent_lines
from app.commands.words import ICONS, clock, days, points, size, span, tail
from app.core.redaction import mask_value, scrub
from app.distribute.caps import cap_of
from app.distribute.explain import LeftOutReason
from app.distribute.fills import limit_kind
from app.distribute.reasons import Why, spoken
from app.distribute.ties import ties
from app.enrich.enrichment import ENRICHED, OFFLINE
from app.pipeline.arrival import Arrival
from app.pipeline.story import Story

_FINDINGS, _RANKED = 3, 3
_WIDE, _MORE = 60, 48


class Setting(Struct, frozen=True, kw_only=True):
    """What the story is told with: the catalogue of its day, and how the reader wants it.

    `types` are the campaign's field types by name, `rank` is its ranking; `left_out` is None where it was not asked for or
    can't be recomputed; `earlier` are leads that findings name: id → (state, received at).
    """

    now: datetime
    zone: tzinfo | None = None
    reveal: bool = False
    everything: bool = False
    currency: str = ""
    types: Mapping[str, str] = {}
    rank: Sequence[Rank] = ()
    reply: str = "sold"
    deadline: float = 30.0
    within: str = ""
    left_out: list[LeftOutReason] | None = None
    more: str = "--all"  # the option that shows everything
    earlier: Mapping[str, tuple[str, datetime]] = {}


class Entry(Struct):
    """One step. `at` is None for what belongs to the step before it; the first of `lines` is the step's own."""

    icon: str
    name: str
    lines: list[str] = field(default_factory=list)
    at: datetime | None = None


def decided(story: Story, setting: Setting) -> list[Entry]:
    """From its arrival to its contracts: what was known when the decision was committed."""
    lead, detail = story.lead, story.detail
    assert lead is not None
    took: Mapping[str, float] = detail["steps"] if detail else {}

    began = decision_began(lead, took)

    def at(step: str) -> datetime | None:
        if lead["round"] > 1 and step not in took:  # it was done for an earlier round, and holds for this one
            return None
        return began + timedelta(milliseconds=took.get(step, 0.0))

    entries = [Entry("✓", "received", [_received(story, took)], at=lead["received_at"])]
    if detail is None:
        entries.append(Entry("·", "forgotten", ["fields, findings and bytes were dropped by retention"]))
        return entries
    if setting.everything or lead["state"] != "rejected" or not _as_it_came(detail):
        entries.append(Entry("✓", "mapped", [_mapped(detail)], at=at("mapped")))
    if strange := [
        _strange(name, value, setting) for name, value in detail["fields"].items() if _invalid(value)
    ]:
        entries.append(Entry("!", "normalised", strange))
    if enriched := _enriched(detail):
        entries.append(Entry("✓", "enriched", enriched))
    entries.append(_checked(lead, detail, at("checked"), setting))
    if "forced" in detail["routing"]:
        entries.append(Entry("·", "forced", [_forced(detail["routing"]["forced"], lead)], at=at("checked")))
    elif "ping" in detail["routing"]:
        entries.append(_promised(detail["routing"], setting))
    elif "ranked" in detail["routing"]:
        entries.append(_routed(detail["routing"], at("routed"), setting))
    if _is_let_go_to_bidders(detail["routing"]):
        entries.append(_auctioned(detail["routing"], setting))
    return entries


def decision_began(lead: Mapping[str, Any], took: Mapping[str, float]) -> datetime:
    """A first round is timed from the lead's arrival, a later one from its own beginning."""
    moment: datetime = lead["received_at"] if lead["round"] == 1 else lead["decided_at"]
    return moment if lead["round"] == 1 else moment - timedelta(milliseconds=max(took.values(), default=0.0))


def came(story: Story, submission_id: UUID, position: int = 0) -> str:
    """`POST /v1/leads, 412 B form`, or the line of a file."""
    arrival = story.arrivals[submission_id]
    if position < len(arrival.lines):
        return f"line {arrival.lines[position]:,} of {arrival.door}"
    return f"{arrival.door}, {kind_of(arrival)}"


def kind_of(arrival: Arrival) -> str:
    """`412 B form`: the size and the format, or the content type where no format reads it."""
    return f"{size(arrival.bytes)} {arrival.format}".rstrip()


def _received(story: Story, took: Mapping[str, float]) -> str:
    if story.submission is None:
        return "its bytes were dropped by retention, and with them how they came"
    place = story.lead["position"] if story.lead else 0
    text = came(story, story.submission["id"], place)
    if "durable" in took:
        text += f", durable after {span(took['durable'])}"
    by_line = bool(story.arrivals[story.submission["id"]].lines)
    return f"{text}; lead {place + 1} of its submission" if place and not by_line else text


def _mapped(detail: Mapping[str, Any]) -> str:
    aside = [scrub(name)[:40] for name in detail["extra"]]
    brought = [value for value in detail["fields"].values() if not _added(value)]
    by_default = sum(1 for value in brought if value[0] is None)
    mapped = len(brought) - by_default
    keys = mapped + len(aside)
    text = f"{keys} {'key' if keys == 1 else 'keys'}: {mapped} mapped"
    if by_default:
        text += f", {by_default} by default"
    if aside:
        more = f" and {len(aside) - 8} more" if len(aside) > 8 else ""
        text += f", {len(aside)} kept aside ({', '.join(aside[:8])}{more})"
    return text


def _as_it_came(detail: Mapping[str, Any]) -> bool:
    """Every key led to a field, and no field was filled by a default."""
    return not detail["extra"] and all(value[0] is not None for value in detail["fields"].values())


def _added(value: list[Any]) -> str:
    """By whom, where the lead did not bring it."""
    note: str = value[4].partition(";")[0] if len(value) > 4 else ""
    return note if note == OFFLINE or note.startswith(ENRICHED) else ""


def _enriched(detail: Mapping[str, Any]) -> list[str]:
    """Who filled which fields, in the order in which they did."""
    by: dict[str, list[str]] = {}
    for name, value in detail["fields"].items():
        if added := _added(value):
            by.setdefault(added, []).append(name)
    return [f"{', '.join(names)} {added.removeprefix('enriched ')}" for added, names in by.items()]


def _invalid(value: list[Any]) -> bool:
    return len(value) > 2 and not value[2]


def _strange(name: str, value: list[Any], setting: Setting) -> str:
    shown = str(value[0]) if setting.reveal else mask_value(setting.types.get(name, ""), value[0])
    note = value[4] if len(value) > 4 else "is not valid"
    return f'{name} "{shown}" {note}; kept as it came'


# the verdict ---------------------------------------------------------------------------------------


def _checked(
    lead: Mapping[str, Any], detail: Mapping[str, Any], at: datetime | None, setting: Setting
) -> Entry:
    findings: list[dict[str, Any]] = detail["findings"]
    stops = [f for f in findings if f["action"] == "reject"] or [f for f in findings if f["action"] == "hold"]
    if not stops:
        return Entry("✓", "checked", [_accepted(lead, findings), *_scored(findings, setting)], at=at)
    word = "rejected" if stops[0]["action"] == "reject" else "held"
    first, others = stops[0], [f for f in findings if f is not stops[0]]
    lines = [f"{word} by {first['check']}: {_said(first, setting)}{_took(first)}"]
    lines += _each(others, setting) if setting.everything else _besides(others, word)
    return Entry(ICONS[word], "checked", lines, at=at)


def _accepted(lead: Mapping[str, Any], findings: list[dict[str, Any]]) -> str:
    graded = next((f for f in findings if _is_grade(f)), None)
    start = graded["facts"]["start"] if graded else lead["score"] - sum(f["points"] for f in findings)
    beside = f"from {start}" if start != lead["score"] else ""
    points_alone = graded["facts"].get("points", lead["score"]) if graded else lead["score"]
    if points_alone != lead["score"]:  # it is what a model says
        beside = f"points alone: {points_alone}"
    text = f"accepted, score {lead['score']}" + (f" ({beside})" if beside else "")
    return f"{text}: {graded['message']}" if graded else text


def _is_grade(finding: Mapping[str, Any]) -> bool:
    return (finding["check"], finding["code"]) == ("score", "graded")


def _scored(findings: list[dict[str, Any]], setting: Setting) -> list[str]:
    """The heaviest first; a few, unless everything is asked for."""
    heavy = sorted((f for f in findings if not _is_grade(f)), key=lambda f: -abs(f["points"]))
    shown = heavy if setting.everything else heavy[:_FINDINGS]
    lines = [f"{points(f['points']):>3} {f['check']:<10} {_said(f, setting)}{_took(f)}" for f in shown]
    if len(heavy) > len(shown):
        lines[-1] = f"{lines[-1]:<{_MORE}}… {len(heavy) - len(shown)} more: {setting.more}"
    return lines


def _each(findings: list[dict[str, Any]], setting: Setting) -> list[str]:
    """Points, what it did, who says it, and how long that took."""
    width = max((len(f"{f['check']}.{f['code']}") for f in findings), default=0)
    does = max((len(f["action"]) for f in findings), default=0)
    return [
        f"{points(f['points']):>3} {f['action']:<{does}} {f['check'] + '.' + f['code']:<{width}} "
        f"{_said(f, setting)}{_took(f)}"
        for f in findings
    ]


def _took(finding: Mapping[str, Any]) -> str:
    """With what its check waited for; nothing where that was not written down."""
    ms = finding.get("ms")
    return "" if ms is None else f"  {ms:.2f} ms" if ms < 100 else f"  {span(ms)}"


def _said(finding: Mapping[str, Any], setting: Setting) -> str:
    """The finding's words, and of a lead that it names what has become of it."""
    facts = finding["facts"] or {}
    message: str = finding["message"]
    if finding["code"] == "refused" and "list" in facts:
        return f"{facts['field']} is on the list {facts['list']} (its source is not told)"
    if "contributions" in facts:
        parts = sorted(facts["contributions"].items(), key=lambda one: -abs(one[1]))
        shown = parts if setting.everything else parts[:_FINDINGS]
        return f"{message}: {', '.join(f'{name} {points(n)}' for name, n in shown)}" if shown else message
    if "factors" in facts:
        factors = sorted(facts["factors"].items(), key=lambda one: -one[1])
        return f"{message}: {', '.join(f'{factor} {points(n)}' for factor, n in factors)}"
    if "earlier" not in facts:
        return message
    message = message.replace("an earlier lead", tail(facts["earlier"]))
    known = setting.earlier.get(facts["earlier"])
    told = [known[0], f"{days(setting.now - known[1])} ago"] if known else []
    if within := facts.get("within") or setting.within:
        told.append(f"window {within}")
    if "rule" in facts:
        told.append(f"rule {facts['rule']}")
    if "alike" in facts:
        told.append(f"alike {facts['alike']:.2f}")
    return f"{message} ({', '.join(told)})" if told else message


def _besides(others: list[dict[str, Any]], word: str) -> list[str]:
    """What else was found, and whether any of it would have done the same."""
    action = "reject" if word == "rejected" else "hold"
    verb = "rejected" if word == "rejected" else "held"
    same = list(dict.fromkeys(f["check"] for f in others if f["action"] == action))
    found = [f["message"] + (f", {points(f['points'])}" if f["points"] else "") for f in others]
    would = f"{' and '.join(same)} would have {verb} it too" if same else f"nothing else would have {verb} it"
    return [f"also found: {'; '.join(found)} · {would}" if found else would]


# the contracts -------------------------------------------------------------------------------------


def _routed(routing: Mapping[str, Any], at: datetime | None, setting: Setting) -> Entry:
    ranked, chain = routing["ranked"], routing.get("chain", ())
    shown = ranked if setting.everything else ranked[:_RANKED]
    level = [] if "bids" in routing else ties(ranked, routing.get("why", {}), setting.rank)
    more = " …" if (chain[0] if chain else routing)["eligible"] > len(shown) else ""
    best = in_order([(contract, _price(price)) for contract, price in shown], level)
    lines = [f"{routing['eligible']} of {routing['of']} contracts{': ' + best + more if best else ''}"]
    lines += level_lines(level, {contract for contract, _ in shown})
    if setting.everything:
        lines += _why_there(routing.get("why", {}), [contract for contract, _ in shown])
    if bids := routing.get("bids"):
        lines.append("bids: " + " > ".join(f"{one['contract']} {one['pays']}" for one in bids))
    lines += silent_lines(routing, everything=setting.everything)
    lines += _left_out(routing, setting)
    lines += chain_lines(chain, everything=setting.everything)
    took = ranked or any("took" in leg for leg in chain)
    return Entry("✓" if took else "✕", "routed", lines, at=at)


def _is_let_go_to_bidders(routing: Mapping[str, Any]) -> bool:
    """Of a lead that was held, and auctioned once it was let go."""
    return "bids" in routing and "ranked" not in routing and ("ping" not in routing or "lapsed" in routing)


def _auctioned(routing: Mapping[str, Any], setting: Setting) -> Entry:
    bids = routing["bids"]
    told = " > ".join(f"{one['contract']} {one['pays']}" for one in bids)
    silent = silent_lines(routing, everything=setting.everything)
    return Entry(
        "✓" if bids else "✕", "auctioned", [f"once it was let go: {told or 'nobody has bid'}", *silent]
    )


def _promised(routing: Mapping[str, Any], setting: Setting) -> Entry:
    """Of a lead that was held, and came with its ping."""
    ping = routing["ping"]
    until = wall(datetime.fromisoformat(ping["expires_at"]), setting)
    bids = " > ".join(f"{one['contract']} {one['pays']}" for one in ping["bids"])
    if "lapsed" in routing:
        return Entry(
            "!",
            "ping",
            [f"its bids were kept for it until {until}, and it was approved later", f"bids: {bids}"],
        )
    return Entry("✓", "ping", [f"its bids are kept for it until {until}", f"bids: {bids}"])


def _why_there(why: Why, ranked: Sequence[str]) -> list[str]:
    """What the words of the ranking saw of each, where that is more than its price."""
    told = {contract: said for contract in ranked if (said := spoken(contract, why))}
    width = max(map(len, told), default=0)
    return [f"  {contract:<{width}}  {' · '.join(said)}" for contract, said in told.items()]


def _forced(result: str, lead: Mapping[str, Any]) -> str:
    return f"{result}, as the test asked: {lead['state']}; nobody was asked, nothing was sold or counted"


def _price(text: str) -> str:
    whole, _, rest = text.partition(".")
    return f"{whole}.{rest:0<2}"


def _left_out(routing: Mapping[str, Any], setting: Setting) -> list[str]:
    counts = {
        **routing["left_out"], **_full(routing),
        "resting": len(routing.get("resting", ())),
    }  # fmt: skip
    order = (
        "filter", "area", "hours", "consumer_hours", "duplicate", "cap", "budget", "balance", "paused", "resting",
        "source",
    )  # fmt: skip
    told = ", ".join(f"{counts[word]:,} {word}" for word in order if counts.get(word))
    if not told:
        return []
    if not setting.everything:
        return [f"left out: {told}     {setting.more} shows each with its value"]
    if setting.left_out is None:
        full = [f"  {contract}  {limit_kind(key)} per {cap_of(key)}" for contract, key in routing["full"]]
        return [f"left out: {told}; the catalogue of that day can't be read, so no more is known", *full]
    width = max((len(one.contract) for one in setting.left_out), default=0)
    rules = max((len(one.rule) for one in setting.left_out), default=0)
    return [
        f"left out: {told}",
        *(
            f"  {one.contract:<{width}}  {one.cause:<6}  {one.rule:<{min(rules, _WIDE)}}  {one.value}"
            for one in setting.left_out
        ),
    ]


def _full(routing: Mapping[str, Any]) -> dict[str, int]:
    """By kind; a cap of the whole campaign left out everybody who wanted the lead."""
    found: Counter[str] = Counter()
    for contract, key in dict(routing["full"]).items():
        found[limit_kind(key)] += 1 if contract else routing["eligible"]
    return dict(found)


def wall(at: datetime, setting: Setting) -> str:
    return clock(at, setting.zone)[:8]
