"""SOAP 1.1 and 1.2: an XML body in its envelope, the header that names the action, and what a fault says of the lead.

    the fault is about            the outcome
    the message (Client, Sender)  Rejected, in the buyer's words
    our proof (wsse:…)            TryLater: the next buyer must not profit from our wrong password
    the envelope (MustUnderstand, VersionMismatch, DataEncodingUnknown)    TryLater: nothing of it was read
    the buyer (Server, Receiver), or something else    Unclear: he had the lead when he failed

The contract's rules and words are asked before this, and 408, 425, 429 and 503 are what they always are.
"""

import re
from typing import Any, Literal

from pydantic import Field, SecretStr, field_validator

from app.core.registry import Settings
from app.distribute import xml
from app.distribute.replies import LATER, Opened
from app.distribute.rules import without_persons
from app.model import Outcome, Rejected, TryLater, Unclear

_ENVELOPES = {
    "1.1": "http://schemas.xmlsoap.org/soap/envelope/",
    "1.2": "http://www.w3.org/2003/05/soap-envelope",
}
_DECLARATION = re.compile(rb"\s*<\?xml[^>]*\?>\s*")
_VISIBLE = r"^[!#-~]*$"
_ABOUT_THE_MESSAGE = frozenset({"client", "sender"})
_ABOUT_US = frozenset(
    {
        "failedauthentication", "failedcheck", "invalidsecurity", "invalidsecuritytoken",
        "securitytokenunavailable", "unsupportedsecuritytoken",
        "mustunderstand", "versionmismatch", "dataencodingunknown",
    }
)  # fmt: skip
_LONGEST_REASON = 200


class Soap(Settings):
    version: Literal["1.1", "1.2"] = "1.1"
    action: str = Field("", max_length=500, pattern=_VISIBLE, description="What SOAPAction names.")
    namespace: str = Field("", max_length=500, description="Of the body's root; a template writes its own.")
    header: SecretStr | None = Field(
        None, description="The content of soap:Header as XML, as a name and password of WS-Security."
    )

    @field_validator("version", mode="before")
    @classmethod
    def _written(cls, given: Any) -> Any:
        return str(given) if isinstance(given, float) else given

    @field_validator("header")
    @classmethod
    def _readable(cls, header: SecretStr | None) -> SecretStr | None:
        if header is not None:
            xml.read(f"<h>{header.get_secret_value()}</h>".encode())
        return header

    def headers(self) -> dict[str, str]:
        if self.version == "1.1":
            return {"content-type": "text/xml; charset=utf-8", "soapaction": f'"{self.action}"'}
        action = f'; action="{self.action}"' if self.action else ""
        return {"content-type": f"application/soap+xml; charset=utf-8{action}"}

    def wrapped(self, body: bytes, *, ours: bool) -> bytes:
        """`body` in its envelope. `ours`: its root is a bare element of our own writing, which gets the namespace."""
        body = _DECLARATION.sub(b"", body, count=1) if _DECLARATION.match(body) else body
        if ours and self.namespace:
            body = body.replace(b">", f' xmlns="{xml.escaped(self.namespace)}">'.encode(), 1)
        header = self.header.get_secret_value() if self.header is not None else ""
        head = (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<soap:Envelope xmlns:soap="{_ENVELOPES[self.version]}">'
            + (f"<soap:Header>{header}</soap:Header>" if header else "")
            + "<soap:Body>"
        )
        return head.encode() + body + b"</soap:Body></soap:Envelope>"

    def secrets(self) -> tuple[str, ...]:
        return (self.header.get_secret_value(),) if self.header is not None else ()


def fault(opened: Opened) -> Outcome | None:
    """What a fault says; None where there is none."""
    if opened.reply.status in LATER:
        return None
    try:
        found = opened.part("root").find("{*}Body/{*}Fault")
    except ValueError:
        return None
    if found is None:
        return None
    codes, said = _codes(found), _said(found)
    read = f"SOAP fault {codes[0]}" if codes else "SOAP fault"
    kinds = {word.lower() for code in codes for word in code.split(".")}
    if not kinds.isdisjoint(_ABOUT_US):
        return TryLater(reason=codes[-1], read=read)
    if not kinds.isdisjoint(_ABOUT_THE_MESSAGE):
        return Rejected(reason=said or codes[-1], read=read)
    return Unclear(reason=said or "soap_fault", read=read)


def _codes(found: Any) -> list[str]:
    """Code and subcodes by their local names, the widest first."""
    paths = (
        "faultcode",
        "{*}Code/{*}Value",
        "{*}Code/{*}Subcode/{*}Value",
        "{*}Code/{*}Subcode/{*}Subcode/{*}Value",
    )
    texts = [(found.findtext(path) or "").strip().rpartition(":")[2] for path in paths]
    return [text[:60] for text in texts if re.fullmatch(r"[\w.-]+", text)]


def _said(found: Any) -> str:
    text = found.findtext("faultstring") or found.findtext("{*}Reason/{*}Text") or ""
    return without_persons(text)[:_LONGEST_REASON]
