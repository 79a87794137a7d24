"""Each way to configure logging, and one line for each way to get it wrong."""

import io
import json
import logging
import sys
from configparser import RawConfigParser
from pathlib import Path
from typing import Any

import pytest
import uvicorn.config

from tricorn.watch.logs import LOG_LEVELS, LOGGING_CONFIG, LogConfigError, configure

INI = """
[loggers]
keys=root,access
[handlers]
keys=out
[formatters]
keys=access
[logger_root]
handlers=
[logger_access]
qualname=tricorn.access
handlers=out
propagate=0
level=INFO
[handler_out]
class=StreamHandler
args=(sys.stdout,)
formatter=access
[formatter_access]
class=tricorn.watch.logs.AccessFormatter
format=ini %(client_addr)s %(status_code)s
"""
DICT: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "mine": {
            "()": "tricorn.watch.logs.AccessFormatter",
            "fmt": "file %(client_addr)s %(status_code)s",
        }
    },
    "handlers": {
        "out": {
            "class": "logging.StreamHandler",
            "formatter": "mine",
            "stream": "ext://sys.stdout",
        }
    },
    "loggers": {"tricorn.access": {"handlers": ["out"], "level": "INFO", "propagate": False}},
}
YAML = """
version: 1
disable_existing_loggers: false
formatters:
  mine: {"()": tricorn.watch.logs.AccessFormatter, fmt: "file %(client_addr)s %(status_code)s"}
handlers:
  out: {class: logging.StreamHandler, formatter: mine, stream: "ext://sys.stdout"}
loggers:
  tricorn.access: {handlers: [out], level: INFO, propagate: false}
"""
TOML = """
version = 1
disable_existing_loggers = false
[formatters.mine]
"()" = "tricorn.watch.logs.AccessFormatter"
fmt = "file %(client_addr)s %(status_code)s"
[handlers.out]
class = "logging.StreamHandler"
formatter = "mine"
stream = "ext://sys.stdout"
[loggers."tricorn.access"]
handlers = ["out"]
level = "INFO"
propagate = false
"""


def renamed(value: Any) -> Any:
    if isinstance(value, dict):
        return {renamed(key): renamed(each) for key, each in value.items()}
    if isinstance(value, str):
        return value.replace("uvicorn.logging", "tricorn.watch.logs").replace("uvicorn", "tricorn")
    return value


def test_the_defaults_are_uvicorns() -> None:
    assert renamed(uvicorn.config.LOGGING_CONFIG) == LOGGING_CONFIG
    assert uvicorn.config.LOG_LEVELS == LOG_LEVELS


def access_line() -> None:
    args = ("1.2.3.4:5", "GET", "/", "1.1", 200)
    logging.getLogger("tricorn.access").info('%s - "%s %s HTTP/%s" %d', *args)


@pytest.mark.parametrize(
    ("suffix", "text"),
    [(".json", json.dumps(DICT)), (".yaml", YAML), (".yml", YAML), (".toml", TOML), (".JSON", "")],
)
@pytest.mark.parametrize("kind", [str, Path])
def test_files(tmp_path: Path, capsys: Any, suffix: str, text: str, kind: Any) -> None:
    path = tmp_path / f"log{suffix}"
    path.write_text(text or json.dumps(DICT))
    configure(kind(path))
    access_line()
    assert capsys.readouterr().out == "file 1.2.3.4:5 200 OK\n"


@pytest.mark.parametrize("form", ["path", "parser", "open file"])
def test_ini(tmp_path: Path, capsys: Any, form: str) -> None:
    path = tmp_path / "log.conf"
    path.write_text(INI)
    parser = RawConfigParser()
    parser.read(path)
    root = logging.getLogger()
    before = root.handlers[:]
    try:
        configure({"path": str(path), "parser": parser, "open file": io.StringIO(INI)}[form])
    finally:
        root.handlers[:] = before
    access_line()
    assert capsys.readouterr().out == "ini 1.2.3.4:5 200 OK\n"


def test_a_dict_is_used_and_left_as_it_is(config: dict[str, Any]) -> None:
    config["formatters"]["access"]["fmt"] = "%(status_code)s"
    out = config["handlers"]["access"]["stream"]
    before = {key: dict(value) for key, value in config["formatters"].items()}
    configure(config, use_colors=True)
    access_line()
    assert out.getvalue() == "\x1b[32m200 OK\x1b[0m\n"
    assert config["formatters"] == before


def test_none_leaves_logging_alone() -> None:
    logger = logging.getLogger("tricorn.access")
    logger.handlers = [handler := logging.NullHandler()]
    configure(None)
    assert logger.handlers == [handler]


@pytest.mark.parametrize("level", ["debug", "DEBUG", 10])
def test_the_level_is_set_on_the_servers_loggers(level: str | int) -> None:
    configure(None, level)
    for name in ("tricorn.error", "tricorn.access", "tricorn.asgi"):
        assert logging.getLogger(name).level == logging.DEBUG


def test_trace_has_a_name() -> None:
    configure(None, "trace")
    assert logging.getLevelName(5) == "TRACE"
    assert logging.getLogger("tricorn.error").level == 5


def test_no_access_log(config: dict[str, Any]) -> None:
    configure(config, access_log=False)
    access_line()
    assert config["handlers"]["access"]["stream"].getvalue() == ""
    assert not logging.getLogger("tricorn.access").hasHandlers()


@pytest.mark.parametrize("colors", [True, False, None])
def test_a_dict_without_our_formatters(colors: bool | None) -> None:
    configure({"version": 1, "disable_existing_loggers": False}, use_colors=colors)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("colors", [True, False, None])
def test_colours_by_the_stream_of_the_handler(
    monkeypatch: pytest.MonkeyPatch, config: dict[str, Any], colors: bool | None
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    config["handlers"]["access"]["stream"] = out = Terminal()
    configure(config, use_colors=colors)
    access_line()
    logging.getLogger("tricorn.error").error("down")
    assert ("\x1b" in out.getvalue()) is (colors is not False)
    assert ("\x1b" in config["handlers"]["default"]["stream"].getvalue()) is (colors is True)


def test_a_formatter_shared_by_a_terminal_and_a_file_colours_neither(
    monkeypatch: pytest.MonkeyPatch, config: dict[str, Any]
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    config["handlers"]["default"]["stream"] = Terminal()
    config["handlers"]["more"] = {**config["handlers"]["default"], "stream": io.StringIO()}
    config["loggers"]["tricorn"]["handlers"] = ["more", "default"]
    configure(config)
    logging.getLogger("tricorn.error").error("down")
    assert config["handlers"]["default"]["stream"].getvalue() == "ERROR:    down\n"


BROKEN = {
    "log.json": ('{"version": 1', "can't be read"),
    "log.yaml": ("a: [", "can't be read"),
    "log.toml": ("a = ", "can't be read"),
    "bytes.json": ("\udcff", "can't be read"),
    "list.json": ("[]", "holds no mapping"),
    "empty.yaml": ("", "holds no mapping"),
    "log.ini": ("[loggers]\nkeys=root\n", "can't be used: 'formatters' is missing"),
    "text.ini": ("version: 1", "can't be read"),
    "version.json": ("{}", "can't be used: dictionary doesn't specify a version"),
    "class.json": (
        '{"version": 1, "handlers": {"a": {"class": "nowhere.Handler"}}}',
        "can't be used: Unable to configure handler 'a': ",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_one_line(tmp_path: Path, name: str) -> None:
    text, reason = BROKEN[name]
    path = tmp_path / name
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(LogConfigError) as caught:
        configure(str(path))
    assert str(caught.value).isprintable()
    assert str(caught.value).startswith(f"log config '{path}' {reason}")


def test_uvicorns_formatters_are_elsewhere() -> None:
    """Who has put tricorn for uvicorn everywhere is told."""
    formatter = {"()": "tricorn.logging.DefaultFormatter"}
    with pytest.raises(LogConfigError, match="Unable to configure formatter") as caught:
        configure({"version": 1, "formatters": {"a": formatter}})
    hint = "; DefaultFormatter and AccessFormatter are in tricorn.watch.logs"
    assert str(caught.value).endswith(hint)


@pytest.mark.parametrize("name", ["no.json", "no.yaml", "no.toml", "no.ini", "no\n.ini"])
def test_a_missing_file_is_one_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(LogConfigError, match="No such file") as caught:
        configure(tmp_path / name)
    assert str(caught.value).isprintable()


def test_yaml_without_pyyaml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log.yaml"
    path.write_text(YAML)
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(LogConfigError, match="needs PyYAML: pip install PyYAML"):
        configure(path)


def test_an_unknown_level_changes_nothing() -> None:
    logger = logging.getLogger("tricorn.access")
    logger.handlers = [handler := logging.NullHandler()]
    with pytest.raises(LogConfigError, match="'loud' is unknown: use one of critical, error"):
        configure(LOGGING_CONFIG, "loud")
    assert logger.handlers == [handler]
