"""A web address, as of a landing page or a consent certificate."""

import ipaddress
import re
from functools import lru_cache
from urllib.parse import quote

from pydantic import Field

from app.core.registry import Settings
from app.ingest.fieldtype import FieldType, fieldtypes
from app.ingest.raw import invalid, valid, written
from app.model import Raw, Value

_SHAPE = re.compile(
    r"(?:([a-z][a-z0-9+.-]*)://)?([^/?#:\[\]]+|\[[0-9a-f:.]+\])(?::([0-9]*))?([/?#].*)?", re.IGNORECASE
)
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_KEPT = "%/?#:@!$&'()*+,;=~[]^`{|}\"<>"  # all that is ASCII and printable stays as it came
_PORTS = {"http": "80", "https": "443"}


class UrlSettings(Settings):
    max_length: int = Field(4_096, ge=10, le=20_000)


@fieldtypes.register
class Url(FieldType[UrlSettings]):
    """http and https only; a user name or password in it makes it invalid."""

    name = "url"
    settings = UrlSettings
    parts = {"scheme": "http or https", "host": "lower case, in ASCII"}
    examples = (
        (
            {},
            "HTTPS://Solar.Example:443/Quote?a=1",
            Value(
                "HTTPS://Solar.Example:443/Quote?a=1",
                "https://solar.example/Quote?a=1",
                True,
                {"scheme": "https", "host": "solar.example"},
            ),
        ),
        (
            {},
            "solar.example",
            Value(
                "solar.example",
                "https://solar.example/",
                True,
                {"scheme": "https", "host": "solar.example"},
                "https:// added",
            ),
        ),
        ({}, "ftp://a.example/", Value("ftp://a.example/", None, False, {}, "is neither http nor https")),
    )

    def normal(self, raw: Raw, to: UrlSettings) -> Value:
        text = written(raw)
        if len(text) > to.max_length:
            return invalid(raw, f"is longer than {to.max_length} characters")
        match = _SHAPE.fullmatch(text)
        if match is None or " " in text or "\\" in text or not text.isprintable():
            return invalid(raw, "is no web address")
        scheme, host, port, rest = match.groups()
        note = ""
        if scheme is None:
            if "." not in host:
                return invalid(raw, "is no web address")
            scheme, note = "https", "https:// added"
        scheme = scheme.lower()
        if scheme not in _PORTS:
            return invalid(raw, "is neither http nor https")
        if "@" in host or (port is None and rest is None and "@" in text):
            return invalid(raw, "holds a user name")
        known = _host(host)
        if known is None or (port and not 0 < int(port[:6]) < 65_536):
            return invalid(raw, "is no web address")
        where = f":{int(port)}" if port and port.lstrip("0") != _PORTS[scheme] else ""
        return valid(raw, f"{scheme}://{known}{where}{_rest(rest)}", {"scheme": scheme, "host": known}, note)


def _rest(rest: str | None) -> str:
    if not rest:
        return "/"
    if not rest.isascii():
        rest = quote(rest, safe=_KEPT)
    return rest if rest[0] == "/" else f"/{rest}"


@lru_cache(maxsize=4_096)
def _host(host: str) -> str | None:
    if len(host) > 253:
        return None
    if host[0] == "[":
        try:
            return f"[{ipaddress.IPv6Address(host[1:-1]).compressed}]"
        except ValueError:
            return None
    try:
        ascii_host = host.lower() if host.isascii() else host.encode("idna").decode().lower()
    except UnicodeError:
        return None
    return ascii_host if _HOST.fullmatch(ascii_host) else None
