"""A mailbox on an IMAP server: what is there, one mail whole, moved away, waited for."""

import imaplib
import re
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Any

from imap_tools import BaseMailBox
from imap_tools.errors import ImapToolsError, MailboxLoginError, MailboxStarttlsError
from imap_tools.utils import check_command_status, encode_folder
from msgspec import Struct

from app.remote.account import ImapAccount
from app.remote.folder import Trouble, code_of

PATIENCE = 30.0
"""Seconds that the server may take for one answer."""

SAID_NO = "imap_no"
"""The code of a Trouble after which the connection is still good."""

_HEAD = "RFC822.SIZE FLAGS INTERNALDATE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID DATE FROM RECEIVED)]<0.32768>"
_SIZE = re.compile(rb"RFC822\.SIZE (\d+)")
_UID = re.compile(rb"UID (\d+)")
_CAME = re.compile(rb'INTERNALDATE "([^"]*)"')
_PREFIX = re.compile(rb'^\(\("([^"]*)"')
_ARRIVED = re.compile(rb"\* \d+ (EXISTS|RECENT)\b")
_FAULTS = (imaplib.IMAP4.error, ImapToolsError, OSError, EOFError, ValueError)


class Waiting(Struct, frozen=True):
    """A mail in the folder that was not taken yet."""

    uid: str
    size: int


class Header(Struct, frozen=True):
    """Some lines of a mail's head as they came, with its size, and when it came as the server says."""

    uid: str
    size: int
    came: bytes
    seen: bool
    raw: bytes


class Box:
    """One connection, for one thread at a time; only `hang_up` may be called beside it. Raises Trouble."""

    def __init__(self, account: ImapAccount, address: str) -> None:
        """`address` is what is dialled; the account's host is what its certificate must say."""
        self._account, self._address = account, address
        self.gone = False
        self._box: BaseMailBox | None = None
        self._prefix = self._delimiter = ""

    # beginning and end ----------------------------------------------------------------------------

    def open(self, folder: str, others: Sequence[str]) -> None:
        """Connected, logged in, `folder` selected; the `others` are made where they are missing."""
        account = self._account
        try:
            self._box = _Dialled(account, self._address)
        except _FAULTS as error:
            raise Trouble(f"{account.host}:{account.dialled}: {_cause(error)}", code=_code(error)) from None
        if self.gone:
            self.hang_up()
        self._log_in()
        with self._trouble("it does not say how its folders are named"):
            self._learn()
        for other in filter(None, others):
            self.make(other)
        with self._trouble(f"the folder {folder} can't be opened there"):
            self._opened.folder.set(folder)

    def close(self) -> None:
        """Politely, where the connection still is one."""
        if self._box is not None and not self.gone:
            with suppress(*_FAULTS):
                self._box.client.logout()
            with suppress(*_FAULTS):
                self._box.client.shutdown()

    def hang_up(self) -> None:
        """From any thread: whatever the other one waits for ends now."""
        self.gone = True
        if self._box is not None:
            with suppress(OSError):
                socket.socket.shutdown(self._box.client.sock, socket.SHUT_RDWR)

    # what is there --------------------------------------------------------------------------------

    def waiting(self, most: int, *, unseen: bool) -> list[Waiting]:
        """The oldest of what is there."""
        with self._trouble("the folder can't be searched"):
            self._client.untagged_responses.pop("EXISTS", None)  # what comes from now on is noticed by `wait`
            uids = self._opened.uids("UNSEEN UNDELETED" if unseen else "UNDELETED", charset=None)[:most]
            if not uids:
                return []
            _, said = self._client.uid("FETCH", ",".join(uids), "(RFC822.SIZE)")
        sizes = dict(_size_in(line) for line in said)
        return [Waiting(uid, sizes[uid]) for uid in uids if uid in sizes]

    def uids(self) -> list[str]:
        """Of all that is there, the oldest first, seen or not."""
        with self._trouble("the folder can't be searched"):
            return self._opened.uids("UNDELETED", charset=None)

    def heads(self, uids: Sequence[str]) -> list[Header]:
        """What tells mails from each other and says whose they are; those that are gone are left out."""
        with self._trouble("the heads of the mails can't be fetched"):
            _, said = self._client.uid("FETCH", ",".join(uids), f"({_HEAD})")
        found = [
            _header_in(part[0], part[1], rest)
            for part, rest in pairwise([*said, b""])
            if isinstance(part, tuple)
        ]
        known = {one.uid: one for one in found}
        return [known[uid] for uid in uids if uid in known]

    def make(self, folder: str) -> None:
        with self._trouble(f"the folder {folder} can't be made there"):
            self._make(self._named(folder))

    def fetch(self, uid: str, most: int) -> bytes | None:
        """The first bytes of a mail, which stays as unseen as it was; None if it is gone."""
        with self._trouble("a mail can't be fetched"):
            _, said = self._client.uid("FETCH", uid, f"(BODY.PEEK[]<0.{most}>)")
        return next((bytes(part[1]) for part in said if isinstance(part, tuple)), None)

    def move(self, uid: str, folder: str) -> None:
        """Into the folder, or marked as seen where there is none."""
        if not folder:
            with self._trouble("a mail can't be marked as seen"):
                _ok(self._client.uid("STORE", uid, "+FLAGS", r"(\Seen)"))
            return
        target = encode_folder(self._named(folder)).decode("ascii")
        with self._trouble(f"a mail can't be moved to {folder}"):
            if "MOVE" in self._client.capabilities:
                _ok(self._client.uid("MOVE", uid, target))
                return
            _ok(self._client.uid("COPY", uid, target))
            _ok(self._client.uid("STORE", uid, "+FLAGS", r"(\Deleted)"))
            if "UIDPLUS" in self._client.capabilities:
                _ok(self._client.uid("EXPUNGE", uid))
            else:
                _ok(self._client.expunge())

    def put(self, mail: bytes, folder: str) -> None:
        """A mail of ours into a folder."""
        with self._trouble(f"nothing can be put into {folder}"):
            _ok(self._client.append(encode_folder(self._named(folder)).decode("ascii"), None, None, mail))

    def wait(self, seconds: float) -> bool:
        """Until something arrives, or for so long. Look again then in any case: a server need not tell of what
        came just before. False where it offers no IDLE, or has had enough of it: the connection may be gone.
        """
        if "IDLE" not in self._client.capabilities:
            return False
        client: Any = self._client
        try:
            tag = client._command("IDLE")
            while client._get_response():  # what the server had to say before it idles
                pass
            client.sock.settimeout(seconds)
            arrived = "EXISTS" in client.untagged_responses
            with suppress(TimeoutError):
                while not arrived:
                    arrived = _ARRIVED.match(client._get_line()) is not None
            client.sock.settimeout(PATIENCE)
            if not arrived:
                self._read_anew()
            client.send(b"DONE\r\n")
            self._opened.consume_until_tagged_response(tag)
        except _FAULTS:
            return False
        return True

    def _read_anew(self) -> None:
        """A file of a socket reads nothing any more once it has timed out."""
        client: Any = self._client
        client.__dict__["_file" if "_file" in client.__dict__ else "file"] = client.sock.makefile("rb")

    # inside ---------------------------------------------------------------------------------------

    @property
    def _opened(self) -> BaseMailBox:
        assert self._box is not None, "used before it was opened"
        return self._box

    @property
    def _client(self) -> imaplib.IMAP4:
        return self._opened.client

    def _log_in(self) -> None:
        account, box = self._account, self._opened
        password, token = account.password.get_secret_value(), account.token.get_secret_value()
        try:
            if token:
                box.xoauth2(account.user, token, None)
            elif account.user.isascii() and password.isascii():
                box.login(account.user, password, None)
            else:
                box.login_utf8(account.user, password, None)
        except imaplib.IMAP4.abort as error:
            raise Trouble(f"{account.host}: {_cause(error)}", code=_code(error)) from None
        except (imaplib.IMAP4.error, MailboxLoginError):
            raise Trouble(f"{account.host}: the log-in was refused", code="login_refused") from None
        except _FAULTS as error:
            raise Trouble(f"{account.host}: {_cause(error)}", code=_code(error)) from None

    def _learn(self) -> None:
        """What the server can do now that it knows us, and how it names folders."""
        client = self._client
        said = b" ".join(part for part in client.capability()[1] if isinstance(part, bytes))
        client.capabilities = tuple(said.decode("ascii", "replace").upper().split())
        self._delimiter = next((one.delim for one in self._opened.folder.list("", "")), "")
        if "NAMESPACE" in client.capabilities:
            found = _PREFIX.match(client.namespace()[1][0] or b"")
            self._prefix = found[1].decode("ascii", "replace") if found else ""

    def _named(self, folder: str) -> str:
        """As this server writes it: some keep every folder under INBOX, some separate by dots."""
        if self._delimiter not in ("", "/", "NIL"):
            folder = folder.replace("/", self._delimiter)
        return folder if folder.startswith(self._prefix) else self._prefix + folder

    def _make(self, folder: str) -> None:
        if not self._opened.folder.exists(folder):
            self._opened.folder.create(folder)

    def _trouble(self, what: str) -> "_Naming":
        return _Naming(self._account.host, what)


class _Naming:
    """What the library raises becomes Trouble; the words of the server are left out, they may repeat ours."""

    def __init__(self, host: str, what: str) -> None:
        self._host, self._what = host, what

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, _FAULTS) and not isinstance(error, UnicodeError):
            raise Trouble(f"{self._host}: {self._what} ({_cause(error)})", code=_code(error)) from None


class _Dialled(BaseMailBox):
    """One that dials the account's address, and holds the certificate to its host."""

    def __init__(self, account: ImapAccount, address: str) -> None:
        self._account, self._address = account, address
        super().__init__()

    def _get_mailbox_client(self) -> imaplib.IMAP4:
        account, address = self._account, self._address
        trusted = None if account.tls == "none" else ssl.create_default_context(cafile=account.ca or None)
        if account.tls == "implicit":
            return _Protected(account, address, trusted)
        client = _Plain(account, address)
        if trusted is not None:
            check_command_status(client.starttls(trusted), MailboxStarttlsError)
        return client


class _Plain(imaplib.IMAP4):
    def __init__(self, account: ImapAccount, address: str) -> None:
        self._address = address
        super().__init__(account.host, account.dialled, timeout=PATIENCE)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        return socket.create_connection((self._address, self.port), timeout)


class _Protected(imaplib.IMAP4_SSL):
    def __init__(self, account: ImapAccount, address: str, trusted: ssl.SSLContext | None) -> None:
        self._address = address
        super().__init__(account.host, account.dialled, ssl_context=trusted, timeout=PATIENCE)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        line = socket.create_connection((self._address, self.port), timeout)
        protected: ssl.SSLSocket = self.ssl_context.wrap_socket(line, server_hostname=self.host)
        return protected


def _cause(error: BaseException) -> str:
    for kind, words in (
        (ssl.SSLCertVerificationError, "its certificate is not one that is trusted"),
        (ssl.SSLError, "its TLS handshake failed"),
        (socket.gaierror, "its name has no address"),
        (TimeoutError, "it did not answer in time"),
        (OSError, "it can't be connected to"),
        (imaplib.IMAP4.readonly, "it is there to be read only"),
        (imaplib.IMAP4.abort, "it broke the connection off"),
    ):
        if isinstance(error, kind):
            return words
    return "it said no"


def _code(error: BaseException) -> str:
    if isinstance(error, imaplib.IMAP4.abort) and not isinstance(error, imaplib.IMAP4.readonly):
        return "broken"
    return SAID_NO if isinstance(error, imaplib.IMAP4.error | ImapToolsError) else code_of(error)


def _ok(result: tuple[str, Any]) -> None:
    if result[0] != "OK":
        raise imaplib.IMAP4.error("no")


def _size_in(line: Any) -> tuple[str, int]:
    text = line if isinstance(line, bytes) else b""
    uid, size = _UID.search(text), _SIZE.search(text)
    return (uid[1].decode(), int(size[1])) if uid and size else ("", 0)


def _header_in(before: bytes, raw: bytes, after: Any) -> Header:
    """What is told beside the lines stands before or behind them, as the server likes."""
    told = before + (after if isinstance(after, bytes) else b"")
    uid, size = _size_in(told)
    came = _CAME.search(told)
    return Header(uid, size, came[1] if came else b"", b"\\Seen" in told, raw)
