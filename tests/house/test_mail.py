"""The page of leads by mail says what there is to set, and what it shows can be applied."""

import re
from pathlib import Path

import pytest

from app.api.mail import told
from app.catalog.documents import MailDoc
from app.catalog.reading import read
from app.components import discover
from app.settings import Settings

PAGE = (Path(__file__).parents[2] / "docs/mail.md").read_text("utf-8")
BLOCKS = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("block", range(len(BLOCKS)))
def test_every_catalogue_of_the_page_applies(block: int) -> None:
    read([("mail.md", BLOCKS[block])], discover())


def test_every_key_of_a_source_is_said() -> None:
    assert {name for name in MailDoc.model_fields if f"`mail.{name}`" not in PAGE} == set()


def test_every_answer_is_said() -> None:
    codes = {one.line[:9].strip() for one in vars(told).values() if isinstance(one, told.Told)}
    assert {code for code in codes if code not in PAGE and f"`{code[:3]}`" not in PAGE} == set()


def test_settings_that_are_named_are_there() -> None:
    named = set(re.findall(r"`(LEADGATE_(?:SMTP|LMTP|MAIL)_[A-Z]+)[=`]", PAGE))
    assert named <= {f"LEADGATE_{name.upper()}" for name in Settings.model_fields}
