"""Reads leads with a known outcome as a model sees them: what was known of each when it was decided."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson
from msgspec import Struct

from app.catalog.modelling import FeatureDoc, ModelDoc
from app.model import Scalar
from app.store import outcomes
from app.store.leads import normals_of
from app.validate.estimate import key_of, values_of

if TYPE_CHECKING:
    from app.validate.fitting import Examples


class Seen(Struct, frozen=True):
    """One lead of which it is known what became of it."""

    facts: dict[str, Scalar]
    source: str
    at: datetime
    hit: bool
    points: int


async def read(
    conn: Any, campaign: str, doc: ModelDoc, since: datetime, until: datetime, most: int
) -> "Examples":
    """A column for each feature, the oldest lead first."""
    from app.validate.fitting import Examples  # numpy, which only this command needs

    found = Examples({one.name: [] for one in doc.features})
    keys = [(one.name, key_of(one.name, _text(one))) for one in doc.features]
    async for lead in _seen(conn, campaign, doc, since, until, most):
        for name, key in keys:
            found.columns[name].append(lead.facts.get(key))
        found.hits.append(lead.hit)
        found.points.append(lead.points)
        found.at.append(lead.at)
    lists: list[list[Any]] = [*found.columns.values(), found.hits, found.points, found.at]
    for one in lists:
        one.reverse()
    return found


async def newest(
    conn: Any, campaign: str, doc: ModelDoc, since: datetime, until: datetime, most: int
) -> list[Seen]:
    return [lead async for lead in _seen(conn, campaign, doc, since, until, most)]


async def _seen(conn: Any, campaign: str, doc: ModelDoc, since: datetime, until: datetime, most: int) -> Any:
    asked = tuple((one.name, one.value) for one in doc.features if one.value is not None)
    async for row in outcomes.known(conn, campaign, doc.target, since, until, most):
        facts = normals_of(orjson.loads(row.fields))
        facts |= values_of(asked, facts, row.source) if asked else {}
        yield Seen(facts, row.source, row.at, row.hit, row.points)


def _text(one: FeatureDoc) -> str:
    return "" if one.value is None else one.value.text


def differs(features: Sequence[Any], doc: ModelDoc) -> list[str]:
    """Names of features that the campaign declares otherwise by now than the model was learned of."""
    learned = {one.name: one.value for one in features}
    declared = {one.name: _text(one) for one in doc.features}
    return sorted(name for name in learned | declared if learned.get(name) != declared.get(name))
