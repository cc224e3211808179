"""People, pools and pushes that would reach nobody are refused when they are applied."""

import pytest

from app.catalog.problems import CatalogueErrors
from app.catalog.reading import read
from app.catalog.rows import catalogue_of, to_row
from app.components import discover

CATALOGUE = """
campaigns:
  - {id: solar, fields: {email: {type: email}}}
  - {id: roof, fields: {email: {type: email}}}
buyers:
  - id: inside
    people:
      - {id: dana, name: Dana, email: dana@example.com, team: west, capacity: 20, quota: [{per: day, leads: 5}],
         hours: {zone: America/Los_Angeles, open: {mon-fri: "08:00-17:00"}}, away: [{from: 2026-12-24, to: 2027-01-02}]}
      - {id: sam, team: east}
    contracts:
      - {id: pool, campaign: solar, deliver: {adapter: internal, offer: {team: west, for: 10m, then: [{to: house}]}}}
      - {id: push, campaign: solar, pull_after: {to: pool, person: dana, no_action: 30m, closed: true},
         deliver: {adapter: webhook, url: "https://b.example", accepted: "true"}}
  - id: others
    contracts:
      - {id: house, campaign: solar, deliver: {adapter: webhook, url: "https://b.example", accepted: "true"}}
      - {id: far, campaign: roof, deliver: {adapter: webhook, url: "https://b.example", accepted: "true"}}
"""
FAULTS = {
    "id: sam, team: east": ("id: dana, team: east", '"dana" is used by two people'),
    "team: west, capacity": ("team: all, capacity", "stands for everybody of the buyer"),
    "offer: {team: west, for": ("offer: {team: wets, for", '"wets" is no team of its buyer'),
    "then: [{to: house}]": ("then: [{to: far}]", '"far" is no other contract of campaign solar'),
    "for: 10m, then: [{to: house}]": ("then: [{to: house}]", "goes on after a group without `for`"),
    "then: [{to: house}": ("then: [{to: next}, {team: all}", "goes on after `to`"),
    "to: pool, person": ("to: house, person", '"house" is no pool of its buyer in this campaign'),
    "person: dana": ("person: eve", '"eve" does not work for its buyer'),
    "no_action: 30m, closed: true": ("exclude: false", "says nothing of when"),
    "solar, pull_after": ('solar, price: "5.00", pull_after', "would take back what was paid for"),
    "America/Los_Angeles": ("America/Los_Angles", '"America/Los_Angles" is no time zone'),
    "per: day, leads: 5": ("per: day, leads: 5, zone: Mars", '"Mars" is no time zone'),
    '"08:00-17:00"}}': ('"08:00-17:00"}, holidays: {country: UX}}', 'the holidays of "UX" are not known'),
    "dana@example.com": ("dana", "has an email that is no address"),
    "to: 2027-01-02": ("to: 2026-12-01", "ends before it begins"),
}


def test_it_reads_and_is_kept_as_it_was_written() -> None:
    catalogue = read([("t", CATALOGUE)], discover())
    (dana, sam) = catalogue.buyers[0].people
    assert (dana.called, dana.capacity, sam.called) == ("Dana", 20, "sam")
    rows = {"buyer": [(one.id, to_row(one)) for one in catalogue.buyers]}
    assert catalogue_of(rows).buyers == catalogue.buyers


@pytest.mark.parametrize("right", FAULTS, ids=lambda right: FAULTS[right][1])
def test_what_is_wrong_is_said(right: str) -> None:
    wrong, said = FAULTS[right]
    with pytest.raises(CatalogueErrors) as caught:
        read([("t", CATALOGUE.replace(right, wrong, 1))], discover())
    assert any(said in problem.message for problem in caught.value.problems), caught.value.problems


def test_a_pool_without_people_is_refused() -> None:
    begin, end = CATALOGUE.index("    people:"), CATALOGUE.index("    contracts:")
    with pytest.raises(CatalogueErrors) as caught:
        read([("t", CATALOGUE[:begin] + CATALOGUE[end:])], discover())
    assert "has nobody to offer leads to" in [problem.message for problem in caught.value.problems]
