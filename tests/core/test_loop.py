"""Whoever asks for the loop gets the one that runs here and now."""

import asyncio
import os
import threading

import pytest

from app.core.loop import running_loop


async def test_it_is_the_running_loop_and_stays_it() -> None:
    assert running_loop() is running_loop() is asyncio.get_running_loop()


def test_one_loop_after_another_is_never_taken_for_the_first() -> None:
    async def mine() -> bool:
        return running_loop() is asyncio.get_running_loop()

    assert [asyncio.run(mine()) for _ in range(3)] == [True] * 3


def test_where_none_runs_it_says_so() -> None:
    async def once() -> None:
        running_loop()

    asyncio.run(once())
    with pytest.raises(RuntimeError):
        running_loop()


async def test_another_thread_has_its_own() -> None:
    found: list[bool] = []

    async def theirs() -> None:
        found.append(running_loop() is asyncio.get_running_loop())

    here = running_loop()
    thread = threading.Thread(target=lambda: asyncio.run(theirs()))
    thread.start()
    await asyncio.to_thread(thread.join)
    assert found == [True]
    assert running_loop() is here


async def test_a_forked_child_has_none() -> None:
    running_loop()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            running_loop()
            os.write(write, b"the parent's")
        except RuntimeError:
            os.write(write, b"none")
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(write)
    assert os.read(read, 99) == b"none"
    os.close(read)
