"""The demo's catalogue is one that applies."""

from typing import Any

from ruamel.yaml import YAML

from app.catalog.documents import Catalogue
from app.demo import catalogue
from app.validate.check import checks

SINK = "http://127.0.0.1:9100"


def said() -> Any:
    return YAML(typ="safe").load(catalogue(SINK))


def test_it_reads_as_a_catalogue_with_a_vendor_a_form_and_two_buyers() -> None:
    read = Catalogue.model_validate(said())
    assert [(source.id, source.form is not None) for source in read.sources] == [
        ("acme", False),
        ("website", True),
    ]
    assert [contract.id for buyer in read.buyers for contract in buyer.contracts] == [
        "sunco-west",
        "brightroof-us",
    ]


def test_both_buyers_are_at_the_sink() -> None:
    read = Catalogue.model_validate(said())
    urls = [contract.deliver["url"] for buyer in read.buyers for contract in buyer.contracts]
    assert urls == [f"{SINK}/sunco", f"{SINK}/brightroof"]
    assert "buyers.example" not in catalogue(SINK)


def test_its_checks_are_known_and_take_their_settings() -> None:
    read = Catalogue.model_validate(said())
    checks.discover()
    for doc in read.campaigns[0].checks:
        checks[doc.check].settings.model_validate(doc.model_extra)
