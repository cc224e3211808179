"""Leaves a service that fails to rest: it costs its deadline once, and then nothing until one lead tries again."""

from collections.abc import Callable

from msgspec import Struct

_LONGEST = 16
"""A rest is doubled with each try that fails, up to so many times its first length."""


class _State(Struct):
    failures: int = 0
    until: float = 0.0  # monotonic seconds; 0 while closed
    times: int = 1
    trying: bool = False


class Breaker:
    """Closed: everybody asks. Open: nobody does. Half-open, once the rest is over: one does, and decides for all."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._states: dict[str, _State] = {}

    def admits(self, service: str) -> bool:
        """Whether this one may ask. Whoever may says afterwards how it went, or that it did not ask (`unused`)."""
        state = self._states.get(service)
        if state is None or not state.until:
            return True
        if state.trying or self._monotonic() < state.until:
            return False
        state.trying = True
        return True

    def unused(self, service: str) -> None:
        if (state := self._states.get(service)) is not None:
            state.trying = False

    def went_well(self, service: str) -> None:
        self._states.pop(service, None)

    def failed(self, service: str, *, failures: int, rest: float) -> None:
        """`failures` in a row open it for `rest` seconds; a try that fails opens it again, for longer."""
        state = self._states.setdefault(service, _State())
        state.failures += 1
        if state.trying:
            state.trying, state.times = False, min(state.times * 2, _LONGEST)
        elif state.until or state.failures < failures:  # one that was under way when it was opened
            return
        state.until = self._monotonic() + rest * state.times

    def state(self, service: str) -> int:
        """0 closed, 1 half-open, 2 open."""
        state = self._states.get(service)
        if state is None or not state.until:
            return 0
        return 1 if state.trying or self._monotonic() >= state.until else 2
