"""A campaign with hosted forms, and a visitor without a browser: reads the page, fills it in, sends it."""

import re
from html import unescape
from html.parser import HTMLParser
from typing import Any

import httpx

from tests.api.conftest import Api

CAMPAIGN = """
campaigns:
  - id: solar
    name: Solar roofs
    fields:
      first_name:  {type: name, required: true}
      email:       {type: email, required: true}
      phone:       {type: phone, country: US}
      state:       {type: state, country: US}
      postal_code: {type: postal_code, country: US}
      country:     {type: country}
      roof:        {type: choice, values: [flat, pitched], label: "What roof is it?"}
      bill:        {type: number, min: 0, max: 1000, label: Monthly bill}
      born:        {type: date}
      owner:       {type: boolean, label: I own the house}
      remarks:     {type: text, max_length: 2000}
      page:        {type: url}
      agreed:      {type: boolean}
      ip:          {type: ip}
      campaign:    {type: text}
    checks: %s
sources:
  - id: acme
    campaign: solar
    reply: verdict
    deadline: 10s
    mapping: {utm_campaign: campaign, page_url: page, fname: first_name}
    form:
"""
FORM = """
      title: Get a quote
      consent: {text: "Call me. [Terms](https://acme.example/terms)", version: v1, field: agreed}
      help: "Questions? Call 415 555 0100."
      origins: ["https://shop.example", "http://127.0.0.1:9"]
"""
STEPS = """
      title: Get a quote
      steps:
        - {title: Your roof, fields: [roof, bill]}
        - {title: Where, fields: [postal_code, state]}
        - {title: You, fields: [first_name, email, phone]}
      consent: {text: "Call me.", version: v1}
"""


def yaml(form: str = FORM, *, checks: str = "[]", more: str = "") -> str:
    return CAMPAIGN % checks + form + more


class Inputs(HTMLParser):
    """What a page's form has, by name, with its value."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.inputs: dict[str, dict[str, Any]] = {}
        self.values: dict[str, str] = {}
        self.action = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self.action = given.get("action") or ""
        name = given.get("name")
        if name and tag in ("input", "select", "textarea"):
            self.inputs[name] = {"tag": tag, **given}
            picked = "checked" in given or given.get("type") not in ("radio", "checkbox")
            if picked:
                self.values[name] = given.get("value") or ""
        if tag == "option" and "selected" in given:
            self.values[list(self.inputs)[-1]] = given.get("value") or ""


class Visitor:
    """Keeps the page that it sees; `send` fills in and posts it as a browser without a script does."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.seen = httpx.Response(0)
        self.headers = {"accept": "text/html,application/xhtml+xml", "user-agent": "Mozilla/5.0 (test)"}

    @property
    def text(self) -> str:
        return unescape(self.seen.text)

    @property
    def form(self) -> Inputs:
        return Inputs(self.seen.text)

    async def open(self, path: str = "/f/solar", **headers: str) -> httpx.Response:
        self.seen = await self.api.http.get(path, headers={**self.headers, **headers})
        return self.seen

    async def send(
        self, *, go: str = "next", without: tuple[str, ...] = (), **answers: str
    ) -> httpx.Response:
        """The page changes unless it is a redirect, which is only returned."""
        form = self.form
        values = {**form.values, "_go": go, **answers}
        body = {name: value for name, value in values.items() if name not in without}
        response = await self.api.http.post("/f/" + form.action, data=body, headers=self.headers)
        if response.status_code != 303:
            self.seen = response
        return response

    def errors(self) -> dict[str, str]:
        """By the id that they lead to."""
        return dict(re.findall(r'<li><a href="#lg-([^"]+)">([^<]+)</a></li>', self.seen.text))


ANN = {"first_name": "Ann", "email": "ann@example.com", "phone": "415 555 2671", "_consent": "yes"}
