"""What a data directory holds beside the rows: its one owner's lock, the socket, who may connect, who runs it."""

import os
import re
import shutil
import signal
import stat
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

USER = DATABASE = "leadgate"
PORT = 5432
SOCKET = f".s.PGSQL.{PORT}"
LONGEST_SOCKET = 107  # bytes of sockaddr_un.sun_path
PLAIN_PATH = re.compile(
    r"[A-Za-z0-9/._@%+=:~-]+"
)  # a comma or space would split PostgreSQL's list of folders
LEFTOVER_S = 30.0
DYING_S = 0.5  # a process that was just killed holds its files for some milliseconds more


class CannotStart(Exception):
    """The embedded database can't be started. The message says why and what to do."""


class DataDirInUse(CannotStart):
    """Another process owns this data directory."""


class RunAs(NamedTuple):
    """Whom a server that root started runs as."""

    uid: int
    gid: int


def lock(data_dir: Path) -> int:
    """The descriptor that owns the directory. An flock ends with its process, so kill -9 leaves none behind."""
    import fcntl

    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    held = os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    end = time.monotonic() + DYING_S
    while True:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() > end:
                holder = os.pread(held, 20, 0).decode(errors="replace").strip() or "unknown"
                os.close(held)
                raise DataDirInUse(
                    f"the data directory {data_dir} is in use by process {holder}. "
                    "Stop that one, or choose another directory with --data-dir (LEADGATE_DATA_DIR)"
                ) from None
        time.sleep(0.01)
    os.ftruncate(held, 0)
    os.pwrite(held, f"{os.getpid()}\n".encode(), 0)
    return held


def run_as(cluster: Path) -> RunAs | None:
    """None for ourselves. PostgreSQL refuses root, and a user that /etc/passwd doesn't know."""
    import pwd

    owner = cluster.stat().st_uid if cluster.exists() else None
    me = os.geteuid()
    try:
        if me:
            pwd.getpwuid(me)
            if owner not in (None, me):
                raise CannotStart(f"{cluster} belongs to user {owner}; run leadgate as that user")
            return None
        entry = pwd.getpwuid(owner) if owner else pwd.getpwnam("nobody")
    except KeyError as error:
        raise CannotStart(
            f"PostgreSQL needs the user it runs as in /etc/passwd ({error.args[0]}); "
            "add an entry, or set LEADGATE_DATABASE_URL to a running server"
        ) from None
    return RunAs(entry.pw_uid, entry.pw_gid)


def admit_only_us(cluster: Path) -> None:
    """The kernel tells PostgreSQL who is at the other end of the socket: no password to keep or to leak."""
    import pwd

    me = pwd.getpwuid(os.geteuid()).pw_name
    (cluster / "pg_hba.conf").write_text(
        "local all all peer map=leadgate\nlocal replication all peer map=leadgate\n"
    )
    (cluster / "pg_ident.conf").write_text(f'leadgate "{me}" {USER}\n')


def dsn(folder: Path, database: str = DATABASE) -> str:
    return f"postgresql://{USER}@/{database}?host={quote(str(folder), safe='/')}&port={PORT}"


def find_socket_dir(data_dir: Path) -> Path:
    """In the data directory, or, where that path is too long for a socket, a short one that it remembers."""
    folder, note = data_dir / "run", data_dir / "socket_dir"
    fits = len(os.fsencode(folder / SOCKET)) <= LONGEST_SOCKET and PLAIN_PATH.fullmatch(str(folder))
    return folder if fits or not note.exists() else Path(note.read_text().strip())


def make_socket_dir(data_dir: Path) -> Path:
    folder, note = find_socket_dir(data_dir), data_dir / "socket_dir"
    if len(os.fsencode(folder / SOCKET)) <= LONGEST_SOCKET and PLAIN_PATH.fullmatch(str(folder)):
        if folder == data_dir / "run":
            folder.mkdir(mode=0o700, exist_ok=True)
            return folder
        if _is_ours(folder, data_dir):
            return folder
    short = Path(tempfile.mkdtemp(prefix="leadgate-", dir="/tmp"))
    note.write_text(f"{short}\n")
    return short


def forget_socket_dir(data_dir: Path) -> None:
    """The short one only; the one in the data directory stays."""
    note = data_dir / "socket_dir"
    if note.exists():
        short = Path(note.read_text().strip())
        if _is_ours(short, data_dir):
            shutil.rmtree(short, ignore_errors=True)
        note.unlink()


def _is_ours(short: Path, data_dir: Path) -> bool:
    """Not a folder that somebody else laid at that name in /tmp meanwhile."""
    try:
        found, cluster = short.lstat(), (data_dir / "pg").stat()
    except FileNotFoundError:
        return False
    owned = found.st_uid in (os.geteuid(), cluster.st_uid)
    return owned and stat.S_ISDIR(found.st_mode) and stat.S_IMODE(found.st_mode) == 0o700


def cluster_name(cluster: Path) -> str:
    """Stands in the title of each server process: readable by all, where /proc/PID/cwd needs rights we may lack."""
    found = cluster.stat()
    return f"leadgate-{found.st_dev:x}-{found.st_ino:x}"


def clear_leftovers(cluster: Path, socket_dir: Path, *, limit: float = LEFTOVER_S) -> None:
    """Wait for a predecessor that is still shutting down, then remove the lock files of one that was killed.

    A killed postmaster stays a zombie until process 1 reaps it, and its number may have gone to another
    process: both make PostgreSQL refuse its own lock file. The caller holds the directory's lock and we see
    no process of this cluster, so the files are stale.
    """
    files = (cluster / "postmaster.pid", socket_dir / f"{SOCKET}.lock")
    if not any(file.exists() for file in files):
        return
    end = time.monotonic() + limit
    while left := processes(cluster):
        if time.monotonic() > end:
            raise DataDirInUse(f"a PostgreSQL server (process {left[0]}) still runs in {cluster}; stop it")
        for pid in left:
            if not _title(pid).startswith(b"postgres:"):  # the postmaster alone keeps its command line
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGINT)
        time.sleep(0.02)
    for file in files:
        file.unlink(missing_ok=True)


def processes(cluster: Path) -> list[int]:
    """Living processes of that cluster's server; a zombie has no title."""
    name, found = cluster_name(cluster).encode(), []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            title = _title(int(entry))
            first = title.split(b"\0", 1)[0]
            if name in title and (first.startswith(b"postgres:") or first.endswith(b"/postgres")):
                found.append(int(entry))
    return sorted(found)


def _title(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
