"""The command line: data on standard output, narration on standard error, exit codes that scripts can read."""

import typer

from app.commands import (
    components,
    configuring,
    deliveries,
    demo,
    doctor,
    listen,
    replay,
    report,
    retention,
    serving,
    settle,
    trace,
    trigger,
)

cli = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="leadgate: leads in, decided on, handed over, accounted for.",
)
for command in (
    serving.serve,
    serving.api,
    serving.worker,
    configuring.migrate,
    configuring.apply,
    configuring.export,
    trace.trace,
    deliveries.deliveries,
    replay.replay,
    settle.settle,
    report.report,
    retention.retention,
    components.components,
    doctor.doctor,
    trigger.trigger,
    listen.listen,
    demo.demo,
):
    cli.command()(command)
cli.add_typer(configuring.key, name="key")


def main() -> None:
    cli()
