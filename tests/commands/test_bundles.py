"""Files of many leads at a terminal: what is in them, who answered, and their leads back where they failed."""

from pathlib import Path
from typing import Any
from uuid import UUID

from app.model import Accepted
from tests.commands.conftest import Gate, Leadgate, objects, source
from tests.e2e.books import until
from tests.ingest.channels.ftpserver import EVERYTHING, USER, Ftp, ftp_server
from tests.pipeline.filehouse import files, over_ftp


class Files:
    """A service whose contract puts a file a second on a server that takes none yet."""

    def __init__(self, gate: Gate, server: Ftp) -> None:
        self.gate, self.server = gate, server

    async def posted(self, n: int) -> list[str]:
        return [await self.gate.post(email=f"p{i}@example.org") for i in range(n)]

    def takes(self) -> None:
        self.server.authorizer.user_table[USER]["perm"] = EVERYTHING

    async def there(self, state: str, n: int) -> None:
        async def so() -> bool:
            found = await self.gate.one("select coalesce(sum(size), 0) from bundle where state = $1", state)
            waits = await self.gate.one("select count(*) from delivery where state = 'sending'")
            return bool(found == n and not waits)

        await until(so, within=10, what=f"{n} leads in files that are {state}")


async def opened(gate: Gate, server: Ftp, *, batch: str = "{every: 1s}", more: str = "") -> Files:
    await gate.configure(source(deadline="1s"), over_ftp(server.port, batch=batch, more=more))
    return Files(gate, server)


async def test_leads_of_a_file_that_failed_go_into_a_new_one(
    gate: Gate, leadgate: Leadgate, tmp_path: Path
) -> None:
    (folder := tmp_path / "ftp").mkdir()
    with ftp_server(folder, may="elr") as server:
        desk = await opened(gate, server, batch="{every: 1d, count: 2}")
        leads = await desk.posted(2)
        await desk.there("unsent", 2)
        [one] = objects(await leadgate("bundles", "--json"))
        assert (one["state"], one["size"], one["outcome"], one["reason"]) == (
            "unsent",
            2,
            "TryLater",
            "ftp_550",
        )
        assert one["standing"] == {"waiting": 2}
        desk.takes()
        dry = await leadgate("bundles", "again", one["id"][-8:], "--dry-run")
        assert (dry.exit_code, dry.stdout) == (0, f"2 leads of {one['name']} would go into a new file\n")
        assert (
            await gate.one("select count(*) from delivery where next_at < now() + interval '1 minute'") == 0
        )
        done = await leadgate("bundles", "again", one["name"])
        assert (done.exit_code, done.stdout) == (0, f"2 leads of {one['name']} go into a new file\n")
        for lead in leads:
            await gate.becomes(lead, "sold")
        [name] = files(folder)
        assert name != one["name"]
        shown = await leadgate("bundles", "show", one["id"])
        assert shown.stdout.count("accepted") == 3
        assert f"then in …{name.removesuffix('.csv')[-8:]}" in shown.stdout
        assert "  lies " not in shown.stdout
        late = await leadgate("bundles", "again", one["id"])
        assert (late.exit_code, late.stdout) == (1, f"nothing of {one['name']} is to be sent again\n")
        assert f"not 2: in the file …{name.removesuffix('.csv')[-8:]} since" in late.stderr
        states = [o["state"] for o in objects(await leadgate("bundles", "--contract", "files", "--json"))]
        assert states == ["unsent", "sent"]
        sent = await leadgate("bundles", "--state", "sent,unclear")
        assert sent.stdout.startswith("✓ sent")
        assert f"files  2 leads  Accepted  2 accepted  {name}\n" in sent.stdout


async def test_a_file_says_where_it_lies_and_who_answered_for_whom(
    gate: Gate, leadgate: Leadgate, tmp_path: Path
) -> None:
    (folder := tmp_path / "ftp").mkdir()
    with ftp_server(folder) as server:
        more = ', proof: acknowledged, acknowledge: {folder: acks, key: Id, listed: accepted, name: "*.ack"}'
        desk = await opened(gate, server, more=more)
        [lead] = await desk.posted(1)
        await desk.there("sent", 1)
        [one] = objects(await leadgate("bundles", "--json"))
        delivery = await gate.one("select id from delivery")
        settler: Any = gate.process.settler
        await settler.settle(delivery, Accepted(reference="SC-7"), by="acknowledgement file today.ack")
        shown = (await leadgate("bundles", "show", one["id"], "--utc")).stdout
        assert f"  lies      ftp://127.0.0.1:{server.port}/{one['name']}\n" in shown
        assert "  answered  1 of 1 by today.ack, " in shown
        assert f"1  ✓  {str(delivery)[-8:]}  lead {lead[-8:]}  accepted  SC-7" in shown
        [told] = objects(await leadgate("bundles", "show", one["id"], "--json"))
        assert [(a["name"], a["settled"]) for a in told["answers"]] == [("today.ack", 1)]
        assert [(r["n"], r["lead_id"], r["state"]) for r in told["rows"]] == [(1, lead, "accepted")]
        [story] = objects(await leadgate("trace", lead, "--json"))
        assert [(f["bundle_id"], f["row"], f["state"]) for f in story["files"]] == [(one["id"], 1, "sent")]


async def test_what_is_perhaps_there_goes_into_no_other_file_before_somebody_has_looked(
    gate: Gate, leadgate: Leadgate, tmp_path: Path
) -> None:
    (folder := tmp_path / "ftp").mkdir()
    with ftp_server(folder, may="elr") as server:
        desk = await opened(gate, server)
        leads = await desk.posted(2)
        await desk.there("unsent", 2)
        desk.takes()
        for statement in (
            "update bundle set state = 'unclear'",
            "update delivery set state = 'unclear', next_at = null",
            "update lead set state = 'unclear'",
        ):
            await gate.fetch(statement)
        told = {o["id"]: o for o in objects(await leadgate("bundles", "--json"))}
        first = min(told)
        mine = await gate.one("select count(*) from bundled where bundle_id = $1", UUID(first))
        refused = await leadgate("bundles", "again", first)
        assert refused.exit_code == 1
        assert f"leadgate bundles again {first[-8:]} --not-there" in refused.stderr
        dry = await leadgate("bundles", "again", first, "--not-there", "--dry-run", "--json")
        assert [len(o["again"]) for o in objects(dry)] == [mine]
        assert await gate.one("select count(*) from delivery where state = 'waiting'") == 0
        for id_ in told:
            done = await leadgate("bundles", "again", id_, "--not-there")
            assert done.exit_code == 0, done.output
        for lead in leads:
            await gate.becomes(lead, "sold")
        assert not set(files(folder)) & {o["name"] for o in told.values()}


async def test_what_waits_for_its_time_leaves_now_where_somebody_says_so(
    gate: Gate, leadgate: Leadgate, tmp_path: Path
) -> None:
    (folder := tmp_path / "ftp").mkdir()
    with ftp_server(folder) as server:
        desk = await opened(gate, server, batch="{every: 1d, most: 2}")
        none = await leadgate("bundles", "now", "files")
        assert (none.exit_code, none.stdout) == (1, "nothing waits for a file of files\n")
        leads = await desk.posted(3)
        waits = (
            "select count(*) from delivery where state = 'waiting' and next_at > now() + interval '1 hour'"
        )
        await gate.one(
            "insert into resting (contract, state, failures, why, until)"
            " values ('files', 'open', 9, 'refused', now() + interval '1 hour')"
        )
        dry = await leadgate("bundles", "now", "files", "--dry-run")
        assert dry.stdout.startswith("3 leads of files would leave now instead of ")
        assert "files rests, for its buyer fails" in dry.stderr
        await gate.one("delete from resting")
        assert await gate.one(waits) == 3
        assert files(folder) == {}
        [told] = objects(await leadgate("bundles", "now", "files", "--json"))
        assert (told["contract"], told["leads"], told["dry_run"]) == ("files", 3, False)
        for lead in leads:
            await gate.becomes(lead, "sold")
        assert len(files(folder)) == 2


async def test_where_no_file_would_leave_it_is_said_why(gate: Gate, leadgate: Leadgate) -> None:
    await gate.configure(source(), over_ftp(2121, batch="{every: 1d}", head="paused: true"))
    paused = await leadgate("bundles", "now", "files")
    assert (paused.exit_code, paused.stderr.splitlines()[-1]) == (
        1, "error: files is paused: nothing leaves before it is not",
    )  # fmt: skip
    await gate.configure(source(), over_ftp(2121, batch="null"))
    single = await leadgate("bundles", "now", "files")
    assert "files has no `batch`: each of its leads leaves by itself" in single.stderr
    assert "there is no contract 'filse'" in (await leadgate("bundles", "now", "filse")).stderr


async def test_what_there_is_not_is_said(gate: Gate, leadgate: Leadgate) -> None:
    none = await leadgate("bundles")
    assert (none.exit_code, none.stdout) == (0, "")
    assert "contracts with `batch` make them" in none.stderr
    wrong = await leadgate("bundles", "--state", "lost")
    assert (wrong.exit_code, wrong.stderr.splitlines()[-1]) == (
        2, "error: --state 'lost' is not one of sending, sent, unsent, unclear",
    )  # fmt: skip
    nobody = await leadgate("bundles", "show", "019a9f3e-7c41-7d0a-b2f6-5c1e8a40d9b0")
    assert (nobody.exit_code, nobody.stderr.splitlines()[-1]) == (
        1, "error: there is no file 019a9f3e-7c41-7d0a-b2f6-5c1e8a40d9b0",
    )  # fmt: skip
    assert "no file has an id that ends in 'c0ffee'" in (await leadgate("bundles", "show", "c0ffee")).stderr


async def test_who_waits_for_the_next_file_is_counted_before_there_is_one(
    gate: Gate, leadgate: Leadgate, tmp_path: Path
) -> None:
    (folder := tmp_path / "ftp").mkdir()
    with ftp_server(folder) as server:
        desk = await opened(gate, server, batch="{every: 1d}")
        assert "waits for the next file" not in (await leadgate("bundles")).stderr
        await desk.posted(1)
        one = await leadgate("bundles")
        assert (one.stdout, one.stderr.count("there is no such file yet")) == ("", 1)
        assert ": 1 lead of it waits for the next file, which leaves " in one.stderr
        await gate.post(email="another@example.org")
        contract = await gate.one("select contract from delivery limit 1")
        two = await leadgate("bundles", "--contract", contract)
        assert f"{contract}: 2 leads of it wait for the next file, which leaves " in two.stderr
        assert (await leadgate("bundles", "--json")).stdout == ""
