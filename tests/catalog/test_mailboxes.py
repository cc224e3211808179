"""A mail address belongs to one source."""

import pytest

from app.catalog.documents import Catalogue, MailDoc, SourceDoc
from app.catalog.mailboxes import mailboxes, source_of
from app.catalog.problems import CatalogueErrors
from app.catalog.reading import read
from tests.catalog.components import KINDS

TWO = """
campaigns:
  - id: solar
    fields: {email: {type: text}}
sources:
  - {id: acme, campaign: solar, mail: {addresses: [Acme@Leads.example, solar@leads.example]}}
  - {id: other, campaign: solar, mail: {addresses: [%s]}}
"""


def current(text: str) -> Catalogue:
    return read([("a.yaml", text)], KINDS)


def said(text: str, now: Catalogue | None = None) -> list[tuple[str, str]]:
    with pytest.raises(CatalogueErrors) as caught:
        read([("a.yaml", text)], KINDS, current=now or Catalogue())
    return [(p.path, p.message) for p in caught.value.problems]


def test_an_address_of_another_source_is_told_at_its_place() -> None:
    assert said(TWO % "x@leads.example, SOLAR@leads.example") == [
        ("sources[1].mail.addresses[1]", "is source acme's already")
    ]


def test_an_address_of_a_source_that_the_file_does_not_name_is_taken_too() -> None:
    now = current(TWO % "x@leads.example")
    fresh = "sources:\n  - {id: new, campaign: solar, mail: {addresses: [x@leads.example]}}\n"
    assert said(fresh, now) == [("sources[0].mail.addresses[0]", "is source other's already")]


def test_an_address_may_move_from_one_source_to_another_at_once() -> None:
    now = current(TWO % "x@leads.example")
    moved = (TWO % "solar@leads.example").replace(
        ", solar@leads.example]}}\n  - {id: other", "]}}\n  - {id: other"
    )
    assert read([("a.yaml", moved)], KINDS, current=now).sources[1].mail == MailDoc(
        addresses=("solar@leads.example",)
    )


@pytest.mark.parametrize("wrong", ["leads", "a b@c.example", "*@leads.example", "Ann <a@b.example>", "[]"])
def test_what_is_no_address_is_told(wrong: str) -> None:
    assert said(TWO % ("" if wrong == "[]" else f'"{wrong}"'))


@pytest.mark.parametrize("sender", ["portal.example", "*", "@portal.example", "a@b@c"])
def test_what_is_no_sender_is_told(sender: str) -> None:
    assert said(
        TWO.replace("solar@leads.example]", f'solar@leads.example], senders: ["{sender}"]') % "x@y.example"
    )


def test_the_part_behind_a_plus_is_the_senders_own() -> None:
    source = SourceDoc(id="acme", campaign="solar", mail=MailDoc(addresses=("a@x.example", "a+b@x.example")))
    other = SourceDoc(id="other", campaign="solar", mail=MailDoc(addresses=("a+c@x.example",)))
    known = mailboxes({"acme": source, "other": other})
    found = [
        source_of(one, known) for one in ("A@X.example", "a+c@x.example", "a+d@x.example", "b@x.example", "")
    ]
    assert found == ["acme", "other", "acme", None, None]
