"""What a browser's words say against one another: its name, its client hints, its system, its hands."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from app.model import Raw
from app.validate.agent import Agent, System, unheard_of

FEW_KEYS = 20
EVEN_MS, FAST_MS = 6, 8
"""Milliseconds: no hand types twenty keys so evenly, or so fast."""
_CHROMIUM = re.compile(r'"Chromium"; ?v="(\d{1,5})')
_HINTED: Mapping[str, System] = {
    "windows": "windows", "macos": "mac", "android": "android", "linux": "linux", "chrome os": "chromeos",
    "chromium os": "chromeos", "chromeos": "chromeos", "ios": "ios",
}  # fmt: skip
_ALIKE = frozenset(
    [("linux", "android"), ("linux", "chromeos"), ("android", "chromeos"), ("mac", "ios"), ("ios", "mac")]
)
"""(what the agent says, what else is said): a phone that asks for the desktop's page, an iPad, a Chromebook."""
_DESKTOPS: frozenset[System] = frozenset(("windows", "mac"))
"""Of which no browser calls itself mobile; a tablet may call itself a Linux."""
_NO_SCREEN = frozenset(("0x0", "1x1"))
_HEADLESS_SCREEN = "800x600"


def contradictions(agent: Agent, said: Mapping[str, Raw], now: float) -> Iterator[str]:
    """Which two don't fit, as a word each; nothing where one of them isn't known."""
    if agent.kind != "browser":
        return
    if unheard_of(agent, now):
        yield "version"
    if _hints_disagree(agent, said):
        yield "hints"
    if _platform_disagrees(agent, said):
        yield "platform"
    if agent.system == "ios" and agent.system_version >= 13 and said.get("device.touch_points") == 0:
        yield "touch"


def _hints_disagree(agent: Agent, said: Mapping[str, Raw]) -> bool:
    brands, platform = said.get("device.hint_brands"), said.get("device.hint_platform")
    hinted = _HINTED.get(platform.lower()) if isinstance(platform, str) else None
    if hinted and agent.system and not _alike(agent.system, hinted):
        return True
    if said.get("device.hint_mobile") == "?1" and agent.system in _DESKTOPS:
        return True
    chromium = _chromium(brands) if isinstance(brands, str) else 0
    if not chromium:
        return False
    return agent.version != chromium if agent.engine == "chromium" else agent.engine == "gecko"


@lru_cache(2_048)
def _chromium(brands: str) -> int:
    found = _CHROMIUM.search(brands)
    return int(found[1]) if found else 0


def _platform_disagrees(agent: Agent, said: Mapping[str, Raw]) -> bool:
    """Firefox that resists fingerprinting calls itself Windows on every desktop."""
    platform = said.get("device.platform")
    if not isinstance(platform, str) or not agent.system:
        return False
    if agent.engine == "gecko" and agent.system == "windows":
        return False
    shown = _shown(platform)
    return shown != "" and not _alike(agent.system, shown)


@lru_cache(512)
def _shown(platform: str) -> System:
    for word, system in _PLATFORMS:
        if platform.startswith(word):
            return system
    return ""


_PLATFORMS: tuple[tuple[str, System], ...] = (
    ("Win", "windows"), ("Mac", "mac"), ("iP", "ios"), ("Android", "android"), ("Linux", "android"),
)  # fmt: skip
"""Of Linux nobody can say which: a phone's looks like a desktop's."""


def _alike(agent: System, other: System) -> bool:
    if other == "android" and agent in ("linux", "chromeos", "android"):
        return True
    return agent == other or (agent, other) in _ALIKE


def no_screen(agent: Agent, said: Mapping[str, Raw]) -> bool:
    """The screen of a browser that has none. Privacy modes of other engines round theirs to the same."""
    screen = said.get("device.screen")
    if screen in _NO_SCREEN:
        return True
    return screen == _HEADLESS_SCREEN and agent.engine == "chromium" and not agent.mobile


def hands(said: Mapping[str, Raw]) -> Iterator[str]:
    """What of the typing no person does, or few: `untyped`, `even_typing`, `pasted`."""
    keys = _number(said.get("typing.keys"))
    if keys is None or said.get("form.script") is not True:
        return
    pastes, fills = _number(said.get("typing.pastes")) or 0, _number(said.get("typing.fills")) or 0
    if not keys and not pastes and not fills:
        yield "untyped"
    gap, spread = _number(said.get("typing.gap_ms")), _number(said.get("typing.gap_spread_ms"))
    if keys >= FEW_KEYS and gap is not None and spread is not None and (spread < EVEN_MS or gap < FAST_MS):
        yield "even_typing"
    if pastes >= 3:
        yield "pasted"


def _number(said: Raw) -> float | None:
    return said if isinstance(said, int | float) and not isinstance(said, bool) else None
