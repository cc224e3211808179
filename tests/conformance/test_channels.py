"""What every channel owes, held on whatever is registered: a new file is covered unasked."""

import inspect
import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from app.catalog.kinds import secret_places
from app.ingest.channel import Channel, ChannelSettings, channels

EVERY = [pytest.param(channel, id=channel.name) for channel in channels.discover()]
EXAMPLES = [
    pytest.param(channel, example, id=f"{channel.name}-{i}")
    for channel in channels
    for i, example in enumerate(channel.examples)
]
SECRET = re.compile(r"pass(word|phrase)|secret|token|private_key|^key$")


@pytest.mark.parametrize("channel", EVERY)
def test_it_says_what_it_is_for_and_has_a_test(channel: Channel) -> None:
    assert inspect.getmodule(type(channel)).__doc__
    assert inspect.getdoc(type(channel)) != inspect.getdoc(Channel)
    assert Path("tests/ingest/channels", f"test_{channel.name}.py").is_file()
    assert channel.examples


@pytest.mark.parametrize("channel", EVERY)
def test_its_settings_are_those_of_a_channel_each_with_its_pace(channel: Channel) -> None:
    assert issubclass(channel.settings, ChannelSettings)
    schema = channel.settings.model_json_schema()
    assert schema["additionalProperties"] is False
    with pytest.raises(ValidationError):
        channel.settings.model_validate({**channel.examples[0], "no_such_setting": 1})
    with pytest.raises(ValidationError):
        channel.settings.model_validate({**channel.examples[0], "every": "0s"})


@pytest.mark.parametrize(("channel", "example"), EXAMPLES)
def test_its_examples_are_settings(channel: Channel, example: dict[str, object]) -> None:
    settings = channel.settings.model_validate(example)
    assert settings.every.seconds >= 1


@pytest.mark.parametrize(("channel", "example"), EXAMPLES)
def test_what_is_called_a_secret_is_sealed_as_one(channel: Channel, example: dict[str, object]) -> None:
    sealed = {place[-1] for place in secret_places(channel.settings, example)}
    named = {name for name in _names(example) if SECRET.search(name)}
    assert {name for name in named if not isinstance(_value(example, name), dict)} <= sealed


@pytest.mark.parametrize(("channel", "example"), EXAMPLES)
def test_a_secret_is_never_shown(channel: Channel, example: dict[str, object]) -> None:
    settings = channel.settings.model_validate(example)
    for place in secret_places(channel.settings, example):
        said = example
        for step in place:
            said = said[step]  # type: ignore[assignment,index]
        assert str(said) not in repr(settings)


@pytest.mark.parametrize("channel", EVERY)
def test_it_speaks_no_sql_and_has_no_clock(channel: Channel) -> None:
    source = inspect.getsource(inspect.getmodule(type(channel)))
    assert not re.search(r"import (asyncpg|sqlalchemy|time)\b|from (app\.store|app\.pipeline|time)\b", source)
    assert "asyncio.sleep(" not in source


def _names(value: object) -> set[str]:
    if isinstance(value, dict):
        return set(value) | {name for inner in value.values() for name in _names(inner)}
    if isinstance(value, list | tuple):
        return {name for inner in value for name in _names(inner)}
    return set()


def _value(value: object, name: str) -> object:
    if isinstance(value, dict):
        return (
            value[name]
            if name in value
            else next((v for i in value.values() if (v := _value(i, name))), None)
        )
    return None
