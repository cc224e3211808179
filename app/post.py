"""What the settings say of mail: how we call ourselves, whose mail is taken, and who sends ours on."""

import socket

from app.api.mail.places import place
from app.api.mail.terms import Terms
from app.distribute.mailing import MailServer
from app.settings import Settings


def hostname(settings: Settings) -> str:
    return settings.smtp_hostname or socket.gethostname()


def relay(settings: Settings) -> MailServer | None:
    """The operator's own server, on whose network nobody asks who we are."""
    where = place(settings.smtp_relay) if settings.smtp_relay else None
    return MailServer(host=where[0], port=where[1], tls="offered") if isinstance(where, tuple) else None


def terms(settings: Settings) -> Terms:
    return Terms(
        hostname=hostname(settings), most_bytes=settings.mail_bytes,
        most_connections=settings.smtp_connections, seconds=settings.smtp_seconds,
        certificate=settings.smtp_certificate, key=settings.smtp_key, relay=settings.smtp_relay,
    )  # fmt: skip
