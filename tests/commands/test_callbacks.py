"""What a source could not be told is listed, and told anew when somebody says so."""

from tests.buyer import Buyer, reply, says
from tests.commands.conftest import Gate, Leadgate, contract, objects, source
from tests.e2e.books import until
from tests.e2e.counting import CountingBuyer


async def test_what_was_given_up_is_listed_and_told_anew(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    async with Buyer() as vendor:
        says("/away", reply(500))
        hears = f"    callback: {{url: '{vendor.url('/away')}', retry: {{schedule: [1h], until: 1s}}}}\n"
        await gate.configure(source(reply="receipt") + hears, contract("b1", buyer.url("b1")))
        lead = await gate.post()

        async def is_(state: str) -> bool:
            return await gate.one("select count(*) from callback where state = $1", state) == 1

        await until(lambda: is_("dead"))
        told = await leadgate("callbacks")
        assert told.stdout.endswith(f"acme  lead {lead[-8:]}  success  dead  1 try  http_500\n"), told.output
        assert "given up after 1 try, status 500" in (await leadgate("trace", lead)).stdout
        says("/away", reply(200, b""))
        missed = await leadgate("callbacks", "--again", "ffffffff")
        assert (missed.exit_code, missed.stderr) == (
            1,
            "error: no callback ends in 'ffffffff'; `leadgate callbacks --all` shows them\n",
        )
        [row] = objects(await leadgate("callbacks", "--json"))
        assert (row["lead_id"], row["state"], row["attempts"]) == (lead, "dead", 1)
        dry = await leadgate("callbacks", "--again", "all", "--dry-run")
        assert dry.stderr == "1 callback would be told anew\n"
        assert await is_("dead")
        assert (await leadgate("callbacks", "--dry-run")).exit_code == 2
        again = await leadgate("callbacks", "--again", told.stdout.split()[0])
        assert again.stderr == "1 callback is told anew\n"
        await until(lambda: is_("told"))
        assert (await leadgate("callbacks")).stderr == "every source was told\n"
    assert len({got.headers["webhook-id"] for got in vendor.received}) == 1
