"""leadgate itself, started as an operator starts it, and what can be read from outside while it works."""

import contextlib
import http.client
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import psutil  # type: ignore[import-untyped]  # it ships no types

from bench import catalogue
from bench.load import Target, Wrong
from bench.processes import free_port, running

LEADGATE = str(Path(sys.executable).with_name("leadgate"))
EXPECT = {"ack": '"outcome":"pending"', "path": '"outcome":"success"', "path_200": '"outcome":"success"'}
_ANSWERS = re.compile(r'^leadgate_answers_total{outcome="(\w+)",source="(\w+)"} (\S+)$', re.M)
_DRAIN_PATIENCE = 180.0


@dataclass(frozen=True)
class Drain:
    """How long it took until the buyer had every acknowledged lead, counted from the end of the load."""

    leads: int
    seconds: float


@dataclass
class Sink:
    port: int

    def posts(self) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", "/")
        posts: int = msgspec.json.decode(connection.getresponse().read())["posts"]
        connection.close()
        return posts

    def drained(self, before: int, leads: int) -> Drain:
        """Wait until `leads` more than `before` have come. Raises Wrong when they don't: acknowledged is not lost."""
        began = moved = time.monotonic()
        posts = self.posts()
        while (now := self.posts()) < before + leads:
            if now > posts:
                posts, moved = now, time.monotonic()
            if time.monotonic() - moved > 30 or time.monotonic() - began > _DRAIN_PATIENCE:
                raise Wrong(
                    f"{leads} leads were acknowledged, the buyer has {now - before} of them and no more come"
                )
            time.sleep(0.05)
        return Drain(leads, time.monotonic() - began)


@dataclass(frozen=True)
class Service:
    port: int
    process: psutil.Process
    keys: dict[str, str]

    def target(self, source: str) -> Target:
        return Target(f"http://127.0.0.1:{self.port}/v1/leads", self.keys[source], EXPECT[source])

    def answers(self, source: str) -> Counter[str]:
        """outcome → how many of its answers said so, as the service counts them."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", "/metrics")
        told = connection.getresponse().read().decode()
        connection.close()
        return Counter({o: int(float(n)) for o, of, n in _ANSWERS.findall(told) if of == source})

    def rss_mb(self) -> float:
        """The largest of its processes; PostgreSQL is not counted."""
        family = [self.process, *self.process.children(recursive=True)]
        ours = [p for p in family if not p.name().startswith("postgres")]
        return float(max(p.memory_info().rss for p in ours)) / 2**20


@contextlib.contextmanager
def service(folder: Path, url: str, sink: Sink, processes: int) -> Iterator[Service]:
    """migrate, apply, issue keys, serve; ended by SIGTERM."""
    port = free_port()
    env = {
        "LEADGATE_DATABASE_URL": url,
        "LEADGATE_DATA_DIR": str(folder / "serve"),
        "LEADGATE_DANGEROUSLY_ALLOW_PRIVATE_ADDRESSES": "true",
    }
    file = folder / "bench.yaml"
    file.write_bytes(catalogue.written(f"http://127.0.0.1:{sink.port}"))
    said(["migrate"], env)
    said(["apply", str(file)], env)
    keys = {source: said(["key", "issue", "source", source], env) for source in catalogue.SOURCES}
    command = [LEADGATE, "serve", "--host", "127.0.0.1", "--port", str(port)]
    if processes > 1:
        command += ["--processes", str(processes)]
    with running("serve", command, folder, env=env, port=port, path="/readyz") as process:
        yield Service(port, psutil.Process(process.pid), keys)


def said(words: list[str], env: dict[str, str]) -> str:
    """What a command of leadgate printed on standard output."""
    done = subprocess.run(
        [LEADGATE, *words], capture_output=True, text=True, env={**os.environ, **env}, check=False
    )
    if done.returncode:
        raise Wrong(
            f"leadgate {words[0]} ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-1500:]}"
        )
    return done.stdout.strip()
