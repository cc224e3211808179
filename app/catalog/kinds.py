"""The components a catalogue may name, as values: their settings models by kind and name."""

import types
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Annotated, Any, Union, get_args, get_origin

from msgspec import Struct
from pydantic import BaseModel, SecretStr

from app.core.registry import Settings

Path = tuple[str | int, ...]


class Gazetteer(Struct, frozen=True):
    """What is known of places: states by their codes, and whether it is known where a postal code lies."""

    states: Collection[str]
    knows: Callable[[str], bool]


class Kinds(Struct, frozen=True):
    """What the roots discovered. Each maps a component's name to its settings model."""

    fieldtypes: Mapping[str, type[Settings]]
    checks: Mapping[str, type[Settings]]
    adapters: Mapping[str, type[Settings]]
    channels: Mapping[str, type[Settings]] = {}
    platforms: Mapping[str, type[Settings]] = {}
    replies: Mapping[str, type[Settings]] = {}
    callbacks: Mapping[str, type[Settings]] = {}
    enrichers: Mapping[str, type[Settings]] = {}
    pings: Mapping[str, type[Settings]] = {}
    bids: Mapping[str, type[Settings]] = {}
    postbacks: Mapping[str, type[Settings]] = {}
    codes: Mapping[str, Collection[str]] = {}
    """check → every code that it can give"""
    places: Gazetteer | None = None
    """None: places are not looked up."""


def secret_places(model: type[BaseModel], value: Any) -> list[Path]:
    """Where a component's settings hold secrets: every text that its model declares as SecretStr."""
    return _places(model, value, lambda annotation: annotation is SecretStr)


def marked_places(model: type[BaseModel], value: Any, marker: Any) -> list[Path]:
    """Where they hold texts of an `Annotated[..., marker]`."""
    return _places(model, value, lambda annotation: _is_marked(annotation, marker))


def replaced(value: Any, places: list[Path], by: Callable[[Path, str], str]) -> Any:
    """A copy of `value` with the text at each place exchanged."""
    for place in places:
        value = _replaced(value, place, place, by)
    return value


def at(value: Any, place: Path) -> Any:
    """What stands at a place; None when there is no such place."""
    for step in place:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """Every model that a value of this annotation may be, or may hold directly."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in models_in(part)]


def unknown_places(model: type[BaseModel] | None, value: Any) -> list[Path]:
    """Where settings have a key that their model does not know, at any depth. No model knows none."""
    return list(_unknown([model] if model else [], value))


def _unknown(annotations: list[Any], value: Any) -> Iterator[Path]:
    atoms = [atom for annotation in annotations for atom in _atoms(annotation)]
    if isinstance(value, Mapping):
        for key, item in value.items():
            inner = [part for atom in atoms for part in _under(atom, key)]
            if inner:
                yield from ((key, *rest) for rest in _unknown(inner, item))
            else:
                yield (key,)
    elif isinstance(value, list | tuple):
        inner = [part for atom in atoms for part in get_args(atom)]
        for i, item in enumerate(value):
            yield from ((i, *rest) for rest in _unknown(inner, item))


def _under(atom: Any, key: str) -> list[Any]:
    """What the value of a key may be: of a model's field, or of any entry of a map."""
    if isinstance(atom, type) and issubclass(atom, BaseModel):
        return [info.annotation for name, info in atom.model_fields.items() if key == (info.alias or name)]
    return list(get_args(atom)[1:])


def _atoms(annotation: Any) -> list[Any]:
    """The branches of a union, without what Annotated says of them."""
    if get_origin(annotation) is Annotated:
        return _atoms(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return [atom for part in get_args(annotation) for atom in _atoms(part)]
    return [annotation]


def _is_marked(annotation: Any, marker: Any) -> bool:
    return get_origin(annotation) is Annotated and marker in annotation.__metadata__


def _places(annotation: Any, value: Any, wanted: Callable[[Any], bool]) -> list[Path]:
    return list(dict.fromkeys(_walk(annotation, value, wanted)))


def _walk(annotation: Any, value: Any, wanted: Callable[[Any], bool]) -> Iterator[Path]:
    if wanted(annotation):
        if isinstance(value, str):
            yield ()
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from _in_model(annotation, value, wanted)
    elif get_origin(annotation) in (Annotated, Union, types.UnionType):
        for part in get_args(annotation):
            yield from _walk(part, value, wanted)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            for part in get_args(annotation)[1:]:
                yield from ((key, *rest) for rest in _walk(part, item, wanted))
    elif isinstance(value, list | tuple):
        for i, item in enumerate(value):
            for part in get_args(annotation):
                yield from ((i, *rest) for rest in _walk(part, item, wanted))


def _in_model(model: type[BaseModel], value: Any, wanted: Callable[[Any], bool]) -> Iterator[Path]:
    if not isinstance(value, Mapping):
        return
    for name, info in model.model_fields.items():
        key = info.alias or name
        if key not in value:
            continue
        annotation: Any = info.annotation
        if info.metadata:  # pydantic takes the outermost Annotated apart
            annotation = Annotated[(annotation, *info.metadata)]
        for rest in _walk(annotation, value[key], wanted):
            yield (key, *rest)


def _replaced(value: Any, rest: Path, place: Path, by: Callable[[Path, str], str]) -> Any:
    if not rest:
        return by(place, value)
    step = rest[0]
    inner = _replaced(value[step], rest[1:], place, by)
    if isinstance(value, Mapping):
        return {**value, step: inner}
    return [inner if i == step else item for i, item in enumerate(value)]
