"""How long a score takes to be learned, and whether what is learned tells leads apart where there is something to tell."""

import random
import time
from datetime import UTC, datetime, timedelta
from math import exp
from typing import Any

from app.catalog.modelling import ModelDoc
from app.validate.fitting import Examples, fit

LEADS, FEATURES = 50_000, 30
START = datetime(2026, 1, 1, tzinfo=UTC)


def fit_s(leads: int = LEADS) -> dict[str, float]:
    """The figures are of the newest fifth, of which nothing was learned. Half of the features say something."""
    doc = ModelDoc.model_validate({"features": [f"f{n}" for n in range(FEATURES)]})
    found = examples(leads)
    began = time.perf_counter()
    fitted = fit(doc, found)
    took = time.perf_counter() - began
    tenths = fitted.tested.calibration
    off = sum(abs(foretold - came) * n for foretold, came, n in tenths) / sum(n for _, _, n in tenths)
    return {
        "fit_s_50k": took, "fit_auc": fitted.tested.auc, "fit_brier": fitted.tested.brier,
        "fit_lift": fitted.tested.lift[0], "fit_off": off,
    }  # fmt: skip


def examples(n: int) -> Examples:
    chance = random.Random(4)
    columns: dict[str, list[Any]] = {
        f"f{one}": [chance.choice("abcde") if one % 5 == 0 else chance.gauss(0, 1) for _ in range(n)]
        for one in range(FEATURES)
    }
    hits = [chance.random() < 1 / (1 + exp(-_odds(columns, i))) for i in range(n)]
    at = [START + timedelta(seconds=i) for i in range(n)]
    return Examples(columns, hits, [50] * n, at)


def _odds(columns: dict[str, list[Any]], i: int) -> float:
    told = (columns[f"f{n}"][i] for n in range(FEATURES // 2))
    return -0.5 + 0.35 * sum(({"a": 1.0}.get(x, 0.0) if isinstance(x, str) else x) for x in told)
