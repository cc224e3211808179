"""Questions to the DNS: each asked once however many leads wait for it, in bounded time, remembered for a while."""

import asyncio
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import aiodns
import pycares

UNKNOWN_FOR = 30.0
"""Seconds that the lack of an answer is believed."""
AT_ONCE = 64

K = TypeVar("K", bound=Hashable)


class Dns(Protocol):
    """The one call of aiodns.DNSResolver that is used here."""

    def query_dns(self, host: str, qtype: str) -> "asyncio.Future[Any]": ...


class Resolver(ABC, Generic[K]):
    """Answers True, False, or None when nobody could say in time; never raises.

    `total` and `known_for` are seconds: of all questions about one key, and that an answer is believed.
    Of what is `remembered` the one unused longest goes first.
    """

    TOTAL: ClassVar[float]
    KNOWN_FOR: ClassVar[float]
    REMEMBERED: ClassVar[int]

    def __init__(
        self,
        monotonic: Callable[[], float],
        *,
        nameservers: Sequence[str] | None = None,
        port: int = 53,
        total: float | None = None,
        remembered: int | None = None,
        known_for: float | None = None,
        dns: Dns | None = None,
    ) -> None:
        self._monotonic = monotonic
        self._where = (list(nameservers) if nameservers else None, port)
        self._total = self.TOTAL if total is None else total
        self._remembered = self.REMEMBERED if remembered is None else remembered
        self._known_for = self.KNOWN_FOR if known_for is None else known_for
        self._dns = dns
        self._known: OrderedDict[K, tuple[float, bool | None]] = OrderedDict()
        self._asking: dict[K, asyncio.Task[bool | None]] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)

    @abstractmethod
    async def _resolve(self, key: K) -> bool | None:
        """By `_records`. Raises DNSError, UnicodeError, ValueError where nobody can say."""

    async def close(self) -> None:
        for task in list(self._asking.values()):
            task.cancel()
        if isinstance(self._dns, aiodns.DNSResolver):
            await self._dns.close()

    async def _answer(self, key: K) -> bool | None:
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

    async def _ask(self, key: K) -> bool | None:
        try:
            async with asyncio.timeout(self._total), self._slots:
                answer = await self._resolve(key)
        except (TimeoutError, aiodns.error.DNSError, UnicodeError, ValueError):
            answer = None
        life = UNKNOWN_FOR if answer is None else self._known_for
        self._known[key] = (self._monotonic() + life, answer)
        self._known.move_to_end(key)
        while len(self._known) > self._remembered:
            self._known.popitem(last=False)
        return answer

    async def _records(self, name: str, kind: str) -> tuple[bool, list[Any]]:
        """(whether the name exists, its records of this kind); DNSError when nobody can say."""
        try:
            result = await self._client().query_dns(name, kind)
        except aiodns.error.DNSError as error:
            if error.args[0] in (aiodns.error.ARES_ENOTFOUND, aiodns.error.ARES_ENODATA):
                return error.args[0] == aiodns.error.ARES_ENODATA, []
            raise
        wanted = getattr(pycares, f"QUERY_TYPE_{kind}")  # an answer may begin with the aliases that led to it
        return True, [record for record in result.answer if record.type == wanted]

    def _client(self) -> Dns:
        """Made inside the loop that it belongs to."""
        if self._dns is None:
            servers, port = self._where
            more: dict[str, Any] = {"udp_port": port, "tcp_port": port} if port != 53 else {}
            self._dns = aiodns.DNSResolver(
                nameservers=servers, timeout=self._total / 3, tries=2, rotate=False, **more
            )
        return self._dns
