"""The processes of one bench: PostgreSQL, the baseline, the buyer and the service, each apart and all ended at the end."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg

from app.store.embedded import CannotStart, EmbeddedPostgres
from app.store.server_folder import dsn
from bench.load import Wrong

_PATIENCE = 60.0


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port: int = s.getsockname()[1]
        return port


def answers(port: int, path: str = "/") -> bool:
    with contextlib.suppress(OSError, http.client.HTTPException):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        connection.request("GET", path)
        connection.getresponse()
        return True
    return False


@contextlib.contextmanager
def running(
    name: str,
    command: list[str],
    log: Path,
    *,
    env: Mapping[str, str] | None = None,
    port: int,
    path: str = "/",
) -> Iterator[subprocess.Popen[bytes]]:
    """One process that answers on `port`; ended by SIGTERM, then SIGKILL. Its output goes to `log`/name.log."""
    written = log / f"{name}.log"
    with written.open("ab") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})}
        )
    try:
        end = time.monotonic() + _PATIENCE
        while not answers(port, path):
            if process.poll() is not None or time.monotonic() > end:
                raise Wrong(f"{name} did not start: {written.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)
        yield process
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def uvicorn(app: str, port: int, processes: int) -> list[str]:
    """The server of the baseline, with the options that `leadgate serve` uses."""
    # fmt: off
    return [
        sys.executable, "-m", "uvicorn", app, "--host", "127.0.0.1", "--port", str(port), "--workers", str(processes),
        "--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning", "--backlog", "2048",
    ]
    # fmt: on


@contextlib.contextmanager
def postgres(folder: Path, settings: Mapping[str, str] | None = None) -> Iterator[dict[str, str]]:
    """The embedded server in a new directory, with the settings it has in the field (fsync on); URLs by database.

    The baseline and the service share it, so that a commit costs both the same. `settings` go before its own.
    """
    try:
        started = EmbeddedPostgres.start(folder, settings=settings)
    except CannotStart as error:
        raise Wrong(f"no database: {error}") from error
    with started as server:
        with psycopg.connect(server.dsn, autocommit=True) as db:
            db.execute("create database baseline")
        yield {name: dsn(server.socket_dir, name) for name in ("leadgate", "baseline")}
