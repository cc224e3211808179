"""Bodies of ten megabytes that were made to hurt, by format and by platform."""

import json
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from tests.conformance.filling import SIZE, Case, Made, counted, fill
from tests.conformance.hostile_files import csv, mail, sheet
from tests.conformance.hostile_xml import adf, feed, xml


def _json(kind: str, size: int = SIZE) -> Iterator[Case]:
    def case(name: str, body: Made) -> Case:
        return Case(
            f"{kind} {name}", "application/x-ndjson" if kind == "ndjson" else "application/json", body
        )

    yield case("brackets", lambda: b"[" * size)
    yield case("braces", lambda: fill(b'{"a":', size=size))
    yield case("deep and closed", lambda: b"[" * (size // 2) + b"]" * (size // 2))
    yield case("one text", lambda: fill(b"x", b'{"a":"', b'"}', size))
    yield case("escapes", lambda: fill(b"\\u00e9", b'{"a":"', b'"}', size))
    yield case("NULs", lambda: fill(b"\\u0000", b'{"a":"', b'"}', size))
    yield case("half pairs", lambda: fill(b"\\ud800", b'{"a":"', b'"}', size))
    yield case("many names", lambda: counted(b'"k%d":0,', b"{", b'"z":1}', size))
    yield case(
        "as many names as may be",
        lambda: fill(b"x", b"{" + counted(b'"k%d":0,', size=5_900_000), b'":1}', size),
    )
    yield case(
        "as many objects as may be",
        lambda: fill(b" ", b'{"a":[' + b'{"b":1},' * 199_000, b"NaN]}", size),
    )
    yield case("one name", lambda: fill(b'"k":0,', b"{", b'"z":1}', size))
    yield case("many objects", lambda: fill(b"{},", b"[", b"{}]", size))
    yield case("numbers", lambda: fill(b"1,", b'{"a":[', b"1]}", size))
    yield case("lists in a lead", lambda: fill(b"[],", b'{"a":[', b"[]]}", size))
    yield case("objects in a lead", lambda: fill(b'{"b":1},', b'{"a":[', b"0]}", size))
    yield case("digits", lambda: fill(b"9", b'{"a":', b"}", size))
    yield case("fractions", lambda: fill(b"9", b'{"a":0.', b"}", size))
    yield case("broken at its end", lambda: fill(b'{"b":1},', b'{"a":[', b"]}", size))
    yield case("no number at its end", lambda: fill(b'{"b":1},', b'{"a":[', b"NaN]}", size))
    yield case("half a pair at its end", lambda: counted(b'"k%d":0,', b"{", b'"z":"\\ud800"}', size))
    yield case("too large a number", lambda: fill(b"1,", b'{"a":[', b"1e999]}", size))
    yield case("a byte of no charset", lambda: fill(b"x", b'{"a":"', b'\xff"}', size))
    yield case("blanks", lambda: b" " * size)
    yield case("line ends", lambda: b"\n" * size)
    yield case("one lead a line", lambda: fill(b'{"a":1}\n', size=size))
    yield case("broken lines", lambda: fill(b"{\n", size=size))
    yield case("separators", lambda: b"\x1e" * size)
    yield case("wide letters", lambda: fill(b"x", b'{"a":"', '\U0001f600"}'.encode(), size))


def _form(size: int = SIZE) -> Iterator[Case]:
    def case(name: str, body: Made, charset: str = "") -> Case:
        kind = "application/x-www-form-urlencoded" + (f"; charset={charset}" if charset else "")
        return Case(f"form {name}", kind, body)

    yield case("escapes", lambda: fill(b"%41", b"a=", size=size))
    yield case("escapes in a name", lambda: fill(b"%41", size=size))
    yield case("no escapes", lambda: fill(b"%", b"a=", size=size))
    yield case("as many escapes as may be", lambda: fill(b"x", b"a=" + b"%41x" * 1_999_999, size=size))
    yield case("half escapes", lambda: fill(b"%4", b"a=", size=size))
    yield case("escapes of brackets", lambda: fill(b"%5B%5D", b"a", size=size))
    yield case("escapes of letters", lambda: fill(b"%C3%A9", b"a=", size=size))
    yield case("escapes of wide letters", lambda: fill(b"%F0%9F%98%80", b"a=", size=size))
    yield case("escapes of another charset", lambda: fill(b"%E9", b"a=", size=size), "iso-8859-1")
    yield case("escapes of no charset", lambda: fill(b"%FF", b"a=", size=size))
    yield case("ampersands", lambda: b"&" * size)
    yield case("pairs", lambda: fill(b"a=1&", size=size))
    yield case("brackets", lambda: fill(b"[", b"a", b"=1", size))
    yield case("closed brackets", lambda: fill(b"[b]", b"a", b"=1", size))
    yield case("empty brackets", lambda: fill(b"[]", b"a", b"=1", size))
    yield case("dots", lambda: fill(b".a", b"a", b"=1", size))
    yield case("blanks", lambda: b" " * size)
    yield case("pluses", lambda: fill(b"+", b"a=", size=size))
    yield case("equals", lambda: b"=" * size)
    yield case("a value", lambda: fill(b"x", b"a=", size=size))
    yield case("a name", lambda: b"x" * size)
    yield case("NULs", lambda: fill(b"%00", b"a=", size=size))
    yield case(
        "UTF-32", lambda: fill("x".encode("utf-32-le"), "a=".encode("utf-32-le"), size=size), "utf-32-le"
    )


def _multipart(size: int = SIZE) -> Iterator[Case]:
    part = b'--x\r\nContent-Disposition: form-data; name="%b"\r\n\r\n'
    end = b"\r\n--x--\r\n"

    def case(name: str, body: Made) -> Case:
        return Case(f"multipart {name}", "multipart/form-data; boundary=x", body)

    yield case("boundaries", lambda: fill(b"--x\r\n", size=size))
    yield case("parts", lambda: fill(part % b"a" + b"1\r\n", b"", b"--x--\r\n", size))
    yield case("almost boundaries", lambda: fill(b"\r\n-", part % b"a", end, size))
    yield case("nearly boundaries", lambda: fill(b"\r\n--", part % b"a", end, size))
    yield case("line ends", lambda: fill(b"\r\n", part % b"a", end, size))
    yield case("returns", lambda: fill(b"\r", part % b"a", end, size))
    yield case("one value", lambda: fill(b"x", part % b"a", end, size))
    yield case("one file", lambda: fill(b"x", part % b'a"; filename="b', end, size))
    yield case(
        "a name",
        lambda: fill(b"n", b'--x\r\nContent-Disposition: form-data; name="', b'"\r\n\r\n1' + end, size),
    )
    yield case("a header's name", lambda: fill(b"n", b"--x\r\n", b": 1\r\n\r\n1" + end, size))
    yield case("headers", lambda: fill(b"a: b\r\n", b"--x\r\n", b"\r\n1" + end, size))
    yield case("no charset", lambda: fill(b"\xff", part % b"a", end, size))
    yield case("before the first boundary", lambda: fill(b"x\r\n", b"", part % b"a" + b"1" + end, size))
    yield case("behind the last boundary", lambda: fill(b"x", part % b"a" + b"1" + end, b"", size))


OF_FORMAT: dict[str, Callable[[], Iterable[Case]]] = {
    "adf": adf,
    "csv": csv,
    "feed": feed,
    "form": _form,
    "json": lambda: _json("json"),
    "mail": mail,
    "multipart": _multipart,
    "ndjson": lambda: _json("ndjson"),
    "sheet": sheet,
    "xml": lambda: xml("xml"),
}

WORST = {
    "adf": r"attributes|spaces of names|kinds|typographic quotes without end",
    "csv": r"blank lines|quotes under|a wide header",
    "feed": r"attributes|escaped cells|<b>",
    "form": r"form escapes$|as many|no escapes|closed brackets|pairs",
    "json": r"as many|lists in|many objects|no number|too large|half a pair at",
    "mail": r"a text|one line|mail bold",
    "multipart": r"parts|almost|headers|one file",
    "ndjson": r"one lead|line ends|many objects|separators",
    "sheet": r"deep|an attribute|rows|one text",
    "xml": r"attributes|open tags|bomb|comment without",
    "platform": r"(no escapes|parts) of 9|objects at .* of 9",
}
"""What once took seconds or hundreds of megabytes, or would: enough for every day. The rest is for whoever changes a reader."""


def of_platform(body: bytes) -> Iterator[Case]:
    """A body of the platform's own, blown up at each list, object and pair; and what hurts any reader of its kind.
    Of one megabyte too, for that much its door lets in."""
    for size in (SIZE, 999_000):
        generic = (*_json("", size), *_form(size)) if body[:1] in b"{[" else (*_form(size), *_multipart(size))
        for case in generic:
            yield case._replace(name=f"{case.name.strip()} of {size}")
        for name, at, unit in _seams(body):
            blown = partial(fill, unit, body[:at], body[at:], size)
            yield Case(f"{name} at {at} of {size}", "", blown)


def _seams(body: bytes) -> Iterator[tuple[str, int, bytes]]:
    if body[:1] in b"{[":
        for at, byte in enumerate(body):
            if byte == ord("["):
                yield from (
                    ("objects", at + 1, b"{},"),
                    ("texts", at + 1, b'"x",'),
                    ("items", at + 1, _item(body, at)),
                )
            elif byte == ord("{"):
                yield "names", at + 1, b'"x":0,'
    else:
        yield from (("pairs", len(body), b"&a=1"), ("escapes", len(body), b"%41"))


def _item(body: bytes, at: int) -> bytes:
    """The first item of the list that begins there, with a comma; a number where it is empty."""
    text = body[at + 1 :].decode()
    try:
        _, end = json.JSONDecoder().raw_decode(text)
    except ValueError:
        return b"1,"
    return text[:end].encode() + b","
