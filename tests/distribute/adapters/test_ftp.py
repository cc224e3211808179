"""A lead as a file on real FTP servers that refuse, lag and break off at every step."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from app.distribute.adapter import adapters
from app.distribute.exchange import Conversed
from app.distribute.wire import unsaid
from app.model import Accepted, TryLater, Unclear
from tests.distribute.drive import ANN, ann, drive
from tests.distribute.filing import BODY, LEAD, NAME, PART, filed
from tests.ingest.channels.ftpserver import PASSWORD, USER, ftp_server
from tests.ingest.channels.smallftp import Talk, small_ftp
from tests.selfsigned import self_signed

WHO = {"host": "127.0.0.1", "user": USER, "password": PASSWORD, "tls": "none", "patience": "2s"}
HASTY = {"patience": "200ms"}
THERE = Accepted(reference=NAME, read="the file is there")
Answer = Callable[[Talk, str], Awaitable[str | None]]


async def over_ftp(port: int, **more: Any) -> Conversed:
    return await filed("ftp", {**WHO, "port": port, **more})


def seen(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def says(text: str | None) -> Answer:
    async def say(talk: Talk, given: str) -> str | None:
        return text

    return say


async def stands_still(talk: Talk, given: str) -> str | None:
    """Until the other end has gone."""
    await talk.reader.read()
    return None


def does(command: str, then: str | None = None) -> Answer:
    """What it is told to do, and then another answer, or none at all."""

    async def do(talk: Talk, given: str) -> str | None:
        await talk.answer(command, given)
        return then

    return do


def at_first(answer: Answer, command: str) -> Answer:
    """That at the first time, what it should from then on."""
    times: list[str] = []

    async def say(talk: Talk, given: str) -> str | None:
        times.append(given)
        return await (answer(talk, given) if len(times) == 1 else talk.answer(command, given))

    return say


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "incoming"
    made.mkdir()
    return made


# where all goes well -----------------------------------------------------------------------------


async def test_the_file_is_there_whole_under_the_name_of_its_delivery(folder: Path) -> None:
    (folder / "leads").mkdir()
    with ftp_server(folder) as server:
        conversed = await over_ftp(server.port, folder="leads")
    assert conversed.outcome == THERE
    assert conversed.handed_over
    assert seen(folder) == {f"leads/{NAME}": BODY}
    assert [c for c in server.said if c in ("STOR", "RNFR", "RNTO")] == ["STOR", "RNFR", "RNTO"]


async def test_a_further_try_overwrites_its_own_name_and_leaves_no_part(folder: Path) -> None:
    (folder / NAME).write_text("of the try before")
    (folder / PART).write_text("left by another, and longer than what is to be there")
    with ftp_server(folder) as server:
        assert (await over_ftp(server.port)).outcome == THERE
    assert seen(folder) == {NAME: BODY}


@pytest.mark.parametrize("tls", ["explicit", "implicit"])
async def test_with_tls_data_are_protected_and_the_certificate_is_asked_for(
    folder: Path, tmp_path: Path, tls: str
) -> None:
    certificate = self_signed(tmp_path, "localhost")
    async with small_ftp(folder, tls=tls, certificate=certificate) as server:
        trusted = await over_ftp(server.port, host="localhost", tls=tls, ca=str(certificate))
        stranger = await over_ftp(server.port, host="localhost", tls=tls)
    assert trusted.outcome == THERE
    assert server.resumed == [True]
    assert isinstance(stranger.outcome, TryLater)
    assert stranger.outcome.reason == "tls_failed"
    assert seen(folder) == {NAME: BODY}


async def test_a_server_that_tells_no_sizes_is_enough(folder: Path) -> None:
    with ftp_server(folder, lacks=("SIZE", "EPSV")) as server:
        assert (await over_ftp(server.port)).outcome == THERE


async def test_a_server_that_hides_names_with_a_dot_is_enough(folder: Path) -> None:
    async def hides(talk: Talk, given: str) -> str | None:
        return "550 no such file" if given.startswith(".") else await talk.answer("SIZE", given)

    async with small_ftp(folder) as server:
        server.answers["SIZE"] = hides
        assert (await over_ftp(server.port)).outcome == THERE
        server.answers["RNTO"] = says("553 no")
        outcome = (await over_ftp(server.port, file="{{ lead_id }}.json")).outcome
    assert isinstance(outcome, TryLater)
    assert seen(folder) == {NAME: BODY}


async def test_a_server_that_moves_over_nothing_has_the_former_file_taken_away(folder: Path) -> None:
    (folder / NAME).write_text("of the try before")

    async def never_over(talk: Talk, given: str) -> str | None:
        return "553 it is there" if (folder / given).exists() else await talk.answer("RNTO", given)

    async with small_ftp(folder) as server:
        server.answers["RNTO"] = never_over
        assert (await over_ftp(server.port)).outcome == THERE
    assert seen(folder) == {NAME: BODY}


async def test_where_nobody_may_rename_it_is_written_under_its_name(folder: Path) -> None:
    with ftp_server(folder, may="elw") as server:
        assert (await over_ftp(server.port, atomic=False)).outcome == THERE
        assert (await over_ftp(server.port)).outcome == TryLater(
            reason="ftp_550", read="the server refuses the file: ftp_550"
        )
    assert seen(folder)[NAME] == BODY


async def test_the_trace_shows_where_it_went_and_no_secret(folder: Path) -> None:
    with ftp_server(folder) as server:
        (exchange,) = (await over_ftp(server.port)).exchanges
    assert exchange.method == "PUT"
    assert exchange.url == f"ftp://127.0.0.1:{server.port}/{NAME}"
    assert (exchange.sent, exchange.status, exchange.received) == (BODY, 250, b"the file is there")
    assert PASSWORD not in str(exchange)


def test_what_would_be_sent_can_be_shown_without_sending_it() -> None:
    to = adapters.discover()["ftp"].settings.model_validate({**LEAD, **WHO})
    exchange = unsaid(drive(adapters["ftp"].converse(ANN, to)).calls[0])
    assert (exchange.url, exchange.sent) == (f"ftp://127.0.0.1:21/{NAME}", BODY)
    assert exchange.sent_headers == {"written as": PART}
    assert PASSWORD not in str(exchange)


async def test_what_the_buyer_is_to_confirm_waits_for_that(folder: Path) -> None:
    with ftp_server(folder) as server:
        conversed = await over_ftp(server.port, proof="confirmed")
    assert conversed.outcome == Unclear(
        reason="awaits_confirmation", read="the file is there; the buyer is to confirm"
    )


# nothing handed over -----------------------------------------------------------------------------


async def test_an_address_within_is_not_dialled(folder: Path) -> None:
    with ftp_server(folder) as server:
        conversed = await filed("ftp", {**WHO, "port": server.port}, allow_private=False)
    assert conversed.outcome == TryLater(reason="address_refused", read="address_refused: loopback")
    assert server.said == []


async def test_a_port_of_another_service_is_not_dialled() -> None:
    outcome = (await over_ftp(25)).outcome
    assert outcome == TryLater(reason="address_refused", read="address_refused: port")


async def test_nobody_there_is_later() -> None:
    outcome = (await over_ftp(1)).outcome
    assert isinstance(outcome, TryLater)


async def test_a_refused_log_in_and_a_folder_that_is_none_are_later(folder: Path) -> None:
    async with small_ftp(folder) as server:
        server.answers["CWD"] = says("550 no")
        stranger = await over_ftp(server.port, password="wrong")
        lost = await over_ftp(server.port, folder="nowhere")
    assert stranger.outcome == TryLater(
        reason="refused", read="refused: 127.0.0.1: the log-in was refused (it says 530)"
    )
    assert lost.outcome == TryLater(
        reason="refused", read="refused: 127.0.0.1: the folder nowhere can't be entered (it says 550)"
    )
    assert not stranger.handed_over


@pytest.mark.parametrize(
    ("command", "answer", "reason"),
    [
        ("STOR", says("553 not that name"), "ftp_553"),
        ("STOR", says("452 no room"), "ftp_452"),
        ("STOR", does("STOR", "552 over your quota"), "ftp_552"),
        ("STOR", does("STOR", "426 cut off"), "ftp_426"),
        ("RNFR", says("550 no"), "ftp_550"),
        ("RNTO", says("532 who pays?"), "ftp_532"),
    ],
)
async def test_a_refusal_is_later_with_its_number_and_leaves_nothing_behind(
    folder: Path, command: str, answer: Answer, reason: str
) -> None:
    async with small_ftp(folder) as server:
        server.answers[command] = answer
        conversed = await over_ftp(server.port)
    assert conversed.outcome == TryLater(reason=reason, read=f"the server refuses the file: {reason}")
    assert not conversed.handed_over
    assert seen(folder) == {}


async def half(talk: Talk, given: str) -> str | None:
    reader, _ = await talk.opened()
    (talk.server.folder / given).write_bytes((await reader.read())[:9])
    return "226 done"


async def test_less_than_was_sent_gets_no_name(folder: Path) -> None:
    async with small_ftp(folder) as server:
        server.answers["STOR"] = half
        assert (await over_ftp(server.port)).outcome == TryLater(
            reason="cut_short", read="the server refuses the file: cut_short"
        )
    assert seen(folder) == {}


async def breaks_off(talk: Talk, given: str) -> str | None:
    await half(talk, given)
    return None


async def never_ends(talk: Talk, given: str) -> str | None:
    await half(talk, given)
    return await stands_still(talk, given)


@pytest.mark.parametrize(
    ("command", "answer", "reason"),
    [
        ("USER", says(None), "hung_up"),
        ("USER", stands_still, "no_answer"),
        ("STOR", says(None), "broken_off"),
        ("STOR", breaks_off, "broken_off"),
        ("STOR", never_ends, "broken_off"),
        ("SIZE", says(None), "broken_off"),
    ],
)
async def test_what_breaks_before_the_name_is_later_and_the_name_never_appears(
    folder: Path, command: str, answer: Answer, reason: str
) -> None:
    async with small_ftp(folder) as server:
        server.answers[command] = answer
        conversed = await over_ftp(server.port, **HASTY)
        assert isinstance(conversed.outcome, TryLater)
        assert conversed.outcome.reason == reason
        assert not conversed.handed_over
        assert NAME not in seen(folder)
        server.answers.clear()
        assert (await over_ftp(server.port)).outcome == THERE
    assert seen(folder) == {NAME: BODY}


# the rename without an answer ----------------------------------------------------------------------


@pytest.mark.parametrize("then", [says(None), stands_still], ids=["broken", "silent"])
async def test_a_rename_that_was_done_without_a_word_is_found_out(folder: Path, then: Answer) -> None:
    async def renames(talk: Talk, given: str) -> str | None:
        await talk.answer("RNTO", given)
        return await then(talk, given)

    async with small_ftp(folder) as server:
        server.answers["RNTO"] = renames
        conversed = await over_ftp(server.port, **HASTY)
    assert conversed.outcome == THERE
    assert server.said.count("STOR") == 1
    assert seen(folder) == {NAME: BODY}


@pytest.mark.parametrize("answer", [says(None), stands_still], ids=["broken", "silent"])
async def test_a_rename_that_was_not_done_is_made_impossible_and_then_later(
    folder: Path, answer: Answer
) -> None:
    async with small_ftp(folder) as server:
        server.answers["RNTO"] = at_first(answer, "RNTO")
        conversed = await over_ftp(server.port, **HASTY)
        assert isinstance(conversed.outcome, TryLater)
        assert conversed.outcome.reason == "broken_off"
        assert seen(folder) == {}
        assert (await over_ftp(server.port)).outcome == THERE


async def test_a_file_that_was_renamed_without_a_word_and_taken_at_once_is_unclear(folder: Path) -> None:
    async def renames_and_takes(talk: Talk, given: str) -> str | None:
        await talk.answer("RNTO", given)
        (folder / given).unlink()
        return None

    async with small_ftp(folder) as server:
        server.answers["RNTO"] = renames_and_takes
        conversed = await over_ftp(server.port, **HASTY)
    assert conversed.outcome == Unclear(
        reason="broken", read="broken: nobody can tell whether the file has its name"
    )
    assert conversed.handed_over


async def test_a_part_that_may_not_be_taken_away_stays_unclear(folder: Path) -> None:
    async with small_ftp(folder) as server:
        server.answers["RNTO"] = says(None)
        server.answers["DELE"] = says("550 no")
        assert isinstance((await over_ftp(server.port, **HASTY)).outcome, Unclear)


async def test_a_server_that_is_gone_after_the_rename_leaves_it_unclear(folder: Path) -> None:
    async def renames(talk: Talk, given: str) -> str | None:
        talk.server.answers["USER"] = says(None)
        return await does("RNTO")(talk, given)

    async with small_ftp(folder) as server:
        server.answers["RNTO"] = renames
        assert isinstance((await over_ftp(server.port, **HASTY)).outcome, Unclear)


async def test_a_part_that_somebody_took_is_unclear(folder: Path) -> None:
    """A buyer who takes whatever lies there has the lead, whatever it is called."""

    async def takes(talk: Talk, given: str) -> str | None:
        said = await talk.answer("STOR", given)
        (folder / given).unlink()
        return said

    async with small_ftp(folder) as server:
        server.answers["STOR"] = takes
        assert isinstance((await over_ftp(server.port)).outcome, Unclear)


async def test_without_renaming_a_file_that_broke_off_is_unclear_unless_all_of_it_is_there(
    folder: Path,
) -> None:
    async with small_ftp(folder) as server:
        server.answers["STOR"] = breaks_off
        assert isinstance((await over_ftp(server.port, atomic=False, **HASTY)).outcome, Unclear)
        server.answers["STOR"] = does("STOR")
        assert (await over_ftp(server.port, atomic=False, **HASTY)).outcome == THERE


async def test_a_test_delivery_says_so_in_its_file(folder: Path) -> None:
    told = {**WHO, "test": {"probe": "yes"}}
    with ftp_server(folder) as server:
        await filed("ftp", {**told, "port": server.port}, handover=ann(test=True))
    assert seen(folder) == {NAME: b'{"email":"ann@example.com","probe":"yes"}'}
