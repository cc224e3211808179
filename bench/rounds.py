"""Alternating runs: every phase once in a round, ratios within the round, the median of the rounds at the end."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from bench.load import Load, Run, Target, Wrong
from bench.service import Drain, Service, Sink

Say = Callable[[str], None]
NEEDS = {"ack": ("noop", "one_commit"), "path": ("noop",), "path_200": ("noop",)}
MEMORY_AT = 100_000


@dataclass
class Bench:
    """Runs phases and keeps every run; nothing is averaged before the end."""

    load: Load
    baseline: int
    sink: Sink
    service: Service | None
    seconds: float
    say: Say
    runs: dict[str, list[Run]] = field(default_factory=dict)
    drains: list[Drain] = field(default_factory=list)
    leads: int = 0
    rss: list[tuple[int, float]] = field(default_factory=list)

    def warm(self, phases: Sequence[str]) -> None:
        """A second of each, every answer looked at: a phase that answers wrongly ends the bench here."""
        for phase in phases:
            self._phase(phase, 1, verify=True)
        self.drains.clear()

    def round(self, phases: Sequence[str]) -> None:
        for phase in phases:
            run = self._phase(phase, self.seconds, verify=False)
            self.runs.setdefault(phase, []).append(run)
            self.say(f"  {phase:12}{run.per_s:>10,.0f}/s   p50 {run.p50_ms:.1f} ms   p99 {run.p99_ms:.1f} ms")

    def _phase(self, phase: str, seconds: float, *, verify: bool) -> Run:
        if phase in ("noop", "one_commit"):
            target = Target(f"http://127.0.0.1:{self.baseline}/{phase}", "none", '"outcome":"success"')
            return self.load.run(target, seconds, verify=verify)
        assert self.service is not None
        before, told = self.sink.posts(), self.service.answers(phase)
        run = self.load.run(self.service.target(phase), seconds, verify=verify)
        if phase.startswith("path"):
            _all_sold(phase, run, self.service.answers(phase) - told)
        # Every lead that was answered must be with the buyer: at once on the path, after a while behind a receipt.
        drain = self.sink.drained(before, run.requests)
        self.leads += run.requests
        self.rss.append((self.leads, self.service.rss_mb()))
        if phase == "ack":
            self.drains.append(drain)
            self.say(
                f"  {'':12}{drain.leads:>10,} acknowledged leads were with the buyer {drain.seconds:.1f} s later"
            )
        return run

    def fill(self, leads: int) -> None:
        """Acknowledge and drain until the service has had so many leads."""
        while self.leads < leads:
            self._phase("ack", self.seconds, verify=False)

    def memory(self) -> dict[str, float]:
        """RSS at 100 k leads and how it went on; the growth is a slope, so that longer runs compare."""
        self.fill(MEMORY_AT)
        at, first = next(point for point in self.rss if point[0] >= MEMORY_AT)
        if self.leads < at * 1.5:
            self.fill(int(at * 1.5))
        last_at, last = self.rss[-1]
        return {"rss_mb_100k": first, "rss_growth_mb_per_100k": (last - first) / (last_at - at) * 100_000}

    def figures(self) -> dict[str, Any]:
        """Medians over the rounds; a ratio is the median of ratios within rounds."""
        out: dict[str, Any] = {}
        for phase, runs in self.runs.items():
            out[f"{phase}_per_s"] = median(r.per_s for r in runs)
            out[f"{phase}_p50_ms"] = median(r.p50_ms for r in runs)
            out[f"{phase}_p99_ms"] = median(r.p99_ms for r in runs)
            if phase != "noop" and "noop" in self.runs:
                out[f"{phase}_ratio"] = self._ratio(phase, "noop")
        if "ack" in self.runs and "one_commit" in self.runs:
            out["ack_vs_one_commit"] = self._ratio("ack", "one_commit")
        if self.drains:
            out["drain_s"] = median(d.seconds for d in self.drains)
            out["drain_per_s"] = median(d.leads / d.seconds for d in self.drains if d.seconds)
        return out

    def _ratio(self, phase: str, to: str) -> float:
        return median(a.per_s / b.per_s for a, b in zip(self.runs[phase], self.runs[to], strict=True))


def _all_sold(phase: str, run: Run, told: Counter[str]) -> None:
    """By the service's own count, which costs the load nothing: looking at each answer takes wrk a fifth of a core."""
    if told.keys() != {"success"} or told["success"] < run.requests:
        raise Wrong(
            f"{phase}: {run.requests} answers came, and the service gave {dict(told)}: not all were of a sale"
        )


def with_needs(phases: Sequence[str]) -> list[str]:
    """The phases asked for and those their ratios need, in the order of running."""
    wanted = {*phases, *(need for phase in phases for need in NEEDS.get(phase, ()))}
    return [p for p in ("noop", "one_commit", "ack", "path", "path_200") if p in wanted]
