"""Whoever starts a service where another one listens is told how to say another port."""

import socket
from collections.abc import Iterator

import pytest

from app.settings import Settings
from tests.commands.conftest import Leadgate


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody has."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


async def test_a_port_that_is_taken_is_told_with_each_way_to_name_another(
    leadgate: Leadgate, settings: Settings, taken: int
) -> None:
    told = await leadgate("serve", "--port", str(taken))
    assert (told.exit_code, told.stdout) == (1, "")
    assert told.stderr == (
        f"error: can't listen on 127.0.0.1:{taken}: Address already in use\n"
        "Choose another port: --port or LEADGATE_PORT\n"
    )


async def test_the_demo_names_the_way_by_make_too(leadgate: Leadgate, settings: Settings, taken: int) -> None:
    told = await leadgate("demo", "--empty", "--port", str(taken))
    assert told.exit_code == 1
    assert 'Choose another port: --port or LEADGATE_PORT, or `make run ARGS="--port 8001"`\n' in told.stderr
