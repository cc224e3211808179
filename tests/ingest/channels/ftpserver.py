"""A real FTP server on a folder, on a free port of this machine, within the test."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # of asyncore, as long as Python has it
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.handlers import FTPHandler
    from pyftpdlib.ioloop import IOLoop
    from pyftpdlib.servers import FTPServer

USER, PASSWORD = "acme", "secret wörd"
EVERYTHING = "elradfmwMT"
NO_MOVING = "elr"
OLDER = ("MLSD", "MLST", "EPSV")


class Ftp:
    """`said` are the commands that came, in order."""

    def __init__(self, port: int, authorizer: DummyAuthorizer) -> None:
        self.port, self.authorizer = port, authorizer
        self.said: list[str] = []


@contextmanager
def ftp_server(
    folder: Path,
    *,
    may: str = EVERYTHING,
    lacks: tuple[str, ...] = (),
    handler: type[FTPHandler] = FTPHandler,
) -> Iterator[Ftp]:
    """`may` is what the user may do there, `lacks` are commands that it does not know."""
    authorizer = DummyAuthorizer()
    authorizer.add_user(USER, PASSWORD, str(folder), perm=may)
    told = Ftp(0, authorizer)

    class Handler(handler):  # type: ignore[misc,valid-type]
        proto_cmds = {name: what for name, what in handler.proto_cmds.items() if name not in lacks}
        banner = "ready"

        def pre_process_command(self, line: str, cmd: str, arg: str) -> Any:
            told.said.append(cmd)
            return super().pre_process_command(line, cmd, arg)

    Handler.authorizer = authorizer
    loop = IOLoop()
    server = FTPServer(("127.0.0.1", 0), Handler, ioloop=loop)
    told.port = server.socket.getsockname()[1]
    stopping = threading.Event()

    def serve() -> None:
        while not stopping.is_set():
            loop.loop(timeout=0.05, blocking=False)
        server.close_all()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield told
    finally:
        stopping.set()
        thread.join()
