import pytest

from app.ingest.format import MOST_RECORDS, Unreadable
from app.ingest.formats.ndjson import Ndjson


def read(body: bytes, content_type: str = "application/x-ndjson"):
    return Ndjson().read(body, content_type)


def refused(body: bytes) -> tuple[str, str | None]:
    with pytest.raises(Unreadable) as caught:
        read(body)
    return caught.value.reason, caught.value.where


def test_each_line_is_a_lead():
    assert read(b'{"a": 1}\n{"b": {"c": [2, null]}}\n') == [{"a": 1}, {"b.c.0": 2, "b.c.1": None}]


def test_empty_lines_line_ends_and_byte_order_marks_are_passed_over():
    assert read(b'\xef\xbb\xbf{"a": 1}\r\n\r\n \n{"a": 2}') == [{"a": 1}, {"a": 2}]
    assert read('{"a": "Zoë"}\n{"a": 2}'.encode("utf-16")) == [{"a": "Zoë"}, {"a": 2}]


def test_a_line_separator_within_a_text_ends_no_line():
    assert read('{"a": "x\u2028y"}\n'.encode()) == [{"a": "x\u2028y"}]


def test_a_json_sequence_may_span_lines():
    assert read(b'\x1e{\n"a": 1}\n\x1e{"a": 2}\n', "application/json-seq") == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize(
    "body, code, where",
    [
        (b"", "empty", None),
        (b"\n \n", "empty", None),
        (b"\x1e\n", "empty", None),
        (b'{"a": 1}\n\n{"a": }\n', "syntax", "line 3, column 7"),
        (b'\x1e{"a": 1}\n\x1e{\n"a": }\n', "syntax", "line 3, column 6"),
        (b'{"a": 1}\n{"a": {"b": NaN}}', "number", "line 2, a.b"),
        (b'{"a": 1}\n{"a": 99999999999999999999}', "number", "line 2, a"),
        (b'{"a": 1}\n[1]', "shape", "line 2"),
        (b'{"a": 1}\n3', "shape", "line 2"),
        (b'{"a": 1}\n{}', "empty", "line 2"),
        (b'{"a": 1}\n{"a": "\\u0000"}', "nul", "line 2, a"),
        (b'{"a": 1}\n{"a": "\\ud800"}', "surrogate", "line 2, a"),
        (b'{"a": 1}\n' + b"[" * 100_000, "depth", "line 2"),
        (b'{"a": 1}\n' * (MOST_RECORDS + 1), "records", None),
        (b'{"a": 1}' + b"\n" * 200_000, "records", None),
        (b"\x1e" * 200_000, "records", None),
    ],
)
def test_what_is_wrong_is_told_with_its_line(body, code, where):
    assert refused(body) == (code, where)


def test_an_error_does_not_repeat_what_was_sent():
    with pytest.raises(Unreadable) as caught:
        read(b'{"name": "Ann" Smith}')
    assert "Smith" not in str(caught.value.problem())
