"""Whether a mail domain takes mail."""

import re

from app.validate.resolver import Resolver

_ASKABLE = re.compile(r"^[^\x00-\x20]{1,253}$")


class MxResolver(Resolver[str]):
    """RFC 5321 §5.1: without MX records the domain's own address counts. RFC 7505: the null MX `0 .` says no."""

    TOTAL, KNOWN_FOR, REMEMBERED = 2.0, 3_600.0, 20_000

    async def takes_mail(self, domain: str) -> bool | None:
        domain = domain.rstrip(".").lower()
        return await self._answer(domain) if _ASKABLE.match(domain) else None

    async def _resolve(self, key: str) -> bool | None:
        exists, exchanges = await self._records(key, "MX")
        if exchanges:
            return any(record.data.exchange.rstrip(".") for record in exchanges)
        if not exists:
            return False
        for kind in ("A", "AAAA"):
            if (await self._records(key, kind))[1]:
                return True
        return False
