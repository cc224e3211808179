import pytest

from app.ingest.format import MOST_FIELDS, MOST_RECORDS, Unreadable
from app.ingest.formats.feed import Feed


def read(body: bytes | str, content_type: str = "application/rss+xml"):
    return Feed().read(body.encode() if isinstance(body, str) else body, content_type)


def item(inner: str, declared: str = "") -> dict[str, object]:
    (record,) = read(f'<rss version="2.0" {declared}><channel><item>{inner}</item></channel></rss>')
    return record


def entry(inner: str) -> dict[str, object]:
    (record,) = read(f'<feed xmlns="http://www.w3.org/2005/Atom"><entry>{inner}</entry></feed>')
    return record


def refused(body: bytes | str) -> tuple[str, str | None]:
    with pytest.raises(Unreadable) as caught:
        read(body)
    return caught.value.reason, caught.value.where


def test_each_item_of_rss_2_is_a_lead():
    assert read(
        "<rss><channel><title>Leads</title><item><guid>1</guid></item><item><guid>2</guid></item></channel></rss>"
    ) == [{"guid": "1"}, {"guid": "2"}]


def test_each_item_of_rss_1_is_a_lead_known_by_its_about():
    body = (
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"'
        ' xmlns:d="http://purl.org/dc/elements/1.1/"><channel rdf:about="x"><title>Leads</title></channel>'
        '<item rdf:about="urn:1"><title>Solar</title><link>http://v.example/1</link>'
        "<d:date>2026-03-30</d:date><d:creator>Portal</d:creator></item></rdf:RDF>"
    )
    assert read(body) == [
        {
            "rdf.about": "urn:1",
            "title": "Solar",
            "link": "http://v.example/1",
            "dc.date": "2026-03-30",
            "dc.creator": "Portal",
            "published": "2026-03-30",
            "author": "Portal",
            "guid": "urn:1",
        }
    ]


def test_each_entry_of_atom_is_a_lead():
    assert entry(
        "<id>urn:1</id><title type='text'>Solar</title><link href='http://v.example/1'/>"
        "<link rel='self' type='a/b' href='http://v.example/1.xml'/><published>2026-03-30</published>"
        "<updated>2026-03-31</updated><author><name>Ann</name><email>ann@example.com</email></author>"
        "<category term='solar' scheme='s'/><category term='roof'/>"
    ) == {
        "guid": "urn:1",
        "title@type": "text",
        "title": "Solar",
        "link": "http://v.example/1",
        "link.self": "http://v.example/1.xml",
        "link.self@type": "a/b",
        "published": "2026-03-30",
        "updated": "2026-03-31",
        "author": "Ann",
        "author.email": "ann@example.com",
        "category": "solar",
        "category@scheme": "s",
        "category.0": "solar",
        "category.0@scheme": "s",
        "category.1": "roof",
    }


def test_identity_is_the_guid_else_the_link():
    assert item("<guid>1</guid><link>http://v.example/1</link>")["guid"] == "1"
    assert item("<guid/><link>http://v.example/1</link>")["guid"] == "http://v.example/1"
    assert "guid" not in item("<title>x</title>")


def test_elements_of_other_namespaces_have_the_well_known_prefix_else_the_declared_one():
    declared = (
        'xmlns:x="http://base.google.com/ns/1.0" xmlns:lead="urn:lead" xmlns:a="http://www.w3.org/2005/Atom"'
    )
    assert item(
        '<x:price>5</x:price><lead:phone type="cell">1</lead:phone><a:link href="h"/><zip xmlns="urn:z">2</zip>'
        "<lead:home><lead:city>Austin</lead:city></lead:home>",
        declared,
    ) == {
        "g.price": "5",
        "lead.phone@type": "cell",
        "lead.phone": "1",
        "atom.link@href": "h",
        "zip": "2",
        "lead.home.lead.city": "Austin",
    }


def test_facts_of_the_text_are_fields_and_the_text_is_kept():
    text = "Name: Ann Smith\nHome Phone: 5125550100\nTitle: Dr"
    assert item(f"<title>Solar</title><description>{text}</description>") == {
        "title": "Solar",
        "description": text,
        "name": "Ann Smith",
        "home_phone": "5125550100",
        "description.title": "Dr",
    }


@pytest.mark.parametrize(
    "text",
    [
        "<description>&lt;table&gt;&lt;tr&gt;&lt;td&gt;Home Phone:&lt;/td&gt;&lt;td&gt;1&lt;/td&gt;&lt;/tr&gt;&lt;/table&gt;</description>",
        "<description><![CDATA[<dl><dt>Home phone</dt><dd>1</dd></dl>]]></description>",
        "<description>Lead <p>home PHONE: 1</p> end</description>",
        '<c:encoded xmlns:c="http://purl.org/rss/1.0/modules/content/"><![CDATA[<p>Home-Phone: 1</p>]]></c:encoded>',
    ],
)
def test_facts_are_found_in_tables_lists_and_markup_that_was_not_escaped(text):
    assert item(text)["home_phone"] == "1"


def test_facts_are_found_in_xhtml_content_of_atom():
    record = entry(
        '<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>Zip: 78701</p><p>Note: a &lt; b</p></div></content>'
    )
    assert (record["zip"], record["note"]) == ("78701", "a < b")


def test_a_doctype_that_only_names_a_file_is_passed_over_and_any_other_refused():
    doctype = (
        '<!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN" "http://127.0.0.1/rss-0.91.dtd"'
    )
    body = "<rss><channel><item><guid>1</guid></item></channel></rss>"
    assert read(f'<?xml version="1.0"?>{doctype}>{body}') == [{"guid": "1"}]
    assert refused(f'{doctype} [<!ENTITY a "b">]>{body}')[0] == "doctype"


@pytest.mark.parametrize(
    "body, code, where",
    [
        (b"", "empty", None),
        (b"<rss/>", "empty", None),
        (b"<rss><channel><title>Leads</title></channel></rss>", "empty", None),
        (b"<rss><channel><item><a>1</a></item><item/></channel></rss>", "empty", "1"),
        (b"<lead><item/></lead>", "shape", "line 1"),
        (b"<rss>\n<item>&nbsp;</item></rss>", "syntax", "line 2, column 13"),
        (b"<rss><item>" + b"<x>" * 40 + b"</x>" * 40 + b"</item></rss>", "depth", None),
        (b"<rss><item>" + b"<x/>" * (MOST_FIELDS + 1) + b"</item></rss>", "fields", None),
        (
            b"<rss><item><description>"
            + b"".join(b"k%dk: v\n" % n for n in range(MOST_FIELDS))
            + b"</description></item></rss>",
            "fields",
            None,
        ),
        (b"<rss>" + b"<item><a>1</a></item>" * (MOST_RECORDS + 1) + b"</rss>", "records", None),
    ],
)
def test_what_is_wrong_has_its_own_code_and_place(body, code, where):
    found = refused(body)
    assert found[0] == code
    assert where is None or found[1] == where


def test_an_error_does_not_repeat_what_was_sent():
    with pytest.raises(Unreadable) as caught:
        read("<rss><item><name>Ann <Smith></name></item></rss>")
    assert "Smith" not in str(caught.value.problem())
