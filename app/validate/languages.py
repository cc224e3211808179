"""Whether a browser's languages can be those of a country: of one at least, for people speak several and move."""

from functools import lru_cache

from app.validate.data import languages_of

_EVERYWHERE = "en"
"""What a browser says that was never told otherwise."""


@lru_cache(4_096)
def speaks(languages: str, country: str) -> bool | None:
    """`languages` as the browser says them: `de-CH,fr`. None where nobody can say."""
    known = languages_of().get(country.upper())
    said = {tag.strip().replace("_", "-").partition("-")[0].lower() for tag in languages.split(",")[:20]} - {
        ""
    }
    if known is None or not said:
        return None
    return _EVERYWHERE in said or not known.isdisjoint(said)
