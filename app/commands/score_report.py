"""A fitted score told: its figures as text, and as one page with pictures that needs no network."""

from collections.abc import Sequence
from html import escape

from app.catalog.modelling import TARGETS, Choice, Fitted, Model, ModelDoc, Number, read_model
from app.commands.pictures import bars, calibration
from app.commands.words import columns, points
from app.store.models import Drift, StoredModel
from app.validate.quality import ENOUGH

_PER = 100  # weights are told in hundredths of log-odds, as contributions are: +69 doubles the odds

_STYLE = """
:root { color-scheme: light dark; --text: light-dark(#161b22, #e6e9ee); --soft: light-dark(#56606e, #9da7b5);
  --bg: light-dark(#f4f5f7, #0e1116); --panel: light-dark(#fff, #161a21); --line: light-dark(#e1e5ea, #2a313c);
  --accent: light-dark(#1d4fc4, #8ab0ff); --other: light-dark(#b35900, #f2b866); }
body { margin: 0; font: 14px/1.5 Inter, system-ui, sans-serif; color: var(--text); background: var(--bg); }
main { max-width: 60rem; margin: 0 auto; padding: 24px 16px 64px; } h1 { font-size: 20px; } h2 { font-size: 15px; margin: 0 0 8px; }
section { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: 12px 16px; margin: 16px 0; overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; } th, td { text-align: right; padding: 3px 0 3px 16px; border-top: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; padding-left: 0; overflow-wrap: anywhere; } thead th { border-top: 0; color: var(--soft); font-weight: 550; }
.soft { color: var(--soft); } .warn { color: var(--other); font-weight: 600; } svg { width: 100%; max-width: 34rem; height: auto; display: block; }
svg text { font: 11px system-ui, sans-serif; fill: var(--soft); } .axis { stroke: var(--line); } .even { stroke: var(--soft); stroke-dasharray: 4 4; }
.model { stroke: var(--accent); fill: none; stroke-width: 2; } .points { stroke: var(--other); fill: none; stroke-width: 2; stroke-dasharray: 2 3; }
.dot { fill: var(--accent); } .bar { fill: var(--accent); }
"""


def figures_table(fitted: Fitted) -> list[str]:
    """By tenths of the newest leads, the most probable first: what was foretold, and what came."""
    rows = [("tenth", "leads", "foretold", "came", "lift")]
    tenths = list(reversed(fitted.tested.calibration))
    for i, ((said, came, leads), lift) in enumerate(zip(tenths, fitted.tested.lift, strict=True), 1):
        rows.append((str(i), f"{leads:,}", f"{said:.1%}", f"{came:.1%}", f"{lift:.2f}"))
    return columns(rows, right=range(5))


def comparison(fitted: Fitted) -> list[str]:
    return columns(_compared(fitted), right=(1, 2, 3))


def _compared(fitted: Fitted) -> list[tuple[str, ...]]:
    """The model beside the points, on the same leads."""
    rows: list[tuple[str, ...]] = [("", "AUC", "Brier", "lift of the best tenth")]
    for name, one in (("model", fitted.tested), ("points", fitted.points)):
        rows.append((name, f"{one.auc:.3f}", f"{one.brier:.4f}", f"{one.lift[0]:.2f}"))
    return rows


def weights(fitted: Fitted) -> list[tuple[str, int]]:
    """What moves the odds, the most first: a number for each of its scale, a choice for each of its values."""
    told: list[tuple[str, float]] = []
    for one in fitted.features:
        if isinstance(one, Number):
            told.append((f"{one.name}, each {one.scale:.3g} above {one.mean:.3g}", one.weight))
            told.append((f"{one.name} absent", one.absent))
        else:
            told += _of_choice(one)
    found = [(name, round(fitted.slope * weight * _PER)) for name, weight in told]
    return sorted(((name, n) for name, n in found if n), key=lambda pair: -abs(pair[1]))


def _of_choice(one: Choice) -> list[tuple[str, float]]:
    named = [(f"{one.name} {value}", weight) for value, weight in one.weights.items()]
    return [*named, (f"{one.name} of any other value", one.rare), (f"{one.name} absent", one.absent)]


def page(model: Model, doc: ModelDoc) -> str:
    """Self-contained: no script, nothing fetched, fit for a phone."""
    fitted = model.fitted
    a, b, c = fitted.parts
    title = f"Score {model.id}" if model.version else f"Score of {model.campaign}, not kept"
    warnings = "".join(f'<p class="warn">{escape(one)}</p>' for one in fitted.warnings)
    parts = (
        _section("Beside the points, on the same leads", _table(_compared(fitted))),
        _section(
            "Calibration", calibration(fitted.tested.calibration, fitted.points.calibration)
            + '<p class="soft">What was foretold (across) and what came (up), by tenths. On the dashed line both are '
            "the same. Whole line: the model; dotted: the points.</p>",
        ),
        _section("Lift", bars(fitted.tested.lift) + f'<p class="soft">How many times more often leads were '
            f"{fitted.target} than on average, by tenths, the most probable first.</p>"),
        _section("What moves it", _table([("", "hundredths of log-odds"), *((n, points(w)) for n, w in weights(fitted)[:60])])
            + '<p class="soft">+69 doubles the odds, −69 halves them; counted from the usual lead.</p>'),
    )  # fmt: skip
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{escape(title)}</h1>\n"
        f"<p>How probable it is that a lead becomes <b>{fitted.target}</b>: {escape(TARGETS[fitted.target])}. "
        f"{fitted.leads:,} leads received {fitted.first[:10]} to {fitted.last[:10]}, {fitted.hits:,} of them "
        f"{fitted.target}. Learned from the oldest {a:,}, calibrated with the next {b:,}; all figures are of the newest "
        f"{c:,}, of which nothing was learned. {len(doc.features)} features, L2 {fitted.l2:g}.</p>\n"
        f"{warnings}{''.join(parts)}</main>\n</body>\n</html>\n"
    )


def _section(title: str, inner: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{inner}</section>\n"


def _table(rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in rows[0])
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows[1:])
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def models_table(found: Sequence[StoredModel]) -> list[str]:
    rows = [("model", "fitted", "by", "leads", "AUC", "points", "in force since", "")]
    for one in found:
        told = _figures(one)
        since = (
            ""
            if one.activated_at is None
            else f"{one.activated_at.astimezone():%Y-%m-%d %H:%M} ({one.activated_by})"
        )
        drifted = "drifted" if one.drifted and one.activated_at is not None else ""
        rows.append((one.id, f"{one.fitted_at.astimezone():%Y-%m-%d}", one.fitted_by, *told, since, drifted))
    return columns(rows, right=(3, 4, 5))


def _figures(one: StoredModel) -> tuple[str, str, str]:
    model = read_model(one.campaign, one.version, one.doc)
    if model is None:
        return "?", "?", "?"
    return f"{model.fitted.leads:,}", f"{model.fitted.tested.auc:.3f}", f"{model.fitted.points.auc:.3f}"


def drift_table(found: Sequence[Drift]) -> list[str]:
    rows = [("model", "since", "leads", "PSI", "ended", "foretold", "came", "")]
    for one in found:
        rows.append(
            (
                one.id, f"{one.since.astimezone():%Y-%m-%d}" if one.since else "", f"{one.leads:,}", _n(one.psi, ".3f"),
                f"{one.ended:,}", _n(one.predicted, ".1%"), _n(one.observed, ".1%"), _verdict(one),
            )
        )  # fmt: skip
    return columns(rows, right=(2, 3, 4, 5, 6))


def _verdict(one: Drift) -> str:
    if one.drifted:
        return "drifted"
    return "" if one.leads >= ENOUGH else f"too few leads to tell: {ENOUGH} are enough"


def _n(value: float | None, form: str) -> str:
    return "–" if value is None else f"{value:{form}}"
