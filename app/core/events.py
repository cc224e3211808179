"""What happened, one JSON line a step: ids, codes and numbers, so that a lead can't be logged by accident."""

import logging
import re
import sys
import traceback
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import IO, ClassVar, NewType
from uuid import UUID

import msgspec
from msgspec import Struct

from app.core.redaction import scrub
from app.core.world import utc_now

Id = NewType("Id", str)
"""The id of a source, campaign, buyer or contract, as configured."""
Code = NewType("Code", str)
"""One of our own words: an outcome, a stage, the name of a component or of an exception's type."""
Frame = NewType("Frame", str)
"""`file:line function`: where, and never with what."""
Scrubbed = NewType("Scrubbed", str)
"""Text that others wrote, after `redaction.scrub`; only Log has any."""

ROOT = str(Path(__file__).parents[2]) + "/"
MOST_TEXT = 300


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


class Event(Struct, frozen=True, kw_only=True, tag_field="event", tag=_snake, omit_defaults=True):
    """One step. Fields are Id, Code, Frame, UUID, numbers or None, or tuples of them; a test holds that."""

    level: ClassVar[int] = logging.INFO


class Received(Event, frozen=True, kw_only=True):
    """A submission is durable."""

    level = logging.DEBUG
    submission: UUID
    source: Id
    format: Code | None = None
    leads: int
    bytes: int
    ms: float


class Refused(Event, frozen=True, kw_only=True):
    """A request was turned away by the caller's fault."""

    level = logging.WARNING
    code: Code
    status: int
    source: Id | None = None


class Decided(Event, frozen=True, kw_only=True):
    """A lead has its verdict, and where it goes."""

    level = logging.DEBUG
    lead: UUID
    source: Id
    campaign: Id
    verdict: Code
    score: int
    codes: tuple[Code, ...] = ()
    contracts: int = 0
    catalogue: int = 0
    ms: float


class Delivered(Event, frozen=True, kw_only=True):
    """One attempt ended."""

    level = logging.DEBUG
    delivery: UUID
    lead: UUID
    contract: Id
    attempt: int
    outcome: Code
    status: int | None = None
    ms: float


class Answered(Event, frozen=True, kw_only=True):
    """A source has its answer."""

    level = logging.DEBUG
    submission: UUID
    source: Id
    outcome: Code
    status: int
    lead: UUID | None = None
    ms: float


class Recovered(Event, frozen=True, kw_only=True):
    """What another process left was taken up."""

    level = logging.WARNING
    what: Code
    count: int
    ms: float = 0.0


class FetchFailed(Event, frozen=True, kw_only=True):
    """A lead that a platform named could not be fetched now; it is tried again."""

    level = logging.WARNING
    source: Id
    platform: Code
    reason: Code
    tries: int


class FetchGivenUp(FetchFailed, frozen=True, kw_only=True):
    """A lead that a platform named is not fetched any more, until the platform names it again."""

    level = logging.ERROR


class ChannelVisited(Event, frozen=True, kw_only=True):
    """One visit to a channel ended."""

    level = logging.DEBUG
    source: Id
    channel: Code
    outcome: Code
    kept: int
    known: int = 0
    refused: int = 0
    ms: float


class ChannelTroubled(Event, frozen=True, kw_only=True):
    """Visits to a channel come to nothing from now on; `leadgate doctor` says why. Told once."""

    level = logging.WARNING
    source: Id
    channel: Code


class ChannelWell(Event, frozen=True, kw_only=True):
    """The first visit that went well again."""

    level = logging.WARNING
    source: Id
    channel: Code
    failures: int


class SourceSilent(Event, frozen=True, kw_only=True):
    """A source is silent against its own habit. Told once; `expected` leads would usually have come."""

    level = logging.WARNING
    source: Id
    silent_s: int
    expected: float | None = None


class SourceSpoke(Event, frozen=True, kw_only=True):
    """A source that was silent has sent a lead again."""

    level = logging.WARNING
    source: Id
    silent_s: int


class BatchBegun(Event, frozen=True, kw_only=True):
    """A file of leads is here, whole; its rows are read from now on."""

    batch: UUID
    source: Id
    bytes: int


class BatchRead(Event, frozen=True, kw_only=True):
    """No more is read of a file: all of its rows are durable, the rest can't be read, or it was cancelled."""

    batch: UUID
    source: Id
    state: Code
    ms: float


class CallbackGivenUp(Event, frozen=True, kw_only=True):
    """A source will not hear of an outcome by itself: its address is gone, or the schedule was used up."""

    level = logging.WARNING
    callback: UUID
    lead: UUID
    source: Id
    attempts: int
    reason: Code


class SpecChanged(Event, frozen=True, kw_only=True):
    """What a source must know to post is not what it was: how many fields came, went and differ, and what else."""

    source: Id
    since: int
    version: int
    added: int
    removed: int
    changed: int
    terms: tuple[Code, ...] = ()


class NoticeGivenUp(Event, frozen=True, kw_only=True):
    """A source will not hear by itself that its posting instructions have changed."""

    level = logging.WARNING
    source: Id
    version: int
    attempts: int
    reason: Code


class CatalogueSwapped(Event, frozen=True, kw_only=True):
    """Another version of the catalogue is in use."""

    version: int
    campaigns: int
    sources: int
    contracts: int
    ms: float = 0.0


class DatabaseAway(Event, frozen=True, kw_only=True):
    """The database can't be reached; nothing is acknowledged until it is back. `cause` as `store.faults` has it."""

    level = logging.ERROR
    cause: Code


class DatabaseBack(Event, frozen=True, kw_only=True):
    level = logging.WARNING
    away_s: float


class Started(Event, frozen=True, kw_only=True):
    """The process takes work."""

    version: Code
    pid: int
    process: int = 0
    processes: int = 1
    port: int | None = None


class Draining(Event, frozen=True, kw_only=True):
    """No new requests; what is on its way is finished."""

    requests: int
    deliveries: int


class Stopped(Event, frozen=True, kw_only=True):
    ms: float
    left: int = 0


class Bug(Event, frozen=True, kw_only=True):
    """Something was raised that nobody foresaw: its type and its place, without its message or values."""

    level = logging.ERROR
    error: Code
    causes: tuple[Code, ...] = ()
    frames: tuple[Frame, ...] = ()
    where: Code | None = None


class Log(Event, frozen=True, kw_only=True):
    """A line of a library's, through the standard `logging`; the one event with text, which is scrubbed."""

    logger: Code
    text: Scrubbed
    error: Code | None = None
    frames: tuple[Frame, ...] = ()


def bug(error: BaseException, where: str | None = None) -> Bug:
    """The event of an exception that is a bug. Its message may hold a lead, so it is left out."""
    causes: list[Code] = []
    cause = error.__cause__ or error.__context__
    while cause is not None and len(causes) < 5:
        causes.append(_type_of(cause))
        cause = cause.__cause__ or cause.__context__
    return Bug(
        error=_type_of(error),
        causes=tuple(causes),
        frames=frames_of(error),
        where=None if where is None else Code(where),
    )


def _type_of(error: BaseException) -> Code:
    module = type(error).__module__
    return Code(type(error).__qualname__ if module == "builtins" else f"{module}.{type(error).__qualname__}")


def frames_of(error: BaseException) -> tuple[Frame, ...]:
    """Where it was raised, the innermost last; at most 30 frames."""
    walked = traceback.walk_tb(error.__traceback__)
    places = [(f.f_code.co_filename.removeprefix(ROOT), n, f.f_code.co_name) for f, n in walked]
    return tuple(Frame(f"{file}:{line} {name}") for file, line, name in places[-30:])


class Sink:
    """Writes events of at least `level`, each as one line in one write. It never raises."""

    def __init__(self, level: int, stream: IO[bytes], now: Callable[[], datetime]) -> None:
        self.level = level
        self._write, self._flush, self._now = stream.write, stream.flush, now
        self._encode = msgspec.json.Encoder().encode
        self._heads = {
            n: f'","level":"{logging.getLevelName(n).lower()}",'.encode() for n in range(0, 60, 10)
        }

    def emit(self, event: Event, level: int | None = None) -> None:
        rank = event.level if level is None else level
        if rank < self.level:
            return
        try:
            self._write(self._line(event, self._heads.get(rank) or self._heads[logging.ERROR]))
            self._flush()
        except (OSError, ValueError):
            pass  # a log that can't be written stops no lead

    def _line(self, event: Event, head: bytes) -> bytes:
        try:
            body = self._encode(event)
        except UnicodeEncodeError:
            body = b'{"event":"%s"}' % _snake(type(event).__name__).encode()
        if b"@" in body:  # no id or code has one: somebody's address would
            body = scrub(body.decode()).encode()
        at = self._now().isoformat(timespec="milliseconds")
        return b'{"at":"' + at.encode() + head + body[1:] + b"\n"


class Lines(logging.Handler):
    """Turns what libraries log into our lines: first line only, scrubbed; exceptions without their message."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        event = Log(
            logger=Code(record.name),
            text=Scrubbed(scrub(_first_line(record))[:MOST_TEXT]),
            error=None if error is None else _type_of(error),
            frames=() if error is None else frames_of(error),
        )
        _sink.emit(event, record.levelno // 10 * 10)


def _first_line(record: logging.LogRecord) -> str:
    try:
        text = record.getMessage()
    except (TypeError, ValueError):
        text = str(record.msg)
    return text[: MOST_TEXT * 4].partition("\n")[0]


_sink = Sink(logging.INFO, sys.stderr.buffer, utc_now)


def emit(event: Event) -> None:
    _sink.emit(event)


def detailed() -> bool:
    """Whether events of each lead are wanted (log level debug); ask before making one on the hot path."""
    return _sink.level <= logging.DEBUG


def configure(
    level: str = "info", stream: IO[bytes] | None = None, now: Callable[[], datetime] = utc_now
) -> None:
    """For the roots, once: where events go, and that all of `logging` goes there too.

    Start uvicorn with `log_config=None`; its access log would repeat addresses and is silenced.
    """
    global _sink
    rank = logging.getLevelNamesMapping()[level.upper()]
    _sink = Sink(rank, stream or sys.stderr.buffer, now)
    logging.basicConfig(handlers=[Lines()], level=max(rank, logging.INFO), force=True)
    logging.captureWarnings(True)
    for name in ("uvicorn.access", "aiohttp.access"):
        logging.getLogger(name).disabled = True
    for name in ("uvicorn", "uvicorn.error", "asyncio"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
