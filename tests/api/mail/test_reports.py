"""A mail server's report ends the delivery whose mail it is about: once, and nobody else's."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest

from app.store.database import Database
from tests.api.mail.conftest import Post, listening
from tests.mail_server import Outbox
from tests.pipeline.house import lead, source

NOTED = "250 2.0.0 Noted: the delivery did not arrive"
NOT_KEPT = "250 2.0.0 Taken, and not kept: it is no report of a delivery that waits"
BACK = "bounces@leads.example"


def by_mail(
    port: int, *, proof: str = "confirmed", to: str = "[sales@sunco.example]", price: str = "42.00"
) -> str:
    return f"""
  - id: sunco
    contracts:
      - id: sunco
        campaign: solar
        price: "{price}"
        deliver:
          adapter: email
          server: {{host: 127.0.0.1, port: {port}, tls: none}}
          sender: leads@leads.example
          bounces: {BACK}
          to: {to}
          proof: {proof}
"""


def report(delivery: str, action: str = "failed") -> bytes:
    return (
        "From: MAILER-DAEMON@mx.example\r\nContent-Type: multipart/report; boundary=b\r\n\r\n"
        f"--b\r\n\r\nOriginal-Envelope-Id: {delivery}\r\n\r\nAction: {action}\r\nStatus: 5.1.1\r\n--b--\r\n"
    ).encode()


@asynccontextmanager
async def sending(database: Database, **given: str) -> AsyncIterator[tuple[Post, str]]:
    """The door, and the delivery whose mail has just left."""
    async with (
        Outbox().listening() as port,
        listening(database, sources=source(), buyers=[by_mail(port, **given)]) as post,
    ):
        await post.house.one(lead(), within=1)
        ((delivery,),) = await post.house.rows("select id from delivery")
        yield post, str(delivery)


async def state(post: Post) -> tuple[str, str | None]:
    ((state, reason),) = await post.house.rows("select state, reason from delivery")
    return state, reason


async def test_a_report_is_a_no_with_its_reason(database: Database) -> None:
    async with sending(database) as (post, delivery):
        assert await state(post) == ("unclear", "awaits_confirmation")
        assert await post.send(BACK.upper(), mail=report(delivery), sender="") == NOTED
        assert await state(post) == ("rejected", "bounced_5.1.1")
        assert await post.house.value("select state from lead") == "unsold"
        assert await post.send(BACK, mail=report(delivery), sender="") == NOTED
        assert post.counted()["smtp", "", "reported"] == 2


@pytest.mark.parametrize("action", ["delayed", "delivered"])
async def test_what_is_no_failure_changes_nothing(database: Database, action: str) -> None:
    async with sending(database) as (post, delivery):
        assert await post.send(BACK, mail=report(delivery, action), sender="") == NOT_KEPT
        assert await post.send(BACK, mail=report(str(uuid4())), sender="") == NOT_KEPT
        assert await post.send(BACK, mail=b"Subject: I am away\r\n\r\nuntil Monday\r\n") == NOT_KEPT
        assert (await state(post))[0] == "unclear"


async def test_a_yes_is_not_undone_by_a_report(database: Database) -> None:
    async with sending(database, proof="taken") as (post, delivery):
        assert await post.send(BACK, mail=report(delivery), sender="") == NOT_KEPT
        assert (await state(post))[0] == "accepted"


async def test_of_a_mail_to_several_no_report_is_awaited(database: Database) -> None:
    async with sending(database, to="[a@sunco.example, b@sunco.example]") as (post, delivery):
        said = await post.send(BACK, mail=report(delivery), sender="")
        assert said.startswith("550 5.1.1 No leads are taken")
        assert (await state(post))[0] == "unclear"
