import pytest

from app.ingest.fieldtypes.name import Name, NameSettings


def normal(raw, **said):
    value = Name().normal(raw, NameSettings(**said))
    return value.normal if value.valid else value.note


@pytest.mark.parametrize(
    "raw, becomes",
    [
        ("ANN", "Ann"),
        ("ann", "Ann"),
        ("  Ann   Marie ", "Ann Marie"),
        ("Ann\tMarie\u200b", "Ann Marie"),
        ("MCDONALD", "McDonald"),
        ("o'hara", "O'Hara"),
        ("O’HARA", "O’Hara"),
        ("smith-jones", "Smith-Jones"),
        ("jean-luc d'arc", "Jean-Luc D'Arc"),
        ("VAN DER BERG", "van der Berg"),
        ("VAN NGUYEN", "Van Nguyen"),
        ("vincent van gogh", "Vincent van Gogh"),
        ("MARIA DE LA CRUZ", "Maria de la Cruz"),
        ("VAN", "Van"),
        ("JOHN SMITH III", "John Smith III"),
        ("john smith jr", "John Smith Jr"),
        ("JD", "JD"),
        ("ED", "Ed"),
        ("NG", "Ng"),
        ("ÉLODIE", "Élodie"),
        ("DeShawn", "DeShawn"),
        ("van der Berg", "van der Berg"),
        ("李小龍", "李小龍"),
        ("J.", "J."),
    ],
)
def test_a_name_is_cased_only_where_it_was_shouted_or_whispered(raw, becomes):
    assert normal(raw) == becomes


@pytest.mark.parametrize("raw", ["12345", "---", "?", 5])
def test_without_a_letter_it_is_no_name(raw):
    assert normal(raw) == "has no letter"


def test_a_name_is_held_to_its_length():
    assert normal("abcd", max_length=3) == "is longer than 3 characters"
