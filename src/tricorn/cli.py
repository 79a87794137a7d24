"""The command line, built from the option table.

Importing it is quick, so that `--help` is: whatever needs asyncio or a loop is
imported once it is known that a server will run.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

from tricorn.settings.errors import ConfigError
from tricorn.settings.option import Group, Kind, Option
from tricorn.settings.options import OPTIONS

USAGE_ERROR = 2
DEMO = "tricorn.demo:app"
NO_APP = "what is there to serve? Name it, as in `tricorn main:app`, or try `tricorn --demo`"
REPEATABLE = (Kind.LIST, Kind.FIELDS)
EPILOG = (
    "Each option can also be set by an environment variable (TRICORN_PORT for --port) and in a"
    " TOML file (--config, or [tool.tricorn] in pyproject.toml). The command line wins over the"
    " environment, and that over the file. UVICORN_ variables work too."
)


class TableOption(click.Option):
    """An option of the table, as click sees it. Values stay as they were typed."""

    def __init__(self, option: Option) -> None:
        self.row = option
        flag = option.kind is Kind.BOOLEAN and not option.valued
        super().__init__(
            [option.flags, option.name],
            help=_help(option),
            default=None,
            multiple=option.kind in REPEATABLE,
            metavar=None if flag else _metavar(option),
            **({"is_flag": True} if flag else {"type": str}),
        )


class Command(click.Command):
    """`tricorn`, with the options of `--help` in the table's groups and errors on one line."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for group in Group:
            rows = [
                param.get_help_record(ctx)
                for param in self.params
                if isinstance(param, TableOption) and param.row.group is group
            ]
            with formatter.section(group.value):
                formatter.write_dl([row for row in rows if row is not None])
        with formatter.section("Information"):
            formatter.write_dl(
                [("--version", "Print what runs here, and exit."), ("--help", "Print this.")]
            )

    def main(self, args: Sequence[str] | None = None, **extra: Any) -> Any:  # type: ignore[override]
        if not extra.pop("standalone_mode", True):
            return super().main(args, standalone_mode=False, **extra)
        try:
            code = super().main(args, standalone_mode=False, **extra)
        except click.ClickException as error:
            code = fail(error.format_message())
        except click.Abort:
            code = 130
        except ConfigError as error:
            code = fail(str(error))
        sys.exit(code or 0)


def fail(message: str) -> int:
    """Say what is wrong, and return the exit code for it."""
    click.echo(f"Error: {message}", err=True)
    return USAGE_ERROR


def _metavar(option: Option) -> str:
    if option.choices:
        return "[" + "|".join(option.choices) + "]"
    names = {Kind.NUMBER: "N", Kind.SECONDS: "SECONDS", Kind.FILE: "FILE", Kind.MODE: "OCTAL"}
    return names.get(option.kind, "BOOLEAN" if option.valued else "TEXT")


def _help(option: Option) -> str:
    from tricorn.settings.reference import default_text

    text = option.help
    if option.not_yet:
        text += " Not there yet."
    default = default_text(option)
    return f"{text} [default: {default}]" if default else text


def _show_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from tricorn.settings.version import version_line

        click.echo(version_line())
        ctx.exit()


def _params() -> list[click.Parameter]:
    params: list[click.Parameter] = [click.Argument(["app"], required=False)]
    params += [TableOption(o) for o in OPTIONS if o.on_command_line and o.name != "app"]
    params.append(
        click.Option(
            ["--version"], is_flag=True, is_eager=True, expose_value=False, callback=_show_version
        )
    )
    return params


def _start(**given: Any) -> int:
    from tricorn.settings.sources import resolve

    line = {name: value for name, value in given.items() if value not in (None, ())}
    values = resolve(line)
    if values["show_config"].value:
        from tricorn.settings.show import show

        click.echo(show(values))
        return 0
    app = values["app"].value
    if values["demo"].value:
        if "app" in line:
            raise ConfigError(f"--demo and APP both say what to serve; leave {app!r} out")
        app = DEMO
    if not app:
        raise ConfigError(NO_APP)
    return _serve(app, {name: given.value for name, given in values.items()})


def _serve(app: Any, values: dict[str, Any]) -> int:
    from tricorn.serve.program import main_run
    from tricorn.settings.config import build
    from tricorn.settings.options import RUN_PARAMETERS

    sys.path.insert(0, values["app_dir"])
    names = [name for name in RUN_PARAMETERS if name not in ("app", "app_dir") and name in values]
    return main_run(build(app, {name: values[name] for name in names}))


main = Command("tricorn", params=_params(), callback=_start, epilog=EPILOG)
main.help = "Serve the ASGI or WSGI application APP, given as module:attribute."

if __name__ == "__main__":
    main()
