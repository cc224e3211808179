import pytest

from app.ingest.page import facts


@pytest.mark.parametrize(
    "html, found",
    [
        ("Name: Ann Smith\nPhone: 5125550100", [("Name", "Ann Smith"), ("Phone", "5125550100")]),
        ("Name: Ann &amp; Bob\nE-mail:a@example.com", [("Name", "Ann & Bob"), ("E-mail", "a@example.com")]),
        (
            "<p>Name: Ann<br>Phone : 1<br/>\nZip:\n78701</p>",
            [("Name", "Ann"), ("Phone", "1"), ("Zip", "78701")],
        ),
        ("<b>Name:</b> Ann\n<b>Phone:</b> 1", [("Name", "Ann"), ("Phone", "1")]),
        ("<ul><li><strong>Name</strong>: Ann &lt;3</li><li>None here</li></ul>", [("Name", "Ann <3")]),
        (
            "<table><tr><td>Name:</td><td>Ann</td></tr><tr><th>Zip</th><td> </td></tr></table>",
            [("Name", "Ann"), ("Zip", "")],
        ),
        (
            "<table><tr><td>Name:</td><td>Ann</td><td>Zip:</td><td>78701</td></tr></table>",
            [("Name", "Ann"), ("Zip", "78701")],
        ),
        (
            "<table><thead><tr><th>Name</th><th>Zip</th><th>City</th></tr></thead>"
            "<tr><td>Ann</td><td>78701</td><td>Austin</td></tr></table>",
            [("Name", "Ann"), ("Zip", "78701"), ("City", "Austin")],
        ),
        (
            "<table><tr><th>Field</th><th>Value</th></tr><tr><td>Name</td><td>Ann</td></tr></table>",
            [("Name", "Ann")],
        ),
        (
            "<table><tr><td><table><tr><td>Name</td><td>Ann</td></tr></table></td><td>x</td><td>Zip: 1</td></tr></table>",
            [("Name", "Ann"), ("Zip", "1")],
        ),
        (
            "<table><tr><td>Zip</td><td>78701<table><tr><td>a</td></tr></table></td></tr></table>",
            [("Zip", "78701")],
        ),
        (
            "<dl><dt>Home Phone</dt><dd>1<br>2</dd><dt>Zip?<dd>78701</dl>",
            [("Home Phone", "1\n2"), ("Zip", "78701")],
        ),
        ("<style>a: b</style><script>c: d</script><!-- e: f --><p>Name: Ann", [("Name", "Ann")]),
        ("<a href='http://x.example/?a: b'>See http://x.example</a>", []),
        ("We met at 10:30. Then: nothing", []),
        ("", []),
        ("<", []),
        ("<p>", []),
        ("</td></tr></table></dd></style>Name: Ann", [("Name", "Ann")]),
    ],
)
def test_labelled_facts_are_found_however_they_are_laid_out(html, found):
    assert list(facts(html)) == found


@pytest.mark.parametrize(
    "html",
    [
        "<div>" * 100_000,
        "<table><tr><td>" * 50_000,
        "<" * 200_000,
        "a: " * 100_000,
        "<a b='" * 50_000,
        "&" * 100_000,
    ],
)
def test_hostile_markup_ends(html):
    assert len(list(facts(html))) < 10
