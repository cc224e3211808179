import gzip
import hashlib
from pathlib import Path

import pytest

from app.catalog.documents import ListDoc
from app.components import discover
from app.core.errors import Conflict, Refused
from app.ingest.fieldtype import fieldtypes
from app.pipeline import lists as module
from app.pipeline.lists import Lists, find
from app.store import suppression as store
from app.store.database import Database
from app.validate.check import Entry, Listed

discover()
DNC = ListDoc(id="dnc", of="phone")


def number(n: int) -> str:
    return f"212{2_000_000 + n}"


def written(path: Path, *lines: str, end: str = "\n") -> Path:
    path.write_bytes(end.join([*lines, ""]).encode())
    return path


@pytest.fixture
def lists(database: Database) -> Lists:
    return Lists(database, fieldtypes)


@pytest.fixture
def numbers(tmp_path: Path) -> Path:
    """More than go beside the blocks of a list."""
    return written(tmp_path / "dnc.csv", "phone", *(number(n) for n in range(0, 60_000, 2)))


async def on(lists: Lists, doc: ListDoc, *texts: str) -> list[bool]:
    return [(await lists.look_up([doc], text))[0] == [doc.id] for text in texts]


async def rows(database: Database) -> int:
    async with database.acquire() as conn:
        return await conn.fetchval("select count(distinct generation) from suppression_block")


async def test_what_was_loaded_is_found_and_nothing_else_is(lists: Lists, numbers: Path) -> None:
    loaded = await lists.load(DNC, numbers, "add", by="ann")
    assert (loaded.lines, loaded.taken, loaded.refused) == (30_001, 30_000, 0)
    assert (loaded.state.entries, loaded.state.changes, loaded.state.loaded_by) == (30_000, 0, "ann")
    async with lists._database.acquire() as conn:
        asked = [("dnc", module.keys_of(DNC, f"+1{number(n)}")[0]) for n in range(60_000)]
        assert await store.hits(conn, asked) == list(range(0, 60_000, 2))


async def test_twenty_million_numbers_would_take_less_than_a_gigabyte(lists: Lists, numbers: Path) -> None:
    loaded = await lists.load(DNC, numbers, "add", by="ann")
    async with lists._database.acquire() as conn:
        room = await conn.fetchval("select pg_total_relation_size('suppression_block')")
    assert 8 < room / loaded.state.entries < 1_000_000_000 / 20_000_000


async def test_a_number_is_found_however_it_is_written(lists: Lists, tmp_path: Path) -> None:
    await lists.load(DNC, written(tmp_path / "l.txt", "212-555-1212"), "add", by="ann")
    assert await on(lists, DNC, "(212) 555-1212", "+12125551212", "2125551212", "212 555 1213") == [
        True
    ] * 3 + [False]


async def test_the_same_load_twice_is_the_same_as_once(lists: Lists, numbers: Path) -> None:
    await lists.load(DNC, numbers, "add", by="ann")
    assert (await lists.load(DNC, numbers, "add", by="ann")).state.entries == 30_000
    assert await rows(lists._database) == 1


async def test_entries_are_added_to_those_that_are_there_and_replaced_where_it_is_said(
    lists: Lists, numbers: Path, tmp_path: Path
) -> None:
    await lists.load(DNC, numbers, "add", by="ann")
    more = written(tmp_path / "more.csv", *(number(n) for n in range(1, 60_000, 2)))
    assert (await lists.load(DNC, more, "add", by="ann")).state.entries == 60_000
    assert (await lists.load(DNC, more, "replace", by="ann")).state.entries == 30_000
    assert await on(lists, DNC, number(0), number(1)) == [False, True]


async def test_many_entries_are_taken_off_by_a_file(lists: Lists, numbers: Path) -> None:
    await lists.load(DNC, numbers, "add", by="ann")
    await lists.change(DNC, add=[number(1)])
    state = (await lists.load(DNC, numbers, "remove", by="ann")).state
    assert (state.entries, await on(lists, DNC, number(0), number(1))) == (1, [False, True])


async def test_a_few_entries_go_beside_the_blocks_and_the_last_word_holds(
    lists: Lists, numbers: Path
) -> None:
    await lists.load(DNC, numbers, "add", by="ann")
    for present in (True, False, True):
        both = [number(1), number(0)]
        await (lists.change(DNC, add=both) if present else lists.change(DNC, remove=both))
        assert await on(lists, DNC, number(1), number(0)) == [present, present]
    await lists.change(DNC, remove=[number(0)])
    state = (await lists.states())["dnc"]
    assert (state.entries, state.changes) == (30_000, 2)
    await lists.compact("dnc")
    state = (await lists.states())["dnc"]
    assert (state.entries, state.changes) == (30_000, 0)
    assert await on(lists, DNC, number(1), number(0), number(2)) == [True, False, True]


async def test_a_small_file_goes_beside_the_blocks_of_a_large_list(
    lists: Lists, numbers: Path, tmp_path: Path
) -> None:
    await lists.load(DNC, numbers, "add", by="ann")
    state = (await lists.load(DNC, written(tmp_path / "few.csv", number(1)), "add", by="ann")).state
    assert (state.entries, state.changes) == (30_000, 1)
    assert await on(lists, DNC, number(1)) == [True]


async def test_a_load_that_is_broken_off_has_changed_nothing_and_leaves_nothing_behind(
    lists: Lists, numbers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lists.load(DNC, numbers, "add", by="ann")
    others = written(tmp_path / "others.csv", *(number(n) for n in range(1, 60_000, 2)))

    async def killed(*told: object, **more: object) -> None:
        raise KeyError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(store, "switch", killed)
        with pytest.raises(KeyError):
            await lists.load(DNC, others, "replace", by="bob")
    assert await rows(lists._database) == 2
    assert await on(lists, DNC, number(0), number(1)) == [True, False]
    await lists.load(DNC, others, "replace", by="bob")
    assert await rows(lists._database) == 1
    assert await on(lists, DNC, number(0), number(1)) == [False, True]


async def test_what_is_said_while_a_list_is_laid_down_is_not_lost(
    lists: Lists, numbers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lists.load(DNC, numbers, "add", by="ann")
    await lists.change(DNC, add=[number(1), number(3)])
    switch = store.switch

    async def meanwhile(*told: object, **more: object) -> None:
        await lists.change(DNC, remove=[number(3), number(0)])
        await switch(*told, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "switch", meanwhile)
    await lists.load(DNC, numbers, "replace", by="ann")
    assert await on(lists, DNC, number(0), number(1), number(3), number(2)) == [False, False, False, True]
    assert (await lists.states())["dnc"].changes == 2


async def test_of_two_who_load_one_list_at_once_the_second_is_told(
    lists: Lists, numbers: Path, database: Database
) -> None:
    async with database.acquire() as other:
        assert await store.alone(other, "dnc")
        with pytest.raises(Conflict, match="being loaded"):
            await lists.load(DNC, numbers, "replace", by="ann")
        await lists.load(ListDoc(id="other", of="phone"), numbers, "replace", by="ann")
        await store.done(other, "dnc")
    await lists.load(DNC, numbers, "replace", by="ann")


async def test_a_file_without_one_entry_leaves_the_list_as_it_is(lists: Lists, tmp_path: Path) -> None:
    await lists.change(DNC, add=[number(0)])
    with pytest.raises(Refused, match="none of 2 lines"):
        await lists.load(DNC, written(tmp_path / "x", "what", "is this"), "replace", by="ann")
    assert await on(lists, DNC, number(0)) == [True]


async def test_lines_that_are_no_entry_are_told_with_their_place_and_reason(
    lists: Lists, tmp_path: Path
) -> None:
    told: list[tuple[int, str, str]] = []
    file = written(tmp_path / "l.csv", "phone", number(0), "n/a", "", f'"{number(2)}', "555-0100")
    loaded = await lists.load(
        DNC,
        file,
        "add",
        by="ann",
        heard=lambda _, refused: told.extend((r.line, r.text, r.why) for r in refused),
    )
    assert told == [
        (3, "n/a", "is no telephone number"),
        (6, "555-0100", "is no number that its country assigns"),
    ]
    assert (loaded.lines, loaded.taken, loaded.refused) == (6, 2, 2)
    assert await on(lists, DNC, number(0), number(2)) == [True, True]


async def test_a_list_that_is_cleared_is_empty(lists: Lists, numbers: Path) -> None:
    await lists.load(DNC, numbers, "add", by="ann")
    await lists.change(DNC, add=[number(1)])
    await lists.clear(DNC, by="ann")
    assert (await lists.states())["dnc"].empty
    assert await on(lists, DNC, number(0), number(1)) == [False, False]


async def test_more_keys_than_are_held_in_memory_go_over_the_disk(
    lists: Lists, numbers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "Sorter", lambda folder: sorter(folder, held=10_000))
    await lists.load(DNC, numbers, "add", by="ann")
    assert (await lists.states())["dnc"].entries == 30_000
    assert await on(lists, DNC, number(0), number(59_998), number(59_999)) == [True, True, False]


sorter = module.Sorter


async def test_a_gzipped_file_is_read_as_the_file_in_it(lists: Lists, tmp_path: Path) -> None:
    (tmp_path / "l.csv.gz").write_bytes(gzip.compress(f"\ufeffphone\r\n{number(0)}\r\n".encode()))
    assert (await lists.load(DNC, tmp_path / "l.csv.gz", "add", by="ann")).taken == 1
    assert await on(lists, DNC, number(0)) == [True]


async def test_tidying_lays_down_lists_with_many_changes_and_no_others(
    lists: Lists, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "AS_CHANGES", 3)
    other = ListDoc(id="other", of="phone")
    await lists.change(DNC, add=[number(n) for n in range(4)])
    await lists.change(other, add=[number(n) for n in range(3)])
    await lists.tidy()
    states = await lists.states()
    assert [(s.list, s.entries, s.changes) for s in states.values()] == [("dnc", 4, 0), ("other", 0, 3)]


# as evidence ------------------------------------------------------------------------------------------


HASHED = [
    # of, hashed, country, written on the list, in a lead
    ("phone", "sha256", "US", "sha256 of +12125551212", "+12125551212"),
    ("phone", "md5", "US", "md5 of 2125551212", "+12125551212"),
    ("phone", "md5", "US", "md5 of 12125551212", "+12125551212"),
    ("phone", "sha1", "GB", "sha1 of 7911123456", "+447911123456"),
    ("email", "md5", "US", "md5 of ann@example.com", "ann@example.com"),
    ("email", "sha256", "US", "sha256 of annsmith@gmail.com", "ann.smith+solar@gmail.com"),
    ("domain", "sha256", "US", "sha256 of spam.example", "mail.spam.example"),
    ("ip", "md5", "US", "md5 of 203.0.113.7", "203.0.113.7"),
]


@pytest.mark.parametrize(("of", "hashed", "country", "entry", "value"), HASHED)
async def test_a_hash_is_found_in_every_usual_form(lists, of, hashed, country, entry, value) -> None:
    doc = ListDoc(id="theirs", of=of, hashed=hashed, country=country)
    algorithm, _, text = entry.partition(" of ")
    assert await lists.change(doc, add=[hashlib.new(algorithm, text.encode()).hexdigest().upper()]) == []
    ask = Listed(("theirs",), of, value)
    async with lists._database.acquire() as conn:
        assert await find(conn, {"theirs": doc}, [ask]) == {ask: (Entry("theirs"),)}


async def test_a_national_number_of_another_country_is_nobody_s_here(lists: Lists) -> None:
    doc = ListDoc(id="theirs", of="phone", hashed="md5", country="US")
    await lists.change(doc, add=[hashlib.md5(b"7911123456").hexdigest()])
    assert await on(lists, doc, "+447911123456") == [False]


async def test_lists_of_another_kind_are_passed_over_and_what_may_be_told_is_told(lists: Lists) -> None:
    docs = {
        "dnc": DNC,
        "suers": ListDoc(id="suers", of="phone", tell=False),
        "mails": ListDoc(id="mails", of="email"),
    }
    for name in ("dnc", "suers"):
        await lists.change(docs[name], add=[number(0)])
    here, there = (Listed(("dnc", "mails", "suers", "gone"), "phone", f"+1{number(n)}") for n in (0, 1))
    async with lists._database.acquire() as conn:
        found = await find(conn, docs, [here, there])
    assert (set(found[here]), found[there]) == ({Entry("dnc", True), Entry("suers", False)}, ())


@pytest.mark.parametrize(
    ("entry", "inside", "outside"),
    [
        ("198.51.100.0/24", "198.51.100.77", "198.51.101.77"),
        ("198.51.100.0/22", "198.51.103.1", "198.51.104.1"),
        ("198.51.100.64/26", "198.51.100.127", "198.51.100.128"),
        ("2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1"),
        ("2001:DB8:0::1", "2001:db8::1", "2001:db8::2"),
    ],
)
async def test_a_network_holds_its_addresses(lists: Lists, entry: str, inside: str, outside: str) -> None:
    doc = ListDoc(id="bots", of="ip")
    assert await lists.change(doc, add=[entry]) == []
    assert await on(lists, doc, inside, outside) == [True, False]


async def test_a_domain_holds_what_is_below_it_and_not_what_is_above(lists: Lists) -> None:
    doc = ListDoc(id="rivals", of="domain")
    await lists.change(doc, add=["@Mail.Spam.example"])
    assert await on(lists, doc, "a.mail.spam.example", "mail.spam.example", "spam.example") == [
        True,
        True,
        False,
    ]


async def test_a_hash_can_be_looked_up_as_it_stands(lists: Lists) -> None:
    doc = ListDoc(id="theirs", of="email", hashed="md5")
    await lists.change(doc, add=["ann@example.com"])
    assert await on(lists, doc, "8eb1b522f60d11fa897de1dc6351b7e8", "ANN@example.com") == [False, True]
