"""What calls itself a browser is read as one; what declares itself is believed."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.validate.agent import age_days, agent_of, unheard_of
from tests.golden import HERE

NOW = datetime(2026, 11, 20, tzinfo=UTC).timestamp()
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Safari/537.36"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:{0}.0) Gecko/20100101 Firefox/{0}.0"


def lines(name: str) -> list[list[str]]:
    text = (HERE / "data" / "agents" / name).read_text("utf-8")
    return [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize("agent", [line[2] for line in lines("people.tsv")])
def test_a_persons_browser_is_no_program(agent):
    assert agent_of(agent).kind in ("browser", "app")


@pytest.mark.parametrize(("kind", "agent"), lines("others.tsv"))
def test_who_declares_itself_is_believed(kind, agent):
    assert kind in ("bot", "program", "headless")
    assert agent_of(agent).kind == kind


@pytest.mark.parametrize("agent", ["", "x", "Mozilla", "\x00", "🙂" * 5000, "CUBOT", "(((((" * 500])
def test_noise_is_unknown(agent):
    assert agent_of(agent).kind == "unknown"


@given(st.text(max_size=200))
def test_no_text_breaks_it_and_the_same_text_is_the_same_agent(text):
    found = agent_of(text)
    assert found == agent_of(text)
    assert unheard_of(found, NOW) in (True, False)


@pytest.mark.parametrize(
    ("agent", "engine", "version", "system", "plain"),
    [
        (CHROME.format(131), "chromium", 131, "windows", True),
        (CHROME.format(131) + " Edg/131.0.0.0", "chromium", 131, "windows", True),
        (CHROME.format(109).replace("NT 10.0", "NT 6.1"), "chromium", 109, "windows", False),
        (FIREFOX.format(133), "gecko", 133, "linux", True),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/131.0 Mobile/15E148 Safari/604.1",
         "webkit", 17, "ios", False),
    ],
)  # fmt: skip
def test_engine_and_system_are_what_they_are_under_any_name(agent, engine, version, system, plain):
    found = agent_of(agent)
    assert (found.engine, found.version, found.system, found.plain) == (engine, version, system, plain)


@pytest.mark.parametrize(
    ("agent", "days"),
    [
        (CHROME.format(120), 1083),  # 5 December 2023
        (CHROME.format(125), 926),  # 14 May 2024, give or take a fortnight
        (FIREFOX.format(115), 1245),  # 4 July 2023
        (CHROME.format(150), 116),  # beyond what the table knows
    ],
)
def test_the_age_of_a_browser_is_right_within_two_weeks(agent, days):
    found = age_days(agent_of(agent), NOW)
    assert found is not None
    assert abs(found - days) < 21


def test_of_a_browser_that_is_not_in_the_table_nobody_knows_the_age():
    assert (
        age_days(agent_of("Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko"), NOW)
        is None
    )
    assert age_days(agent_of(CHROME.format(3)), NOW) is None


def test_the_next_versions_are_not_unheard_of_for_years():
    in_five_years = NOW + 5 * 365 * 86_400
    assert not unheard_of(agent_of(CHROME.format(170)), NOW)
    assert not unheard_of(agent_of(CHROME.format(290)), in_five_years)
    assert unheard_of(agent_of(CHROME.format(400)), NOW)
