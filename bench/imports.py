"""How fast a file of leads becomes durable, in how much memory, and how long others wait for their answer meanwhile."""

import contextlib
import http.client
import json
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.load import Wrong
from bench.processes import free_port, postgres, running
from bench.service import Service, Sink, service

_PATIENCE = 600.0
_PAUSE = 0.02
HEADER = "first_name,email,phone,zip,state,bill,city,address,consent,utm_source,landing_page\r\n"


def table(file: Path, rows: int) -> Path:
    """As vendors export: eleven columns, no two people alike."""
    with file.open("w") as out:
        out.write(HEADER)
        for i in range(rows):
            out.write(
                f"Ann,ann{i}@acmeheating.com,+1415{2_000_000 + i:07d},94110,CA,{100 + i % 300},San Francisco,"
                f"{i} Market St,true,google,https://example.com/solar?x={i}\r\n"
            )
    return file


@dataclass
class Watched:
    """What is seen from outside while the file comes in."""

    service: Service
    rss: float = 0.0
    waits: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @contextlib.contextmanager
    def meanwhile(self) -> Iterator[None]:
        over = threading.Event()
        threads = [threading.Thread(target=one, args=(over,)) for one in (self._weigh, self._ask)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            over.set()
            for thread in threads:
                thread.join()

    def _weigh(self, over: threading.Event) -> None:
        while not over.wait(0.05):
            self.rss = max(self.rss, self.service.rss_mb())

    def _ask(self, over: threading.Event) -> None:
        """A lead every now and then, by the door of single leads."""
        connection = http.client.HTTPConnection("127.0.0.1", self.service.port, timeout=30)
        n = 0
        while not over.wait(_PAUSE):
            n += 1
            body = json.dumps(
                {"first_name": "Zoe", "email": f"zoe{n}@acmeheating.com", "phone": f"+1702{n:07d}"}
            )
            began = time.perf_counter()
            status = _ask(connection, "POST", "/v1/leads", self.service.keys["ack"], body)[0]
            self.waits.append((time.perf_counter() - began) * 1000)
            if status != 202:
                self.wrong.append(f"a lead beside the file was answered {status}")


def measured(folder: Path, rows: int, processes: int = 1) -> dict[str, float]:
    """Its own database and service, so that nothing else is measured. Raises Wrong."""
    folder.mkdir()
    sink = Sink(free_port())
    command = [sys.executable, "-m", "bench.sink", str(sink.port)]
    with contextlib.ExitStack() as stack:
        urls = stack.enter_context(postgres(folder / "data"))
        stack.enter_context(running("sink", command, folder, port=sink.port))
        product = stack.enter_context(service(folder, urls["leadgate"], sink, processes))
        return _imported(product, table(folder / "leads.csv", rows), rows)


def _imported(product: Service, file: Path, rows: int) -> dict[str, float]:
    watched = Watched(product)
    with watched.meanwhile():
        began = time.perf_counter()
        batch = _sent(product, file)
        while (state := _state(product, batch))["state"] == "reading":
            if time.perf_counter() - began > _PATIENCE:
                raise Wrong(f"the file is not in after {_PATIENCE:g} s: {state}")
            time.sleep(0.05)
        took = time.perf_counter() - began
    if state["kept"] != rows or watched.wrong:
        raise Wrong(f"{state['kept']} of {rows} rows are durable; {watched.wrong[:1]}")
    waits = sorted(watched.waits)
    return {
        "import_rows": rows,
        "import_per_s": rows / took,
        "import_rss_mb": watched.rss,
        "import_api_p50_ms": waits[len(waits) // 2],
        "import_api_p99_ms": waits[int(len(waits) * 0.99)],
        "import_decided_meanwhile": state["kept"] - state["undecided"],
    }


def _sent(product: Service, file: Path) -> str:
    """From the upload's first byte on it counts."""
    connection = http.client.HTTPConnection("127.0.0.1", product.port, timeout=120)
    with file.open("rb") as body:
        headers = {"Content-Length": str(file.stat().st_size), "Content-Type": "text/csv"}
        connection.request(
            "POST", "/v1/batches", body, {"Authorization": f"Bearer {product.keys['ack']}", **headers}
        )
        answer = connection.getresponse()
        told = json.loads(answer.read())
    if answer.status != 202:
        raise Wrong(f"the file was answered {answer.status}: {told}")
    return str(told["id"])


def _state(product: Service, batch: str) -> dict[str, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", product.port, timeout=30)
    told: dict[str, Any] = json.loads(_ask(connection, "GET", f"/v1/batches/{batch}", product.keys["ack"])[1])
    connection.close()
    return told


def _ask(
    connection: http.client.HTTPConnection, method: str, path: str, key: str, body: str | None = None
) -> tuple[int, bytes]:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    return answer.status, answer.read()
