"""A feed is polled: each item once, the server asked as seldom as it wishes."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from app.ingest.channels.feed import FeedSettings
from app.store.database import Database
from tests.pipeline.house import House, catalogue, opened
from tests.pipeline.vendor import Vendor, item
from tests.pipeline.visiting import Rounds, visiting, with_channels


@pytest.fixture
async def vendor() -> AsyncIterator[Vendor]:
    async with Vendor() as listening:
        yield listening


@pytest.fixture
async def house(database: Database, vendor: Vendor) -> AsyncIterator[House]:
    async with opened(database, catalogue(with_channels(f"{{channel: feed, url: '{vendor.url}'}}"))) as made:
        yield made


@pytest.fixture
async def poller(house: House, tmp_path: Path) -> AsyncIterator[Rounds]:
    async with visiting(house, tmp_path) as rounds:
        yield rounds


async def test_each_item_is_one_lead(vendor: Vendor, poller: Rounds) -> None:
    vendor.says(item(3), item(2), item(1))
    await poller.go()
    assert await poller.emails() == ["ann1@example.com", "ann2@example.com", "ann3@example.com"]
    assert (await poller.standing()).kept == 3


async def test_an_item_that_is_still_there_is_not_taken_again(vendor: Vendor, poller: Rounds) -> None:
    vendor.says(item(1))
    await poller.go()
    vendor.says(item(2), item(1, title="Solar lead, updated"))
    await poller.go()
    assert await poller.emails() == ["ann1@example.com", "ann2@example.com"]


async def test_an_unchanged_feed_is_asked_for_by_its_marks_in_one_request(
    vendor: Vendor, poller: Rounds
) -> None:
    vendor.says(item(1), ETag='W/"v1"', Last_Modified="Mon, 30 Mar 2026 15:30:20 GMT")
    await poller.go()
    await poller.go()
    first, second = vendor.asked
    assert "if-none-match" not in first
    assert second["if-none-match"] == 'W/"v1"'
    assert second["if-modified-since"] == "Mon, 30 Mar 2026 15:30:20 GMT"
    assert (await poller.standing()).failures == 0


async def test_the_mark_is_remembered_only_when_every_item_is_kept(
    vendor: Vendor, poller: Rounds, house: House
) -> None:
    feed = f"{{channel: feed, url: '{vendor.url}'}}"

    async def paused() -> None:
        await house.configure(catalogue(with_channels(feed, more=", paused: true")))

    vendor.says(item(1), ETag='"v1"')
    vendor.meanwhile = paused
    await poller.go()
    assert (await poller.standing()).kept == 0
    vendor.meanwhile = None
    await house.configure(catalogue(with_channels(feed)))
    await poller.go()
    assert "if-none-match" not in vendor.asked[1]
    assert await poller.emails() == ["ann1@example.com"]


async def test_another_url_begins_without_marks_but_takes_no_item_twice(
    vendor: Vendor, poller: Rounds, house: House
) -> None:
    vendor.says(item(1), ETag='"v1"')
    await poller.go()
    await house.configure(catalogue(with_channels(f"{{channel: feed, url: '{vendor.url}?all=1'}}")))
    await poller.go()
    assert vendor.queries == ["", "all=1"]
    assert "if-none-match" not in vendor.asked[1]
    assert await poller.emails() == ["ann1@example.com"]


async def test_an_item_without_guid_is_told_by_what_it_says(vendor: Vendor, poller: Rounds) -> None:
    portal = "http://portal.example/"
    vendor.says(item(1, guid="", link=portal), item(2, guid="", link=portal))
    await poller.go()
    again = item(2, guid="", link=portal)
    vendor.says(
        body=f'<rss xmlns:l="urn:l"><channel>{item(3, guid="", link=portal)}\n {again}</channel></rss>'.encode()
    )
    await poller.go()
    assert await poller.emails() == ["ann1@example.com", "ann2@example.com", "ann3@example.com"]


async def test_a_guid_that_several_items_share_tells_none_of_them(vendor: Vendor, poller: Rounds) -> None:
    vendor.says(item(1, guid="lead"), item(2, guid="lead"))
    await poller.go()
    assert await poller.emails() == ["ann1@example.com", "ann2@example.com"]


async def test_an_item_that_cannot_be_read_is_refused_once_and_hinders_no_other(
    vendor: Vendor, poller: Rounds
) -> None:
    vendor.says(item(2), "<item/>", item(1))
    await poller.go()
    vendor.says(item(3), item(2), "<item/>")
    await poller.go()
    assert await poller.emails() == ["ann1@example.com", "ann2@example.com", "ann3@example.com"]
    assert await poller.refusals() == [("acme", "empty")]


KINDS = [
    (
        b'<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>urn:1</id><title>t</title>'
        b"<summary>Email: ann1@example.com&lt;br&gt;First name: Ann</summary></entry></feed>",
        "application/atom+xml",
    ),
    (
        b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/">'
        b'<item rdf:about="http://v.example/1"><title>t</title>'
        b"<description>Email: ann2@example.com&lt;br&gt;First name: Ann</description></item></rdf:RDF>",
        "application/rdf+xml",
    ),
    (
        '<?xml version="1.0" encoding="windows-1252"?><rss xmlns:l="http://v.example/ns"><channel><item>'
        "<guid>1</guid><l:note>Größe</l:note><description>Email: ann3@example.com&lt;br&gt;First name: Zoë"
        "</description></item></channel></rss>".encode("cp1252"),
        "text/xml",
    ),
    (b"<rss><channel><title>No leads today</title></channel></rss>", "application/rss+xml"),
]


async def test_feeds_of_every_kind_are_read(vendor: Vendor, poller: Rounds) -> None:
    for body, kind in KINDS:
        vendor.says(body=body, Content_Type=kind)
        await poller.go()
        assert (await poller.standing()).trouble is None
    assert await poller.emails() == ["ann1@example.com", "ann2@example.com", "ann3@example.com"]


TROUBLES = [
    (200, b"", "no feed"),
    (200, b"<!DOCTYPE html><html><body>Sign in</body></html>", "no feed"),
    (200, b"<rss><channel><item>", "no feed"),
    (200, b"x" * 1_100_000, "more than is read"),
    (200, b"<rss>" + b"<item/>" * 100_001 + b"</rss>", "more than 100,000 items"),
    (301, b"", "moved (301)"),
    (401, b"", "does not let us in (401)"),
    (403, b"", "does not let us in (403)"),
    (404, b"", "answers 404"),
    (410, b"", "gone for good (410)"),
    (429, b"", "asks us to wait (429)"),
    (500, b"", "answers 500"),
]


async def test_an_answer_that_is_no_feed_is_trouble_in_words(vendor: Vendor, poller: Rounds) -> None:
    for n, (status, body, words) in enumerate(TROUBLES, 1):
        vendor.says(status=status, body=body)
        await poller.go()
        standing = await poller.standing()
        assert standing.failures == n
        assert words in (standing.trouble or "")
        assert "127.0.0.1" in (standing.trouble or "")


WAITS = [
    (429, {"Retry_After": "7200"}, 7200),
    (503, {"Retry_After": "99999999999"}, 86_400),
    (429, {"Retry_After": "Mon, 30 Mar 2026 18:30:20 GMT", "Date": "Mon, 30 Mar 2026 15:30:20 GMT"}, 10_800),
    (429, {"Retry_After": "tomorrow"}, 600),
    (429, {"Retry_After": "-5"}, 600),
    (429, {}, 600),
    (410, {}, 86_400),
]


async def test_the_server_says_when_to_come_again(vendor: Vendor, poller: Rounds, house: House) -> None:
    for status, headers, least in WAITS:
        vendor.says(status=status, **headers)
        await house.run("update channel set failures = 0")
        await poller.go()
        wait = await house.value("select extract(epoch from next_at - visited_at)::float8 from channel")
        assert least <= wait <= least * 1.11, (status, headers)


async def test_secrets_go_to_the_server_and_nowhere_else(
    vendor: Vendor, poller: Rounds, house: House
) -> None:
    told = (
        f"{{channel: feed, url: '{vendor.url}?c=1', auth: {{basic: {{user: acme, password: hush-1}}}},"
        " secret: {query: {key: hush-2}, headers: {X-Key: hush-3}}}"
    )
    await house.configure(catalogue(with_channels(told)))
    vendor.says(status=500)
    await poller.go()
    assert vendor.queries == ["c=1&key=hush-2"]
    assert vendor.asked[0]["authorization"] == "Basic YWNtZTpodXNoLTE="
    assert vendor.asked[0]["x-key"] == "hush-3"
    kept = await house.rows("select c::text from channel c union all select doc::text from configured")
    assert "hush" not in str([row[0] for row in kept])


@pytest.mark.parametrize(
    "url",
    [
        "ftp://v.example/x",
        "v.example/x",
        "http://",
        "http://a:b@v.example/",
        "http://v.example/ x",
        "http://v.example:x/",
    ],
)
def test_an_address_that_cannot_be_asked_is_found_when_it_is_configured(url: str) -> None:
    with pytest.raises(ValidationError):
        FeedSettings.model_validate({"url": url})


def test_a_visit_without_end_is_found_when_it_is_configured() -> None:
    with pytest.raises(ValidationError):
        FeedSettings.model_validate({"url": "http://v.example/x", "every": "0s"})


async def test_two_thousand_items_are_taken_in_one_visit(
    vendor: Vendor, poller: Rounds, house: House
) -> None:
    vendor.says(*(f"<item><guid>{n}</guid></item>" for n in range(2_000)))
    await poller.go()
    assert await house.value("select count(*) from submission") == 2_000
