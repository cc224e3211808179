"""Where the buyer of a contract hears what was decided on its leads, who is not to be called, how the contract stands."""

from collections.abc import Mapping
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field, PrivateAttr, model_validator

from app.catalog.documents import Retry
from app.core.duration import Duration
from app.core.registry import Settings
from app.distribute.keyed import settable
from app.distribute.request import Sign
from app.distribute.targets import templated_address
from app.followup.callback import CallbackSettings, Hidden

Decision = Literal[
    "return_approved", "return_denied", "replaced", "credited",
    "contract_rests", "contract_recovered", "proof_overdue", "do_not_call",
]  # fmt: skip
EVERY: tuple[Decision, ...] = get_args(Decision)


class PostbackSettings(Settings):
    """A JSON document of our own is posted there, at least once, always under one id."""

    url: Annotated[str, AfterValidator(templated_address)] = Field(description="Where the buyer listens.")
    headers: Annotated[Mapping[str, str], AfterValidator(settable)] = {}
    secret: Hidden = Hidden()
    sign: Sign | None = Field(None, description="Standard Webhooks signature.")
    on: tuple[Decision, ...] = EVERY
    retry: Retry = Retry()
    timeout: Duration | None = Field(None, description="For the whole request; at most 2m.")

    _to: CallbackSettings = PrivateAttr()

    @model_validator(mode="after")
    def _as_a_callback(self) -> "PostbackSettings":
        if not self.on:
            raise ValueError(f"on names at least one of {', '.join(EVERY)}")
        self._to = CallbackSettings(
            url=self.url, headers=self.headers, secret=self.secret, sign=self.sign, retry=self.retry,
            timeout=self.timeout, notices=True,
        )  # fmt: skip
        return self

    @property
    def to(self) -> CallbackSettings:
        """The same address, as sources are told at theirs."""
        return self._to
