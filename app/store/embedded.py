"""A PostgreSQL of our own beside the service, so that a fresh machine needs no database.

One process owns a data directory: it holds the lock, starts the server and stops it, and the server ends
when its owner does, also by kill -9. The programs come from a wheel; how they are run is ours, because the
wheels' own runners leak the server, fail after a double kill and change folders that aren't theirs.
"""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import psycopg

from app.store import server_binaries, server_folder
from app.store.server_folder import DATABASE, PORT, SOCKET, USER, CannotStart, DataDirInUse, RunAs

__all__ = ["CannotStart", "DataDirInUse", "EmbeddedPostgres", "attach"]

LOG_BYTES = 10 * 2**20
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
PR_SET_PDEATHSIG = 1

SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "128MB",
    # After a checkpoint a page goes to the log whole when it is first touched. Pages of digests don't shrink, and trying
    # costs 90 us each: with ten million keys a batch took four times as long (docs/decisions/0051).
    "wal_compression": "off",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    # A new segment is not filled with zeros first: every commit would stand still for those 40 ms.
    "wal_init_zero": "off",
    "random_page_cost": "1.1",
    "jit": "off",
    # Parallel queries need /dev/shm, which is 64 MB in a container, and take the core that leads need.
    "max_parallel_workers_per_gather": "0",
    # The queue's rows are updated many times: vacuum them when one in a hundred is dead. How rows are spread changes
    # slowly: to look at it as often cost a twelfth of a core under load, and every plan on those tables each time.
    "autovacuum_vacuum_scale_factor": "0.01",
    "autovacuum_analyze_scale_factor": "0.1",
    "autovacuum_naptime": "10s",
    # An error's text and detail hold the row's values: personal data stays out of the log. Clients still get it.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class EmbeddedPostgres:
    """One running server and the lock on its data directory, both held until `stop` or this process's end.

    Started by root, the server runs as the cluster's owner, or as `nobody`: it gets the cluster and the
    socket's folder as open descriptors, so the folders above them may stay closed to it.
    """

    dsn: str
    version: str
    socket_dir: Path
    port = PORT

    def __init__(self, data_dir: Path, *, settings: Mapping[str, str], bin_dir: Path | None) -> None:
        self.data_dir = data_dir
        self.cluster = data_dir / "pg"
        self._settings = {**SETTINGS, **settings}
        self._bin_dir = bin_dir
        self._server: subprocess.Popen[bytes] | None = None
        self._lock = -1
        self._log_at = 0
        self._run_as: RunAs | None = None

    @classmethod
    def start(
        cls, data_dir: Path, *, settings: Mapping[str, str] | None = None, bin_dir: Path | None = None
    ) -> "EmbeddedPostgres":
        """Lock the directory, make the cluster if there is none, start it, wait until it answers.

        Blocks: 0.5 s for a new directory, 0.05 s else, longer where it recovers from a crash. Main thread
        only. CannotStart or its DataDirInUse say what to do.
        """
        _refuse_where_it_cannot_be_held()
        self = cls(data_dir.absolute(), settings=settings or {}, bin_dir=bin_dir)
        try:
            self._lock = server_folder.lock(self.data_dir)
            self._prepare()
            self._launch()
            self._await_ready()
        except PermissionError as error:
            self.stop()
            raise CannotStart(
                f"{error.filename or data_dir}: no permission. The data directory must belong to the user "
                "that runs leadgate; choose another with --data-dir (LEADGATE_DATA_DIR)"
            ) from error
        except BaseException:
            self.stop()
            raise
        return self

    @property
    def pid(self) -> int:
        """The server's process; 0 before it starts."""
        return self._server.pid if self._server else 0

    def alive(self) -> bool:
        return self._server is not None and self._server.poll() is None

    def revive(self) -> None:
        """Start a server that has ended by itself; doesn't wait until it answers. Main thread only."""
        _refuse_where_it_cannot_be_held()
        if not self.alive():
            server_folder.clear_leftovers(self.cluster, self.socket_dir)
            self._launch()

    def stop(self, timeout: float = 30.0) -> None:
        """Fast shutdown: sessions are cut, all is written. Past `timeout` as a crash, which loses nothing."""
        if self._server is not None:
            for number, seconds in ((signal.SIGINT, timeout), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
                if self._server.poll() is None:
                    self._server.send_signal(number)
                    with suppress(subprocess.TimeoutExpired):
                        self._server.wait(seconds)
        if self._lock >= 0:
            server_folder.forget_socket_dir(self.data_dir)
            os.close(self._lock)
            self._lock = -1

    def __enter__(self) -> "EmbeddedPostgres":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _prepare(self) -> None:
        made = self.cluster / "PG_VERSION"
        major = int(made.read_text()) if made.exists() else None
        self._run_as = server_folder.run_as(self.cluster)
        self._bin = server_binaries.find(self._bin_dir, major=major)
        if self._run_as:
            self._bin = server_binaries.runnable_by(self._run_as, self._bin)
        for half_made in self.data_dir.glob("pg.new-*"):
            shutil.rmtree(half_made, ignore_errors=True)
        self.socket_dir = server_folder.make_socket_dir(self.data_dir)
        self._give(self.socket_dir)
        if major is None:
            self._make_cluster()
        server_folder.admit_only_us(self.cluster)
        server_folder.clear_leftovers(self.cluster, self.socket_dir)
        self.dsn = server_folder.dsn(self.socket_dir)
        log = self.data_dir / "postgres.log"
        if log.exists() and log.stat().st_size > LOG_BYTES:
            log.replace(self.data_dir / "postgres.log.1")

    def _make_cluster(self) -> None:
        """Under another name first: a killed initdb leaves a PG_VERSION too, and ours must prove the whole."""
        if self.cluster.exists() and any(self.cluster.iterdir()):
            raise CannotStart(f"{self.cluster} holds something that is no PostgreSQL cluster; move it away")
        making = Path(tempfile.mkdtemp(prefix="pg.new-", dir=self.data_dir))
        self._give(making)
        builtin = (server_binaries.major_of(self._bin) or 0) >= 17
        locale = ["--locale-provider=builtin", "--locale=C.UTF-8"] if builtin else ["--no-locale"]
        sync = ["--no-sync"] if self._settings.get("fsync") == "off" else []
        options = ["-U", USER, "-A", "peer", "-E", "UTF8", "--no-instructions", *locale, *sync]
        made = self._spawn("initdb", {"-D": making}, options, complaints=subprocess.PIPE)
        _, complaint = made.communicate()
        if made.returncode:
            shutil.rmtree(making, ignore_errors=True)
            said = complaint.decode(errors="replace").strip()[-400:]
            raise CannotStart(f"PostgreSQL's initdb failed in {self.data_dir}: {said}")
        making.rename(self.cluster)

    def _launch(self) -> None:
        name = server_folder.cluster_name(self.cluster)
        options: list[str] = []
        for key, value in {**self._settings, "cluster_name": name}.items():
            options += ["-c", f"{key}={value}"]
        folders = {"-D": self.cluster, "-k": self.socket_dir}
        with (self.data_dir / "postgres.log").open("ab") as log:
            self._log_at = log.tell()
            self._server = self._spawn("postgres", folders, options, complaints=log.fileno())

    def _spawn(
        self, program: str, folders: Mapping[str, Path], options: list[str], *, complaints: int
    ) -> subprocess.Popen[bytes]:
        """In a session of its own: Ctrl-C is for the service, which stops the server when it has drained."""
        command, user, held = [str(self._bin / program)], self._run_as, list[int]()
        try:
            for option, folder in folders.items():
                reached = str(folder)
                if user:
                    held.append(os.open(folder, os.O_PATH | os.O_DIRECTORY))
                    reached = f"/proc/self/fd/{held[-1]}"
                command += [option, reached]
            return subprocess.Popen(
                command + options,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=complaints,
                env=ENVIRONMENT,
                cwd="/",
                user=user.uid if user else None,
                group=user.gid if user else None,
                extra_groups=[] if user else None,
                start_new_session=True,
                pass_fds=held,
                preexec_fn=_end_with_parent(),
            )
        finally:
            for descriptor in held:
                os.close(descriptor)

    def _await_ready(self) -> None:
        """No time limit while it lives: recovery takes as long as the log that a crash left."""
        while True:
            try:
                with psycopg.connect(server_folder.dsn(self.socket_dir, "postgres"), autocommit=True) as db:
                    self.version = db.info.parameter_status("server_version") or ""
                    known = db.execute("select from pg_database where datname = %s", [DATABASE]).fetchone()
                    if known is None:
                        db.execute(f"create database {DATABASE}")
                return
            except psycopg.OperationalError as error:
                if not self.alive():
                    log = (self.data_dir / "postgres.log").read_bytes()[self._log_at :]
                    said = log[-600:].decode(errors="replace")
                    raise CannotStart(f"PostgreSQL ended at its start: {said.strip()}") from error
            time.sleep(0.01)

    def _give(self, folder: Path) -> None:
        if self._run_as:
            os.chown(folder, self._run_as.uid, self._run_as.gid)
        folder.chmod(0o700)


def attach(data_dir: Path) -> str | None:
    """The DSN of the server that another process of ours runs in this directory; None where there is none."""
    folder = server_folder.find_socket_dir(data_dir.absolute())
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.connect(str(folder / SOCKET))
    except PermissionError:
        raise CannotStart(
            f"{data_dir} belongs to another user; run this as the user of the service"
        ) from None
    except OSError:
        return None
    return server_folder.dsn(folder)


def _refuse_where_it_cannot_be_held() -> None:
    if not sys.platform.startswith("linux"):
        raise CannotStart(
            "the embedded database runs on Linux only; set LEADGATE_DATABASE_URL to a PostgreSQL 15 or later"
        )
    if threading.current_thread() is not threading.main_thread():
        raise CannotStart(
            "the embedded database must be started from the main thread: it ends with the thread that starts it"
        )


def _end_with_parent() -> Callable[[], None]:
    """What the child runs before PostgreSQL: have the kernel send SIGINT, a fast shutdown, at its parent's end."""
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, int(signal.SIGINT))
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)

    return ask
