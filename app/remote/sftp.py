"""A folder on an SFTP server: what lies there, one file whole, moved, put there."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from typing import Any, TypeVar

import asyncssh

from app.remote.account import SftpAccount
from app.remote.folder import Denied, Listed, Trouble, cause_of, code_of, timed
from app.remote.hostkey import is_bare, lines_of

_BLOCK = 1 << 18
_GONE = (asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection, asyncssh.SFTPBadMessage)
_FAULTS = (asyncssh.Error, OSError, ValueError, EOFError)
_LASTING = (asyncssh.SFTPPermissionDenied, asyncssh.SFTPNoSuchFile, asyncssh.SFTPOpUnsupported)
_FILES = (asyncssh.FILEXFER_TYPE_REGULAR, asyncssh.FILEXFER_TYPE_UNKNOWN)
_WITH_PASSPHRASE = (
    "or not with this passphrase (in OpenSSH's own form that takes the package bcrypt, in PKCS#8 nothing)"
)

_NO_FILE = f"sftp_{asyncssh.FX_NO_SUCH_FILE}"

T = TypeVar("T")

asyncssh.set_log_level(logging.WARNING)  # it names users and files


class SftpFolder:
    """A Remote."""

    def __init__(
        self, account: SftpAccount, client: asyncssh.SFTPClient, connection: asyncssh.SSHClientConnection
    ) -> None:
        self.host = account.host
        self._patience = account.patience.seconds
        self._client, self._connection = client, connection
        self._base = account.folder.encode()
        self._over: Trouble | None = None

    async def listing(self) -> AsyncGenerator[Listed]:
        scan: AsyncGenerator[asyncssh.SFTPName] = self._client.scandir(self._base or b".")  # type: ignore[assignment]  # it is one
        async with aclosing(scan) as entries:
            while True:
                try:
                    entry = await self._ask(anext(entries))
                except StopAsyncIteration:
                    return
                except Denied:
                    raise Trouble(
                        f"{self.host}: there is no folder {self._base.decode()}, or it may not be listed"
                    ) from None
                one = _listed(entry.filename, entry.attrs)
                if one is not None:
                    yield one

    async def look_at(self, path: bytes) -> Listed | None:
        try:
            return _listed(path, await self._ask(self._client.lstat(self._at(path))))
        except Denied:
            return None

    async def fetch(self, raw: bytes, put: Callable[[bytes], Awaitable[None]]) -> None:
        file: Any = await self._ask(self._client.open(self._at(raw), "rb"))
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._closed, file)
            while block := await self._ask(file.read(_BLOCK)):
                await put(block)

    async def size(self, path: bytes) -> int | None:
        try:
            told = await self._ask(self._client.stat(self._at(path)))
        except Denied as denied:
            if denied.code != _NO_FILE:
                raise
            return None
        if told.size is None:
            raise Denied(lasting=True, unknown=True)
        return told.size

    async def there(self, path: bytes) -> bool:
        try:
            await self._ask(self._client.lstat(self._at(path)))
        except Denied as denied:
            if denied.lasting:
                return False
            raise
        return True

    async def make(self, folder: bytes) -> None:
        await self._ask(self._client.mkdir(self._at(folder)))

    async def move(self, path: bytes, to: bytes) -> None:
        """Never over another: SFTP says no to that."""
        await self._ask(self._client.rename(self._at(path), self._at(to)))

    async def replace(self, path: bytes, to: bytes) -> None:
        """In one step where OpenSSH's extension is known, as it is nearly everywhere."""
        try:
            await self._ask(self._client.posix_rename(self._at(path), self._at(to)))
        except Denied as denied:
            if not denied.unknown:
                raise
            if await self.there(to):
                await self.remove(to)
            await self.move(path, to)

    async def remove(self, path: bytes) -> None:
        await self._ask(self._client.remove(self._at(path)))

    async def write(self, path: bytes, text: bytes) -> None:
        file: Any = await self._ask(self._client.open(self._at(path), "wb"))
        try:
            await self._ask(file.write(text))
        finally:
            await self._closed(file)

    # conversing -----------------------------------------------------------------------------------

    async def _ask(self, work: Awaitable[T]) -> T:
        """Raises Denied; or Trouble, which is the end of the conversation: whatever is asked later hears the same."""
        try:
            return await self._answer(work)
        except _GONE:
            raise self._over or Trouble(f"{self.host}: it broke the connection off", code="broken") from None
        except asyncssh.SFTPError as error:
            raise Denied(
                lasting=isinstance(error, _LASTING),
                unknown=isinstance(error, asyncssh.SFTPOpUnsupported),
                code=f"sftp_{error.code}",
            ) from None
        except _FAULTS as error:
            cause, code = _cause(error)
            self._over = Trouble(f"{self.host}: it broke off, or stood still ({cause})", code=code)
            raise self._over from None

    async def _answer(self, work: Awaitable[T]) -> T:
        """A question that is not waited for any longer ends by its connection's end, never by being cancelled:
        asyncssh splits a read among tasks, and those of a cancelled one fail with nobody to hear it."""
        asked = asyncio.ensure_future(work)
        try:
            await asyncio.wait((asked,), timeout=self._patience)
        finally:
            if not asked.done():
                self._connection.abort()
                asked.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        if not asked.done():
            raise TimeoutError
        return asked.result()

    async def _closed(self, file: Any) -> None:
        with suppress(Denied):
            await self._ask(file.close())

    def _at(self, path: bytes) -> bytes:
        if not self._base:
            return path
        return self._base.rstrip(b"/") + b"/" + path


@asynccontextmanager
async def connected(account: SftpAccount, address: str) -> AsyncIterator[SftpFolder]:
    """Nothing of this machine's user is used: no agent, no keys, no configuration, no known hosts."""
    trusted, keys = await asyncio.to_thread(_keys, account)
    connection = await _connected(account, address, trusted, keys)
    try:
        try:
            async with asyncio.timeout(account.patience.seconds):
                client = await connection.start_sftp_client()
        except _FAULTS as error:
            cause, code = _cause(error)
            raise Trouble(f"{account.host}: it offers no SFTP ({cause})", code=code) from None
        yield SftpFolder(account, client, connection)
    finally:
        connection.abort()


async def _connected(
    account: SftpAccount, address: str, trusted: Any, keys: list[Any] | None
) -> asyncssh.SSHClientConnection:
    patience = account.patience.seconds
    try:
        async with asyncio.timeout(2 * patience):
            return await asyncssh.connect(
                address,
                account.dialled,
                host_key_alias=account.host,
                username=account.user,
                password=account.password.get_secret_value() or None,
                client_keys=keys,
                public_key_auth=keys is not None,
                known_hosts=trusted,
                config=None,
                agent_path=None,
                gss_auth=False,
                gss_kex=False,
                host_based_auth=False,
                compression_algs=None,
                connect_timeout=patience,
                login_timeout=patience,
                keepalive_interval=patience,
            )
    except asyncssh.PermissionDenied:
        raise Trouble(f"{account.host}: the log-in was refused", code="login_refused") from None
    except _FAULTS as error:
        cause, code = _cause(error)
        raise Trouble(f"{account.host}:{account.dialled}: {cause}", code=code) from None


def _keys(account: SftpAccount) -> tuple[Any, list[Any] | None]:
    """The keys that the server may have, and ours."""
    lines = lines_of(account.host_key)
    try:
        if all(map(is_bare, lines)):
            trusted: Any = ([asyncssh.import_public_key(line) for line in lines], [], [])
        else:
            trusted = asyncssh.import_known_hosts("\n".join(lines) + "\n")
    except _FAULTS:
        raise Trouble(f"{account.host}: host_key is of a kind that is not known") from None
    key, passphrase = account.private_key.get_secret_value(), account.passphrase.get_secret_value()
    if not key:
        return trusted, None
    try:
        return trusted, [asyncssh.import_private_key(key, passphrase or None)]
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError):
        raise Trouble(f"{account.host}: the private key can't be read, {_WITH_PASSPHRASE}") from None


def _listed(raw: bytes | str, told: asyncssh.SFTPAttrs) -> Listed | None:
    if told.type not in _FILES or told.size is None:
        return None
    name = raw if isinstance(raw, bytes) else raw.encode("utf-8", "surrogateescape")
    return Listed(name, told.size, timed(told.mtime))


def _cause(error: BaseException) -> tuple[str, str]:
    """In words, and by its code."""
    for kind, code, words in (
        (asyncssh.HostKeyNotVerifiable, "host_key_refused", "its host key is not the one that is trusted"),
        (
            asyncssh.KeyExchangeFailed,
            "host_key_refused",
            "it has no host key of the kind that is trusted, or speaks no cipher of ours",
        ),
        (asyncssh.ConnectionLost, "broken", "it broke the connection off"),
        (asyncssh.SFTPError, "sftp_refused", "it said no"),
        (asyncssh.Error, "broken", "it broke the connection off"),
    ):
        if isinstance(error, kind):
            return words, code
    return cause_of(error), code_of(error)
