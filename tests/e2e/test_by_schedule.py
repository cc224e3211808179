"""What the clock and the calendar decide, in the real service: files at their time, buyers on holiday, people who are not there."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.distribute.objectstore import BUCKET, KEY_ID, REGION, SECRET, object_store
from tests.e2e.books import Books, until
from tests.e2e.catalogues import catalogue, contract, source
from tests.e2e.conftest import Make
from tests.e2e.counting import CountingBuyer
from tests.e2e.service import Service
from tests.e2e.source import Answer, Source, lead
from tests.ingest.channels.sftpserver import PASSWORD, USER, Sftp, sftp_server

pytestmark = pytest.mark.e2e

ZONE = ZoneInfo("Asia/Kathmandu")  # neither whole hours from UTC, nor the same day


def of_bill(bill: int, *numbers: int) -> list[dict[str, str]]:
    return [{**lead(n), "bill": str(bill)} for n in numbers]


async def posted(acme: Source, leads: Sequence[dict[str, str]]) -> list[Answer]:
    return list(await asyncio.gather(*map(acme.post, leads)))


def into_sftp(server: Sftp, batch: str) -> str:
    return f"""
          adapter: sftp
          host: 127.0.0.1
          port: {server.port}
          host_key: {server.host_key}
          user: {USER}
          password: {PASSWORD}
          batch: {batch}
          file: "{{{{ day }}}}-{{{{ bundle }}}}.csv"
          fields: {{e: email}}"""


def into_store(port: int, batch: str) -> str:
    return f"""
          adapter: s3
          endpoint: "http://127.0.0.1:{port}"
          bucket: {BUCKET}
          region: {REGION}
          access_key: {KEY_ID}
          secret_key: {SECRET}
          batch: {batch}
          body: ndjson
          fields: {{e: email}}"""


def by_file(id_: str, deliver: str, *, bill: int) -> str:
    return f"""
  - id: {id_}
    contracts:
      - id: {id_}
        campaign: solar
        price: "42.00"
        when: lead.bill == {bill}.0
        deliver:{deliver}
"""


async def test_files_leave_after_a_while_and_at_a_time_of_the_day_of_their_zone(
    services: Make, database_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "sftp"
    folder.mkdir()
    at = datetime.now(ZONE).replace(second=0, microsecond=0) + timedelta(hours=2)
    async with sftp_server(folder) as ssh, object_store() as store:
        service = services(database_url=database_url)
        daily = into_sftp(ssh, f'{{at: ["{at:%H:%M}"], zone: {ZONE.key}}}')
        hourly = into_store(store.port, "{every: 1s}")
        await service.configure(
            catalogue(source(), by_file("daily", daily, bill=1), by_file("often", hourly, bill=2))
        )
        key = await service.key("source", "acme")
        await service.start()
        async with Source(service.url, key) as acme, Books(database_url) as books:
            waiting = await posted(acme, of_bill(1, 1, 2, 3))
            soon = await posted(acme, of_bill(2, 4, 5, 6))
            assert {one.outcome for one in (*waiting, *soon)} == {"pending"}

            async def often_is_sold() -> bool:
                return set((await books.states(one.lead for one in soon)).values()) == {"sold"}

            await until(often_is_sold)
            due = await books.conn.fetch("select next_at from delivery where contract = 'daily'")
            assert [round((row[0] - at.astimezone(UTC)) / timedelta(minutes=1)) for row in due] == [0, 0, 0]
            assert list(folder.iterdir()) == []
            await books.conn.execute("update delivery set next_at = now() where contract = 'daily'")
            await books.settled()
            states = await books.states(one.lead for one in waiting)
            (bundle,) = await books.conn.fetch("select id from bundle where contract = 'daily'")
            today = datetime.now(ZONE).date()
        assert await service.stop() == 0
    lines = [json.loads(line)["e"] for body in store.objects.values() for line in body.splitlines()]
    assert sorted(lines) == ["ann4@example.com", "ann5@example.com", "ann6@example.com"]
    assert set(states.values()) == {"sold"}
    (file,) = folder.iterdir()
    assert file.name in {f"{today - timedelta(days=n)}-{bundle['id']}.csv" for n in (0, 1)}
    assert sorted(file.read_bytes().split()) == [
        b"ann1@example.com",
        b"ann2@example.com",
        b"ann3@example.com",
        b"e",
    ]


# who is closed today ------------------------------------------------------------------------------------


def days_about() -> list[str]:
    """Today, whatever the hour and wherever."""
    today = datetime.now(UTC).date()
    return [str(today + timedelta(days=n)) for n in (-1, 0, 1)]


def always(**more: str) -> str:
    """Hours round the clock, but for `more`."""
    but = "".join(f", {key}: {value}" for key, value in more.items())
    return f'hours: {{zone: Pacific/Auckland, open: {{mon-sun: "00:00-24:00"}}{but}}}'


def closed(buyer: CountingBuyer, *, back: str = "") -> str:
    """Three who would pay more are closed today, each for a reason of its own; `back` is not, by now."""
    first, *_, last = days_about()
    kept = ", ".join(f"{day}: Our day" for day in days_about())
    why = {
        "on-holiday": always(holidays=f"{{country: NZ, add: {{{kept}}}}}"),
        "away": always(away=f"[{{from: {first}, to: {last}}}]"),
        "short-day": always(special=f"{{{', '.join(f'{day}: []' for day in days_about())}}}"),
        "open": always(),
    }
    prices = {"on-holiday": "70.00", "away": "60.00", "short-day": "50.00", "open": "40.00"}
    parts = (
        contract(id_, buyer.url(id_), price=prices[id_], more=always() if id_ == back else hours)
        for id_, hours in why.items()
    )
    return catalogue(source(), *parts)


def explained(service: Service, file: Path) -> Any:
    """What `leadgate route --explain` says of a lead, beside the service."""
    program = str(Path(sys.executable).with_name("leadgate"))
    words = ["route", "--lead", str(file), "--source", "acme", "--explain", "--json"]
    done = subprocess.run(
        [program, *words], env=service.environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


async def test_holidays_absence_and_special_days_close_a_buyer_today_and_no_longer_than_they_say(
    services: Make, buyer: CountingBuyer, database_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "lead.json"
    file.write_text(json.dumps(lead("asked")))
    service = services(database_url=database_url)
    await service.configure(closed(buyer))
    key = await service.key("source", "acme")
    await service.start()
    async with Source(service.url, key) as acme:
        assert [one.outcome for one in await posted(acme, of_bill(120, 1, 2))] == ["success"] * 2
        assert {one.delivery.contract for one in buyer.answered} == {"open"}
        told = await asyncio.to_thread(explained, service, file)
        numbers = iter(range(3, 1_000))
        for id_ in ("on-holiday", "away", "short-day"):
            await service.configure(closed(buyer, back=id_))

            async def has_its_lead(id_: str = id_) -> bool:
                await acme.post(lead(next(numbers)))
                return bool(buyer.accepted(id_))

            await until(has_its_lead)
    assert await service.stop() == 0
    assert {one["contract"]: one["cause"] for one in told["left_out"]} == dict.fromkeys(
        ("on-holiday", "away", "short-day"), "hours"
    )


# pushed to people, and pulled by others -----------------------------------------------------------------


def pulling(hook: str, files: str, *, closed: bool = False) -> str:
    """Dana is away and kim is there; once `closed`, lee is away too, and mo is new."""
    first, *_, last = days_about()
    gone = f"away: [{{from: {first}, to: {last}}}]"
    more = "\n      - {id: mo}" if closed else ""
    pushed = 'price: "0"\n        when: lead.bill == {}.0\n        pull_after: {{to: inside-pool, {}}}'.format
    return catalogue(
        source(),
        f"""
  - id: inside
    people:
      - {{id: dana, team: west, {gone}}}
      - {{id: lee, team: north{f", {gone}" if closed else ""}}}
      - {{id: kim, team: east}}{more}
    contracts:
      - id: to-dana
        campaign: solar
        {pushed(1, "person: dana, closed: true")}
        deliver: {hook}
      - id: to-kim
        campaign: solar
        {pushed(2, "person: kim, closed: true, no_action: 1s")}
        deliver: {hook}
      - id: to-lee
        campaign: solar
        {pushed(3, "team: north, closed: true")}
        deliver:{files}
      - id: inside-pool
        campaign: solar
        when: lead.bill == 0.0
        deliver: {{adapter: internal, hold: 1h}}
""",
    )


class Puller(Source):
    """Somebody at the pool, by a key of the buyer."""

    async def ask(self, word: str, **said: str) -> Answer:
        given = {key.rstrip("_"): value for key, value in said.items()}
        return await self.send(
            "POST", f"/v1/pool/{word}", json.dumps(given).encode(), {"Content-Type": "application/json"}
        )


async def test_a_push_that_reaches_nobody_or_moves_nobody_is_pulled_by_others(
    services: Make, buyer: CountingBuyer, database_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "sftp"
    folder.mkdir()
    url = buyer.url("pushed")
    hook = f'{{adapter: webhook, url: "{url}", body: json, fields: {{email: email}}, accepted: reply.status == 200}}'
    async with sftp_server(folder) as ssh:
        files = into_sftp(ssh, "{every: 1h}")
        service = services(database_url=database_url)
        await service.configure(pulling(hook, files))
        theirs, key = await service.key("source", "acme"), await service.key("buyer", "inside")
        await service.start()
        async with (
            Source(service.url, theirs) as acme, Puller(service.url, key) as pool, Books(database_url) as books,
        ):  # fmt: skip

            async def lies_in_the_pool(*answers: Answer) -> None:
                async def all_there() -> bool:
                    return set((await books.states(one.lead for one in answers)).values()) == {"pooled"}

                await until(all_there)

            # Its person is away: nothing is sent, and whoever is there has it.
            (away,) = await posted(acme, of_bill(1, 1))
            assert (away.outcome, away.document["state"]) == ("pending", "pooled")
            assert buyer.answered == []
            claimed = await pool.ask("claim", as_="kim")
            assert (claimed.status, claimed.document["lead"]) == (200, away.lead)
            assert claimed.document["fields"]["email"] == "ann1@example.com"
            closing = {"lead": away.lead, "disposition": "accepted"}
            assert (await pool.ask("close", as_="kim", **closing)).document["state"] == "sold"

            # Its person is there, has it, and says nothing of it: it is others', and not its own again.
            (idle,) = await posted(acme, of_bill(2, 2))
            assert idle.outcome == "success"
            assert {one.delivery.email for one in buyer.answered} == {"ann2@example.com"}
            await lies_in_the_pool(idle)
            assert (await pool.ask("claim", as_="kim")).document["code"] == "pool_empty"
            assert (await pool.ask("claim", as_="lee")).document["lead"] == idle.lead

            # Its team goes home before the file leaves.
            both = await posted(acme, of_bill(3, 3, 4))
            await service.configure(pulling(hook, files, closed=True))

            async def is_known() -> bool:
                return (await pool.get("/v1/pool?as=mo")).status == 200

            await until(is_known)
            await books.conn.execute("update delivery set next_at = now() where state = 'waiting'")
            await lies_in_the_pool(*both)
            taken = [await pool.ask("claim", as_="kim") for _ in both]
            assert {one.document["lead"] for one in taken} == {one.lead for one in both}
            assert await books.one("select count(*) from bundle") == 0
        assert await service.stop() == 0
    assert list(folder.iterdir()) == []
    assert len(buyer.answered) == 1
    assert "example.com" not in service.log()
