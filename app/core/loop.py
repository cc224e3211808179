"""The loop that runs this thread, for those who ask many times a lead.

Python 3.11's own answer asks the kernel for the process's id every time, lest a fork go unnoticed: a system call for
each future, each timer and each look at the clock was a fourteenth of a lead.
"""

import asyncio
import os
import threading


class _Here(threading.local):
    loop: asyncio.AbstractEventLoop | None = None


_here = _Here()


def running_loop() -> asyncio.AbstractEventLoop:
    """As `asyncio.get_running_loop`. Raises RuntimeError where none runs."""
    loop = _here.loop
    if loop is None or not loop.is_running():
        loop = _here.loop = asyncio.get_running_loop()
    return loop


def _forget() -> None:
    _here.loop = None


os.register_at_fork(after_in_child=_forget)
