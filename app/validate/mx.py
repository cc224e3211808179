"""Whether a mail domain takes mail, asked in the DNS in bounded time and remembered for a while."""

import asyncio
import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import aiodns
import pycares

REMEMBERED = 20_000
"""Domains kept; the one unused longest goes first."""
KNOWN_FOR, UNKNOWN_FOR = 3600.0, 30.0
"""Seconds that an answer, or the lack of one, is believed."""
TOTAL = 2.0
"""Seconds for all questions about one domain."""
AT_ONCE = 64

_ASKABLE = re.compile(r"^[^\x00-\x20]{1,253}$")


class Dns(Protocol):
    """The one call of aiodns.DNSResolver that is used here."""

    def query_dns(self, host: str, qtype: str) -> "asyncio.Future[Any]": ...


class MxResolver:
    """Answers True, False, or None when nobody could say in time; never raises.

    RFC 5321 §5.1: without MX records the domain's own address counts. RFC 7505: the null MX `0 .` says no.
    One question is on its way for any number of leads that wait for the same domain.
    """

    def __init__(
        self,
        monotonic: Callable[[], float],
        *,
        nameservers: Sequence[str] | None = None,
        port: int = 53,
        total: float = TOTAL,
        remembered: int = REMEMBERED,
        known_for: float = KNOWN_FOR,
        dns: Dns | None = None,
    ) -> None:
        self._monotonic = monotonic
        self._where = (list(nameservers) if nameservers else None, port)
        self._total, self._remembered, self._known_for = total, remembered, known_for
        self._dns = dns
        self._known: OrderedDict[str, tuple[float, bool | None]] = OrderedDict()
        self._asking: dict[str, asyncio.Task[bool | None]] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def takes_mail(self, domain: str) -> bool | None:
        domain = domain.rstrip(".").lower()
        if not _ASKABLE.match(domain):
            return None
        kept = self._known.get(domain)
        if kept is not None and kept[0] > self._monotonic():
            self._known.move_to_end(domain)
            return kept[1]
        task = self._asking.get(domain)
        if task is None:
            task = self._asking[domain] = asyncio.ensure_future(self._ask(domain))
            task.add_done_callback(lambda _: self._asking.pop(domain, None))
        # One waiter that is cancelled must not take the answer from the others.
        return await asyncio.shield(task)

    async def all_of(self, domains: Iterable[str]) -> dict[str, bool | None]:
        """The evidence for one batch: each domain asked once, all at the same time."""
        unique = list(dict.fromkeys(domains))
        answers = await asyncio.gather(*(self.takes_mail(domain) for domain in unique))
        return dict(zip(unique, answers, strict=True))

    async def close(self) -> None:
        for task in list(self._asking.values()):
            task.cancel()
        if isinstance(self._dns, aiodns.DNSResolver):
            await self._dns.close()

    async def _ask(self, domain: str) -> bool | None:
        try:
            async with asyncio.timeout(self._total), self._slots:
                answer = await self._resolve(domain)
        except (TimeoutError, aiodns.error.DNSError, UnicodeError, ValueError):
            answer = None
        self._keep(domain, answer)
        return answer

    async def _resolve(self, domain: str) -> bool | None:
        exists, exchanges = await self._records(domain, "MX")
        if exchanges:
            return any(record.data.exchange.rstrip(".") for record in exchanges)
        if not exists:
            return False
        for kind in ("A", "AAAA"):
            if (await self._records(domain, kind))[1]:
                return True
        return False

    async def _records(self, domain: str, kind: str) -> tuple[bool, list[Any]]:
        """(whether the name exists, its records of this kind); DNSError when nobody can say."""
        try:
            result = await self._client().query_dns(domain, kind)
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

    def _keep(self, domain: str, answer: bool | None) -> None:
        life = UNKNOWN_FOR if answer is None else self._known_for
        self._known[domain] = (self._monotonic() + life, answer)
        self._known.move_to_end(domain)
        while len(self._known) > self._remembered:
            self._known.popitem(last=False)
