"""What the operator decides of the mail door, as values."""

from msgspec import Struct


class Terms(Struct, frozen=True, kw_only=True):
    """`seconds` is from one command to the next, a whole mail included; `relay` is a `host:port` or empty."""

    hostname: str
    most_bytes: int = 10_000_000
    most_connections: int = 100
    seconds: float = 120.0
    certificate: str = ""
    key: str = ""
    relay: str = ""

    @property
    def most_held(self) -> int:
        """Of all mails that are on their way in, together: ten of the largest, and no more for any number."""
        return self.most_bytes * 10
