"""Runs the service: the embedded database, one process or several on one socket, and an orderly end."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import uvicorn

from app.api.mail import places
from app.ground import Ground, ground
from app.http_protocol import DirectProtocol
from app.main import Process
from app.running import Running, announced
from app.settings import Settings
from app.store.migrate import migrate

_RESTART_PAUSE = 1.0


def listening(settings: Settings) -> socket.socket:
    """Bound before anything is started, so that a port in use is told at once."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((settings.host, settings.port))
    sock.listen(2048)
    sock.set_inheritable(True)
    return sock


def listening_for_mail(settings: Settings) -> dict[str, socket.socket]:
    """By protocol; empty where no mail is taken."""
    asked = {"smtp": settings.smtp_listen, "lmtp": settings.lmtp_listen}
    try:
        return {door: places.bound(where) for door, where in asked.items() if where}
    except OSError as error:
        where = ", ".join(filter(None, asked.values()))
        raise places.CantListen(f"can't listen for mail on {where}: {error.strerror}") from None


def address_of(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Server(uvicorn.Server):
    """uvicorn that tells when it takes requests, and drains on the first signal."""

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        ready: Callable[[], None],
        draining: Callable[[], None],
        tend: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._ready = ready
        self._draining = draining
        self._tend = tend

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second, in the main thread."""
        self._tend()
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: object) -> None:
        """Not the parent's: it would raise the signal again at the end, and die of it before the database is stopped."""
        self._draining()
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True


def run_process(
    settings: Settings,
    dsn: str,
    sock: socket.socket,
    metrics_dir: Path,
    *,
    role: str,
    ready: Callable[[], None],
    tend: Callable[[], None] = lambda: None,
    mail: Mapping[str, socket.socket] | None = None,
) -> bool:
    """Serve in this process until a signal; whether it had started at all."""
    process = Process(settings, dsn, metrics_dir, role=role, mail=mail)
    application = process.application()
    config = uvicorn.Config(
        application, loop="uvloop", http=DirectProtocol, ws="none", lifespan="on", log_config=None, access_log=False,
        server_header=False, proxy_headers=False, timeout_graceful_shutdown=int(settings.drain_seconds) or 1, timeout_keep_alive=30,
        backlog=2048,
    )  # fmt: skip

    def draining() -> None:
        if application.intake is not None:
            application.intake.draining = True

    server = Server(config, ready=ready, draining=draining, tend=tend)
    server.run(sockets=[sock])
    return bool(server.started)


def serve(
    settings: Settings,
    *,
    role: str,
    say: Callable[[str], None],
    warn: Callable[[str], None],
    ready: Callable[[str], None],
    prepare: Callable[[Ground], None],
) -> int:
    """The whole service until a signal; gives back the exit code.

    `say` narrates, `warn` says what went wrong; `prepare` runs once the database is there, before anything is
    served; `ready` is called once, with the address.
    """
    sock = listening(settings)
    mail = listening_for_mail(settings) if role != "worker" else {}
    began = time.monotonic()
    base = ground(settings)
    try:
        migrate(base.dsn)
        took = time.monotonic() - began
        where = f" in {settings.data_dir}" if base.server else ""
        say(f"database   {base.told}{where} ({took:.1f} s)")
        for door, one in mail.items():
            say(f"{door:<9}  on {places.shown(one)}")
        if base.server is not None:
            asyncio.run(_nobody_else(base.dsn))
        prepare(base)
        with announced(settings.data_dir, _running(settings, sock, mail)), _folder() as folder:

            def tell() -> None:
                ready(address_of(sock))

            if settings.processes == 1:
                started = run_process(
                    settings, base.dsn, sock, Path(folder), role=role, ready=tell, tend=base.tend,
                    mail=mail,
                )  # fmt: skip
                return 0 if started else 1
            return Supervisor(
                settings,
                base.dsn,
                sock,
                Path(folder),
                role=role,
                ready=tell,
                warn=warn,
                tend=base.tend,
                mail=mail,
            ).run()
    finally:
        for one in mail.values():
            places.gone(one)
        sock.close()
        base.close()


def _folder() -> "tempfile.TemporaryDirectory[str]":
    """Where the processes share what they have counted."""
    return tempfile.TemporaryDirectory(prefix="leadgate-metrics-")


def _running(settings: Settings, sock: socket.socket, mail: Mapping[str, socket.socket]) -> Running:
    address = address_of(sock).replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
    doors = {door: places.shown(one) for door, one in mail.items()}
    return Running(
        os.getpid(), address, settings.dangerously_allow_private_addresses, doors, settings.public_url
    )


async def _nobody_else(dsn: str) -> None:
    """The embedded database is ours alone: whoever held work in it is dead, so it is free at once."""
    from app.store import processes
    from app.store.database import Database

    database = await Database.open(dsn, size=1)
    async with database.acquire() as conn:
        await processes.bury_all(conn)
    await database.close()


class Supervisor:
    """Keeps N processes on one socket. A child that dies is replaced; it ends when its standard input does,
    so that none outlives this process, however it ends."""

    def __init__(
        self, settings: Settings, dsn: str, sock: socket.socket, folder: Path, *, role: str,
        ready: Callable[[], None], warn: Callable[[str], None], tend: Callable[[], None],
        mail: Mapping[str, socket.socket],
    ) -> None:  # fmt: skip
        self._mail = mail
        self._settings, self._dsn, self._sock, self._folder = settings, dsn, sock, folder
        self._role, self._ready, self._warn, self._tend = role, ready, warn, tend
        self._children: list[subprocess.Popen[bytes]] = []
        self._stopping = False
        self._told = 0

    def run(self) -> int:
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        self._children = [self._spawn() for _ in range(self._settings.processes)]
        while not self._stopping:
            time.sleep(0.1)
            self._tend()
            self._replace_dead()
        for child in self._children:
            child.send_signal(signal.SIGTERM)
        for child in self._children:
            self._wait(child)
        return 0 if self._told >= self._settings.processes else 1

    def _stop(self, *_: object) -> None:
        self._stopping = True

    def _spawn(self) -> subprocess.Popen[bytes]:
        environment = child_environment(self._settings, self._dsn, self._sock, self._folder, self._role)
        environment["LEADGATE_CHILD_MAIL"] = " ".join(
            f"{door}={s.fileno()}" for door, s in self._mail.items()
        )
        child = subprocess.Popen(
            [sys.executable, "-m", "app.worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            pass_fds=(self._sock.fileno(), *(s.fileno() for s in self._mail.values())), env=environment, start_new_session=True,
        )  # fmt: skip
        threading.Thread(target=self._listen, args=(child,), daemon=True).start()
        return child

    def _listen(self, child: subprocess.Popen[bytes]) -> None:
        assert child.stdout is not None
        if child.stdout.readline().strip() == b"ready":
            self._told += 1
            if self._told == self._settings.processes:
                self._ready()

    def _replace_dead(self) -> None:
        for place, child in enumerate(self._children):
            if child.poll() is None:
                continue
            if self._told == 0:
                self._warn(f"process {child.pid} could not start (see above); giving up")
                self._stopping = True
                return
            self._warn(f"process {child.pid} ended with {child.returncode}; another takes its place")
            time.sleep(_RESTART_PAUSE)
            if not self._stopping:
                self._children[place] = self._spawn()

    def _wait(self, child: subprocess.Popen[bytes]) -> None:
        try:
            child.wait(2 * self._settings.drain_seconds + 10)  # requests in hand, then what they began
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def child_environment(
    settings: Settings, dsn: str, sock: socket.socket, folder: Path, role: str
) -> dict[str, str]:
    """Settings travel to children as the variables they came from."""
    environment = dict(os.environ)
    for name, value in settings.model_dump(exclude={"secret_key"}).items():
        environment[f"LEADGATE_{name.upper()}"] = str(value)
    secret = settings.secret_key.get_secret_value()
    if secret:
        environment["LEADGATE_SECRET_KEY"] = secret
    environment["LEADGATE_DATABASE_URL"] = dsn
    environment["LEADGATE_CHILD_SOCKET"] = str(sock.fileno())
    environment["LEADGATE_CHILD_METRICS"] = str(folder)
    environment["LEADGATE_CHILD_ROLE"] = role
    return environment
