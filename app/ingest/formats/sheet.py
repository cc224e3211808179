"""Reads leads from a workbook as office programs save it: XLSX, XLS, ODS; the first sheet, or `; sheet=NAME`."""

import base64
import zlib
from itertools import islice
from typing import ClassVar

from app.ingest.body import parameters
from app.ingest.extent import OF_A_BODY
from app.ingest.format import MOST_RECORDS, Format, Unreadable, formats
from app.ingest.workbook import is_workbook, sheet_rows
from app.model import Record

EXAMPLE = (
    b"c-jl_W@Zs#fB;2?)*Q<&Js=B&Ie<7fGdH!QvLH3FpdcqRIk6-&KTp3bFGVjuu{g6>FTWr)FC{;@G&eP`M6bA@C^a#qI3qQ+"
    b"BminA2iVL!hl|_40a+c)3=G^rIypbD1f-!NH)rkS+j%Vt0&Vd}3(hy?-Qr%PR(-!bL*V!{mV+mDv~Sm6aa+eW=gc<q18402"
    b"v->P4iCr$*ac$*F_U;hN?!<HF_HK;R$#PwGkxPB=w?n7o_Bg2CVfgk+X!}*A`-Pi+1)8O8uGRCqQ*i9;vjFSr*G0B&k8hn$"
    b"f6y+N^7=mG2EFOM&kUolO^lg1J;F(7Zr{5pY9bPo*Irp{A{?-X=ir;dE8lc?J@#y~Qu5x$miUqNqr{eS_lm3E?(gh1d!{$#"
    b"?%R`xeXVZnzrS=U#}ln14d=34x#Dbs_bs<k&yikb?5E^8rRxdneOuQ<-{tP4IeobtoqRGoWq-}~U(Be%^Va-iH!lMuXheb7"
    b"*EPgZ*VE5UKQ}QiGcC0k98jB2`kp!M<E^WAaXT|ZfHxzP2s7?TgMkJ{2BauN=)xW?2wfqlk%X=h-N6Wr#f&(dAK=Z(22#Qd"
    b"gqwi$X0Xcuu+h&%"
)
"""An ODS of one sheet, the smallest that there is."""


@formats.register
class Sheet(Format):
    """The first row that isn't blank names the columns. Dates come as ISO 8601, numbers as they are."""

    name = "sheet"
    content_types: ClassVar[tuple[str, ...]] = (
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/vnd.ms-excel",
        "application/vnd.oasis.opendocument.spreadsheet",
    )
    examples = (
        (
            zlib.decompress(base64.b85decode(EXAMPLE)),
            "application/vnd.oasis.opendocument.spreadsheet; sheet=Leads",
            [{"name": "Ann", "move_in": "2026-03-01", "bill": 120.5}],
        ),
    )

    def read(self, body: bytes, content_type: str) -> list[Record]:
        found = sheet_rows(body, parameters(content_type).get("sheet"), most=OF_A_BODY)
        records = [record for _, record in islice(found, MOST_RECORDS + 1)]
        if len(records) > MOST_RECORDS:
            raise Unreadable(f"more than {MOST_RECORDS} leads in one body", code="records")
        if not records:
            raise Unreadable("there is no lead below the header", code="empty")
        return records

    def sniffs(self, body: bytes) -> bool:
        return is_workbook(body)
