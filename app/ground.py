"""What a service or a command stands on: its database, yours or the embedded one, and the key that seals secrets."""

import base64
import time
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from app.settings import Settings
from app.store.embedded import EmbeddedPostgres, attach

if TYPE_CHECKING:
    from app.catalog.sealing import Sealer

_RESTART_PAUSE = 1.0


class Ground(Struct):
    """The database that this service stands on; `server` is ours to stop, if it is the embedded one."""

    dsn: str
    server: EmbeddedPostgres | None = None
    next_try: float = 0.0

    @property
    def told(self) -> str:
        return f"embedded PostgreSQL {self.server.version}" if self.server else "your PostgreSQL"

    def tend(self) -> None:
        """Start the embedded server again where it has ended by itself, at most once a second. Main thread only."""
        if self.server is None or self.server.alive() or time.monotonic() < self.next_try:
            return
        self.next_try = time.monotonic() + _RESTART_PAUSE
        self.server.revive()

    def close(self) -> None:
        if self.server is not None:
            self.server.stop()


def ground(settings: Settings) -> Ground:
    """The database to work with: yours by URL, else the embedded one, started here. Main thread only."""
    if settings.database_url:
        return Ground(settings.database_url)
    return Ground(*_embedded(settings.data_dir))


def _embedded(data_dir: Path) -> tuple[str, EmbeddedPostgres]:
    server = EmbeddedPostgres.start(data_dir)
    return server.dsn, server


def visit(settings: Settings) -> Ground:
    """For a command beside a running service: its database; without one, the embedded one is started."""
    if not settings.database_url:
        running = attach(settings.data_dir)
        if running is not None:
            return Ground(running)
    return ground(settings)


def sealer(settings: Settings) -> "Sealer":
    """The key that seals buyers' secrets: from the settings, else from the data directory, where it is made."""
    from app.catalog.sealing import Sealer, load_key  # with it comes CEL, which not every command needs

    given = settings.secret_key.get_secret_value()
    return Sealer(base64.b64decode(given) if given else load_key(settings.data_dir / "secret.key"))
