"""Finds the facts of a lead in the text of a mail, in the shapes in which forms and portals write them."""

import re
from collections.abc import Iterator

from app.ingest.labelled import LONGEST_TEXT, labelled
from app.ingest.page import facts

Facts = list[tuple[str, str]]

_BEGIN = re.compile(r"^[ \t#*=-]{0,10}BEGIN\b[^\n]{0,100}$", re.MULTILINE)
_END = re.compile(r"^[ \t#*=-]{0,10}END\b[^\n]{0,100}$", re.MULTILINE)
_EQUALS = re.compile(r"[ \t]{0,8}([^\W\d_][\w .()/'-]{0,59}?)[ \t]{0,8}=[ \t]{0,8}(\S.*)")
_REPLY = re.compile(
    r"^(?:-{2,} ?(?:original message|ursprüngliche nachricht|message d'origine)\b.*"
    r"|(?:on|am|le|el) [^\n]{6,200}(?:wrote|schrieb[^\n]{0,80}|a écrit|escribió) ?:)[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
_HTML_REPLY = re.compile(
    r"<(?:div|blockquote)\b[^<>]{0,200}(?:gmail_quote|yahoo_quoted|type=[\"']?cite|divRplyFwdMsg|appendonsend)",
    re.IGNORECASE,
)
_BOLD = re.compile(r"([^<>:\s][^<>:]{0,59}?)\s{0,5}</(b|strong)>(?!\s{0,5}:)", re.IGNORECASE)
_SEVERAL_LINES = re.compile(r"comment|message|question|note|remark|description|inquiry", re.IGNORECASE)
_NAME = re.compile(r"[^\W\d_][^:=@<>\n]{0,39}")
_MOST_WORDS = 4


def facts_of_text(text: str) -> Facts:
    """Between BEGIN and END markers, else all but quoted replies. `Label: value`, `label = value`, or the value on
    the line below; a comment goes on until a blank line or the next label."""
    text = _without_reply(text[:LONGEST_TEXT].replace("\r\n", "\n").replace("\r", "\n"))
    if begin := _BEGIN.search(text):
        end = _END.search(text, begin.end())
        text = text[begin.end() : end.start() if end else len(text)]
    lines = [
        line.strip().lstrip("#").strip() for line in text.split("\n") if not line.startswith((">", " >"))
    ]
    return list(_labelled(lines)) or _blocks(lines)


def facts_of_html(html: str) -> Facts:
    """Tables, definition lists and labelled lines; bold words before a value where nothing else is a label."""
    html = html[:LONGEST_TEXT]
    reply = _HTML_REPLY.search(html)
    if reply and html[: reply.start()].strip():
        html = html[: reply.start()]
    found = list(facts(html))
    return found if found or "</" not in html else list(facts(_BOLD.sub(r"\1:</\2> ", html)))


def _without_reply(text: str) -> str:
    reply = _REPLY.search(text)
    return text[: reply.start()] if reply and text[: reply.start()].strip() else text


def _labelled(lines: list[str]) -> Iterator[tuple[str, str]]:
    """`open_label` has no end yet: nothing stands behind it, or it is one of those that go on."""
    open_label, gathered = "", list[str]()
    for line in [*lines, ""]:
        fact = _fact(line)
        if open_label and not fact and (line or not gathered):
            gathered += [line] if line else []
            if line and not _SEVERAL_LINES.search(open_label):
                yield open_label, line
                open_label = ""
            continue
        if open_label:
            yield open_label, "\n".join(gathered)
        open_label, gathered = "", []
        if fact and (not fact[1] or _SEVERAL_LINES.search(fact[0])):
            open_label, gathered = fact[0], [fact[1]] if fact[1] else []
        elif fact:
            yield fact
    if open_label:
        yield open_label, "\n".join(gathered)


def _fact(line: str) -> tuple[str, str] | None:
    if found := next(labelled(line), None):
        return found
    equals = _EQUALS.match(line) if "=" in line else None
    return (equals[1], equals[2].strip()) if equals else None


def _blocks(lines: list[str]) -> Facts:
    """Name and value on two lines, a blank line between the pairs. One pair alone is prose."""
    pairs = []
    for block in "\n".join(lines).split("\n\n"):
        both = block.strip().split("\n")
        if len(both) == 2 and _NAME.fullmatch(both[0]) and len(both[0].split()) <= _MOST_WORDS:
            pairs.append((both[0], both[1]))
    return pairs if len(pairs) > 1 else []
