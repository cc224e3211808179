"""How a call can fail, by what the failure means for the lead.

WireFault
├── NotSent            no byte of the request has left: it may be sent again
│   ├── BadCall            the call itself can't be sent (scheme, userinfo, a line break in a header)
│   ├── AddressRefused     the address or port is one that we must not reach
│   ├── NameUnknown        no address for that name, or not in time
│   ├── ConnectFailed      refused, unreachable
│   ├── ConnectTimedOut
│   ├── TlsFailed          handshake or certificate
│   └── Crowded            no free place among our own connections in time
└── PerhapsSent        from the first byte given to the socket on; `partial` is what came back
    ├── TimedOut           silence, a drip, an endless body
    ├── Broken             closed or reset before the reply had ended
    ├── TooLarge           more decoded bytes than we read
    ├── NotHttp            no HTTP, or it lies about its length
    └── Undecodable        a content encoding that we can't read
"""

from typing import ClassVar

from app.distribute.adapter import Reply


class WireFault(Exception):
    """`code` is stable and safe to show."""

    code: ClassVar[str] = "wire"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or self.code)
        self.detail = detail


class NotSent(WireFault):
    code = "not_sent"


class BadCall(NotSent):
    code = "bad_call"


class AddressRefused(NotSent):
    code = "address_refused"


class NameUnknown(NotSent):
    code = "name_unknown"


class ConnectFailed(NotSent):
    code = "connect_failed"


class ConnectTimedOut(NotSent):
    code = "connect_timed_out"


class TlsFailed(NotSent):
    code = "tls_failed"


class Crowded(NotSent):
    code = "crowded"


class PerhapsSent(WireFault):
    code = "perhaps_sent"
    partial: Reply | None = None


class TimedOut(PerhapsSent):
    code = "timed_out"


class Broken(PerhapsSent):
    code = "broken"


class TooLarge(PerhapsSent):
    code = "too_large"


class NotHttp(PerhapsSent):
    code = "not_http"


class Undecodable(PerhapsSent):
    code = "undecodable"


class WireFailed(PerhapsSent):
    code = "wire_failed"
