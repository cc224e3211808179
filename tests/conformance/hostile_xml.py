"""Hostile XML: of any shape, ADF and feeds."""

from collections.abc import Iterator
from functools import partial

from tests.conformance.filling import SIZE, Case, Made, counted, fill


def xml(kind: str, root: str = "lead", lead: str = "", inner: str = "") -> Iterator[Case]:
    """`lead` is what surrounds one lead in the root, `inner` where the hostile part stands in it."""
    before = f"<{root}>" + (f"<{lead}>" if lead else "") + (f"<{inner}>" if inner else "")
    after = (f"</{inner}>" if inner else "") + (f"</{lead}>" if lead else "") + f"</{root}>"
    types = {"adf": "application/x-adf+xml", "feed": "application/rss+xml", "xml": "application/xml"}
    start, end = before.encode(), after.encode()

    def case(name: str, body: Made) -> Case:
        return Case(f"{kind} {name}", types[kind], body)

    bomb = b'<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    yield case("open tags", lambda: fill(b"<a>", start))
    yield case("empty tags", lambda: fill(b"<a/>", start, end))
    yield case("long empty tags", lambda: fill(b"<" + b"a" * 30 + b"/>", start, end))
    yield case("many names", lambda: counted(b"<a%d/>", start, end))
    yield case("long names", lambda: counted(b"<" + b"a" * 90 + b"%d/>", start, end))
    yield case(
        "as many tags and attributes as may be",
        lambda: fill(b"x", start + b"<a b='c'/>" * 99_000 + b"<a/>" * 149_000, end),
    )
    yield case("attributes", lambda: counted(b" a%d='1'", start[:-1], b">" + end))
    yield case("spaces of names", lambda: counted(b" xmlns:a%d='u'", start[:-1], b">" + end))
    yield case("tags with attributes", lambda: fill(b"<a b='c' d='e' f='g' h='i'/>", start, end))
    yield case("one attribute", lambda: fill(b"x", start[:-1] + b" a='", b"'>" + end))
    yield case("one text", lambda: fill(b"x", start, end))
    yield case("lines of text", lambda: fill(b"a: b\n", start, end))
    yield case("labels", lambda: counted(b"k%d: b\n", start, end))
    yield case("entities", lambda: fill(b"&lt;", start, end))
    yield case("numbers for letters", lambda: fill(b"&#65;", start, end))
    yield case("escaped tags", lambda: fill(b"&lt;td&gt;", start, end))
    yield case("escaped cells", lambda: fill(b"&lt;tr&gt;&lt;td&gt;a&lt;td&gt;b", start, end))
    yield case("comments", lambda: fill(b"<!---->", start, end))
    yield case("comments before it", lambda: fill(b"<!---->", b"", start + end))
    yield case("instructions", lambda: fill(b"<?a?>", b"", start + end))
    yield case("an instruction without end", lambda: b"<?" + b"a" * SIZE)
    yield case("a comment without end", lambda: b"<!--" + b"-" * SIZE)
    yield case("sections", lambda: fill(b"<![CDATA[x]]>", start, end))
    yield case("a bomb", lambda: fill(b"&b;", bomb + start, end))
    yield case("a DOCTYPE of blanks", lambda: fill(b" ", b"<!DOCTYPE l SYSTEM ", b">" + start + end))
    yield case("blanks before it", lambda: fill(b" ", b"", start + end))
    yield case("deep", lambda: fill(b"<a><b>", start, b"") + fill(b"</b></a>", b"", end, SIZE // 2))
    yield case("typographic quotes", lambda: fill("<a b=“c”/>".encode(), start, end))
    yield case("typographic quotes without end", lambda: fill("<a b=“".encode(), start, end))
    yield case("equals before quotes", lambda: fill("= “".encode(), start[:-1] + b" ", b">" + end))
    yield case("NULs", lambda: fill(b"\0", start, end))
    if lead:
        whole = f"<{lead}><id>1</id></{lead}>".encode()
        yield case("many leads", lambda: fill(whole, f"<{root}>".encode(), f"</{root}>".encode()))
        yield case(
            "empty leads", lambda: fill(f"<{lead}/>".encode(), f"<{root}>".encode(), f"</{root}>".encode())
        )


def adf() -> Iterator[Case]:
    yield from xml("adf", "adf", "prospect", "comments")
    before, after = b"<adf><prospect><customer><contact>", b"</contact></customer></prospect></adf>"
    for name, unit in (
        ("phones", b"<phone type='voice'>1</phone>"),
        ("names", b"<name part='first'>A</name>"),
        ("streets", b"<address><street line='1'>A</street></address>"),
    ):
        yield Case(f"adf {name}", "application/x-adf+xml", partial(fill, unit, before, after))
    yield Case("adf kinds", "application/x-adf+xml", partial(counted, b"<phone type='t%d'/>", before, after))
    yield Case(
        "adf instructions first", "application/xml", lambda: fill(b'<?ADF VERSION "1.0"?>\n', b"", b"<adf/>")
    )


def feed() -> Iterator[Case]:
    yield from xml("feed", "rss", "item", "description")
    kind = "application/rss+xml"
    html = (
        b"<p>",
        b"<div>",
        b"<table>",
        b"<b>a:</b> c<br>",
        b"<td>a</td>",
        b"<dt>a<dd>b",
        b"a=b\n",
        b"<a b",
        b"<!--",
    )
    for piece in html:
        body = partial(fill, piece, b"<rss><item><description><![CDATA[", b"]]></description></item></rss>")
        yield Case(f"feed {piece.decode().strip()} in a description", kind, body)
