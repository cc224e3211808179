"""Finds labelled facts in a piece of HTML: table rows, definition lists and `Label: value` lines."""

import re
from collections.abc import Iterator, Mapping
from html import unescape

from lxml import etree

from app.ingest.labelled import LONGEST_TEXT, labelled

_BLOCKS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "br",
        "caption",
        "center",
        "dd",
        "div",
        "dl",
        "dt",
        "fieldset",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "li",
        "main",
        "nav",
        "ol",
        "p",
        "pre",
        "section",
        "table",
        "tbody",
        "tfoot",
        "thead",
        "tr",
        "ul",
    ]
)
_CELLS = frozenset(("td", "th", "dt", "dd"))
_UNSHOWN = frozenset(("script", "style", "head", "template"))
_VALUES = frozenset(("value", "answer", "response", "entry", "data", "details", "information"))
_LONGEST_LABEL = 100
_TAG = re.compile(r"<[A-Za-z/!]")
_BREAK = re.compile(r"<(?:br|p|div|li|tr|td|dd|h\d)\b", re.IGNORECASE)


def facts(html: str) -> Iterator[tuple[str, str]]:
    """(label, value) in the order in which they stand. Text without markup is read by its lines."""
    html = html[:LONGEST_TEXT]
    if not _TAG.search(html):
        yield from labelled(unescape(html) if "&" in html else html)
        return
    page = _Page(lines=not _BREAK.search(html))
    parser = etree.HTMLParser(target=page, encoding="utf-8", no_network=True, huge_tree=False)
    try:
        etree.fromstring(f"<body>{html}</body>".encode(), parser)
    except etree.LxmlError:  # what was found before it gave up stands
        pass
    yield from page.found


class _Page:
    """What the parser calls back. Text goes to the innermost cell, else to the line; inner tables keep to themselves."""

    def __init__(self, *, lines: bool) -> None:
        """`lines`: no tag ends a line, so line ends do."""
        self.lines = lines
        self.found: list[tuple[str, str]] = []
        self.line: list[str] = []
        self.cells: list[list[str]] = []
        self.rows: list[list[tuple[str, str]]] = [[]]
        self.heads: list[list[str]] = [[]]
        self.term = ""
        self.unshown = 0

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag in _UNSHOWN:
            self.unshown += 1
        if tag in _CELLS:
            self._end_line()
            self.cells.append([])
        elif tag == "table":
            self.rows.append([])
            self.heads.append([])
        elif tag == "tr":
            self.rows[-1] = []
        if tag in _BLOCKS:
            self._break()

    def end(self, tag: str) -> None:
        if tag in _UNSHOWN:
            self.unshown = max(0, self.unshown - 1)
        if tag in _CELLS and self.cells:
            self._cell(tag, "".join(self.cells.pop()))
        elif tag == "tr":
            self._row()
        elif tag == "table" and len(self.rows) > 1:
            self.rows.pop()
            self.heads.pop()
        if tag in _BLOCKS:
            self._break()

    def data(self, text: str) -> None:
        if not self.unshown:
            whole = text if self.lines else _one_line(text)
            (self.cells[-1] if self.cells else self.line).append(whole)

    def comment(self, text: str) -> None:
        """Comments say nothing."""

    def pi(self, target: str, data: str | None = None) -> None:
        """Nor do instructions."""

    def close(self) -> None:
        self._end_line()

    def _break(self) -> None:
        if self.cells:
            self.cells[-1].append("\n")
        else:
            self._end_line()

    def _end_line(self) -> None:
        if self.line:
            self.found += labelled("".join(self.line))
            self.line = []

    def _cell(self, tag: str, text: str) -> None:
        text = "\n".join(line.strip() for line in text.split("\n") if line.strip())
        if tag == "dt":
            self.term = text
        elif tag == "dd":
            self._fact(self.term, text)
            self.term = ""
        else:
            self.rows[-1].append((tag, text))

    def _row(self) -> None:
        """Cells go by the headings above them, or are label and value; else each is read by its lines."""
        row, self.rows[-1] = self.rows[-1], []
        texts, heads = [text for _, text in row], self.heads[-1]
        if len(row) > 1 and all(tag == "th" for tag, _ in row):
            self.heads[-1] = [] if len(row) == 2 and texts[1].lower() in _VALUES else texts
        elif heads and len(heads) == len(row):
            for label, value in zip(heads, texts, strict=True):
                self._fact(label, value)
        elif len(row) == 2 or (row and len(row) % 2 == 0 and all(one.endswith(":") for one in texts[::2])):
            for label, value in zip(texts[::2], texts[1::2], strict=True):
                self._fact(label, value)
        else:
            for text in texts:
                self.found += labelled(text)

    def _fact(self, label: str, value: str) -> None:
        label = label.rstrip(" :?*")
        if label and len(label) <= _LONGEST_LABEL and "\n" not in label:
            self.found.append((label, value))


def _one_line(text: str) -> str:
    """White space runs as one space, as a browser shows them; those at the ends stay."""
    return " ".join(f"|{text}|".split())[1:-1]
