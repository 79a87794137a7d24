"""The command line, built from the option table.

Importing it is quick, so that `--help` is: whatever needs asyncio or a loop is
imported once it is known that a server will run.
"""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from tricorn.settings.errors import ConfigError, OptionError
from tricorn.settings.option import Group, Kind, Option
from tricorn.settings.options import BY_NAME, OPTIONS, RUN_PARAMETERS

if TYPE_CHECKING:
    from tricorn.settings.config import Config
    from tricorn.settings.sources import Given

USAGE_ERROR = 2
INTERRUPTED = 130
DEMO = "tricorn.demo:app"
# No application is named so: an app has a colon in it.
SUBCOMMANDS = {
    "ctl": "tricorn.supervise.ctl:ctl",
    "dev-cert": "tricorn.serve.dev_cert:dev_cert",
    "translate": "tricorn.translate.program:translate_command",
}
NO_APP = "what is there to serve? Name it, as in `tricorn main:app`, or try `tricorn --demo`"
EPILOG = (
    "Each option can also come from an environment variable (TRICORN_PORT for --port;"
    " UVICORN_PORT works too) or a TOML file (--config, or [tool.tricorn] in pyproject.toml)."
    " The command line wins over the environment, and that over the file."
)
_INDENT = 6
_METAVARS = {
    Kind.NUMBER: "N",
    Kind.WORKERS: "N|auto",
    Kind.SECONDS: "SECONDS",
    Kind.FILE: "FILE",
    Kind.MODE: "OCTAL",
    Kind.FIELDS: "NAME:VALUE",
    Kind.BOOLEAN: "BOOLEAN",
    Kind.HSTS: "[SECONDS]",
}


class TableOption(click.Option):
    """An option of the table, as click sees it. Values stay as they were typed."""

    def __init__(self, option: Option) -> None:
        self.row = option
        is_flag = option.kind is Kind.BOOLEAN and not option.valued
        more: dict[str, Any] = {"flag_value": option.bare} if option.bare else {}
        super().__init__(
            [option.flags, option.name],
            default=None,
            is_flag=is_flag,
            type=None if is_flag else str,
            multiple=option.kind in (Kind.LIST, Kind.FIELDS),
            **more,
        )

    def usage(self) -> str:
        """The option and its value, as `--help` shows them."""
        if self.is_flag:
            return self.row.flags
        # A list's items are long ones; `options.md` and the error for another name them.
        values = "" if self.row.kind is Kind.LIST else "|".join(self.row.choices)
        return f"{self.row.flags} {values or _METAVARS.get(self.row.kind, 'TEXT')}"


class Formatter(click.HelpFormatter):
    """Help with each option on a line of its own, its meaning indented below it."""

    def write_dl(self, rows: Iterable[tuple[str, str]], *_: Any, **__: Any) -> None:
        for usage, text in rows:
            self.write(f"{'':{self.current_indent}}{usage}\n")
            indent = " " * (self.current_indent + _INDENT)
            # Not at hyphens: a flag broken in two can't be searched for.
            lines = textwrap.wrap(
                text,
                self.width,
                initial_indent=indent,
                subsequent_indent=indent,
                break_on_hyphens=False,
            )
            self.write("".join(line + "\n" for line in lines))


class Context(click.Context):
    formatter_class = Formatter


class Command(click.Command):
    """`tricorn`: `--help` in the table's groups, and errors on one line."""

    context_class = Context

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        table = [param for param in self.params if isinstance(param, TableOption)]
        for group in Group:
            rows = [
                (param.usage(), _help(param.row)) for param in table if param.row.group is group
            ]
            with formatter.section(group.value):
                formatter.write_dl(rows)
        with formatter.section("Commands"):
            rows = [("tricorn ctl", "Talk to a server that has --control.")]
            made = "Make a certificate for localhost, and say how to trust it."
            rows.append(("tricorn dev-cert", made))
            turned = (
                "Turn a uvicorn, gunicorn, hypercorn, granian or daphne command into tricorn's."
            )
            formatter.write_dl([*rows, ("tricorn translate", turned)])
        with formatter.section("Information"):
            rows = [("--version", "Print what would run here, and exit.")]
            formatter.write_dl([*rows, ("--help", "Print this, and exit.")])

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run, and exit with the code; without `standalone_mode`, return it or raise."""
        args = given = _with_bare_values(list(sys.argv[1:] if args is None else args))
        if given and given[0] in SUBCOMMANDS:
            return _subcommand(given[0], given[1:], standalone_mode)
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, False, **extra)
        try:
            code = super().main(args, prog_name, complete_var, False, **extra)
        except (click.ClickException, ConfigError) as error:
            code = _fail(error)
        except click.Abort:
            code = INTERRUPTED
        sys.exit(code)


def _with_bare_values(args: list[str]) -> list[str]:
    """Give flags that stand alone the choice they mean: click would take the app for it."""
    bare = {option.flags: option for option in OPTIONS if option.bare and option.choices}
    given = []
    for index, arg in enumerate(args):
        option = bare.get(arg)
        if option is not None and "".join(args[index + 1 : index + 2]) not in option.choices:
            arg = f"{arg}={option.bare}"
        given.append(arg)
    return given


def _subcommand(name: str, args: list[str], standalone_mode: bool) -> Any:
    module, _, attribute = SUBCOMMANDS[name].partition(":")
    command = getattr(import_module(module), attribute)
    try:
        code = command.main(args, f"tricorn {name}", standalone_mode=False) or 0
    except click.ClickException as error:
        if not standalone_mode:
            raise
        code = _fail_with_help(error) or _fail(error)
    except click.Abort:
        code = INTERRUPTED
    return sys.exit(code) if standalone_mode else code


def _fail(error: click.ClickException | ConfigError) -> int:
    text = error.format_message() if isinstance(error, click.ClickException) else str(error)
    click.echo("Error: " + " ".join(text.split()), err=True)
    return USAGE_ERROR


def _fail_with_help(error: click.ClickException) -> int:
    """Show the help that an error consists of, if it does: of `ctl` without a command."""
    # Before click 8.2 the help is shown without an error.
    if type(error).__name__ != "NoArgsIsHelpError":
        return 0
    error.show()
    return USAGE_ERROR


def _help(option: Option) -> str:
    from tricorn.settings.show import default_text

    default = default_text(option)
    return f"{option.help} [default: {default}]" if default else option.help


def _show_version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from tricorn import __version__
        from tricorn.settings.version import version_line

        click.echo(version_line(__version__))
        ctx.exit()


def _parameters() -> list[click.Parameter]:
    version = click.Option(
        ["--version"], is_flag=True, is_eager=True, expose_value=False, callback=_show_version
    )
    table = [TableOption(o) for o in OPTIONS if o.on_command_line and o.name != "app"]
    return [click.Argument(["app"], required=False), *table, version]


def _start(given: dict[str, Any], settled: Mapping[str, str]) -> int:
    from tricorn.settings.sources import resolve
    from tricorn.settings.unread import warnings_of_unread

    for text in warnings_of_unread(os.environ):
        click.echo(f"Warning: {text}", err=True)
    origin = click.get_current_context().get_parameter_source
    typed = {
        name: raw for name, raw in given.items() if origin(name) is ParameterSource.COMMANDLINE
    }
    line = {**settled, **typed}
    resolved = resolve(line)
    if resolved["show_config"].value:
        from tricorn.settings.show import show

        click.echo(show(resolved))
        return 0
    return _serve(line, resolved)


def _application(values: dict[str, Any], named: bool) -> str:
    app: str | None = values["app"]
    if values["demo"]:
        if named:
            raise ConfigError(f"--demo serves an application of its own; leave {app!r} out")
        return DEMO
    if not app:
        raise ConfigError(NO_APP)
    return app


def _serve(line: dict[str, Any], resolved: Mapping[str, Given]) -> int:
    config = _config(line, resolved)
    _occupy_standard_descriptors()
    with _placing(resolved):
        return _serve_config(config, line, resolved)


def _occupy_standard_descriptors() -> None:
    """Lead 0, 1 and 2 to /dev/null where they are closed.

    A socket that took one of them would get what is written to stderr, and libuv aborts when it
    closes such a one.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def _serve_config(config: Config, line: dict[str, Any], resolved: Mapping[str, Given]) -> int:
    from tricorn.settings.sources import resolve

    _insert_app_dir(resolved["app_dir"])
    if config.use_subprocess:
        from tricorn.launch import refuse_processes_on_windows

        refuse_processes_on_windows(config)
        from tricorn.supervise.program import supervise

        _check_directories(resolved["reload_dirs"])
        file = resolved["config"].value
        files = [file] if isinstance(file, str) else []
        return supervise(config, lambda: _config(line, resolve(line)), files)
    from tricorn.serve.run import main_run

    return int(main_run(config))


def _insert_app_dir(given: Given) -> None:
    """Import the app from there first; absolute, as the app may change the working directory."""
    directory = str(given.value)
    if directory:
        _check_directories(given)
        directory = os.path.abspath(directory)
    sys.path.insert(0, directory)


def _check_directories(given: Given) -> None:
    """Raise `ConfigError` for what isn't there of one directory or several."""
    named = [given.value] if isinstance(given.value, str) else given.value
    for directory in named if isinstance(named, list) else []:
        if not os.path.isdir(directory):
            raise ConfigError(f"{given.where}: {directory!r} is not a directory that exists")


def _config(line: dict[str, Any], resolved: Mapping[str, Given]) -> Config:
    from tricorn.settings.config import build

    values = {name: setting.value for name, setting in resolved.items()}
    app = _application(values, "app" in line)
    options = {name: values[name] for name in RUN_PARAMETERS if name in values and name != "app"}
    with _placing(resolved):
        return build(app, options)


@contextmanager
def _placing(resolved: Mapping[str, Given]) -> Iterator[None]:
    """Name the place that a refused option's value came from, the flag where there is none."""
    try:
        yield
    except OptionError as error:
        raise error.at(
            {
                name: given.where if given.rank else BY_NAME[name].positive_flag
                for name, given in resolved.items()
            }
        ) from None


def command(name: str, **settled: str) -> Command:
    """The command line under a name. Options that are `settled` have that value unless given."""

    def start(**given: Any) -> int:
        return _start(given, settled)

    made = Command(name, params=_parameters(), callback=start, epilog=EPILOG)
    made.help = "Serve APP, an ASGI or WSGI application given as module:attribute."
    return made


main = command("tricorn")

if __name__ == "__main__":
    main()
