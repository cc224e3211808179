"""Rules over several processes: of one person, however written, one lead is taken, and no buyer gets two."""

import asyncio
from collections import Counter

import pytest

from tests.e2e.books import Books
from tests.e2e.catalogues import catalogue, contract, source
from tests.e2e.conftest import Make
from tests.e2e.counting import CountingBuyer
from tests.e2e.source import Source, lead

pytestmark = pytest.mark.e2e

LOOSE = "{check: duplicate, name: loose, on: [email], match: loose}"
BY_BUYER = "{check: duplicate, name: theirs, on: [first_name], scope: buyer}"


async def test_one_person_by_many_mailboxes_and_many_by_one_name(
    services: Make, buyer: CountingBuyer, database_url: str
) -> None:
    """A hundred spellings of one mailbox at one moment; then forty people of one name for three buyers."""
    service = services(database_url=database_url, processes=3)
    buyers = [contract(one, buyer.url(one)) for one in "abc"]
    await service.configure(catalogue(source(), *buyers, check=f"{LOOSE}\n      - {BY_BUYER}"))
    key = await service.key("source", "acme")
    await service.start()
    async with Books(database_url) as books, Source(service.url, key, connections=100, fresh=True) as acme:
        spelt = [{**lead(0), "email": f"A.n.n+{n}@{('gmail', 'googlemail')[n % 2]}.com"} for n in range(100)]
        answers = await asyncio.gather(*map(acme.post, spelt))
        assert Counter(a.outcome for a in answers) == {"success": 1, "failure": 99}
        named = [{**lead(f"x{n}"), "first_name": "Zora"} for n in range(40)]
        answers = await asyncio.gather(*map(acme.post, named))
        assert Counter(a.outcome for a in answers) == {"success": 3, "failure": 37}
        per_buyer = await books.conn.fetch(
            """select d.buyer, count(*) from delivery d join lead_detail l using (lead_id)
                where d.state = 'accepted' and l.fields->'first_name'->>1 = 'Zora' group by 1 order by 1"""
        )
        assert [tuple(row) for row in per_buyer] == [("a", 1), ("b", 1), ("c", 1)]
        assert await books.deadlocks() == 0
