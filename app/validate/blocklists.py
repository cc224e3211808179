"""Whether a DNS list names an address (RFC 5782), asked in bounded time and remembered for a while."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, ip_address
from typing import Any

import aiodns
import pycares

from app.validate.mx import Dns

REMEMBERED = 50_000
KNOWN_FOR, UNKNOWN_FOR = 1_800.0, 30.0
"""Seconds that an answer, or the lack of one, is believed."""
TOTAL = 1.5
"""Seconds for one question."""
AT_ONCE = 64

_Key = tuple[str, str]


class Blocklists:
    """Answers True, False, or None when nobody could say in time; never raises.

    Listed is an answer in 127.0.0.0/8. Of 127.255.255.0/24 lists say that they don't answer you: that is no yes.
    One question is on its way for any number of leads that wait for the same answer.
    """

    def __init__(
        self,
        monotonic: Callable[[], float],
        *,
        nameservers: Sequence[str] | None = None,
        port: int = 53,
        total: float = TOTAL,
        remembered: int = REMEMBERED,
        dns: Dns | None = None,
    ) -> None:
        self._monotonic = monotonic
        self._where = (list(nameservers) if nameservers else None, port)
        self._total, self._remembered = total, remembered
        self._dns = dns
        self._known: OrderedDict[_Key, tuple[float, bool | None]] = OrderedDict()
        self._asking: dict[_Key, asyncio.Task[bool | None]] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def names(self, zone: str, address: str) -> bool | None:
        key = (zone.strip(".").lower(), address)
        kept = self._known.get(key)
        if kept is not None and kept[0] > self._monotonic():
            self._known.move_to_end(key)
            return kept[1]
        task = self._asking.get(key)
        if task is None:
            task = self._asking[key] = asyncio.ensure_future(self._ask(key))
            task.add_done_callback(lambda _: self._asking.pop(key, None))
        # One waiter that is cancelled must not take the answer from the others.
        return await asyncio.shield(task)

    async def close(self) -> None:
        for task in list(self._asking.values()):
            task.cancel()
        if isinstance(self._dns, aiodns.DNSResolver):
            await self._dns.close()

    async def _ask(self, key: _Key) -> bool | None:
        try:
            async with asyncio.timeout(self._total), self._slots:
                answer = await self._resolve(f"{backwards(key[1])}.{key[0]}")
        except (TimeoutError, aiodns.error.DNSError, UnicodeError, ValueError):
            answer = None
        life = UNKNOWN_FOR if answer is None else KNOWN_FOR
        self._known[key] = (self._monotonic() + life, answer)
        self._known.move_to_end(key)
        while len(self._known) > self._remembered:
            self._known.popitem(last=False)
        return answer

    async def _resolve(self, name: str) -> bool | None:
        try:
            result = await self._client().query_dns(name, "A")
        except aiodns.error.DNSError as error:
            if error.args[0] in (aiodns.error.ARES_ENOTFOUND, aiodns.error.ARES_ENODATA):
                return False
            raise
        said = [record.data.addr for record in result.answer if record.type == pycares.QUERY_TYPE_A]
        if any(_lists(one) for one in said):
            return True
        return None if said else False

    def _client(self) -> Dns:
        """Made inside the loop that it belongs to."""
        if self._dns is None:
            servers, port = self._where
            more: dict[str, Any] = {"udp_port": port, "tcp_port": port} if port != 53 else {}
            self._dns = aiodns.DNSResolver(
                nameservers=servers, timeout=self._total / 3, tries=2, rotate=False, **more
            )
        return self._dns


def backwards(address: str) -> str:
    """`192.0.2.1` → `1.2.0.192`; of IPv6 its nibbles. Raises ValueError."""
    known = ip_address(address)
    if isinstance(known, IPv4Address):
        return ".".join(reversed(str(known).split(".")))
    return ".".join(reversed(known.exploded.replace(":", "")))


def _lists(answer: str) -> bool:
    return answer.startswith("127.") and not answer.startswith("127.255.255.")
