"""`doctor` says of each channel how it is, and of each source that is missed."""

from pathlib import Path

from tests.commands.conftest import Gate, Leadgate, objects, source
from tests.e2e.books import until


async def test_the_doctor_has_a_line_for_each_channel_and_each_silent_source(
    gate: Gate, leadgate: Leadgate, tmp_path: Path
) -> None:
    folder = tmp_path / "leads"
    folder.mkdir()
    channels = f"    channels:\n      - {{channel: folder, path: {folder}, every: 1s}}\n"
    channels += "      - {channel: folder, path: /nowhere, every: 1h}\n"
    await gate.configure(source() + channels)
    (folder / "leads.csv").write_text("first_name,email\nAnn,ann@example.com\n")

    async def taken() -> bool:
        found = await gate.fetch("select count(*) from channel where kept = 1 or failures = 1")
        return bool(found[0][0] == 2)

    await until(taken)
    lines = {one["name"]: one for one in objects(await leadgate("doctor", "--json"))}
    assert lines["acme folder"]["level"] == "ok"
    assert lines["acme folder"]["text"].startswith("last visit ")
    assert "last lead " in lines["acme folder"]["text"]
    assert lines["acme folder.2"]["level"] == "warn"
    assert lines["acme folder.2"]["text"].startswith(
        "there is no folder /nowhere (1 visit in vain, no lead yet)"
    )
    assert "source acme" not in lines

    await gate.fetch("update channel set created_at = now() - interval '2 days' where failures > 0")
    await gate.fetch(
        "insert into rhythm (source, silent_since) values ('acme', now() - interval '7 hours') on conflict (source)"
        " do update set silent_since = excluded.silent_since"
    )
    worse = {one["name"]: one for one in objects(await leadgate("doctor", "--json"))}
    assert worse["acme folder.2"]["level"] == "fail"
    assert worse["source acme"]["text"] == "silent for 7 h, which it usually is not"
