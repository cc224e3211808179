"""What a channel finds goes in here: the same durable way as through every other door, once for each identity."""

import asyncio
from collections.abc import Awaitable, Mapping
from hashlib import blake2b
from pathlib import Path
from tempfile import gettempdir
from typing import Any, Protocol
from urllib.parse import urlsplit

import orjson

from app.core.errors import NotDurable, NotFound, Refused, TooLarge, TooMany, UnknownType
from app.core.world import World
from app.distribute.adapter import Call
from app.distribute.faults import WireFault
from app.distribute.wire import Wire
from app.ingest.channel import Fetched, Trouble
from app.ingest.named import type_of
from app.ingest.reading import Reader
from app.model import Record, Submission
from app.pipeline.engine import Engine
from app.pipeline.plans import SourcePlan
from app.pipeline.work import Work
from app.store import channels as rows
from app.store.channels import Turn
from app.store.database import Database
from app.store.intake import KEPT_OF_A_REFUSED_BODY, Arrival, Refusal

KEY_DAYS = 400.0
"""How long an identity is remembered: a feed may show its items, and a server its files, for a year."""
LARGEST = 10_000_000
_QUICKLY_READ = 200_000  # bytes; what takes longer is read beside the leads in flight
_LARGEST_STATE = 262_144
_FAULTS: Mapping[str, str] = {
    "bad_call": "its URL can't be asked",
    "address_refused": "its address is one that is never dialled",
    "name_unknown": "its name has no address",
    "connect_failed": "it can't be connected to",
    "connect_timed_out": "it can't be connected to in time",
    "tls_failed": "its certificate or handshake failed",
    "timed_out": "it did not answer in time",
    "broken": "it broke the connection off",
    "too_large": "it sends more than is read",
    "not_http": "it speaks no HTTP",
    "undecodable": "it sends an encoding that can't be read",
}


class LostTurn(Exception):
    """Somebody else visits this channel now: this process was taken for dead."""


class Imported(Protocol):
    """Rows of a file: those that are durable, those that could not be read."""

    @property
    def kept(self) -> int: ...

    @property
    def refused(self) -> int: ...


class Import(Protocol):
    """The batch import of one file, as `Batches.import_file` does it."""

    def __call__(
        self, source_id: str, path: Path, name: str, content_type: str, *, identity: str
    ) -> Awaitable[Imported]: ...


class ChannelDoor:
    """The Door of one visit; it counts what came."""

    def __init__(
        self,
        turn: Turn,
        channel: str,
        *,
        database: Database,
        engine: Engine,
        reader: Reader,
        wire: Wire,
        world: World,
        import_file: Import,
        spool: Path | None = None,
    ) -> None:
        """`spool` None: the system's own folder for what is temporary."""
        self.state: Mapping[str, Any] = turn.state
        self.spool = spool or Path(gettempdir())
        self.kept = self.known_again = self.refused = 0
        self._turn = turn
        self._channel = channel
        self._database = database
        self._engine = engine
        self._reader = reader
        self._wire = wire
        self._world = world
        self._import = import_file

    async def keep(self, body: bytes, content_type: str, *, identity: str, name: str = "") -> bool:
        plan = self._source()
        try:
            content_type, records = await self._read(body, content_type or type_of(name))
        except Refused as refused:
            await self._note(refused, body, content_type, identity)
            raise
        submission = self._submission(body, content_type, plan)
        leased = not self._engine.crowded
        began = self._world.monotonic()
        kept = await self._engine.keep(
            Arrival(submission=submission, key=self._key(identity), key_days=KEY_DAYS, leased=leased)
        )
        first = kept.first is None
        self._count(first)
        if first and leased:
            steps = {"durable": (self._world.monotonic() - began) * 1000}
            self._engine.later([Work(submission, records, "receipt", began, steps)])
        return first

    async def keep_file(self, file: Path, *, identity: str, name: str) -> int:
        self._source()
        told = self._key(identity).hex()
        try:
            imported = await self._import(self._turn.source, file, name, type_of(name), identity=told)
        except (TooMany, NotFound) as error:  # no fault of the file's: it stays where it is
            raise NotDurable(error.detail) from None
        except NotDurable:
            raise
        except Refused as refused:
            head = await asyncio.to_thread(_head, file)
            await self._note(refused, head, type_of(name), identity)
            raise
        self.kept += imported.kept
        self.refused += imported.refused
        return imported.refused

    async def refuse(self, refused: Refused, *, identity: str, name: str = "") -> None:
        await self._note(refused, b"", type_of(name), identity)

    async def known(self, identities: list[str]) -> set[str]:
        if not identities:
            return set()
        keys = {self._key(identity): identity for identity in identities}
        async with self._database.acquire() as conn:
            return {keys[key] for key in await rows.known(conn, self._turn.source, list(keys))}

    async def remember(self, state: Mapping[str, Any]) -> None:
        if len(orjson.dumps(dict(state))) > _LARGEST_STATE:
            raise ValueError("a channel's state is to be small")
        async with self._database.acquire() as conn:
            if not await rows.remember(conn, self._turn, state):
                raise LostTurn
        self.state = dict(state)

    async def fetch(self, url: str, headers: Mapping[str, str]) -> Fetched:
        asked = {"accept-encoding": "gzip", **{name.lower(): value for name, value in headers.items()}}
        try:
            reply = await self._wire.ask(Call(method="GET", url=url, headers=asked, hands_over=False))
        except WireFault as fault:
            raise Trouble(f"{host_of(url)}: {_FAULTS.get(fault.code, fault.code)}") from None
        return Fetched(status=reply.status, headers=reply.headers, body=reply.body)

    async def reach(self, host: str, port: int) -> str:
        try:
            return await self._wire.reach(host, port)
        except WireFault as fault:
            raise Trouble(f"{host}: {_FAULTS.get(fault.code, fault.code)}") from None

    # inside -----------------------------------------------------------------------------------------

    def _source(self) -> SourcePlan:
        """A source that was paused meanwhile leaves everything where it is."""
        plan = self._engine.plans().source(self._turn.source)
        if plan is None or plan.paused:
            raise NotDurable(f"source {self._turn.source} is not taken from now")
        return plan

    async def _read(self, body: bytes, content_type: str) -> tuple[str, list[Record]]:
        """The type under which it is kept, for whoever reads it again, and what it says."""
        if len(body) > LARGEST:
            raise TooLarge(f"it has more than {LARGEST:,} bytes")
        try:
            found = self._reader.format_of(content_type, body)
        except UnknownType:
            found = self._reader.format_of(content_type, body, sniff_untyped=True)
            content_type = found.content_types[0]
        if len(body) <= _QUICKLY_READ:
            return content_type, found.read(body, content_type)
        return content_type, await asyncio.to_thread(found.read, body, content_type)

    def _submission(self, body: bytes, content_type: str, plan: SourcePlan) -> Submission:
        return Submission(
            id=self._world.new_id(),
            source=plan.id,
            received_at=self._world.now(),
            content_type=content_type,
            body=body,
            test=plan.test,
            remote=self._channel,
        )

    async def _note(self, refused: Refused, body: bytes, content_type: str, identity: str) -> None:
        """Once: what can't be read today can't be read at the next visit either."""
        self.refused += 1
        refusal = Refusal.of(
            refused, id=self._world.new_id(), source=self._turn.source, at=self._world.now(),
            content_type=content_type, body=body,
        )  # fmt: skip
        async with self._database.acquire() as conn:
            await rows.refuse(conn, refusal, self._key(identity, "refused "), KEY_DAYS)

    def _key(self, identity: str, kind: str = "") -> bytes:
        return blake2b(f"{kind}{self._channel} {identity}".encode(errors="replace"), digest_size=16).digest()

    def _count(self, first: bool) -> None:
        if first:
            self.kept += 1
        else:
            self.known_again += 1


def _head(file: Path) -> bytes:
    """As much as is kept of what was refused; nothing where it can't be read at all."""
    try:
        with file.open("rb") as stream:
            return stream.read(KEPT_OF_A_REFUSED_BODY)
    except OSError:
        return b""


def host_of(url: str) -> str:
    """What may be shown of an address: its path and query may be keys."""
    try:
        return urlsplit(url).hostname or "the URL"
    except ValueError:
        return "the URL"
