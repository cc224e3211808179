"""Writes the report that a mail without a readable lead is answered with (RFC 3464), as ADF asks."""

from datetime import datetime
from email.message import Message
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import SMTP
from email.utils import format_datetime
from uuid import UUID

from msgspec import Struct

from app.core.errors import Refused
from app.remote.head import Head, machine

_MOST_HEAD = 16_384
_TEXT = """\
The mail that you sent to {recipient} holds no lead that can be read,
so nothing was taken from it. It will not be tried again.

What is wrong:
  {what}{where}
  (problem `{code}`)

What can be read: an ADF document (a part of type application/x-adf+xml or application/xml, or as the whole
text), a table attached (CSV, XLSX), or lines of the form `Label: value`, one lead a mail.

Please correct it and send it again. This report was written by a machine; the first lines of your mail follow.
"""


class Failed(Struct, frozen=True, kw_only=True):
    """A mail for one recipient that was read in vain."""

    sender: str  # of the envelope
    recipient: str
    refused: Refused
    line: str  # as SMTP would have said it
    head: Head


def may_bounce(failed: Failed) -> bool:
    """Never to nobody, to a machine, or about what a machine wrote: two that answer each other never end."""
    sender = failed.sender
    plain = sender.isascii() and sender.isprintable() and sender.count("@") == 1
    return plain and not failed.head.automatic and not machine(sender)


def report(failed: Failed, *, hostname: str, at: datetime, id_: UUID) -> bytes:
    """The whole mail, to be sent with an empty envelope sender."""
    mail = MIMEMultipart("report", boundary=f"={id_.hex}=", policy=SMTP)
    mail.set_param("report-type", "delivery-status")
    mail["From"] = f"Leads at {hostname} <postmaster@{hostname}>"
    mail["To"] = failed.sender
    mail["Subject"] = "Your lead could not be read"
    mail["Date"] = format_datetime(at)
    mail["Message-ID"] = f"<{id_}@{hostname}>"
    mail["Auto-Submitted"] = "auto-replied"
    if failed.head.message_id.isascii() and 0 < len(failed.head.message_id) < 500:
        mail["In-Reply-To"] = mail["References"] = failed.head.message_id
    mail.attach(_explanation(failed))
    mail.attach(_status(failed, hostname))
    mail.attach(_head(failed.head))
    return mail.as_bytes(policy=SMTP)


def _explanation(failed: Failed) -> Message:
    refused = failed.refused
    where = f", at {_plain(refused.where)}" if refused.where else ""
    text = _TEXT.format(
        recipient=_plain(failed.recipient), what=_plain(refused.detail), where=where, code=refused.reason
    )
    return MIMEText(text, "plain", "us-ascii", policy=SMTP)


def _status(failed: Failed, hostname: str) -> Message:
    whole, one = Message(policy=SMTP), Message(policy=SMTP)
    whole["Reporting-MTA"] = f"dns; {hostname}"
    one["Final-Recipient"] = f"rfc822; {_plain(failed.recipient)}"
    one["Action"] = "failed"
    one["Status"] = failed.line.split()[1]
    one["Diagnostic-Code"] = f"smtp; {failed.line}"
    part = Message(policy=SMTP)
    part["Content-Type"] = "message/delivery-status"
    part.set_payload([whole, one])
    return part


def _head(head: Head) -> Message:
    part = Message(policy=SMTP)
    part["Content-Type"] = "text/rfc822-headers"
    lines = head.raw[:_MOST_HEAD].decode("ascii", "replace").replace("�", "?").splitlines()
    part.set_payload("\r\n".join(lines) + "\r\n")
    return part


def _plain(text: str) -> str:
    return " ".join(text.split()).encode("ascii", "replace").decode()
