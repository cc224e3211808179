"""One example lead as bodies and as programs that post it: what a vendor's developer pastes first."""

import json
import re
import shlex
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode
from xml.sax.saxutils import escape

from pydantic import BaseModel, ConfigDict

from app.core.errors import Refused
from app.core.registry import Registry
from app.ingest.format import Format
from app.ingest.raw import written
from app.pipeline.spec_examples import Example

Lead = Mapping[str, Example]
_ELEMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_KEPT_WHOLE = re.compile(r"[^=;\"\r\n]+")


class Sample(BaseModel):
    """A program that posts the example lead as a test; KEY stands for the source's key."""

    model_config = ConfigDict(frozen=True)

    language: str
    content_type: str
    text: str


def samples(lead: Lead, url: str, wait: int, formats: Registry[Format]) -> tuple[Sample, ...]:
    """Only such as are read back as the lead: an XML element can't be called `First Name`."""
    if not lead:
        return ()
    made = [
        Sample(language="curl", content_type=kind, text=curl_text(url, kind, body))
        for kind, body in bodies(lead, formats).items()
    ]
    if all(_KEPT_WHOLE.fullmatch(name) for name in lead):
        made.append(_multipart(url, lead))
    data = nested(lead, formats)
    for language, program in (("Python", _PYTHON), ("PHP", _PHP), ("JavaScript", _JAVASCRIPT)):
        style = STYLES[language]
        text = program.format(url=scalar(url, style), lead=literal(data, style, 0), wait=wait)
        made.append(Sample(language=language, content_type="application/json", text=text))
    return tuple(made)


def bodies(lead: Lead, formats: Registry[Format]) -> dict[str, str]:
    """Content type → the lead in it."""
    made = {
        "application/json": ("json", json.dumps(nested(lead, formats), indent=2, ensure_ascii=False)),
        "application/x-www-form-urlencoded": (
            "form",
            urlencode({name: written(value) for name, value in lead.items()}),
        ),
        "application/xml": ("xml", _xml(lead)),
    }
    return {kind: text for kind, (name, text) in made.items() if _reads(lead, text, kind, formats.get(name))}


def nested(lead: Lead, formats: Registry[Format]) -> Mapping[str, Any]:
    """`contact.email` as an object in an object, where it is read back so; else as it is."""
    root: dict[str, Any] = {}
    for name, value in lead.items():
        node, (*path, last) = root, name.split(".")
        for step in path:
            node = node.setdefault(step, {})
            if not isinstance(node, dict):
                return lead
        if last in node:
            return lead
        node[last] = value
    made = {name: _listed(value) for name, value in root.items()}
    return made if _reads(lead, json.dumps(made), "application/json", formats.get("json")) else lead


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    items = {step: _listed(item) for step, item in value.items()}
    return list(items.values()) if list(items) == [str(i) for i in range(len(items))] else items


def _reads(lead: Lead, body: str, kind: str, known: Format | None) -> bool:
    if known is None or not body:
        return False
    try:
        (record,) = known.read(body.encode(), kind)
    except (Refused, ValueError):
        return False
    return all(name in record and written(record[name]) == written(value) for name, value in lead.items())


def _xml(lead: Lead) -> str:
    """Empty where a name can't be an element's."""
    if not all(_ELEMENT.fullmatch(step) for name in lead for step in name.split(".")):
        return ""
    root: dict[str, Any] = {}
    for name, value in lead.items():
        node, (*path, last) = root, name.split(".")
        for step in path:
            node = node.setdefault(step, {})
            if not isinstance(node, dict):
                return ""
        node[last] = written(value)
    return "\n".join(("<lead>", *_elements(root, "  "), "</lead>"))


def _elements(node: Mapping[str, Any], indent: str) -> list[str]:
    lines: list[str] = []
    for name, value in node.items():
        if isinstance(value, dict):
            lines += [f"{indent}<{name}>", *_elements(value, indent + "  "), f"{indent}</{name}>"]
        else:
            lines.append(f"{indent}<{name}>{escape(value)}</{name}>")
    return lines


def curl_text(url: str, kind: str, body: str) -> str:
    said = (f"curl -i -X POST {shlex.quote(url)}", "-H 'Authorization: Bearer KEY'", f"-H 'Content-Type: {kind}'",
            f"--data-raw {shlex.quote(body)}")  # fmt: skip
    return " \\\n  ".join(said)


def _multipart(url: str, lead: Lead) -> Sample:
    said = (f"curl -i -X POST {shlex.quote(url)}", "-H 'Authorization: Bearer KEY'",
            *(f"--form-string {shlex.quote(f'{name}={written(value)}')}" for name, value in lead.items()))  # fmt: skip
    return Sample(language="curl", content_type="multipart/form-data", text=" \\\n  ".join(said))


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _php_text(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


# language → (object's brackets, what joins a pair, how a text is quoted, yes, no)
Style = tuple[str, str, Callable[[str], str], str, str]
STYLES: Mapping[str, Style] = {
    "Python": ("{}", ": ", _quoted, "True", "False"),
    "PHP": ("[]", " => ", _php_text, "true", "false"),
    "JavaScript": ("{}", ": ", _quoted, "true", "false"),
}


def scalar(value: Any, style: Style) -> str:
    if isinstance(value, bool):
        return style[3] if value else style[4]
    return style[2](value) if isinstance(value, str) else repr(value)


def literal(value: Any, style: Style, depth: int) -> str:
    if not isinstance(value, list | Mapping):
        return scalar(value, style)
    pad, end = "    " * (depth + 1), "    " * depth
    opens, closes, joins = style[0][0], style[0][1], style[1]
    if isinstance(value, list):
        opens, closes = "[", "]"
        lines = [literal(item, style, depth + 1) for item in value]
    else:
        lines = [
            f"{scalar(name, style)}{joins}{literal(item, style, depth + 1)}" for name, item in value.items()
        ]
    inner = "".join(f"{pad}{line},\n" for line in lines)
    return f"{opens}\n{inner}{end}{closes}"


_PYTHON = """\
import json
import urllib.error
import urllib.request

lead = {lead}
request = urllib.request.Request(
    {url},
    data=json.dumps(lead).encode(),
    headers={{"Authorization": "Bearer KEY", "Content-Type": "application/json"}},
    method="POST",
)
try:
    with urllib.request.urlopen(request, timeout={wait}) as response:
        answer = json.load(response)
        print(response.status, answer["outcome"], answer["lead"]["id"])
except urllib.error.HTTPError as error:
    print(error.code, json.load(error)["detail"])"""
_PHP = """\
<?php
$lead = {lead};
$request = curl_init({url});
curl_setopt_array($request, [
    CURLOPT_POST => true,
    CURLOPT_POSTFIELDS => json_encode($lead),
    CURLOPT_HTTPHEADER => ['Authorization: Bearer KEY', 'Content-Type: application/json'],
    CURLOPT_RETURNTRANSFER => true,
    CURLOPT_TIMEOUT => {wait},
]);
$answer = json_decode(curl_exec($request), true);
$status = curl_getinfo($request, CURLINFO_RESPONSE_CODE);
if ($status === 201 || $status === 202) {{
    echo $status, ' ', $answer['outcome'], ' ', $answer['lead']['id'], "\\n";
}} else {{
    echo $status, ' ', $answer['detail'], "\\n";
}}"""
_JAVASCRIPT = """\
// on your server: a key in a page is everybody's
const lead = {lead};
const response = await fetch({url}, {{
    method: "POST",
    headers: {{ "Authorization": "Bearer KEY", "Content-Type": "application/json" }},
    body: JSON.stringify(lead),
    signal: AbortSignal.timeout({wait} * 1000),
}});
const answer = await response.json();
if (response.ok) {{
    console.log(response.status, answer.outcome, answer.lead.id);
}} else {{
    console.log(response.status, answer.detail);
}}"""
