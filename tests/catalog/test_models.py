"""A model that a person puts in force is in every process's snapshot at once; one that can't be read is told."""

import asyncpg
import pytest
from msgspec import json
from ruamel.yaml import YAML

from app.catalog.documents import Catalogue
from app.catalog.export import export
from app.catalog.modelling import read_model
from app.catalog.rows import catalogue_of, to_row
from app.store import models
from app.store.database import Database
from tests.catalog.test_live import following
from tests.validate.models import model

DOC = json.encode(model().fitted).decode()


async def test_a_model_is_swapped_in_and_out_when_that_is_told(database: Database) -> None:
    async with following(database) as followed, database.acquire() as conn:
        assert (await followed.snapshot()).models == {}
        assert await models.add(conn, "solar", DOC, "dana") == 1
        assert await models.add(conn, "solar", DOC, "dana") == 2
        await models.activate(conn, "solar", 2, "dana")
        assert (await followed.snapshot()).models["solar"] == model(2)
        await models.activate(conn, "solar", 1, "ann")
        assert (await followed.snapshot()).models["solar"].id == "solar@1"
        await models.activate(conn, "solar", None, "dana")
        assert (await followed.snapshot()).models == {}
        told = [(one.version, one.by_whom) for one in await models.history(conn, "solar")]
        assert told == [(2, "dana"), (1, "ann"), (None, "dana")]


async def test_a_model_of_a_version_that_knows_more_is_left_out_and_told(database: Database) -> None:
    async with database.acquire() as conn:
        await models.add(conn, "solar", DOC.replace('"choice"', '"wavelet"'), "dana")
        await models.add(conn, "roof", DOC, "dana")
        await models.activate(conn, "solar", 1, "dana")
        await models.activate(conn, "roof", 1, "dana")
    async with following(database) as followed:
        assert list((await followed.snapshot()).models) == ["roof"]
        assert "solar@1 can't be read" in await followed.report()


async def test_only_what_was_learned_is_put_in_force(database: Database) -> None:
    async with database.acquire() as conn:
        with pytest.raises(asyncpg.ForeignKeyViolationError):
            await models.activate(conn, "solar", 1, "dana")


def test_a_model_is_read_as_it_was_written() -> None:
    assert read_model("solar", 1, DOC) == model()
    assert read_model("solar", 1, "{}") is None
    assert read_model("solar", 1, DOC.replace("0.7", '"x"')) is None


def test_a_declared_model_and_a_priority_are_exported_as_they_were_applied() -> None:
    score = {"model": {"features": ["state", {"name": "dear", "value": "lead.bill > 200"}], "score": "rank"}}
    distribution = {"priority": {"within": "5m", "score": "90s", "dear": "50.00"}}
    given = {
        "id": "solar",
        "fields": {"state": {"type": "state"}},
        "score": score,
        "distribution": distribution,
    }
    declared = Catalogue.model_validate({"campaigns": [given]})
    text = export(declared)
    assert "features:" in text
    again = Catalogue.model_validate(YAML(typ="safe", pure=True).load(text))
    assert again == declared
    assert catalogue_of({"campaign": [("solar", to_row(declared.campaigns[0]))]}) == declared
