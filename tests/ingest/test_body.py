import pytest

from app.ingest.body import listed, parameters, place


@pytest.mark.parametrize(
    "header, found",
    [
        ("a/b", {}),
        ("a/b; charset=UTF-8", {"charset": "UTF-8"}),
        ('a/b;Charset="x y";boundary=z', {"charset": "x y", "boundary": "z"}),
        ('a/b; boundary="a\\"b"', {"boundary": 'a"b'}),
        ("a/b; x=1; x=2", {"x": "1"}),
        ("a/b; =; ;;", {}),
    ],
)
def test_a_header_s_parameters_are_read(header, found):
    assert parameters(header) == found


def test_a_place_counts_lines_and_columns_from_one():
    assert [place("ab\nc", at) for at in (0, 1, 3, 4)] == [
        "line 1, column 1",
        "line 1, column 2",
        "line 2, column 1",
        "line 2, column 2",
    ]


def test_a_name_that_comes_again_is_a_list_and_plain_is_the_first():
    assert listed([("a", "1"), ("b", "x"), ("a", "2"), ("a", "3")]) == {
        "a": "1",
        "b": "x",
        "a.0": "1",
        "a.1": "2",
        "a.2": "3",
    }
