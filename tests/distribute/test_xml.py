import pytest

from app.distribute.xml import escaped, is_name, read, tree, written

BOMB = b"""<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><x>&b;</x>"""


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<",
        b"<a>",
        b"not xml",
        BOMB,
        b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>',
        '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'.encode("utf-16"),
        b"<a>" * 100_000,
    ],
)
def test_what_is_no_xml_or_has_a_doctype_is_refused(body):
    with pytest.raises(ValueError):
        read(body)


def test_a_tree_has_names_without_their_spaces_and_lists_where_they_repeat():
    body = b"""<?xml version="1.0"?><r xmlns="urn:x" v="1"><id> 7 </id><!-- c --><e>a</e><e k="2">b</e><n/></r>"""
    assert tree(read(body)) == {"r": {"@v": "1", "id": "7", "e": ["a", {"@k": "2", "#text": "b"}], "n": ""}}


def test_a_tree_that_is_too_deep_is_refused():
    with pytest.raises(ValueError):
        tree(read(b"<a>" * 200 + b"</a>" * 200))


def test_a_value_can_not_leave_its_element():
    text = written(
        "lead", {"name": "</name><price>0</price>", "note": 'a & "b"\x00\x0b', "yes": True, "no": None}
    )
    assert text == (
        "<lead><name>&lt;/name&gt;&lt;price&gt;0&lt;/price&gt;</name>"
        "<note>a &amp; &quot;b&quot;</note><yes>true</yes><no></no></lead>"
    )
    assert tree(read(text.encode()))["lead"]["name"] == "</name><price>0</price>"


def test_a_sequence_repeats_its_element():
    assert written("a", {"b": [1, 2]}) == "<a><b>1</b><b>2</b></a>"


def test_escaping_leaves_other_letters_alone():
    assert escaped("Zoë\n李") == "Zoë\n李"


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("a", True),
        ("first_name", True),
        ("1a", False),
        ("a b", False),
        ("a>", False),
        ("xmlns", False),
        ("", False),
    ],
)
def test_names_of_elements(name, good):
    assert is_name(name) is good
