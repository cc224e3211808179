"""A JSON value as flat records, and what is wrong with broken JSON in words that help."""

import json as stdlib_json
from typing import Any

import msgspec

from app.ingest.body import (
    LEAST,
    MOST,
    decoded,
    joined,
    no_fields,
    place,
    refuse_empty,
    refuse_nul,
    shown,
    too_deep,
    too_many_fields,
)
from app.ingest.format import MOST_DEPTH, MOST_FIELDS, Unreadable
from app.model import Record

MOST_VALUES = 500_000
MOST_BRANCHES = 200_000
"""Of one body: each takes a hundred bytes and more where it took three."""

DECODE = msgspec.json.Decoder().decode
BROKEN = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What `DECODE` raises; `explained` says why."""

_SMALL = 1_000_000  # bytes that can hold no harm
_SIMPLE = frozenset((str, float, bool, type(None)))
_SIMPLE_OR_INT = _SIMPLE | {int}


def value_of(body: bytes) -> Any:
    """What the JSON says, in bounded time and memory; Unreadable where it is none, or too much of it."""
    if len(body) > _SMALL:
        branches = body.count(b"{") + body.count(b"[")
        if branches > MOST_BRANCHES or body.count(b",") > MOST_VALUES:
            raise Unreadable(
                f"more than {MOST_VALUES} values or {MOST_BRANCHES} objects and lists in one body; send several",
                code="records",
            )
    try:
        return DECODE(body)
    except BROKEN:
        raise explained(body) from None


def record_of(data: Any, index: int | None, has_nul: bool) -> Record:
    """`data` itself where it is flat already, which most leads are. `index` is its place among several."""
    if type(data) is not dict:
        raise Unreadable("a lead is an object", code="shape", where=None if index is None else str(index))
    if not data:
        raise no_fields(None if index is None else str(index))
    kinds = set(map(type, data.values()))
    if kinds <= _SIMPLE_OR_INT:
        record: Record = data
        if len(record) > MOST_FIELDS:
            raise too_many_fields()
    else:
        record = {}
        _flatten(data, "", 1, record)
        if not record:
            raise no_fields(None if index is None else str(index))
    if not kinds <= _SIMPLE:
        _refuse_beyond_64_bits(record)
    if has_nul:
        _refuse_nul(record)
    return record


def _flatten(data: Any, path: str, depth: int, into: Record) -> None:
    if depth > MOST_DEPTH:
        raise too_deep(path)
    items = data.items() if type(data) is dict else enumerate(data)
    for key, value in items:
        name = joined(path, str(key))
        if type(value) is dict or type(value) is list:
            _flatten(value, name, depth + 1, into)
        else:
            into[name] = value
            if len(into) > MOST_FIELDS:
                raise too_many_fields()


def _refuse_beyond_64_bits(record: Record) -> None:
    for name, value in record.items():
        if type(value) is int and not LEAST <= value <= MOST:
            raise _bad_number(name)


def _refuse_nul(record: Record) -> None:
    for name, value in record.items():
        refuse_nul(name, name)
        if type(value) is str:
            refuse_nul(name, value)


def _bad_number(name: str) -> Unreadable:
    return Unreadable(
        "a number is beyond 64 bits; send it as text if it is no quantity", code="number", where=shown(name)
    )


class _NoNumber:
    """Stands where JSON has NaN or Infinity, while its path is looked for."""


_NO_NUMBER = _NoNumber()


def explained(body: bytes) -> Unreadable:
    """The same failure in words that help. The slow road: a second parser says where and what."""
    try:
        refuse_empty(body)
        text = decoded(body)
        data = stdlib_json.loads(text, parse_constant=lambda _: _NO_NUMBER, parse_int=_integer)
    except Unreadable as refused:
        return refused
    except RecursionError:
        return too_deep("")
    except stdlib_json.JSONDecodeError as broken:
        return Unreadable(f"broken JSON: {_words(broken.msg)}", code="syntax", where=place(text, broken.pos))
    try:
        return _found(data, "", 1) or Unreadable("broken JSON", code="syntax")
    except (RecursionError, Unreadable):
        return too_deep("")


def _integer(digits: str) -> int:
    """Python refuses to convert thousands of digits; that it is too large is known before."""
    return int(digits) if len(digits) <= 20 else MOST + 1


def _words(message: str) -> str:
    return message[:1].lower() + message[1:]


def _found(data: Any, path: str, depth: int) -> Unreadable | None:
    """What the strict parser could not take, by path: NaN, Infinity, a number too large, half a surrogate pair."""
    if data is _NO_NUMBER:
        detail = "NaN and Infinity are no JSON; leave the field out or send null"
        return Unreadable(detail, code="number", where=shown(path) or None)
    if type(data) is int and not LEAST <= data <= MOST:
        return _bad_number(path)
    if type(data) is float and data in (float("inf"), float("-inf")):
        return _bad_number(path)
    if type(data) is str and not _encodes(data):
        detail = "half a surrogate pair (\\ud800 to \\udfff) is no character"
        return Unreadable(detail, code="surrogate", where=shown(path) or None)
    if type(data) is not dict and type(data) is not list:
        return None
    if depth > MOST_DEPTH:
        return too_deep(path)
    items = data.items() if type(data) is dict else enumerate(data)
    for key, value in items:
        name = joined(path, str(key))
        if found := _found(str(key), name, depth) or _found(value, name, depth + 1):
            return found
    return None


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
