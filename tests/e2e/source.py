"""A source that posts leads as fast as it is let, in every format, and remembers what was acknowledged."""

import asyncio
import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Self
from urllib.parse import urlencode
from uuid import UUID

import aiohttp

Lead = Mapping[str, str]
FORMATS = ("json", "form", "xml")


class Answer(NamedTuple):
    """`status` 0: no answer came. `lead` is the id where there is one."""

    status: int
    document: Any
    headers: Mapping[str, str]
    seconds: float

    @property
    def acknowledged(self) -> bool:
        return 200 <= self.status < 300

    @property
    def lead(self) -> str:
        return str(self.document["lead"]["id"])

    @property
    def outcome(self) -> str:
        return str(self.document["outcome"])


def lead(n: int | str) -> Lead:
    """A person that is nobody else's double."""
    return {"first_name": "Ann", "email": f"ann{n}@example.com", "state": "CA", "bill": "120"}


def written(lead: Lead, form: str) -> tuple[bytes, str]:
    if form == "json":
        return json.dumps(lead).encode(), "application/json"
    if form == "form":
        return urlencode(lead).encode(), "application/x-www-form-urlencoded"
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in lead.items())
    return f"<lead>{inner}</lead>".encode(), "application/xml"


class Source:
    """`async with Source(url, key)`. Connections are its own; `fresh` opens a new one for each post."""

    def __init__(self, url: str, key: str, *, connections: int = 32, fresh: bool = False) -> None:
        self.url, self.key = url, key
        self._connections, self._fresh = connections, fresh

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections, force_close=self._fresh),
            timeout=aiohttp.ClientTimeout(total=60),
        )
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._session.close()

    async def post(self, lead: Lead, form: str = "json", **headers: str) -> Answer:
        """Never raises for what a server or the way to it does."""
        body, kind = written(lead, form)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.send("POST", "/v1/leads", body, {"Content-Type": kind, **named})

    async def get(self, path: str) -> Answer:
        return await self.send("GET", path, None, {})

    async def known(self, *, within: float = 60) -> None:
        """Until a key that was issued beside a service of one process is taken. Several learn it one after
        the other: what speaks with those has its keys before they start."""
        ends = asyncio.get_running_loop().time() + within
        while (await self.get(f"/v1/leads/{UUID(int=0)}")).status != 404:
            assert asyncio.get_running_loop().time() < ends, "the key is not taken"

    async def send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        loop = asyncio.get_running_loop()
        began = loop.time()
        given = {"Authorization": f"Bearer {self.key}", **headers}
        try:
            async with self._session.request(method, self.url + path, data=body, headers=given) as reply:
                text = await reply.read()
                document = json.loads(text) if text and "json" in reply.content_type else text
                return Answer(reply.status, document, reply.headers, loop.time() - began)
        except (aiohttp.ClientError, TimeoutError, OSError):
            return Answer(0, None, {}, loop.time() - began)

    async def post_all(
        self,
        leads: Iterable[Lead],
        *,
        at_once: int = 16,
        formats: tuple[str, ...] = FORMATS,
        into: list[Answer] | None = None,
    ) -> list[Answer]:
        """Every lead once, the formats in turn; the answers in the order in which they came."""
        waiting, answers = iter(enumerate(leads)), [] if into is None else into

        async def work() -> None:
            for n, one in waiting:
                answers.append(await self.post(one, formats[n % len(formats)]))

        await asyncio.gather(*(work() for _ in range(at_once)))
        return answers
