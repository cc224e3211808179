"""A plan as the command line shows it (CONSOLE.md §7)."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

from app.catalog.documents import Catalogue
from app.catalog.planning import Caution, Change, Detail, Plan
from app.catalog.problems import counted

_MARKS = {"added": "+", "changed": "~", "paused": "-", "kept": "·"}
_LONGEST = 200
_KEPT_SHOWN = 3
"""So many objects that the files say nothing of are named; more are counted."""


def heading(files: Iterable[str], wanted: Catalogue) -> str:
    """What was read."""
    contracts = sum(len(buyer.contracts) for buyer in wanted.buyers)
    counts = (
        (len(wanted.lists), "list"),
        (len(wanted.enrichers), "enricher"),
        (len(wanted.campaigns), "campaign"),
        (len(wanted.sources), "source"),
        (len(wanted.buyers) if not contracts else 0, "buyer"),
        (contracts, "contract"),
    )
    read = ", ".join(counted(n, noun) for n, noun in counts if n) or "nothing"
    return f"{', '.join(files)}: {read} read, all expressions compile"


def render(
    plan: Plan, *, head: str = "", effects: Mapping[str, str] | None = None, applied: int | None = None
) -> str:
    """`effects`: contract id → what its new filter would have matched. `applied`: the version it became."""
    lines = [f"  {head}", ""] if head else []
    kept = [change for change in plan.changes if change.action == "kept"]
    counts = len(kept) > _KEPT_SHOWN
    for change in plan.changes:
        if counts and change.action == "kept":
            continue
        mine = [w for w in plan.warnings if (w.kind, w.id) == (change.kind, change.id)]
        lines += _object(
            change, mine, (effects or {}).get(change.id, "") if change.kind == "contract" else ""
        )
    if counts:
        lines.append(_kept(kept))
    changed = {(change.kind, change.id) for change in plan.changes}
    lines += [_headed("!", w.kind, w.id, w.text) for w in plan.warnings if (w.kind, w.id) not in changed]
    if len(lines) > 2 or (lines and not head):
        lines.append("")
    return "\n".join([*lines, _summary(plan, applied)])


def _kept(changes: Iterable[Change]) -> str:
    """In the order of kinds, as they come."""
    counts = (
        counted(len(list(group)), kind) for kind, group in groupby(changes, key=lambda change: change.kind)
    )
    return f"  {_MARKS['kept']} not in the file: {', '.join(counts)} kept (--prune pauses them)"


def document(plan: Plan, applied: int | None = None) -> dict[str, Any]:
    """The plan for programs: what is kept is left out, a secret is told by name alone."""
    return {
        "against": plan.against, "version": applied,
        "changes": [_changed(one) for one in plan.changes if one.action != "kept"],
        "warnings": [{"kind": w.kind, "id": w.id, "path": w.path, "message": w.text} for w in plan.warnings],
    }  # fmt: skip


def _changed(change: Change) -> dict[str, Any]:
    details = [
        {"path": one.path, "secret": True}
        if one.secret
        else {"path": one.path, "old": one.old, "new": one.new}
        for one in change.details
    ]
    return {"action": change.action, "kind": change.kind, "id": change.id, "details": details}


def hints(plan: Plan) -> Iterator[str]:
    """What to know of it that is no fault: a file that says nothing of tests means what it says."""
    live = {source.id for source in plan.result.sources if not (source.test or source.paused)}
    for change in plan.changes:
        if (change.action, change.kind) == ("added", "source") and change.id in live:
            yield (
                f"source {change.id} takes live leads from its first post; with `test: true` it would take tests "
                f"until `leadgate source live {change.id}`"
            )


def _object(change: Change, warnings: list[Caution], effect: str) -> Iterator[str]:
    mark = "!" if warnings else _MARKS[change.action]
    if len(change.details) == 1 and len(warnings) == 1 and warnings[0].path == change.details[0].path:
        detail = change.details[0]
        yield _headed(mark, change.kind, change.id, f"{detail.path} {_arrow(detail)}: {warnings[0].text}")
        return
    beside = {detail.path for detail in change.details}
    texts = [change.note, *(w.text for w in warnings if w.path not in beside)]
    yield _headed(mark, change.kind, change.id, "; ".join(text for text in texts if text))
    width = max((len(detail.path) for detail in change.details), default=0)
    for detail in change.details:
        doubts = "".join(f": {w.text}" for w in warnings if w.path == detail.path)
        yield f"      {detail.path:<{max(width, 15)}} {_arrow(detail)}{doubts}"
        if detail.path == "when" and effect:
            yield f"      {'':<{max(width, 15)}} {effect}"


def _headed(mark: str, kind: str, id_: str, text: str) -> str:
    return f"  {mark} {f'{kind} {id_}':<34} {text}".rstrip()


def _arrow(detail: Detail) -> str:
    if detail.note:
        return detail.note
    if detail.secret:
        return (
            "secret changed"
            if detail.old and detail.new
            else f"secret {'added' if detail.new else 'removed'}"
        )
    old, new = _cut(detail.old), _cut(detail.new)
    if detail.old is None or detail.new is None:
        return f"+ {new}" if detail.old is None and detail.new else f"- {old}"
    gap = "  " if " " in old or " " in new else " "
    return f"{old}{gap}→{gap}{new}"


def _cut(text: str | None) -> str:
    one_line = " ".join((text or "").split())
    return one_line if len(one_line) <= _LONGEST else one_line[: _LONGEST - 1] + "…"


def _summary(plan: Plan, applied: int | None) -> str:
    if plan.empty:
        return "Nothing to change."
    paused = plan.count("paused")
    counts = [
        f"{plan.count('added')} to add",
        f"{plan.count('changed')} to change",
        f"{paused} to pause" if paused else "0 to remove",
    ]
    if plan.warnings:
        counts.append(counted(len(plan.warnings), "warning"))
    end = "Nothing was changed." if applied is None else f"Now v{applied}."
    return f"Plan: {', '.join(counts)}.   Against v{plan.against}. {end}"
