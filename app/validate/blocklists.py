"""Whether a DNS list names an address (RFC 5782)."""

from ipaddress import IPv4Address, ip_address

from app.validate.resolver import Resolver


class Blocklists(Resolver[tuple[str, str]]):
    """Listed is an answer in 127.0.0.0/8. Of 127.255.255.0/24 lists say that they don't answer you: that is no yes."""

    TOTAL, KNOWN_FOR, REMEMBERED = 1.5, 1_800.0, 50_000

    async def names(self, zone: str, address: str) -> bool | None:
        return await self._answer((zone.strip(".").lower(), address))

    async def _resolve(self, key: tuple[str, str]) -> bool | None:
        zone, address = key
        _, records = await self._records(f"{backwards(address)}.{zone}", "A")
        if any(_lists(record.data.addr) for record in records):
            return True
        return None if records else False


def backwards(address: str) -> str:
    """`192.0.2.1` → `1.2.0.192`; of IPv6 its nibbles. Raises ValueError."""
    known = ip_address(address)
    if isinstance(known, IPv4Address):
        return ".".join(reversed(str(known).split(".")))
    return ".".join(reversed(known.exploded.replace(":", "")))


def _lists(answer: str) -> bool:
    return answer.startswith("127.") and not answer.startswith("127.255.255.")
