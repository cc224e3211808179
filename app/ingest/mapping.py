"""From a source's names to a campaign's typed fields, compiled once per campaign and source."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from app.catalog.documents import CampaignDoc, FieldDoc, MapTo, SourceDoc
from app.core.registry import Registry
from app.ingest.fieldtype import FieldType
from app.ingest.raw import is_blank, written
from app.model import Raw, Record, Value

Normal = Callable[[Raw], Value]


class _Route(NamedTuple):
    """One source name's way. Of several that lead to one field, the lowest `rank` with a value is taken."""

    field: str
    rank: int
    values: Mapping[str, str] | None


class FieldMap:
    """Names are matched exactly, else without regard to case; ours need no mapping.

    Where several names lead to one field, the first that is not blank wins: exact before other case,
    then mapped names in the order of the mapping, then our own name; of two that differ only in case the
    first by their letters, since no order can be told of an object's names. The others are kept in `extra`.
    """

    def __init__(
        self, types: Mapping[str, Normal], routes: list[tuple[str, _Route]], defaults: Mapping[str, str]
    ) -> None:
        self._types = tuple(types.items())
        self._exact: dict[str, _Route] = {}
        self._folded: dict[str, _Route] = {}
        for name, route in routes:
            self._exact.setdefault(name, route)
            self._folded.setdefault(name.lower(), route._replace(rank=route.rank + len(routes)))
        self._defaults = {name: _defaulted(types[name], text) for name, text in defaults.items()}

    @classmethod
    def compile(
        cls, campaign: CampaignDoc, source: SourceDoc, fieldtypes: Registry[FieldType[Any]]
    ) -> "FieldMap":
        """ValueError for what the catalogue should have refused: an unknown type or field, a wrong setting."""
        types = dict(normals_of(campaign, fieldtypes))
        routes: list[tuple[str, _Route]] = []
        defaults: dict[str, str] = {}
        for name, target in source.mapping.items():
            to = target if isinstance(target, MapTo) else MapTo(field=target)
            _refuse_unknown(to.field, f"mapping of {name!r}", types)
            routes.append((name, _Route(to.field, len(routes), _translation(to.values))))
            if to.default is not None:
                defaults.setdefault(to.field, to.default)
        for name, text in source.defaults.items():
            _refuse_unknown(name, "defaults", types)
            defaults.setdefault(name, text)
        routes += [(name, _Route(name, len(routes) + i, None)) for i, name in enumerate(types)]
        kept = {name: text for name, text in defaults.items() if not is_blank(text)}
        return cls(types, routes, kept)

    def apply(self, record: Record) -> tuple[dict[str, Value], dict[str, Raw]]:
        """(fields in the campaign's order, what came and is no field of ours)."""
        chosen, extra = self._chosen(record)
        defaults = self._defaults
        fields: dict[str, Value] = {}
        for name, normal in self._types:
            value = None
            if name in chosen:
                raw, _, route = chosen[name]
                value = normal(raw) if route.values is None else _translated(raw, route.values, normal)
            if value is None:
                value = defaults.get(name)
            if value is not None:
                fields[name] = value
        return fields, extra

    def merged(self, earlier: Record, later: Record) -> Record:
        """`later` over `earlier`. A name takes the place of every other name of its field; a blank says
        nothing; null takes away what the name led to, and what lies under it."""
        said = {name: raw for name, raw in later.items() if raw is None or not is_blank(raw)}
        fields = {route.field for name in said if (route := self._route(name)) is not None}
        under = tuple(f"{name}." for name, raw in said.items() if raw is None)
        kept = {
            name: raw
            for name, raw in earlier.items()
            if name not in said
            and ((route := self._route(name)) is None or route.field not in fields)
            and not name.startswith(under or ("\0",))
        }
        return kept | {name: raw for name, raw in said.items() if raw is not None}

    def _route(self, name: str) -> _Route | None:
        return self._exact.get(name) or self._folded.get(name.lower())

    def _chosen(self, record: Record) -> tuple[dict[str, tuple[Raw, str, _Route]], dict[str, Raw]]:
        """Field → (value, the source's name of it, its route), and what leads nowhere or came second."""
        exact, folded = self._exact, self._folded
        chosen: dict[str, tuple[Raw, str, _Route]] = {}
        extra: dict[str, Raw] = {}
        for name, raw in record.items():
            route = exact.get(name) or folded.get(name.lower())
            if route is None:
                extra[name] = raw
                continue
            if raw is None or (type(raw) is str and (not raw or raw.isspace())):
                continue
            field = route.field
            if field in chosen:
                other = chosen[field]
                if (other[2].rank, other[1]) <= (route.rank, name):
                    extra[name] = raw
                    continue
                extra[other[1]] = other[0]
            chosen[field] = (raw, name, route)
        return chosen, extra


def normals_of(campaign: CampaignDoc, fieldtypes: Registry[FieldType[Any]]) -> Mapping[str, Normal]:
    """Field → what makes a raw value one of it. Raises ValueError as `FieldMap.compile`."""
    return {name: _typed(name, doc, fieldtypes) for name, doc in campaign.fields.items()}


def _typed(name: str, doc: FieldDoc, fieldtypes: Registry[FieldType[Any]]) -> Normal:
    kind = fieldtypes.get(doc.type)
    if kind is None:
        raise ValueError(
            f"field {name!r} is of an unknown type {doc.type!r}; known: {', '.join(fieldtypes.names())}"
        )
    settings = kind.settings.model_validate(doc.model_extra or {})
    normal = kind.normal
    return lambda raw: normal(raw, settings)


def _refuse_unknown(field: str, where: str, types: Mapping[str, Normal]) -> None:
    if field not in types:
        raise ValueError(f"{where} names {field!r}, which is no field of the campaign")


def _translation(values: Mapping[str, str]) -> Mapping[str, str] | None:
    """Exact spellings before folded ones."""
    if not values:
        return None
    return {key.strip().lower(): word for key, word in reversed(list(values.items()))} | dict(values)


def _translated(raw: Raw, values: Mapping[str, str], normal: Normal) -> Value | None:
    """What came stays `raw`; a value that the map does not know goes on as it is; a word made blank is absent."""
    text = written(raw)
    word = values.get(text, values.get(text.lower()))
    if word is None:
        return normal(raw)
    if is_blank(word):
        return None
    made = normal(word)
    return Value(raw, made.normal, made.valid, made.parts, made.note)


def _defaulted(normal: Normal, text: str) -> Value:
    """A default was not sent, so it has no raw value."""
    made = normal(text)
    return Value(None, made.normal, made.valid, made.parts, "the source's default")
