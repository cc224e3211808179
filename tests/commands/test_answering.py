"""Where a buyer's answers can't be read, whoever looks after the gate is told what is wrong, and since when."""

import re
from pathlib import Path
from typing import Any

from tests.commands.conftest import Gate, Leadgate, objects, source
from tests.e2e.books import until
from tests.ingest.channels.ftpserver import ftp_server
from tests.pipeline.filehouse import acknowledged, over_ftp

BATCH = "{every: 1d, count: 2}"


async def left(gate: Gate, port: int) -> None:
    """Two leads in a file, of which nobody has said anything."""
    more = f", folder: ours {acknowledged()}"
    await gate.configure(source(deadline="1s"), over_ftp(port, batch=BATCH, more=more))
    for one in range(2):
        await gate.post(email=f"p{one}@example.org")

    async def unclear() -> bool:
        return bool(await gate.one("select count(*) from delivery where state = 'unclear'") == 2)

    await until(unclear, within=10)


async def there(gate: Gate, query: str) -> None:
    async def so() -> bool:
        await gate.fetch(
            "update acknowledging set next_at = now() where next_at > now() + interval '2 seconds'"
        )
        return bool(await gate.one(query))

    await until(so, within=10, what=query)


async def answers(leadgate: Leadgate) -> dict[str, Any]:
    found: list[dict[str, Any]] = objects(await leadgate("doctor", "--json"))
    [one] = [one for one in found if one["name"] == "answers files"]
    return one


async def test_the_doctor_and_the_list_of_files_say_what_stands_between(
    gate: Gate, leadgate: Leadgate, tmp_path: Path
) -> None:
    (folder := tmp_path / "ftp").mkdir()
    (folder / "ours").mkdir()
    with ftp_server(folder) as server:
        await left(gate, server.port)
        await there(gate, "select failures > 0 from acknowledging")
        told = await answers(leadgate)
        assert told["level"] == "warn"
        assert re.fullmatch(r"ftp_550 for .+ \(\d+ looks? in vain\), 2 hand-overs unclear", told["text"])
        assert "leadgate settle" in told["cure"]
        for words in (("bundles",), ("bundles", "show", await gate.one("select name from bundle"))):
            seen = await leadgate(*words)
            assert seen.exit_code == 0
            assert "answers of files can't be looked into: ftp_550 for " in seen.stderr
        await gate.fetch("update acknowledging set troubled_at = now() - interval '25 hours'")
        assert (await answers(leadgate))["level"] == "fail"

        (folder / "acks").mkdir()
        await there(gate, "select failures = 0 from acknowledging")
        well = await answers(leadgate)
        assert (well["level"], well["cure"]) == ("ok", "")
        assert re.fullmatch(r"last look .+ ago, 2 hand-overs unclear", well["text"])

        name = await gate.one("select name from bundle")
        (folder / "acks" / f"{name}.ack").write_bytes(b"<<")
        await there(gate, "select count(*) = 1 from acknowledgement where why <> ''")
        broken = await answers(leadgate)
        assert broken["level"] == "warn"
        assert f"{name}.ack can't be read (unreadable, " in broken["text"]
        assert f"of the answers of files {name}.ack can't be read" in (await leadgate("bundles")).stderr


async def test_who_has_no_answers_to_look_for_has_no_line(gate: Gate, leadgate: Leadgate) -> None:
    await gate.configure(source())
    found = objects(await leadgate("doctor", "--json"))
    assert not [one for one in found if one["name"].startswith("answers")]
    assert "answers" not in (await leadgate("bundles")).stderr
