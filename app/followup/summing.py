"""What became of a lead at all of its buyers, in a few words that its source may read: codes, and nobody's name."""

from collections.abc import Sequence
from typing import Any

from app.catalog.telling import UNMAPPED, group_of
from app.store.feedback import Lane

_RANK = ("attempted", "contacted", "qualified", "won")
_REACHED = ("contacted", "qualified", "won")
_FINAL = ("won", "lost", "bad")


def summary(lanes: Sequence[Lane], *, coarse: bool = False) -> dict[str, Any] | None:
    """None while nothing was told. `coarse`: a source that hears no reasons."""
    told = [_groups(lane) for lane in lanes]
    if not any(told) and not any(lane.returned for lane in lanes):
        return None
    best = max((_RANK.index(one) for groups in told for one in groups if one in _RANK), default=None)
    reasons = [lane.reason for lane in lanes if lane.reason]
    reasons += [code for lane in lanes for code in lane.codes if group_of(code) in ("lost", "bad")]
    return {
        "sold": len(lanes), "returned": sum(lane.returned for lane in lanes),
        "reached": sum(any(one in _REACHED for one in groups) for groups in told),
        "best": None if best is None else _RANK[best], "reasons": [] if coarse else list(dict.fromkeys(reasons)),
        "final": all(
            lane.returned or bool(groups and groups[-1] in _FINAL) for lane, groups in zip(lanes, told, strict=True)
        ),
    }  # fmt: skip


def _groups(lane: Lane) -> list[str]:
    return [group_of(code) for code in lane.codes if code != UNMAPPED]
