"""Load from wrk, a compiled generator: Python would measure itself."""

import shutil
import subprocess
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import msgspec

_SCRIPT = Path(__file__).with_name("load.lua")
_MOST_RANGES = 320  # 20 area codes of 16 ranges, see load.lua


class Wrong(Exception):
    """A phase did not do what it is measured for; a figure from it would be a lie."""


class Raw(msgspec.Struct, frozen=True):
    """What load.lua reports."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    status: int
    lost: int
    bad: int


@dataclass(frozen=True)
class Run:
    """One run of load against one address: answers, per second, and how long they took."""

    requests: int
    per_s: float
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True)
class Target:
    """An address, who posts there, and a text that every right answer holds."""

    url: str
    key: str
    expect: str


class Load:
    """Hands every run ranges of leads that no other run has."""

    def __init__(self, *, connections: int = 128, threads: int = 1) -> None:
        self.connections, self.threads = connections, threads
        self._ranges = count(0, threads)
        if shutil.which("wrk") is None:
            raise Wrong("there is no wrk on the PATH; scripts/test-tools.sh says how to have it")

    def run(self, target: Target, seconds: float, *, verify: bool = False) -> Run:
        """Post for so long. Raises Wrong at the first answer that isn't a 2xx, or isn't the expected one under `verify`."""
        first = next(self._ranges)
        if first + self.threads > _MOST_RANGES:
            raise Wrong("all ranges of leads are used up: fewer rounds or fewer threads")
        said = subprocess.run(
            self._command(target, seconds, first, verify), capture_output=True, text=True, check=False
        )
        result = next((line[7:] for line in said.stdout.splitlines() if line.startswith("RESULT ")), None)
        if result is None:
            raise Wrong(f"wrk ended without a result: {said.stderr.strip() or said.stdout.strip()}")
        raw = msgspec.json.decode(result, type=Raw)
        sample = next((line[7:] for line in said.stdout.splitlines() if line.startswith("SAMPLE ")), "")
        if raw.status or raw.lost or raw.bad or not raw.requests:
            raise Wrong(
                f"{target.url}: of {raw.requests} answers {raw.status} were 4xx or 5xx, {raw.bad} not the expected ones, "
                f"{raw.lost} connections or time limits were lost. {sample}"
            )
        return Run(raw.requests, raw.requests / raw.seconds, raw.p50_ms, raw.p99_ms)

    def _command(self, target: Target, seconds: float, first: int, verify: bool) -> list[str]:
        # fmt: off
        return [
            "wrk", "-t", str(self.threads), "-c", str(self.connections), "-d", f"{max(1, round(seconds))}s",
            "--timeout", "30s", "--latency", "-s", str(_SCRIPT), target.url,
            "--", str(first), target.key, target.expect, "verify" if verify else "trust",
        ]
        # fmt: on
