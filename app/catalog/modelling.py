"""How a campaign says what its score is to be learned from, and what was learned."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from msgspec import MsgspecError, Struct
from msgspec.json import Decoder
from pydantic import BeforeValidator, Field, model_validator

from app.catalog.document import Document
from app.core.expressions import Expression

Target = Literal["sold", "accepted", "won"]
TARGETS: Mapping[Target, str] = {
    "sold": "a buyer took it and kept it",
    "accepted": "the first buyer that was asked took it",
    "won": "a buyer told that the person bought",
}
"""What a lead may be learned to become → when it counts as that."""

SPEAKS_OF = ("lead", "source")
"""What a feature may speak of: all of it is known when a lead is decided, so that no outcome leaks in."""


def _named(given: Any) -> Any:
    return {"name": given} if isinstance(given, str) else given


class FeatureDoc(Document):
    """One thing that a model looks at. `lead.NAME` unless `value` says otherwise; a number where all of its values are."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")
    value: Expression | None = Field(None, description="CEL over lead and source.")
    kind: Literal["number", "choice"] | None = Field(None, description="Where its values don't tell.")


class ModelDoc(Document):
    """What `leadgate score fit` learns. A model changes nothing until a person activates it."""

    target: Target = Field("sold", description="What a lead is to become.")
    features: tuple[Annotated[FeatureDoc, BeforeValidator(_named)], ...] = Field(max_length=200)
    score: Literal["points", "probability", "rank"] = Field(
        "points",
        description="What the score is while a model is in force: the points, the probability in per cent, or "
        "how many in a hundred of the leads it was tested on were less probable.",
    )
    l2: float = Field(1.0, ge=0.001, le=1e6, description="How strongly weights are held near nought.")

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        names = [one.name for one in self.features]
        if not names:
            raise ValueError("names nothing to learn from; write features: [state, bill]")
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"names {twice} twice; give each feature its own name")
        return self


class Number(Struct, frozen=True, tag="number", tag_field="kind"):
    """Adds `weight` for each `scale` above `mean`, or `absent` where there is no number. In log-odds."""

    name: str
    value: str  # CEL; empty: the field of that name
    mean: float
    scale: float
    weight: float
    present: float  # beside the weight, where there is a number
    absent: float


class Choice(Struct, frozen=True, tag="choice", tag_field="kind"):
    """Adds what its value is worth; `rare` for one that was seldom or never seen. In log-odds."""

    name: str
    value: str
    weights: Mapping[str, float]
    rare: float
    absent: float


class Figures(Struct, frozen=True, kw_only=True):
    """How well something foretold the leads it was tested on."""

    auc: float
    brier: float
    lift: tuple[float, ...]  # by tenths, the most probable first: their rate / the rate of all
    calibration: tuple[tuple[float, float, int], ...]
    """(foretold, came true, leads) by tenths, the least probable first"""


class Fitted(Struct, frozen=True, kw_only=True):
    """One model as it was learned. Its features are told in full: the campaign may change, this doesn't.

    probability = σ(`slope` · (`intercept` + what the features add) + `shift`), the last two by Platt.
    `hundredths` are the 99 probabilities that part the leads it was tested on into a hundred.
    """

    target: Target
    features: tuple[Number | Choice, ...]
    intercept: float
    slope: float
    shift: float
    hundredths: tuple[float, ...]
    shares: tuple[float, ...]  # of those leads, by tenths of `hundredths`
    l2: float
    first: str  # the leads of which period, ISO 8601
    last: str
    leads: int
    hits: int  # of which became what it foretells
    parts: tuple[int, int, int]  # learned from, calibrated with, tested on; in order of time
    tested: Figures
    points: Figures  # the points on the same leads
    warnings: tuple[str, ...] = ()


class Model(Struct, frozen=True, kw_only=True):
    """A fitted model and what it is called."""

    campaign: str
    version: int
    fitted: Fitted

    @property
    def id(self) -> str:
        """`solar@3`"""
        return f"{self.campaign}@{self.version}"


_DECODER = Decoder(Fitted)


def read_model(campaign: str, version: int, doc: str) -> Model | None:
    """A model from its row; None where it was learned by a version that knows more than this one."""
    try:
        return Model(campaign=campaign, version=version, fitted=_DECODER.decode(doc))
    except MsgspecError:
        return None
