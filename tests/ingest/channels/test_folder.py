"""A folder is picked up: each file once, when nobody writes it any more, and what became of it is seen beside it."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from app.ingest.channels.folder import FolderSettings
from app.store.database import Database
from tests.pipeline.house import House, catalogue, opened
from tests.pipeline.visiting import Rounds, with_channels

ADF = (
    "<?ADF VERSION='1.0'?><?xml version='1.0'?><adf><prospect><customer><contact><name part='first'>Ann</name>"
    "<email>ann%s@example.com</email></contact></customer></prospect></adf>"
)


def csv(*numbers: int) -> str:
    return "first_name,email\n" + "".join(f"Ann,ann{n}@example.com\n" for n in numbers)


@pytest.fixture
async def house(database: Database, inbox: Path) -> AsyncIterator[House]:
    told = f"{{channel: folder, path: '{inbox}', every: 1s}}"
    async with opened(database, catalogue(with_channels(told))) as made:
        yield made


def seen(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if not file.is_dir()}


async def test_a_file_is_taken_when_two_looks_saw_it_the_same(inbox: Path, picker: Rounds) -> None:
    file = inbox / "leads.csv"
    file.write_text(csv(1))
    await picker.go()
    file.write_text(csv(1, 2))
    await picker.go()
    assert seen(inbox) == {"leads.csv"}
    await picker.go()
    assert seen(inbox) == {"done/leads.csv"}
    assert await picker.emails() == ["ann1@example.com", "ann2@example.com"]


async def test_a_table_is_imported_and_everything_else_is_one_submission(inbox: Path, picker: Rounds) -> None:
    (inbox / "a.csv").write_text(csv(1, 2))
    (inbox / "b.adf").write_text(ADF % 3)
    (inbox / "c.JSON").write_text('[{"email": "ann4@example.com"}, {"email": "ann5@example.com"}]')
    (inbox / "d.ndjson").write_text('{"email": "ann6@example.com"}\n')
    await picker.go()
    await picker.go()
    assert seen(inbox) == {"done/a.csv", "done/b.adf", "done/c.JSON", "done/d.ndjson"}
    await picker.emails()
    assert await picker.house.value("select count(*) from lead") == 6


async def test_what_cannot_be_read_goes_to_failed_with_its_reason(inbox: Path, picker: Rounds) -> None:
    (inbox / "bad.json").write_text('{"email": ')
    (inbox / "empty.csv").write_text("")
    (inbox / "good.csv").write_text(csv(1))
    (inbox / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)))
    await picker.go()
    await picker.go()
    assert seen(inbox) == {
        "done/good.csv", "failed/bad.json", "failed/bad.json.reason.txt", "failed/empty.csv",
        "failed/empty.csv.reason.txt", "failed/picture.png", "failed/picture.png.reason.txt",
    }  # fmt: skip
    assert "line 1" in (inbox / "failed/bad.json.reason.txt").read_text()
    assert "empty" in (inbox / "failed/empty.csv.reason.txt").read_text()
    assert sorted(await picker.refusals()) == [("acme", "charset"), ("acme", "empty"), ("acme", "syntax")]
    assert await picker.emails() == ["ann1@example.com"]
    assert (await picker.standing()).refused == 3


async def test_a_body_that_is_too_large_is_noted_as_a_refusal(inbox: Path, picker: Rounds) -> None:
    with (inbox / "huge.json").open("wb") as file:
        file.truncate(10_000_001)
    await picker.go()
    await picker.go()
    assert seen(inbox) == {"failed/huge.json", "failed/huge.json.reason.txt"}
    assert await picker.refusals() == [("acme", "too_large")]


async def test_rows_that_were_refused_are_told_beside_the_file(inbox: Path, picker: Rounds) -> None:
    (inbox / "some.csv").write_text(csv(1) + "Bob,bob@example.com,one,too,many\n")
    await picker.go()
    await picker.go()
    assert seen(inbox) == {"done/some.csv", "done/some.csv.reason.txt"}
    assert "1 row" in (inbox / "done/some.csv.reason.txt").read_text()


async def test_the_same_name_with_other_content_is_another_file(inbox: Path, picker: Rounds) -> None:
    for n in (1, 2):
        (inbox / "leads.csv").write_text(csv(n))
        os.utime(inbox / "leads.csv", ns=(10**18, 10**18))
        await picker.go()
        await picker.go()
    assert seen(inbox) == {"done/leads.csv", "done/leads-2.csv"}
    assert await picker.emails() == ["ann1@example.com", "ann2@example.com"]


async def test_a_file_that_was_kept_but_not_moved_is_only_moved(inbox: Path, picker: Rounds) -> None:
    for name, body in (("a.csv", csv(1)), ("b.json", '{"email": "ann2@example.com"}')):
        (inbox / name).write_text(body)
        os.utime(inbox / name, ns=(10**18, 10**18))
        await picker.go()
        await picker.go()
        (inbox / "done" / name).rename(inbox / name)  # as a kill before the move leaves it
        await picker.go()
        await picker.go()
        assert name in os.listdir(inbox / "done")
    assert await picker.emails() == ["ann1@example.com", "ann2@example.com"]


async def test_what_was_refused_and_is_put_back_is_tried_again(inbox: Path, picker: Rounds) -> None:
    (inbox / "lead.json").write_text("{")
    for _ in range(2):
        await picker.go()
        await picker.go()
        (inbox / "failed/lead.json").rename(inbox / "lead.json")
    assert await picker.refusals() == [("acme", "syntax")]


async def test_what_is_unfinished_hidden_or_no_file_is_left_alone(
    inbox: Path, picker: Rounds, tmp_path: Path
) -> None:
    outside = tmp_path / "secret.csv"
    outside.write_text(csv(9))
    for name in ("leads.csv.part", "leads.tmp", ".hidden.csv", "leads.csv~"):
        (inbox / name).write_text(csv(1))
    (inbox / "link.csv").symlink_to(outside)
    (inbox / "folder.csv").mkdir()
    os.mkfifo(inbox / "pipe.csv")
    before = seen(inbox)
    await picker.go()
    await picker.go()
    assert seen(inbox) == before
    assert await picker.bodies() == []


async def test_only_names_that_match_are_taken(inbox: Path, picker: Rounds, house: House) -> None:
    told = f"{{channel: folder, path: '{inbox}', match: ['*.csv'], done: taken}}"
    await house.configure(catalogue(with_channels(told)))
    (inbox / "A.CSV").write_text(csv(1))
    (inbox / "b.json").write_text("{}")
    await picker.go()
    await picker.go()
    assert seen(inbox) == {"taken/A.CSV", "b.json"}


async def test_a_folder_that_cannot_be_used_is_trouble_in_words(
    picker: Rounds, house: House, tmp_path: Path, inbox: Path
) -> None:
    (tmp_path / "file").write_text("")
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "done").symlink_to(tmp_path)
    for path, words in (
        (tmp_path / "none", "there is no folder"),
        (tmp_path / "file", "can't be used"),
        (linked, "can't be used"),
    ):
        await house.configure(catalogue(with_channels(f"{{channel: folder, path: '{path}'}}")))
        await house.run("delete from channel")
        await picker.go()
        trouble = (await picker.standing()).trouble or ""
        assert words in trouble
        assert str(path) in trouble


async def test_a_file_that_cannot_be_moved_is_trouble_and_is_kept_once(
    inbox: Path, picker: Rounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*given: object, **more: object) -> None:
        raise OSError(28, "No space left on device")

    (inbox / "lead.json").write_text('{"email": "ann1@example.com"}')
    await picker.go()
    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", full)
        await picker.go()
    assert "can't be moved" in ((await picker.standing()).trouble or "")
    await picker.go()
    assert seen(inbox) == {"done/lead.json"}
    assert await picker.emails() == ["ann1@example.com"]


@pytest.mark.parametrize(
    "told",
    [
        {"path": "leads"},
        {"path": ""},
        {"path": "/x", "done": "../y"},
        {"path": "/x", "failed": ".."},
        {"path": "/x", "match": []},
    ],
)
def test_settings_that_cannot_work_are_found_when_configured(told: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        FolderSettings.model_validate(told)
