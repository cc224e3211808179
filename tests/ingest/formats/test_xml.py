import pytest

from app.ingest.format import MOST_DEPTH, MOST_FIELDS, MOST_RECORDS, Unreadable
from app.ingest.formats.xml import Xml


def read(body: bytes, content_type: str = "application/xml"):
    return Xml().read(body, content_type)


def refused(body: bytes, content_type: str = "application/xml") -> tuple[str, str | None]:
    with pytest.raises(Unreadable) as caught:
        read(body, content_type)
    return caught.value.reason, caught.value.where


@pytest.mark.parametrize(
    "body, record",
    [
        (b"<r><a><b>1</b></a><c/></r>", {"a.b": "1", "c": ""}),
        (b'<r id="7"><p type="cell">1</p></r>', {"@id": "7", "p@type": "cell", "p": "1"}),
        (b"<r><p>1</p><p>2</p></r>", {"p": "1", "p.0": "1", "p.1": "2"}),
        (
            b"<r><p><n>1</n></p><p><n>2</n></p></r>",
            {"p.n": "1", "p.0.n": "1", "p.1.n": "2"},
        ),
        (b"<r><a>text<b>1</b></a></r>", {"a": "text", "a.b": "1"}),
        (b"<r><a><![CDATA[<b> & c]]></a></r>", {"a": "<b> & c"}),
        (b"<r><!-- c --><a>1<!-- c -->2</a><?pi x?></r>", {"a": "12"}),
        (b'<s:r xmlns:s="urn:x"><s:a s:k="v">1</s:a></s:r>', {"a": "1", "a@k": "v"}),
        (
            b'<r xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><a xsi:nil="true"/><b>1</b></r>',
            {"a": None, "b": "1"},
        ),
        (b"<r><a>&amp;&#233;</a></r>", {"a": "&é"}),
        (b"<r><a><![CDATA[<!DOCTYPE html>]]></a></r>", {"a": "<!DOCTYPE html>"}),
    ],
)
def test_any_shape_is_read_by_its_paths(body, record):
    assert read(body) == [record]


@pytest.mark.parametrize("name", ["lead", "record", "item", "prospect", "row"])
def test_several_leads_in_one_body_are_several_records(name):
    one = f"<{name}><a>1</a></{name}>"
    assert read(f"<any>{one}{one}</any>".encode()) == [{"a": "1"}, {"a": "1"}]
    assert read(f"<{name}s>{one}</{name}s>".encode()) == [{"a": "1"}]


def test_a_single_child_named_lead_under_another_root_is_part_of_the_path():
    assert read(b"<submit><lead><a>1</a></lead></submit>") == [{"lead.a": "1"}]
    assert read(b"<order><item>x</item><item>y</item></order>") == [
        {"item": "x", "item.0": "x", "item.1": "y"}
    ]


@pytest.mark.parametrize(
    "body, header",
    [
        ("<r><a>Zoë</a></r>".encode(), "text/xml"),
        ("<r><a>Zoë</a></r>".encode("utf-8-sig"), "text/xml"),
        ('<?xml version="1.0" encoding="ISO-8859-1"?><r><a>Zoë</a></r>'.encode("latin-1"), "text/xml"),
        (
            '<?xml version="1.0" encoding="UTF-8"?><r><a>Zoë</a></r>'.encode("latin-1"),
            "text/xml; charset=latin-1",
        ),
        ('<?xml version="1.0" encoding="UTF-16"?><r><a>Zoë</a></r>'.encode("utf-16"), "text/xml"),
    ],
)
def test_the_charset_is_the_mark_s_then_the_header_s_then_the_declaration_s(body, header):
    assert read(body, header) == [{"a": "Zoë"}]


BOMB = (
    b'<!DOCTYPE r [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>'
    b"<r><x>&c;</x></r>"
)


@pytest.mark.parametrize(
    "body",
    [
        BOMB,
        b'<?xml version="1.0"?>\n<!-- a --><?p i?>' + BOMB,
        b'<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/passwd">]><r><x>&a;</x></r>',
        b'<!DOCTYPE r [<!ENTITY % p SYSTEM "http://127.0.0.1/p"> %p;]><r><x>1</x></r>',
        b'<!DOCTYPE r SYSTEM "http://127.0.0.1/x.dtd"><r><x>1</x></r>',
        b'<!DOCTYPE r [<!ATTLIST x y CDATA "z">]><r><x>1</x></r>',
        BOMB.decode().encode("utf-16"),
        b"\xef\xbb\xbf" + BOMB,
        b'<!DOCTYPE r [<!ENTITY a "x">]><r>&a;',  # refused before it is parsed
    ],
)
def test_a_doctype_is_refused_and_nothing_expanded(body):
    assert refused(body)[0] == "doctype"


@pytest.mark.parametrize(
    "body, code, where",
    [
        (b"", "empty", None),
        (b"<r/>", "empty", None),
        (b"<r>text</r>", "empty", None),
        (b"<leads><lead><a>1</a></lead><lead><!-- --></lead></leads>", "empty", "1"),
        (b"<r>\n<a>1</b></r>", "syntax", "line 2, column 9"),
        (b"<r><a>&x;</a></r>", "syntax", "line 1, column 10"),
        (b"<r><a>Q & A</a></r>", "syntax", "line 1, column 10"),
        (b"not xml", "syntax", "line 1, column 1"),
        (b"<r><a>\xff</a></r>", "charset", "line 1, column 7"),
        (b"<r><a>x\x00</a></r>", "nul", "byte 8"),
        (b"<r><a>&#0;</a></r>", "syntax", None),
        (b"<r><a>&#xD800;</a></r>", "syntax", None),
        (b'<?xml version="1.0" encoding="klingon"?><r/>', "charset", "charset"),
        (b"<a>" * 100_000, "syntax", None),
        (b"<a>" * 200 + b"</a>" * 200, "depth", None),
    ],
)
def test_what_is_wrong_has_its_own_code_and_place(body, code, where):
    found = refused(body)
    assert found[0] == code
    assert where is None or found[1] == where


def test_depth_fields_and_leads_are_bounded():
    def nested(depth: int) -> bytes:
        return b"<a>" * depth + b"1" + b"</a>" * depth

    assert read(nested(MOST_DEPTH)) == [{".".join("a" * (MOST_DEPTH - 1)): "1"}]
    assert refused(nested(MOST_DEPTH + 1))[0] == "depth"
    assert refused(b"<r>" + b"<a/>" * (MOST_FIELDS + 1) + b"</r>")[0] == "fields"
    assert refused(b"<r>" + b"<lead><a/></lead>" * (MOST_RECORDS + 1) + b"</r>")[0] == "records"


def test_branches_whose_paths_collide_are_counted_each_time_they_are_read():
    body = b"1"
    for _ in range(9):
        body = b"<a>" + body + b"</a><a/><a.0>" + body + b"</a.0>"
    assert refused(b"<r>" + body + b"</r>")[0] == "fields"


def test_an_error_does_not_repeat_what_was_sent():
    with pytest.raises(Unreadable) as caught:
        read(b"<r><name>Ann <Smith></name></r>")
    assert "Smith" not in str(caught.value.problem())


def test_attributes_are_counted_before_they_are_read():
    tag = b"<a" + b"".join(b" b%d = '1'" % n for n in range(2_001)) + b"/>"
    assert refused(b"<lead>" + tag + b"</lead>")[0] == "fields"
    assert refused(b"<lead>" + b'<a b="c>"/>' * 100_001 + b"</lead>")[0] == "records"
    text = b"a = b\n" * 5_000
    assert read(b"<lead><a>" + text + b"</a></lead>") == [{"a": text.decode()}]
