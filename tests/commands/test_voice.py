"""How loud and how colourful a command is: --quiet, --color, NO_COLOR."""

import pytest

from app.commands.voice import shows_colour
from tests.commands.conftest import Gate, Leadgate, contract, source
from tests.e2e.counting import CountingBuyer

GREEN = "\x1b[32m✓\x1b[0m"


async def test_a_quiet_command_gives_its_data_and_says_nothing(gate: Gate, leadgate: Leadgate) -> None:
    await gate.configure(source())
    loud = await leadgate("key", "issue", "source", "acme")
    assert "shown only this once" in loud.stderr
    told = await leadgate("key", "issue", "source", "acme", "--quiet")
    assert (told.stdout[:7], told.stderr) == ("lg_src_", "")


async def test_quiet_is_for_one_command_and_not_for_the_next(gate: Gate, leadgate: Leadgate) -> None:
    await gate.configure(source())
    assert (await leadgate("returns", "-q")).stderr == ""
    assert (await leadgate("returns")).stderr == "no return waits for a person\n"


async def test_a_quiet_command_still_says_what_is_wrong(gate: Gate, leadgate: Leadgate) -> None:
    await gate.configure(source())
    told = await leadgate("key", "issue", "source", "nobody", "--quiet")
    assert told.exit_code == 1
    assert told.stderr.startswith("error: there is no source 'nobody'")


async def test_a_quiet_command_still_shows_what_it_asks_about(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    await gate.configure(source(), contract("sunco-west", buyer.url("sunco-west")))
    await gate.becomes(await gate.post(email="dana@example.org"), "sold")
    told = await leadgate("person", "erase", "dana@example.org", "--quiet", answer="n\n")
    before, asked, _ = told.stderr.partition("Erase it?")
    assert asked
    assert "1 lead\n" in before


async def test_a_trace_is_coloured_for_a_terminal_or_where_somebody_says_so(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    await gate.configure(source(), contract("sunco-west", buyer.url("sunco-west")))
    lead = await gate.post()
    await gate.becomes(lead, "sold")
    assert GREEN in (await leadgate("trace", lead, "--color", "always")).stdout
    for word in ((), ("--color", "auto"), ("--color", "never")):
        assert "\x1b" not in (await leadgate("trace", lead, *word)).stdout


async def test_a_colour_that_nobody_knows_is_wrong_usage(leadgate: Leadgate) -> None:
    told = await leadgate("doctor", "--color", "sometimes")
    assert told.exit_code == 2
    assert "auto, always, never" in told.stderr


@pytest.mark.parametrize(
    ("given", "terminal", "shows"),
    [
        ({"TERM": "xterm"}, True, True),
        ({"TERM": "xterm"}, False, False),
        ({"TERM": "xterm", "NO_COLOR": "1"}, True, False),
        ({"TERM": "dumb"}, True, False),
    ],
)
def test_by_itself_colour_is_shown_on_a_terminal_that_wants_it(
    given: dict[str, str], terminal: bool, shows: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TERM", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert shows_colour(terminal) is shows
