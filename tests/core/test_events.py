import asyncio
import io
import logging
import types
import warnings
from datetime import UTC, datetime
from typing import NewType, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec
import pytest

import app.core.contract_events  # noqa: F401  # its events are subclasses too
from app.core import events
from app.core.events import Code, Event, Frame, Id, Log, Scrubbed

AT = datetime(2026, 11, 20, 14, 32, 5, 12000, tzinfo=UTC)
LEAD = UUID("019a9f3e-7c41-7d0a-b2f6-5c1e8a40d9b3")
EVENTS = Event.__subclasses__()
ALLOWED = {Id, Code, Frame, UUID, int, float, bool, type(None)}
EXAMPLES = {
    UUID: LEAD,
    int: 7,
    float: 1.5,
    bool: True,
    Id: "acme",
    Code: "code",
    Frame: "a.py:1 f",
    Scrubbed: "text",
}


@pytest.fixture
def lines():
    """What was written, decoded; `logging` is as before afterwards."""
    root, before = logging.getLogger(), events._sink
    kept = (root.handlers[:], root.level)
    stream = io.BytesIO()
    events.configure("debug", stream, lambda: AT)
    yield lambda: [msgspec.json.decode(line) for line in stream.getvalue().splitlines()]
    logging.captureWarnings(False)
    root.handlers[:], root.level = kept
    for name in ("uvicorn.access", "aiohttp.access"):
        logging.getLogger(name).disabled = False
    events._sink = before


def leaves(kind) -> set:
    if isinstance(kind, NewType):
        return {kind}
    if get_origin(kind) in (tuple, Union, types.UnionType):
        return set().union(*(leaves(k) for k in get_args(kind) if k is not ...))
    return {kind}


@pytest.mark.parametrize("event", EVENTS, ids=lambda e: e.__name__)
def test_no_event_has_room_for_free_text(event):
    hints = get_type_hints(event)
    for field in msgspec.structs.fields(event):
        allowed = ALLOWED | {Scrubbed} if event is Log else ALLOWED
        assert leaves(hints[field.name]) <= allowed, f"{event.__name__}.{field.name}"


def test_a_field_of_free_text_would_be_found():
    assert not leaves(str | None) <= ALLOWED
    assert not leaves(tuple[str, ...]) <= ALLOWED
    assert not leaves(dict[str, int]) <= ALLOWED


@pytest.mark.parametrize("event", EVENTS, ids=lambda e: e.__name__)
def test_every_event_is_one_line_with_time_level_and_name(event, lines):
    hints = get_type_hints(event)
    required = {f.name: EXAMPLES[hints[f.name]] for f in msgspec.structs.fields(event) if f.required}
    events.emit(event(**required))
    (line,) = lines()
    assert line["at"] == "2026-11-20T14:32:05.012+00:00"
    assert line["event"] == event.__struct_config__.tag
    assert line["event"].replace("_", "") == event.__name__.lower()
    assert line["level"] == logging.getLevelName(event.level).lower()


def test_a_line_holds_the_event_s_fields(lines):
    events.emit(
        events.Delivered(
            delivery=LEAD,
            lead=LEAD,
            contract=Id("west"),
            attempt=1,
            outcome=Code("Accepted"),
            status=200,
            ms=138.2,
        )
    )
    assert lines() == [
        {
            "at": "2026-11-20T14:32:05.012+00:00",
            "level": "debug",
            "event": "delivered",
            "delivery": str(LEAD),
            "lead": str(LEAD),
            "contract": "west",
            "attempt": 1,
            "outcome": "Accepted",
            "status": 200,
            "ms": 138.2,
        }
    ]


def test_an_event_below_the_level_is_not_written():
    stream = io.BytesIO()
    sink = events.Sink(logging.ERROR, stream, lambda: AT)
    sink.emit(events.Recovered(what=Code("leads"), count=3))
    sink.emit(events.DatabaseAway(cause=Code("timeout")))
    assert stream.getvalue().count(b"\n") == 1


def test_an_address_that_slipped_into_a_code_is_scrubbed(lines):
    events.emit(events.Recovered(what=Code("anna@example.com"), count=1))
    assert lines()[0]["what"] == "•••@•••"


def test_what_cant_be_encoded_or_written_stops_nothing(lines):
    events.emit(events.Recovered(what=Code("\ud800"), count=1))
    assert lines()[0]["event"] == "recovered"
    closed = io.BytesIO()
    sink = events.Sink(logging.INFO, closed, lambda: AT)
    closed.close()
    sink.emit(events.Stopped(ms=1.0))


def raised() -> Exception:
    def read(lead: str) -> None:
        try:
            raise KeyError(lead)
        except KeyError:
            raise ValueError(f"can't read {lead}") from None

    try:
        try:
            read("Anna Miller")
        except ValueError as error:
            raise RuntimeError("Anna Miller again") from error
    except RuntimeError as error:
        return error


def test_a_bug_tells_its_type_causes_and_place_but_no_value(lines):
    events.emit(events.bug(raised(), "decide"))
    (line,) = lines()
    assert (line["level"], line["error"], line["where"]) == ("error", "RuntimeError", "decide")
    assert line["causes"] == ["ValueError", "KeyError"]
    assert line["frames"][-1].startswith("tests/core/test_events.py:")
    assert line["frames"][-1].endswith(" raised")
    assert "Anna" not in str(line)


def test_what_a_library_logs_becomes_a_line_of_ours_scrubbed(lines):
    logging.getLogger("some.library").warning(
        "cannot reach %s for %s", "https://a:b@x/?t=1", "anna@example.com"
    )
    (line,) = lines()
    assert (line["event"], line["logger"], line["level"]) == ("log", "some.library", "warning")
    assert line["text"] == "cannot reach https://•••@x/?••• for •••@•••"


def test_a_key_or_number_that_a_library_logs_is_hidden(lines):
    logging.getLogger("some.library").error("refused lg_src_8sKd9 from +1 202 555 0142")
    assert lines()[0]["text"] == "refused lg_src_••• from •••"


def test_an_exception_that_a_library_logs_keeps_its_message_to_itself(lines):
    try:
        raise raised()
    except RuntimeError:
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application\n")
    (line,) = lines()
    assert line["text"] == "Exception in ASGI application"
    assert line["error"] == "RuntimeError"
    assert line["frames"]
    assert "Anna" not in str(line)


async def test_an_exception_that_nobody_awaited_does_not_show_its_message(lines):
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    loop.default_exception_handler(
        {"message": "Task exception was never retrieved", "future": future, "exception": raised()}
    )
    future.cancel()
    (line,) = lines()
    assert (line["logger"], line["text"]) == ("asyncio", "Task exception was never retrieved")
    assert "Anna" not in str(line)


def test_a_message_that_does_not_fit_its_arguments_is_written_without_them(lines):
    record = logging.LogRecord("odd", logging.ERROR, "a.py", 1, "%d leads", ("Anna",), None)
    events.Lines().emit(record)
    assert lines()[0]["text"] == "%d leads"


def test_access_logs_are_silent_and_warnings_are_not(lines):
    logging.getLogger("uvicorn.access").error("203.0.113.7 GET /")
    logging.getLogger("some.library").debug("detail")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old call", stacklevel=1)
    assert [line["logger"] for line in lines()] == ["py.warnings"]


def test_an_unknown_level_is_refused():
    with pytest.raises(KeyError):
        events.configure("loud")


def test_what_happens_to_each_lead_is_told_only_where_details_are_wanted():
    before = events._sink
    try:
        for level, wanted in (("info", False), ("debug", True)):
            events._sink = events.Sink(
                logging.getLevelNamesMapping()[level.upper()], io.BytesIO(), lambda: AT
            )
            assert events.detailed() is wanted
    finally:
        events._sink = before
