"""docs/forms.md shows a form that applies, with every key there is, and names all that is kept as evidence."""

import inspect
import re
from pathlib import Path

from app.api.form import evidence
from app.catalog import documents
from app.catalog.forms import FILLED
from app.catalog.reading import read
from app.components import discover

PAGE = (Path(__file__).parents[2] / "docs/forms.md").read_text("utf-8")
EXAMPLE = re.search(r"^```yaml\n(campaigns:\n.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_form_of_the_page_applies_and_the_page_names_every_key() -> None:
    assert EXAMPLE is not None
    read([("forms.md", EXAMPLE[1])], discover())
    named = set(re.findall(r"`([a-z]+)`", PAGE)) | set(re.findall(r"([a-z]+):", EXAMPLE[1]))
    for model in (documents.FormDoc, documents.FormStep, documents.Consent, documents.Thanks):
        assert set(model.model_fields) <= named


def test_all_that_is_kept_as_evidence_is_named() -> None:
    code = inspect.getsource(evidence)
    kept = set(re.findall(r'"((?:form|consent)\.[a-z_]+)"', code)) | FILLED
    kept |= {f".{name}" for name in (*evidence._TEXTS, "pixel_ratio", "webdriver")}
    kept |= {f".{name}" for name in ("pastes", "fills", "gap_ms", "gap_spread_ms")}
    short = PAGE.replace("device.", ".").replace("typing.", ".")
    assert {name for name in kept if f"`{name}`" not in short} == set()
