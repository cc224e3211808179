import os
import re
import subprocess
import sys

import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.core.metrics import METRICS, Declared, Metrics, Sharing, expose

COUNT, TIME = "leadgate_leads_total", "leadgate_attempt_seconds"
PERSONAL = {"email", "phone", "name", "ip", "lead", "person", "url", "key", "reason", "message"}


def exposed(*snapshots: bytes) -> dict[str, float]:
    """`name{a="b"}` → value, read by Prometheus's own parser."""
    found = {}
    for family in text_string_to_metric_families(expose(snapshots).decode()):
        for sample in family.samples:
            labels = ",".join(f'{k}="{v}"' for k, v in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def test_a_counter_counts_by_its_labels():
    metrics = Metrics()
    metrics.count(COUNT, ("acme", "solar", "accepted"))
    metrics.count(COUNT, ("acme", "solar", "accepted"), 2)
    metrics.count(COUNT, ("acme", "solar", "rejected"))
    seen = exposed(metrics.snapshot())
    assert seen['leadgate_leads_total{campaign="solar",source="acme",verdict="accepted"}'] == 3
    assert seen['leadgate_leads_total{campaign="solar",source="acme",verdict="rejected"}'] == 1


def test_a_histogram_has_cumulative_buckets_that_include_their_bound():
    metrics = Metrics()
    for seconds in (0.001, 0.0011, 0.3, 99):
        metrics.observe(TIME, ("c", "Accepted"), seconds)
    seen = exposed(metrics.snapshot())

    def bucket(le: str) -> float:
        return seen[f'leadgate_attempt_seconds_bucket{{contract="c",le="{le}",outcome="Accepted"}}']

    assert [bucket(le) for le in ("0.001", "0.0025", "0.25", "0.5", "30.0", "+Inf")] == [1, 2, 2, 3, 3, 4]
    assert seen['leadgate_attempt_seconds_count{contract="c",outcome="Accepted"}'] == 4
    assert seen['leadgate_attempt_seconds_sum{contract="c",outcome="Accepted"}'] == pytest.approx(99.3021)


def test_help_and_type_of_every_metric_are_told_even_when_nothing_happened():
    text = expose([]).decode()
    for metric in METRICS:
        assert f"# HELP {metric.name} {metric.help}\n# TYPE {metric.name} {metric.kind}\n" in text


def test_processes_are_summed_but_a_gauge_of_the_database_is_what_the_last_one_says():
    snapshots = []
    for depth in (7, 5):
        metrics = Metrics()
        metrics.count("leadgate_refused_total", ("no_key",), 2)
        metrics.observe("leadgate_flush_rows", ("journal",), 64)
        metrics.gauge("leadgate_inflight", (), 10)
        metrics.gauge("leadgate_queue_depth", ("deliveries",), depth)
        snapshots.append(metrics.snapshot())
    seen = exposed(*snapshots)
    assert seen['leadgate_refused_total{code="no_key"}'] == 4
    assert seen['leadgate_flush_rows_bucket{flush="journal",le="64.0"}'] == 2
    assert seen['leadgate_flush_rows_sum{flush="journal"}'] == 128
    assert seen["leadgate_inflight"] == 20
    assert seen['leadgate_queue_depth{queue="deliveries"}'] == 5


def test_a_gauge_that_is_forgotten_is_not_told():
    metrics = Metrics()
    metrics.gauge("leadgate_queue_depth", ("deliveries",), 7)
    metrics.forget("leadgate_queue_depth")
    assert "leadgate_queue_depth{" not in str(exposed(metrics.snapshot()))


def test_label_sets_beyond_the_most_are_counted_together():
    metrics = Metrics(most_series=2)
    for source in ("a", "b", "c", "d", "a"):
        metrics.count("leadgate_answers_total", (source, "success"))
        metrics.observe("leadgate_answer_seconds", (source,), 1)
    seen = exposed(metrics.snapshot())
    told = {k: v for k, v in seen.items() if k.startswith("leadgate_answers_total")}
    assert list(told.values()) == [2, 1, 2]
    assert seen['leadgate_answers_total{outcome="other",source="other"}'] == 2
    assert seen['leadgate_answer_seconds_count{source="other"}'] == 2


@pytest.mark.parametrize(
    "label", ["anna@example.com", "+1 202 555 0142", "Anna Miller", 'a"}\n', "x" * 65, "é"]
)
def test_a_label_that_is_no_id_is_not_told(label):
    metrics = Metrics()
    metrics.count("leadgate_refused_total", (label,))
    metrics.count("leadgate_refused_total", (label,))
    assert exposed(metrics.snapshot())['leadgate_refused_total{code="other"}'] == 2


def test_what_is_not_declared_is_a_bug():
    metrics = Metrics()
    with pytest.raises(KeyError):
        metrics.count("leadgate_unknown_total", ())
    with pytest.raises(ValueError, match="labels"):
        metrics.count(COUNT, ("acme",))
    with pytest.raises(KeyError):
        metrics.count(TIME, ("c", "Accepted"))


@pytest.mark.parametrize("metric", METRICS, ids=lambda m: m.name)
def test_declarations_follow_the_rules_of_prometheus_and_of_privacy(metric: Declared):
    assert re.fullmatch(r"leadgate_[a-z_]+", metric.name)
    assert metric.name.endswith("_total") is (metric.kind == "counter")
    assert bool(metric.buckets) is (metric.kind == "histogram")
    assert list(metric.buckets) == sorted(set(metric.buckets))
    assert metric.help.endswith(".")
    assert not PERSONAL & set(metric.labels)


def test_each_metric_is_declared_once():
    assert len({metric.name for metric in METRICS}) == len(METRICS)


@pytest.mark.parametrize("noise", [b"", b"\xc1", b"[]", b"\x93\x01\x80", bytes(100)])
def test_a_snapshot_that_cant_be_read_takes_nothing_from_the_others(noise):
    metrics = Metrics()
    metrics.count("leadgate_refused_total", ("no_key",))
    assert exposed(noise, metrics.snapshot())['leadgate_refused_total{code="no_key"}'] == 1


def test_counts_of_a_process_that_ended_stay_and_its_gauges_do_not(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    gone, here = Metrics(), Metrics()
    for metrics in (gone, here):
        metrics.count("leadgate_refused_total", ("no_key",))
        metrics.observe("leadgate_answer_seconds", ("acme",), 1)
        metrics.gauge("leadgate_inflight", (), 3)
    (tmp_path / f"{ended.pid}.bin").write_bytes(gone.snapshot())
    seen = exposed(*Sharing(tmp_path, here).read_all())
    assert seen['leadgate_refused_total{code="no_key"}'] == 2
    assert seen['leadgate_answer_seconds_count{source="acme"}'] == 2
    assert seen["leadgate_inflight"] == 3


def test_gauges_of_a_process_that_lives_are_summed(tmp_path):
    other, here = Metrics(), Metrics()
    other.gauge("leadgate_inflight", (), 3)
    here.gauge("leadgate_inflight", (), 4)
    (tmp_path / f"{os.getppid()}.bin").write_bytes(other.snapshot())
    assert exposed(*Sharing(tmp_path, here).read_all())["leadgate_inflight"] == 7


def test_a_process_tells_its_own_counts_once_and_fresh(tmp_path):
    metrics = Metrics()
    sharing = Sharing(tmp_path / "metrics", metrics)
    metrics.count("leadgate_refused_total", ("no_key",))
    sharing.write()
    metrics.count("leadgate_refused_total", ("no_key",))
    assert exposed(*sharing.read_all())['leadgate_refused_total{code="no_key"}'] == 2
    assert sorted(path.name for path in (tmp_path / "metrics").iterdir()) == [f"{os.getpid()}.bin"]


def test_a_process_that_got_the_number_of_a_former_one_keeps_its_counts(tmp_path):
    for _ in range(3):
        metrics = Metrics()
        metrics.count("leadgate_refused_total", ("no_key",))
        metrics.gauge("leadgate_inflight", (), 1)
        sharing = Sharing(tmp_path, metrics)
        sharing.write()
    seen = exposed(*sharing.read_all())
    assert seen['leadgate_refused_total{code="no_key"}'] == 3
    assert seen["leadgate_inflight"] == 1


def test_a_service_that_starts_clears_what_a_former_one_left(tmp_path):
    (tmp_path / "1.bin").write_bytes(b"old")
    (tmp_path / "1.part").write_bytes(b"torn")
    Sharing.clear(tmp_path)
    Sharing.clear(tmp_path / "not there")
    assert list(tmp_path.iterdir()) == []
