"""What `apply` says of a score or a fraud that names what there is not."""

from app.catalog.documents import CampaignDoc
from app.catalog.found import Item, Reading
from app.catalog.modelling import SPEAKS_OF, ModelDoc
from app.catalog.problems import suggestion
from app.catalog.words import expression_fault, joined, path_text
from app.core.expressions import Expression, ExpressionError, compile_over

_RULE, _READY = ("lead", "source"), ("lead", "source", "score", "grade")


def check_worth(reading: Reading, item: Item, doc: CampaignDoc) -> None:
    """A rule that can never count, and a weight that nothing can have, are faults; they would be silent."""
    for i, rule in enumerate(doc.score.rules):
        _speaks_of(reading, item, ("score", "rules", i, "when"), rule.when, _RULE)
        if rule.decay is not None and rule.decay.field:
            _date(reading, item, i, rule.decay.field, doc)
    ready = doc.score.sales_ready
    if ready is not None and ready.when is not None:
        _speaks_of(reading, item, ("score", "sales_ready", "when"), ready.when, _READY)
    if doc.score.model is not None:
        _features(reading, item, doc.score.model, doc)
    for factor in doc.fraud.weights if doc.fraud is not None else ():
        _factor(reading, item, factor)


def _speaks_of(
    reading: Reading, item: Item, path: tuple[str | int, ...], expression: Expression, names: tuple[str, ...]
) -> None:
    """Of a reply, or of a price, nothing is known yet when a lead is scored."""
    try:
        compile_over(expression.text, names)
    except ExpressionError as error:
        where = joined(item.path, path_text(path))
        reading.tell(item, expression_fault(error, item.node.at(path), where, names))


def _features(reading: Reading, item: Item, model: ModelDoc, doc: CampaignDoc) -> None:
    """What speaks of anything but the lead and its source could be known too late, and foretell the past."""
    for i, one in enumerate(model.features):
        path = ("score", "model", "features", i)
        if one.value is not None:
            _speaks_of(reading, item, (*path, "value"), one.value, SPEAKS_OF)
        elif one.name not in doc.fields:
            hint = suggestion(one.name, doc.fields, otherwise="it has")
            reading.say(item, path, f'no field "{one.name}" on campaign {doc.id}', hint)


def _date(reading: Reading, item: Item, i: int, name: str, doc: CampaignDoc) -> None:
    path = ("score", "rules", i, "decay", "since")
    field = doc.fields.get(name)
    if field is None:
        dates = [one for one, its in doc.fields.items() if its.type == "date"]
        hint = suggestion(name, dates, otherwise="dates")
        reading.say(item, path, f'no field "{name}" on campaign {doc.id}', hint)
    elif field.type != "date":
        reading.say(item, path, f"{name} is no date", f"it is a {field.type}; write received, or a date")


def _factor(reading: Reading, item: Item, factor: str) -> None:
    check, dot, code = factor.partition(".")
    path = ("fraud", "weights")
    if check not in reading.kinds.checks:
        hint = suggestion(check, reading.kinds.checks)
        reading.say(item, path, f'"{check}" is no check', hint, key=factor)
        return
    codes = reading.kinds.codes.get(check)
    if dot and codes is not None and code not in codes:
        hint = suggestion(code, codes)
        reading.say(item, path, f'{check} says no "{code}"', hint, key=factor)
