"""The trace, to the letter."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from app.commands.bytes_text import attempt_text
from app.commands.telling import tell
from app.distribute.explain import LeftOutReason
from app.pipeline.arrival import Arrival
from app.pipeline.story import Story
from app.store.bundle_book import Place
from tests.commands.stories import AT, LEAD, after, attempt, delivery, delivery_id, finding, setting, story

EARLIER = "019a8000-0000-7000-8000-000090ab77e1"

FIELDS = {f"f{n}": ["x", "x"] for n in range(12)} | {
    "email": ["ann@example.com", "ann@example.com"],
    "dob": ["13/31/1988", None, False, {}, "is no date"],
}
ROUTING = {
    "at": "2025-11-20T22:32:05.024+00:00", "of": 214, "eligible": 6,
    "ranked": [["horizon-ca", "45"], ["sunco-west", "42.00"], ["brightroof-ca", "39.00"], ["x", "1.00"]],
    "left_out": {"filter": 171, "hours": 22, "paused": 6, "source": 0},
    "full": [[f"c{n}", f"cap:c{n}:day:5f1d9c02:2025-11-20T08:00Z"] for n in range(9)],
}  # fmt: skip


def sold() -> Story:
    return story(
        "sold", outcome="success", price="12.50", revenue="42.00", score=74, fields=FIELDS, ended=292,
        extra={"utm_term": "x", "variant": "b"}, routing=ROUTING,
        steps={"durable": 3.2, "mapped": 4.1, "checked": 11.2, "routed": 12.3},
        findings=[
            finding("consent", "certificate matches e-mail, 4 min old", points=12),
            finding("phone", "in use, mobile, fits the state", points=10),
            finding("agent", "form filled in 11 s", points=-4),
            finding("email", "email is read by an office (info@)", points=3),
            finding("velocity", "seen twice", points=3),
        ],
        deliveries=[
            delivery(1, "horizon-ca", "rejected", "45.00", ended_at=after(154)),
            delivery(2, "sunco-west", "accepted", "42.00", ended_at=after(292)),
        ],
        attempts=[
            attempt(1, "Rejected", 12, 142, reason="state_not_licensed"),
            attempt(2, "Accepted", 154, 138, reference="SC-88213"),
        ],
        events=[
            {"at": after(292) + timedelta(hours=2, minutes=11), "kind": "feedback", "delivery_id": delivery_id(2),
             "by_whom": "buyer sunco", "data": {}}
        ],
    )  # fmt: skip


def test_a_sold_lead() -> None:
    assert (
        "\n".join(tell(sold(), setting()))
        == """\
lead 019a9f3e-7c41-7d0a-b2f6-5c1e8a40d9b3   sold   solar ← acme   20 Nov 14:32:05.012 −08:00
   +0 ms  ✓ received     POST /v1/leads, 412 B form, durable after 3 ms
   +4 ms  ✓ mapped       16 keys: 14 mapped, 2 kept aside (utm_term, variant)
          ! normalised   dob "•••" is no date; kept as it came
  +11 ms  ✓ checked      accepted, score 74 (from 50)
                         +12 consent    certificate matches e-mail, 4 min old
                         +10 phone      in use, mobile, fits the state
                          −4 agent      form filled in 11 s              … 2 more: --all
  +12 ms  ✓ routed       6 of 214 contracts: horizon-ca 45.00 > sunco-west 42.00 > brightroof-ca 39.00 …
                         left out: 171 filter, 22 hours, 9 cap, 6 paused     --all shows each with its value
 +154 ms  ✕ horizon-ca   Rejected state_not_licensed   200 in 142 ms
 +292 ms  ✓ sunco-west   Accepted SC-88213  42.00 USD  200 in 138 ms
 +292 ms  ✓ answered     201 success, price 12.50 to acme
 2 h 11 min later
          · feedback     sunco-west, by buyer sunco
bought 12.50, sold 42.00, margin 29.50 USD        bytes: leadgate trace 8a40d9b3 --bytes 2"""
    )


def test_all_of_it_lists_each_contract_that_was_left_out_with_the_rule_and_the_value() -> None:
    left = [
        LeftOutReason("sunco-fl", "filter", 'lead.state == "FL"', 'lead.state == "CA" → false'),
        LeftOutReason("peak", "cap", "cap per day", "900 of 900 today"),
    ]
    lines = tell(sold(), setting(everything=True, left_out=left))
    at = lines.index(" " * 25 + "left out: 171 filter, 22 hours, 9 cap, 6 paused")
    assert lines[at + 1] == " " * 25 + '  sunco-fl  filter  lead.state == "FL"  lead.state == "CA" → false'
    assert lines[at + 2] == " " * 25 + "  peak      cap     cap per day         900 of 900 today"
    assert sum("velocity" in line for line in lines) == 1


def test_all_of_it_tells_what_the_ranking_saw_of_each_contract() -> None:
    why = {"percent": {"horizon-ca": "30"}, "percentage": {"horizon-ca": 0.4}, "sticky": {"sunco-west": 0}}
    told = story(
        "unsold", outcome="failure", price="0", findings=[],
        routing={**ROUTING, "why": why, "left_out": {"area": 4, "source": 0}, "full": []},
    )  # fmt: skip
    lines = [line.strip() for line in tell(told, setting(everything=True, left_out=[]))]
    at = next(n for n, line in enumerate(lines) if "6 of 214 contracts" in line)
    assert lines[at + 1 : at + 4] == [
        "horizon-ca  30 %, owed 0.4",
        "sunco-west  has the person",
        "left out: 4 area",
    ]
    assert not [line for line in tell(told, setting()) if "has the person" in line]


def test_a_duplicate_is_rejected_by_the_check_that_found_it_first() -> None:
    told = story(
        "rejected", outcome="failure", price="0", source="leadhub", size=388, format="json", ended=9,
        reasons=[{"code": "duplicate", "field": "phone", "message": "same phone as an earlier lead"}],
        findings=[
            finding("email", "email is a throw-away address (mailinator.com)", points=-30),
            finding("duplicate", "same phone as an earlier lead", action="reject", earlier=EARLIER),
        ],
    )  # fmt: skip
    known = {EARLIER: ("sold", AT - timedelta(days=5, hours=22))}
    assert (
        "\n".join(tell(told, setting(earlier=known, within="30d")))
        == """\
lead 019a9f3e-7c41-7d0a-b2f6-5c1e8a40d9b3   rejected   solar ← leadhub   20 Nov 14:32:05.012 −08:00
   +0 ms  ✓ received   POST /v1/leads, 388 B json, durable after 3 ms
   +8 ms  ✕ checked    rejected by duplicate: same phone as …90ab77e1 (sold, 6 days ago, window 30d)
                       also found: email is a throw-away address (mailinator.com), −30 · nothing else would have rejected it
   +9 ms  ✓ answered   201 failure "duplicate" to leadhub"""
    )


def test_what_else_would_have_rejected_it_is_named() -> None:
    told = story(
        "rejected", outcome="failure", price=None,
        findings=[finding("required", "email did not come", action="reject"), finding("phone", "no such line", action="reject")],
    )  # fmt: skip
    assert (
        tell(told, setting())[3] == " " * 23 + "also found: no such line · phone would have rejected it too"
    )


def test_all_of_a_rejected_one_lists_every_finding_with_its_points_and_the_time_that_it_took() -> None:
    told = story(
        "rejected", outcome="failure", price=None,
        findings=[
            {**finding("required", "email did not come", action="reject"), "ms": 0.004},
            {**finding("phone", "no such line", action="reject", points=-5), "ms": 412.0},
            {**finding("email", "email is read by an office", points=3), "ms": 0.126},
        ],
    )  # fmt: skip
    assert [line.strip() for line in tell(told, setting(everything=True)) if " ms" in line[10:]][1:] == [
        "+8 ms  ✕ checked    rejected by required: email did not come  0.00 ms",
        "−5 reject phone.phone no such line  412 ms",
        "+3 flag   email.email email is read by an office  0.13 ms",
    ]


def test_all_findings_stand_in_line_whatever_they_do() -> None:
    findings = [
        finding("required", "no email", action="reject"),
        finding("email", "no such mailbox", action="reject"),
        finding("phone", "same phone", action="dont_pay"),
    ]
    told = story("rejected", outcome="failure", price=None, findings=findings)
    lines = "\n".join(tell(told, setting(everything=True))).splitlines()
    places = [line.index(name) for name in ("email.email", "phone.phone") for line in lines if name in line]
    assert len(places) == 2
    assert places[0] == places[1]


def test_an_unclear_one_says_how_to_settle_it() -> None:
    told = story(
        "unclear", outcome=None, price=None, findings=[], routing={**ROUTING, "eligible": 1, "ranked": [["horizon-ca", "45.00"]],
        "of": 1, "left_out": {}, "full": []},
        deliveries=[delivery(2, "horizon-ca", "unclear", "45.00")],
        attempts=[attempt(2, "Unclear", 9, 30_022, reason="read_timeout", status=None)],
    )  # fmt: skip
    assert (
        "\n".join(tell(told, setting(deadline=10.0)))
        == """\
lead 019a9f3e-7c41-7d0a-b2f6-5c1e8a40d9b3   unclear   solar ← acme   20 Nov 14:32:05.012 −08:00
   +0 ms  ✓ received     POST /v1/leads, 412 B form, durable after 3 ms
   +4 ms  ✓ mapped       1 key: 1 mapped
   +8 ms  ✓ checked      accepted, score 50
   +8 ms  ✓ routed       1 of 1 contracts: horizon-ca 45.00
 +10.0 s  ✓ answered     202 pending to acme, after 10.0 s
 +30.0 s  ? horizon-ca   Unclear read_timeout  no reply in 30.0 s
not sold yet        bytes: leadgate trace 8a40d9b3 --bytes 1
settle: leadgate settle b5590ef2 sold|not-sold|again"""
    )


def test_a_held_one_is_pending_for_its_source() -> None:
    told = story(
        "held", outcome=None, price=None, score=35,
        findings=[finding("phone", "phone is of line type voip", action="hold", points=-15)],
    )  # fmt: skip
    assert (
        "\n".join(tell(told, setting()))
        == """\
lead 019a9f3e-7c41-7d0a-b2f6-5c1e8a40d9b3   held   solar ← acme   20 Nov 14:32:05.012 −08:00
   +0 ms  ✓ received   POST /v1/leads, 412 B form, durable after 3 ms
   +4 ms  ✓ mapped     1 key: 1 mapped
   +8 ms  ‖ checked    held by phone: phone is of line type voip
                       nothing else would have held it
   +9 ms  ✓ answered   202 pending, held, to acme"""
    )


def test_a_delivery_that_waits_says_when_it_is_tried_next() -> None:
    told = story(
        "delivering", outcome=None, price=None, findings=[],
        deliveries=[delivery(1, "sunco-west", "waiting", next_at=after(61_000), reason="http_503")],
        attempts=[attempt(1, "TryLater", 9, 40, reason="http_503", status=503)],
    )  # fmt: skip
    lines = tell(told, setting(now=after(5_000)))
    assert "  +49 ms  ◷ sunco-west   TryLater http_503  503 in 40 ms   next try 14:33:06" in lines
    assert "  +5.00 s  → answered     not yet; acme waits until 14:32:35".replace("  +5", " +5") in lines


def test_one_that_was_given_up_says_why_and_what_can_be_done() -> None:
    dead = delivery(1, "sunco-west", "dead", attempts=3, reason="http_503", ended_at=after(900))
    gone = delivery(2, "moon", "dead", reason="contract_gone", ended_at=after(950))
    rows: dict[str, Any] = {
        "findings": [], "deliveries": [dead, gone],
        "attempts": [attempt(1, "TryLater", 860, 40, reason="http_503", status=503)],
    }  # fmt: skip
    lines = tell(story("unsold", outcome="failure", price="0", **rows), setting())
    assert (
        " +900 ms  ✕ sunco-west   given up after 3 tries: http_503; ask again: leadgate replay b5590ef1"
        in lines
    )
    why = "given up after 1 try: contract_gone; `leadgate apply` a contract of that name to ask it again"
    assert f" +950 ms  ✕ moon         {why}" in lines
    rows["deliveries"] = [dead, delivery(3, "peak", "accepted", ended_at=after(990))]
    lines = tell(story("sold", outcome="success", price="1", **rows), setting())
    assert any(one.endswith("sunco-west   given up after 3 tries: http_503") for one in lines)


def test_one_that_left_with_others_says_in_which_file() -> None:
    told = story(
        "unclear", outcome=None, price=None, findings=[], deliveries=[delivery(1, "sunco-west", "unclear")],
        attempts=[
            attempt(1, "Unclear", 9, 40, reason="awaits_confirmation", status=250, read="row 17 of 400 in a-1.csv; the file is there")
        ],
    )  # fmt: skip
    (line,) = (one for one in tell(told, setting(now=after(5_000))) if "awaits_confirmation" in one)
    assert line.endswith("250 in 40 ms   row 17 of 400 in a-1.csv")
    of_file = Place(
        delivery_id=told.deliveries[0].id, row=17, bundle_id=UUID("019a9f3e-7c41-7d0a-b2f6-5c1e8a40d9b0"),
        name="a-1.csv", size=400, state="sent", begun_at=after(9), ended_at=after(49),
    )  # fmt: skip
    (line,) = (
        one for one in tell(replace(told, files=[of_file]), setting(now=after(5_000))) if "awaits" in one
    )
    assert line.endswith("in a-1.csv: leadgate bundles show 8a40d9b0")


@pytest.mark.parametrize(
    ("ms", "when"),
    [(3_600_000, ", 15:32:10 at the latest"), (172_800_000, ", 22 Nov 14:32:10 at the latest"), (-1, "")],
)
def test_one_that_waits_for_others_says_until_when(ms: int, when: str) -> None:
    waits = delivery(1, "sunco-west", "waiting", next_at=after(5_000 + ms))
    told = story("delivering", outcome=None, price=None, findings=[], deliveries=[waits], attempts=[])
    (line,) = (one for one in tell(told, setting(now=after(5_000))) if "waits to be sent" in one)
    assert line.endswith(f"waits to be sent{when}")


def test_a_late_end_that_says_the_same_is_told_once_and_another_one_as_too_late() -> None:
    unclear = attempt(1, "Unclear", 9, 500, reason="process_died", exchanges=[])
    same = {**unclear, "late": True}
    other = attempt(1, "Accepted", 9, 900, reference="R1", late=True)
    told = story(
        "unclear", outcome=None, price=None, findings=[], deliveries=[delivery(1, "sunco-west", "unclear")],
        attempts=[unclear, same, other],
    )  # fmt: skip
    lines = [line for line in tell(told, setting(deadline=0.1)) if " sunco-west " in line]
    assert lines == [
        " +509 ms  ? sunco-west   Unclear process_died",
        " +909 ms  ✓ sunco-west   Accepted R1  42.00 USD  200 in 900 ms   came too late to count",
    ]


def test_what_retention_has_dropped_is_said() -> None:
    whole = sold()
    told = Story(
        id=LEAD,
        submission=None,
        lead=whole.lead,
        detail=None,
        deliveries=whole.deliveries,
        attempts=[],
        events=[],
    )
    lines = tell(told, setting())
    assert (
        lines[1] == "   +0 ms  ✓ received    its bytes were dropped by retention, and with them how they came"
    )
    assert lines[2] == "          · forgotten   fields, findings and bytes were dropped by retention"


def test_an_undecided_submission_and_a_refused_body_have_a_shorter_story() -> None:
    sent = {**(sold().submission or {}), "parked": "not_mappable", "undecided": True}
    nothing = {"lead": None, "detail": None, "deliveries": [], "attempts": [], "events": []}
    came = {"arrivals": {LEAD: Arrival("POST /v1/leads", "form", 412)}}
    assert tell(Story(id=LEAD, submission=sent, **nothing, **came), setting()) == [
        "lead 019a9f3e-7c41-7d0a-b2f6-5c1e8a40d9b3   received   acme   20 Nov 14:32:05.012 −08:00",
        "   +0 ms  ✓ received   POST /v1/leads, 412 B form",
        "          ! parked     not_mappable: it is kept, and nobody decides it until a person has looked",
    ]
    refusal = {
        "id": LEAD, "source": "acme", "at": AT, "code": "unreadable", "detail": "no JSON at line 1, column 7",
        "content_type": "application/json", "bytes": 12,
    }  # fmt: skip
    came = {"arrivals": {LEAD: Arrival("", "json", 12)}}
    assert tell(Story(id=LEAD, submission=None, refusal=refusal, **nothing, **came), setting()) == [
        "body 019a9f3e-7c41-7d0a-b2f6-5c1e8a40d9b3   refused   acme   20 Nov 14:32:05.012 −08:00",
        "   +0 ms  ✕ refused   unreadable: no JSON at line 1, column 7",
        "                      12 B json; nothing was acknowledged, so its sender knows",
    ]


def test_a_buyers_words_and_bodies_repeat_nobodys_data() -> None:
    exchange = {
        "method": "POST", "url": "https://buyer.example/in", "sent_headers": {"x-name": "Ann Smith"},
        "sent": '{"email":"ann@example.com","name":"Ann","zip":"94110"}', "status": 200, "received_headers": {},
        "received": "known: +1 (415) 555-0100, eve@example.org\x1b[2J", "ms": 12.0, "error": None, "cut": True,
    }  # fmt: skip
    told = story(
        "unsold", outcome="failure", price="0", findings=[],
        fields={
            "email": ["ann@example.com", "ann@example.com"], "first_name": ["Ann", "Ann"], "zip": ["94110", "94110"]
        },
        deliveries=[delivery(1, "sunco-west", "rejected")],
        attempts=[attempt(1, "Rejected", 9, 40, reason="known as eve@example.org", exchanges=[exchange])],
    )  # fmt: skip
    types = {"email": "email", "first_name": "name", "zip": "postal_code"}
    assert "Rejected known as •••@•••  200 in 40 ms" in "\n".join(tell(told, setting(types=types)))
    masked = "\n".join(attempt_text(told, 1, setting(types=types)))
    assert '    {"email":"•••","name":"•••","zip":"•••"}' in masked
    assert "    x-name: ••• Smith" in masked
    assert "    known: •••, •••@•••\\x1b[2J" in masked
    assert "read as: Rejected known as •••@•••" in masked
    assert "(cut: longer than what is kept)" in masked
    clear = "\n".join(attempt_text(told, 1, setting(types=types, reveal=True)))
    assert '"email":"ann@example.com"' in clear
