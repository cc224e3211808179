"""The caller's faults. Each is an exception with a status, a stable code and a message that is safe to send.

    Refused
    ├── Unreadable      400  the body is not what it says it is
    ├── NoKey           401  no key, or none of ours
    ├── Foreign         403  a page of another site, which is not allowed to ask
    ├── NotYours        404  it exists, but not for you: the same answer as "no such thing"
    ├── NotFound        404
    ├── WrongMethod     405
    ├── TooSlow         408
    ├── Conflict        409
    ├── TooLarge        413
    ├── UnknownType     415
    ├── Unprocessable   422  understood, but can't be done so
    ├── TooMany         429
    └── NotDurable      503  nothing was kept; send it again

What a trade partner does every day (a rejected lead, a buyer's no) is a value, not an exception; anything
else that is raised is a bug and answers 500 without detail.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

DOCS = "/docs/problems#"


class Refused(Exception):
    """`detail` says what was wrong and what to do; it never repeats personal data."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "refused"
    title: ClassVar[str] = "Refused"

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        where: str | None = None,
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.reason = code or self.code
        self.where = where
        self.headers = dict(headers or {})
        self.extra = extra

    def problem(self, instance: str | None = None) -> dict[str, Any]:
        """The body of an RFC 9457 answer."""
        body: dict[str, Any] = {
            "type": DOCS + self.reason,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.reason,
        }
        if self.where is not None:
            body["where"] = self.where
        if instance is not None:
            body["instance"] = instance
        return body | self.extra


class Unreadable(Refused):
    """The body is not what its sender says it is. `where` is a position: `line 1, column 7` or a path."""

    status, code, title = 400, "unreadable", "The body can't be read"


class NoKey(Refused):
    status, code, title = 401, "no_key", "A valid key is needed"

    def __init__(self, detail: str, **more: Any) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": 'Bearer realm="leadgate"'}, **more)


class Forged(Refused):
    """Whoever sent it could not prove where it comes from: signature, token or key of a platform."""

    status, code, title = 401, "forged", "The sender is not proved"


class Foreign(Refused):
    """A page of a site that is not among those which may show this form."""

    status, code, title = 403, "foreign", "That site may not ask here"


class NotFound(Refused):
    status, code, title = 404, "not_found", "No such thing"


class NotYours(NotFound):
    """Answered exactly as NotFound, so that nobody learns what exists."""


class WrongMethod(Refused):
    status, code, title = 405, "method", "This address takes another method"


class TooSlow(Refused):
    status, code, title = 408, "too_slow", "The body came too slowly"


class Conflict(Refused):
    status, code, title = 409, "conflict", "That contradicts what is already so"


class TooLarge(Refused):
    status, code, title = 413, "too_large", "The body is too large"


class UnknownType(Refused):
    status, code, title = 415, "unknown_type", "This content type is not taken here"


class Unprocessable(Refused):
    status, code, title = 422, "unprocessable", "Understood, but it can't be done"


class TooMany(Refused):
    status, code, title = 429, "too_many", "Too many requests"


class NotDurable(Refused):
    """Nothing was acknowledged. The same request may be sent again as it is."""

    status, code, title = 503, "not_durable", "It can't be stored now"

    def __init__(self, detail: str, *, retry_after: int = 2, **more: Any) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after)}, **more)
