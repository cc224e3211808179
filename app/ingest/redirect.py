"""Whether a person may be sent on to an address that came with a request."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from app.core.errors import Unreadable

LONGEST = 2_000
_NEVER = frozenset('\\"<>^`{|} ')  # what browsers mend, each in its own way


def allowed(url: str, hosts: Iterable[str]) -> str:
    """The address itself; Unreadable where it is none, or leads to a host that the source does not name.

    Only what every browser reads alike is taken: printable ASCII, http or https, no user before the host.
    """
    if len(url) > LONGEST or any(not "!" <= c <= "~" or c in _NEVER for c in url):
        raise _refused("is no address: printable ASCII, other characters percent-encoded")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise _refused("is no address") from None
    if parts.scheme not in ("http", "https") or not url.lower().startswith(f"{parts.scheme}://"):
        raise _refused("must begin with https:// or http://")
    if "@" in parts.netloc or host not in {one.lower() for one in hosts}:
        raise _refused("leads to a host that is not among the source's `redirect_hosts`")
    return url


def _refused(why: str) -> Unreadable:
    return Unreadable(f"the address to redirect to {why}", code="redirect")
