"""Where mail is listened for: `host:port` or the path of a socket, bound before anything is started."""

import os
import socket
import ssl
from contextlib import suppress
from pathlib import Path

_PATH_MODE = 0o660


class BadPlace(ValueError):
    """A setting names no place."""


class CantListen(Exception):
    """A place is somebody else's, or may not be taken."""


def place(text: str) -> tuple[str, int] | Path:
    """`127.0.0.1:24`, `[::1]:24`, `:25` (every address) or `/run/leadgate/lmtp.sock`. Raises BadPlace."""
    if text.startswith("/"):
        return Path(text)
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise BadPlace(f"{text!r} is no place to listen; write host:port, :port or /path/of/a.sock")
    return host.strip("[]") or "0.0.0.0", int(port)


def bound(text: str) -> socket.socket:
    """Listening, and inheritable by the other processes of this service. Raises OSError."""
    where = place(text)
    sock = _unix(where) if isinstance(where, Path) else _tcp(*where)
    sock.listen(512)
    sock.set_inheritable(True)
    return sock


def gone(sock: socket.socket) -> None:
    """Closed; the path of a local one is taken away."""
    path = sock.getsockname() if sock.family == socket.AF_UNIX else ""
    sock.close()
    if path:
        with suppress(OSError):
            Path(path).unlink()


def shown(sock: socket.socket) -> str:
    name = sock.getsockname()
    if isinstance(name, tuple):
        host, port = name[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return str(name)


def certificate(file: str, key: str) -> ssl.SSLContext | None:
    """What STARTTLS shows. Raises OSError and ssl.SSLError for files that can't be used."""
    if not file:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file, key or None)
    return context


def _tcp(host: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((host, port))
    return sock


def _unix(path: Path) -> socket.socket:
    _clear(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o777 & ~_PATH_MODE)
    try:
        sock.bind(str(path))
    finally:
        os.umask(before)
    return sock


def _clear(path: Path) -> None:
    """What a killed service left; one that answers is somebody's."""
    if not path.is_socket():
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
