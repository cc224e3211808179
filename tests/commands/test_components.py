"""What `components` prints applies as it stands, for every component that is installed."""

import json

import pytest
from typer.testing import CliRunner

from app.catalog.documents import Catalogue
from app.catalog.problems import CatalogueErrors
from app.catalog.reading import read
from app.catalog.sealing import Sealer
from app.cli import cli
from app.commands.components import KINDS, example
from app.components import discover

discover()
ALL = [(kind, one.name) for kind, registry in KINDS.items() for one in registry]


def said(*words: str) -> str:
    told = CliRunner().invoke(cli, ["components", *words])
    assert told.exit_code == 0, told.output
    return told.stdout


def test_every_component_is_listed_with_what_it_is_for() -> None:
    lines = said().splitlines()
    assert sorted(tuple(line.split()[:2]) for line in lines) == sorted(ALL)
    assert all(len(line.split()) > 4 and line.endswith(".") for line in lines)


def test_checks_are_listed_in_the_order_in_which_they_are_told() -> None:
    places = [int(line.split()[2]) for line in said("check").splitlines()]
    assert places == sorted(places)


@pytest.mark.parametrize(("kind", "name"), [one for one in ALL if one[0] != "format"])
def test_its_example_applies(kind: str, name: str) -> None:
    text = example(kind, KINDS[kind][name])
    try:
        read([("example.yaml", text)], discover(), current=Catalogue(), sealer=Sealer(b"0" * 32))
    except CatalogueErrors as errors:
        pytest.fail(f"{errors}\n{text}")
    assert name in text


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_its_page_and_its_document_can_be_had(kind: str, name: str) -> None:
    assert said(kind, name).startswith(f"{kind} {name}\n")
    document = json.loads(said(kind, name, "--json"))
    assert (document["kind"], document["name"]) == (kind, name)
    assert document["about"]


def test_the_settings_of_the_webhook_are_a_table() -> None:
    lines = [line.split(maxsplit=3) for line in said("adapter", "webhook").splitlines()]
    assert ["url", "text", "required", "Where the buyer listens."] in lines
    assert ["method", "POST|PUT|PATCH|GET", "POST", "With GET, fields go in the query."] in lines
    assert ["auth.oauth2.client_secret", "secret", "required"] in lines
    assert ["auth.bearer", "secret", "—"] in lines


def test_what_is_no_component_is_told() -> None:
    runner = CliRunner()
    assert runner.invoke(cli, ["components", "gadget"]).exit_code == 2
    missing = runner.invoke(cli, ["components", "checks", "dupe"])
    assert missing.exit_code == 1
    assert "(known: " in missing.stderr
    assert "duplicate, email" in missing.stderr


def test_a_name_without_its_kind_is_answered_with_the_words_that_find_it() -> None:
    told = CliRunner().invoke(cli, ["components", "webhook"])
    assert (told.exit_code, "`components adapter webhook`" in told.stderr) == (2, True)
    both = CliRunner().invoke(cli, ["components", "email"]).stderr
    assert "`components fieldtype email` or `components check email` or `components adapter email`" in both
    assert "say format, platform" in CliRunner().invoke(cli, ["components", "nonsense"]).stderr
