import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest

from app.store import migrate

MIGRATE = "import sys; from app.store.migrate import migrate; print(*migrate(sys.argv[1]), sep=',')"


def _tables(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("select tablename from pg_tables where schemaname = 'public'")
        return {name for (name,) in rows}


def test_an_empty_database_is_brought_to_the_head(empty_database_url: str) -> None:
    assert migrate.current(empty_database_url) == ""
    assert migrate.migrate(empty_database_url) == ("", migrate.head())
    assert migrate.current(empty_database_url) == migrate.head()
    assert {"submission", "lead", "delivery"} <= _tables(empty_database_url)


def test_a_database_at_the_head_is_left_as_it_is(database_url: str) -> None:
    assert migrate.migrate(database_url) == (migrate.head(), migrate.head())


def test_processes_that_start_at_once_do_not_collide(empty_database_url: str) -> None:
    started = [
        subprocess.Popen(
            [sys.executable, "-c", MIGRATE, empty_database_url],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=60) for process in started]
    assert [process.returncode for process in started] == [0, 0], said
    assert sorted(out.strip() for out, _ in said) == sorted(
        [f",{migrate.head()}", f"{migrate.head()},{migrate.head()}"]
    )


def test_threads_that_migrate_at_once_do_not_collide(empty_database_url: str) -> None:
    with ThreadPoolExecutor(3) as threads:
        found = list(threads.map(migrate.migrate, [empty_database_url] * 3))
    assert sorted(found) == [("", migrate.head()), *[(migrate.head(), migrate.head())] * 2]


def test_one_who_migrates_keeps_the_others_waiting(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = threading.Event()
    monkeypatch.setattr(migrate, "time", SimpleNamespace(sleep=lambda seconds: asked.set()))
    with psycopg.connect(empty_database_url, autocommit=True) as other, ThreadPoolExecutor(1) as thread:
        other.execute("select pg_advisory_lock(%s)", [migrate.LOCK])
        waiting = thread.submit(migrate.migrate, empty_database_url)
        assert asked.wait(10)
        assert _tables(empty_database_url) == set()
        other.execute("select pg_advisory_unlock(%s)", [migrate.LOCK])
        assert waiting.result(20) == ("", migrate.head())


def test_a_database_that_a_newer_version_has_migrated_is_refused_and_left_alone(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("update alembic_version set version_num = '9999'")
    with pytest.raises(migrate.NewerDatabase, match="at revision 9999, which this version"):
        migrate.migrate(database_url)
    assert migrate.current(database_url) == "9999"
    assert "newer one has migrated it" in migrate.check(database_url)


def test_a_difference_is_told_in_a_sentence(empty_database_url: str, database_url: str) -> None:
    assert migrate.check(empty_database_url) == (
        f"the database is at nothing, the code needs {migrate.head()}: migrate it"
    )
    assert migrate.check(database_url) == ""


def test_the_migrations_are_found_in_a_checkout_and_in_a_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (migrate._folder() / "env.py").is_file()
    monkeypatch.setattr(migrate, "__file__", str(tmp_path / "app/store/migrate.py"))
    assert migrate._folder() == tmp_path / "migrations"
    (tmp_path / "app/_migrations").mkdir(parents=True)
    assert migrate._folder() == tmp_path / "app/_migrations"


def test_a_folder_with_a_percent_sign_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "100%s" / "migrations"
    target.parent.mkdir()
    target.symlink_to(migrate._folder())
    monkeypatch.setattr(migrate, "_folder", lambda: target)
    assert migrate.head()
