"""Which device filled in a form, as far as it tells of itself: a keyed mark that says nothing to anybody else."""

from collections.abc import Mapping
from hashlib import blake2b

from app.model import Raw
from app.validate.agent import agent_of

_STABLE = (
    "device.platform",
    "device.time_zone",
    "device.language",
    "device.languages",
    "device.touch_points",
)
"""What stays when the browser is brought up to date, the page zoomed, and the telephone turned."""
HINTS = {
    "sec-ch-ua": "device.hint_brands",
    "sec-ch-ua-platform": "device.hint_platform",
    "sec-ch-ua-mobile": "device.hint_mobile",
}


def fingerprint(found: Mapping[str, Raw], key: bytes) -> str:
    """Sixteen characters: alike devices are alike. Empty without the script, which alone sees the device."""
    screen = found.get("device.screen")
    if not isinstance(screen, str) or not screen or not found.get("device.time_zone"):
        return ""
    agent = agent_of(str(found.get("user_agent", "")))
    signals = [agent.family, agent.system, sorted(screen.split("x")), *(found.get(name) for name in _STABLE)]
    return blake2b(ascii(signals).encode("ascii"), key=key[:64], digest_size=8).hexdigest()


def hints(headers: Mapping[str, str]) -> dict[str, Raw]:
    """What Chromium says with every request, whether a script runs or not."""
    said = {name: headers.get(header, "").replace("\0", "")[:300] for header, name in HINTS.items()}
    if said["device.hint_platform"]:
        said["device.hint_platform"] = said["device.hint_platform"].strip('"')
    return {name: text for name, text in said.items() if text}
