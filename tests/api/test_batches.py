"""A file of leads over HTTP: begun when it is whole, told how far it is, and what was wrong with it."""

import asyncio
import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from openpyxl import load_workbook

from tests.api.conftest import Api, serving
from tests.pipeline.test_batches import csv_of, rows_of, xlsx_of


async def send(
    api: Api, body: Any, *, key: str = "", query: str = "", kind: str = "text/csv", **headers: str
) -> Any:
    given = {"authorization": f"Bearer {key or api.acme}", "content-type": kind}
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    return await api.http.post(f"/v1/batches{query}", content=body, headers=given | more)


async def done(api: Api, begun: httpx.Response, state: str = "done") -> Any:
    """What the batch says of itself when it has come so far."""
    async with asyncio.timeout(20):
        while True:
            api.process.batches._wake.set()
            answer = await api.get(begun.json()["status_url"], api.acme)
            if answer.json()["state"] == state:
                return answer.json()
            await asyncio.sleep(0.01)


def spooled(api: Api) -> list[str]:
    folder = api.process.batches.spool.folder
    return sorted(file.name for file in folder.iterdir()) if folder.exists() else []


async def test_a_file_is_begun_at_once_and_decided_to_its_end(api: Api) -> None:
    begun = await send(api, csv_of(rows_of(120)), query="?name=october.csv")
    assert begun.status_code == 202
    assert begun.headers["location"] == begun.json()["status_url"]
    assert begun.json()["columns"][:2] == [
        {"column": "First Name", "field": "first_name", "by": "name"},
        {"column": "E-Mail", "field": "email", "by": "name"},
    ]
    end = await done(api, begun)
    counts = {name: end[name] for name in ("rows", "kept", "refused", "accepted", "rejected", "undecided")}
    assert counts == {"rows": 120, "kept": 120, "refused": 0, "accepted": 120, "rejected": 0, "undecided": 0}
    assert await api.value("select count(*) from lead where source = 'acme'") == 120
    assert spooled(api) == []


async def test_the_error_file_has_the_rows_that_were_not_taken_with_the_reason(api: Api) -> None:
    rows = [["Ann", "ann@example.com", 78701, "TX"], ["Bob", "no address", 78701, "TX"]]
    rows += [["Cy", "cy@example.com", 78701, "TX", "too", "much"], ["Di", "di@example.com", 78701, "TX"]]
    begun = await send(api, csv_of(rows).replace(b",", b";"), query="?name=mine.csv")
    end = await done(api, begun)
    assert (end["kept"], end["refused"], end["accepted"], end["rejected"]) == (3, 1, 2, 1)
    answer = await api.get(end["errors_url"], api.acme)
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''mine.errors.csv"
    header, *found = csv.reader(io.StringIO(answer.text), delimiter=";")
    assert header == ["First Name", "E-Mail", "zip", "state", "reason"]
    assert [row[:4] for row in found] == [
        ["Bob", "no address", "78701", "TX"],
        ["Cy", "cy@example.com", "78701", "TX"],
    ]
    assert found[0][4].startswith("line 3: email: ")
    assert found[1][4].startswith("line 4: 6 cells under a header of 4")


async def test_a_workbook_s_errors_are_a_workbook_in_which_nothing_runs(api: Api) -> None:
    rows = [["=1+1", "no address", 78701, "TX"], ["Ann", "ann@example.com", 78701, "TX"]]
    begun = await send(api, xlsx_of(rows), kind="application/octet-stream")
    end = await done(api, begun)
    answer = await api.get(end["errors_url"], api.acme)
    read = [list(row) for row in load_workbook(io.BytesIO(answer.content)).active.iter_rows()]
    assert [cell.value for cell in read[0]] == ["First Name", "E-Mail", "zip", "state", "reason"]
    assert [cell.value for cell in read[1]][:4] == ["=1+1", "no address", 78701, "TX"]
    assert len(read) == 2
    assert all(cell.data_type != "f" for row in read for cell in row)


async def test_lines_of_json_come_back_as_lines_of_json(api: Api) -> None:
    body = b'{"first_name": "Ann", "email": "ann@example.com"}\n{"email": broken}\n{"first_name": "Bob", "mail": "x"}\n'
    begun = await send(api, body, kind="application/x-ndjson")
    end = await done(api, begun)
    assert (end["kept"], end["refused"], end["accepted"], end["rejected"]) == (2, 1, 1, 1)
    found = [json.loads(line) for line in (await api.get(end["errors_url"], api.acme)).text.splitlines()]
    assert found[0]["text"] == '{"email": broken}'
    assert found[1]["first_name"] == "Bob"
    assert all(one["reason"].startswith("line ") for one in found)


async def test_a_preview_begins_nothing(api: Api) -> None:
    answer = await send(api, csv_of(rows_of(3)), query="?preview=1&map=zip%3Dphone")
    assert answer.status_code == 200
    assert answer.json()["columns"][2] == {"column": "zip", "field": "phone", "by": "said"}
    assert answer.json()["first"][0] == {
        "first_name": "Ann0", "email": "ann0@example.com", "phone": "78701", "state": "TX",
    }  # fmt: skip
    assert answer.json()["lacking"] == []
    assert await api.value("select count(*) from batch") == 0
    assert spooled(api) == []


async def test_a_preview_names_required_fields_that_no_row_has(api: Api) -> None:
    body = b"Vorname,Contact\r\nAnn,first\r\n,second\r\n"
    assert (await send(api, body, query="?preview=1")).json()["lacking"] == ["email"]


NO_FILES: list[tuple[bytes, str, int, str]] = [
    (b"", "text/csv", 400, "empty"),
    (b" \r\n ", "text/csv", 400, "empty"),
    (b"email,state\r\n", "text/csv", 400, "empty"),
    (b"ann@example.com,TX\r\n", "text/csv", 400, "header"),
    (b"PK\x03\x04 no zip", "text/csv", 400, "syntax"),
    (b"email,state\r\na@example.com,TX\r\n", "application/vnd.ms-excel", 400, "syntax"),
    (b'{"a": 1}', "image/png", 415, "unknown_type"),
    (b"x", "multipart/form-data; boundary=x", 415, "unknown_type"),
    (b"\x00\x01\x02" * 100, "application/octet-stream", 400, "header"),
]


async def test_what_is_no_file_of_leads_is_refused_at_once(api: Api) -> None:
    for body, kind, status, code in NO_FILES:
        answer = await send(api, body, kind=kind)
        assert (answer.status_code, answer.json()["code"]) == (status, code), (body[:20], kind)
        assert answer.headers["content-type"] == "application/problem+json"
    assert await api.value("select count(*) from batch") == 0
    assert spooled(api) == []


async def test_a_mapping_that_names_what_is_not_there_is_refused(api: Api) -> None:
    for said, words in (("nope=email", "no column"), ("zip=nope", "no field"), ("zip", "no =")):
        answer = await api.http.post(
            "/v1/batches", params={"map": said}, content=csv_of(rows_of(2)), headers={"x-api-key": api.acme}
        )
        assert (answer.status_code, answer.json()["where"]) == (422, "map")
        assert words in answer.json()["detail"]


async def test_another_source_s_batch_does_not_exist_and_a_paused_one_begins_nothing(api: Api) -> None:
    begun = await send(api, csv_of(rows_of(2)))
    other = await api.key("source", "quick")
    for path in ("status_url", "errors_url"):
        assert (await api.get(begun.json()[path], other)).status_code == 404
        assert (await api.get(begun.json()[path])).status_code == 401
    answer = await send(api, csv_of(rows_of(2)), key=await api.key("source", "paused"))
    assert (answer.status_code, answer.json()["code"]) == (404, "source_off")


async def test_a_source_s_own_batches_are_listed_by_the_page_the_newest_first(api: Api) -> None:
    begun = [(await send(api, csv_of(rows_of(1)), query=f"?name={n}.csv")).json()["id"] for n in range(3)]
    other = await api.key("source", "quick")
    await send(api, csv_of(rows_of(1)), key=other)
    page = (await api.get("/v1/batches?limit=2", api.acme)).json()
    assert [batch["name"] for batch in page["batches"]] == ["2.csv", "1.csv"]
    rest = (await api.get(page["next"], api.acme)).json()
    assert [batch["id"] for batch in rest["batches"]] == [begun[0]]
    assert "next" not in rest
    assert len((await api.get("/v1/batches", other)).json()["batches"]) == 1
    assert (await api.get("/v1/batches?limit=0", api.acme)).status_code == 422
    assert (await api.get("/v1/batches")).status_code == 401


async def test_a_source_cancels_its_own_batch_and_no_other(api: Api) -> None:
    held = await api.value(
        "insert into process (id, role, host, pid) values (gen_random_uuid(), 'other', 'there', 1) returning id"
    )
    full: dict[Any, None] = {api.process.world.new_id(): None for _ in range(3)}
    api.process.batches._in_hand.update(full)  # this process has its hands full
    begun = (await send(api, csv_of(rows_of(5)))).json()
    await api.value("update batch set lease_id = $1 returning id", held)
    cancel = f"/v1/batches/{begun['id']}/cancel"

    async def asked(key: str) -> httpx.Response:
        answer: httpx.Response = await api.http.post(cancel, headers={"authorization": f"Bearer {key}"})
        return answer

    assert (await asked(await api.key("source", "quick"))).status_code == 404
    assert await api.value("select state from batch") == "reading"
    for _ in range(2):
        answer = await asked(api.acme)
        assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    assert spooled(api) == []
    await api.value("update batch set state = 'done' returning id")
    assert (await asked(api.acme)).status_code == 409


async def test_one_file_sent_twice_at_once_under_one_key_is_one_batch(api: Api) -> None:
    body = csv_of(rows_of(150))
    both = await asyncio.gather(*(send(api, body, idempotency_key="october") for _ in range(4)))
    assert sorted(one.status_code for one in both) == [200, 200, 200, 202]
    assert len({one.json()["id"] for one in both}) == 1
    await done(api, both[0])
    assert await api.value("select count(*) from lead") == 150
    other = await send(api, csv_of(rows_of(5)), idempotency_key="october")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert spooled(api) == []


async def test_half_an_upload_begins_nothing(api: Api) -> None:
    """The connection ends in the middle: what the server then gives the application."""
    told: list[Any] = []
    messages = iter(
        [{"type": "http.request", "body": csv_of(rows_of(9)), "more_body": True}, {"type": "http.disconnect"}]
    )

    async def receive() -> Any:
        return next(messages)

    async def sent(message: Any) -> None:
        told.append(message)

    headers = [(b"authorization", f"Bearer {api.acme}".encode()), (b"content-type", b"text/csv")]
    scope = {
        "type": "http", "method": "POST", "path": "/v1/batches", "raw_path": b"/v1/batches", "query_string": b"",
        "headers": headers, "scheme": "http", "http_version": "1.1", "client": None, "server": None, "root_path": "",
    }  # fmt: skip
    await api.root(scope, receive, sent)
    assert told[0]["status"] == 400
    assert await api.value("select count(*) from batch") == 0
    assert spooled(api) == []


async def test_a_file_that_is_too_large_is_refused_before_all_of_it_came(api: Api) -> None:
    came = 0

    async def endless() -> Any:
        nonlocal came
        while True:
            came += 1
            yield b"email\r\n" + b"ann@example.com\r\n" * 1000

    object.__setattr__(api.process.settings, "batch_bytes", 100_000)
    answer = await send(api, endless())
    assert (answer.status_code, answer.headers["connection"]) == (413, "close")
    assert came < 20
    assert spooled(api) == []


async def test_a_packed_file_is_the_file_that_it_holds(api: Api) -> None:
    rows = csv_of(rows_of(2_000))
    whole = gzip.compress(rows[:50_000]) + gzip.compress(rows[50_000:])
    begun = await send(api, whole, content_encoding="gzip", idempotency_key="october")
    assert begun.status_code == 202
    assert (await done(api, begun))["kept"] == 2_000
    assert begun.json()["size"] == len(rows)
    again = await send(api, rows, idempotency_key="october")
    assert (again.status_code, again.json()["id"]) == (200, begun.json()["id"])


@pytest.mark.parametrize(
    ("encoding", "body", "status", "code"),
    [
        ("gzip", b"email\r\nann@example.com\r\n", 400, "syntax"),
        ("gzip", gzip.compress(b"email\r\nann@example.com\r\n", mtime=0)[:-9], 400, "truncated"),
        ("gzip", gzip.compress(b"a" * 300_000, mtime=0), 413, "too_large"),
        ("br", b"email\r\nann@example.com\r\n", 415, "unknown_type"),
    ],
)
async def test_what_can_not_be_unpacked_is_refused(
    api: Api, encoding: str, body: bytes, status: int, code: str
) -> None:
    object.__setattr__(api.process.settings, "batch_bytes", 100_000)
    answer = await send(api, body, content_encoding=encoding)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert spooled(api) == []


async def test_a_file_that_breaks_off_keeps_what_came_before_and_says_where(api: Api) -> None:
    good = csv_of(rows_of(20_000))
    begun = await send(api, good + b'Zed,"' + b"never closed," * 200_000)
    end = await done(api, begun, "failed")
    assert end["problem"]["code"] == "syntax"
    assert end["kept"] == 20_000


async def test_a_feed_is_a_batch_too_and_every_row_of_a_test_batch_is_a_test(api: Api) -> None:
    item = "<item><guid>1</guid><description>First name: Ann&lt;br&gt;Email: ann@example.com</description></item>"
    feed = f'<rss version="2.0"><channel>{item}</channel></rss>'
    begun = await send(api, feed, query="?test=1", kind="application/rss+xml")
    assert begun.status_code == 202
    assert (await done(api, begun))["accepted"] == 1
    assert await api.value("select bool_and(test) from lead") is True


async def test_an_upload_that_stops_moving_is_ended(database_url: str, tmp_path: Path, house: str) -> None:
    async def stuck() -> Any:
        yield csv_of(rows_of(3))
        await asyncio.Event().wait()

    async with serving(database_url, tmp_path, house, body_seconds=0.1) as api:
        answer = await send(api, stuck())
        assert (answer.status_code, answer.json()["code"]) == (408, "too_slow")
        assert spooled(api) == []
