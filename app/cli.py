"""The command line: data on standard output, narration on standard error, exit codes that scripts can read.

A command's module is imported when that command runs: the list of them must not cost what they do.
"""

import ast
import builtins
import keyword
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from app.commands.voice import options

MODULES: Mapping[str, str] = {
    "serve": "serving", "api": "serving", "worker": "serving", "migrate": "configuring", "apply": "configuring",
    "export": "configuring", "key": "key", "source": "source", "list": "lists", "person": "person", "table": "tables", "disposable": "disposable", "route": "route", "leads": "leads", "pings": "pings", "trace": "trace", "deliveries": "deliveries", "replay": "replay", "bundles": "bundles",
    "settle": "settle", "review": "review", "reprocess": "reprocess", "feedback": "feedback", "returns": "returns", "pool": "pool", "callbacks": "callbacks", "report": "report", "money": "money", "statement": "statement", "invoice": "invoice", "fraud": "fraud", "score": "score", "retention": "retention",
    "components": "components", "doctor": "doctor", "spec": "spec", "import": "import_", "trigger": "trigger", "listen": "listen", "demo": "demo",
}  # fmt: skip
"""Command → its module in app.commands, where the function, or the group, has the command's name."""


class Lazy(TyperGroup):
    """Its types are those of the click inside typer, which has no public name."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        names: Any = self.commands
        names.update(dict.fromkeys(MODULES))  # for «did you mean»

    def list_commands(self, ctx: Any) -> list[str]:
        return list(MODULES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in MODULES:
            return None
        found = getattr(import_module(f"app.commands.{MODULES[cmd_name]}"), _function(cmd_name))
        if isinstance(found, typer.Typer):
            return _told_whole(typer.main.get_command(found))
        one = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None, add_completion=False)
        one.command(cmd_name)(found)
        return _told_whole(typer.main.get_command(one))

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, about(name)) for name in MODULES])


def _told_whole(command: Any) -> Any:
    """With first sentences that wrap in lists of commands, where they would be cut, and what every command takes."""
    for one in (command, *getattr(command, "commands", {}).values()):
        one.short_help = sentence(one.help)
        one.params = [*one.params, *options()]
    return command


def sentence(told: str | None) -> str:
    """The first one, without its full stop."""
    first, _, _ = " ".join((told or "").partition("\n\n")[0].split()).partition(". ")
    return first.removesuffix(".")


def _function(name: str) -> str:
    """`import` is no name in Python, and `list` is taken; `import_` and `list_` are free."""
    return f"{name}_" if keyword.iskeyword(name) or hasattr(builtins, name) else name


def about(name: str) -> str:
    """The first sentence of what the command says of itself, a group's from its file, read without importing it."""
    spec = find_spec(f"app.commands.{MODULES[name]}")
    assert spec is not None, f"app.commands has no {MODULES[name]}"
    assert spec.origin is not None, "a namespace"
    module = ast.parse(Path(spec.origin).read_text("utf-8"))
    functions = (
        one for one in module.body if isinstance(one, ast.FunctionDef) and one.name == _function(name)
    )
    return sentence(ast.get_docstring(next(functions, module)))


cli = typer.Typer(
    cls=Lazy,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="leadgate: leads in, decided on, handed over, accounted for.",
)


@cli.callback()
def leadgate() -> None: ...


def main() -> None:
    cli()
