"""A folder on an FTP server: what lies there, one file whole, moved, put there."""

import asyncio
import re
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress
from typing import TypeVar

import aioftp
from aioftp.common import SSLSessionBoundContext

from app.remote.account import FtpAccount
from app.remote.folder import Changed, Denied, Listed, Trouble, cause_of, code_of, timed

_BLOCK = 1 << 18
_LONGEST_ANSWER = 500
_AS_IT_CAME = "latin-1"
"""Names go back as the bytes they came in, whatever charset they are in."""
_FAULTS = (aioftp.AIOFTPException, OSError, EOFError, ValueError, LookupError, OverflowError)
_NO_ENTRY = re.compile(rb"\s*(total\b.*)?\s*")

T = TypeVar("T")
_Data = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class FtpFolder:
    """A Remote. Data connections are passive, to the machine that the log-in went to, whatever the server names."""

    def __init__(self, account: FtpAccount, address: str) -> None:
        """`address` is what is dialled; the account's host is what its certificate must say."""
        self.host = account.host
        self._account, self._address = account, address
        self._patience = patience = account.patience.seconds
        self._trusted: ssl.SSLContext | None = None
        self._line = _Line(encoding=_AS_IT_CAME, socket_timeout=patience, connection_timeout=patience)
        self._line.named = account.host
        self._mlsd = self._mlst = True  # they tell times in full, and in UTC

    # beginning and end ----------------------------------------------------------------------------

    async def open(self) -> None:
        account, line = self._account, self._line
        if account.tls != "none":
            self._trusted = await asyncio.to_thread(_trusted, account)
        with self._trouble(f"port {account.dialled}"):
            line.ssl = self._trusted if account.tls == "implicit" else None
            await line.connect(self._address, account.dialled)
            if account.tls == "explicit":
                await self._begin_tls()
        with self._trouble("the log-in was refused"):
            await self._log_in()
        with self._trouble("it does not protect data connections"):
            await self._protect()
        with self._trouble("it does not send files as they are"):
            await line.command("TYPE I", "2xx")
        with suppress(Denied):
            await self._ask(b"OPTS UTF8 ON", "2xx")
        if account.folder:
            with self._trouble(f"the folder {account.folder} can't be entered"):
                await line.command(f"CWD {_sent(account.folder)}", "2xx")

    async def close(self, *, politely: bool) -> None:
        if politely:
            with suppress(*_FAULTS):
                async with asyncio.timeout(min(2.0, self._patience)):
                    await self._line.command("QUIT", "2xx")
        self._line.close()

    # what is there --------------------------------------------------------------------------------

    async def listing(self) -> AsyncGenerator[Listed]:
        read = unread = 0
        async with aclosing(self._lines()) as lines:
            async for line in lines:
                try:
                    one = _by_facts(line) if self._mlsd else self._by_columns(line)
                except _FAULTS:
                    unread += not _NO_ENTRY.fullmatch(line)
                    continue
                read += 1
                if one is not None:
                    yield one
        if unread and not read:
            raise Trouble(f"{self.host}: its listing can't be read")

    async def look_at(self, path: bytes) -> Listed | None:
        if self._mlsd and self._mlst:
            try:
                _, said = await self._ask(b"MLST " + path, "250")
            except Denied as denied:
                if not denied.unknown:
                    return None
                self._mlst = False
            else:
                return _of_one(path, said)
        if b"/" in path:
            return None
        return next((one for one in [one async for one in self.listing()] if one.raw == path), None)

    async def fetch(self, raw: bytes, put: Callable[[bytes], Awaitable[None]]) -> None:
        async with self._data(b"RETR " + raw) as (reader, _):
            while block := await self._in_time(reader.read(_BLOCK)):
                await put(block)

    async def size(self, path: bytes) -> int | None:
        try:
            _, said = await self._ask(b"SIZE " + path, "213")
        except Denied as denied:
            if denied.unknown or not denied.lasting:
                raise
            return None
        with self._trouble("it tells no size"):
            return int(said[-1])

    async def there(self, path: bytes) -> bool:
        """Only files are: what is moved to the name of a folder is refused."""
        return await self.size(path) is not None

    # what is done to it ---------------------------------------------------------------------------

    async def make(self, folder: bytes) -> None:
        await self._ask(b"MKD " + folder, "257")

    async def move(self, path: bytes, to: bytes) -> None:
        await self._ask(b"RNFR " + path, "350")
        await self._ask(b"RNTO " + to, "2xx")

    async def replace(self, path: bytes, to: bytes) -> None:
        """Most servers move over another; the rest says no to that."""
        try:
            await self.move(path, to)
        except Denied as denied:
            if denied.unknown or not await self.there(to):
                raise
            await self.remove(to)
            await self.move(path, to)

    async def remove(self, path: bytes) -> None:
        await self._ask(b"DELE " + path, "2xx")

    async def write(self, path: bytes, text: bytes) -> None:
        async with self._data(b"STOR " + path) as (_, writer):
            writer.write(text)
            await self._in_time(writer.drain())

    # logging in -----------------------------------------------------------------------------------

    async def _begin_tls(self) -> None:
        line = self._line
        await line.command("AUTH TLS", "234")
        if getattr(line.stream.reader, "_buffer", b""):
            raise ConnectionError("somebody has put words of their own between")
        assert self._trusted is not None
        await line.stream.start_tls(self._trusted, self.host)

    async def _log_in(self) -> None:
        account, line = self._account, self._line
        code, _ = await line.command(f"USER {_sent(account.user)}", ("230", "331"))
        if code == "331":
            await line.command(
                f"PASS {_sent(account.password.get_secret_value())}", ("230", "202"), censor_after=5
            )

    async def _protect(self) -> None:
        """With implicit TLS data may be protected unasked; a data connection of ours is, in either case."""
        if self._account.tls == "none":
            return
        for command in ("PBSZ 0", "PROT P"):
            try:
                await self._line.command(command, "200")
            except aioftp.StatusCodeError:
                if self._account.tls == "explicit":
                    raise

    # conversing -----------------------------------------------------------------------------------

    async def _ask(self, command: bytes, expected: str) -> tuple[str, list[str]]:
        with self._trouble("it broke off"):
            try:
                return await self._line.command(command.decode(_AS_IT_CAME), expected)
            except aioftp.StatusCodeError as error:
                code = error.received_codes[-1]
                if code == "421" or not code.isdigit():
                    raise
                raise _denied(code) from None

    async def _lines(self) -> AsyncGenerator[bytes]:
        if self._mlsd:
            try:
                async with self._data(b"MLSD") as (reader, _):
                    while line := await self._in_time(reader.readline()):
                        yield line
                return
            except Denied as denied:
                if not denied.unknown:
                    raise Trouble(f"{self.host}: the folder can't be listed") from None
                self._mlsd = False
        try:
            async with self._data(b"LIST") as (reader, _):
                while line := await self._in_time(reader.readline()):
                    yield line
        except Denied:
            raise Trouble(f"{self.host}: the folder can't be listed") from None

    @asynccontextmanager
    async def _data(self, command: bytes) -> AsyncIterator[_Data]:
        """TLS begins after the server has said yes, since some don't listen earlier."""
        reader, writer = await self._connected()
        try:
            await self._ask(command, "1xx")
            if self._trusted:
                with self._trouble("the data connection is not protected"):
                    await writer.start_tls(
                        self._resumed(),
                        server_hostname=self.host,
                        ssl_handshake_timeout=self._patience,
                    )
            yield reader, writer
        except (Changed, GeneratorExit):
            writer.transport.abort()
            with self._trouble("it does not stop sending"):
                await self._line.command(None, ("2xx", "4xx", "5xx"))
            raise
        except BaseException:
            writer.transport.abort()
            raise
        writer.close()
        with self._trouble("it broke off"):
            try:
                await self._line.command(None, "2xx")
            except aioftp.StatusCodeError as error:
                raise _denied(error.received_codes[-1], lasting=False) from None

    async def _connected(self) -> _Data:
        with self._trouble("no data connection is offered"):
            try:
                _, said = await self._line.command("EPSV", "229")
                _, port = aioftp.Client.parse_epsv_response(said[-1])
            except aioftp.StatusCodeError:
                _, said = await self._line.command("PASV", "227")
                _, port = aioftp.Client.parse_pasv_response(said[-1])
            address = self._line.stream.writer.get_extra_info("peername")[0]
            async with asyncio.timeout(self._patience):
                return await asyncio.open_connection(address, port)

    def _resumed(self) -> ssl.SSLContext:
        """Some servers want the session of the log-in again, as a proof that it is the same client."""
        held = self._line.stream.writer.get_extra_info("ssl_object")
        return SSLSessionBoundContext(ssl.PROTOCOL_TLS_CLIENT, context=held.context, session=held.session)

    async def _in_time(self, work: Awaitable[T]) -> T:
        with self._trouble("it broke off, or stood still"):
            async with asyncio.timeout(self._patience):
                return await work

    @contextmanager
    def _trouble(self, what: str) -> Iterator[None]:
        """What the library raises becomes Trouble; the words of the server are left out, they may repeat ours."""
        try:
            yield
        except aioftp.StatusCodeError as error:
            code = error.received_codes[-1]
            said = code[:3] if code.isdigit() else "no"
            raise Trouble(f"{self.host}: {what} (it says {said})", code=f"ftp_{said}") from None
        except _FAULTS as error:
            raise Trouble(f"{self.host}: {what} ({cause_of(error)})", code=code_of(error)) from None

    def _by_columns(self, line: bytes) -> Listed | None:
        """As `ls` and `dir` write it: in the server's own time, and after half a year without hours."""
        path, told = self._line.parse_list_line(line)
        if told["type"] != "file" or "link_dst" in told:
            return None
        raw = str(path).encode(_AS_IT_CAME)
        return Listed(raw, int(told["size"]), timed(told["modify"]), exact=False)


class _Line(aioftp.Client):
    """The control connection. An answer of many lines ends where RFC 959 says, whatever its lines begin with."""

    named = ""  # what the certificate must say; what is dialled is an address

    async def _open_connection(
        self, host: str, port: int
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        name = self.named if self.ssl else None
        async with asyncio.timeout(self.connection_timeout):
            return await asyncio.open_connection(host, port, ssl=self.ssl, server_hostname=name)

    async def parse_response(self) -> tuple[aioftp.Code, list[str]]:
        code, rest = await self.parse_line()
        said, last = [rest], not rest.startswith("-")
        while not last:
            if len(said) == _LONGEST_ANSWER:
                raise ConnectionError("an answer without end")
            begins, rest = await self.parse_line()
            last = begins == code and not rest.startswith("-")
            said.append(begins + rest)
        return code, said


@asynccontextmanager
async def connected(account: FtpAccount, address: str) -> AsyncIterator[FtpFolder]:
    folder = FtpFolder(account, address)
    try:
        await folder.open()
        yield folder
    except BaseException:
        await folder.close(politely=False)
        raise
    await folder.close(politely=True)


def _trusted(account: FtpAccount) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=account.ca or None)
    except (OSError, ssl.SSLError):
        raise Trouble(f"{account.host}: the file in ca holds no certificate that can be read") from None


def _denied(code: str, *, lasting: bool = True) -> Denied:
    """Not lasting for what comes at the end of a transfer: the disk was full, or the line broke."""
    lasting = lasting and code.startswith("5")
    return Denied(lasting=lasting, unknown=code.startswith("50"), code=f"ftp_{code[:3]}")


def _sent(text: str) -> str:
    return text.encode().decode(_AS_IT_CAME)


def _by_facts(line: bytes) -> Listed | None:
    """`type=file;size=1024;modify=20260131120000; leads.csv`. None for what is no file."""
    told, space, raw = line.rstrip(b"\r\n").partition(b" ")
    if not space or b"=" not in told:
        raise ValueError("no entry")
    facts = dict(fact.partition("=")[::2] for fact in told.decode("ascii", "replace").lower().split(";"))
    if facts.get("type") != "file":
        return None
    return Listed(raw, int(facts["size"]), timed(facts.get("modify", "")))


def _of_one(path: bytes, said: list[str]) -> Listed | None:
    for line in said[1:]:
        with suppress(*_FAULTS):
            one = _by_facts(line.strip().encode(_AS_IT_CAME))
            return one and Listed(path, one.size, one.modified)
    return None
