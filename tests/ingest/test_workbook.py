import io
import struct
import time
import zipfile

import pytest

from app.ingest.format import Unreadable
from app.ingest.tabular import rows
from app.ingest.workbook import sheet_rows
from tests.ingest.workbooks import cell, ods, xls, xlsx, xlsx_of, zipped


def refused(body: bytes, sheet: str | None = None) -> tuple[str, str | None]:
    with pytest.raises(Unreadable) as caught:
        list(sheet_rows(body, sheet))
    return caught.value.reason, caught.value.where


def test_dates_come_as_dates_and_numbers_as_they_are():
    body = xlsx(
        [],
        ["name ", "born", "called", "phone", "bill", "owner"],
        [],
        ["Ann", (1, 45000), (2, 45000.5), 5125550100, 120.5, True],
        ["Bob", None, (2, 45001), 1, None, False],
    )
    assert list(sheet_rows(body)) == [
        (
            4,
            {
                "name": "Ann",
                "born": "2023-03-15",
                "called": "2023-03-15T12:00:00",
                "phone": 5125550100,
                "bill": 120.5,
                "owner": True,
            },
        ),
        (5, {"name": "Bob", "born": "", "called": "2023-03-16", "phone": 1, "bill": "", "owner": False}),
    ]


def test_a_sheet_and_its_csv_are_the_same_leads():
    leads = [["name", "city", "city"], *([f"A{n}", "Reno, NV", "x"] for n in range(500))]
    text = "".join(f'{a},"{b}",{c}\n' for a, b, c in leads).encode()
    assert list(sheet_rows(xlsx(*leads))) == list(rows(io.BytesIO(text)))


def test_the_named_sheet_is_read_else_the_first():
    made = {
        name: f"<row>{cell('name')}</row><row>{cell(value)}</row>"
        for name, value in {"May": "Ann", "June": "Bob"}.items()
    }
    body = xlsx_of(**made)
    assert list(sheet_rows(body)) == [(2, {"name": "Ann"})]
    assert list(sheet_rows(body, "June")) == [(2, {"name": "Bob"})]
    assert refused(body, "July") == ("sheet", "sheet")


def test_the_blank_rest_of_an_ods_is_no_data():
    text = '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'.format
    rest = '<table:table-row table:number-rows-repeated="1048000"><table:table-cell table:number-columns-repeated="16384"/></table:table-row>'
    body = ods(
        f"<table:table-row>{text('name')}</table:table-row><table:table-row>{text('Ann')}</table:table-row>{rest}"
    )
    assert list(sheet_rows(body)) == [(2, {"name": "Ann"})]


@pytest.mark.parametrize(
    "body, code",
    [
        (b"", "empty"),
        (b"name,email\nAnn,ann@example.com\n", "syntax"),
        (b"PK\x03\x04" + b"x" * 100, "syntax"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"x" * 1_000, "syntax"),
        (xlsx(["name"], ["Ann"])[:-30], "syntax"),
        (zipped(readme="x"), "syntax"),
        (xlsx(["Ann", "ann@example.com"]), "header"),
        (xlsx(["name"], ["Ann", "Lee"]), "columns"),
        (xlsx_of(S='<row r="9"><c r="FF"><v>1</v></c></row>'), "syntax"),
    ],
)
def test_what_is_wrong_has_its_own_code(body, code):
    assert refused(body)[0] == code


def lying(body: bytes, name: str, size: int) -> bytes:
    """The zip's directory says `size`, and a checksum of what is read until there."""
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        info = archive.getinfo(name)
        said = info.file_size.to_bytes(4, "little")
    at = body.rindex(said)
    return body[:at] + size.to_bytes(4, "little") + body[at + 4 :]


def renamed(body: bytes, name: str, to: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        files = {
            one.replace(name, to): archive.read(one).decode().replace(name, to) for one in archive.namelist()
        }
    return zipped(**files)


BOMB = zipped(**{"xl/worksheets/sheet1.xml": "<worksheet>" + " " * 100_000_001 + "</worksheet>"})
FAR = '<row r="1"><c r="A1"><v>1</v></c></row><row r="{}"><c{}><v>1</v></c></row>'.format
CELL = "<table:table-cell{} office:value-type='float' office:value='1'/>".format


@pytest.mark.parametrize(
    "body",
    [
        BOMB,
        lying(BOMB, "xl/worksheets/sheet1.xml", 100),
        xlsx_of(S=FAR(1048576, ' r="XFD1048576"')),
        xlsx_of(S=FAR(1048576, ' r="&#88;FD1048576"')),
        xlsx_of(S=FAR(1048576, "") + "<row>" + "<c/>" * 3 + "</row>"),
        ods(
            f'<table:table-row table:number-rows-repeated="1000000">{CELL(" table:number-columns-repeated=" + repr("100"))}</table:table-row>'
        ),
        ods(
            f'<table:table-row table:number-rows-repeated="1000000"><table:table-cell/></table:table-row><table:table-row><table:table-cell table:number-columns-repeated="9999"/>{CELL("")}</table:table-row>'
        ),
        renamed(xlsx_of(S=FAR(1048576, ' r="XFD1048576"')), "worksheets/sheet1.xml", "sharedStrings.png"),
        renamed(xlsx_of(S=FAR(1048576, ' r="XFD1048576"')), "xl/worksheets/sheet1.xml", "content.xml"),
    ],
    ids=[
        "bomb",
        "bomb that lies",
        "far",
        "far by entity",
        "far by counting",
        "repeated",
        "behind blanks",
        "renamed",
        "as content",
    ],
)
def test_what_unfolds_is_refused_before_it_is_opened(body):
    began = time.process_time()
    assert refused(body)[0] == "records"
    assert time.process_time() - began < 2


def test_entities_are_not_read():
    body = zipped(**{"content.xml": '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'})
    assert refused(body)[0] == "doctype"


def test_an_xls_is_read():
    body = xls((0, 0, "name"), (0, 1, "bill"), (1, 0, "Ann"), (1, 1, 120.5))
    assert list(sheet_rows(body)) == [(2, {"name": "Ann", "bill": 120.5})]


@pytest.mark.parametrize(
    "body, code",
    [
        (xls((0, 0, "name"), (65535, 255, 1.0)), "records"),
        (xls((0, 0, "name"), dimensions=struct.pack("<IIHHH", 0, 2**32 - 1, 0, 256, 0)), "records"),
        (xls((0, 0, "name"), stream="EncryptedPackage"), "encrypted"),
        (xls((0, 0, "name"), stream="WordDocument"), "syntax"),
        (xls((0, 0, "name"))[:600], "syntax"),
    ],
    ids=["far", "dimensions", "encrypted", "document", "cut"],
)
def test_an_xls_is_measured_before_it_is_opened(body, code):
    assert refused(body)[0] == code
