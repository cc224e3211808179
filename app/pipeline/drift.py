"""Watches the models in force: whether leads are still those they were learned from, and foretold rates come true."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from app.catalog.modelling import Model, read_model
from app.core.events import Event, Id, emit
from app.core.metrics import Metrics
from app.core.score_events import ScoreDrifted, ScoreSteady
from app.core.world import World
from app.store import models, outcomes
from app.store.database import Database
from app.store.models import Drift
from app.store.outcomes import Tenth
from app.validate.quality import TENTHS, drifted, psi

EVERY = 300.0
_LOOKED_EVERY = 3_600.0
_WINDOW = timedelta(days=30)
_MOST = 20_000
_GAUGES = ("psi", "predicted", "observed")


class Watch:
    """`look` is called in every process, and one of them looks, once an hour at each model; no lead pays for it."""

    def __init__(self, database: Database, world: World, metrics: Metrics) -> None:
        self._database = database
        self._world = world
        self._metrics = metrics

    async def look(self) -> None:
        news: list[Event] = []
        async with self._database.acquire() as conn, conn.transaction():
            for campaign, version, doc, since in await models.to_watch(conn, _LOOKED_EVERY):
                model = read_model(campaign, version, doc)
                if model is None:
                    continue
                found = await look_at(conn, model, since, self._world.now())
                if await models.note_drift(conn, found) != found.drifted:
                    news.append(_news(found))
        for event in news:  # it is committed now
            emit(event)

    async def gauges(self) -> None:
        async with self._database.acquire() as conn:
            found = await models.drifts(conn)
        for name in (*_GAUGES, "drifted"):
            self._metrics.forget(f"leadgate_score_{name}")
        for one in found:
            self._metrics.gauge("leadgate_score_drifted", (one.campaign,), float(one.drifted))
            for name in _GAUGES:
                if (value := getattr(one, name)) is not None:
                    self._metrics.gauge(f"leadgate_score_{name}", (one.campaign,), value)


async def look_at(conn: Any, model: Model, since: datetime, now: datetime) -> Drift:
    """How it has done since it was put in force, or in the last month; leads still open count by their score alone."""
    fitted, since = model.fitted, max(since, now - _WINDOW)
    edges = list(fitted.hundredths[9::10])
    said = await outcomes.said(conn, model.campaign, fitted.target, since, model.id, edges, _MOST)
    return summed(model, said, since)


def summed(model: Model, said: Sequence[Tenth], since: datetime) -> Drift:
    leads, ended = sum(one.leads for one in said), sum(one.ended for one in said)
    counts = [sum(one.leads for one in said if one.tenth == tenth) for tenth in range(TENTHS)]
    index = psi(model.fitted.shares, counts) if leads else None
    predicted = sum(one.predicted for one in said) / ended if ended else None
    observed = sum(one.hits for one in said) / ended if ended else None
    return Drift(
        campaign=model.campaign, version=model.version, leads=leads, psi=index, ended=ended, predicted=predicted,
        observed=observed, shares=[n / leads for n in counts] if leads else [], since=since,
        drifted=drifted(leads=leads, index=index, ended=ended, predicted=predicted, observed=observed),
    )  # fmt: skip


def _news(found: Drift) -> Event:
    campaign = Id(found.campaign)
    if not found.drifted:
        return ScoreSteady(campaign=campaign, model=found.version)
    psi_, predicted, observed = (
        None if value is None else round(value, 4) for value in (found.psi, found.predicted, found.observed)
    )
    return ScoreDrifted(
        campaign=campaign, model=found.version, psi=psi_, predicted=predicted, observed=observed
    )
