"""Makes app/validate/data/carriers.txt.xz: to whom ranges of mobile numbers were given, country by country.

    .venv/bin/python data/make_carriers.py [YYYY-MM-DD]

Read from the package phonenumbers (Apache-2.0), whose own table takes 37 MB where leads are served. Each line is
a carrier and the beginnings of its numbers, country code first.
"""

import importlib.metadata
import lzma
import sys
import time
from collections import defaultdict
from pathlib import Path

from phonenumbers.carrierdata import CARRIER_DATA

TARGET = Path(__file__).parents[1] / "app" / "validate" / "data" / "carriers.txt.xz"


def read() -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for digits, by_language in CARRIER_DATA.items():
        name = " ".join((by_language.get("en") or next(iter(by_language.values()))).split())
        if name:
            found[name].append(digits)
    return found


def main(date: str) -> None:
    found = read()
    head = (
        f"# {len(found)} carriers and the ranges of mobile numbers that they were given, made {date} from"
        f" phonenumbers {importlib.metadata.version('phonenumbers')}; Apache-2.0, see LICENSES.md"
    )
    lines = (f"{name}\t{' '.join(sorted(ranges))}" for name, ranges in sorted(found.items()))
    TARGET.write_bytes(lzma.compress("\n".join([head, *lines, ""]).encode(), preset=9))
    print(head[2:], TARGET.stat().st_size)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else time.strftime("%Y-%m-%d", time.gmtime()))
