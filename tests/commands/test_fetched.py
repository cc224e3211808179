"""What the doctor says of leads that platforms only name."""

from app.commands.fetched import platforms
from app.settings import Settings
from app.store.database import Database


async def lines(database: Database) -> list[tuple[str, str, str]]:
    return [(one.level, one.name, one.text) for one in await platforms(database, Settings())]


async def test_where_all_is_fetched_there_is_nothing_to_say(database: Database) -> None:
    async with database.acquire() as conn:
        await conn.execute(
            "insert into platform_lead (source, platform, lead, want, state) values ('acme', 'meta', '1', 'fetch', 'done')"
        )
    assert await lines(database) == []


async def test_what_waits_is_overdue_or_was_given_up_is_told_with_its_reason(database: Database) -> None:
    async with database.acquire() as conn:
        await conn.execute("""
            insert into platform_lead (source, platform, lead, want, state, reason, next_at, ended_at) values
              ('a', 'meta', '1', 'fetch', 'waiting', '', now(), null),
              ('b', 'meta', '1', 'fetch', 'waiting', 'limited', now() + interval '1 hour', null),
              ('c', 'meta', '1', 'fetch', 'waiting', '', now() - interval '10 minutes', null),
              ('d', 'linkedin', '1', 'fetch', 'dead', 'shape', now(), now() - interval '1 hour'),
              ('d', 'linkedin', '2', 'fetch', 'dead', 'denied', now(), now())
        """)
        await conn.execute(
            "insert into platform_poll (source, platform, what, reason, failures) values ('a', 'meta', '5', 'denied', 3)"
        )
    assert await lines(database) == [
        ("ok", "a meta", "1 lead to be fetched"),
        ("warn", "b meta", "1 lead to be fetched, the last as limited"),
        ("warn", "c meta", "1 lead to be fetched, overdue by 10 min"),
        ("fail", "d linkedin", "2 leads given up, the last as denied; 0 to be fetched"),
        ("warn", "a meta", "denied (3 looks at 5 in vain)"),
    ]
