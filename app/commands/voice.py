"""How loud and how colourful a command speaks: two options that every command takes beside its own."""

from collections.abc import Sequence
from contextvars import ContextVar
from functools import cache
from typing import Annotated, Any, TypeVar

import typer

T = TypeVar("T")

COLOURS = ("auto", "always", "never")

_quiet: ContextVar[bool] = ContextVar("quiet", default=False)
_colour: ContextVar[str] = ContextVar("colour", default="auto")


def quiet() -> bool:
    """Whether only data, errors, warnings and questions are wanted."""
    return _quiet.get()


def shows_colour(terminal: bool) -> bool:
    """Whether signs are coloured on a stream that is, or is not, a terminal. What was said goes before NO_COLOR."""
    if _colour.get() != "auto":
        return _colour.get() == "always"
    from rich.console import Console  # most commands show no colour

    console = Console(force_terminal=terminal)
    return terminal and not console.no_color and not console.is_dumb_terminal


def _for_this_command(ctx: typer.Context, of: ContextVar[T], value: T) -> None:
    if ctx.resilient_parsing:  # a shell completes; nothing runs, and nothing ends
        return
    before = of.set(value)
    ctx.call_on_close(lambda: of.reset(before))


def _be_quiet(ctx: typer.Context, value: bool) -> None:
    if value:
        _for_this_command(ctx, _quiet, value)


def _be_coloured(ctx: typer.Context, value: str | None) -> None:
    if value is None:
        return
    if value not in COLOURS:
        raise typer.BadParameter(f"{value!r} is none of {', '.join(COLOURS)}")
    ctx.color = {"always": True, "never": False}.get(value)  # or it is stripped again where none is expected
    _for_this_command(ctx, _colour, value)


@cache
def options() -> Sequence[Any]:
    """As parameters of a command; what they say is known here, and no function is handed it."""
    bearer = typer.Typer(add_completion=False)

    @bearer.command()
    def speaks(
        quiet: Annotated[
            bool,
            typer.Option(
                "--quiet", "-q", callback=_be_quiet, expose_value=False,
                help="Only data, warnings and errors.",
            ),
        ] = False,
        color: Annotated[
            str | None,
            typer.Option(
                "--color", callback=_be_coloured, expose_value=False, metavar="auto|always|never",
                autocompletion=lambda: COLOURS, help="auto: on a terminal, without NO_COLOR.",
            ),
        ] = None,
    ) -> None: ...  # fmt: skip

    return tuple(one for one in typer.main.get_command(bearer).params if one.name in ("quiet", "color"))
