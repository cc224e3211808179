"""The countries of ISO 3166-1, for field types and for their settings."""

from typing import Annotated

from pydantic import AfterValidator

from app.ingest.data import folded, rows

NAMES = {row[0]: row[2] for row in rows("countries.tsv")}
"""alpha-2 → English name."""

SPELLINGS = {
    folded(spelling): alpha2
    for alpha2, alpha3, name, others in rows("countries.tsv")
    for spelling in (*others.split("|"), name, alpha3, alpha2)
    if spelling
}
"""Folded name, alpha-3 or other spelling → alpha-2."""


def _country(text: str) -> str:
    code = text.strip().upper()
    if code not in NAMES:
        raise ValueError("is no country; use an ISO 3166-1 code of two letters, as US")
    return code


CountryCode = Annotated[str, AfterValidator(_country)]
"""A setting that names a country by its two letters."""
