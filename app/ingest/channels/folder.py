"""Picks up files that others put into a folder of this machine."""

import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Any, ClassVar

from msgspec import Struct
from pydantic import AfterValidator, Field

from app.core.duration import Duration
from app.core.errors import NotDurable, Refused, TooLarge, Unreadable
from app.core.registry import Settings
from app.ingest.channel import Channel, ChannelSettings, Door, Every, Trouble, Visit, channels
from app.ingest.named import type_of
from app.ingest.pickup import (
    AT_ONCE,
    LARGEST,
    REASON,
    Below,
    Match,
    beside,
    identity_of,
    is_body,
    is_wanted,
    numbered,
    reason_of,
    rows_refused,
    settled,
    waiting,
)
from app.remote.folder import Changed

_BLOCK = 1 << 20


def _absolute(path: str) -> str:
    if not os.path.isabs(path) or "\0" in path:
        raise ValueError("is no absolute path, as /srv/leads/acme")
    return os.path.normpath(path)


class FolderSettings(ChannelSettings):
    every: Every = Field(Duration("10s"), description="How long between two looks.")
    path: Annotated[str, AfterValidator(_absolute)] = Field(description="The folder, an absolute path.")
    match: Match = ("*",)
    done: Below = "done"
    failed: Below = "failed"


class Found(Struct, frozen=True):
    """A file as one look saw it; another one as soon as its size, its time or its place on the disk is."""

    name: str
    size: int
    mtime_ns: int
    inode: int

    @property
    def mark(self) -> str:
        seen = f"{self.name} {self.size} {self.mtime_ns} {self.inode}"
        return blake2b(seen.encode(errors="replace"), digest_size=10).hexdigest()

    @property
    def shown(self) -> str:
        """A name need not be UTF-8, where it is kept it must."""
        return self.name.encode(errors="replace").decode()


@channels.register
class Folder(Channel):
    """A file is taken when two looks in a row saw it with the same size and time. What was taken in is moved to `done/`,
    what can't be read to `failed/` with a `….reason.txt` beside it. Tables (CSV, TSV, XLSX, XLS, ODS, one JSON object a
    line) of any size are imported as a batch; ADF, XML, JSON, feeds and mails of at most 10 MB are one submission.

    Each file is taken once, also when leadgate is killed in between: it is told by name, size, time and content, so
    that a file of the same name with other content is another one. Hidden files, names that end in `.part`, `.tmp` or
    `~`, folders and symbolic links are left alone. leadgate's user must be able to write in the folder.
    """

    name = "folder"
    settings: ClassVar[type[Settings]] = FolderSettings
    examples: ClassVar[tuple[Mapping[str, Any], ...]] = (
        {"path": "/srv/leads/acme"},
        {"path": "/srv/leads/portal", "match": ["*.csv", "*.adf"], "every": "1m"},
    )

    async def visit(self, settings: FolderSettings, door: Door) -> Visit:
        place = await beside(Place, settings)
        try:
            found = await beside(place.look)
            seen = set(door.state.get("seen", ()))
            ready = settled(found, seen)
            ends = [await _take(one, place, door) for one in ready]
            more = len(ready) == AT_ONCE
            await door.remember({"seen": waiting(found, ready, seen, more=more)})
        finally:
            place.close()
        return Visit(kept=ends.count("done"), refused=ends.count("failed"), more=more)


async def _take(one: Found, place: "Place", door: Door) -> str:
    """Durable first, moved second. `done`, `failed`, or `changed` where it is left for the next look."""
    try:
        digest, body = await _read(one, place, door)
        identity = identity_of(one.shown, one.size, one.mtime_ns, digest)
        said = ""
        if body is None:
            said = rows_refused(await door.keep_file(place.path(one), identity=identity, name=one.shown))
        else:
            await door.keep(body, type_of(one.name), identity=identity, name=one.shown)
    except Changed:
        return "changed"
    except NotDurable:
        raise
    except Refused as refused:
        await beside(place.move, one, place.failed, reason_of(refused))
        return "failed"
    await beside(place.move, one, place.done, said)
    return "done"


async def _read(one: Found, place: "Place", door: Door) -> tuple[str, bytes | None]:
    try:
        return await beside(place.read, one)
    except Refused as refused:
        await door.refuse(refused, identity=one.mark, name=one.shown)
        raise


class Place:
    """The folder and the two below it, held open, so that nobody who may write there can lead a move elsewhere."""

    def __init__(self, settings: FolderSettings) -> None:
        """Raises Trouble."""
        self._settings = settings
        self._open: list[int] = []
        path = settings.path
        try:
            self._folder = self._held(path)
            if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
                raise PermissionError
            self.done, self.failed = (self._below(name) for name in (settings.done, settings.failed))
        except FileNotFoundError:
            self.close()
            raise Trouble(f"there is no folder {path}") from None
        except PermissionError:
            self.close()
            raise Trouble(f"leadgate's user may not read and write in {path}") from None
        except OSError as error:
            self.close()
            raise Trouble(f"{path} can't be used: {error.strerror}") from None

    def close(self) -> None:
        for descriptor in self._open:
            os.close(descriptor)
        self._open.clear()

    def look(self) -> list[Found]:
        """What is to be taken, the oldest first."""
        found = []
        try:
            with os.scandir(self._folder) as entries:
                for entry in entries:
                    if is_wanted(entry.name, self._settings.match) and (one := _found(entry)) is not None:
                        found.append(one)
        except OSError as error:
            raise Trouble(f"{self._settings.path} can't be listed: {error.strerror}") from None
        return sorted(found, key=lambda one: (one.mtime_ns, one.name))

    def path(self, one: Found) -> Path:
        return Path(self._settings.path, one.name)

    def read(self, one: Found) -> tuple[str, bytes | None]:
        """The digest of its content, and the content where it is one body. Raises Changed, Refused."""
        whole = is_body(one.name)
        if whole and one.size > LARGEST:
            raise TooLarge(f"a file of this kind has at most {LARGEST:,} bytes")
        try:
            descriptor = os.open(one.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=self._folder)
        except FileNotFoundError:
            raise Changed from None
        except OSError as error:
            raise Unreadable(f"the file can't be opened ({error.strerror})") from None
        with os.fdopen(descriptor, "rb") as file:
            digest, chunks = blake2b(digest_size=16), []
            while block := file.read(_BLOCK):
                digest.update(block)
                if whole:
                    chunks.append(block)
            if _mark(one.name, os.fstat(descriptor)) != one.mark:
                raise Changed
        return digest.hexdigest(), b"".join(chunks) if whole else None

    def move(self, one: Found, into: int, reason: str = "") -> None:
        """Out of the way, with a reason beside it. What was put in its place meanwhile is another file."""
        try:
            if _mark(one.name, os.stat(one.name, dir_fd=self._folder, follow_symlinks=False)) != one.mark:
                return
            name = next(name for name in numbered(one.name) if not _there(name, into))
            if reason:
                self._write(name + REASON, f"{reason}\n", into)
            os.rename(one.name, name, src_dir_fd=self._folder, dst_dir_fd=into)
        except FileNotFoundError:
            return  # somebody else has taken it away
        except OSError as error:
            where = self._settings.done if into == self.done else self._settings.failed
            raise Trouble(
                f"files can't be moved from {self._settings.path} to {where}: {error.strerror}"
            ) from None

    def _write(self, name: str, text: str, into: int) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
        with os.fdopen(os.open(name, flags, 0o644, dir_fd=into), "wb") as file:
            file.write(text.encode(errors="replace"))

    def _held(self, path: str, below: int | None = None) -> int:
        link = os.O_NOFOLLOW if below is not None else 0
        self._open.append(os.open(path, os.O_RDONLY | os.O_DIRECTORY | link, dir_fd=below))
        return self._open[-1]

    def _below(self, name: str) -> int:
        with suppress(FileExistsError):
            os.mkdir(name, dir_fd=self._folder)
        return self._held(name, self._folder)


def _found(entry: os.DirEntry[str]) -> Found | None:
    """None for what is no file, or is gone by now."""
    try:
        if not entry.is_file(follow_symlinks=False):
            return None
        seen = entry.stat(follow_symlinks=False)
    except OSError:
        return None
    return Found(entry.name, seen.st_size, seen.st_mtime_ns, seen.st_ino)


def _mark(name: str, seen: os.stat_result) -> str:
    return Found(name, seen.st_size, seen.st_mtime_ns, seen.st_ino).mark if stat.S_ISREG(seen.st_mode) else ""


def _there(name: str, folder: int) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True
