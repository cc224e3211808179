"""Hostile files: tables, workbooks and mails."""

import io
import zipfile
from base64 import encodebytes
from collections.abc import Iterator
from hashlib import sha512

from tests.conformance.filling import SIZE, Case, Made, counted, fill
from tests.ingest.workbooks import ods, xls, xlsx_of, zipped


def csv() -> Iterator[Case]:
    def case(name: str, body: Made, kind: str = "text/csv") -> Case:
        return Case(f"csv {name}", kind, body)

    yield case("commas", lambda: b"," * SIZE)
    yield case("commas under a header", lambda: fill(b",", b"a,b\n"))
    yield case("tabs", lambda: b"\t" * SIZE, "text/tab-separated-values")
    yield case("quotes", lambda: b'"' * SIZE)
    yield case("quotes under a header", lambda: fill(b'"', b"a,b\n"))
    yield case("open quotes", lambda: fill(b'"x\n', b"a,b\n"))
    yield case("a cell of lines", lambda: fill(b"x\n", b'a,b\n"', b'",1\n'))
    yield case("line ends", lambda: b"\n" * SIZE)
    yield case("old line ends", lambda: b"\r" * SIZE)
    yield case("blank lines under a header", lambda: fill(b"\n", b"a,b\n"))
    yield case("blank cells", lambda: fill(b",\n", b"a,b\n"))
    yield case("rows", lambda: fill(b"1,2\n", b"a,b\n"))
    yield case("a wide header", lambda: counted(b"c%d,", b"", b"z\n1\n"))
    yield case("a long header", lambda: fill(b"x", b"", b"\n1\n"))
    yield case("one name", lambda: fill(b"a,", b"", b"a\n1\n"))
    yield case(
        "wide rows", lambda: fill(fill(b"x,", size=4_000) + b"\n", counted(b"c%d,", size=9_000) + b"z\n")
    )
    yield case("no charset", lambda: fill(b"\xff\x81", b"a,b\n"))
    yield case("wide letters", lambda: fill("\U0001f600,\n".encode(), b"a,b\n"))
    yield case("UTF-16", lambda: b"\xff\xfe" + fill("a,b\n".encode("utf-16-le")), "text/csv; charset=utf-16")
    yield case("UTF-32", lambda: b"\xff\xfe\0\0" + fill("x".encode("utf-32-le"), "a,b\n".encode("utf-32-le")))
    yield case("NULs", lambda: fill(b"\0", b"a,b\n"))


def _noise(size: int = SIZE) -> bytes:
    """Bytes that don't shrink, the same each time."""
    return b"".join(sha512(n.to_bytes(4, "big")).digest() for n in range(size // 64))


def sheet() -> Iterator[Case]:
    def case(name: str, body: Made) -> Case:
        return Case(f"sheet {name}", "application/vnd.ms-excel", body)

    yield case("noise", lambda: b"PK\x03\x04" + _noise())
    yield case("old noise", lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + _noise())
    yield case("nothing", lambda: b"PK\x03\x04" + b"\0" * SIZE)
    yield case("ends of zip files", lambda: b"PK\x03\x04" + fill(b"PK\x05\x06" + b"\0" * 18))
    yield case("a bomb", lambda: _stored({"xl/worksheets/sheet1.xml": b" " * 100_000_001}, pad=SIZE))
    yield case("files", lambda: zipped(**{f"f{n:06}": "" for n in range(100_000)}))
    yield case("cells", lambda: _stored(_book(fill(b"<c/>", b"<row>", b"</row>", 99_000_000))))
    yield case("rows", lambda: _stored(_book(fill(b"<row><c><v>1</v></c></row>", size=99_000_000))))
    yield case(
        "texts",
        lambda: _stored(
            _book(fill(b'<c t="inlineStr"><is><t>x</t></is></c>', b"<row>", b"</row>", 9_900_000))
        ),
    )
    yield case(
        "all the rows that may be",
        lambda: _stored(_book(fill(b"<row><c><v>1</v></c></row>", size=9_900_000))),
    )
    yield case("a deep sheet", lambda: _stored(_book(b"<a>" * 30_000_000)))
    yield case(
        "one text",
        lambda: _stored(
            _book(fill(b"x", b'<row><c t="inlineStr"><is><t>', b"</t></is></c></row>", 99_000_000))
        ),
    )
    yield case("an attribute", lambda: _stored(_book(fill(b"x", b'<row r="', b'"/>', 99_000_000))))
    yield case(
        "a table of repetitions",
        lambda: ods(
            '<table:table-row table:number-rows-repeated="1000"><table:table-cell table:number-columns-repeated="1000" office:value-type="float" office:value="1"/></table:table-row>'
            * 9
        ),
    )
    yield case("old cells", lambda: _old_cells())
    yield case("an old ring", lambda: _old_cells()[:512] + b"\0\0\0\0" * ((SIZE - 512) // 4))


def _book(rows: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(xlsx_of(S="ROWS"))) as archive:
        return {name: archive.read(name).replace(b"ROWS", rows) for name in archive.namelist()}


def _stored(files: dict[str, bytes], *, pad: int = 0) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
        if pad:
            archive.writestr("noise", _noise(pad))
    return buffer.getvalue()


def _old_cells() -> bytes:
    return xls(*((n % 65_000, n // 65_000, 1.0) for n in range(6_500_000 // 18)))


def mail() -> Iterator[Case]:
    head = b"From: a@b.example\r\n"

    def case(name: str, body: Made) -> Case:
        return Case(f"mail {name}", "message/rfc822", body)

    def of(kind: str, unit: bytes, encoding: str = "8bit") -> Made:
        top = head + f"Content-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode()
        return lambda: fill(unit, top)

    def coded(data: Made, kind: str = "text/plain") -> Made:
        top = head + f"Content-Type: {kind}\r\nContent-Transfer-Encoding: base64\r\n\r\n".encode()
        return lambda: top + encodebytes(data()[: SIZE * 7 // 10])

    yield case("one line", lambda: fill(b"x", head + b"\r\n"))
    yield case("line ends", lambda: fill(b"\n", head + b"\n"))
    yield case("old line ends", lambda: fill(b"\r", head + b"\r\r"))
    yield case("headers", lambda: fill(b"A: b\n"))
    yield case("many headers", lambda: counted(b"A%d: b\n"))
    yield case("one header", lambda: fill(b"x", b"Subject: "))
    yield case("folds", lambda: fill(b"\n x", b"Subject: x"))
    yield case("words of a header", lambda: fill(b"=?utf-8?q?x?= ", b"Subject: "))
    yield case("addresses", lambda: fill(b"<a@b>,", b"From: "))
    yield case("parentheses", lambda: fill(b"(", b"From: "))
    yield case("parameters", lambda: counted(b"; a%d=b", b"Content-Type: text/plain"))
    yield case("pieces of parameters", lambda: counted(b"; a*%d*=b", b"Content-Type: text/plain"))
    yield case("labels", of("text/plain", b"a: b\r\n"))
    yield case("labels without values", of("text/plain", b"a:\n"))
    yield case("equals", of("text/plain", b"a = b\n"))
    yield case("pairs of lines", of("text/plain", b"A\nb\n\n"))
    yield case("markers", of("text/plain", b"### BEGIN\n"))
    yield case("quoted", of("text/plain", b"> a: b\n"))
    yield case("answers", of("text/plain", b"On x wrote "))
    yield case("blanks", of("text/plain", b" "))
    yield case("hashes", of("text/plain", b"#"))
    yield case("words", of("text/plain", b"aaaa "))
    yield case("colons", of("text/plain", b":"))
    yield case("escapes", of("text/plain", b"=41", "quoted-printable"))
    yield case("soft ends", of("text/plain", b"=\n", "quoted-printable"))
    yield case("tags", of("text/html", b"<"))
    yield case("open tags", of("text/html", b"<p>"))
    yield case("tables", of("text/html", b"<table><tr><td>"))
    yield case("cells", of("text/html", b"<td>a"))
    yield case("bold words", of("text/html", b"<b>a</b> c "))
    yield case("openings of bold words", of("text/html", b"</b"))
    yield case("entities", of("text/html", b"&amp;"))
    yield case("divisions", of("text/html", b"<div "))
    yield case("markup", of("text/plain", b"<lead>"))
    yield case("closed markup", of("text/plain", b"<lead/>"))
    yield case("no base64", of("text/plain", b"!\n", "base64"))
    yield case("base64 without ends", of("text/plain", b"AAAA", "base64"))
    yield case("a text", coded(lambda: fill(b"a: b\n")))
    yield case("a page", coded(lambda: fill(b"<td>a<td>b<tr>"), "text/html"))
    yield case("a table", coded(lambda: fill(b"1,2\n", b"a,b\n"), "text/csv"))
    yield case("an object", coded(lambda: counted(b'"k%d":0,', b"{"), "application/json"))
    yield case("XML", coded(lambda: fill(b"<a/>", b"<lead>"), "text/xml"))
    yield case("a workbook", coded(_noise, "application/vnd.ms-excel"))
    yield case("boundaries", lambda: fill(b"--x\n", head + b"Content-Type: multipart/mixed; boundary=x\n\n"))
    yield case(
        "almost boundaries", lambda: fill(b"\n-", head + b"Content-Type: multipart/mixed; boundary=x\n\n")
    )
    yield case(
        "parts", lambda: fill(b"--x\n\na: b\n", head + b"Content-Type: multipart/mixed; boundary=x\n\n")
    )
    yield case("mails in mails", lambda: fill(b"Content-Type: message/rfc822\n\n", head))
    yield case("nested parts", lambda: counted(b"Content-Type: multipart/mixed; boundary=x%d\n\n--x\n", head))
    yield case("parts of several", lambda: fill(b"message/partial\n", head + b"Content-Type: text/plain\n\n"))
