"""Reads an object that stands alone in a file, with the faults that it would have in a catalogue."""

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from app.catalog.found import problem_of
from app.catalog.problems import CatalogueErrors
from app.catalog.tree import BadYaml, Text, parse
from app.catalog.words import faults

Alone = TypeVar("Alone", bound=BaseModel)


def read_alone(name: str, content: str, model: type[Alone]) -> Alone:
    """`content` is YAML. Raises CatalogueErrors with every problem."""
    text = Text(name, content.removeprefix("\ufeff"))
    try:
        root = parse(text)
    except BadYaml as bad:
        raise CatalogueErrors([bad.problem]) from None
    if root is None or root.kind != "map":
        known = ", ".join(model.model_fields)
        raise CatalogueErrors([text.problem(0, 1, "must be a map", hint=f"its keys may be {known}")])
    try:
        return model.model_validate(root.value)
    except ValidationError as error:
        raise CatalogueErrors([problem_of(text, fault) for fault in faults(error, root, "", model)]) from None
