"""A buyer's file that comes by mail is followed like one in a folder, and no mail stands in another's way."""

import gzip
from typing import Any

import pytest
from pymap.exceptions import NotAllowedError
from pymap.imap.state import ConnectionState

from app.core.file_events import AcknowledgementPassedOver, AcknowledgementUnread, AcknowledgingTroubled
from app.distribute import letterbox
from app.distribute.wire import Wire
from app.store.database import Database
from tests.ingest.channels.mailserver import mail_server
from tests.mail_server import Outbox
from tests.pipeline.filehouse import bundled_by, looks, reader
from tests.pipeline.house import catalogue, lead, opened, source
from tests.pipeline.mailhouse import BUYER, answer, attached, by_mail, sent
from tests.pipeline.test_acknowledging import ack, counted

DONE = "Answers done"


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every event but of what was read."""
    events: list[Any] = []

    def note(event: Any) -> None:
        if isinstance(event, AcknowledgementPassedOver | AcknowledgementUnread | AcknowledgingTroubled):
            events.append((type(event), str(event.why)))

    monkeypatch.setattr("app.pipeline.acknowledging.emit", note)
    return events


async def test_each_row_of_an_attached_file_settles_its_delivery_and_the_mail_moves(
    database: Database,
) -> None:
    async with sent(database, 4) as there:
        rows = [
            f"{there.ids[0]};ok;;A-1;41.50",
            f"{there.ids[1]};DUP",
            f"{there.ids[2]};NO;Straße",
            f"{there.ids[3]};LATER",
        ]
        mail = answer((f"{there.name}.ack", ack(*rows)))
        await there.box.put(mail)
        await looks(there.house, 1)
        assert await there.states() == ["accepted", "duplicate", "rejected", "unclear"]
        found = await there.house.rows("select reference, price::text from delivery where state = 'accepted'")
        assert [tuple(row) for row in found] == [("A-1", "41.50")]
        assert await there.house.value("select reason from delivery where state = 'rejected'") == "Straße"
        by = await there.house.value("select distinct by_whom from lead_event where kind = 'settled'")
        assert by == f"acknowledgement file {there.name}.ack"
        assert (await there.box.folder("INBOX"), await there.box.folder(DONE)) == ([], [mail])


async def test_single_mails_are_answered_by_their_deliveries_and_by_their_leads(database: Database) -> None:
    outbox = Outbox()
    async with outbox.listening() as smtp, mail_server() as box:
        for by in ("delivery_id", "lead_id"):
            told = by_mail(smtp, box.port, batch="null", more=f", by: {by}, name: 'answers-*.csv'")
            async with opened(database, catalogue(source(), told)) as house:
                ((id_, state),) = [
                    (one.lead_id, one.state) for one in await house.post(lead(f"{by}@example.com"))
                ]
                assert state == "unclear"
                delivery = await house.value("select id from delivery where lead_id = $1", id_)
                named = {"delivery_id": delivery, "lead_id": id_}[by]
                await box.put(answer(("answers-7.csv", ack(f"{named};OK;;;40.00")), id_=by))
                await looks(house, 1)
                assert await house.state(id_) == "sold"
        assert len(attached(outbox)) == 2


async def test_an_adf_by_mail_is_answered_too(database: Database) -> None:
    outbox = Outbox()
    async with outbox.listening() as smtp, mail_server() as box:
        mailbox = f"{{host: 127.0.0.1, port: {box.port}, tls: none, user: leads, password: secret word}}"
        mail = f"""{{server: {{host: 127.0.0.1, port: {smtp}, tls: none}}, sender: us@leads.example, to: [in@dealer.example],
            proof: acknowledged, acknowledge: {{mailbox: {mailbox}, from: ['*@dealer.example'], listed: accepted}}}}"""
        async with opened(
            database, catalogue(source(), bundled_by(f"{{adapter: adf, mail: {mail}}}"))
        ) as house:
            (posted,) = await house.post(lead())
            id_ = await house.value("select id from delivery")
            await box.put(
                answer(("x.ack", f"delivery_id\n{id_}\n".encode()), sender="Desk <A@Dealer.example>")
            )
            await looks(house, 1)
            assert await house.state(posted.lead_id) == "sold"


async def test_a_mail_counts_once_however_often_it_comes_or_is_moved_back(database: Database) -> None:
    async with sent(database, 2) as there:
        mail = answer((f"{there.name}.ack", ack(f"{there.ids[0]};OK")))
        for _ in range(2):
            await there.box.put(mail)
        await looks(there.house, 1)
        await there.box.move(DONE, "INBOX")
        await there.box.number_anew()
        await looks(there.house, 2)
        settled, repeated, *_ = await counted(there.house)
        assert (settled, repeated in (0, 1)) == (1, True)
        assert await there.box.folder(DONE) == [mail, mail]
        assert await there.house.value("select count(*) from entry where kind = 'sale'") == 1


async def test_whoever_is_not_named_is_neither_opened_nor_touched(
    database: Database, told: list[Any]
) -> None:
    async with sent(database, 2) as there:
        files = ((f"{there.name}.ack", ack(f"{there.ids[0]};OK")),)
        strangers = [
            answer(*files, sender=sender)
            for sender in (
                "x@evil.example",
                f"{BUYER}.evil.example",
                f'"{BUYER}" <x@evil.example>',
                "x@sub.sunco.example",
            )
        ]
        for mail in strangers:
            await there.box.put(mail)
        await there.box.put(answer((f"{there.name}.ack", ack(f"{there.ids[1]};OK"))))
        await looks(there.house, 2)
        assert await there.states() == ["unclear", "accepted"]
        assert await there.box.folder("INBOX") == strangers
        assert await there.box.seen() == [False] * 4
        assert told == []
        assert await there.house.value("select count(*) from acknowledgement") == 1


async def test_a_mail_that_somebody_has_opened_is_read_all_the_same(database: Database) -> None:
    async with sent(database, 1, box={"done": ""}) as there:
        await there.box.put(answer((f"{there.name}.ack", ack(f"{there.ids[0]};OK"))))
        await there.box.mark(r"(\Seen)")
        await looks(there.house, 1)
        assert await there.states() == ["accepted"]


async def _says_no(*given: Any) -> None:
    raise NotAllowedError("no")


@pytest.mark.parametrize("done", ["", "Nobody may make it"])
async def test_where_a_mail_can_not_be_moved_it_is_marked_as_seen_and_remembered(
    database: Database, told: list[Any], done: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ConnectionState, "do_create", _says_no)
    async with sent(database, 2, box={"done": done}) as there:
        await there.box.put(answer((f"{there.name}.ack", ack(f"{there.ids[0]};OK"))))
        await looks(there.house, 3)
        assert await there.states() == ["accepted", "unclear"]
        assert await counted(there.house) == (1, 0, 0, 0)
        assert await there.box.seen() == [True]
        assert told == []


async def test_what_nobody_can_read_is_told_once_stays_and_blocks_nobody(
    database: Database, told: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letterbox, "MOST_BYTES", 100_000)
    async with sent(database, 1) as there:
        name = f"{there.name}.ack"
        hostile = [
            answer((name, b"x" * 200_000), id_="huge"),
            answer((name, gzip.compress(b"Id;Status\n" + b"\n" * 33_000_000)), id_="bomb"),
            answer((name, b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'), id_="xml"),
            answer(*((f"{n}.txt", b"x") for n in range(150)), id_="many"),
            answer((name, gzip.compress(b"x" * 500)[:-2]), id_="cut"),
        ]
        for mail in hostile:
            await there.box.put(mail)
        await there.box.put(answer((name, ack(f"{there.ids[0]};OK"))))
        await looks(there.house, 1)
        assert await there.states() == ["accepted"]
        assert told == [
            (AcknowledgementUnread, why)
            for why in ("too_large", "too_large", "unreadable", "unreadable", "unreadable")
        ]
        await there.house.run("update delivery set state = 'unclear'")
        await looks(there.house, 2)
        assert (len(told), await there.box.folder("INBOX")) == (5, hostile)


async def test_what_is_for_another_contract_stays_for_it(database: Database, told: list[Any]) -> None:
    async with sent(database, 1) as there:
        mails = [
            answer(id_="a note"),
            answer(("picture.png", b"x"), id_="no such name"),
            answer(("another.csv.ack", ack(f"{there.ids[0]};OK")), id_="a file that is none of ours"),
            answer(
                (f"{there.name}.ack", ack(f"{there.ids[0]};OK")),
                ("another.csv.ack", ack("7;NO")),
                id_="of both",
            ),
        ]
        for mail in mails:
            await there.box.put(mail)
        await looks(there.house, 2)
        assert [why for _, why in told] == ["no_file", "no_file", "names_no_file", "names_no_file"]
        assert {kind for kind, _ in told} == {AcknowledgementPassedOver}
        assert await there.house.value("select count(*) from acknowledgement where why <> ''") == 0
        assert await there.box.folder("INBOX") == mails
        assert await there.box.seen() == [False] * 4
        assert await there.states() == ["accepted"]


async def test_two_contracts_share_a_mailbox_and_each_has_its_own(database: Database) -> None:
    outbox = Outbox()
    async with outbox.listening() as smtp, mail_server() as box:
        one = by_mail(smtp, box.port, batch="null", more=", name: '*.csv'")
        two = by_mail(smtp, box.port, batch="null", more=", name: '*.csv'", id_="more")
        async with opened(database, catalogue(source(), one, two, sell="shared(2)")) as house:
            await house.post(lead())
            ids = dict(await house.rows("select contract, id from delivery"))
            for n, id_ in enumerate(ids.values()):
                await box.put(answer((f"{n}.csv", ack(f"{id_};OK")), id_=str(n)))
            await looks(house, 3)
            assert await house.rows("select distinct state from delivery") == [("accepted",)]
            assert (await box.folder("INBOX"), len(await box.folder(DONE))) == ([], 2)
            await house.run("update delivery set state = 'unclear'")
            await box.put(answer(("2.csv", ack(*(f"{id_};NO" for id_ in ids.values()))), id_="of both"))
            await looks(house, 3)
            assert await house.rows("select distinct state from delivery") == [("rejected",)]
            assert len(await box.folder("INBOX")) == 1


async def test_the_rest_waits_for_all_files_of_the_mail(database: Database) -> None:
    async with sent(database, 3, more=", by: row, rest: rejected, name: '{{ stem }}-*.csv'") as there:
        stem = there.name.removesuffix(".csv")
        rows = (f"{stem}-a-b.csv", b"Id;Status\n1;OK\n"), (f"{stem}-2.csv", b"Id;Status\n3;OK\n")
        await there.box.put(answer(*rows))
        await looks(there.house, 1)
        assert await there.states() == ["accepted", "rejected", "accepted"]


async def test_a_file_of_what_is_still_on_its_way_is_read_again(database: Database) -> None:
    async with sent(database, 2) as there:
        await there.house.run("update delivery set state = 'sending' where id = $1::text::uuid", there.ids[0])
        await there.box.put(answer((f"{there.name}.ack", ack(*(f"{one};OK" for one in there.ids)))))
        await looks(there.house, 1)
        assert len(await there.box.folder("INBOX")) == 1
        await there.house.run("update delivery set state = 'unclear' where id = $1::text::uuid", there.ids[0])
        await looks(there.house, 1)
        assert await there.states() == ["accepted", "accepted"]
        assert await there.box.folder("INBOX") == []


async def test_a_mail_that_the_server_does_not_hand_out_waits_and_the_others_do_not(
    database: Database, told: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with sent(database, 2) as there:
        for n, id_ in enumerate(there.ids):
            await there.box.put(answer((f"{there.name}.ack", ack(f"{id_};OK")), id_=str(n)))
        asked, fetches = list[Any](), ConnectionState.do_fetch

        async def says_no_once(state: ConnectionState, command: Any) -> Any:
            asked.append(command)
            if len(asked) == 2:
                raise NotAllowedError("not now")
            return await fetches(state, command)

        monkeypatch.setattr(ConnectionState, "do_fetch", says_no_once)
        await looks(there.house, 1)
        assert await there.states() == ["unclear", "accepted"]
        await looks(there.house, 1)
        assert await there.states() == ["accepted", "accepted"]
        assert told == []


class _Dies(BaseException):
    """As by kill -9."""


@pytest.mark.parametrize("at", ["app.store.acknowledgements.read", "app.distribute.letterbox.Letterbox.away"])
async def test_a_kill_between_what_is_said_and_its_move_doubles_and_loses_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    async def dies(*given: Any, **more: Any) -> None:
        raise _Dies

    async with sent(database, 2) as there:
        await there.box.put(answer((f"{there.name}.ack", ack(f"{there.ids[0]};OK"))))
        with monkeypatch.context() as killed:
            killed.setattr(at, dies)
            with pytest.raises(_Dies):
                await looks(there.house, 1)
        assert len(await there.box.folder("INBOX")) == 1
        await looks(there.house, 1)
        assert await there.states() == ["accepted", "unclear"]
        assert len(await there.box.folder(DONE)) == 1
        assert await there.house.value("select count(*) from entry where kind = 'sale'") == 1


@pytest.mark.parametrize(
    ("box", "why"),
    [
        ({"password": "hunter2"}, "login_refused"),
        ({"folder": "Nowhere"}, "imap_no"),
        ({"port": 65535}, "connect_failed"),
    ],
    ids=str,
)
async def test_a_mailbox_that_is_away_is_told_once_and_looked_into_less_often(
    database: Database, told: list[Any], box: dict[str, Any], why: str
) -> None:
    async with sent(database, 1) as there:
        await there.house.configure(catalogue(source(), by_mail(there.smtp, there.box.port, box=box)))
        await looks(there.house, 3)
        assert told == [(AcknowledgingTroubled, why)]
        found = await there.house.rows("select failures, trouble from acknowledging")
        assert [tuple(row) for row in found] == [(3, why)]
        await there.box.put(answer((f"{there.name}.ack", ack(f"{there.ids[0]};OK"))))
        await there.house.configure(catalogue(source(), by_mail(there.smtp, there.box.port)))
        await looks(there.house, 1)
        assert await there.states() == ["accepted"]
        assert await there.house.value("select failures from acknowledging") == 0


async def test_an_address_that_we_must_not_reach_is_not_dialled(database: Database, told: list[Any]) -> None:
    async with sent(database, 1) as there:
        async with Wire(allow_private=False) as guarded:
            await reader(there.house, guarded).look()
        assert told == [(AcknowledgingTroubled, "address_refused")]
