"""Makes app/validate/data/area_codes.tsv: which states and provinces the area codes of +1 belong to.

    .venv/bin/python data/make_area_codes.py [YYYY-MM-DD]

Read from the place names of the package phonenumbers (Apache-2.0), which must never be imported while leads
are served: they take seconds and 177 MB. What they lack is written by hand, in BY_HAND.
"""

import importlib.metadata
import re
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

from phonenumbers.geodata import GEOCODE_DATA

ROOT = Path(__file__).parents[1]
STATES = ROOT / "app" / "ingest" / "data" / "states.tsv"
TARGET = ROOT / "app" / "validate" / "data" / "area_codes.tsv"

BY_HAND = {
    "227": "MD", "257": "BC", "340": "VI", "671": "GU", "670": "MP", "684": "AS", "787": "PR", "939": "PR",
    "782": "NS PE", "902": "NS PE", "867": "YT NT NU",
}  # fmt: skip
SPELLED = {
    "Washington D.C.": "DC",
    "Washington State": "WA",
    "British Colombia": "BC",
    "New York State": "NY",
}


def names() -> dict[str, str]:
    lines = STATES.read_text("utf-8").splitlines()
    parts = (line.split("\t") for line in lines if not line.startswith("#"))
    return {key: code for _, code, name, *_ in parts for key in (code, name)} | SPELLED


def read() -> dict[str, str]:
    known, found = names(), dict(BY_HAND)
    deeper: dict[str, Counter[str]] = defaultdict(Counter)
    for digits, by_language in GEOCODE_DATA.items():
        if not re.match(r"1[2-9]\d\d", digits) or "en" not in by_language:
            continue
        state = known.get(by_language["en"].rsplit(", ", 1)[-1])
        if state and len(digits) == 4:
            found.setdefault(digits[1:], state)
        elif state:
            deeper[digits[1:4]][state] += 1
    for area, states in deeper.items():
        found.setdefault(area, states.most_common(1)[0][0])
    return found


def main(date: str) -> None:
    found = read()
    head = (
        f"# {len(found)} area codes of +1 and their states or provinces (ISO 3166-2 without the country), made"
        f" {date} from phonenumbers {importlib.metadata.version('phonenumbers')}; Apache-2.0, see LICENSES.md"
    )
    TARGET.write_text("\n".join([head, *(f"{a}\t{s}" for a, s in sorted(found.items()))]) + "\n", "utf-8")
    print(head[2:])


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else time.strftime("%Y-%m-%d", time.gmtime()))
