"""How a call can fail, by what the failure means for the lead.

WireFault
├── NotSent            no byte of the request has left: it may be sent again
│   ├── BadCall            the call itself can't be sent (scheme, userinfo, a line break in a header)
│   ├── AddressRefused     the address or port is one that we must not reach
│   ├── NameUnknown        no address for that name, or not in time
│   ├── ConnectFailed      refused, unreachable
│   ├── ConnectTimedOut
│   ├── TlsFailed          handshake or certificate
│   ├── Crowded            no free place among our own connections in time
│   ├── HungUp             a mail server closed before the message had begun, a file server before the file had
│   ├── NoAnswer           silence before it
│   ├── NotUnderstood      no SMTP before it
│   ├── Refused            a file server did not let us in, or not into the folder
│   ├── BrokenOff          in the midst of a file that had no name yet
│   └── NotOffered         it doesn't offer the TLS or the login that the contract asks for
└── PerhapsSent        from the first byte given to the socket on (of a mail: of its message)
    ├── TimedOut           silence, a drip, an endless body
    ├── Broken             closed or reset before the reply had ended
    ├── TooLarge           more decoded bytes than we read
    ├── NotHttp            no HTTP, or it lies about its length
    ├── Undecodable        a content encoding that we can't read
    └── NotSmtp            no SMTP as the answer to a message
"""

from typing import ClassVar

from app.distribute.adapter import Answer


class WireFault(Exception):
    """`code` is stable and safe to show; `partial` is what had come back."""

    code: ClassVar[str] = "wire"
    partial: Answer | None = None

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


class HungUp(NotSent):
    code = "hung_up"


class NoAnswer(NotSent):
    code = "no_answer"


class NotUnderstood(NotSent):
    code = "not_understood"


class Refused(NotSent):
    code = "refused"


class BrokenOff(NotSent):
    code = "broken_off"


class NotOffered(NotSent):
    code = "not_offered"


class PerhapsSent(WireFault):
    code = "perhaps_sent"


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


class NotSmtp(PerhapsSent):
    code = "not_smtp"


class WireFailed(PerhapsSent):
    code = "wire_failed"
