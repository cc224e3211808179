"""One of several processes of a service: takes its socket and settings from the supervisor that started it."""

import os
import signal
import socket
import sys
import threading
from pathlib import Path

from app.core import events
from app.serving import run_process
from app.settings import Settings


def main() -> int:
    settings = Settings()
    events.configure(settings.log_level)
    given = os.environ
    sock = socket.socket(fileno=int(given["LEADGATE_CHILD_SOCKET"]))
    threading.Thread(target=_end_with_supervisor, daemon=True).start()
    started = run_process(
        settings, settings.database_url, sock, Path(given["LEADGATE_CHILD_METRICS"]),
        role=given["LEADGATE_CHILD_ROLE"], ready=_ready, mail=_mail(given.get("LEADGATE_CHILD_MAIL", "")),
    )  # fmt: skip
    return 0 if started else 1


def _mail(given: str) -> dict[str, socket.socket]:
    doors = (one.partition("=") for one in given.split())
    return {door: socket.socket(fileno=int(number)) for door, _, number in doors}


def _ready() -> None:
    sys.stdout.write("ready\n")
    sys.stdout.flush()


def _end_with_supervisor() -> None:
    """Standard input ends when the supervisor does, even by kill -9."""
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
