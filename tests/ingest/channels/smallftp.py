"""A small FTP server inside the test, which speaks TLS and can be told to answer any command in another way."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from tests.ingest.channels.ftpserver import PASSWORD, USER

Answer = Callable[["Talk", str], Awaitable[str | None]]


class SmallFtp:
    """`answers` by command, instead of what it would do; None where the connection is to be dropped.

    As strict servers do, it shakes hands on a data connection only after it has said yes, and wants the session of the
    log-in again there."""

    def __init__(self, folder: Path, tls: str, certificate: Path | None) -> None:
        self.folder, self.tls, self.port = folder, tls, 0
        self.answers: dict[str, Answer] = {}
        self.said: list[str] = []
        self.resumed: list[bool] = []
        self.trust: ssl.SSLContext | None = None
        self.talks: set[asyncio.Task[None]] = set()
        if certificate is not None:
            self.trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.trust.load_cert_chain(certificate)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk, task = Talk(self, reader, writer), asyncio.current_task()
        assert task is not None
        self.talks.add(task)
        with suppress(ConnectionError, ssl.SSLError, EOFError):
            await talk.converse()
        await talk.end()


class Talk:
    def __init__(self, server: SmallFtp, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.server, self.reader, self.writer = server, reader, writer
        self.renamed = ""
        self.protected = server.tls == "implicit"
        self.listening: asyncio.Server | None = None
        self.data: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]]

    async def converse(self) -> None:
        self.say("220-ready\r\n 230 years old\r\n226 and kind\r\n220 when you are")
        while line := (await self.reader.readline()).decode("latin-1").rstrip("\r\n"):
            command, _, given = line.partition(" ")
            self.server.said.append(command)
            own = self.server.answers.get(command)
            said = await (own(self, given) if own else self.answer(command, given))
            if said is None:
                self.writer.transport.abort()
                return
            self.say(said)
            await self.writer.drain()
            if command == "AUTH" and said.startswith("234"):
                await self.writer.start_tls(self.server.trust)

    def say(self, text: str) -> None:
        self.writer.write(f"{text}\r\n".encode("latin-1"))

    async def answer(self, command: str, given: str) -> str | None:
        path = self.server.folder / given
        try:
            return await getattr(self, f"on_{command.lower()}")(given, path)
        except AttributeError:
            return "502 what?"
        except OSError:
            return "550 no"

    async def on_user(self, given: str, path: Path) -> str:
        return "331 and?" if given == USER else "530 no"

    async def on_pass(self, given: str, path: Path) -> str:
        return "230 in" if given.encode("latin-1").decode() == PASSWORD else f"530 {given} is wrong"

    async def on_auth(self, given: str, path: Path) -> str:
        return "234 go" if self.server.tls == "explicit" else "502 what?"

    async def on_pbsz(self, given: str, path: Path) -> str:
        return "200 ok"

    async def on_prot(self, given: str, path: Path) -> str:
        self.protected = given == "P"
        return "200 ok"

    async def on_type(self, given: str, path: Path) -> str:
        return "200 ok"

    async def on_quit(self, given: str, path: Path) -> str:
        return "221 bye"

    async def on_epsv(self, given: str, path: Path) -> str:
        self.data = asyncio.get_running_loop().create_future()
        self.listening = await asyncio.start_server(lambda *ends: self.data.set_result(ends), "127.0.0.1", 0)
        return f"229 there (|||{self.listening.sockets[0].getsockname()[1]}|)"

    async def on_pasv(self, given: str, path: Path) -> str:
        """With an address that is not ours, as servers behind a NAT and attackers name one."""
        port = int((await self.on_epsv(given, path)).split("|")[3])
        return f"227 there (192,0,2,7,{port >> 8},{port & 255})"

    async def on_mlsd(self, given: str, path: Path) -> str:
        lines = [self.facts(one) for one in sorted(self.server.folder.iterdir())]
        return await self.send("".join(f"{line}\r\n" for line in lines).encode())

    async def on_list(self, given: str, path: Path) -> str:
        files = [one for one in sorted(self.server.folder.iterdir()) if one.is_file()]
        lines = [f"-rw-r--r-- 1 ftp ftp {one.stat().st_size} Jan 31  2026 {one.name}\r\n" for one in files]
        return await self.send(b"total 7\r\n" + "".join(lines).encode())

    async def on_mlst(self, given: str, path: Path) -> str:
        return f"250-so\r\n {self.facts(path)}\r\n250 end"

    async def on_size(self, given: str, path: Path) -> str:
        return f"213 {path.stat().st_size}"

    async def on_retr(self, given: str, path: Path) -> str:
        return await self.send(path.read_bytes())

    async def on_stor(self, given: str, path: Path) -> str:
        reader, writer = await self.opened()
        path.write_bytes(await reader.read())
        writer.close()
        return "226 done"

    async def on_mkd(self, given: str, path: Path) -> str:
        path.mkdir()
        return f'257 "{given}"'

    async def on_dele(self, given: str, path: Path) -> str:
        path.unlink()
        return "250 gone"

    async def on_rnfr(self, given: str, path: Path) -> str:
        path.stat()
        self.renamed = given
        return "350 to?"

    async def on_rnto(self, given: str, path: Path) -> str:
        (self.server.folder / self.renamed).rename(path)
        return "250 done"

    def facts(self, path: Path) -> str:
        seen = path.stat()
        kind = "dir" if path.is_dir() else "file"
        modified = datetime.fromtimestamp(seen.st_mtime, UTC).strftime("%Y%m%d%H%M%S")
        return f"Type={kind};Size={seen.st_size};Modify={modified}; {path.name}"

    async def opened(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        self.say("150 here it comes")
        reader, writer = await self.data
        if self.protected:
            await writer.start_tls(self.server.trust)
            self.server.resumed.append(writer.get_extra_info("ssl_object").session_reused)
        return reader, writer

    async def send(self, content: bytes) -> str:
        _, writer = await self.opened()
        try:
            writer.write(content)
            await writer.drain()
            writer.close()
        except ConnectionError:
            return "426 you went"
        return "226 done"

    async def end(self) -> None:
        for writer in [self.writer, *([self.data.result()[1]] if self._has_data() else [])]:
            writer.close()
        if self.listening is not None:
            self.listening.close()

    def _has_data(self) -> bool:
        return self.listening is not None and self.data.done()


@asynccontextmanager
async def small_ftp(
    folder: Path, *, tls: str = "none", certificate: Path | None = None
) -> AsyncIterator[SmallFtp]:
    told = SmallFtp(folder, tls, certificate)
    server = await asyncio.start_server(
        told.serve, "127.0.0.1", 0, ssl=told.trust if tls == "implicit" else None
    )
    told.port = server.sockets[0].getsockname()[1]
    try:
        yield told
    finally:
        server.close()
        if told.talks:
            _, standing = await asyncio.wait(told.talks, timeout=1)
            for talk in standing:
                talk.cancel()
            await asyncio.gather(*told.talks, return_exceptions=True)
