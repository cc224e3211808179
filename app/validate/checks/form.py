"""A program that fills in the hosted form trips over what a person never sees, or is too quick for one."""

from collections.abc import Iterable
from functools import cached_property
from typing import Literal

from pydantic import Field

from app.core.duration import Duration
from app.model import Action, Finding, Lead
from app.validate.check import Check, CheckSettings, Evidence, checks


class FormSettings(CheckSettings):
    """`action` is for the trap alone: browsers and people are odd, only programs fill in what can't be seen."""

    least: Duration = Field(Duration("2s"), description="The shortest time in which a person fills it in.")
    quick: Action | Literal["allow"] = Field("flag", description="Filled in quicker than `least`.")
    driven: Action | Literal["allow"] = Field("flag", description="A browser that a program drives.")
    reused: Action | Literal["allow"] = Field("flag", description="One form, sent twice with other answers.")

    @cached_property
    def seconds(self) -> float:
        return self.least.seconds


@checks.register
class Form(Check[FormSettings]):
    """Reads the evidence of the hosted form; on every campaign, and silent of leads that came another way."""

    name = "form"
    settings = FormSettings
    order = 50
    codes = {
        "honeypot": "An input of the hosted form was filled in that no person sees.",
        "too_quick": "The hosted form was filled in quicker than a person does.",
        "driven": "The hosted form was filled in by a browser that a program drives.",
        "form_reused": "One showing of the hosted form was sent several times, with different answers.",
    }

    def run(self, lead: Lead, to: FormSettings, evidence: Evidence) -> Iterable[Finding]:
        extra = lead.extra
        if "form.submitted_at" not in extra:
            return
        if extra.get("form.honeypot") is True:
            yield self._finding("honeypot", "an input that nobody sees was filled in", to.action, to)
        seconds = extra.get("form.seconds")
        if to.quick != "allow" and isinstance(seconds, int | float) and seconds < to.seconds:
            yield self._finding("too_quick", f"filled in within less than {to.least}", to.quick, to)
        if to.driven != "allow" and extra.get("device.webdriver") is True:
            yield self._finding("driven", "the browser says that a program drives it", to.driven, to)
        if to.reused != "allow" and extra.get("form.reused") is True:
            yield self._finding("form_reused", "the form came before, with other answers", to.reused, to)

    def _finding(self, code: str, message: str, action: Action, to: FormSettings) -> Finding:
        return Finding(check="form", code=code, message=message, action=action, points=to.points)
