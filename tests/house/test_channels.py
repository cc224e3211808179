"""docs/channels.md lists what is visited: the table is made from the components, and its catalogue applies."""

import re
import sys
from pathlib import Path

import pytest

from app.catalog.reading import read
from app.components import discover
from app.ingest.channel import Channel, channels

PAGE = (Path(__file__).parents[2] / "docs/channels.md").read_text("utf-8")
EVERY = [pytest.param(one, id=one.name) for one in channels.discover()]


@pytest.mark.parametrize("one", EVERY)
def test_every_channel_is_listed_and_has_its_section(one: Channel) -> None:
    about = str(sys.modules[type(one).__module__].__doc__).partition("\n")[0].rstrip(".")
    assert f"| `{one.name}` | {about} |\n" in PAGE
    assert re.search(rf"^## .*\b{one.name}\b", PAGE, re.MULTILINE)


@pytest.mark.parametrize("one", EVERY)
def test_every_setting_of_a_channel_is_said(one: Channel) -> None:
    said = set(re.findall(r"`([a-z_]+)`", PAGE))
    assert set(one.settings.model_fields) <= said


def test_the_catalogues_of_the_page_apply() -> None:
    blocks = re.findall(r"^```yaml\n(campaigns:\n.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert blocks
    for block in blocks:
        read([("channels.md", block)], discover())
