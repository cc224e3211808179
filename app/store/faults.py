"""What two transactions may do to one another, and whoever lost simply runs again; and why the database is away, in a word."""

import socket

import asyncpg

_CONFLICTS = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.UniqueViolationError,
)
# The first that fits; the closer ones before those that they are kinds of.
_CAUSES: tuple[tuple[type[BaseException], str], ...] = (
    (asyncpg.DiskFullError, "disk_full"),
    (asyncpg.TooManyConnectionsError, "too_many_connections"),
    (asyncpg.InsufficientResourcesError, "no_resources"),
    (asyncpg.CannotConnectNowError, "starting"),
    (asyncpg.AdminShutdownError, "stopped"),
    (asyncpg.CrashShutdownError, "stopped"),
    (asyncpg.ReadOnlySQLTransactionError, "read_only"),
    (asyncpg.InvalidAuthorizationSpecificationError, "not_allowed"),
    (asyncpg.InvalidCatalogNameError, "no_such_database"),
    (asyncpg.QueryCanceledError, "timeout"),
    (asyncpg.LockNotAvailableError, "timeout"),
    (asyncpg.IdleInTransactionSessionTimeoutError, "timeout"),
    (TimeoutError, "timeout"),
    (ConnectionRefusedError, "refused"),
    (FileNotFoundError, "refused"),  # no socket of a server in its directory
    (socket.gaierror, "unknown_host"),
    (asyncpg.PostgresConnectionError, "lost"),
    (asyncpg.InternalClientError, "lost"),
    (asyncpg.InterfaceError, "lost"),
    (ConnectionError, "lost"),
    (OSError, "unreachable"),
)
CAUSES = frozenset(word for _, word in _CAUSES) | {"away"}


def is_conflict(error: BaseException) -> bool:
    """Whether another transaction came first; a run from the start decides anew on what is there now."""
    return isinstance(error, _CONFLICTS)


def cause_of(error: BaseException) -> str:
    """The word for what is behind an outage, of CAUSES: by its type, never by a text that may name somebody."""
    seen: BaseException | None = error
    while seen is not None:
        for kind, word in _CAUSES:
            if isinstance(seen, kind):
                return word
        seen = seen.__cause__ or seen.__context__
    return "away"
