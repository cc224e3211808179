"""Where an IP address is and whose, by databases on the disk: the operator's, and one of countries that ships."""

import lzma
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import maxminddb
from msgspec import Struct

from app.core.addresses import plain
from app.validate.check import Location
from app.validate.data import countries_packed, network_kinds

REMEMBERED = 8_192
SHIPPED = "countries (ships with leadgate)"
_KINDS: Mapping[str, str] = {
    "is_anonymous_vpn": "vpn", "is_vpn": "vpn", "vpn": "vpn",
    "is_tor_exit_node": "tor", "is_tor": "tor", "tor": "tor",
    "is_public_proxy": "proxy", "is_residential_proxy": "proxy", "is_proxy": "proxy", "proxy": "proxy",
    "is_anonymous_proxy": "proxy",
    "is_hosting_provider": "hosting", "is_hosting": "hosting", "hosting": "hosting", "is_datacenter": "hosting",
    "is_relay": "relay", "relay": "relay",
}  # fmt: skip


class Shelf(Struct, frozen=True):
    """One database that is open; `mark` is how its file looked when it was read."""

    name: str
    mark: tuple[int, ...]
    reader: Any
    built: float  # seconds since 1970
    kind: str


class Places:
    """Answers from memory. Files (`*.mmdb` in `folder`) are looked at anew by `refresh`, in another thread.

    What is mapped is a copy that has no name: a file that is overwritten in place, or cut short, can neither end
    the process nor change an answer half way. One that can't be read leaves the former one in use.
    """

    def __init__(self, folder: Path, *, ships: bool = True) -> None:
        self._folder = folder
        self._ships = ships
        self._shelves: tuple[Shelf, ...] = ()
        self._known: OrderedDict[str, Location | None] = OrderedDict()
        self._turn = threading.Lock()
        self.unread: dict[str, str] = {}
        """File → why it is not in use."""
        self.ready = False

    def look(self, address: str) -> Location | None:
        """What is known; None where nothing is."""
        known = self._known  # of these shelves: `refresh` begins another
        if address in known:
            known.move_to_end(address)
            return known[address]
        found = known[address] = self._read(address)
        if len(known) > REMEMBERED:
            known.popitem(last=False)
        return found

    def told(self) -> list[Shelf]:
        return list(self._shelves)

    def refresh(self) -> bool:
        """Whether another database is in use than before. Slow where files are large."""
        with self._turn:
            before = {shelf.name: shelf for shelf in self._shelves}
            after = [shelf for path in self._files() if (shelf := self._opened(path, before.get(path.name)))]
            if self._ships and not any(shelf.kind == "place" for shelf in after):
                after += filter(None, [before.get(SHIPPED) or self._shipped()])
            changed = [s.mark for s in after] != [s.mark for s in self._shelves]
            if changed:
                self._shelves, self._known = tuple(after), OrderedDict()
            self.ready = True
            return changed

    def open(self) -> None:
        """`refresh`, for the first who asks."""
        if not self.ready:
            self.refresh()

    def again(self) -> bool:
        """`refresh`, where anybody has asked yet. Never true: there is no hurry."""
        if self.ready:
            self.refresh()
        return False

    def _files(self) -> list[Path]:
        try:
            return sorted(path for path in self._folder.glob("*.mmdb") if path.is_file())
        except OSError:
            return []

    def _opened(self, path: Path, former: Shelf | None) -> Shelf | None:
        try:
            stat = path.stat()
            mark = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
            if former is not None and former.mark == mark:
                return former
            with path.open("rb") as file:
                shelf = _shelf(path.name, mark, lambda copy: _copied(file, copy))
        except (OSError, ValueError, RuntimeError, maxminddb.InvalidDatabaseError) as error:
            self.unread[path.name] = type(error).__name__
            return former
        self.unread.pop(path.name, None)
        return shelf

    def _shipped(self) -> Shelf | None:
        try:
            return _shelf(SHIPPED, (0,), lambda copy: copy.write(lzma.decompress(countries_packed())))
        except OSError as error:  # a disk without room
            self.unread[SHIPPED] = type(error).__name__
            return None

    def _read(self, address: str) -> Location | None:
        known = plain(address)
        if not known:
            return None
        records = []
        for shelf in self._shelves:
            try:
                record = shelf.reader.get(known)
            except (ValueError, maxminddb.InvalidDatabaseError):  # a v6 address in a v4 file; a broken page
                continue
            if isinstance(record, dict):
                records.append(record)
        return located(records)


def _copied(file: Any, copy: Any) -> None:
    while chunk := file.read(1 << 20):
        copy.write(chunk)


def _shelf(name: str, mark: tuple[int, ...], fill: Callable[[Any], Any]) -> Shelf:
    with tempfile.NamedTemporaryFile(prefix="leadgate-", suffix=".mmdb") as copy:
        fill(copy)
        copy.flush()
        reader = maxminddb.open_database(copy.name)
    about = reader.metadata()
    sample = about.database_type.lower()
    kind = "network" if any(word in sample for word in ("asn", "anonymous", "isp", "proxy")) else "place"
    if "country" in sample or "city" in sample:
        kind = "place"
    return Shelf(name, mark, reader, float(about.build_epoch), kind)


def located(records: Iterable[Mapping[str, Any]]) -> Location | None:
    """What records of several databases say together: the first that knows a thing is believed, kinds add up."""
    country = region = time_zone = network = ""
    asn, kinds = 0, set()
    for record in records:
        country = country or _country(record)
        region = region or _region(record)
        time_zone = (
            time_zone or _text(_within(record, "location", "time_zone")) or _text(record.get("timezone"))
        )
        traits = record.get("traits")
        for said in (record, traits) if isinstance(traits, Mapping) else (record,):
            asn = asn or _number(said.get("autonomous_system_number") or said.get("asn"))
            network = network or _text(
                said.get("autonomous_system_organization") or said.get("as_name") or said.get("organization")
            )
            kinds |= {kind for name, kind in _KINDS.items() if said.get(name) in (True, 1, "true", "1")}
    if asn and (kind := network_kinds().get(asn)):
        kinds.add(kind)
    if not (country or region or asn or network or kinds):
        return None
    return Location(
        country=country,
        region=region,
        time_zone=time_zone,
        asn=asn,
        network=network,
        kinds=tuple(sorted(kinds)),
    )


def _country(record: Mapping[str, Any]) -> str:
    for said in (_within(record, "country", "iso_code"), record.get("country_code"), record.get("country")):
        if isinstance(said, str) and len(said) == 2:
            return said.upper()
    return ""


def _region(record: Mapping[str, Any]) -> str:
    parts = record.get("subdivisions")
    if isinstance(parts, list) and parts and isinstance(parts[0], Mapping):
        return _text(parts[0].get("iso_code")) or _text(_within(parts[0], "names", "en"))
    return _text(record.get("region_code")) or _text(record.get("state1")) or _text(record.get("region"))


def _within(record: Mapping[str, Any], outer: str, inner: str) -> Any:
    part = record.get(outer)
    return part.get(inner) if isinstance(part, Mapping) else None


def _text(said: Any) -> str:
    return said[:100] if isinstance(said, str) else ""


def _number(said: Any) -> int:
    text = str(said or "").upper().removeprefix("AS")
    return int(text) if text.isdecimal() and len(text) <= 10 else 0
