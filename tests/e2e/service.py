"""The real `leadgate serve`, started as an operator starts it, so that tests can do to it what operations do."""

import asyncio
import ctypes
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from app.catalog.problems import CatalogueErrors, render
from app.catalog.sealing import Sealer
from app.catalog.service import Configuration
from app.components import discover
from app.core.world import World
from app.ground import sealer
from app.settings import Settings
from app.store.catalogue import CatalogueStore
from app.store.database import Database
from app.store.embedded import EmbeddedPostgres, attach
from app.store.keys import KeyKind, KeyStore
from app.store.migrate import migrate

_READY = "leadgate ready on "
_PR_SET_PDEATHSIG = 1
_ALWAYS = {
    "LEADGATE_DANGEROUSLY_ALLOW_PRIVATE_ADDRESSES": "true",
    "LEADGATE_DRAIN_SECONDS": "10",
    "LEADGATE_LOG_LEVEL": "warning",
}
_HASTY = {"LEADGATE_LEASE_SECONDS": "2", "LEADGATE_WIRE_SECONDS": "1"}


class Service:
    """`configure` first, then `start`; whatever is still running ends with the test process.

    `hasty`, for tests in which somebody dies: his work is others' after two seconds. So is that of whoever a busy
    machine holds up for as long, and what he spoke of is unclear: then the buyers of the test are `idempotent`.
    """

    def __init__(
        self,
        folder: Path,
        *,
        database_url: str = "",
        processes: int = 1,
        hasty: bool = False,
        **settings: str,
    ) -> None:
        self.folder = folder
        self.url = ""
        self._database_url = database_url
        self._settings = {
            **_ALWAYS,
            **(_HASTY if hasty else {}),
            "LEADGATE_DATA_DIR": str(folder),
            "LEADGATE_DATABASE_URL": database_url,
            "LEADGATE_PROCESSES": str(processes),
            **{f"LEADGATE_{name.upper()}": value for name, value in settings.items()},
        }
        self._process: subprocess.Popen[str] | None = None

    # its configuration ------------------------------------------------------------------------------

    async def configure(self, yaml: str) -> None:
        """Write the catalogue; beside a running service as `leadgate apply` does. Main thread only."""
        with self._database_running() as dsn:
            await asyncio.to_thread(migrate, dsn)
            await self._apply(dsn, yaml)

    async def _apply(self, dsn: str, yaml: str) -> None:
        database = await Database.open(dsn, size=1)
        configuration = Configuration(CatalogueStore(database), discover(), self._sealer())
        try:
            await configuration.apply([("test.yaml", yaml)], by="test")
        except CatalogueErrors as wrong:
            raise AssertionError(render(wrong.problems)) from None
        finally:
            await database.close()

    async def key(self, kind: KeyKind, owner: str) -> str:
        """A new key. Every process knows it from its start; one that runs already, a moment later."""
        with self._database_running() as dsn:
            database = await Database.open(dsn, size=1)
            try:
                return (await KeyStore(database, World()).issue(kind, owner))[0]
            finally:
                await database.close()

    async def revoke(self, key: str) -> None:
        database = await Database.open(self.dsn, size=1)
        try:
            assert len(await KeyStore(database, World()).revoke(key[-4:])) == 1
        finally:
            await database.close()

    @contextmanager
    def _database_running(self) -> Iterator[str]:
        if self._running_dsn():
            yield self.dsn
        else:
            with EmbeddedPostgres.start(self.folder) as server:
                yield server.dsn

    def _sealer(self) -> Sealer:
        return sealer(Settings(data_dir=self.folder))

    def _running_dsn(self) -> str:
        return self._database_url or attach(self.folder) or ""

    @property
    def dsn(self) -> str:
        found = self._running_dsn()
        assert found, "no database is running"
        return found

    @property
    def environment(self) -> dict[str, str]:
        """For commands beside it."""
        ours = {k: v for k, v in os.environ.items() if not k.startswith("LEADGATE_")}
        return ours | self._settings

    # its life ---------------------------------------------------------------------------------------

    async def start(self, *, within: float = 120) -> None:
        """Returns when it takes leads. Main thread only, since it ends with the thread that starts it."""
        self._log = (self.folder / "service.log").open("ab")
        prctl = ctypes.CDLL(None).prctl
        self._process = subprocess.Popen(
            [str(Path(sys.executable).with_name("leadgate")), "serve", "--port", "0"],
            env=self.environment, stdout=subprocess.PIPE, stderr=self._log, text=True, cwd="/",
            preexec_fn=lambda: prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM)),
        )  # fmt: skip
        self._log.close()
        self.url = await asyncio.to_thread(self._await_ready, within)

    def _await_ready(self, within: float) -> str:
        assert self._process is not None
        assert self._process.stdout is not None
        while select.select([self._process.stdout], [], [], within)[0]:
            line = self._process.stdout.readline()
            if line.startswith(_READY):
                return line.removeprefix(_READY).strip()
            if not line:
                break
        raise AssertionError(f"it did not become ready: {self.log()[-2000:]}")

    def log(self) -> str:
        return (self.folder / "service.log").read_text()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def children(self) -> list[psutil.Process]:
        """The processes that serve, when there are several."""
        found = []
        for child in psutil.Process(self.pid).children():
            with suppress(psutil.NoSuchProcess):  # a zombie is none either: it was killed just now
                if "app.worker" in child.cmdline():
                    found.append(child)
        return found

    def family(self) -> list[psutil.Process]:
        """It and everything it has started, the embedded database too."""
        me = psutil.Process(self.pid)
        return [me, *me.children(recursive=True)]

    def kill(self) -> None:
        """As the kernel does when memory is short: no goodbye."""
        os.kill(self.pid, signal.SIGKILL)
        assert self._process is not None
        self._process.wait()
        self._closed_pipe()

    def terminate(self) -> None:
        os.kill(self.pid, signal.SIGTERM)

    async def ended(self, within: float = 60) -> int:
        assert self._process is not None
        code = await asyncio.to_thread(self._process.wait, within)
        self._closed_pipe()
        return code

    def _closed_pipe(self) -> None:
        if self._process is not None and self._process.stdout is not None:
            self._process.stdout.close()

    async def stop(self) -> int:
        """Drain and end; the exit code."""
        self.terminate()
        return await self.ended()

    async def close(self) -> None:
        """For the end of a test, in whatever state it left the service."""
        if self._process is None or self._process.poll() is not None:
            return
        try:
            await self.stop()
        except subprocess.TimeoutExpired:
            for process in self.family():
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            await self.ended()
