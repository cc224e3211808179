"""Answers that a buyer has packed: followed as if he had not, or told of once and left where they are."""

import gzip
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from app.core.file_events import AcknowledgementUnread
from app.store.database import Database
from tests.pipeline.filehouse import looks
from tests.pipeline.test_acknowledging import ack, sent, states


def zipped(*bodies: bytes) -> bytes:
    packed = io.BytesIO()
    with ZipFile(packed, "w", ZIP_DEFLATED) as archive:
        for n, body in enumerate(bodies):
            archive.writestr(f"{n}.csv", body)
    return packed.getvalue()


@pytest.mark.parametrize(("ending", "pack"), [("gz", gzip.compress), ("zip", zipped)])
async def test_a_packed_answer_settles_each_and_twice_is_once(
    database: Database, tmp_path: Path, ending: str, pack: Callable[[bytes], bytes]
) -> None:
    more = f'name: "{{{{ name }}}}.ack.{ending}"'
    async with sent(database, tmp_path, 3, more=more) as (house, acks, ids, name):
        body = pack(ack(f"{ids[0]};OK;;A-1;41.50", f"{ids[1]};DUP", f"{ids[2]};NO;zu weit"))
        for _ in range(2):
            (acks / f"{name}.ack.{ending}").write_bytes(body)
            await looks(house)
        assert await states(house, ids) == ["accepted", "duplicate", "rejected"]
        assert [f.name for f in (acks / "done").iterdir()] == [f"{name}.ack.{ending}"]
        assert await house.value("select count(*) from lead_event where kind = 'settled'") == 3


@pytest.mark.parametrize(
    ("pack", "why"),
    [
        (lambda body: zipped(body, body), "not_one_file"),
        (lambda body: zipped(gzip.compress(body)), "packed_twice"),
        (lambda body: gzip.compress(body + b"\n" * 32_000_000), "too_large"),
        (lambda body: gzip.compress(body)[:-2], "unreadable"),
    ],
)
async def test_what_cannot_be_unpacked_is_told_once_with_its_reason_and_a_better_one_is_read(
    database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    pack: Callable[[bytes], bytes],
    why: str,
) -> None:
    told: list[Any] = []
    monkeypatch.setattr("app.pipeline.acknowledging.emit", told.append)
    async with sent(database, tmp_path, 1) as (house, acks, ids, name):
        there = acks / f"{name}.ack"
        there.write_bytes(pack(ack(f"{ids[0]};OK")))
        await looks(house, 4)
        assert [(type(one), str(one.why)) for one in told] == [(AcknowledgementUnread, why)]
        assert await states(house, ids) == ["unclear"]
        assert there.exists()
        there.write_bytes(gzip.compress(ack(f"{ids[0]};OK")))
        await looks(house)
        assert await states(house, ids) == ["accepted"]
