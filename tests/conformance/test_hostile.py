"""What hurts on purpose hurts nobody: ten megabytes are refused, or read, in a second and a hundred megabytes."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from app.ingest.format import formats
from app.ingest.platform import platforms
from tests.conformance.hostile import OF_FORMAT, WORST

HERE = Path(__file__).parents[2]
MOST_SECONDS = 2.0
"""Of this process alone, and twice what is promised: the machine of a test is never its own."""
MOST_MB = 100.0


def test_every_format_has_bodies_that_were_made_to_hurt_it() -> None:
    assert set(OF_FORMAT) == {one.name for one in formats.discover()} == WORST.keys() - {"platform"}


@pytest.mark.parametrize("what", ["formats", "platforms"])
def test_a_hostile_body_is_refused_or_read_in_bounded_time_and_memory(what: str) -> None:
    found = measured(what)
    names = set(OF_FORMAT) if what == "formats" else {one.name for one in platforms.discover()}
    assert {name for name, *_ in found} == names
    for name, case, cpu, mb, ended in found:
        assert cpu < MOST_SECONDS, (name, case, cpu, ended)
        assert mb < MOST_MB, (name, case, mb, ended)
        assert " " not in ended, (name, case, ended)


def measured(what: str) -> list[tuple[str, str, float, float, str]]:
    told: Mapping[str, str] = {**os.environ, "PYTHONPATH": str(HERE)}
    command = [sys.executable, "-m", "tests.conformance.measuring", what, "--worst"]
    done = subprocess.run(command, cwd=HERE, env=told, capture_output=True, text=True, check=True)
    return [tuple(json.loads(line)) for line in done.stdout.splitlines()]
