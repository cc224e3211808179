"""What the pages on the API call a route was written for people, and is no name of ours put into capitals."""

from typing import Any

from app.api.openapi import document


def operations() -> list[dict[str, Any]]:
    return [one for methods in document()["paths"].values() for one in methods.values()]


def test_every_route_is_called_by_words_that_tell_it_from_every_other() -> None:
    said = [one["summary"] for one in operations()]
    assert len(said) > 40
    assert [one for one in said if said.count(one) > 1] == []
    assert [one for one in said if len(one) > 80 or not one[0].isupper() or one.endswith(".")] == []


def test_no_route_is_called_by_its_functions_name() -> None:
    made = [one for one in operations() if one["operationId"].startswith(_named(one["summary"]))]
    assert [one["summary"] for one in made] == []


def _named(summary: str) -> str:
    """The function that FastAPI would have called so."""
    return summary.lower().replace(" ", "_") + "_"


def test_every_route_says_what_it_does() -> None:
    assert [one["summary"] for one in operations() if not one.get("description")] == []
