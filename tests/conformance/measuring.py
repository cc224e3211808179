"""Reads hostile bodies, each in a process of its own, and tells what that took, a line of JSON each:
`python -m tests.conformance.measuring formats|platforms [NAME…] [--worst]`."""

import gc
import json
import os
import re
import resource
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from app.ingest.format import Unreadable, formats
from app.ingest.platform import platforms, type_of
from tests.conformance.filling import Case
from tests.conformance.hostile import OF_FORMAT, WORST, of_platform

_SECONDS = 20


class Took(NamedTuple):
    """`mb` is what the process grew by at its largest; `ended` is `read` or the code of a refusal."""

    name: str
    cpu: float
    mb: float
    ended: str


def cases(what: str, name: str) -> Iterator[tuple[Case, Callable[[bytes], Any]]]:
    if what == "formats":
        fmt = formats.discover()[name]
        for case in OF_FORMAT[name]():
            yield case, partial(_read, fmt, case.content_type)
    else:
        platform = platforms.discover()[name]
        for body, _ in platform.bodies[:1]:
            for case in of_platform(body):
                yield case, partial(_read, platform, type_of(name))


def _read(reader: Any, content_type: str, body: bytes) -> None:
    reader.read(body, content_type)


def measured(case: Case, read: Callable[[bytes], Any]) -> Took:
    """In a child, so that nothing that was freed before hides what is taken now."""
    body = case.body()
    gc.collect()
    out, into = os.pipe()
    child = os.fork()
    if not child:
        os.close(out)
        _measure(case.name, body, read, into)
        os._exit(0)
    os.close(into)
    with os.fdopen(out) as told:
        said = told.read()
    os.waitpid(child, 0)
    return Took(*json.loads(said)) if said else Took(case.name, float(_SECONDS), 0.0, "killed")


def _measure(name: str, body: bytes, read: Callable[[bytes], Any], into: int) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
    Path("/proc/self/clear_refs").write_text("5")  # the peak is the present
    before, began = _kilobytes("VmHWM"), resource.getrusage(resource.RUSAGE_SELF)
    try:
        read(body)
        ended = "read"
    except Unreadable as refused:
        ended = refused.reason
    except BaseException as error:
        ended = f"raised {type(error).__name__}"
    now = resource.getrusage(resource.RUSAGE_SELF)
    cpu = now.ru_utime + now.ru_stime - began.ru_utime - began.ru_stime
    os.write(into, json.dumps([name, cpu, (_kilobytes("VmHWM") - before) / 1_000, ended]).encode())


def _kilobytes(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1])
    raise AssertionError(f"this kernel doesn't tell {name}")


def _wanted(what: str, name: str, case: Case) -> bool:
    return re.search(WORST[name if what == "formats" else "platform"], case.name) is not None


def main() -> None:
    what, *names = (word for word in sys.argv[1:] if word != "--worst")
    known = sorted(OF_FORMAT) if what == "formats" else [one.name for one in platforms.discover()]
    for name in names or known:
        for case, read in cases(what, name):
            if "--worst" not in sys.argv or _wanted(what, name, case):
                print(json.dumps([name, *measured(case, read)]), flush=True)


if __name__ == "__main__":
    main()
