"""Logging set up for the server: the default configuration and the ways to give another.

Loggers: `tricorn.error` says what the server does (to stderr), `tricorn.access` has a line for
each request (to stdout), both under `tricorn`. Names, levels and layout are Uvicorn's with the
product's name changed, so a change such as `LOGGING_CONFIG["formatters"]["access"]["fmt"] = ...`
works.
"""

from __future__ import annotations

import contextlib
import json
import logging
import logging.config
import os
from collections.abc import Iterator
from configparser import ConfigParser, RawConfigParser
from pathlib import Path
from typing import IO, Any

from tricorn.product import PRODUCTS, TRICORN, logger_name
from tricorn.watch.formatters import (
    ACCESS_FORMAT,
    TRACE_LOG_LEVEL,
    AccessFormatter,
    ColourizedFormatter,
    DefaultFormatter,
    wants_colors,
)

__all__ = [
    "LOGGING_CONFIG",
    "LOGGING_CONFIGS",
    "LOG_LEVELS",
    "TRACE_LOG_LEVEL",
    "AccessFormatter",
    "ColourizedFormatter",
    "DefaultFormatter",
    "LogConfig",
    "LogConfigError",
    "configure",
]

LogConfig = dict[str, Any] | str | os.PathLike[str] | RawConfigParser | IO[Any] | None
"""A `logging.config` dict; a path (.json, .yaml, .yml, .toml, anything else is ini); an ini file
already read or open; or None to leave logging alone."""

LOG_LEVELS: dict[str, int] = {
    "critical": logging.CRITICAL,
    "error": logging.ERROR,
    "warning": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
    "trace": TRACE_LOG_LEVEL,
}


def _default_config(product: str) -> dict[str, Any]:
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "default": {
                "()": "tricorn.watch.logs.DefaultFormatter",
                "fmt": "%(levelprefix)s %(message)s",
                "use_colors": None,
            },
            "access": {
                "()": "tricorn.watch.logs.AccessFormatter",
                "fmt": ACCESS_FORMAT,
            },
        },
        "handlers": {
            "default": {
                "formatter": "default",
                "class": "logging.StreamHandler",
                "stream": "ext://sys.stderr",
            },
            "access": {
                "formatter": "access",
                "class": "logging.StreamHandler",
                "stream": "ext://sys.stdout",
            },
        },
        "loggers": {
            product: {"handlers": ["default"], "level": "INFO", "propagate": False},
            f"{product}.error": {"level": "INFO"},
            f"{product}.access": {"handlers": ["access"], "level": "INFO", "propagate": False},
        },
    }


LOGGING_CONFIGS = {product: _default_config(product) for product in PRODUCTS}
"""The default configuration of each product. Programs change them before they start."""

LOGGING_CONFIG = LOGGING_CONFIGS[TRICORN]


class LogConfigError(ValueError):
    """The log configuration can't be used. Its text is one line that says what to do."""


def configure(
    log_config: LogConfig,
    log_level: str | int | None = None,
    use_colors: bool | None = None,
    access_log: bool = True,
) -> None:
    """Set up logging for this process.

    `log_level`, a name of `LOG_LEVELS` in any case or a number, is set on the server's loggers
    after the configuration. `use_colors` is for tricorn's formatters: True or False decides, None
    leaves each to its stream. Without `access_log` the access logger is silent.

    Raises `LogConfigError`, before anything is changed if the level is what is wrong.
    """
    level = None if log_level is None else _level(log_level)
    logging.addLevelName(TRACE_LOG_LEVEL, "TRACE")
    if log_config is not None:
        _load(log_config)
        _choose_colors(use_colors)
    if level is not None:
        for part in ("error", "access", "asgi"):
            logging.getLogger(logger_name(part)).setLevel(level)
    if not access_log:
        silent = logging.getLogger(logger_name("access"))
        silent.handlers = []
        silent.propagate = False


def reopen() -> None:
    """Open the files of all file handlers anew: a log rotation has moved them."""
    for reference in list(logging._handlerList):  # type: ignore[attr-defined]
        handler = reference()
        if isinstance(handler, logging.FileHandler) and handler.stream is not None:
            with handler.lock or contextlib.nullcontext():
                handler.stream.close()
                handler.stream = handler._open()


def _level(value: str | int) -> int:
    if isinstance(value, int):
        return value
    try:
        return LOG_LEVELS[value.lower()]
    except KeyError:
        known = ", ".join(LOG_LEVELS)
        raise LogConfigError(f"log level {value!r} is unknown: use one of {known}") from None


def _load(source: dict[str, Any] | str | os.PathLike[str] | RawConfigParser | IO[Any]) -> None:
    name = "log config"
    if isinstance(source, (str, os.PathLike)):
        name = f"log config {os.fspath(source)!r}"
        source = _read(Path(source), name)
    try:
        if isinstance(source, dict):
            logging.config.dictConfig(source)
        else:
            logging.config.fileConfig(source, disable_existing_loggers=False)
    # The classes that a configuration names are anybody's code and may raise anything.
    except Exception as error:
        reason = _reason(error)
        raise LogConfigError(f"{name} can't be used: {reason}{_hint(reason)}") from error


def _hint(reason: str) -> str:
    """What to write where a configuration made for Uvicorn names its formatters."""
    names = ("module named 'uvicorn", "module named 'tricorn.logging", "'tricorn' has no attribute")
    if any(name in reason for name in names):
        return "; DefaultFormatter and AccessFormatter are in tricorn.watch.logs"
    return ""


def _read(path: Path, name: str) -> dict[str, Any] | RawConfigParser:
    try:
        config = _parse(path.read_text("utf-8"), path.suffix.lower(), name)
    except LogConfigError:
        raise
    except Exception as error:  # OSError, and each format's own errors, PyYAML's among them
        raise LogConfigError(f"{name} can't be read: {_reason(error)}") from error
    if not isinstance(config, (dict, RawConfigParser)):
        raise LogConfigError(f"{name} holds no mapping: see logging.config.dictConfig")
    return config


def _parse(text: str, kind: str, name: str) -> object:
    if kind == ".json":
        return json.loads(text)
    if kind == ".toml":
        import tomllib

        return tomllib.loads(text)
    if kind in (".yaml", ".yml"):
        return _parse_yaml(text, name)
    parser = ConfigParser()  # as logging.config does with a path, but its errors are told apart
    parser.read_string(text)
    return parser


def _parse_yaml(text: str, name: str) -> object:
    try:
        import yaml
    except ImportError:
        raise LogConfigError(
            f"{name} needs PyYAML: pip install PyYAML, or write the same as .json or .toml"
        ) from None
    return yaml.safe_load(text)


def _reason(error: BaseException) -> str:
    """What went wrong, on one line, with the innermost cause: `dictConfig` only names the key."""
    texts = [_one_line(error)]
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
        texts.append(_one_line(error))
    outer, inner = texts[0], texts[-1]
    return outer if inner in outer else f"{outer}: {inner}"


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, KeyError):
        return f"{text} is missing"
    return text or type(error).__name__


def _choose_colors(use_colors: bool | None) -> None:
    if use_colors is not None:
        for formatter, _ in _own_formatters():
            formatter.use_colors = use_colors
        return
    # Handlers may share a formatter: it colours only if each of their streams wants it.
    wanted: dict[ColourizedFormatter, bool] = {}
    for formatter, stream in _own_formatters():
        if formatter.colors_by_stream:
            wanted[formatter] = wanted.get(formatter, True) and wants_colors(stream)
    for formatter, wants in wanted.items():
        formatter.use_colors = wants


def _own_formatters() -> Iterator[tuple[ColourizedFormatter, object]]:
    """Each formatter of tricorn's in use, with the stream of its handler."""
    names = [logger_name(part) for part in ("", "error", "access", "asgi")]
    for name in ("", *names):
        for handler in logging.getLogger(name).handlers:
            if isinstance(handler.formatter, ColourizedFormatter):
                yield handler.formatter, getattr(handler, "stream", None)
