"""Which days holidays are is looked up when they are applied, and kept."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.catalog import holiday_list
from app.catalog.holiday_list import resolved
from app.catalog.opening import Holidays
from app.catalog.sealing import Sealer
from app.catalog.service import Configuration
from app.distribute.presence import is_there
from app.store.catalogue import CatalogueStore
from app.store.database import Database
from tests.catalog.components import KINDS
from tests.catalog.test_reading import HOUSE, problems_of

TODAY = date(2026, 3, 4)
HOURS = """        hours:
          zone: America/Los_Angeles
          open: {mon-fri: "08:00-18:00"}
          holidays: %s
"""


def us(**more: object) -> Holidays:
    return Holidays.model_validate({"country": "US", **more})


def with_holidays(told: str) -> str:
    at = HOUSE.index("        deliver:")
    before = HOUSE[:at]
    if "        hours:" in before:
        before = before[: before.index("        hours:")]
    return before + HOURS % told + HOUSE[at:]


def test_a_country_is_resolved_to_days_with_names_for_this_year_and_two_more() -> None:
    found = resolved(us(subdiv="CA"), None, TODAY)
    assert found.days[date(2026, 7, 3)] == "Independence Day (observed)"
    assert (min(found.days).year, max(found.days).year, found.known_to) == (2026, 2028, 2028)
    assert found.by.startswith("holidays 0.")


def test_what_is_taken_out_is_none_and_what_is_added_is_one() -> None:
    found = resolved(
        us(subdiv="CA", remove=["diwali", "Cesar Chavez Day"], add={"2026-12-24": "Christmas Eve"}),
        None,
        TODAY,
    )
    assert "Diwali" not in found.days.values()
    assert "Cesar Chavez Day" not in found.days.values()
    assert found.days[date(2026, 12, 24)] == "Christmas Eve"


def test_without_observed_days_only_the_day_itself_is_one() -> None:
    assert date(2026, 7, 3) not in resolved(us(observed=False), None, TODAY).days


def test_a_newer_library_changes_nothing_that_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    was = resolved(us(), None, TODAY)
    monkeypatch.setattr(holiday_list, "looked_up", lambda *_: {date(2026, 5, 5): "New"})
    assert resolved(us(), was, date(2026, 12, 31)) == was


def test_before_a_year_runs_out_of_days_more_are_looked_up_and_the_old_ones_stay() -> None:
    was = resolved(us(), None, TODAY).model_copy(update={"days": {date(2026, 1, 2): "ours"}})
    found = resolved(us(), was, date(2028, 1, 1))
    assert found.known_to == 2030
    assert found.days[date(2026, 1, 2)] == "ours"
    assert {day.year for day in found.days} == {2026, 2029, 2030}


def test_another_question_is_looked_up_anew() -> None:
    was = resolved(us(), None, TODAY)
    assert resolved(us(remove=["Veterans Day"]), was, TODAY).days.keys() < was.days.keys()
    edited = was.model_copy(update={"remove": ("Veterans Day",)})  # in a file that was exported
    assert resolved(edited, was, TODAY).days.keys() < was.days.keys()


async def test_apply_keeps_the_days_and_has_nothing_to_change_the_next_time(database: Database) -> None:
    configuration = Configuration(CatalogueStore(database), KINDS, Sealer(b"k" * 32))
    text = with_holidays("{country: US, subdiv: CA, remove: [Diwali]}")
    assert (await configuration.apply([("h.yaml", text)], by="dana")).version == 1
    ((buyer,),) = ((await configuration.current())[1].buyers,)
    hours = buyer.contracts[0].hours
    assert hours is not None
    assert hours.holidays is not None
    assert "New Year's Day" in hours.holidays.days.values()
    assert (await configuration.apply([("h.yaml", text)], by="dana")).version is None
    exported = await configuration.export()
    assert (await configuration.apply([("e.yaml", exported)], by="dana")).version is None


PERSON = """  - id: sunco
    people:
      - {id: dana, hours: {zone: America/New_York, open: {mon-fri: "09:00-17:00"}, holidays: {country: US}}}
"""


async def test_people_have_the_holidays_of_where_they_live_and_keep_them(database: Database) -> None:
    configuration = Configuration(CatalogueStore(database), KINDS, Sealer(b"k" * 32))
    text = HOUSE.replace("  - id: sunco\n", PERSON, 1)
    assert (await configuration.apply([("h.yaml", text)], by="dana")).version == 1
    (dana,) = (await configuration.current())[1].buyers[0].people
    assert dana.hours is not None
    assert dana.hours.holidays is not None
    thanksgiving = next(day for day, name in dana.hours.holidays.days.items() if name == "Thanksgiving Day")
    noon = datetime.combine(thanksgiving, time(12), ZoneInfo("America/New_York"))
    assert [is_there(dana, noon + timedelta(days=n)) for n in (-1, 0, 1)] == [True, False, True]
    assert (await configuration.apply([("h.yaml", text)], by="dana")).version is None
    exported = await configuration.export()
    assert (await configuration.apply([("e.yaml", exported)], by="dana")).version is None


@pytest.mark.parametrize(
    "told, message, hint",
    [
        ("{country: UX}", 'the holidays of "UX" are not known', "did you mean"),
        ("{country: US, subdiv: CX}", '"CX" is no part of US', "known: AK, AL"),
        ("{country: US, remove: [Diwaly]}", '"Diwaly" is no holiday of US', ""),
        (
            "{country: US, subdiv: CA, remove: [Diwaly]}",
            '"Diwaly" is no holiday of US-CA',
            'did you mean "Diwali"?',
        ),
        ("{country: US, categories: [bank]}", "are not all known of US", ""),
    ],
)
def test_what_is_no_holiday_is_told(told: str, message: str, hint: str) -> None:
    (problem,) = problems_of(with_holidays(told))
    assert problem.message == message
    assert hint in problem.hint


def test_hours_of_a_special_day_are_read_as_all_others() -> None:
    text = with_holidays('{country: US}\n          special: {2026-12-24: "9-12"}')
    (problem,) = problems_of(text)
    assert (problem.path, problem.message) == (
        "buyers[0].contracts[0].hours.special[\"2026-12-24\"]", "is no interval",
    )  # fmt: skip


def test_an_account_is_in_the_currency_of_what_it_buys() -> None:
    text = HOUSE.replace("  - id: sunco\n", "  - id: sunco\n    money: {terms: prepaid, currency: EUR}\n", 1)
    (problem,) = problems_of(text)
    assert problem.message == "is not the currency of all its contracts"


@pytest.mark.parametrize(
    "place, path",
    [
        ("  - id: sunco\n", "buyers[0].caps[0].when"),
        ("  - id: acme\n", "sources[0].caps[0].when"),
    ],
)
def test_a_cap_that_speaks_of_no_field_is_told_wherever_it_stands(place: str, path: str) -> None:
    caps = "    caps: [{per: day, leads: 1, when: lead.nothing > 1}]\n"
    (problem,) = problems_of(HOUSE.replace(place, place + caps, 1))
    assert problem.path == path


def test_a_cap_of_the_campaign_is_looked_at_too() -> None:
    text = HOUSE.replace(
        "distribution: {", "distribution: {caps: [{per: day, leads: 1, zone: Mars/Base}], ", 1
    )
    assert [problem.path for problem in problems_of(text)] == ["campaigns[0].distribution.caps[0].zone"]
