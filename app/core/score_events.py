"""What is told of models in force, a line each."""

import logging

from app.core.events import Event, Id


class ScoreDrifted(Event, frozen=True, kw_only=True):
    """A model in force meets other leads than it was learned from, or foretells another rate than comes. Told once."""

    level = logging.WARNING
    campaign: Id
    model: int
    psi: float | None = None
    predicted: float | None = None
    observed: float | None = None


class ScoreSteady(Event, frozen=True, kw_only=True):
    """A model that had drifted foretells what comes again."""

    level = logging.WARNING
    campaign: Id
    model: int
