"""What the sender of a mail is told: a line of SMTP with its enhanced code."""

from msgspec import Struct

from app.core.errors import Refused

_LONGEST = 400  # of 512 that a reply may have


class Told(Struct, frozen=True):
    """`outcome` is our own word for it, for metrics."""

    outcome: str
    line: str

    @property
    def taken(self) -> bool:
        return self.line.startswith("2")

    @property
    def passing(self) -> bool:
        """The sender tries again by itself."""
        return self.line.startswith("4")


NO_MAILBOX = Told("no_mailbox", "550 5.1.1 No leads are taken at this address")
SWITCHED_OFF = Told("source_off", "550 5.2.1 The source of this address is switched off")
NO_SENDER = Told("sender", "550 5.7.1 Leads of this sender are not taken at this address")
TOO_MANY_RECIPIENTS = Told("recipients", "452 4.5.3 Too many recipients; send the rest once more")
TOO_MANY_GUESSES = Told("recipients", "421 4.7.0 Too many unknown addresses")
BARE_LINES = Told("bare_lines", "550 5.5.2 A lone dot stands between bare line ends; lines end with CR LF")
NO_ROOM = Told("no_room", "452 4.3.1 Too much mail at once; send it again")
BROKEN = Told("broken", "451 4.3.0 Something went wrong here; send it again")
GOING_AWAY = Told("going_away", "421 4.3.2 Going away; send it again")
CROWDED = Told("crowded", "421 4.3.2 Too many connections; come again")

REPORTED = Told("reported", "250 2.0.0 Noted: the delivery did not arrive")
NO_REPORT = Told("no_report", "250 2.0.0 Taken, and not kept: it is no report of a delivery that waits")


def kept(id_: object) -> Told:
    return Told("kept", f"250 2.0.0 Kept as {id_}")


def repeated(id_: object) -> Told:
    return Told("repeated", f"250 2.0.0 Came before, as {id_}")


def too_large(most: int) -> Told:
    return Told("too_large", f"552 5.3.4 A mail has at most {most} bytes")


def not_now(refused: Refused) -> Told:
    return Told("not_durable", _line("451 4.3.0", refused.detail))


def unreadable(refused: Refused) -> Told:
    return Told("refused", _line("554 5.6.0", explained(refused)))


def explained(refused: Refused) -> str:
    where = f" (at {refused.where})" if refused.where else ""
    return f"No lead could be read: {refused.detail}{where} [{refused.reason}]"


def _line(code: str, text: str) -> str:
    """One line of ASCII, whatever the text."""
    plain = " ".join(text.split()).encode("ascii", "replace").decode()
    return f"{code} {plain[:_LONGEST]}"
