"""Whether a hosted form can be filled in: what it asks, once each, and whether that makes a whole lead."""

from collections import Counter
from collections.abc import Iterator, Sequence

from app.catalog.documents import CampaignDoc, FormDoc, MapTo, SourceDoc

TRACKED = (
    "utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "utm_id",
    "gclid", "gbraid", "wbraid", "fbclid", "msclkid", "ttclid", "li_fat_id",
)  # fmt: skip
"""What of a page's address tells where its visitor came from; everything else in it is dropped."""

FILLED = frozenset((*TRACKED, "ip", "user_agent", "page_url", "referrer", "time_on_page"))
"""Names that the form itself fills, so that a field of such a name is never asked."""

Fault = tuple[Sequence[str | int], str, str]
"""(path in the form, message, hint)"""


def asked(form: FormDoc, campaign: CampaignDoc, source: SourceDoc) -> tuple[str, ...]:
    """The fields that the visitor is asked, in order: those that the form names, else all that nothing else fills."""
    if form.named:
        return form.named
    told = filled(form, source)
    return tuple(name for name, doc in campaign.fields.items() if name not in told and doc.type != "ip")


def filled(form: FormDoc, source: SourceDoc) -> frozenset[str]:
    """The fields that get a value without being asked: evidence, defaults, the tick of the consent."""
    targets = {name: to.field if isinstance(to, MapTo) else to for name, to in source.mapping.items()}
    evidence = {to for name, to in targets.items() if name in FILLED or "." in name}
    ticked = {form.consent.field} if form.consent and form.consent.field else set()
    return frozenset(FILLED | evidence | ticked | set(source.defaults))


def faults(form: FormDoc, campaign: CampaignDoc, source: SourceDoc) -> Iterator[Fault]:
    """What `apply` says of a form whose names are all known."""
    if form.fields and form.steps:
        yield ["fields"], "stands beside steps, which name the fields already", "keep one of them"
        return
    for path, name in _twice(form):
        yield path, f'asks "{name}" twice', "nobody is asked the same thing twice"
    lacking = [
        name
        for name, doc in campaign.fields.items()
        if doc.required and name not in asked(form, campaign, source) and name not in filled(form, source)
    ]
    if lacking:
        hint = "name it among the fields, give the source a default, or let it be optional"
        yield [], f"does not ask {', '.join(lacking)}, without which no lead is accepted", hint
    yield from _words(form, campaign)


def _twice(form: FormDoc) -> Iterator[tuple[list[str | int], str]]:
    places: list[tuple[list[str | int], str]] = [(["fields", i], name) for i, name in enumerate(form.fields)]
    places += [
        (["steps", s, "fields", i], n) for s, step in enumerate(form.steps) for i, n in enumerate(step.fields)
    ]
    seen: Counter[str] = Counter()
    for path, name in places:
        seen[name] += 1
        if seen[name] == 2:
            yield path, name


def _words(form: FormDoc, campaign: CampaignDoc) -> Iterator[Fault]:
    for name, words in form.options.items():
        doc = campaign.fields.get(name)
        values = [str(v) for v in (doc.model_extra or {}).get("values", ())] if doc else []
        unknown = [value for value in words if value not in values]
        if doc and unknown:
            hint = f"it has {', '.join(values)}" if values else f"{name} is no choice"
            yield ["options", name], f'has no value "{unknown[0]}"', hint
    consent = form.consent
    if consent and consent.field and consent.field in campaign.fields:
        if campaign.fields[consent.field].type != "boolean":
            yield ["consent", "field"], "must be a boolean", f"{consent.field} is of another type"
        if consent.field in form.named:
            yield ["consent", "field"], "is asked as a field, too", "the tick of the consent fills it"
    if consent and campaign.consent and campaign.consent.get(consent.version) != consent.text:
        hint = "a changed text is a new version; declare it at the campaign's consent, too"
        yield ["consent", "text"], f'is not what the campaign declares as "{consent.version}"', hint
