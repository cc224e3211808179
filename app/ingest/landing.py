"""What a browser sees after its post: the page it is sent on to, or a word of thanks."""

from collections.abc import Iterable
from typing import Annotated
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator

from app.core.errors import Unreadable
from app.ingest.platform import Said
from app.ingest.redirect import allowed

_KEPT = ":/?#[]@!$&'()*+,;=%~"
_THANKS = b"""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Thank you</title>
<body style="font:1.1em/1.5 system-ui,sans-serif;max-width:32em;margin:20vh auto 0;padding:0 1em">
<h1>Thank you</h1><p>Your details have been received.</p></body></html>
"""
_PAGE = (
    ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"),
    ("X-Content-Type-Options", "nosniff"),
)


def _address(text: str) -> str:
    try:
        host = urlsplit(text).hostname
        return allowed(text, [host] if host else [])
    except (Unreadable, ValueError):
        raise ValueError("an address is written https://www.example.com/thanks") from None


Address = Annotated[str, AfterValidator(_address)]


def sent_to(address: str) -> Said:
    """303, so that the next page is fetched and not posted to; it learns no address of ours."""
    return Said(b"", "text/plain", 303, (("Location", address), ("Referrer-Policy", "no-referrer")))


def sent_if_allowed(url: str, hosts: Iterable[str]) -> Said:
    """To where the page asked; thanks where that is nowhere, or a host that the source does not name."""
    try:
        return sent_to(allowed(quote(url.strip(), safe=_KEPT, errors="replace"), hosts))
    except Unreadable:
        return Said(_THANKS, "text/html; charset=utf-8", 200, _PAGE)
