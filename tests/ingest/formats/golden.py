"""Golden bodies: tests/data/formats/<format>/<case>.yaml beside the body as somebody's system sends it."""

from pathlib import Path
from typing import NamedTuple

from ruamel.yaml import YAML

from app.model import Record

DATA = Path(__file__).parents[2] / "data" / "formats"


class Golden(NamedTuple):
    format: str
    name: str
    should: str
    content_type: str
    body: bytes
    records: list[Record]


def goldens() -> list[Golden]:
    return [_golden(file) for file in sorted(DATA.glob("*/*.yaml"))]


def _golden(file: Path) -> Golden:
    told = YAML(typ="safe", pure=True).load(file.read_text("utf-8"))
    body = (file.parent / told["body"]).read_bytes()
    return Golden(file.parent.name, file.stem, told["should"], told["type"], body, told["records"])
