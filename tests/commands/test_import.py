"""`leadgate import`: shown before it begins, gone on with after it was stopped, and told what was wrong."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from app.settings import Settings
from app.store.database import Database
from tests.commands.conftest import Gate, Leadgate, objects, source

COLUMNS = "First Name,E-Mail,state,bill,Fax\n"


def table(folder: Path, n: int, *more: str, name: str = "october.csv") -> Path:
    file = folder / name
    rows = [f"Ann,ann{i}@example.com,CA,120,{i}\n" for i in range(n)]
    file.write_text(COLUMNS + "".join([*rows, *more]))
    return file


async def test_a_dry_run_shows_each_column_s_way_and_the_first_rows_and_begins_nothing(
    gate: Gate, leadgate: Leadgate, tmp_path: Path
) -> None:
    await gate.configure(source("acme", reply="receipt"))
    file = table(tmp_path, 3, "Bob,no address,CA,120,1\n")
    told = await leadgate(
        "import", str(file), "--source", "acme", "--dry-run", "--map", "Fax=state", "--map", "state="
    )
    assert told.exit_code == 0, told.output
    assert "october.csv  utf-8, comma, 147 B, 4 of 5 columns are fields" in told.stdout
    assert "  E-Mail      → email       the name is alike" in told.stdout
    assert "  Fax         → state       as you said" in told.stdout
    assert "    email       ann0@example.com" in told.stdout
    assert "    email       ! no address" in told.stdout
    assert await gate.one("select count(*) from batch") == 0


async def test_a_required_field_that_no_row_has_is_told_before_anything_is_begun(
    gate: Gate, leadgate: Leadgate, tmp_path: Path
) -> None:
    await gate.configure(source("acme", reply="receipt"))
    file = tmp_path / "october.csv"
    file.write_text("First Name,Contact\nAnn,by phone\nBob,by mail\n")
    told = await leadgate("import", str(file), "--source", "acme", "--dry-run")
    assert (
        "  ! email is required, and none of the first rows has it: --map 'column=email' says which column it is"
        in told.stdout.splitlines()
    )
    assert "first_name is required" not in told.stdout
    [shown] = objects(await leadgate("import", str(file), "--source", "acme", "--dry-run", "--json"))
    assert shown["lacking"] == ["email"]


async def test_it_ends_with_what_became_of_the_rows_and_where_the_others_are(
    gate: Gate, leadgate: Leadgate, tmp_path: Path
) -> None:
    await gate.configure(source("acme", reply="receipt"))
    file = table(tmp_path, 130, "Bob,no address,CA,120,1\n", "too,many,cells,in,this,row\n")
    done = await leadgate("import", str(file), "--source", "acme")
    assert done.exit_code == 0, done.output
    assert "done   132 rows in" in done.stderr
    assert "accepted 130, rejected 1, unreadable 1 → " in done.stderr
    wrong = (tmp_path / "october.errors.csv").read_text().splitlines()
    assert wrong[0] == "First Name,E-Mail,state,bill,Fax,reason"
    assert [line.partition(",")[0] for line in wrong[1:]] == ["Bob", "too"]
    again = await leadgate("import", str(file), "--source", "acme")
    assert again.exit_code == 0
    assert "came in before" in again.stderr
    corrected = await leadgate("import", str(file), "--source", "acme", "--map", "Fax=")
    assert "read as it was guessed and said then" in corrected.stderr
    assert "--again takes it in once more, with this --map" in corrected.stderr
    assert await gate.one("select count(*) from lead") == 131
    await gate.one("update batch set created_at = now() - interval '100 days'")
    dropped = await leadgate("retention", "--yes")
    assert "1 batch dropped" in dropped.stderr
    assert await gate.one("select count(*) from batch_refusal") == 0


async def test_a_file_none_of_whose_rows_is_accepted_is_trouble_that_a_script_can_see(
    gate: Gate, leadgate: Leadgate, tmp_path: Path
) -> None:
    await gate.configure(source("acme", reply="receipt"))
    file = table(tmp_path, 0, "Bob,no address,CA,120,1\n", "too,many,cells,in,this,row\n")
    for words in (("--json",), ()):  # and again, when it has come in before
        told = await leadgate("import", str(file), "--source", "acme", *words)
        assert told.exit_code == 1, told.output
        assert "accepted 0, rejected 1, unreadable 1 → " in told.stderr
        assert told.stderr.endswith("none of its rows was accepted\n")
    held = table(tmp_path, 0, "Bob,info@example.com,CA,120,1\n", name="held.csv")
    await gate.configure(source("acme", reply="receipt"), check="{check: email, role: hold}")
    await gate.process.catalogue.refresh()
    assert (await leadgate("import", str(held), "--source", "acme")).exit_code == 0
    nothing = table(tmp_path, 0, name="nothing.csv")
    told = await leadgate("import", str(nothing), "--source", "acme")
    assert "none of its rows" not in told.stderr


async def test_without_a_service_the_rows_are_durable_and_it_says_who_decides(
    database: Database, settings: Settings, leadgate: Leadgate, tmp_path: Path
) -> None:
    gate = Gate(settings, database, tmp_path)
    gate.running = True  # configured, not started
    await gate.configure(source("acme", reply="receipt"))
    file = table(tmp_path, 20)
    done = await leadgate("import", str(file), "--source", "acme")
    assert "durable   20 rows" in done.stderr
    assert "the next `leadgate serve`" in done.stderr
    assert not (tmp_path / "october.errors.csv").exists()


async def test_what_is_wrong_is_said_in_words(gate: Gate, leadgate: Leadgate, tmp_path: Path) -> None:
    await gate.configure(source("acme", reply="receipt"))
    file, empty = table(tmp_path, 3), tmp_path / "empty.csv"
    empty.write_text("email,state\n")
    for words, code, said in (
        ([str(file), "--source", "nope"], 1, "there is no source 'nope' (known: acme)"),
        ([str(tmp_path / "gone.csv"), "--source", "acme"], 1, "can't be read: No such file"),
        ([str(empty), "--source", "acme"], 1, "no lead below it"),
        ([str(file), "--source", "acme", "--map", "Fax"], 2, "has no ="),
        ([str(file), "--source", "acme", "--map", "nope=email"], 1, "there is no column 'nope'"),
        ([str(file), "--source", "acme", "--resume", "ffffffff"], 1, "no batch has an id that ends in"),
        ([str(file), "--source", "acme", "--resume", "f", "--again"], 2, "give one"),
    ):
        done = await leadgate("import", *words)
        assert (done.exit_code, said in done.stderr) == (code, True), done.stderr
    assert await gate.one("select count(*) from batch") == 0


async def test_a_batch_is_cancelled_by_a_word_and_says_what_came_of_it(
    database: Database, settings: Settings, leadgate: Leadgate, tmp_path: Path
) -> None:
    gate = Gate(settings, database, tmp_path)
    gate.running = True  # configured, not started
    await gate.configure(source("acme", reply="receipt"))
    file = table(tmp_path, 20)
    await leadgate("import", str(file), "--source", "acme")
    batch = str(await gate.one("select id from batch"))
    late = await leadgate("import", "--cancel", batch[-8:])
    assert (late.exit_code, "there is nothing left to cancel: the batch is deciding" in late.stderr) == (
        1,
        True,
    )
    await gate.one("update batch set state = 'reading'")
    done = await leadgate("import", "--cancel", batch[-8:])
    assert (done.exit_code, "cancelled behind 20 rows: accepted 0, " in done.stderr) == (0, True)
    again = await leadgate("import", str(file), "--source", "acme")
    assert (again.exit_code, "was begun before and cancelled" in again.stderr) == (1, True)
    assert await gate.one("select count(*) from batch_part") == 1
    assert (await leadgate("import", "--cancel", "ffff")).exit_code == 1
    assert "give a file, and --source" in (await leadgate("import", str(file))).stderr


@pytest.mark.e2e
async def test_a_broken_off_import_says_how_to_go_on_and_goes_on_at_once_where_its_process_is_dead(
    database: Database, settings: Settings, leadgate: Leadgate, tmp_path: Path
) -> None:
    gate = Gate(settings, database, tmp_path)
    gate.running = True
    await gate.configure(source("acme", reply="receipt"))
    file = table(tmp_path, 60_000)
    async with _held(gate, database) as stands:
        typed = await _typed(file)
        waits = await stands()  # it is amid its rows, and can't go on
        typed.send_signal(signal.SIGINT)
        while await gate.one(_WAITS) == waits:
            await asyncio.sleep(0)
    said = (await typed.communicate())[1].decode()
    assert typed.returncode == 1
    batch = await gate.one("select id from batch where state = 'reading' and lease_id is null")
    assert f"--source acme --resume {batch}   (no row is read twice)" in said

    killed = await gate.one(
        "insert into process (id, role, host, pid) values (gen_random_uuid(), 'import', $1, $2) returning id",
        socket.gethostname(), typed.pid,
    )  # fmt: skip
    await gate.one("update batch set lease_id = $1", killed)
    done = await leadgate("import", str(file), "--source", "acme", "--resume", str(batch)[-8:])
    assert done.exit_code == 0, done.stderr
    assert "goes on behind row" in done.stderr
    assert await gate.one("select kept from batch") == 60_000
    lines = "select count(*), count(distinct line) from batch_part, unnest(lines) as line"
    assert [tuple(row) for row in await gate.fetch(lines)] == [(60_000, 60_000)]


_WAITS = """
select min(pid || ' ' || query_start) from pg_stat_activity
 where datname = current_database() and wait_event_type = 'Lock'
"""


_HOLDS = """
create function held() returns trigger language plpgsql as
  'begin perform pg_advisory_xact_lock(7); return new; end';
create trigger held before update on batch for each row when (old.position > 0) execute function held()
"""


@asynccontextmanager
async def _held(gate: Gate, database: Database) -> AsyncIterator[Callable[[], Awaitable[str]]]:
    """Whoever reads a file in keeps its first part and can keep no more; gives a wait for the statement that waits."""

    async def stands() -> str:
        while not (waits := await gate.one(_WAITS)):
            await asyncio.sleep(0)
        return str(waits)

    async with database.acquire() as conn:
        await conn.execute(_HOLDS)
        await conn.execute("select pg_advisory_lock(7)")
        yield stands
        await conn.execute("select pg_advisory_unlock(7)")
        await conn.execute("drop function held cascade")


async def _typed(file: Path) -> asyncio.subprocess.Process:
    program = Path(sys.executable).with_name("leadgate")
    return await asyncio.create_subprocess_exec(
        str(program), "import", str(file), "--source", "acme", env=dict(os.environ), stderr=subprocess.PIPE,
        preexec_fn=_interruptible,
    )  # fmt: skip


def _interruptible() -> None:
    """A shell lets what it starts in the background ignore the key that would stop it, and so do its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
