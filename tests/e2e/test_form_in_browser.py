"""The hosted form as its visitors see it: a real `leadgate serve`, a real Chromium, a real other site."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import psycopg
import pytest
import pytest_asyncio
from playwright.async_api import Browser

from app.store.database import Database
from app.store.embedded import EmbeddedPostgres
from tests.e2e.browsing import Site, Visit, chromium, needs_chromium, until
from tests.e2e.service import Service

pytestmark = [pytest.mark.e2e, needs_chromium, pytest.mark.asyncio(loop_scope="module")]

_FIELDS = """
    fields:
      first_name: {type: name, required: true}
      email:      {type: email, required: true}
      phone:      {type: phone, country: US}
      bill:       {type: number, min: 0, max: 1000}
      roof:       {type: choice, values: [flat, pitched], required: true}
      owner:      {type: boolean}
      zip:        {type: postal_code, country: US}
"""
_ONE = """
      title: Get a quote
      fields: [first_name, email, phone, roof, owner]
      consent: {text: "Call me. [Terms](https://acme.example/terms)", version: v1}
      help: "Questions? Call 415 555 0100."
      origins: ["%s"]
"""
_STEPS = """
      title: Get a quote
      steps:
        - {title: Your roof, fields: [roof, bill]}
        - {title: Where, fields: [zip]}
        - {title: You, fields: [first_name, email]}
      origins: ["%s"]
"""
_PARTIAL = """
      fields: [first_name, email, roof]
      partial: true
      origins: ["%s"]
"""
_CAMPAIGNS = {"plain": _ONE, "steps": _STEPS, "partial": _PARTIAL}


def catalogue(origin: str) -> str:
    campaigns = "".join(f"\n  - id: {id_}{_FIELDS}" for id_ in _CAMPAIGNS)
    sources = "".join(
        f"\n  - id: {id_}\n    campaign: {id_}\n    reply: verdict\n    mapping: {{fname: first_name}}\n    form:{form % origin}"
        for id_, form in _CAMPAIGNS.items()
    )
    return f"campaigns:{campaigns}\nsources:{sources}\n"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def site() -> AsyncIterator[Site]:
    async with Site().open() as opened:
        yield opened


@pytest.fixture(scope="module")
def own_database(postgres: EmbeddedPostgres, template_db: str) -> Iterator[str]:
    """A migrated database for all of these tests: to make one for each would take longer than the tests."""
    with psycopg.connect(postgres.dsn, autocommit=True) as connection:
        connection.execute(f"create database in_browser template {template_db}")
        yield postgres.dsn.replace("/leadgate?", "/in_browser?", 1)
        connection.execute("drop database in_browser with (force)")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def service(
    tmp_path_factory: pytest.TempPathFactory, site: Site, own_database: str
) -> AsyncIterator[Service]:
    running = Service(tmp_path_factory.mktemp("forms"), database_url=own_database)
    await running.configure(catalogue(site.origin))
    await running.start()
    yield running
    await running.close()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as opened:
        yield opened


Open = Callable[..., Awaitable[Visit]]


@pytest_asyncio.fixture(loop_scope="module")
async def visit(browser: Browser, service: Service) -> AsyncIterator[Open]:
    """Opens an address of the service or of another site in a browser of its own."""
    made = []

    async def visiting(address: str, **options: Any) -> Visit:
        context = await browser.new_context(**options)
        made.append(context)
        one = Visit(context, await context.new_page())
        one.page.set_default_timeout(10_000)
        await one.page.goto(address if "://" in address else service.url + address)
        return one

    yield visiting
    for context in made:
        await context.close()


@pytest_asyncio.fixture(loop_scope="module")
async def leads(service: Service) -> AsyncIterator[Callable[[str], Awaitable[list[dict[str, Any]]]]]:
    """The leads of an address: their fields' values, and `extra`."""
    database = await Database.open(service.dsn, size=2)

    async def of(email: str) -> list[dict[str, Any]]:
        async with database.acquire() as conn:
            rows = await conn.fetch("select fields, extra from lead_detail")
        found = []
        for row in rows:
            fields = {name: value[1] for name, value in json.loads(row["fields"]).items()}
            if fields.get("email") == email:
                found.append({**fields, "extra": json.loads(row["extra"])})
        return found

    yield of
    await database.close()


Kept = Callable[[str], Awaitable[int]]


@pytest_asyncio.fixture(loop_scope="module")
async def kept(service: Service) -> AsyncIterator[Kept]:
    """How many submissions, also unfinished ones, name an address."""
    database = await Database.open(service.dsn, size=2)

    async def of(email: str) -> int:
        async with database.acquire() as conn:
            found = await conn.fetchval(
                "select count(*) from submission where position($1::bytea in body) > 0", email.encode()
            )
        return int(found)

    yield of
    await database.close()


Leads = Callable[[str], Awaitable[list[dict[str, Any]]]]
THANKS = "text=We have your request."


async def fill(one: Visit, email: str) -> None:
    page = one.page
    await page.get_by_label("First name").press_sequentially("Ann")
    await page.get_by_label("Email").press_sequentially(email)
    await page.get_by_label("Pitched").check()
    await page.get_by_label("Call me.").check()


async def test_a_form_is_filled_in_and_sent_with_how_it_was_done(visit: Open, leads: Leads) -> None:
    one = await visit(
        "/f/plain?utm_source=google&gclid=abc", locale="en-GB", timezone_id="America/Los_Angeles",
        viewport={"width": 900, "height": 700},
    )  # fmt: skip
    await fill(one, "a1@example.com")
    await one.page.get_by_role("button", name="Send").click()
    await one.page.wait_for_selector(THANKS)
    assert await one.focused() == "lg-title"
    (lead,) = await leads("a1@example.com")
    extra = lead["extra"]
    assert (lead["first_name"], lead["roof"]) == ("Ann", "pitched")
    assert (extra["device.time_zone"], extra["device.language"]) == ("America/Los_Angeles", "en-GB")
    assert (extra["device.viewport"], extra["device.webdriver"]) == ("900x700", True)
    assert (extra["utm_source"], extra["gclid"]) == ("google", "abc")
    assert extra["typing.keys"] >= len("Anna1@example.com")
    assert extra["typing.pastes"] == 0
    assert extra["time_on_page"] > 0
    assert extra["form.script"] is True
    assert extra["consent.given"] is True
    assert one.complaints == []


async def test_a_form_works_without_a_script(visit: Open, leads: Leads, service: Service) -> None:
    one = await visit("/f/plain?utm_source=news", java_script_enabled=False)
    await fill(one, "a2@example.com")
    await one.page.get_by_role("button", name="Send").click()
    await one.page.wait_for_selector(THANKS)
    assert one.page.url == f"{service.url}/f/plain/thanks"
    await one.page.reload()
    await one.page.wait_for_selector(THANKS)
    (lead,) = await leads("a2@example.com")
    assert lead["extra"]["form.script"] is False
    assert lead["extra"]["utm_source"] == "news"
    assert one.complaints == []


@pytest.mark.parametrize("script", [True, False])
async def test_what_is_to_be_mended_is_said_where_it_is_and_has_the_focus(visit: Open, script: bool) -> None:
    one = await visit("/f/plain", java_script_enabled=script)
    page = one.page
    await page.get_by_label("First name").fill("Ann")
    await page.get_by_label("Email").fill("ann@")
    await page.get_by_role("button", name="Send").click()
    await page.wait_for_selector(".lg-summary")
    await page.wait_for_selector("input[name=email]:focus")
    assert await page.title() == "Error: Get a quote"
    email = page.get_by_label("Email")
    assert await email.input_value() == "ann@"
    assert await email.get_attribute("aria-invalid") == "true"
    told = await email.get_attribute("aria-describedby")
    said = await page.locator(f"#{told}").text_content()
    assert said == "Error: Enter an e-mail address like name@example.com"
    assert await page.get_by_label("First name").input_value() == "Ann"
    links = page.locator(".lg-summary a")
    assert await links.all_inner_texts() == [
        "Enter an e-mail address like name@example.com", "Choose your roof",
        "Tick the box to agree, or we can't take your request",
    ]  # fmt: skip
    await links.nth(1).click()
    assert await page.locator("#lg-roof:focus").count() == 1
    assert one.complaints == []


@pytest.mark.parametrize("script", [True, False])
async def test_several_steps_are_gone_forward_and_back_with_the_keyboard(
    visit: Open, leads: Leads, script: bool
) -> None:
    one = await visit("/f/steps", java_script_enabled=script)
    email = f"steps-{script}@example.com".lower()

    async def at(step: str) -> None:
        await one.page.wait_for_selector(f'[aria-current=step]:text-is("{step}")')

    await at("Your roof")
    await one.keys("Tab", "Space", "Tab", "120", "Enter")
    await at("Where")
    await one.keys("Tab", "94110", "Tab", "Tab", "Enter")
    await at("Your roof")
    assert await one.page.get_by_label("Bill").input_value() == "120"
    assert await one.page.get_by_label("Flat").is_checked()
    await one.keys("Tab", "Tab", "Tab", "Enter")
    await at("Where")
    assert await one.page.get_by_label("Zip").input_value() == "94110"
    await one.keys("Tab", "Tab", "Enter")
    await at("You")
    await one.keys("Tab", "Ann", "Tab", email, "Tab", "Enter")
    await one.page.wait_for_selector(THANKS)
    (lead,) = await leads(email)
    assert (lead["roof"], lead["bill"], lead["zip"], lead["first_name"]) == ("flat", 120, "94110", "Ann")
    assert one.complaints == []


TARGETS = """
[...document.querySelectorAll('.leadgate input:not([type=hidden]), .leadgate select, .leadgate button, .lg-summary a')]
  .filter(one => !one.closest('[aria-hidden=true]')).map(one => {
    const box = (one.closest('label.lg-tick') || one).getBoundingClientRect();
    return [one.name || one.textContent, Math.round(box.width), Math.round(box.height)];
  })
"""


@pytest.mark.parametrize("width", [320, 390])
async def test_a_phone_shows_all_of_it_and_a_thumb_hits_it(visit: Open, width: int) -> None:
    one = await visit(
        "/f/plain",
        viewport={"width": width, "height": 700},
        is_mobile=True,
        has_touch=True,
        device_scale_factor=2,
    )
    for _ in ("as it is", "with errors"):
        widths = await one.page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        assert widths[0] <= widths[1] == width
        targets = await one.page.evaluate(TARGETS)
        assert len(targets) >= 8
        assert [target for target in targets if target[1] < 44 or target[2] < 44] == []
        sizes = await one.page.evaluate(
            "getComputedStyle(document.querySelector('input[name=email]')).fontSize"
        )
        assert sizes == "16px"  # below, a phone zooms in at each touch
        await one.page.get_by_role("button", name="Send").tap()
        await one.page.wait_for_selector(".lg-summary")


UNNAMED = """
[...document.querySelectorAll('.leadgate input:not([type=hidden]), .leadgate select, .leadgate textarea')]
  .filter(one => !one.closest('[aria-hidden=true]') && ![...one.labels].some(label => label.textContent.trim()))
  .map(one => one.name)
"""
DANGLING = """
[...document.querySelectorAll('[aria-describedby], [for]')]
  .flatMap(one => (one.getAttribute('aria-describedby') || one.htmlFor).split(' '))
  .filter(id => !document.getElementById(id))
"""


@pytest.mark.parametrize("path", ["/f/plain", "/f/steps"])
async def test_every_input_has_its_name_and_every_error_its_input(visit: Open, path: str) -> None:
    one = await visit(path)
    page = one.page
    assert await page.evaluate("document.documentElement.lang") == "en"
    for _ in ("as it is", "with errors"):
        assert await page.evaluate(UNNAMED) == []
        assert await page.evaluate(DANGLING) == []
        assert await page.locator("h1").count() == 1
        ids = await page.evaluate("[...document.querySelectorAll('[id]')].map(one => one.id)")
        assert len(ids) == len(set(ids))
        await page.locator("button[value=next]").click()
        await page.wait_for_selector(".lg-summary")
    wrong = await page.locator("[aria-invalid=true]").count()
    assert wrong == await page.locator(".lg-summary a").count() == await page.locator(".lg-error").count() > 0


@pytest.mark.parametrize("script", [True, False])
async def test_a_double_click_is_one_lead(visit: Open, leads: Leads, script: bool) -> None:
    one = await visit("/f/plain", java_script_enabled=script)
    email = f"twice-{script}@example.com".lower()
    await fill(one, email)
    await one.page.get_by_role("button", name="Send").dblclick(no_wait_after=True)
    await one.page.wait_for_selector(THANKS)
    assert len(await leads(email)) == 1


async def test_a_broken_connection_lets_the_browser_send_it_itself(visit: Open, leads: Leads) -> None:
    one = await visit("/f/plain")
    await fill(one, "broken@example.com")
    await one.page.route(
        "**/f/plain*",
        lambda route: route.abort() if route.request.resource_type == "fetch" else route.continue_(),
    )
    await one.page.get_by_role("button", name="Send").click()
    await one.page.wait_for_url("**/f/plain/thanks*")
    (lead,) = await leads("broken@example.com")
    assert lead["extra"]["device.webdriver"] is True


async def test_who_goes_away_leaves_what_was_filled_in(visit: Open, kept: Kept) -> None:
    one = await visit("/f/partial")
    await one.page.goto("about:blank")
    assert await kept("left@example.com") == 0
    await one.page.go_back()
    await one.page.get_by_label("Email").fill("left@example.com")
    await one.page.goto("about:blank")
    await until(lambda: kept("left@example.com"))


# on a page of another site --------------------------------------------------------------------------


async def test_a_form_is_put_into_a_page_of_an_allowed_site(
    visit: Open, leads: Leads, service: Service, site: Site
) -> None:
    script = f'<script src="{service.url}/f/steps.js" data-source="steps" data-target="#form"></script>'
    site.pages["/landing"] = f"<!doctype html><h1>Roofs</h1><div id=form>Loading</div>{script}"
    one = await visit(f"{site.origin}/landing?utm_campaign=spring&email=secret@example.com")
    page = one.page
    await page.get_by_label("Pitched").check()
    await page.get_by_role("button", name="Continue").click()
    await page.wait_for_selector('[aria-current=step]:text-is("Where")')
    assert await one.focused() == "lg-step"
    await page.get_by_role("button", name="Continue").click()
    await page.get_by_label("First name").fill("Ann")
    await page.get_by_role("button", name="Send").click()
    await page.wait_for_selector(".lg-summary")
    assert await one.focused() == "email"
    await page.get_by_label("Email").fill("embedded@example.com")
    await page.get_by_role("button", name="Send").click()
    await page.wait_for_selector(THANKS)
    assert await page.locator("h1").all_inner_texts() == ["Roofs"]
    assert page.url.startswith(site.origin)
    (lead,) = await leads("embedded@example.com")
    extra = lead["extra"]
    assert extra["page_url"] == f"{site.origin}/landing?utm_campaign=spring"
    assert (extra["form.embedded_on"], extra["utm_campaign"]) == (site.origin, "spring")
    assert "secret" not in json.dumps(lead)
    assert one.complaints == []


async def test_a_form_is_not_put_into_a_page_of_another_site(visit: Open, service: Service) -> None:
    async with Site().open() as stranger:
        script = f'<script src="{service.url}/f/plain.js" data-target="#form"></script>'
        frame = f'<iframe src="{service.url}/f/plain"></iframe>'
        stranger.pages["/"] = f"<!doctype html><div id=form>Call us</div>{frame}{script}"
        one = await visit(f"{stranger.origin}/")

        async def refused() -> bool:
            said = " ".join(one.complaints)
            asks = f"is {stranger.origin} among the form's origins?"
            return "CORS policy" in said and "frame-ancestors" in said and asks in said

        await until(refused)
        assert await one.page.locator("#form").inner_text() == "Call us"
        assert await one.page.locator("form").count() == 0


THEIRS = """<!doctype html><h1>Roofs</h1>
<form id=existing action="/theirs" method=post>
<label>Name <input name=fname></label> <label for=m>Mail</label> <input id=m name=email aria-describedby=note>
<p id=note>We never share it</p>
<label>Roof <select name=roof><option value="">?</option><option>flat</option></select></label>
<input type=hidden name=campaign_ref value=r-1>
<button>Go</button>
</form>
<script src="%s/f/plain.js" data-attach="#existing"></script>"""


async def test_a_form_that_is_there_is_attached_to(
    visit: Open, leads: Leads, service: Service, site: Site
) -> None:
    site.pages["/existing"] = THEIRS % service.url
    site.posted.clear()
    one = await visit(f"{site.origin}/existing")
    page = one.page
    await page.get_by_label("Call me.").check()
    await page.get_by_label("Mail").fill("attached@")
    await page.get_by_role("button", name="Go").click()
    await page.wait_for_selector(".leadgate-error")
    assert await one.focused() == "fname"
    assert await page.locator(".leadgate-error").all_inner_texts() == [
        "Enter your first name", "Enter an e-mail address like name@example.com", "Choose your roof",
    ]  # fmt: skip
    assert await page.get_by_label("Mail").get_attribute("aria-describedby") == "note leadgate-error-email"
    await page.get_by_label("Name").fill("Ann")
    await page.get_by_label("Mail").fill("attached@example.com")
    await page.get_by_label("Roof").select_option("flat")
    await page.get_by_role("button", name="Go").click()
    await page.wait_for_selector(THANKS)
    (lead,) = await leads("attached@example.com")
    assert (lead["first_name"], lead["roof"]) == ("Ann", "flat")
    assert lead["extra"]["campaign_ref"] == "r-1"
    assert lead["extra"]["consent.given"] is True
    assert "form.honeypot" not in lead["extra"]
    assert site.posted == []
    assert one.complaints == []


async def test_a_form_of_a_site_that_is_not_allowed_goes_its_own_way(visit: Open, service: Service) -> None:
    async with Site().open() as stranger:
        stranger.pages["/"] = THEIRS % service.url
        one = await visit(f"{stranger.origin}/")
        await one.page.get_by_label("Name").fill("Ann")
        await one.page.get_by_role("button", name="Go").click()
        await one.page.wait_for_selector("text=Their own thanks")
        assert [posted["fname"] for posted in stranger.posted] == ["Ann"]
