"""`tricorn translate`: the command of another server, as tricorn's."""

from __future__ import annotations

import os
from pathlib import Path

import click

from tricorn.translate import output
from tricorn.translate.errors import Untranslatable
from tricorn.translate.translation import translate

_EPILOG = "A configuration file in Python is run, as its server would do, to see what it says."


class Command(click.Command):
    """Options behind a command in quotes are ours; behind its words they are the command's."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.allow_interspersed_args = "--" not in args and any(" " in arg for arg in args)
        return super().parse_args(ctx, args)


@click.command("translate", cls=Command, epilog=_EPILOG)
@click.option(
    "--output",
    "form",
    type=click.Choice(["text", "toml", "command"]),
    default="text",
    help="What to print: all, with what became of each option; or the file or command alone.",
)
@click.option("--write", metavar="FILE", help="Write the options to a new file, tricorn.toml.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def translate_command(command: tuple[str, ...], form: str, write: str | None) -> None:
    """Turn COMMAND, which starts uvicorn, gunicorn, hypercorn, granian or daphne, into the
    tricorn command that does the same. COMMAND is in quotes, or follows `--`. It may also be the
    path of a gunicorn.conf.py or a hypercorn.toml."""
    try:
        made = translate(command, os.environ)
    except Untranslatable as error:
        raise click.ClickException(str(error)) from None
    if write is not None:
        _write(write, output.file(made))
    if form == "text":
        click.echo(output.text(made, write or ""), nl=False)
        return
    click.echo(output.file(made) if form == "toml" else output.command(made, write or ""),
               nl=form == "command")  # fmt: skip
    for line in made.remarks:
        click.echo(f"Note: {line}", err=True)
    for line in output.losses(made):
        click.echo(f"Warning: {line}", err=True)


def _write(path: str, content: str) -> None:
    try:
        with Path(path).open("x", encoding="utf-8") as file:
            file.write(content)
    except FileExistsError:
        raise click.ClickException(
            f"--write: {path!r} is there already; remove it or name another file"
        ) from None
    except OSError as error:
        raise click.ClickException(f"--write: {path!r}: {error.strerror}") from None


__all__ = ["translate_command"]
