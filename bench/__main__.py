"""`python -m bench`: the figures of the design, measured side by side; a table, and bench/results.json.

--only ack,path    some figures only: noop one_commit ack path path_200 checks route auction formats fit list stored memory import
--rows 200000      of the file that is imported
--seconds 4        how long each run of load lasts
--rounds 3         how often the runs alternate
--processes 1      of the service and of the baseline alike
--keep             leave the folder with the logs
"""

import argparse
import contextlib
import dataclasses
import os
import platform
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from bench import report
from bench.load import Load, Wrong
from bench.processes import free_port, postgres, running, uvicorn
from bench.rounds import Bench, with_needs
from bench.service import Sink, service

FIGURES = (
    "noop", "one_commit", "ack", "path", "path_200", "checks", "route", "auction", "formats", "fit", "list", "stored",
    "memory", "import",
)  # fmt: skip
RESULTS = Path(__file__).with_name("results.json")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def options(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Measures leadgate beside its baseline."
    )
    parser.add_argument("--only", default=",".join(FIGURES), help=f"some of {','.join(FIGURES)}")
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--rows", type=int, default=200_000, help="of the file that is imported")
    parser.add_argument("--connections", type=int, default=128, help="so many requests at once")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--results", type=Path, default=RESULTS)
    chosen = parser.parse_args(words)
    chosen.only = [name for name in chosen.only.split(",") if name]
    if unknown := set(chosen.only) - set(FIGURES):
        parser.error(f"no figure is named {', '.join(sorted(unknown))}; there are {', '.join(FIGURES)}")
    return chosen


@contextlib.contextmanager
def started(chosen: argparse.Namespace, folder: Path, *, product: bool) -> Iterator[Bench]:
    """Everything that is measured, up and answering."""
    load = Load(connections=chosen.connections, threads=1 if (os.cpu_count() or 1) < 4 else 2)
    base, buyer = free_port(), Sink(free_port())
    with contextlib.ExitStack() as stack:
        urls = stack.enter_context(postgres(folder / "data"))
        command = [sys.executable, "-m", "bench.sink", str(buyer.port)]
        stack.enter_context(running("sink", command, folder, port=buyer.port))
        command = uvicorn("bench.baseline:app", base, chosen.processes)
        stack.enter_context(
            running("baseline", command, folder, env={"BENCH_DSN": urls["baseline"]}, port=base)
        )
        product_ = (
            stack.enter_context(service(folder, urls["leadgate"], buyer, chosen.processes))
            if product
            else None
        )
        yield Bench(load, base, buyer, product_, chosen.seconds, say)


def alone(only: list[str]) -> dict[str, float]:
    """What needs no server: measured first, while the machine is quiet."""
    out: dict[str, float] = {}
    if "checks" in only:
        from bench.judging import checks_per_s_core

        out["checks_per_s_core"] = checks_per_s_core()
        say(f"  checks      {out['checks_per_s_core']:>10,.0f} leads/s a core")
    if "route" in only:
        from bench.routing import area_ms, route_ms

        out |= route_ms(5_000)
        say(f"  route       {out['route_ms_5000']:>10.3f} ms among 5,000 contracts")
        out |= area_ms(5_000)
        say(f"  areas       {out['area_ms_5000']:>10.3f} ms where half of them list a thousand postal codes")
    if "auction" in only:
        from bench.auction import auction_ms

        out |= auction_ms()
        say(f"  auction     {out['auction_ms_over_slowest']:>10.2f} ms longer than the slowest of 20 bidders")
    if "formats" in only:
        from bench.parsing import parse_per_s

        out |= (parsed := parse_per_s())
        least = min(parsed, key=lambda one: parsed[one])
        say(f"  formats     {parsed[least]:>10,.0f} leads/s a core read at the least ({least})")
    return out


def under_load(chosen: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """The figures of the rounds; under `failed`, why they are not all."""
    phases = with_needs([*chosen.only, *(["ack"] if chosen.only == ["memory"] else [])])
    product = any(p in chosen.only for p in ("ack", "path", "path_200", "memory"))
    if not phases:
        return {}
    with started(chosen, folder, product=product) as bench:
        out: dict[str, Any] = {}
        try:
            bench.warm(phases)
            for number in range(1, chosen.rounds + 1):
                say(f"round {number} of {chosen.rounds}")
                bench.round(phases)
            out = bench.memory() if "memory" in chosen.only else {}
        except Wrong as wrong:
            out = {"failed": str(wrong)}
        rounds = {phase: [dataclasses.asdict(run) for run in runs] for phase, runs in bench.runs.items()}
        return {**bench.figures(), **out, "rounds": rounds}


def imported(chosen: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """A file of leads, on a service of its own."""
    if "import" not in chosen.only:
        return {}
    from bench import imports

    out = imports.measured(folder / "import", chosen.rows, chosen.processes)
    say(f"  import      {out['import_per_s']:>10,.0f} rows/s, {out['import_rss_mb']:.0f} MB")
    return out


def worth(only: list[str], folder: Path) -> dict[str, float]:
    """What it takes to know what a lead is worth, with a database beside it and no service."""
    out: dict[str, float] = {}
    if "fit" in only:
        from bench.learning import fit_s

        out |= fit_s()
        say(f"  fit         {out['fit_s_50k']:>10.1f} s of 50,000 leads, AUC {out['fit_auc']:.2f}")
    if "list" in only:
        from bench import listing

        out |= listing.measured(folder / "list")
        say(f"  list        {out['list_mb_20m']:>10,.0f} MB would 20 million numbers take")
    if "stored" in only:
        from bench.stored import stored_ratio

        out |= stored_ratio(folder / "stored")
        say(
            f"  stored      {out['stored_ratio']:>10.2f} times what a lead costs beside 10,000, beside 200,000"
        )
    return out


def measured(chosen: argparse.Namespace, folder: Path) -> dict[str, Any]:
    try:
        quiet = alone(chosen.only) | worth(chosen.only, folder)
        return {**quiet, **under_load(chosen, folder), **imported(chosen, folder)}
    except Wrong as wrong:
        return {"failed": str(wrong)}


def main() -> int:
    chosen = options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that every process we started ends too
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="leadgate-bench-"))
    figures = measured(chosen, folder)
    figures |= {
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "connections": chosen.connections,
        "bench_s": round(time.monotonic() - began, 1),
    }
    print(report.table(figures))
    say(f"\n{figures['machine']}; {chosen.connections} connections; {figures['bench_s']:.0f} s in all")
    if "failed" in figures:
        say(f"bench: FAILED, nothing is written: {figures['failed']}\nbench: logs are in {folder}")
        return 1
    chosen.results.write_bytes(msgspec.json.format(msgspec.json.encode(figures)) + b"\n")
    say(f"written to {chosen.results}" + (f"; logs are in {folder}" if chosen.keep else ""))
    if not chosen.keep:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
