"""A person confirms a delivery by the link in its mail: by pressing, never by looking, and no other delivery."""

from collections.abc import AsyncIterator
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path

import pytest
from msgspec import Struct

from app.core.world import uuid7
from app.pipeline.confirm_link import PURPOSE, links
from app.pipeline.spec_link import query_of
from tests.api.conftest import Api, serving
from tests.mail_server import Outbox
from tests.pipeline.house import catalogue, lead, source

BY_MAIL = """
  - id: sunco
    contracts:
      - id: sunco
        campaign: solar
        price: "42.00"
        deliver:
          adapter: email
          server: {host: 127.0.0.1, port: %d, tls: none}
          sender: leads@us.example
          to: [sales@sunco.example]
          text: "Have it? {{ confirm_url }}"
          proof: confirmed
"""


class Mailed(Struct):
    """A lead that has left by mail, and the path of the link in that mail."""

    api: Api
    path: str

    async def state(self) -> str:
        return str(await self.api.value("select state from delivery"))


@pytest.fixture
async def mailed(database_url: str, tmp_path: Path) -> AsyncIterator[Mailed]:
    outbox = Outbox()
    async with outbox.listening() as port:
        yaml = catalogue(source().replace("deadline: 20s", "deadline: 1s"), BY_MAIL % port)
        async with serving(database_url, tmp_path, yaml, public_url="https://leads.test/") as api:
            await api.post(lead())
            (mail,) = outbox.got
            assert isinstance(mail.content, bytes)
            body = message_from_bytes(mail.content).get_payload(decode=True)
            assert isinstance(body, bytes)
            before, _, url = body.decode().strip().partition("https://leads.test")
            assert before == "Have it? "
            yield Mailed(api, url)


async def test_looking_confirms_nothing_and_pressing_does(mailed: Mailed) -> None:
    for look in (mailed.api.http.get, mailed.api.http.head):
        await look(mailed.path)
        assert await mailed.state() == "unclear"
    page = await mailed.api.http.get(mailed.path)
    assert (page.status_code, page.headers["content-type"].split(";")[0]) == (200, "text/html")
    assert '<form method="post"><button>' in page.text
    assert "ann" not in page.text.lower()
    assert page.headers["cache-control"] == "no-store"
    for _ in range(2):
        pressed = await mailed.api.http.post(mailed.path)
        assert (pressed.status_code, "The lead is confirmed" in pressed.text) == (200, True)
        assert await mailed.state() == "accepted"
    assert await mailed.api.value("select state from lead") == "sold"


async def test_what_has_ended_otherwise_is_not_undone(mailed: Mailed) -> None:
    key = await mailed.api.key("buyer", "sunco")
    delivery = await mailed.api.value("select id from delivery")
    said = await mailed.api.http.post(
        f"/v1/deliveries/{delivery}/confirm", json={"outcome": "rejected"}, headers={"x-api-key": key}
    )
    assert said.status_code == 200
    pressed = await mailed.api.http.post(mailed.path)
    assert (pressed.status_code, "ended otherwise" in pressed.text) == (409, True)
    assert await mailed.state() == "rejected"


@pytest.mark.parametrize("change", [("sig=", "sig=x"), ("expires=", "expires=9"), ("?", "?x=")])
async def test_a_link_that_was_touched_opens_nothing(mailed: Mailed, change: tuple[str, str]) -> None:
    for ask in (mailed.api.http.get, mailed.api.http.post):
        answer = await ask(mailed.path.replace(*change))
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert await mailed.state() == "unclear"


async def test_a_link_is_for_its_delivery_and_its_purpose_and_ends(mailed: Mailed) -> None:
    api, world = mailed.api, mailed.api.process.world
    delivery = str(await api.value("select id from delivery"))
    derived, later = api.process.sealer.derived, world.now() + timedelta(days=1)
    other = mailed.path.replace(delivery, str(world.new_id()))
    spec = f"/c/{delivery}?{query_of(derived('spec link'), delivery, later)}"
    past = f"/c/{delivery}?{query_of(derived(PURPOSE), delivery, world.now() - timedelta(seconds=1))}"
    gone = f"/c/{world.new_id()}"
    for path, code in (
        (other, "not_found"),
        (spec, "not_found"),
        (past, "link_expired"),
        (gone, "not_found"),
    ):
        answer = await api.http.post(path)
        assert (answer.status_code, answer.json()["code"]) == (404, code)
    assert await mailed.state() == "unclear"


def test_without_an_address_of_ours_there_is_no_link() -> None:
    assert links(b"k" * 32, "")(uuid7()) == ""
