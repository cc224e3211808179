"""A house whose contracts put files of many leads on a server of the test."""

from pathlib import Path
from typing import Any

from app.distribute.wire import Wire
from app.pipeline.acknowledging import Acknowledging
from app.pipeline.bundling import Bundling
from tests.distribute.objectstore import BUCKET, KEY_ID, REGION, SECRET
from tests.ingest.channels.ftpserver import PASSWORD, USER
from tests.pipeline.house import House

WHO = f"host: 127.0.0.1, user: {USER}, password: {PASSWORD}, patience: 2s,"
FIELDS = "{Id: delivery_id, Email: email}"


def over_ftp(port: int, **told: str) -> str:
    """A buyer with one contract, `files`, which bundles."""
    return _contract(f"adapter: ftp, tls: none, port: {port}", **told)


def into_store(port: int, **told: str) -> str:
    key = f"bucket: {BUCKET}, region: {REGION}, access_key: {KEY_ID}, secret_key: {SECRET}"
    return _contract(f"adapter: s3, endpoint: 'http://127.0.0.1:{port}', {key}", who="", **told)


def over_sftp(port: int, host_key: str, **told: str) -> str:
    return _contract(f"adapter: sftp, host_key: {host_key}, port: {port}", **told)


def _contract(
    adapter: str,
    *,
    batch: str = "{every: 1h}",
    more: str = "",
    head: str = "",
    fields: str = FIELDS,
    who: str = WHO,
) -> str:
    return bundled_by(f"{{{adapter}, {who} batch: {batch}, fields: {fields} {more}}}", head=head)


def bundled_by(deliver: str, *, head: str = "") -> str:
    return f"""
  - id: files
    contracts:
      - id: files
        campaign: solar
        price: "42.00"
        retry: {{schedule: [1h], until: 90m}}
        {head}
        deliver:
          {deliver}
"""


def desk(house: House, process_id: Any = None) -> Bundling:
    return Bundling(
        house.database, house.engine.sender, house.engine.tracker, house.engine.sender._wire, house.world,
        house.metrics, process_id=process_id or house.identity, plans=lambda: house.plans,
        awake=house.upkeep.of_people_awake,
    )  # fmt: skip


async def is_due(house: House) -> None:
    """Time passes for whatever waits."""
    await house.run("update delivery set next_at = now() where state = 'waiting'")


async def ended(house: House, state: str, n: int) -> None:
    """So many deliveries are in that state, and nothing is in hand any more."""

    async def there() -> bool:
        found = await house.value("select count(*) from delivery where state = $1", state)
        return found == n and not house.engine.sender.in_hand

    await house.until(there)


def files(folder: Path) -> dict[str, list[str]]:
    """name → lines, without the one of names."""
    return {f.name: f.read_text().splitlines()[1:] for f in sorted(folder.iterdir()) if f.is_file()}


ACKNOWLEDGED = """, proof: acknowledged, acknowledge: {folder: acks, every: 10s, key: Id, status: Status,
  words: {OK: accepted, DUP: duplicate, LATER: unclear, "*": rejected}, reason: Why, reference: Ref, price: Pays%s}"""


def acknowledged(more: str = "") -> str:
    return ACKNOWLEDGED % (f", {more}" if more else "")


def reader(house: House, wire: Wire | None = None) -> Acknowledging:
    return Acknowledging(
        house.database, house.settler, wire or house.engine.sender._wire, house.world, house.metrics, plans=lambda: house.plans,
        follow=house.engine.follow,
    )  # fmt: skip


async def looks(house: House, times: int = 2) -> None:
    """As often, whatever the time."""
    for _ in range(times):
        await house.run("update acknowledging set next_at = now()")
        await reader(house).look()
