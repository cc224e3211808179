"""A file while it is fetched from elsewhere: on the disk and not in memory, and gone with whoever fetches it."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import blake2b
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryFile
from typing import IO

from app.core.errors import NotDurable
from app.ingest.pickup import beside

_OPEN_FILES = Path("/proc/self/fd")


class Catch:
    """`put` what comes, then read it from `path`. Without a name where the system allows that, so that a kill leaves
    no leads behind, and no name from elsewhere is ever one of ours."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.size = 0
        self._digest = blake2b(digest_size=16)
        self._file: IO[bytes]
        if _OPEN_FILES.is_dir():
            self._file = TemporaryFile(dir=folder)  # noqa: SIM115  # closed by `close`
            self.path = _OPEN_FILES / str(self._file.fileno())
        else:
            self._file = NamedTemporaryFile(dir=folder, suffix=".part")  # noqa: SIM115
            self.path = Path(self._file.name)

    @property
    def digest(self) -> str:
        return self._digest.hexdigest()

    async def put(self, block: bytes) -> None:
        """Raises NotDurable where there is no room."""
        try:
            await beside(self._write, block)
        except OSError as error:
            raise NotDurable(
                f"what is fetched can't be written down: {os.strerror(error.errno or 0)}"
            ) from None

    def content(self) -> bytes:
        return self.path.read_bytes()

    def close(self) -> None:
        self._file.close()

    def _write(self, block: bytes) -> None:
        self._file.write(block)
        self._file.flush()
        self._digest.update(block)
        self.size += len(block)


@asynccontextmanager
async def catching(folder: Path) -> AsyncIterator[Catch]:
    try:
        catch = await beside(Catch, folder)
    except OSError as error:
        raise NotDurable(f"{folder} can't be written to: {os.strerror(error.errno or 0)}") from None
    try:
        yield catch
    finally:
        catch.close()
