"""Precedence of the sources, and how messages call them."""

import os
from pathlib import Path

import pytest

from tests.settings.refusals import in_file, refusal
from tricorn.settings.option import Kind, Option
from tricorn.settings.options import OPTIONS
from tricorn.settings.sources import Given, Rank, resolve


def test_without_anything_all_is_default() -> None:
    values = resolve({})
    assert list(values) == [option.name for option in OPTIONS]
    for option in OPTIONS:
        assert values[option.name] == Given(option.default, Rank.DEFAULT, "default")


# Each source, weakest first: what sets `port` there, and how it is called.
SOURCES = {
    "file": (7001, "port in tricorn.toml"),
    "UVICORN_PORT": (7002, "UVICORN_PORT in the environment"),
    "TRICORN_PORT": (7003, "TRICORN_PORT in the environment"),
    "line": (7004, "--port"),
}


def set_port(source: str, line: dict[str, object], port: object) -> None:
    if source == "file":
        line |= in_file(f"port = {port!r}\n")
    elif source == "line":
        line["port"] = str(port)
    else:
        os.environ[source] = str(port)


@pytest.mark.parametrize("stronger", SOURCES)
@pytest.mark.parametrize("weaker", SOURCES)
def test_of_each_pair_the_stronger_wins(weaker: str, stronger: str) -> None:
    order = list(SOURCES)
    if order.index(weaker) > order.index(stronger):
        weaker, stronger = stronger, weaker
    line: dict[str, object] = {}
    for source in (weaker, stronger):
        set_port(source, line, SOURCES[source][0])
    port = resolve(line)["port"]
    assert (port.value, port.where) == SOURCES[stronger]


@pytest.mark.parametrize("source", SOURCES)
def test_a_bad_value_is_told_with_its_source(source: str) -> None:
    line: dict[str, object] = {}
    set_port(source, line, "high")
    assert refusal(line) == f"{SOURCES[source][1]}: 'high' is not a whole number from 0 to 65535"


def test_a_bad_value_in_the_file_is_told_though_it_is_replaced() -> None:
    line: dict[str, object] = {}
    set_port("file", line, "high")
    set_port("line", line, 80)
    assert refusal(line).startswith("port in tricorn.toml: 'high' is not")


def test_the_origin_of_a_value_on_the_command_line() -> None:
    assert resolve({"port": "80"})["port"].origin == "command line (--port)"


def sample(option: Option) -> str:
    """A value that differs from the default and asks for nothing that isn't there."""
    if option.choices:
        return next(choice for choice in reversed(option.choices) if choice != option.default)
    samples = {
        Kind.WORKERS: "auto",
        Kind.NUMBER: str(min(7, option.most or 7)),
        Kind.SECONDS: "7",
        Kind.BOOLEAN: "false" if option.default else "true",
        Kind.LIST: "fd://7",
        Kind.FIELDS: "X-A:1",
        Kind.MODE: "600",
        Kind.FILE: "tricorn.log.ini",
        Kind.PEERS: "10.0.0.1",
        Kind.HSTS: "7",
    }
    return samples.get(option.kind, "sample")


THERE = [o for o in OPTIONS if o.in_sources]


@pytest.mark.parametrize("option", THERE, ids=lambda o: o.name)
def test_each_option_can_be_set_in_each_source(option: Option) -> None:
    text = sample(option)
    Path("tricorn.log.ini").touch()
    from_line = resolve({option.name: [text] if option.kind is Kind.LIST else text})
    assert from_line[option.name].rank is Rank.LINE
    from_file = resolve(in_file(f"{option.name.replace('_', '-')} = {text!r}"))
    assert from_file[option.name].rank is Rank.FILE
    os.environ[option.environment[0]] = text
    from_environment = resolve({})
    assert from_environment[option.name].rank is Rank.ENVIRONMENT
    values = {result[option.name].value == option.default for result in (from_line, from_file)}
    assert values == {False}
    assert from_line[option.name].value == from_environment[option.name].value
    assert from_line[option.name].value == from_file[option.name].value


class TestContradictions:
    @pytest.mark.parametrize(
        ("line", "places"),
        [
            ({"uds": "/x", "fd": "3"}, "--uds and --fd"),
            ({"bind": [":80"], "port": "80"}, "--bind and --port"),
            ({"bind": [":80"], "port": "8000"}, "--bind and --port"),
            ({"bind": [":80"], "host": "::"}, "--bind and --host"),
            ({"bind": [":80"], "uds": "/x"}, "--bind and --uds"),
            ({"bind": [":80"], "fd": "0"}, "--bind and --fd"),
        ],
    )
    def test_in_one_source_are_an_error(self, line: dict[str, object], places: str) -> None:
        assert refusal(line) == f"{places} both say where to listen; give only one of them"

    def test_in_the_environment(self) -> None:
        os.environ |= {"TRICORN_BIND": ":80", "UVICORN_PORT": "81"}
        message = "TRICORN_BIND in the environment and UVICORN_PORT in the environment both say"
        assert refusal().startswith(message)

    def test_in_a_file(self) -> None:
        message = "uds in tricorn.toml and fd in tricorn.toml both say where to listen;"
        assert refusal(in_file("uds = '/x'\nfd = 3")).startswith(message)

    def test_between_sources_the_stronger_wins(self) -> None:
        values = resolve({**in_file("bind = [':80']"), "port": "81"})
        assert values["port"].value == 81
        replaced = "default (--port replaces bind in tricorn.toml)"
        assert values["bind"] == Given(None, Rank.DEFAULT, replaced)

    def test_bind_replaces_a_weaker_port(self) -> None:
        os.environ["UVICORN_PORT"] = "7000"
        os.environ["UVICORN_HOST"] = "::"
        values = resolve({"bind": [":80"]})
        assert values["bind"].value == [":80"]
        assert (values["host"].value, values["port"].value) == ("127.0.0.1", 8000)

    def test_what_programs_pass_along_is_none(self) -> None:
        values = resolve({"host": "127.0.0.1", "port": "8000", "uds": "/x"})
        assert values["uds"].value == "/x"
        assert resolve({"uds": "", "fd": "3"})["fd"].value == 3


class TestFlagThatIsAChoice:
    """Uvicorn's --http2 has no value and true for its only one."""

    @pytest.mark.parametrize(
        ("given", "meant"),
        [("true", "all"), (True, "all"), ("false", "off"), (False, "off"), ("tls", "tls")],
    )
    def test_true_and_false_are_choices(self, given: object, meant: str) -> None:
        assert resolve({"http2": given})["http2"].value == meant
