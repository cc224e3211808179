"""The table of a bench: figures, their ratios to the no-op, and whether the targets of the design are met."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Figures = Mapping[str, Any]


@dataclass(frozen=True)
class Goal:
    """One promise about speed: which figure, how it is told, and when it is met."""

    figure: str
    what: str
    told: str
    met: Callable[[float], bool]
    target: str


GOALS = (
    Goal("ack_ratio", "acknowledged / no-op", "{:.3f}", lambda x: x >= 0.5, ">= 0.5"),
    Goal(
        "ack_vs_one_commit", "acknowledged / one commit per request", "{:.2f}", lambda x: x >= 1.8, ">= 1.8"
    ),
    Goal("path_ratio", "whole path / no-op", "{:.4f}", lambda x: x >= 0.08, ">= 0.08"),
    Goal("path_200_ratio", "… with 200 contracts, caps, turns", "{:.4f}", lambda x: x >= 0.08, ">= 0.08"),
    Goal("checks_per_s_core", "checks, leads/s a core", "{:,.0f}", lambda x: x >= 3000, ">= 3,000"),
    Goal("route_ms_5000", "one lead among 5,000 contracts, ms", "{:.3f}", lambda x: x <= 1.0, "<= 1"),
    Goal("area_ms_5000", "where half list 1,000 postal codes, ms", "{:.3f}", lambda x: x <= 1.0, "<= 1"),
    Goal(
        "auction_ms_over_slowest",
        "auction of 20, ms after the last answer",
        "{:.2f}",
        lambda x: x <= 10,
        "<= 10",
    ),
    Goal(
        "auction_ms_over_deadline",
        "… ms after the deadline that ends it",
        "{:.2f}",
        lambda x: x <= 10,
        "<= 10",
    ),
    Goal("fit_s_50k", "a score learned of 50,000 × 30, s", "{:.1f}", lambda x: x <= 10, "<= 10"),
    Goal("fit_auc", "… AUC where there is something to tell", "{:.3f}", lambda x: x >= 0.75, ">= 0.75"),
    Goal("fit_off", "… what was foretold off what came", "{:.3f}", lambda x: x <= 0.03, "<= 0.03"),
    Goal("list_mb_20m", "20 M phones on a list, MB on disk", "{:.0f}", lambda x: x <= 1000, "<= 1,000"),
    Goal("list_batch_ms", "… a batch of 64 looked up, ms", "{:.2f}", lambda x: x <= 10, "<= 10"),
    Goal("stored_ratio", "a lead beside 200 k stored / 10 k", "{:.2f}", lambda x: x <= 1.3, "<= 1.3"),
    Goal("import_per_s", "import of a CSV, rows/s durable", "{:,.0f}", lambda x: x >= 5000, ">= 5,000"),
    Goal("import_rss_mb", "… RSS of a process meanwhile, MB", "{:.0f}", lambda x: x <= 400, "<= 400"),
    Goal("import_api_p99_ms", "… single leads' p99 meanwhile, ms", "{:.0f}", lambda x: x <= 500, "<= 500"),
    Goal("rss_mb_100k", "RSS of a process after 100 k leads, MB", "{:.0f}", lambda x: x <= 300, "<= 300"),
    Goal("rss_growth_mb_per_100k", "… and growth per 100 k after, MB", "{:+.1f}", lambda x: x <= 10, "<= 10"),
)

PHASES = ("noop", "one_commit", "ack", "path", "path_200")
_WHAT = {
    "noop": "no-op: read, decode, answer",
    "one_commit": "one commit per request",
    "ack": "durable acknowledgement (receipt)",
    "path": "whole path, 2 contracts (sold)",
    "path_200": "whole path, 200 contracts, caps, turns",
}


def table(figures: Figures) -> str:
    """Columns that grep; the figures of a phase first, then the goals."""
    lines = [f"{'':42}{'per s':>10}{'/ no-op':>10}{'p50 ms':>10}{'p99 ms':>10}"]
    for phase in PHASES:
        if f"{phase}_per_s" in figures:
            lines.append(_row(phase, figures))
    for drain in [figures["drain_per_s"]] if "drain_per_s" in figures else []:
        lines.append(
            f"{'backlog of acknowledged leads, delivered':42}{drain:>10,.0f}   in {figures['drain_s']:.1f} s"
        )
    for name in sorted(name for name in figures if name.startswith("parse_")):
        said = f"reading {name.removeprefix('parse_').removesuffix('_per_s')}, leads/s a core"
        lines.append(f"{said:42}{figures[name]:>10,.0f}")
    lines += ["", f"{'goal':42}{'here':>10}{'target':>10}"]
    for goal in GOALS:
        if goal.figure in figures:
            value = figures[goal.figure]
            lines.append(
                f"{goal.what:42}{goal.told.format(value):>10}{goal.target:>10}   {verdict(goal, value)}"
            )
    return "\n".join(lines)


def verdict(goal: Goal, value: float) -> str:
    return "met" if goal.met(value) else "NOT MET"


def _row(phase: str, figures: Figures) -> str:
    ratio = f"{figures[f'{phase}_ratio']:.4f}" if f"{phase}_ratio" in figures else ""
    p50, p99 = figures[f"{phase}_p50_ms"], figures[f"{phase}_p99_ms"]
    return f"{_WHAT[phase]:42}{figures[f'{phase}_per_s']:>10,.0f}{ratio:>10}{p50:>10.1f}{p99:>10.1f}"
