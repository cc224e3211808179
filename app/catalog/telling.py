"""The words in which buyers tell what became of leads, and what a buyer's own words mean among them."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from app.catalog.document import Document
from app.catalog.hearing import FeedbackMapping

CODES: Mapping[str, tuple[str, ...]] = {
    "attempted": ("no_answer", "busy", "voicemail", "dropped", "email", "sms"),
    "contacted": ("interested", "callback", "not_now", "appointment", "referred"),
    "qualified": ("yes", "quoted"),
    "won": (),
    "lost": ("price", "competitor", "no_need", "no_decision", "credit", "out_of_reach"),
    "recycled": ("timing", "budget", "other"),
    "bad": (
        "wrong_number", "disconnected", "invalid_email", "fake", "duplicate", "outside_area", "language",
        "no_consent", "never_asked", "minor", "deceased", "dnc",
    ),
}  # fmt: skip
"""What became of a lead → more closely what. Either may be told: `lost`, `lost.price`."""

UNMAPPED = "unmapped"
STOP = frozenset(("bad.dnc", "bad.no_consent", "bad.never_asked"))
"""Nobody may go on calling, whatever becomes of the lead's return."""

Reason = Literal[
    "wrong_number", "disconnected", "invalid_email", "fake", "duplicate", "outside_area", "language", "no_consent",
    "never_asked", "minor", "deceased", "dnc", "no_contact", "other",
]  # fmt: skip
"""Why a lead is given back: what it is bad for, or that nobody was reached."""

UNSELLABLE: frozenset[Reason] = frozenset(
    ("wrong_number", "disconnected", "invalid_email", "fake", "no_consent", "never_asked", "minor", "deceased", "dnc")
)  # fmt: skip
"""Bad data and missing consent: nobody else is to have such a lead."""
CONSENT: frozenset[Reason] = frozenset(("no_consent", "never_asked", "dnc"))

_EVERY = frozenset(CODES) | {f"{group}.{one}" for group, ones in CODES.items() for one in ones}
_ALIASES = {"sold": "won", "converted": "won", **{one: f"bad.{one}" for one in CODES["bad"]}}
_VICIDIAL = {
    "attempted.no_answer": "NA N", "attempted.busy": "B AB", "attempted.voicemail": "A AA AM AL",
    "attempted.dropped": "DROP XDROP", "contacted.callback": "CALLBK CBHOLD", "bad.disconnected": "DC ADC",
    "bad.dnc": "DNC DNCL", "lost.no_need": "NI", "lost.no_decision": "DEC NP", "won": "SALE", "contacted": "XFER",
}  # fmt: skip
_SHIPPED: Mapping[str, Mapping[str, str]] = {
    "vicidial": {word.lower(): code for code, words in _VICIDIAL.items() for word in words.split()}
}
LONGEST_WORD = 200


def _code(text: str) -> str:
    found = code_of(text)
    if found == UNMAPPED:
        raise ValueError(
            f"is no word for what became of a lead; write one of {', '.join(CODES)}, or as lost.price"
        )
    return found


def _word(text: str) -> str:
    if _is_pattern(text):
        try:
            _pattern(text)
        except re.error as error:
            raise ValueError(f"is no pattern: {error}") from None
    return text


Code = Annotated[str, AfterValidator(_code)]


class BuyerWords(Document):
    """What a buyer's own words mean. A word that is not here is kept, and has its meaning as soon as it is."""

    speaks: Literal["vicidial"] | None = Field(None, description="A system whose words are known already.")
    words: Mapping[
        Annotated[str, Field(min_length=1, max_length=LONGEST_WORD), AfterValidator(_word)], Code
    ] = Field({}, description="A word, in any case, or a /pattern/ for all of one → what it means.")
    mappings: tuple[FeedbackMapping, ...] = Field(
        (), max_length=20, description="How documents of its own systems are read, by `?mapping=ID`."
    )

    @model_validator(mode="after")
    def _told_apart(self) -> Self:
        plain = [folded(word) for word in self.words if not _is_pattern(word)]
        if twice := next((word for word in plain if plain.count(word) > 1), None):
            raise ValueError(f'has "{twice}" twice, but for its case; keep one')
        ids = [one.id for one in self.mappings]
        if twice := next((id_ for id_ in ids if ids.count(id_) > 1), None):
            raise ValueError(f"has two mappings {twice}; keep one")
        return self

    def mapping(self, id_: str) -> FeedbackMapping | None:
        return next((one for one in self.mappings if one.id == id_), None)

    def code(self, text: str) -> str:
        """Its own words first, then those of what it speaks, then ours; else `unmapped`."""
        word = folded(text)
        for own, code in self.words.items():
            if _pattern(own).fullmatch(word) if _is_pattern(own) else folded(own) == word:
                return code
        return _SHIPPED[self.speaks].get(word) or code_of(text) if self.speaks else code_of(text)


def folded(text: str) -> str:
    return text.strip().casefold()


def code_of(text: str) -> str:
    """The code that is meant by one of our own words; `unmapped` where it is none."""
    word = folded(text)
    return word if word in _EVERY else _ALIASES.get(word, UNMAPPED)


def group_of(code: str) -> str:
    """`contacted` of `contacted.interested`."""
    return code.partition(".")[0]


def _is_pattern(text: str) -> bool:
    return len(text) > 2 and text[0] == text[-1] == "/"


@cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text[1:-1], re.IGNORECASE)
