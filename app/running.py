"""What a running service leaves in its data directory, so that commands beside it know it without being told."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
from msgspec import Struct

_FILE = "service.json"


class Running(Struct, frozen=True):
    """`address` is one that this machine can ask; `private` whether it delivers to private addresses; `mail`
    where mail is listened for, by protocol; `public_url` how the world reaches it, where that is said."""

    pid: int
    address: str
    private: bool
    mail: Mapping[str, str] = {}
    public_url: str = ""


@contextmanager
def announced(data_dir: Path, service: Running) -> Iterator[None]:
    """For as long as it runs. Where several share a directory (a database by URL), the last one stands there."""
    file = data_dir / _FILE
    fresh = file.with_suffix(f".{service.pid}")
    with suppress(OSError):  # a directory that can't be written to costs comfort, not the service
        data_dir.mkdir(parents=True, exist_ok=True)
        fresh.write_bytes(msgspec.json.encode(service))
        fresh.replace(file)
    try:
        yield
    finally:
        if running(data_dir) == service:
            file.unlink(missing_ok=True)


def running(data_dir: Path) -> Running | None:
    """The service of this directory, if its process lives; kill -9 leaves the file and nobody to believe it."""
    try:
        service = msgspec.json.decode((data_dir / _FILE).read_bytes(), type=Running)
        os.kill(service.pid, 0)
    except (OSError, msgspec.MsgspecError):
        return None
    return service
