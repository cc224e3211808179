"""The pages that people print: one look, no script, nothing fetched from anywhere."""

from collections.abc import Mapping

from jinja2 import Environment, PackageLoader, select_autoescape

from app.core.money import written

WORDS: Mapping[str, str] = {
    "sale": "leads", "cost": "leads", "return": "returns", "cost_return": "returns", "deposit": "deposits",
    "payment": "payments", "payout": "paid out", "credit": "credits", "adjustment": "adjustments",
}  # fmt: skip
"""Kind of an entry → what it is called where several are summed up."""

PAGES = Environment(
    loader=PackageLoader("app.report"), autoescape=select_autoescape(), trim_blocks=True, lstrip_blocks=True,
    enable_async=True,
)  # fmt: skip
PAGES.filters["written"] = written
PAGES.globals["words"] = WORDS
