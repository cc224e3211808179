"""Workbooks for tests, by hand: as small as they may be, and as hostile as they should not be."""

import io
import struct
import zipfile
from xml.sax.saxutils import escape

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def zipped(**files: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


def cell(value: object) -> str:
    """A date is a number in style 1, a date with its time in style 2."""
    match value:
        case None:
            return "<c/>"
        case bool():
            return f'<c t="b"><v>{int(value)}</v></c>'
        case int() | float():
            return f"<c><v>{value}</v></c>"
        case (style, number):
            return f'<c s="{style}"><v>{number}</v></c>'
    return f'<c t="inlineStr"><is><t>{escape(str(value))}</t></is></c>'


def xlsx_of(**sheets: str) -> bytes:
    """A workbook of sheets whose rows are given as XML."""
    named = "".join(f'<sheet name="{name}" sheetId="{n}" r:id="rId{n}"/>' for n, name in enumerate(sheets, 1))
    related = "".join(
        f'<Relationship Id="rId{n}" Type="{OFFICE}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n in range(1, len(sheets) + 1)
    )
    files = {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}"><Relationship Id="rId1" '
        f'Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>{named}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}">{related}</Relationships>',
        "xl/styles.xml": f'<styleSheet xmlns="{MAIN}"><cellXfs count="3"><xf numFmtId="0"/>'
        '<xf numFmtId="14"/><xf numFmtId="22"/></cellXfs></styleSheet>',
    }
    for n, rows in enumerate(sheets.values(), 1):
        files[f"xl/worksheets/sheet{n}.xml"] = (
            f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>'
        )
    return zipped(**files)


def xlsx(*rows: list[object]) -> bytes:
    return xlsx_of(Sheet1="".join(f"<row>{''.join(map(cell, row))}</row>" for row in rows))


def ods(table: str) -> bytes:
    name = "urn:oasis:names:tc:opendocument:xmlns:{}:1.0".format
    return zipped(
        **{
            "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
            "content.xml": f'<office:document-content xmlns:office="{name("office")}" xmlns:table="{name("table")}"'
            f' xmlns:text="{name("text")}"><office:body><office:spreadsheet><table:table table:name="S">{table}'
            "</table:table></office:spreadsheet></office:body></office:document-content>",
            "META-INF/manifest.xml": "<manifest/>",
        }
    )


def record(kind: int, data: bytes) -> bytes:
    return struct.pack("<HH", kind, len(data)) + data


def xls(*cells: tuple[int, int, float | str], dimensions: bytes = b"", stream: str = "Workbook") -> bytes:
    """A compound file whose one stream is a workbook of one sheet; a dimension is as its record says it."""
    bof = struct.pack("<HHHHII", 0x0600, 0x0005, 0, 0, 0, 0)
    name = struct.pack("<BB", 1, 0) + b"S"
    start = len(record(0x809, bof)) + 4 + 6 + len(name) + 4
    book = record(0x809, bof) + record(0x85, struct.pack("<IBB", start, 0, 0) + name) + record(0x0A, b"")
    book += record(0x809, struct.pack("<HHHHII", 0x0600, 0x0010, 0, 0, 0, 0))
    book += record(0x200, dimensions) if dimensions else b""
    for row, column, value in cells:
        if isinstance(value, str):
            text = struct.pack("<HB", len(value), 0) + value.encode("latin-1")
            book += record(0x204, struct.pack("<HHH", row, column, 0) + text)
        else:
            book += record(0x203, struct.pack("<HHHd", row, column, 0, value))
    book += record(0x0A, b"")
    book = book.ljust(max(4096, -(-len(book) // 512) * 512), b"\0")
    sectors = len(book) // 512
    table = [0xFFFFFFFD, 0xFFFFFFFE, *range(3, 2 + sectors), 0xFFFFFFFE]
    fat = struct.pack(f"<{len(table)}I", *table).ljust(512, b"\xff")
    entry = lambda said, kind, first, size: (  # noqa: E731
        (said + "\0").encode("utf-16-le").ljust(64, b"\0")
        + struct.pack(
            "<HBBIII", 2 * len(said) + 2, kind, 1, 0xFFFFFFFF, 0xFFFFFFFF, 1 if kind == 5 else 0xFFFFFFFF
        )
        + b"\0" * 36
        + struct.pack("<III", first, size, 0)
    )
    directory = (entry("Root Entry", 5, 0xFFFFFFFE, 0) + entry(stream, 2, 2, len(book))).ljust(512, b"\0")
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 16 + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6)
    head += b"\0" * 6 + struct.pack("<IIIIIIIII", 0, 1, 1, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0)
    return (head + struct.pack("<I", 0)).ljust(512, b"\xff") + fat + directory + book
