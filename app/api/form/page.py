"""A form as HTML: a whole page, or the part of one that the script puts into somebody else's."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from msgspec import Struct

from app.api.form.faults import Fault
from app.api.form.shape import Question, Shape

_PAGES = Environment(
    loader=PackageLoader("app.api.form"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=StrictUndefined,
)
_ADDED = _PAGES.get_template("additions.html")
_LINK = re.compile(r"\[([^\[\]]{1,200})\]\((https?://[^\s()<>\"]{1,2000})\)")
_STATIC = files("app.api.form").joinpath("static")
SCRIPT = _STATIC.joinpath("form.js").read_text("utf-8")
_STYLE = _STATIC.joinpath("form.css").read_text("utf-8")


class View(Struct, frozen=True, kw_only=True):
    """One moment of a form: which page of it, what was answered, what is to be mended."""

    shape: Shape
    token: str
    step: int = 0
    values: Mapping[str, str] = {}
    consent: bool = False
    faults: Sequence[Fault] = ()
    notice: str = ""
    hidden: Mapping[str, str] = {}
    moved: bool = False  # from another page of it: its heading gets the focus
    embedded: bool = False  # on a page of another site
    query: str = ""
    test: bool = False

    @property
    def faults_by_name(self) -> dict[str, str]:
        return {fault.name: fault.message for fault in self.faults}

    @property
    def here(self) -> Sequence[Question]:
        return self.shape.pages[self.step].questions

    @property
    def last(self) -> bool:
        return self.step == len(self.shape.pages) - 1

    @property
    def carried(self) -> dict[str, str]:
        """What was answered on the other pages of it."""
        here = {question.name for question in self.here}
        return {
            question.name: self.values[question.name]
            for question in self.shape.questions
            if question.name not in here and self.values.get(question.name)
        }

    @property
    def focus(self) -> str:
        """The name of the input that a person has to look at first."""
        return self.faults[0].name if self.faults else ""


def part(view: View) -> str:
    return _PAGES.get_template("part.html").render(view=view, shape=view.shape, linked=linked)


def whole(view: View) -> str:
    shape = view.shape
    return _PAGES.get_template("whole.html").render(
        view=view, shape=shape, linked=linked, style=style_tag(shape), root=""
    )


def thanks_part(shape: Shape) -> str:
    return _PAGES.get_template("thanks_part.html").render(shape=shape, linked=linked, embedded=True)


def thanks(shape: Shape) -> str:
    """The page at `/f/{campaign}/thanks`, which is the same for everybody."""
    return _PAGES.get_template("thanks.html").render(
        shape=shape, linked=linked, embedded=False, style=style_tag(shape), root="../"
    )


def additions(view: View) -> str:
    """What a form that is there already lacks: the consent and the trap."""
    return f'<div class="leadgate lg-added">{_ADDED.render(view=view, shape=view.shape, linked=linked)}</div>'


def notice(title: str, text: str, *, root: str = "") -> str:
    """A page that only says something."""
    return _PAGES.get_template("notice.html").render(title=title, text=text, root=root)


def style(colour: str = "#1d4fc4") -> str:
    """The style sheet with the form's colour, and white or black on it, whichever can be read."""
    return f"{_STYLE}.leadgate{{--lg-fill:{colour};--lg-on-fill:{_readable_on(colour)}}}\n"


def style_tag(shape: Shape) -> str:
    """Changes with the style, so that a browser may keep it."""
    return hashlib.blake2b(style(shape.doc.colour).encode(), digest_size=6).hexdigest()


def linked(text: str) -> Markup:
    """A text of the configuration as HTML: `[words](https://…)` is a link, a line break is one, all else is text."""
    done, out = 0, []
    for match in _LINK.finditer(text):
        out += [_lines(text[done : match.start()]), _anchor(match[1], match[2])]
        done = match.end()
    return Markup("").join([*out, _lines(text[done:])])


def _anchor(words: str, address: str) -> Markup:
    return Markup(
        '<a href="{}" target="_blank" rel="noopener noreferrer">{}<span class="lg-unseen"> (opens in a new tab)</span></a>'
    ).format(address, words)


def _lines(text: str) -> Markup:
    return Markup("<br>").join(escape(line) for line in text.split("\n"))


def _readable_on(colour: str) -> str:
    """White where its contrast is at least 4.5, else black, whose contrast then is."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return "#ffffff" if 1.05 / (luminance + 0.05) >= 4.5 else "#000000"
