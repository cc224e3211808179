"""What a buyer's own file says of our leads: followed once, however often it comes and whatever else is in it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.core.file_events import AcknowledgementUnread, AcknowledgingTroubled
from app.pipeline.proving import Proving
from app.pipeline.settling import given_up
from app.store import acknowledgements
from app.store.database import Database
from app.store.deliveries import DeliveryRow
from tests.distribute.objectstore import BUCKET, object_store
from tests.ingest.channels.ftpserver import ftp_server
from tests.ingest.channels.sftpserver import sftp_server
from tests.pipeline.filehouse import (
    acknowledged,
    desk,
    ended,
    files,
    into_store,
    is_due,
    looks,
    over_ftp,
    over_sftp,
    reader,
)
from tests.pipeline.house import House, catalogue, lead, opened, source


@asynccontextmanager
async def sent(
    database: Database, tmp_path: Path, n: int, *, more: str = "", head: str = ""
) -> AsyncIterator[tuple[House, Path, list[str], str]]:
    """A house of which so many leads have left in one file: the folder of answers, the deliveries in the order of
    rows, the file's name."""
    ours, acks = tmp_path / "ours", tmp_path / "acks"
    ours.mkdir()
    acks.mkdir()
    with ftp_server(tmp_path) as server:
        yaml = catalogue(
            source(), over_ftp(server.port, more=f", folder: ours {acknowledged(more)}", head=head)
        )
        async with opened(database, yaml) as house:
            await house.post(*[lead(f"p{i}@example.com") for i in range(n)])
            await is_due(house)
            await desk(house).look()
            await ended(house, "unclear", n)
            ((name, lines),) = files(ours).items()
            yield house, acks, [line.partition(",")[0] for line in lines], name


async def states(house: House, ids: list[str]) -> list[str]:
    found = {str(r[0]): r[1] for r in await house.rows("select id, state from delivery")}
    return [found[one] for one in ids]


async def counted(house: House) -> tuple[Any, ...]:
    (row,) = await house.rows(
        "select sum(settled)::int, sum(repeated)::int, sum(strange)::int, sum(contradicted)::int from acknowledgement"
    )
    return tuple(row)


def ack(*rows: str) -> bytes:
    return "\n".join(["Id;Status;Why;Ref;Pays", *rows, ""]).encode("latin-1")


async def test_each_row_settles_its_delivery(database: Database, tmp_path: Path) -> None:
    async with sent(database, tmp_path, 4) as (house, acks, ids, name):
        said = [f"{ids[0]};ok;;A-1;41.50", f"{ids[1]};DUP", f"{ids[2]};NO;Straße zu weit", f"{ids[3]};LATER"]
        (acks / f"{name}.ack").write_bytes(ack(*said))
        await looks(house, 1)
        assert await states(house, ids) == ["unclear"] * 4
        await looks(house, 1)
        assert await states(house, ids) == ["accepted", "duplicate", "rejected", "unclear"]
        rows = await house.rows("select reference, price, reason from delivery order by id")
        told = {
            str(r[0]): r for r in await house.rows("select id, reference, price::text, reason from delivery")
        }
        assert told[ids[0]][1:3] == ("A-1", "41.50")
        assert told[ids[2]][3] == "Straße zu weit"
        assert len(rows) == 4
        assert [f.name for f in (acks / "done").iterdir()] == [f"{name}.ack"]
        by = await house.value(
            "select by_whom from lead_event where delivery_id = $1 and kind = 'settled'", UUID(ids[0])
        )
        assert by == f"acknowledgement file {name}.ack"
        (acks / f"{name}.ack").write_bytes(ack(f"{ids[3]};OK"))
        await looks(house)
        assert await states(house, ids) == ["accepted", "duplicate", "rejected", "accepted"]


async def test_a_file_that_is_still_written_is_read_when_it_is_whole(
    database: Database, tmp_path: Path
) -> None:
    async with sent(database, tmp_path, 3) as (house, acks, ids, name):
        whole = ack(*(f"{one};OK" for one in ids))
        for part in (len(whole) // 3, len(whole) - 2, len(whole)):
            (acks / f"{name}.ack").write_bytes(whole[:part])
            await looks(house, 1)
            assert await states(house, ids) == ["unclear"] * 3
        await looks(house, 1)
        assert await states(house, ids) == ["accepted"] * 3


async def test_a_word_that_is_said_twice_is_followed_once(database: Database, tmp_path: Path) -> None:
    async with sent(database, tmp_path, 2, more='done: ""') as (house, acks, ids, name):
        (acks / f"{name}.ack").write_bytes(ack(f"{ids[0]};OK;;A-1", f"{ids[0]};OK;;A-1", f"{ids[1]};NO"))
        await looks(house, 4)
        assert await counted(house) == (2, 1, 0, 0)
        assert (acks / f"{name}.ack").is_file()
        assert await house.value("select count(*) from entry where kind = 'sale'") == 1


async def test_what_contradicts_what_is_known_changes_nothing(database: Database, tmp_path: Path) -> None:
    async with sent(database, tmp_path, 3) as (house, acks, ids, name):
        (acks / f"{name}.ack").write_bytes(ack(f"{ids[0]};OK", f"{ids[1]};NO"))
        await looks(house)
        (acks / f"{name}.ack").write_bytes(ack(f"{ids[0]};NO", f"{ids[1]};OK", f"{ids[0]};OK"))
        await looks(house)
        assert await states(house, ids) == ["accepted", "rejected", "unclear"]
        assert await counted(house) == (2, 1, 0, 2)


async def test_strangers_are_counted_and_nothing_else(database: Database, tmp_path: Path) -> None:
    async with sent(database, tmp_path, 2) as (house, acks, ids, name):
        await house.post(lead("waits@example.com"))
        waits = await house.value("select id from delivery where state = 'waiting'")
        strange = [f"{UUID(int=7)};OK", "no id at all;OK", f"{waits};OK", "' or 1=1 --;OK", ";OK"]
        (acks / f"{name}.ack").write_bytes(ack(*strange, f"{ids[1]};OK"))
        await looks(house)
        assert await states(house, [*ids, str(waits)]) == ["unclear", "accepted", "waiting"]
        assert await counted(house) == (1, 0, 4, 0)


async def test_leads_are_named_by_their_own_ids_where_that_is_agreed(
    database: Database, tmp_path: Path
) -> None:
    async with sent(database, tmp_path, 2, more="by: lead_id") as (house, acks, ids, name):
        lead_id = await house.value("select lead_id from delivery where id = $1", UUID(ids[1]))
        (acks / f"{name}.ack").write_bytes(ack(f"{lead_id};OK", f"{ids[0]};OK"))
        await looks(house)
        assert await states(house, ids) == ["unclear", "accepted"]
        assert await counted(house) == (1, 0, 1, 0)


async def test_a_file_that_is_too_large_is_told_once_and_stands_in_nobodys_way(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.distribute.looking.MOST_BYTES", 10_000)
    told: list[Any] = []
    monkeypatch.setattr("app.pipeline.acknowledging.emit", told.append)
    async with sent(database, tmp_path, 1, more="name: '*.ack'") as (house, acks, ids, name):
        (acks / "0.ack").write_bytes(b"x" * 10_001)
        (acks / f"{name}.ack").write_bytes(ack(f"{ids[0]};OK"))
        await looks(house, 3)
        assert await states(house, ids) == ["accepted"]
        unread = [str(one.why) for one in told if isinstance(one, AcknowledgementUnread)]
        assert unread == ["too_large"]
        assert await house.value("select trouble from acknowledging") == ""


async def test_ten_megabytes_are_read(database: Database, tmp_path: Path) -> None:
    async with sent(database, tmp_path, 2) as (house, acks, ids, name):
        stranger = f"{UUID(int=7)};OK;{'x' * 1_000}"
        (acks / f"{name}.ack").write_bytes(ack(*[stranger] * 10_000, f"{ids[0]};OK"))
        assert (acks / f"{name}.ack").stat().st_size > 10_000_000
        await looks(house)
        assert await states(house, ids) == ["accepted", "unclear"]
        assert await counted(house) == (1, 0, 10_000, 0)


async def test_a_thousand_are_settled_by_one_file(database: Database, tmp_path: Path) -> None:
    async with sent(database, tmp_path, 1_000) as (house, acks, ids, name):
        (acks / f"{name}.ack").write_bytes(ack(*(f"{one};OK" for one in ids)))
        await looks(house)
        assert set(await states(house, ids)) == {"accepted"}
        assert await house.value("select count(*) from lead where state = 'sold'") == 1_000


@pytest.mark.parametrize(
    "body",
    [
        b'{"file": "x", "rows": [{"Id": "%s", "Status": "OK"}, {"Id": "%s", "Status": "DUP"}]}',
        b'{"Id": "%s", "Status": "OK"}\n{"Id": "%s", "Status": "DUP"}\n',
        b"<r><row><Id>%s</Id><Status>OK</Status></row><row><Id>%s</Id><Status>DUP</Status></row></r>",
        b'\xef\xbb\xbfStatus\tId\nOK\t%s\n"DUP"\t%s',
    ],
)
async def test_json_xml_and_tables_are_known_by_their_look(
    database: Database, tmp_path: Path, body: bytes
) -> None:
    async with sent(database, tmp_path, 2) as (house, acks, ids, name):
        (acks / f"{name}.ack").write_bytes(body % tuple(one.encode() for one in ids))
        await looks(house)
        assert await states(house, ids) == ["accepted", "duplicate"]


async def test_rows_of_our_file_are_named_by_their_number_and_the_rest_is_what_was_agreed(
    database: Database, tmp_path: Path
) -> None:
    more = 'by: row, rest: accepted, name: "{{ stem }}.err"'
    async with sent(database, tmp_path, 3, more=more) as (house, acks, ids, name):
        (acks / "another.err").write_bytes(b"Id;Status\n1;NO\n")
        (acks / f"{name.removesuffix('.csv')}.err").write_bytes(b"Id;Status\n002;NO\n9;NO\n")
        await looks(house, 3)
        assert await states(house, ids) == ["accepted", "rejected", "accepted"]
        assert await counted(house) == (3, 0, 1, 0)
        assert await house.rows("select name, state from acknowledgement order by state") == [
            (f"{name.removesuffix('.csv')}.err", "read"),
            ("another.err", "unreadable"),
        ]


async def test_what_nobody_can_read_is_told_once_and_a_better_one_is_read(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    monkeypatch.setattr("app.pipeline.acknowledging.emit", told.append)
    async with sent(database, tmp_path, 1) as (house, acks, ids, name):
        (acks / f"{name}.ack").write_bytes(b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')
        await looks(house, 4)
        assert [type(one) for one in told] == [AcknowledgementUnread]
        (acks / f"{name}.ack").write_bytes(ack(f"{ids[0]};OK"))
        await looks(house)
        assert await states(house, ids) == ["accepted"]


async def test_a_folder_that_is_not_there_is_told_once_and_looked_for_less_often(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    monkeypatch.setattr("app.pipeline.acknowledging.emit", told.append)
    async with sent(database, tmp_path, 1) as (house, acks, ids, name):
        acks.rmdir()
        await looks(house, 3)
        assert [type(one) for one in told] == [AcknowledgingTroubled]
        assert tuple((await house.rows("select failures, trouble from acknowledging"))[0]) == (3, "ftp_550")
        acks.mkdir()
        (acks / f"{name}.ack").write_bytes(ack(f"{ids[0]};OK"))
        await looks(house)
        assert await house.value("select failures from acknowledging") == 0
        assert await states(house, ids) == ["accepted"]


async def test_who_has_told_what_he_calls_a_lead_may_name_it_so_from_then_on(
    database: Database, tmp_path: Path
) -> None:
    async with sent(database, tmp_path, 4) as (house, acks, ids, name):
        (acks / f"{name}.ack").write_bytes(
            ack(*(f"{one};LATER;;{ref}" for one, ref in zip(ids, ("S1", "S2", "TWO", "TWO"), strict=True)))
        )
        await looks(house)
        assert await states(house, ids) == ["unclear"] * 4
        story = await house.rows(
            "select data->>'reference', by_whom from lead_event where kind = 'referenced'"
        )
        assert sorted(r[0] for r in story) == ["S1", "S2", "TWO", "TWO"]
        assert {r[1] for r in story} == {f"acknowledgement file {name}.ack"}
        (acks / f"{name}.ack").write_bytes(b"Ref;Status;Pays\nS1;OK;40.00\nS2;NO;\nTWO;OK;\nS9;OK;\n;OK;\n")
        await looks(house)
        assert await states(house, ids) == ["accepted", "rejected", "unclear", "unclear"]
        assert await counted(house) == (2, 0, 2, 0)
        assert await house.rows("select reference, price::text from delivery where state = 'accepted'") == [
            ("S1", "40.00")
        ]


async def test_in_one_file_too_a_lead_is_known_by_what_it_is_called_further_up(
    database: Database, tmp_path: Path
) -> None:
    async with sent(database, tmp_path, 1) as (house, acks, ids, name):
        (acks / f"{name}.ack").write_bytes(ack(f"{ids[0]};LATER;;S1", ";OK;;S1;41.00"))
        await looks(house)
        assert await states(house, ids) == ["accepted"]


async def test_nobody_names_a_lead_of_another_contract_by_what_its_own_buyer_calls_it(
    database: Database, tmp_path: Path
) -> None:
    async with sent(database, tmp_path, 2) as (house, acks, ids, name):
        await house.run(
            "update delivery set reference = 'S1', contract = 'another' where id = $1", UUID(ids[0])
        )
        await house.run("update delivery set reference = 'S2', buyer = 'another' where id = $1", UUID(ids[1]))
        (acks / f"{name}.ack").write_bytes(ack(";OK;;S1", ";OK;;S2"))
        await looks(house)
        assert await states(house, ids) == ["unclear", "unclear"]
        assert await counted(house) == (0, 0, 2, 0)


async def test_two_who_look_at_once_settle_each_once(database: Database, tmp_path: Path) -> None:
    async with sent(database, tmp_path, 20) as (house, acks, ids, name):
        (acks / f"{name}.ack").write_bytes(ack(*(f"{one};OK" for one in ids)))
        await looks(house, 1)
        await house.run("update acknowledging set next_at = now()")
        contract = house.plans.snapshot.contracts["files"]
        await asyncio.gather(*(reader(house)._visit(contract, 0) for _ in range(3)))
        assert set(await states(house, ids)) == {"accepted"}
        assert await house.value("select count(*) from entry where kind = 'sale'") == 20


async def test_whoever_is_silent_beyond_the_deadline_loses_the_lead_to_the_next(
    database: Database, tmp_path: Path
) -> None:
    async with sent(database, tmp_path, 2, head="confirm: {within: 1h, then: reroute}") as (
        house,
        acks,
        ids,
        name,
    ):
        (acks / f"{name}.ack").write_bytes(ack(f"{ids[0]};OK"))
        await looks(house)

        async def give_up(delivery_id: UUID, reason: str, still: Callable[[DeliveryRow], bool]) -> None:
            await given_up(house.settler, delivery_id, reason, still=still)

        proving = Proving(
            house.database, house.world, house.metrics, plans=lambda: house.plans, give_up=give_up
        )
        await proving.look()
        assert await states(house, ids) == ["accepted", "unclear"]
        await house.run("update delivery set created_at = created_at - interval '2 hours'")
        await house.run("update attempt set started_at = started_at - interval '2 hours'")
        await proving.look()
        assert await states(house, ids) == ["accepted", "dead"]
        (acks / f"{name}.late.ack").write_bytes(ack(f"{ids[1]};OK"))
        await house.run("update delivery set state = 'unclear' where id = $1", UUID(ids[0]))
        await looks(house)
        assert (await states(house, ids))[1] == "dead"


async def test_over_sftp_and_of_single_files_the_same(database: Database, tmp_path: Path) -> None:
    (tmp_path / "acks").mkdir()
    single = acknowledged("name: 'answers-*.csv'")
    async with (
        sftp_server(tmp_path) as ssh,
        opened(
            database, catalogue(source(), over_sftp(ssh.port, ssh.host_key, batch="null", more=single))
        ) as house,
    ):
        (answer,) = await house.post(lead())
        assert answer.state == "unclear"
        id_ = str(await house.value("select id from delivery"))
        (tmp_path / "acks/answers-1.csv").write_bytes(ack(f"{id_};OK;;;40.00"))
        await looks(house)
        assert await states(house, [id_]) == ["accepted"]
        assert [f.name for f in (tmp_path / "acks/done").iterdir()] == ["answers-1.csv"]


async def test_a_bucket_is_looked_into_page_by_page(database: Database) -> None:
    more = ", file: 'in/{{ day }}/{{ bundle }}.csv'" + acknowledged("by: row, rest: rejected").replace(
        "key: Id, ", ""
    )
    async with object_store() as store:
        yaml = catalogue(source(), into_store(store.port, more=more))
        async with opened(database, yaml) as house:
            await house.post(*[lead(f"p{i}@example.com") for i in range(3)])
            await is_due(house)
            await desk(house).look()
            await ended(house, "unclear", 3)
            ((ours, body),) = store.objects.items()
            ids = [line.partition(",")[0] for line in body.decode().splitlines()[1:]]
            for n in range(5):
                store.objects[f"/{BUCKET}/acks/another{n}.txt"] = b"x"
            answer = f"/{BUCKET}/acks/{ours.rpartition('/')[2]}.ack"
            store.objects[answer] = b"row;Status\n1;OK\n2;DUP\n" + b"9;NO\n" * 100_000
            await looks(house)
            assert await states(house, ids) == ["accepted", "duplicate", "rejected"]
            assert answer in store.objects
            asked = len(store.asked)
            await house.run("update delivery set state = 'unclear' where id = $1", UUID(ids[2]))
            await looks(house)
            assert f"GET {answer}" not in store.asked[asked:]


async def gauged(house: House) -> dict[str, float]:
    await reader(house).gauges()
    return {
        name: value for (name,), value in house.metrics._gauges["leadgate_acknowledging_failures"].items()
    }


async def test_looks_in_vain_are_a_gauge_and_what_is_well_again_is_told(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    monkeypatch.setattr("app.pipeline.acknowledging.emit", told.append)
    async with sent(database, tmp_path, 1) as (house, acks, _, _):
        assert await gauged(house) == {"files": 0}
        acks.rmdir()
        await looks(house, 1)
        since = await house.value("select troubled_at from acknowledging")
        await looks(house, 2)
        assert await gauged(house) == {"files": 3}
        assert await house.value("select troubled_at from acknowledging") == since
        acks.mkdir()
        await looks(house, 2)
        assert await gauged(house) == {"files": 0}
        assert [(type(one).__name__, getattr(one, "failures", None)) for one in told] == [
            ("AcknowledgingTroubled", None),
            ("AcknowledgingWell", 3),
        ]
        assert await house.value("select troubled_at from acknowledging") is None


async def test_a_file_that_nobody_can_read_is_shown_until_one_of_its_name_was_read(
    database: Database, tmp_path: Path
) -> None:
    async def unread(house: House) -> dict[str, tuple[str, str, int]]:
        async with house.database.acquire() as conn:
            found = await acknowledgements.unread(conn, ["files", "others"], 7)
        return {id_: (one.name, one.why, one.n) for id_, one in found.items()}

    async with sent(database, tmp_path, 1, more='name: "*.ack"') as (house, acks, ids, _):
        (acks / "first.ack").write_bytes(b"<<")
        await looks(house)
        (acks / "second.ack").write_bytes(b"<<<")
        await looks(house)
        assert await unread(house) == {"files": ("second.ack", "unreadable", 2)}
        (acks / "second.ack").write_bytes(ack(f"{ids[0]};LATER"))
        await looks(house)
        assert await unread(house) == {"files": ("first.ack", "unreadable", 1)}
        count = house.metrics._counters["leadgate_acknowledgements_unread_total"]
        assert count == {("files", "unreadable"): 2}
        await house.run("update acknowledgement set read_at = read_at - interval '8 days'")
        assert await unread(house) == {}
