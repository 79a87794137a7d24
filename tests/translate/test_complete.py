"""Each option that an installed server has is in its table, and the table has no other."""

import argparse
import importlib.metadata
import importlib.util
import sys
from typing import Any, NamedTuple

import click
import pytest

from tests.support.tools import need_package
from tricorn.settings.options import BY_NAME
from tricorn.translate.granian import GRANIAN
from tricorn.translate.row import Row, Takes
from tricorn.translate.source import Source
from tricorn.translate.translation import SOURCES


class Real(NamedTuple):
    """An option as the program itself has it."""

    name: str
    flags: frozenset[str]
    off: frozenset[str] = frozenset()
    takes: Takes = Takes.VALUE
    many: bool = False


def of_click(command: click.Command) -> list[Real]:
    options = [param for param in command.params if isinstance(param, click.Option)]
    return [
        Real(
            str(option.name),
            frozenset(option.opts),
            frozenset(option.secondary_opts),
            Takes.NOTHING if option.is_flag else Takes.VALUE,
            option.multiple,
        )
        for option in options
    ]


def of_argparse(parser: argparse.ArgumentParser) -> list[Real]:
    found = []
    for action in parser._actions:
        takes = {0: Takes.NOTHING, "?": Takes.OPTIONAL}.get(action.nargs, Takes.VALUE)  # type: ignore[call-overload]
        many = isinstance(action, argparse._AppendAction)
        if action.option_strings:
            found.append(
                Real(action.dest, frozenset(action.option_strings), takes=takes, many=many)
            )
    return found


def of_uvicorn() -> list[Real]:
    import uvicorn.main  # noqa: F401 - its attribute `main` hides the module

    return of_click(sys.modules["uvicorn.main"].main)


def of_granian() -> list[Real]:
    from granian.cli import cli

    return of_click(cli)


def of_daphne() -> list[Real]:
    from daphne.cli import CommandLineInterface

    return of_argparse(CommandLineInterface().parser)


def of_gunicorn() -> list[Real]:
    from gunicorn.config import Config

    return of_argparse(Config("", "").parser())


def of_hypercorn() -> list[Real]:
    import hypercorn.__main__ as program

    class Found(Exception):
        pass

    def stop(parser: argparse.ArgumentParser, args: Any = None) -> None:
        raise Found(parser)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(argparse.ArgumentParser, "parse_args", stop)
        with pytest.raises(Found) as raised:
            program.main(["app"])
    return of_argparse(raised.value.args[0])


REAL = {
    "uvicorn": of_uvicorn,
    "gunicorn": of_gunicorn,
    "hypercorn": of_hypercorn,
    "granian": of_granian,
    "daphne": of_daphne,
}


@pytest.fixture(params=SOURCES, scope="module")
def source(request: pytest.FixtureRequest) -> Source:
    need_package(request.param)
    return SOURCES[request.param]


@pytest.fixture
def real(source: Source) -> list[Real]:
    return REAL[source.name]()


def row_of(source: Source, flag: str) -> Row:
    rows = [row for row in source.rows if flag in (*row.flags, *row.off)]
    assert len(rows) == 1, f"{source.name} {flag}: {len(rows)} rows"
    return rows[0]


def test_the_version_is_the_one_of_the_table_or_newer(source: Source) -> None:
    installed = importlib.metadata.version(source.name).split(".")[:2]
    assert [*map(int, installed)] >= [*map(int, source.version.split("."))]


def test_each_option_has_its_row(source: Source, real: list[Real]) -> None:
    assert len(real) > 15
    for option in real:
        for flag in option.flags | option.off:
            row_of(source, flag)


def test_no_row_is_without_its_option(source: Source, real: list[Real]) -> None:
    flags = {flag for option in real for flag in (*option.flags, *option.off)}
    ours = {flag for row in source.rows for flag in (*row.flags, *row.off)}
    assert ours - flags <= {"--help", "-h"}


def test_values_follow_where_they_do_there(source: Source, real: list[Real]) -> None:
    for option in real:
        for flag in option.flags:
            row = row_of(source, flag)
            if flag in row.off:
                assert option.takes is Takes.NOTHING, flag
                continue
            assert (row.takes, row.many) == (option.takes, option.many), flag


def test_gunicorns_settings_have_their_names() -> None:
    need_package("gunicorn")
    from gunicorn.config import KNOWN_SETTINGS

    settings = {setting.name: setting.cli or [] for setting in KNOWN_SETTINGS}
    rows = {row.name: list(row.flags) for row in SOURCES["gunicorn"].rows}
    for name, flags in settings.items():
        assert rows[name] == flags
    assert set(rows) - set(settings) == {"help", "version"}


def test_hypercorns_files_may_say_each_of_its_attributes() -> None:
    need_package("hypercorn")
    from hypercorn.config import Config

    rows = {row.name for row in SOURCES["hypercorn"].rows}
    public = {
        name
        for name, value in vars(Config).items()
        if not name.startswith("_") and not callable(value) and not isinstance(value, classmethod)
    }
    public |= {name for name in Config.__annotations__ if not name.startswith("_")}
    # What is worked out, and the application, which a command names.
    public -= {"log", "ssl_enabled", "application_path"}
    assert len(public) > 50
    assert sorted(public - rows) == []


def test_granians_variables_have_their_names() -> None:
    need_package("granian")
    assert {option.name for option in of_granian()} == {row.name for row in GRANIAN.rows}


def test_what_a_row_becomes_is_an_option(source: Source) -> None:
    for row in source.rows:
        assert all(BY_NAME[name].on_command_line for name in row.to), row.name
