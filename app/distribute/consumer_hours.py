"""When a person may be called, by the clocks of wherever that person may be: open where every one of them says so."""

from datetime import UTC, datetime

from app.catalog.compliance import ConsumerHours
from app.catalog.opening import Hours
from app.distribute.hours import Opening

Zones = tuple[str, ...]
"""Names of the time zones in which a person may be; none where nobody knows."""

_MOST_LOOKS = 40  # openings that are tried until one of them is common to all zones
_MOST_KEPT = 4_096
_NEVER = datetime.min.replace(tzinfo=UTC)
_EVER = datetime.max.replace(tzinfo=UTC)


def written(zones: Zones) -> str:
    """As text, the same for the same zones."""
    return ",".join(sorted(zones))


def named(text: str) -> Zones:
    return tuple(text.split(",")) if text else ()


class Reachable:
    """Compiled `ConsumerHours`. Pure; what it remembers is the openings of each zone."""

    __slots__ = ("_openings", "doc")

    def __init__(self, doc: ConsumerHours) -> None:
        self.doc = doc
        self._openings: dict[str, Opening] = {}

    def opens_at(self, zones: Zones, at: datetime) -> datetime | None:
        """`at` itself where it may be handed over now, else when it next may; None: never, so far as is known."""
        if not zones:
            return at if self.doc.unknown == "open" else None
        openings = [self._of(zone) for zone in zones]
        moment = at
        for _ in range(_MOST_LOOKS):
            opens = [opening.opens_at(moment) for opening in openings]
            known = [one for one in opens if one is not None]
            if len(known) < len(opens):
                return None
            latest = max(known)
            if latest == moment:
                return moment
            moment = latest
        return None

    def steady(self, zones: Zones, at: datetime) -> tuple[bool, datetime, datetime]:
        """Open or not, and from when until when at least that answer holds. `zones` has one or more."""
        answers = [self._of(zone).steady(at) for zone in zones]
        since, until = max(one[1] for one in answers), min(one[2] for one in answers)
        return all(one[0] for one in answers), since, until

    def zone_of(self, zone: str) -> Opening:
        return self._of(zone)

    def _of(self, zone: str) -> Opening:
        opening = self._openings.get(zone)
        if opening is None:
            opening = self._openings[zone] = Opening(Hours(zone=zone, open=self.doc.open))
        return opening


class PersonalHours:
    """The contracts of one campaign that mind a person's hours: one bitset a set of zones, good until a clock strikes."""

    def __init__(self, docs: list[ConsumerHours | None]) -> None:
        self._kinds: list[tuple[Reachable, int]] = []
        known: dict[tuple[object, ...], int] = {}
        self.minding = 0
        for i, doc in enumerate(docs):
            if doc is None:
                continue
            self.minding |= 1 << i
            key = (doc.otherwise, doc.unknown, *((day, str(span)) for day, span in doc.open.items()))
            at = known.setdefault(key, len(known))
            if at == len(self._kinds):
                self._kinds.append((Reachable(doc), 0))
            self._kinds[at] = self._kinds[at][0], self._kinds[at][1] | 1 << i
        self._kept: dict[Zones, tuple[int, datetime, datetime]] = {}

    def of(self, i: int) -> Reachable | None:
        return next((one for one, members in self._kinds if members >> i & 1), None)

    def closed_at(self, zones: Zones, at: datetime) -> int:
        """Those that are left out for such a person now. Who waits is closed only where it would wait for ever."""
        if not zones:
            return sum(members for one, members in self._kinds if one.doc.unknown != "open")
        kept = self._kept.get(zones)
        if kept is None or not kept[1] <= at < kept[2]:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            kept = self._kept[zones] = self._look(zones, at)
        return kept[0]

    def _look(self, zones: Zones, at: datetime) -> tuple[int, datetime, datetime]:
        closed, since, until = 0, _NEVER, _EVER
        for one, members in self._kinds:
            is_open, from_, to = one.steady(zones, at)
            since, until = max(since, from_), min(until, to)
            waits = one.doc.otherwise == "wait"
            if not is_open and not (waits and one.opens_at(zones, at) is not None):
                closed |= members
        return closed, since, until
