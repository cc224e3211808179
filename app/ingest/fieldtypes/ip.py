"""An IP address, version 4 or 6, in its shortest form."""

import ipaddress
import re

from app.core.registry import Settings
from app.ingest.fieldtype import FieldType, fieldtypes
from app.ingest.raw import invalid, valid, written
from app.model import Raw, Value

_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_V4 = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}")
_PARTS_4, _PARTS_6 = {"version": 4}, {"version": 6}


class IpSettings(Settings):
    pass


@fieldtypes.register
class Ip(FieldType[IpSettings]):
    name = "ip"
    settings = IpSettings
    parts = {"version": "4 or 6"}
    examples = (
        ({}, "203.0.113.7", Value("203.0.113.7", "203.0.113.7", True, {"version": 4})),
        ({}, "2001:DB8:0:0::1", Value("2001:DB8:0:0::1", "2001:db8::1", True, {"version": 6})),
        ({}, "::ffff:203.0.113.7", Value("::ffff:203.0.113.7", "203.0.113.7", True, {"version": 4})),
        ({}, "203.0.113.300", Value("203.0.113.300", None, False, {}, "is no IP address")),
    )

    def normal(self, raw: Raw, to: IpSettings) -> Value:
        text = written(raw)
        if _V4.fullmatch(text):
            return valid(raw, text, _PARTS_4)
        if ":" not in text or len(text) > 47 or "%" in text:
            return invalid(raw, "is no IP address")
        try:
            address = ipaddress.IPv6Address(text.strip("[]"))
        except ValueError:
            return invalid(raw, "is no IP address")
        if address.ipv4_mapped is not None:
            return valid(raw, str(address.ipv4_mapped), _PARTS_4)
        return valid(raw, address.compressed, _PARTS_6)
