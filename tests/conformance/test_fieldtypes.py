"""What every field type owes, asked of whatever is registered."""

import inspect
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.ingest.fieldtype import fieldtypes
from app.model import Value

EVERY = list(fieldtypes.discover())
EXAMPLES = [
    pytest.param(kind, *example, id=f"{kind.name}-{i}")
    for kind in EVERY
    for i, example in enumerate(kind.examples)
]
SETTINGS = [(kind, kind.settings.model_validate(said)) for kind in EVERY for said, _, _ in kind.examples]
NOISE = [
    None,
    True,
    False,
    0,
    -1,
    2**63 - 1,
    10**400,
    0.5,
    -0.0,
    1e308,
    float("inf"),
    float("nan"),
    "",
    " ",
    "\0",
    "İ",
    "ŉ",
    "ǆ",
]
RAWS = (
    st.text(max_size=60)
    | st.text("0123456789+-()., x*", max_size=24)
    | st.text("aAbBzZßéİ0-_.@ '’/:", max_size=40)
    | st.integers()
    | st.floats()
    | st.sampled_from(NOISE)
    | st.sampled_from([raw for kind in EVERY for _, raw, _ in kind.examples])
)


def _holds(kind, said, raw) -> None:
    value = kind.normal(raw, said)
    assert isinstance(value, Value)
    assert value.raw is raw
    assert set(value.parts) <= set(kind.parts)
    if not value.valid:
        assert value.normal is None
        assert value.note
        return
    assert value.normal is not None
    assert value.normal != ""
    assert value.normal == value.normal  # no NaN
    again = kind.normal(value.normal, said)
    assert (again.valid, again.normal) == (True, value.normal)


@pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.name)
def test_a_field_type_says_what_it_is_for_and_has_its_test_file(kind):
    assert inspect.getmodule(type(kind)).__doc__
    assert Path(f"tests/ingest/fieldtypes/test_{kind.name}.py").is_file()
    assert kind.examples


@pytest.mark.parametrize(("kind", "said", "raw", "value"), EXAMPLES)
def test_an_example_becomes_what_it_says(kind, said, raw, value):
    assert kind.normal(raw, kind.settings.model_validate(said)) == value


@pytest.mark.parametrize(("kind", "said", "raw", "value"), EXAMPLES)
def test_a_note_does_not_repeat_what_came(kind, said, raw, value):
    assert str(raw).strip() not in value.note or not value.note


@pytest.mark.parametrize(("kind", "said"), SETTINGS, ids=lambda part: getattr(part, "name", ""))
def test_noise_is_kept_and_never_raises(kind, said):
    for raw in NOISE:
        _holds(kind, said, raw)


@pytest.mark.parametrize(("kind", "said"), SETTINGS, ids=lambda part: getattr(part, "name", ""))
@settings(max_examples=120, deadline=None)
@given(raw=RAWS)
def test_a_normal_value_stays_as_it_is_when_read_again(kind, said, raw):
    _holds(kind, said, raw)


@pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.name)
def test_settings_refuse_a_key_they_do_not_know(kind):
    with pytest.raises(ValueError, match="no_such_setting"):
        kind.settings.model_validate({"no_such_setting": 1, "values": ["a"]})
