"""Hands our own reports to the mail server that sends them on."""

import asyncio

import aiosmtplib

from app.core.events import Code, Refused, emit

PATIENCE = 10.0


class Relay:
    """A server that takes mail from us without asking who we are, as one of our own network does."""

    def __init__(self, host: str, port: int, *, hostname: str) -> None:
        self._host, self._port, self._hostname = host, port, hostname

    async def send(self, mail: bytes, *, to: str) -> bool:
        """Whether the server has it. The envelope sender is empty: nobody answers a report."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self._deliver(mail, to)
        except (aiosmtplib.SMTPException, OSError, TimeoutError):
            emit(Refused(code=Code("relay"), status=451))
            return False
        return True

    async def _deliver(self, mail: bytes, to: str) -> None:
        client = aiosmtplib.SMTP(
            hostname=self._host, port=self._port, local_hostname=self._hostname, timeout=PATIENCE,
            validate_certs=False,  # TLS where the relay offers it, as servers do between them
        )  # fmt: skip
        async with client:
            await client.sendmail("", [to], mail)
