"""What an operator can count and time from outside, at 0.2 µs an operation and over several processes."""

import os
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

MOST_SERIES = 1000
"""Label sets of one metric; later ones are counted as OTHER, so that no flood of ids can fill the memory."""
OTHER = "other"

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
STAGE_SECONDS = (0.00005, 0.0001, 0.00025, 0.0005, *SECONDS)
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)

_LABEL = re.compile(r"^[A-Za-z0-9_.:-]{0,64}$")
"""Ids, codes and words. What looks otherwise is no id of ours, and may be somebody's data."""


class Declared(Struct, frozen=True):
    """One metric. A gauge is `summed` over live processes, or is what the answering process says."""

    name: str
    kind: Literal["counter", "histogram", "gauge"]
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    summed: bool = False


METRICS: tuple[Declared, ...] = (
    Declared(
        "leadgate_submissions_total", "counter", "Submissions by how they ended.", ("source", "outcome")
    ),
    Declared("leadgate_refused_total", "counter", "Requests refused, by problem code.", ("code",)),
    Declared("leadgate_leads_total", "counter", "Leads judged.", ("source", "campaign", "verdict")),
    Declared("leadgate_findings_total", "counter", "Findings of checks.", ("check", "code")),
    Declared("leadgate_deliveries_total", "counter", "Deliveries that ended.", ("contract", "outcome")),
    Declared("leadgate_sold_total", "counter", "Leads sold.", ("source", "contract")),
    Declared("leadgate_answers_total", "counter", "Answers given to sources.", ("source", "outcome")),
    Declared(
        "leadgate_channel_visits_total",
        "counter",
        "Visits to channels by how they ended.",
        ("source", "channel", "outcome"),
    ),
    Declared(
        "leadgate_channel_finds_total",
        "counter",
        "What visits found: kept, known, refused.",
        ("source", "channel", "what"),
    ),
    Declared(
        "leadgate_channel_age_seconds",
        "gauge",
        "Since a visit to the channel last went well.",
        ("source", "channel"),
    ),
    Declared(
        "leadgate_channel_failures",
        "gauge",
        "Visits to the channel in a row that came to nothing.",
        ("source", "channel"),
    ),
    Declared(
        "leadgate_score_psi",
        "gauge",
        "How far the leads of a model in force are from those it was learned from.",
        ("campaign",),
    ),
    Declared("leadgate_score_predicted", "gauge", "The rate that a model in force foretold.", ("campaign",)),
    Declared("leadgate_score_observed", "gauge", "The rate that came instead.", ("campaign",)),
    Declared(
        "leadgate_score_drifted", "gauge", "1 for a model in force that people should look at.", ("campaign",)
    ),
    Declared("leadgate_balance_left", "gauge", "What a buyer may be sold, in its currency.", ("buyer",)),
    Declared("leadgate_source_silent", "gauge", "1 for a source silent against its habit.", ("source",)),
    Declared(
        "leadgate_mails_total",
        "counter",
        "Mails by SMTP and LMTP, by how they ended.",
        ("door", "source", "outcome"),
    ),
    Declared(
        "leadgate_callbacks_total",
        "counter",
        "Tries to tell sources, by how they ended.",
        ("source", "outcome"),
    ),
    Declared(
        "leadgate_feedback_total",
        "counter",
        "What buyers told of their leads, item by item.",
        ("type", "outcome"),
    ),
    Declared(
        "leadgate_fetches_total",
        "counter",
        "Turns of leads that a platform only named, by how they ended.",
        ("platform", "outcome"),
    ),
    Declared(
        "leadgate_look_ups_total",
        "counter",
        "Look-ups over the network, by how they ended.",
        ("service", "became"),
    ),
    Declared(
        "leadgate_look_up_cost_total",
        "counter",
        "What look-ups cost, in a currency.",
        ("service", "currency"),
    ),
    Declared(
        "leadgate_look_up_seconds", "histogram", "How long leads waited for a service.", ("service",), SECONDS
    ),
    Declared(
        "leadgate_breaker", "gauge", "0: a service is asked; 1: one lead tries; 2: it rests.", ("service",)
    ),
    Declared("leadgate_contract_resting", "gauge", "1 for a contract whose buyer fails.", ("contract",)),
    Declared(
        "leadgate_contract_rests_total", "counter", "How often a contract began to rest.", ("contract",)
    ),
    Declared("leadgate_proof_overdue", "gauge", "Hand-overs not proved by the agreed time.", ("contract",)),
    Declared(
        "leadgate_bundles_total", "counter", "Files of many leads, by outcome.", ("contract", "outcome")
    ),
    Declared("leadgate_acknowledged_total", "counter", "Rows of buyers' own files.", ("contract", "what")),
    Declared("leadgate_acknowledging_failures", "gauge", "Looks in a row in vain.", ("contract",)),
    Declared("leadgate_acknowledgements_unread_total", "counter", "Answers not read.", ("contract", "why")),
    Declared("leadgate_pings_total", "counter", "Pings by how they ended.", ("source", "outcome")),
    Declared("leadgate_bids_total", "counter", "Bids asked for, by outcome.", ("contract", "outcome")),
    Declared("leadgate_ping_seconds", "histogram", "From a ping to its answer.", ("source",), SECONDS),
    Declared(
        "leadgate_pool_claims_total",
        "counter",
        "Claims of leads in a pool by what became of them, and leads that nobody claimed.",
        ("contract", "became"),
    ),
    Declared("leadgate_pool_leads", "gauge", "Leads in a pool: free, claimed.", ("contract", "state")),
    Declared("leadgate_pool_oldest_seconds", "gauge", "Age of a pool's oldest free lead.", ("contract",)),
    Declared("leadgate_retries_total", "counter", "Transactions begun anew.", ("cause",)),
    Declared(
        "leadgate_attempt_seconds",
        "histogram",
        "One conversation with a buyer.",
        ("contract", "outcome"),
        SECONDS,
    ),
    Declared(
        "leadgate_stage_seconds",
        "histogram",
        "A batch in one stage: receive, map, evidence, judge, route, commit, record.",
        ("stage",),
        STAGE_SECONDS,
    ),
    Declared("leadgate_answer_seconds", "histogram", "From request to answer.", ("source",), SECONDS),
    Declared("leadgate_flush_rows", "histogram", "Rows written by one flush.", ("flush",), ROWS),
    Declared("leadgate_batch_rows_total", "counter", "Rows of batches.", ("source", "result")),
    Declared("leadgate_batches", "gauge", "Batches in progress.", ("state",)),
    Declared("leadgate_queue_depth", "gauge", "What waits in a queue.", ("queue",)),
    Declared("leadgate_waiting_leads", "gauge", "Leads to be offered again.", ("campaign",)),
    Declared("leadgate_queue_oldest_seconds", "gauge", "Age of the oldest in a queue.", ("queue",)),
    Declared("leadgate_inflight", "gauge", "Requests being worked on, all processes.", summed=True),
    Declared("leadgate_database_up", "gauge", "1 when the database answers."),
    Declared("leadgate_catalogue_version", "gauge", "The version of the catalogue in use."),
)

Labels = tuple[str, ...]


class _Snapshot(Struct, array_like=True):
    """By metric name: pairs of labels and value; a histogram's value is its buckets' counts and the sum."""

    pid: int
    single: dict[str, list[tuple[Labels, float]]]
    histograms: dict[str, list[tuple[Labels, list[float]]]]


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(_Snapshot)


class Metrics:
    """One process's counts. Only what is declared exists; a name or a number of labels that isn't is a bug.

    For one thread (the loop's): an addition is not atomic.
    """

    def __init__(self, declared: Iterable[Declared] = METRICS, *, most_series: int = MOST_SERIES) -> None:
        self._declared = {d.name: d for d in declared}
        self._most = most_series
        kinds = {n: d.kind for n, d in self._declared.items()}
        self._counters: dict[str, dict[Labels, float]] = {n: {} for n, k in kinds.items() if k == "counter"}
        self._gauges: dict[str, dict[Labels, float]] = {n: {} for n, k in kinds.items() if k == "gauge"}
        self._histograms: dict[str, tuple[tuple[float, ...], dict[Labels, list[float]]]] = {
            n: (self._declared[n].buckets, {}) for n, k in kinds.items() if k == "histogram"
        }

    def count(self, name: str, labels: Labels = (), n: float = 1) -> None:
        series = self._counters[name]
        if labels in series:
            series[labels] += n
        else:
            labels = self._admit(name, labels, len(series))
            series[labels] = series.get(labels, 0) + n

    def observe(self, name: str, labels: Labels, value: float) -> None:
        """`value` in the metric's unit: seconds, or rows."""
        bounds, series = self._histograms[name]
        held = series.get(labels)
        if held is None:
            labels = self._admit(name, labels, len(series))
            held = series.setdefault(labels, [0] * (len(bounds) + 2))
        held[bisect_left(bounds, value)] += 1
        held[-1] += value

    def gauge(self, name: str, labels: Labels, value: float) -> None:
        series = self._gauges[name]
        if labels not in series:
            labels = self._admit(name, labels, len(series))
        series[labels] = value

    def forget(self, name: str) -> None:
        """Drop a gauge's values, before they are read anew: a queue that is gone shows no old depth."""
        self._gauges[name].clear()

    def snapshot(self) -> bytes:
        singles = {n: list(s.items()) for n, s in (self._counters | self._gauges).items() if s}
        histograms = {n: list(s.items()) for n, (_, s) in self._histograms.items() if s}
        return _ENCODER.encode(_Snapshot(os.getpid(), singles, histograms))

    def _admit(self, name: str, labels: Labels, series: int) -> Labels:
        """The labels under which a new label set is counted."""
        if len(labels) != len(self._declared[name].labels):
            raise ValueError(f"{name} has the labels {self._declared[name].labels}")
        if series >= self._most:
            return (OTHER,) * len(labels)
        return tuple(label if _LABEL.match(label) else OTHER for label in labels)


class Merged(Collector):
    """The sum of several processes, which Prometheus can collect."""

    def __init__(self, declared: Iterable[Declared]) -> None:
        self._declared = tuple(declared)
        self._kinds = {d.name: d for d in self._declared}
        self._single: dict[str, dict[Labels, float]] = {}
        self._histograms: dict[str, dict[Labels, list[float]]] = {}

    def add(self, snapshot: bytes) -> None:
        """A later snapshot's value of a gauge that isn't summed replaces an earlier one's."""
        try:
            read = _DECODER.decode(snapshot)
        except msgspec.MsgspecError:
            return  # of another version, or not whole: what can be told is told
        for name, series in read.single.items():
            self._add_single(name, series)
        for name, buckets in read.histograms.items():
            self._add_histogram(name, buckets)

    def _add_single(self, name: str, series: list[tuple[Labels, float]]) -> None:
        metric = self._kinds.get(name)
        if metric is None:
            return
        if metric.kind == "gauge" and not metric.summed:
            self._single[name] = dict(series)
            return
        held = self._single.setdefault(name, {})
        for labels, value in series:
            held[labels] = held.get(labels, 0) + value

    def _add_histogram(self, name: str, series: list[tuple[Labels, list[float]]]) -> None:
        metric = self._kinds.get(name)
        if metric is None:
            return
        held = self._histograms.setdefault(name, {})
        for labels, values in series:
            if len(values) == len(metric.buckets) + 2:
                before = held.get(labels) or [0] * len(values)
                held[labels] = [a + b for a, b in zip(before, values, strict=True)]

    def collect(self) -> Iterator[Family]:
        for metric in self._declared:
            if metric.kind == "histogram":
                yield self._histogram(metric)
                continue
            family = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
            made = family(metric.name, metric.help, labels=metric.labels)
            for labels, value in sorted(self._single.get(metric.name, {}).items()):
                made.add_metric(labels, value)
            yield made

    def _histogram(self, metric: Declared) -> HistogramMetricFamily:
        made = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
        bounds = [str(float(bound)) for bound in metric.buckets] + ["+Inf"]
        for labels, (*counts, total) in sorted(self._histograms.get(metric.name, {}).items()):
            running, buckets = 0.0, []
            for bound, count in zip(bounds, counts, strict=True):
                running += count
                buckets.append((bound, running))
            made.add_metric(labels, buckets, total)
        return made


def merge(snapshots: Iterable[bytes], declared: Iterable[Declared] = METRICS) -> Merged:
    """All snapshots as one; the answering process's own comes last."""
    merged = Merged(declared)
    for snapshot in snapshots:
        merged.add(snapshot)
    return merged


def expose(snapshots: Iterable[bytes], declared: Iterable[Declared] = METRICS) -> bytes:
    """The text that Prometheus reads (content type `text/plain; version=0.0.4; charset=utf-8`)."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(merge(snapshots, declared))
    return generate_latest(registry)


class Sharing:
    """One file a process in a folder that all processes of a service share: `PID.bin`, replaced as a whole.

    `write` once a second and at exit. Counts of processes that ended stay; their gauges don't.
    """

    def __init__(self, folder: Path, metrics: Metrics, declared: Iterable[Declared] = METRICS) -> None:
        self._folder, self._metrics = folder, metrics
        self._gauges = {d.name for d in declared if d.kind == "gauge"}
        self._mine = folder / f"{os.getpid()}.bin"
        folder.mkdir(parents=True, exist_ok=True)
        self._keep_former()

    def write(self) -> None:
        self._replace(self._mine, self._metrics.snapshot())

    def read_all(self) -> list[bytes]:
        """Of all processes, this one's last and fresh."""
        others = (path for path in sorted(self._folder.glob("*.bin")) if path != self._mine)
        return [*(s for path in others if (s := self._read(path))), self._metrics.snapshot()]

    @staticmethod
    def clear(folder: Path) -> None:
        """At the start of the service, before any process of it: counters begin at nought."""
        for path in [*folder.glob("*.bin"), *folder.glob("*.part")]:
            path.unlink(missing_ok=True)

    def _keep_former(self) -> None:
        """A process that ended may have had our number: its counts move aside."""
        for n in range(1, 1_000_000):
            aside = self._folder / f"{os.getpid()}-{n}.bin"
            if not aside.exists():
                break
        try:
            self._mine.rename(aside)
        except FileNotFoundError:
            pass

    def _read(self, path: Path) -> bytes | None:
        try:
            snapshot = path.read_bytes()
            return snapshot if _alive(path.stem) else self._without_gauges(snapshot)
        except (OSError, msgspec.MsgspecError):
            return None

    def _without_gauges(self, snapshot: bytes) -> bytes:
        read = _DECODER.decode(snapshot)
        kept = {name: series for name, series in read.single.items() if name not in self._gauges}
        return _ENCODER.encode(_Snapshot(read.pid, kept, read.histograms))

    @staticmethod
    def _replace(path: Path, content: bytes) -> None:
        part = path.with_suffix(".part")
        part.write_bytes(content)
        part.replace(path)


def _alive(stem: str) -> bool:
    """A number set aside (`PID-1`) is that of a process that ended."""
    if not stem.isdecimal():
        return False
    try:
        os.kill(int(stem), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
