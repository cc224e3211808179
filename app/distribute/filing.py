"""A file to be put on a server, or to be read there, and what became of that, as values."""

from msgspec import Struct

from app.remote.account import FtpAccount, SftpAccount

FileServer = FtpAccount | SftpAccount


class Put(Struct, frozen=True, kw_only=True):
    """One file, in the folder that its server's account names. What has that name is ours, and is overwritten.

    `atomic`: written under another name and renamed when it is whole, so that the name is never there without
    all of the file.
    """

    server: FileServer
    name: str
    body: bytes
    atomic: bool = True
    hands_over: bool = True  # once the file has its name, the buyer may own the lead
    timeout: float | None = None  # seconds in all; None: the wire's own for files
    secrets: tuple[str, ...] = ()  # in the body; what the account holds is never shown

    @property
    def part(self) -> str:
        """The name until it is whole. The same at each try, so that a try overwrites what the one before left."""
        return f".{self.name}.part" if self.atomic else self.name


class Filed(Struct, frozen=True, kw_only=True):
    """`whole`: the file has its name and all its bytes. Else the server said no, certainly before that."""

    whole: bool = False
    code: str  # the protocol and its number, as ftp_552

    @property
    def status(self) -> int | None:
        number = self.code.rpartition("_")[2]
        return int(number) if number.isdecimal() else None


def place_of(server: FileServer) -> str:
    """Where it is, for people; nothing of the account but its folder."""
    scheme = "ftp" if isinstance(server, FtpAccount) else "sftp"
    host = f"[{server.host}]" if ":" in server.host else server.host
    return f"{scheme}://{host}:{server.dialled}/{server.folder.lstrip('/')}".rstrip("/")
