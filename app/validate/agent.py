"""What a user agent says of itself: which browser of which version on which system, or what kind of program."""

import re
from functools import lru_cache
from typing import Literal

from msgspec import Struct

from app.validate.data import browser_releases

Kind = Literal["browser", "app", "bot", "program", "headless", "unknown"]
Engine = Literal["chromium", "gecko", "webkit", ""]
System = Literal["windows", "mac", "ios", "android", "linux", "chromeos", ""]

REMEMBERED = 8_192
_LONGEST = 1_000

_HEADLESS = re.compile(
    r"Headless|PhantomJS|SlimerJS|Puppeteer|Playwright|Selenium|jsdom|Splash/", re.IGNORECASE
)
_DECLARED = re.compile(r"bot|crawl|spider|slurp|compatible;|://|@|preview|monitor|scan|check", re.IGNORECASE)
_BROWSER = re.compile(r"^(?:Mozilla/[45]\.0 \(|Opera/9)")
_APP = re.compile(r"^okhttp/|^Dalvik/|\bCFNetwork/")
_PROGRAM = re.compile(
    r"^(?:axios|curl|got|GuzzleHttp|HTTPie|Java|libwww|node|PHP|PostmanRuntime|python|Ruby|undici|Wget|aiohttp|"
    r"insomnia|RestSharp|Faraday|Typhoeus|http-client|Apache-HttpClient|Go-http-client|lua-resty|perl|reqwest|"
    r"Jakarta|WinHttp|Excel)\b|PowerShell/|\bnode-fetch\b|\bhttpx\b|^Mozilla/[45]\.0$",
    re.IGNORECASE,
)
_CHROMIUM = re.compile(r"\b(?:Chrome|Chromium|HeadlessChrome)/(\d+)")
_GECKO = re.compile(r"\bFirefox/(\d+)")
_SAFARI = re.compile(r"\bVersion/(\d+)")
_IOS = re.compile(r"\b(?:iPhone OS|CPU OS|iPad; CPU OS) (\d+)[_ ]")
_ANDROID = re.compile(r"\bAndroid (\d+)")
_TAIL = re.compile(
    r"\)(?: AppleWebKit/537\.36 \(KHTML, like Gecko\))? Chrome/[\d.]+(?: Mobile)? Safari/537\.36(?: Edg/[\d.]+)?$"
)


class Agent(Struct, frozen=True, kw_only=True):
    """`version` is the engine's, whatever the browser calls its own; `plain`: a browser that keeps itself up to date."""

    kind: Kind
    family: str = ""
    system: System = ""
    system_version: int = 0
    engine: Engine = ""
    version: int = 0
    mobile: bool = False
    plain: bool = False

    @property
    def told(self) -> str:
        """`Chrome 131 on windows`, for a person."""
        version = f" {self.version}" if self.version else ""
        return f"{self.family or 'unknown'}{version}" + (f" on {self.system}" if self.system else "")


@lru_cache(REMEMBERED)
def agent_of(text: str) -> Agent:
    """Pure; never fails. Of a long text only the beginning is read."""
    text = text[:_LONGEST].strip()
    kind = _kind(text)
    if kind in ("bot", "program", "unknown"):
        return Agent(kind=kind, family=_family(text) if text else "")
    system, system_version = _system(text)
    engine, version = _engine(text, system, system_version)
    return Agent(
        kind=kind, family=_family(text), system=system, system_version=system_version, engine=engine,
        version=version, mobile=system == "ios" or "Mobile" in text or system == "android",
        plain=_plain(text, system, system_version, engine),
    )  # fmt: skip


def _kind(text: str) -> Kind:
    """A browser's own name beside a bot's: whatever declares itself is believed. A phone that is called Cubot is none."""
    if not text:
        return "unknown"
    if _HEADLESS.search(text):
        return "headless"
    if _APP.search(text):
        return "app"
    if _PROGRAM.search(text):
        return "program"
    if _BROWSER.match(text):
        return "bot" if _DECLARED.search(text) and _crawls(text) else "browser"
    if _crawls(text):
        return "bot"
    return "unknown"


def _crawls(text: str) -> bool:
    import crawleruseragents  # 0.1 s and some megabytes, only where somebody may be one

    return bool(crawleruseragents.is_crawler(text))


def _family(text: str) -> str:
    from ua_parser import parse_user_agent  # as above

    found = parse_user_agent(text)
    return found.family[:60] if found else ""


def _system(text: str) -> tuple[System, int]:
    if found := _IOS.search(text):
        return "ios", int(found[1][:4])
    if "iPhone" in text or "iPad" in text or "iPod" in text:
        return "ios", 0
    if found := _ANDROID.search(text):
        return "android", int(found[1][:4])
    for word, system in _SYSTEMS:
        if word in text:
            return system, 10 if system == "windows" and "Windows NT 10.0" in text else 0
    return "", 0


_SYSTEMS: tuple[tuple[str, System], ...] = (
    ("Android", "android"), ("Windows", "windows"), ("CrOS", "chromeos"), ("Macintosh", "mac"), ("Linux", "linux"), ("X11", "linux"),
)  # fmt: skip


def _engine(text: str, system: System, system_version: int) -> tuple[Engine, int]:
    """Every browser of an iPhone is its system's."""
    if system == "ios":
        return "webkit", system_version
    for pattern, engine in ((_CHROMIUM, "chromium"), (_GECKO, "gecko")):
        if found := pattern.search(text):
            return engine, int(found[1][:5])  # type: ignore[return-value]  # a pair of literals
    if "Safari/" in text and (found := _SAFARI.search(text)):
        return "webkit", int(found[1][:5])
    return "", 0


def _plain(text: str, system: System, system_version: int, engine: Engine) -> bool:
    """Not what is tied to an old device or system, to an app, or to who makes the phone."""
    if engine == "gecko":
        return system in ("windows", "linux") and "NT 6." not in text and "KAIOS" not in text
    if engine != "chromium" or _TAIL.search(text) is None or "; wv)" in text:
        return False
    if system == "windows":
        return system_version == 10 and "Xbox" not in text
    return system in ("mac", "linux") or (system == "android" and system_version >= 10)


# the age of a browser -------------------------------------------------------------------------------

_DAY = 86_400.0


def age_days(agent: Agent, now: float) -> float | None:
    """Days since its version came out, by what lies around it; negative: not yet. None where nobody knows.

    `now` is seconds since 1970.
    """
    points = browser_releases().get(agent.engine, ())
    if len(points) < 2 or not agent.version or agent.version < points[0][0]:
        return None
    later = next((i for i, (version, _) in enumerate(points) if version >= agent.version), len(points) - 1)
    (v0, d0), (v1, d1) = points[max(0, later - 1)], points[max(1, later)]
    return now / _DAY - (d0 + (agent.version - v0) * (d1 - d0) / (v1 - v0))


def unheard_of(agent: Agent, now: float) -> bool:
    """A version that can't be out even if one came every two weeks since the last that is known."""
    points = browser_releases().get(agent.engine, ())
    if agent.engine not in ("chromium", "gecko") or not points:
        return False
    version, day = points[-1]
    return agent.version > version + max(0.0, now / _DAY - day) / 14 + 6
