"""The hosted form without a browser: what is shown, taken, refused, and kept as evidence."""

import asyncio
import hashlib
import json
from datetime import timedelta
from typing import Any

import pytest

from app.core.errors import NotDurable
from tests.api.conftest import Api
from tests.api.forms import ANN, FORM, STEPS, Visitor, yaml
from tests.api.test_intake import problem

JSON = {"accept": "application/json"}
SHOP = {"origin": "https://shop.example"}


@pytest.fixture
def house() -> str:
    return yaml()


@pytest.fixture
async def visitor(api: Api) -> Visitor:
    return Visitor(api)


async def lead(api: Api) -> dict[str, Any]:
    """The one lead's fields (normal values) and what was kept beside them."""
    async with api.process.database.acquire() as conn:
        (row,) = await conn.fetch("select fields, extra from lead_detail")
    fields = json.loads(row["fields"])
    return {"extra": json.loads(row["extra"]), **{name: value[1] for name, value in fields.items()}}


async def count(api: Api, where: str = "true") -> int:
    return int(await api.value(f"select count(*) from lead where {where}"))


async def said(api: Api, body: Any, path: str = "/f/solar", **headers: str) -> Any:
    """As the script posts it."""
    return await api.http.post(path, json=body, headers={**JSON, **headers})


async def told(api: Api, path: str = "/f/solar", **headers: str) -> Any:
    """What the script is told of the form."""
    return (await api.http.get(path, headers={**JSON, **headers})).json()


# seen -----------------------------------------------------------------------------------------------


async def test_a_form_asks_what_nothing_else_fills(visitor: Visitor) -> None:
    await visitor.open()
    asked = [name for name in visitor.form.inputs if not name.startswith("_")]
    assert asked == [
        "first_name", "email", "phone", "state", "postal_code", "country", "roof", "bill", "born", "owner",
        "remarks", "homepage",
    ]  # fmt: skip


INPUTS = {
    "first_name": {"autocomplete": "given-name", "aria-required": "true"},
    "email": {"type": "email", "autocomplete": "email", "inputmode": "email", "spellcheck": "false"},
    "phone": {"type": "tel", "autocomplete": "tel", "inputmode": "tel"},
    "state": {"tag": "select", "autocomplete": "address-level1"},
    "postal_code": {"autocomplete": "postal-code", "inputmode": "numeric"},
    "country": {"tag": "select", "autocomplete": "country"},
    "roof": {"type": "radio"},
    "bill": {"type": "text", "inputmode": "decimal"},
    "born": {"type": "text", "autocomplete": "bday"},
    "owner": {"type": "checkbox", "value": "yes"},
    "remarks": {"tag": "textarea", "maxlength": "2000"},
    "homepage": {"tabindex": "-1", "autocomplete": "off"},
}


async def test_each_type_of_field_has_its_input(visitor: Visitor) -> None:
    await visitor.open()
    for name, given in INPUTS.items():
        found = visitor.form.inputs[name]
        assert {key: found.get(key) for key in given} == given


async def test_a_page_runs_nothing_of_anybody_and_is_framed_by_allowed_sites_only(visitor: Visitor) -> None:
    page = await visitor.open()
    policy = page.headers["content-security-policy"]
    assert "frame-ancestors https://shop.example http://127.0.0.1:9" in policy
    assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
    assert "<style" not in page.text
    assert " style=" not in page.text
    assert " on" + "click" not in page.text
    assert page.headers["cache-control"] == "no-store"
    await visitor.api.configure(yaml("      title: Quote\n"))
    assert "frame-ancestors 'none'" in (await visitor.open()).headers["content-security-policy"]


async def test_what_is_configured_is_text_on_the_page(visitor: Visitor) -> None:
    hostile = """
      title: "<script>a</script>"
      intro: "<b> [x](javascript:alert(1)) [y](https://e.example/?a=\\"b)"
      labels: {email: '"><img src=x>'}
      consent: {text: "<i>yes</i> [Terms & more](https://e.example/t?a=1&b=2)", version: v1}
"""
    await visitor.api.configure(yaml(hostile))
    text = (await visitor.open()).text
    for markup in ("<script>a", "<b>", "<img", "<i>yes", 'href="javascript'):
        assert markup not in text
    assert 'href="https://e.example/t?a=1&amp;b=2"' in text
    await visitor.send(email='"><script>alert(1)</script>', first_name="</textarea><script>")
    assert "<script>alert" not in visitor.seen.text
    assert visitor.form.values["email"] == '"><script>alert(1)</script>'


async def test_a_form_is_asked_for_by_its_source_where_several_have_one(api: Api, visitor: Visitor) -> None:
    more = "  - {id: other, campaign: solar, form: {title: Theirs}}\n"
    await api.configure(yaml(more=more))
    assert "Get a quote" in (await visitor.open()).text
    assert "Theirs" in (await visitor.open("/f/solar?source=other")).text
    response = await visitor.send(**ANN)
    assert response.headers["location"] == "solar/thanks?source=other"
    assert await count(api, "source = 'other'") == 1


async def test_an_unknown_form_is_a_page_that_says_so(visitor: Visitor) -> None:
    for path in ("/f/nothing", "/f/solar?source=nobody", "/f/nothing/thanks", "/f/%00"):
        page = await visitor.open(path)
        assert page.status_code == 404
        assert "There is no form here" in page.text
        problem(await visitor.api.http.get(path, headers=JSON), 404, "not_found")


async def test_whoever_does_not_ask_for_json_gets_the_page(api: Api) -> None:
    for accept in ("*/*", "", "text/html, application/json;q=0.5"):
        page = await api.http.get("/f/solar", headers={"accept": accept})
        assert page.headers["content-type"] == "text/html; charset=utf-8"


async def test_a_paused_source_has_no_form_now(api: Api, visitor: Visitor) -> None:
    await visitor.open()
    await api.configure(yaml().replace("reply: verdict", "reply: verdict\n    paused: true"))
    assert (await visitor.send(**ANN)).status_code == 404
    page = await visitor.open()
    assert (page.status_code, "closed at the moment" in page.text) == (404, True)
    problem(await api.http.get("/f/solar", headers=JSON), 404, "source_off")
    assert await api.value("select count(*) from submission") == 0


async def test_script_and_style_are_kept_by_browsers_until_they_change(api: Api) -> None:
    for path, kind in (("/f/solar.js", "text/javascript"), ("/f/solar.css", "text/css")):
        first = await api.http.get(path)
        assert first.headers["content-type"] == f"{kind}; charset=utf-8"
        assert len(first.content) < 12_500
        again = await api.http.get(path, headers={"if-none-match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
    assert "--lg-fill:#1d4fc4;--lg-on-fill:#ffffff" in (await api.http.get("/f/solar.css")).text
    await api.configure(yaml(FORM + '      colour: "#ffcc00"\n'))
    assert "--lg-fill:#ffcc00;--lg-on-fill:#000000" in (await api.http.get("/f/solar.css")).text


# sent -----------------------------------------------------------------------------------------------


async def test_a_sent_form_is_a_lead_and_its_visitor_is_thanked(api: Api, visitor: Visitor) -> None:
    await visitor.open()
    response = await visitor.send(**ANN, bill="120", roof="flat", owner="yes", state="CA")
    assert (response.status_code, response.headers["location"]) == (303, "solar/thanks")
    kept = await lead(api)
    assert (kept["first_name"], kept["email"], kept["phone"]) == ("Ann", "ann@example.com", "+14155552671")
    assert (kept["bill"], kept["roof"], kept["owner"], kept["state"]) == (120, "flat", True, "CA")
    page = await visitor.open("/f/solar/thanks")
    assert "We have your request." in page.text
    assert "ann" not in page.text.lower().replace("answer", "")


async def test_what_is_missing_or_wrong_is_said_at_its_input_and_nothing_is_lost(
    api: Api, visitor: Visitor
) -> None:
    await visitor.open()
    response = await visitor.send(
        email="ann@", phone="123", state="CA", bill="5000", born="13/13/1980", _consent="yes"
    )
    assert response.status_code == 422
    assert visitor.errors() == {
        "first_name": "Enter your first name",
        "email": "Enter an e-mail address like name@example.com",
        "phone": "Check the phone number; no such number is in use",
        "bill": "Enter a number: from 0 to 1000",
        "born": "Enter a date that exists",
    }
    assert "<title>Error: Get a quote</title>" in visitor.text
    inputs = visitor.form.inputs
    assert inputs["email"]["aria-invalid"] == "true"
    assert inputs["bill"]["aria-describedby"] == "lg-bill-hint lg-bill-error"
    assert [name for name, one in inputs.items() if "autofocus" in one] == ["first_name"]
    assert (visitor.form.values["email"], visitor.form.values["state"]) == ("ann@", "CA")
    assert await api.value("select count(*) from submission") == 0


async def test_nobody_is_taken_without_the_consent(api: Api, visitor: Visitor) -> None:
    await visitor.open()
    await visitor.send(**ANN | {"_consent": ""})
    assert list(visitor.errors()) == ["_consent"]
    assert "checked" not in visitor.form.inputs["_consent"]
    await visitor.send(**ANN)
    assert (await lead(api))["agreed"] is True


async def test_a_refusal_that_the_visitor_can_mend_is_said(api: Api, visitor: Visitor) -> None:
    await api.configure(yaml(checks="[{check: email, disposable: reject}]"))
    await visitor.open()
    response = await visitor.send(**ANN | {"email": "ann@mailinator.com"})
    assert (response.status_code, list(visitor.errors())) == (422, ["email"])
    assert (await visitor.send(**ANN)).status_code == 303
    assert await count(api, "state = 'rejected'") == 1
    assert await count(api) == 2


async def test_a_stranger_does_not_learn_who_came_before(api: Api, visitor: Visitor) -> None:
    await api.configure(yaml(checks='[{check: duplicate, on: [email], within: "30d"}]'))
    answers = []
    for _ in range(2):
        await visitor.open()
        answers.append(await visitor.send(**ANN))
    assert [one.status_code for one in answers] == [303, 303]
    assert answers[0].headers["location"] == answers[1].headers["location"]
    assert await count(api, "state = 'rejected'") == 1


async def test_two_clicks_are_one_lead(api: Api, visitor: Visitor) -> None:
    await visitor.open()
    responses = await asyncio.gather(*(visitor.send(**ANN) for _ in range(5)))
    assert {one.status_code for one in responses} == {303}
    assert await count(api) == 1


async def test_the_same_form_with_other_answers_is_another_lead_and_marked(
    api: Api, visitor: Visitor
) -> None:
    await visitor.open()
    for email in ("ann@example.com", "bob@example.com", "bob@example.com"):
        assert (await visitor.send(**ANN | {"email": email})).status_code == 303
    assert await count(api) == 2
    codes = await api.value("select string_agg(findings::text, '') from lead_detail")
    assert codes.count("form_reused") == 1


async def test_a_form_that_was_open_for_a_day_is_sent_once_more(
    api: Api, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    await visitor.open()
    now = api.process.world.now
    later = api.process.world.__class__(now=lambda: now() + timedelta(days=1, minutes=1))
    monkeypatch.setattr(api.process, "world", later)
    response = await visitor.send(**ANN)
    assert response.status_code == 422
    assert "open for a long time" in visitor.text
    assert visitor.form.values["email"] == "ann@example.com"
    assert await api.value("select count(*) from submission") == 0
    assert (await visitor.send(_consent="yes")).status_code == 303
    assert (await lead(api))["extra"]["form.seconds"] > 86_400


async def test_a_form_without_a_token_of_ours_is_asked_again(api: Api, visitor: Visitor) -> None:
    await visitor.open()
    for token in ("", "x", "A" * 70, "é" * 20, "A" * 20_000):
        assert (await visitor.send(**ANN, _token=token)).status_code == 422
    assert await api.value("select count(*) from submission") == 0
    assert (await visitor.send(_consent="yes")).status_code == 303


async def test_a_token_of_another_form_is_none(api: Api, visitor: Visitor) -> None:
    await api.configure(yaml(more="  - id: other\n    campaign: solar\n    form:\n" + FORM))
    theirs = (await told(api, "/f/solar?source=other"))["token"]
    await visitor.open()
    assert (await visitor.send(**ANN, _token=theirs)).status_code == 422
    assert "Check your answers" in visitor.text


async def test_a_consent_that_was_reworded_meanwhile_is_read_again(api: Api, visitor: Visitor) -> None:
    await visitor.open()
    await api.configure(yaml().replace("Call me.", "Call me, always.").replace("version: v1", "version: v2"))
    assert (await visitor.send(**ANN)).status_code == 422
    assert "The text has changed" in visitor.errors()["_consent"]
    assert "Call me, always." in visitor.text
    assert (await visitor.send(_consent="yes")).status_code == 303
    assert (await lead(api))["extra"]["consent.version"] == "v2"


async def test_a_trap_catches_programs_which_are_thanked_and_never_sold(api: Api, visitor: Visitor) -> None:
    await visitor.open()
    response = await visitor.send(**ANN, homepage="https://spam.example")
    assert (response.status_code, response.headers["location"]) == (303, "solar/thanks")
    assert await count(api, "state = 'rejected'") == 1
    assert "honeypot" in await api.value("select findings::text from lead_detail")
    assert "homepage" not in await api.value("select fields::text from lead_detail")


async def test_a_test_form_makes_test_leads(api: Api, visitor: Visitor) -> None:
    await visitor.open("/f/solar?test=1")
    assert (await visitor.send(**ANN)).status_code == 303
    assert await count(api, "test") == 1


async def test_without_a_database_nothing_that_was_answered_is_lost(
    api: Api, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    await visitor.open()
    engine = api.process.engine

    async def away(_: Any) -> Any:
        raise NotDurable("the database does not answer; send it again")

    with monkeypatch.context() as patch:
        patch.setattr(engine, "keep", away)
        response = await visitor.send(**ANN)
    assert (response.status_code, response.headers["retry-after"]) == (503, "2")
    assert "We could not save this" in visitor.text
    assert visitor.form.values["first_name"] == "Ann"
    assert "checked" in visitor.form.inputs["_consent"]
    assert (await visitor.send()).status_code == 303
    assert await count(api) == 1


FORM_TYPE, JSON_TYPE = "application/x-www-form-urlencoded", "application/json"
HOSTILE = [
    (b"", FORM_TYPE, 422),
    (b"x" * 300_000, FORM_TYPE, 413),
    (b"a=%00", FORM_TYPE, 400),
    (b"a=%ff", FORM_TYPE, 400),
    (b"&".join(b"a%d=1" % n for n in range(500)), FORM_TYPE, 400),
    (b"{}", JSON_TYPE, 400),
    (b"[" * 100_000, JSON_TYPE, 400),
    (b'{"values": {"a": {"b": 1}}}', JSON_TYPE, 400),
    (b'{"values": {"a": "\\ud800"}}', JSON_TYPE, 400),
    (b"<a/>", "text/xml", 415),
    (b"", "", 422),
]


async def test_a_hostile_body_is_refused_in_words(api: Api) -> None:
    for body, kind, status in HOSTILE:
        headers = {"content-type": kind, "accept": "text/html"}
        response = await api.http.post("/f/solar", content=body, headers=headers)
        assert response.status_code == status, body[:20]
        assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert await api.value("select count(*) from submission") == 0


async def test_what_a_visitor_may_not_say_is_set_aside(api: Api, visitor: Visitor) -> None:
    await visitor.open()
    forged = {
        "ip": "203.0.113.9",
        "IP": "203.0.113.9",
        "agreed": "yes",
        "form.seconds": "99",
        "consent.text": "other",
    }
    await visitor.send(**ANN | {"_consent": "yes"}, **forged, Page="https://x.example", campaign="mine")
    kept = await lead(api)
    assert kept["ip"] == "127.0.0.1"
    assert kept["extra"]["consent.text"].startswith("Call me.")
    assert kept["extra"]["form.seconds"] < 60
    assert kept.get("campaign") is None
    assert kept["extra"]["posted.form.seconds"] == "99"


# steps ----------------------------------------------------------------------------------------------


async def test_several_steps_keep_what_was_answered_and_let_one_go_back(api: Api, visitor: Visitor) -> None:
    await api.configure(yaml(STEPS))
    await visitor.open()
    assert 'aria-current="step">Your roof' in visitor.text
    assert "_consent" not in visitor.form.inputs
    await visitor.send(roof="flat", bill="99999")
    assert list(visitor.errors()) == ["bill"]
    assert (await visitor.send(roof="flat", bill="100")).status_code == 200
    assert 'aria-current="step">Where' in visitor.text
    await visitor.send(postal_code="94110", state="")
    await visitor.send(go="back", email="half@")
    assert visitor.form.values["postal_code"] == "94110"
    await visitor.send(go="back", state="CA")
    assert visitor.form.values["bill"] == "100"
    await visitor.send()
    await visitor.send()
    assert visitor.form.values["email"] == "half@"
    assert (await visitor.send(**ANN)).status_code == 303
    kept = await lead(api)
    assert (kept["roof"], kept["bill"], kept["postal_code"], kept["state"]) == ("flat", 100, "94110", "CA")


async def test_a_step_that_was_skipped_is_gone_back_to(api: Api, visitor: Visitor) -> None:
    form = STEPS.replace("[roof, bill]", "[email]").replace(
        "[first_name, email, phone]", "[first_name, phone]"
    )
    await api.configure(yaml(form))
    await visitor.open()
    assert (await visitor.send(first_name="Ann", _consent="yes", _step="2")).status_code == 422
    assert 'aria-current="step">Your roof' in visitor.text
    assert list(visitor.errors()) == ["email"]


# the script -----------------------------------------------------------------------------------------


async def test_the_script_is_told_of_each_error_by_the_names_of_its_page(api: Api) -> None:
    token = (await told(api, **SHOP))["token"]
    answer = await said(api, {"values": {"fname": "", "_token": token}, "attached": True}, **SHOP)
    assert answer.status_code == 422
    assert [(e["field"], e["names"]) for e in answer.json()["errors"]] == [
        ("first_name", ["first_name", "fname"]), ("email", ["email"]), ("_consent", ["_consent"]),
    ]  # fmt: skip
    values = {"fname": "Ann", "email": "ann@example.com", "_consent": "yes", "_token": token}
    answer = await said(api, {"values": values, "attached": True}, **SHOP)
    assert (answer.status_code, answer.json()["outcome"]) == (200, "thanks")
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    assert (await lead(api))["first_name"] == "Ann"


async def test_the_evidence_says_how_it_was_filled_in(api: Api) -> None:
    form = await told(api, **SHOP)
    signals = {
        "time_zone": "America/Los_Angeles", "language": "en-US", "screen": "390x844", "webdriver": False, "keys": 31,
        "pastes": 1, "gap_ms": 140, "gap_spread_ms": 62, "seconds": 41.5, "content": "secret", "fills": -1,
        "platform": {"no": 1}.__len__(), "fingerprint": "mine", "languages": "en-US,es",
    }  # fmt: skip
    page = "https://u:p@shop.example/roofs?utm_source=google&UTM_X=1&gclid=abc&email=ann%40example.com#top"
    body = {
        "values": {**ANN, "_token": form["token"]}, "signals": signals, "page": page,
        "referrer": "https://www.google.com/search?q=my+illness",
    }  # fmt: skip
    answer = await said(api, body, **SHOP, **{"user-agent": "Mozilla/5.0 (phone)"})
    assert answer.json()["outcome"] == "thanks"
    extra = (await lead(api))["extra"]
    assert len(extra.pop("device.fingerprint")) == 16
    assert {name: extra.get(name) for name in extra if name.startswith(("device.", "typing."))} == {
        "device.time_zone": "America/Los_Angeles", "device.language": "en-US", "device.languages": "en-US,es",
        "device.screen": "390x844",
        "device.webdriver": False, "typing.keys": 31, "typing.pastes": 1, "typing.gap_ms": 140,
        "typing.gap_spread_ms": 62,
    }  # fmt: skip
    assert extra["time_on_page"] == 41.5
    assert (extra["utm_source"], extra["gclid"]) == ("google", "abc")
    assert extra["referrer"] == "https://www.google.com/search"
    assert (await lead(api))["page"] == "https://shop.example/roofs?utm_source=google&gclid=abc"
    assert extra["user_agent"] == "Mozilla/5.0 (phone)"
    assert extra["form.embedded_on"] == "https://shop.example"
    text = "Call me. [Terms](https://acme.example/terms)"
    assert extra["consent.text"] == text
    assert extra["consent.digest"] == f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
    assert extra["consent.version"] == "v1"
    assert extra["consent.shown_at"] <= extra["consent.at"]


async def test_only_pages_of_allowed_sites_may_ask(api: Api, visitor: Visitor) -> None:
    evil = {"origin": "https://evil.example"}
    for origin in (
        "https://evil.example",
        "http://shop.example",
        "https://shop.example.evil.example",
        "null",
    ):
        refused = await api.http.get("/f/solar", headers={**JSON, "origin": origin})
        problem(refused, 403, "foreign")
        assert "access-control-allow-origin" not in refused.headers
    problem(await said(api, {"values": ANN}, **evil), 403, "foreign")
    plain = await api.http.post("/f/solar", data=ANN, headers={**visitor.headers, **evil})
    assert (plain.status_code, "from there" in plain.text) == (403, True)
    ours = await api.http.get("/f/solar", headers={**JSON, "origin": "http://leads.test"})
    assert ours.status_code == 200


async def test_a_browser_asks_first_and_is_told_for_whom(api: Api) -> None:
    asks = {"access-control-request-method": "POST", "access-control-request-headers": "content-type"}
    yes = await api.http.options("/f/solar", headers={**asks, **SHOP})
    assert (yes.status_code, yes.headers["access-control-allow-origin"]) == (204, "https://shop.example")
    assert yes.headers["access-control-allow-methods"] == "GET, POST"
    assert yes.headers["access-control-allow-headers"] == "content-type"
    assert "access-control-allow-credentials" not in yes.headers
    no = await api.http.options("/f/solar", headers={**asks, "origin": "https://evil.example"})
    problem(no, 403, "foreign")


async def test_an_allowed_page_reads_a_problem_too(api: Api) -> None:
    answer = await said(api, [], **SHOP)
    problem(answer, 400, "syntax")
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"


async def test_a_page_of_thanks_elsewhere_is_gone_to(api: Api, visitor: Visitor) -> None:
    await api.configure(yaml(FORM + '      thanks: {url: "https://shop.example/thanks?x=1"}\n'))
    page = await visitor.open()
    assert "form-action 'self' https://shop.example;" in page.headers["content-security-policy"]
    assert (await visitor.send(**ANN)).headers["location"] == "https://shop.example/thanks?x=1"


async def test_a_source_that_wants_receipts_thanks_at_once(
    api: Api, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    await api.configure(yaml().replace("reply: verdict", "reply: receipt"))
    monkeypatch.setattr(api.process.engine, "later", lambda _: None)
    await visitor.open()
    assert (await visitor.send(**ANN)).status_code == 303
    assert await api.value("select count(*) from inbox") == 1


# who leaves before the end --------------------------------------------------------------------------


PARTIAL = FORM + "      partial: true\n"


async def left(api: Api, token: str, **values: str) -> int:
    """The script's last word; the status of its answer."""
    body = json.dumps({"values": {**values, "_token": token}})
    headers = {"content-type": "text/plain", **SHOP}
    return (await api.http.post("/f/solar/partial", content=body, headers=headers)).status_code


async def test_who_leaves_and_comes_back_is_one_lead(api: Api, visitor: Visitor) -> None:
    await api.configure(yaml(PARTIAL))
    await visitor.open()
    token = visitor.form.values["_token"]
    assert await left(api, token, email="ann@example.com", bill="120") == 204
    assert await left(api, token, email="ann@example.com", bill="130", remarks="sunny") == 204
    assert await count(api) == 0
    assert (await visitor.send(**ANN, bill="140")).status_code == 303
    assert (await visitor.send(**ANN, bill="140")).status_code == 303
    assert await left(api, token, email="late@example.com") == 204
    kept = await lead(api)
    assert (kept["bill"], kept["email"], kept["extra"]["consent.given"]) == (140, "ann@example.com", True)
    assert "form.submitted_at" in kept["extra"]
    assert await count(api) == 1
    assert (await visitor.send(**ANN | {"email": "bob@example.com"})).status_code == 303
    assert await count(api) == 2


async def test_what_a_leaving_visitor_filled_in_is_kept_only_where_the_form_says_so(
    api: Api, visitor: Visitor
) -> None:
    await visitor.open()
    assert await left(api, visitor.form.values["_token"], email="ann@example.com") == 204
    assert await api.value("select count(*) from submission") == 0
    await api.configure(yaml(PARTIAL))
    for token, values in (
        ("", {"email": "ann@example.com"}),
        (visitor.form.values["_token"], {"email": " "}),
        (visitor.form.values["_token"], {"email": "ann@example.com", "homepage": "x"}),
    ):
        assert await left(api, token, **values) == 204
    assert await api.value("select count(*) from submission") == 0
    evil = await api.http.post(
        "/f/solar/partial", content="{}", headers={**JSON, "origin": "https://evil.example"}
    )
    problem(evil, 403, "foreign")
