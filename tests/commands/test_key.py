"""Keys are issued and revoked once, and tried before."""

from tests.commands.conftest import Gate, Leadgate, objects, source


async def test_a_key_is_told_alone_or_with_what_is_known_of_it(gate: Gate, leadgate: Leadgate) -> None:
    await gate.configure(source())
    before = len(objects(await leadgate("key", "list", "--json")))
    dry = await leadgate("key", "issue", "source", "acme", "--dry-run")
    assert (dry.stdout, dry.stderr) == ("", "acme: a key would be issued, expires never\n")
    assert len(objects(await leadgate("key", "list", "--json"))) == before
    [issued] = objects(await leadgate("key", "issue", "source", "acme", "--json"))
    assert issued["key"].startswith("lg_src_")
    mine = {one["id"]: one for one in objects(await leadgate("key", "list", "acme", "--json"))}
    assert mine[issued["id"]]["last4"] == issued["key"][-4:]
    assert "hash" not in mine[issued["id"]]
    tried = await leadgate("key", "revoke", issued["id"], "--dry-run")
    assert tried.stderr == f"acme: key …{issued['key'][-4:]} would be revoked\n"
    [gone] = objects(await leadgate("key", "revoke", issued["id"], "--json"))
    assert (gone["id"], gone["dry_run"]) == (issued["id"], False)
    assert (await leadgate("key", "revoke", issued["id"])).exit_code == 1
