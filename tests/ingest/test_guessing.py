"""Which column is which field: certain where it is said, guessed where it can be, kept aside else."""

from typing import Any

import pytest

from app.catalog.documents import CampaignDoc, SourceDoc
from app.core.errors import Unprocessable
from app.ingest.fieldtype import fieldtypes
from app.ingest.guessing import Guess, guess, names_of

CAMPAIGN = CampaignDoc.model_validate(
    {
        "id": "solar",
        "fields": {
            "first_name": {"type": "name"},
            "email": {"type": "email"},
            "phone": {"type": "phone", "country": "US"},
            "state": {"type": "state", "country": "US"},
            "bill": {"type": "number"},
        },
    }
)


def source(**mapping: Any) -> SourceDoc:
    return SourceDoc.model_validate({"id": "acme", "campaign": "solar", "mapping": mapping})


def guessed(columns: str, *rows: str, said: dict[str, str] | None = None, **mapping: Any) -> list[Guess]:
    names = columns.split(",")
    records: list[Any] = [dict(zip(names, row.split(","), strict=True)) for row in rows]
    return guess(names, records, source(**mapping), CAMPAIGN, fieldtypes.discover(), said=said)


@pytest.mark.parametrize(
    ("column", "field"),
    [
        ("First Name", "first_name"), ("firstName", "first_name"), ("FNAME", "first_name"), ("Vorname", "first_name"),
        ("E-Mail", "email"), ("email_address", "email"), ("Cell Phone", "phone"), ("PhoneNumber", "phone"),
        ("Province", "state"), ("State Code", "state"), ("Bill", "bill"), ("Favourite colour", None), ("", None),
    ],
)  # fmt: skip
def test_a_name_that_is_alike_is_taken_for_the_field(column: str, field: str | None) -> None:
    assert guessed(f"{column},other")[0].field == field


@pytest.mark.parametrize(
    ("column", "field"),
    [
        ("Name (First)", "first_name"), ("Vorname (First)", "first_name"), ("First Name (required)", "first_name"),
        ("Your e-mail *", "email"), ("Tel. No.", "phone"), ("Phone / Mobile", "phone"), ("Telephone nr", "phone"),
        ("Address (State / Province)", "state"), ("State [US]", "state"),
        ("Visit (First)", None), ("Company (Name)", None), ("E-mail / Phone", None), ("()", None), ("Number", None),
    ],
)  # fmt: skip
def test_a_name_of_several_parts_is_read_by_its_parts(column: str, field: str | None) -> None:
    assert guessed(f"{column},other")[0].field == field


def test_a_part_of_a_name_proves_nothing_against_the_values() -> None:
    assert guessed("Phone (valid)", "yes", "no", "yes")[0].field is None
    assert guessed("Phone (home)", "512-555-0100", "none", "(512) 555-0101")[0] == Guess(
        "Phone (home)", "phone", "name"
    )


def test_two_columns_of_which_a_part_is_alike_are_not_guessed_between() -> None:
    assert [one.field for one in guessed("State (billing),State (mailing)")] == [None, None]


def test_the_plain_name_goes_before_a_part_of_one() -> None:
    assert [one.field for one in guessed("Phone (home),Phone")] == [None, "phone"]


def test_values_prove_a_column_whose_name_says_nothing() -> None:
    found = guessed("a,b,c", "x,ann@example.com,512-555-0100", "y,bob@example.com,(512) 555-0101")
    assert [(one.field, one.by) for one in found] == [(None, ""), ("email", "values"), ("phone", "values")]


def test_two_columns_whose_values_fit_are_not_guessed_between() -> None:
    found = guessed("a,b", "ann@example.com,al@example.com", "bob@example.com,bo@example.com")
    assert [one.field for one in found] == [None, None]


def test_one_row_proves_nothing() -> None:
    assert guessed("a,b", "ann@example.com,x")[0].field is None


def test_the_source_s_mapping_goes_before_what_is_alike() -> None:
    found = guessed("mail,email address", mail="email")
    assert found == [Guess("mail", "email", "mapping"), Guess("email address", None, "")]
    assert names_of(found, source(mail="email"), CAMPAIGN) == {}


def test_what_is_said_goes_before_all_else_and_nowhere_is_said_too() -> None:
    found = guessed("email,mail,zip", said={"email": "", "mail": "email"})
    assert found == [Guess("email", None, "said"), Guess("mail", "email", "said"), Guess("zip", None, "")]
    assert names_of(found, source(), CAMPAIGN) == {"email": "email (2)", "mail": "email"}


def test_a_field_whose_own_name_the_mapping_sends_elsewhere_is_reached_by_another() -> None:
    mapping = {"email": "first_name", "mailbox": "email"}
    found = guessed("Address of mail,x", said={"Address of mail": "email"}, **mapping)
    assert names_of(found, source(**mapping), CAMPAIGN) == {"Address of mail": "mailbox"}


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"nope": "email"}, "no column"), ({"a": "nope"}, "no field"), ({"a": "email", "email": "email"}, "both lead"),
    ],
)  # fmt: skip
def test_a_mapping_that_can_t_be_is_refused_in_words(said: dict[str, str], words: str) -> None:
    with pytest.raises(Unprocessable, match=words):
        names_of(guessed("a,email", said=said), source(), CAMPAIGN)


def test_a_hostile_header_is_shown_without_what_can_t_be_printed() -> None:
    with pytest.raises(Unprocessable) as refused:
        guessed("\x1b[31mred,email", said={"\x1b[2J": "email"})
    assert "\x1b" not in refused.value.detail
