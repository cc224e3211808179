"""A bench that flatters is worse than none: wrong answers fail it, and targets are told as they are."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.catalog.reading import read
from app.components import discover
from app.ingest.format import formats
from bench import catalogue, judging, learning, parsing, report, stored
from bench.load import Load, Target, Wrong
from bench.rounds import with_needs

TARGET = Target("http://127.0.0.1:1/v1/leads", "key", "success")


def wrk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, result: str) -> Load:
    """A load generator that only reports."""
    program = tmp_path / "wrk"
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{result}\nEND\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return Load()


def said(**changed: Any) -> str:
    counts = {
        "requests": 1000,
        "seconds": 2,
        "p50_ms": 1.5,
        "p99_ms": 9,
        "status": 0,
        "lost": 0,
        "bad": 0,
    } | changed
    return "RESULT {" + ",".join(f'"{name}":{value}' for name, value in counts.items()) + "}"


def test_a_run_of_right_answers_is_counted_per_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = wrk(tmp_path, monkeypatch, said()).run(TARGET, 2)
    assert (run.requests, run.per_s, run.p99_ms) == (1000, 500.0, 9.0)


@pytest.mark.parametrize("fault", ["status", "lost", "bad"])
def test_one_wrong_answer_among_a_thousand_fails_the_run(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Wrong):
        wrk(tmp_path, monkeypatch, said(**{fault: 1})).run(TARGET, 2)


def test_a_run_without_any_answer_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Wrong):
        wrk(tmp_path, monkeypatch, said(requests=0)).run(TARGET, 2)


def test_a_generator_that_breaks_off_fails_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Wrong, match="without a result"):
        wrk(tmp_path, monkeypatch, "unable to connect").run(TARGET, 2)


def test_every_run_gets_leads_that_no_other_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load = wrk(tmp_path, monkeypatch, said())
    load.threads = 1
    for _ in range(320):
        load.run(TARGET, 1)
    with pytest.raises(Wrong, match="used up"):
        load.run(TARGET, 1)


def test_what_is_not_met_is_said() -> None:
    told = report.table({"ack_ratio": 0.49, "path_ratio": 0.08, "rss_mb_100k": 300.1})
    lines = {
        line.split("  ")[0]: line.split("   ")[-1].strip()
        for line in told.splitlines()
        if "met" in line.lower()
    }
    assert lines == {
        "acknowledged / no-op": "NOT MET",
        "whole path / no-op": "met",
        "RSS of a process after 100 k leads, MB": "NOT MET",
    }


def test_a_ratio_brings_what_it_is_a_ratio_to() -> None:
    assert with_needs(["ack"]) == ["noop", "one_commit", "ack"]
    assert with_needs(["path_200"]) == ["noop", "path_200"]
    assert with_needs(["checks"]) == []


def test_every_format_has_its_rate_and_a_row() -> None:
    rates = parsing.parse_per_s(seconds=0.001)
    assert rates.keys() == {f"parse_{one.name}_per_s" for one in formats.discover()}
    assert all(rate > 100 for rate in rates.values())
    told = report.table(rates)
    assert all(f"reading {one.name}, leads/s a core" in told for one in formats.discover())


def test_a_rate_of_leads_that_were_not_read_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(parsing.BODIES, "json", lambda: (b'[{"email": "x"}]', "application/json", 1))
    with pytest.raises(AssertionError, match="not every lead"):
        parsing.parse_per_s(seconds=0)


def test_its_catalogue_applies() -> None:
    written = catalogue.written("http://127.0.0.1:9100").decode()
    got = read([("bench.yaml", written)], discover())
    assert {source.id for source in got.sources} == {"ack", "path", "path_200"}
    assert len(got.buyers[2].contracts) == 200


def test_the_standard_set_of_checks_is_what_is_measured() -> None:
    standard = {
        "required", "field", "email", "phone", "postal", "name", "duplicate", "velocity", "suppression", "device",
    }  # fmt: skip
    assert standard <= {check.name for check, _ in judging.judge().rules}
    assert judging.CAMPAIGN.score.rules


def test_what_is_learned_in_the_bench_tells_leads_apart_and_is_true() -> None:
    told = learning.fit_s(4_000)
    assert told["fit_auc"] > 0.7
    assert told["fit_brier"] < 0.22
    assert told["fit_lift"] > 1.5
    rows = report.table(told)
    assert all(what in rows for what in ("a score learned of 50,000", "AUC where there is something to tell"))


def test_every_figure_has_its_own_goal() -> None:
    figures = [goal.figure for goal in report.GOALS]
    assert len(set(figures)) == len(figures)
    assert {"checks_per_s_core", "stored_ratio", "list_mb_20m", "fit_auc"} <= set(figures)


def test_what_the_bench_of_stored_leads_configures_is_a_catalogue() -> None:
    text = msgspec.json.encode(stored.CATALOGUE).decode()
    assert [one.id for one in read([("bench", text)], discover()).campaigns] == ["solar"]
