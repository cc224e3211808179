"""How many leads a second one core reads in each format, one a body where vendors post one, many where they send files."""

import io
import json
import time
from collections.abc import Callable
from urllib.parse import urlencode
from xml.sax.saxutils import escape

import openpyxl

from app.ingest.format import formats
from app.ingest.reading import Reader

SECONDS = 0.4
"""Of one core, for each format."""

MANY = 1_000
_ADDRESS = "ann{}@acmeheating.com"
Lead = dict[str, str]
Body = tuple[bytes, str, int]


def lead(n: int) -> Lead:
    """As vendors send: eleven fields, no two people alike."""
    return {
        "first_name": "Ann", "last_name": "Smith", "email": _ADDRESS.format(n), "phone": f"+1415{2_000_000 + n:07d}",
        "address": f"{n} Market St", "city": "San Francisco", "state": "CA", "zip": "94110", "bill": "200",
        "utm_source": "google", "landing_page": "https://example.com/solar?x=1&y=2",
    }  # fmt: skip


LEADS = [lead(n) for n in range(MANY)]


def _json() -> Body:
    return json.dumps(LEADS[0]).encode(), "application/json", 1


def _ndjson() -> Body:
    return "".join(json.dumps(one) + "\n" for one in LEADS).encode(), "application/x-ndjson", MANY


def _form() -> Body:
    return urlencode(LEADS[0]).encode(), "application/x-www-form-urlencoded", 1


def _multipart() -> Body:
    part = '--xYz\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
    body = "".join(part.format(name, value) for name, value in LEADS[0].items()) + "--xYz--\r\n"
    return body.encode(), "multipart/form-data; boundary=xYz", 1


def _elements(one: Lead) -> str:
    return "".join(f"<{name}>{escape(value)}</{name}>" for name, value in one.items())


def _xml() -> Body:
    return f"<lead>{_elements(LEADS[0])}</lead>".encode(), "application/xml", 1


def _adf() -> Body:
    one = {name: escape(value) for name, value in LEADS[0].items()}
    body = f"""<?ADF VERSION "1.0"?>
<?xml version="1.0"?><adf><prospect status="new"><id sequence="1" source="acme">77</id>
<requestdate>2026-03-30T15:30:20-08:00</requestdate>
<vehicle interest="buy" status="new"><year>2026</year><make>Honda</make><model>Civic</model></vehicle>
<customer><contact><name part="first">{one["first_name"]}</name><name part="last">{one["last_name"]}</name>
<email>{one["email"]}</email><phone type="cellphone">{one["phone"]}</phone><address><street line="1">{one["address"]}</street>
<city>{one["city"]}</city><regioncode>CA</regioncode><postalcode>{one["zip"]}</postalcode></address></contact>
<comments>Bill: 200</comments></customer><vendor><vendorname>Downtown Honda</vendorname></vendor></prospect></adf>
"""
    return body.encode(), "application/xml", 1


def _feed() -> Body:
    items = "".join(
        f"<item><guid>lead-{n}</guid><title>Solar</title><pubDate>Mon, 30 Mar 2026 15:30:20 GMT</pubDate>{_elements(one)}"
        f"<description>Roof: tile&lt;br&gt;Owner: yes</description></item>"
        for n, one in enumerate(LEADS[:100])
    )
    return f"<rss version='2.0'><channel>{items}</channel></rss>".encode(), "application/rss+xml", 100


def _csv() -> Body:
    rows = "\r\n".join(",".join(one.values()) for one in LEADS)
    return f"{','.join(LEADS[0])}\r\n{rows}\r\n".encode(), "text/csv", MANY


def _sheet() -> Body:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Leads")
    sheet.append(list(LEADS[0]))
    for one in LEADS:
        sheet.append(list(one.values()))
    data = io.BytesIO()
    book.save(data)
    return data.getvalue(), "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", MANY


def _mail() -> Body:
    head = (
        "From: Portal <leads@portal.example>\r\nSubject: New lead\r\nMessage-ID: <1@portal.example>\r\n\r\n"
    )
    return (head + "".join(f"{k}: {v}\r\n" for k, v in LEADS[0].items())).encode(), "message/rfc822", 1


BODIES: dict[str, Callable[[], Body]] = {
    "json": _json, "ndjson": _ndjson, "form": _form, "multipart": _multipart, "xml": _xml, "adf": _adf,
    "feed": _feed, "csv": _csv, "sheet": _sheet, "mail": _mail,
}  # fmt: skip


def parse_per_s(seconds: float = SECONDS) -> dict[str, float]:
    """Leads per second of CPU time by `parse_<format>_per_s`; raises where not all of them are read."""
    reader = Reader(formats.discover())
    return {f"parse_{name}_per_s": _rate(reader, name, made(), seconds) for name, made in BODIES.items()}


def _rate(reader: Reader, name: str, body: Body, seconds: float) -> float:
    data, content_type, leads = body
    records = reader.read(data, content_type)
    if len(records) != leads or records[-1].get("email") != _ADDRESS.format(leads - 1):
        raise AssertionError(f"not every lead of {name} was read: this measures something else")
    read, began = 0, time.process_time()
    while (took := time.process_time() - began) < seconds:
        for _ in range(max(1, 100 // leads)):
            read += len(reader.read(data, content_type))
    return read / took
