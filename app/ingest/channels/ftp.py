"""Picks up files that others put into a folder of an FTP server, with or without TLS."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from app.core.registry import Settings
from app.ingest.channel import Channel, Door, Visit, channels
from app.ingest.remote import RemoteSettings, pick_up

_IMPLICIT, _USUAL = 990, 21


class FtpSettings(RemoteSettings):
    tls: Literal["explicit", "implicit", "none"] = Field(
        "explicit", description="`none` sends the password and the leads in clear."
    )
    ca: str = Field(
        "", description="File of the authority (PEM) that signed the certificate, if it is your own."
    )

    @model_validator(mode="after")
    def _sendable(self) -> "FtpSettings":
        if not self.password.get_secret_value().isprintable():
            raise ValueError("has a password with a character that can not be sent")
        if self.ca and self.tls == "none":
            raise ValueError("has a ca, and no tls that it would be for")
        return self


@channels.register
class Ftp(Channel):
    """A file is taken when two visits in a row saw it with the same size and time. What was taken in is moved to `done`,
    what can't be read to `failed` with a `….reason.txt` beside it; both are made in the folder. Where the server lets
    nobody move files, leadgate remembers which it has taken. Tables of any size up to `largest` are imported as a
    batch; ADF, XML, JSON, feeds and mails of at most 10 MB are one submission.

    Each file is taken once, also when leadgate is killed in between: it is told by name, size, time and content. One
    that is replaced while it is read is left for the next visit. With TLS the certificate is checked, by `ca` where it
    is given, and so are the data connections. These are passive, to the machine that was logged in to.
    """

    name = "ftp"
    settings: ClassVar[type[Settings]] = FtpSettings
    examples: ClassVar[tuple[Mapping[str, Any], ...]] = (
        {"host": "ftp.vendor.example", "user": "acme", "password": "write-it-here", "folder": "/outgoing"},
        {
            "host": "10.0.4.7",
            "port": 2121,
            "tls": "none",
            "user": "acme",
            "password": "write-it-here",
            "match": ["*.csv", "*.adf"],
            "done": "taken",
            "every": "5m",
        },
    )

    async def visit(self, settings: FtpSettings, door: Door) -> Visit:
        from app.remote.ftp import Account, connected  # takes a third of a second

        port = settings.port or (_IMPLICIT if settings.tls == "implicit" else _USUAL)
        account = Account(
            host=settings.host, address=await door.reach(settings.host, port), port=port,
            tls=settings.tls, ca=settings.ca, user=settings.user, password=settings.password.get_secret_value(),
            folder=settings.folder, patience=settings.patience.seconds,
        )  # fmt: skip
        async with connected(account) as folder:
            return await pick_up(folder, settings, door)
