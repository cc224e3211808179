"""docs/dialects.md shows each dialect as it is: its entry, a request, and every answer are made from the component."""

import re
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from app.core.errors import NoKey, NotDurable, Unreadable
from app.ingest.format import formats
from app.ingest.posted import opened, whole
from app.ingest.reading import Reader
from app.ingest.reply import Asked, Offer, Posted, Reply, Result, Said, replies

PAGE = Path(__file__).parents[2] / "docs/dialects.md"
LEAD = UUID("01a20202-aefc-7ccb-9e6d-fd8cf1aed9d0")
READER = Reader(formats.discover())
URL = f"https://leads.example/v1/leads/{LEAD}"


def why(code: str, field: str, message: str) -> tuple[dict[str, str], ...]:
    return ({"code": code, "field": field, "message": message},)


OFFER = Offer(
    ping_id="01a20202-aefc-7ccb-9e6d-fd8cf1aed9d1", price="12.50", currency="USD",
    buyers=[{"bid_id": "1", "name": "SunCo"}],
)  # fmt: skip
RESULTS = {
    "sold": Result(lead=LEAD, standing="accepted", price="12.50"),
    "a duplicate": Result(
        lead=LEAD,
        standing="duplicate",
        price="0.00",
        reasons=why("duplicate", "phone", "same phone as an earlier lead"),
    ),
    "rejected": Result(
        lead=LEAD,
        standing="rejected",
        price="0.00",
        reasons=why("missing", "email", "is required and did not come"),
    ),
    "no buyer": Result(
        lead=LEAD, standing="no_buyer", price="0.00", reasons=why("no_buyer", "", "no buyer took this lead")
    ),
    "still open": Result(lead=LEAD, standing="pending", state="received", status_url=URL),
    "held for a person": Result(lead=LEAD, standing="held", state="held", status_url=URL),
}
PROBLEMS = {
    "wrong credentials": NoKey("the credentials are missing, or are not those of this source"),
    "a broken body": Unreadable("broken JSON: expecting value", code="syntax", where="line 1, column 2"),
    "not stored; send it again": NotDurable("the database does not answer; send it again"),
}


def section(reply: Reply) -> str:
    asked, told, *_ = reply.examples[0]
    posted = whole(reply, opened(reply, asked, READER), READER)
    asked = replace(asked, at="2026-11-22T09:15:00Z")
    posted = replace(posted, asked=asked, settings=reply.settings.model_validate(told), took=0.12)
    keys = ", ".join(f"{key}: {written(value)}" for key, value in told.items())
    entry = f"{{reply: {reply.name}{', ' if keys else ''}{keys}}}"
    return f"```yaml\nreplies:\n  - {entry}\n```\n\n```http\n{request(reply, asked)}\n```\n\n{table(reply, posted)}"


def written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def request(reply: Reply, asked: Asked) -> str:
    query = "?" + asked.query.decode() if asked.query else ""
    lines = [f"{asked.method} /in/{reply.name}/acme/{asked.tail}{query}"]
    lines += [f"{name.title()}: {value}" for name, value in asked.headers.items()]
    return "\n".join([*lines, "", asked.body.decode()]).rstrip()


def table(reply: Reply, posted: Posted) -> str:
    rows = [(name, reply.answer([result], posted)) for name, result in RESULTS.items()]
    if type(reply).no_bid is not Reply.no_bid:
        rows += [("a ping", reply.no_bid(posted)), ("a ping with a bid", reply.bid(OFFER, posted))]
    rows += [(name, reply.refuse(problem, posted)) for name, problem in PROBLEMS.items()]
    return "| what became of it | answer |\n|---|---|\n" + "".join(
        f"| {name} | {cell(said)} |\n" for name, said in rows
    )


def cell(said: Said) -> str:
    body = "` `".join(said.body.decode().strip().splitlines())
    return f"{said.status} `{body}`"


@pytest.mark.parametrize("reply", list(replies.discover()), ids=lambda reply: reply.name)
def test_a_dialect_has_its_section_as_it_is(reply: Reply) -> None:
    page = PAGE.read_text("utf-8")
    about = str(sys.modules[type(reply).__module__].__doc__).partition("\n")[0]
    assert re.search(rf"^## {reply.name}\n\n{re.escape(about)}$", page, re.MULTILINE), about
    assert section(reply) in page, f"docs/dialects.md should have\n{section(reply)}"


def test_the_page_has_no_dialect_that_is_not_there() -> None:
    known = re.findall(r"^## ([a-z]+)$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert sorted(known) == replies.discover().names()
