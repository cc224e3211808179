"""A price asked for and then a lead handed over, as programs: what a vendor's developer pastes who pings first."""

import shlex

from app.core.registry import Registry
from app.ingest.format import Format
from app.pipeline.spec_samples import STYLES, Lead, Sample, bodies, curl_text, literal, nested, scalar

_ID = "PING_ID"


def ping_samples(
    facts: Lead, lead: Lead, formats: Registry[Format], *, ping: str, post: str, wait: int
) -> tuple[Sample, ...]:
    """Each pings with `facts` and posts `lead` with the ping's id, as a test."""
    if not facts:
        return ()
    asked, handed = bodies(facts, formats), bodies({**lead, "ping_id": _ID}, formats)
    made = [
        Sample(language="curl", content_type=kind, text=_curl(ping, post, kind, asked[kind], handed[kind]))
        for kind in asked
        if kind in handed
    ]
    for language, program in (("Python", _PYTHON), ("PHP", _PHP), ("JavaScript", _JAVASCRIPT)):
        style = STYLES[language]
        text = program.format(
            ping=scalar(ping, style), post=scalar(post, style), wait=wait,
            facts=literal(nested(facts, formats), style, 0), lead=literal(nested(lead, formats), style, 0),
        )  # fmt: skip
        made.append(Sample(language=language, content_type="application/json", text=text))
    return tuple(made)


def _curl(ping: str, post: str, kind: str, asked: str, handed: str) -> str:
    """The id is put between two quoted pieces of the body."""
    before, _, after = handed.rpartition(_ID)
    body = f'{shlex.quote(before)}"$PING_ID"{shlex.quote(after) if after else ""}'
    asking = curl_text(ping, kind, asked).replace("curl -i", "curl -s", 1)
    posting = curl_text(post, kind, "").removesuffix("''") + body
    return f'PING_ID=$({asking} \\\n  | sed -n \'s/.*"ping_id": *"\\([^"]*\\)".*/\\1/p\')\n{posting}'


_PYTHON = """\
import json
import urllib.error
import urllib.request


def send(url, body):
    request = urllib.request.Request(
        url,
        data=json.dumps(body).encode(),
        headers={{"Authorization": "Bearer KEY", "Content-Type": "application/json"}},
        method="POST",
    )
    try:
        with urllib.request.urlopen(request, timeout={wait}) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        raise SystemExit(f"{{error.code}} {{json.load(error)['detail']}}")


facts = {facts}
lead = {lead}
status, ping = send({ping}, facts)
print(status, ping["outcome"], ping["price"])
if ping["outcome"] == "success":
    status, answer = send({post}, lead | {{"ping_id": ping["ping_id"]}})
    print(status, answer["outcome"], answer["lead"]["id"])"""
_PHP = """\
<?php
function send(string $url, array $body): array
{{
    $request = curl_init($url);
    curl_setopt_array($request, [
        CURLOPT_POST => true,
        CURLOPT_POSTFIELDS => json_encode($body),
        CURLOPT_HTTPHEADER => ['Authorization: Bearer KEY', 'Content-Type: application/json'],
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_TIMEOUT => {wait},
    ]);
    $answer = json_decode(curl_exec($request), true);
    $status = curl_getinfo($request, CURLINFO_RESPONSE_CODE);
    if ($status >= 300) {{
        exit($status . ' ' . $answer['detail'] . "\\n");
    }}
    return [$status, $answer];
}}

$facts = {facts};
$lead = {lead};
[$status, $ping] = send({ping}, $facts);
echo $status, ' ', $ping['outcome'], ' ', $ping['price'], "\\n";
if ($ping['outcome'] === 'success') {{
    [$status, $answer] = send({post}, $lead + ['ping_id' => $ping['ping_id']]);
    echo $status, ' ', $answer['outcome'], ' ', $answer['lead']['id'], "\\n";
}}"""
_JAVASCRIPT = """\
// on your server: a key in a page is everybody's
async function send(url, body) {{
    const response = await fetch(url, {{
        method: "POST",
        headers: {{ "Authorization": "Bearer KEY", "Content-Type": "application/json" }},
        body: JSON.stringify(body),
        signal: AbortSignal.timeout({wait} * 1000),
    }});
    const answer = await response.json();
    if (!response.ok) {{
        throw new Error(`${{response.status}} ${{answer.detail}}`);
    }}
    return [response.status, answer];
}}

const facts = {facts};
const lead = {lead};
const [pinged, ping] = await send({ping}, facts);
console.log(pinged, ping.outcome, ping.price);
if (ping.outcome === "success") {{
    const [status, answer] = await send({post}, {{ ...lead, ping_id: ping.ping_id }});
    console.log(status, answer.outcome, answer.lead.id);
}}"""
