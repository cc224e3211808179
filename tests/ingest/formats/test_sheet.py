import pytest

from app.ingest.format import MOST_RECORDS, Unreadable
from app.ingest.formats.sheet import Sheet
from tests.ingest.workbooks import xlsx

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def test_a_sheet_is_several_leads():
    assert Sheet().read(xlsx(["name"], ["Ann"], ["Bob"]), XLSX) == [{"name": "Ann"}, {"name": "Bob"}]


@pytest.mark.parametrize(
    "body, content_type, code",
    [
        (xlsx(["name"]), XLSX, "empty"),
        (xlsx(["name"], ["Ann"]), f'{XLSX}; sheet="Leads of May"', "sheet"),
        (xlsx(["name"], *[["Ann"]] * (MOST_RECORDS + 1)), XLSX, "records"),
    ],
)
def test_what_is_wrong_has_its_own_code(body, content_type, code):
    with pytest.raises(Unreadable) as caught:
        Sheet().read(body, content_type)
    assert caught.value.reason == code
