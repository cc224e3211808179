"""What a source's developer may do besides posting leads: every forced result, and the other doors that are open."""

from collections.abc import Iterator
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict

from app.catalog.documents import SourceDoc
from app.ingest.forced import DOMAIN, NUMBERS, RESULTS
from app.pipeline.forced import forced


class ForcedSpec(BaseModel):
    """One result that a test may ask for, and what is answered then."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    result: str
    email: str
    """The same, as a value of an e-mail field."""
    phone: str
    """The same, as a value of a telephone field."""
    status: int
    outcome: str
    """What the post is answered with."""
    state: str
    ends: str
    """The lead's outcome and state at its status address."""


class DoorSpec(BaseModel):
    """Another way in. `at` is a path of this service, or an address of mail; empty where leads are fetched."""

    model_config = ConfigDict(frozen=True)

    door: str
    at: str = ""
    how: str


def forced_results(source: SourceDoc) -> Iterator[ForcedSpec]:
    coarse = source.reasons == "coarse"
    for result in RESULTS:
        one = forced(result, reply=source.reply, coarse=coarse)
        late = source.reply == "receipt" or one.first
        yield ForcedSpec(
            result=result, email=f"{result}@{DOMAIN}", phone=f"+1 212 {NUMBERS[result]}",
            status=202 if late else 201, outcome="pending" if late else one.outcome,
            state="received" if source.reply == "receipt" else one.first or one.state,
            ends=f"{one.outcome}, {one.state}",
        )  # fmt: skip


def doors(source: SourceDoc) -> Iterator[DoorSpec]:
    """None of what proves a sender there: that is agreed on elsewhere."""
    if source.query:
        yield DoorSpec(door="address", at="/v1/leads", how="fields in the query string, of POST and of GET")
    for reply in source.replies:
        yield DoorSpec(
            door=reply.reply, at=f"/in/{reply.reply}/{source.id}",
            how="as you post to that system: its field names, credentials and answers",
        )  # fmt: skip
    for platform in source.platforms:
        yield DoorSpec(
            door=platform.platform, at=f"/in/{platform.platform}/{source.id}",
            how="enter it there as the webhook's address, with the secret that was agreed on",
        )  # fmt: skip
    if source.form is not None:
        yield DoorSpec(
            door="form", at=f"/f/{quote(source.campaign)}?source={quote(source.id)}",
            how="a page for visitors, without a key; with &test=1 all that is sent there is a test",
        )  # fmt: skip
    for address in source.mail.addresses if source.mail is not None else ():
        yield DoorSpec(door="mail", at=address, how="one mail a lead, or a file of leads with it")
    for channel in source.channels:
        yield DoorSpec(door=channel.channel, how="leads are fetched from you")
    yield DoorSpec(
        door="batch", at="/v1/batches",
        how="a file as the body of a POST, with your key: CSV, XLSX, one JSON object a line",
    )  # fmt: skip
