"""Mails as portals and forms send them."""

_HEAD = (
    b"From: Portal <form@portal.example>\r\nTo: acme@leads.example\r\nSubject: New lead\r\n"
    b"Message-ID: <%s@portal.example>\r\nMIME-Version: 1.0\r\n"
)


def form(email: str = "ann@example.com", id_: str = "1") -> bytes:
    """`Label: value` lines."""
    return _HEAD % id_.encode() + b"\r\nFirst Name: Ann\r\nEmail: " + email.encode() + b"\r\n"


def parted(id_: bytes, kind: str, content: bytes, name: str = "") -> bytes:
    """A greeting, and a part of this kind."""
    named = f'; filename="{name}"' if name else ""
    return (
        _HEAD % id_
        + b'Content-Type: multipart/mixed; boundary="cut"\r\n\r\n'
        + b"--cut\r\nContent-Type: text/plain\r\n\r\nThere is a new lead.\r\n"
        + f"--cut\r\nContent-Type: {kind}\r\nContent-Disposition: attachment{named}\r\n\r\n".encode()
        + content
        + b"\r\n--cut--\r\n"
    )


ADF = parted(
    b"2",
    "application/x-adf+xml",
    b'<?ADF VERSION "1.0"?>\r\n<?xml version="1.0"?>\r\n<adf><prospect><requestdate>2026-03-30T15:30:20-08:00</requestdate>'
    b'<vehicle><year>2024</year><make>Ford</make><model>F-150</model></vehicle><customer><contact><name part="first">Ann</name>'
    b"<email>adf@example.com</email></contact></customer><vendor><contact><name>Ford</name></contact></vendor></prospect></adf>",
)
CSV = parted(
    b"5", "text/csv", b"first_name,email\r\nAnn,csv@example.com\r\nBob,tsv@example.com\r\n", "leads.csv"
)
TABLE = (
    _HEAD % b"3" + b"Content-Type: text/html; charset=utf-8\r\n\r\n<html><body><table>"
    b"<tr><td>First Name</td><td>Ann</td></tr><tr><td>Email</td><td>table@example.com</td></tr></table></body></html>\r\n"
)
NEWSLETTER = _HEAD % b"4" + b"\r\nWe have a sale on. Come and see.\r\n"
