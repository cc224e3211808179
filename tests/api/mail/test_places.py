"""Where mail is listened for."""

import socket
from pathlib import Path

import pytest

from app.api.mail import places
from app.api.mail.places import BadPlace, CantListen, place
from app.serving import listening_for_mail
from app.settings import Settings


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("127.0.0.1:24", ("127.0.0.1", 24)),
        ("[::1]:25", ("::1", 25)),
        (":25", ("0.0.0.0", 25)),
        ("mx.example:0", ("mx.example", 0)),
        ("/run/lmtp.sock", Path("/run/lmtp.sock")),
    ],
)
def test_a_place_is_an_address_or_a_path(text: str, where: object) -> None:
    assert place(text) == where


@pytest.mark.parametrize("text", ["25", "host", "host:", "host:smtp", "host:70000", "run/lmtp.sock"])
def test_a_setting_that_names_no_place_is_told_at_start(text: str) -> None:
    with pytest.raises(BadPlace):
        place(text)
    with pytest.raises(ValueError, match="is no place to listen"):
        Settings(smtp_listen=text)


def test_a_socket_that_somebody_answers_at_is_not_taken_away(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    first = places.bound(path)
    with pytest.raises(OSError, match="in use"):
        places.bound(path)
    places.gone(first)
    assert not Path(path).exists()


def test_a_socket_is_for_its_group_at_most(tmp_path: Path) -> None:
    sock = places.bound(str(tmp_path / "s"))
    assert (tmp_path / "s").stat().st_mode & 0o777 == 0o660
    assert sock.family == socket.AF_UNIX
    places.gone(sock)


def test_a_place_that_is_taken_is_told_before_anything_is_started() -> None:
    taken = places.bound("127.0.0.1:0")
    where = places.shown(taken)
    with pytest.raises(CantListen, match=f"can't listen for mail on {where}: Address already in use"):
        listening_for_mail(Settings(smtp_listen=where))
    taken.close()
