"""Options from environment variables, and the file that adds to them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tricorn.settings.errors import ConfigError
from tricorn.settings.option import Kind, Option

LISTS = (Kind.LIST, Kind.FIELDS)

# What each file has set, by its path.
_added: dict[str, dict[str, str]] = {}

# What python-dotenv has said of them.
_told: set[str] = set()


def from_environment(option: Option, environ: Mapping[str, str]) -> tuple[object, str] | None:
    """What the strongest variable set for `option` says, and its name.

    Lists are split at white space.
    """
    for variable in option.environment:
        text = environ.get(variable)
        if text is not None and counts(option, variable, text):
            return (text.split() if option.kind in LISTS else text), variable
    return None


def counts(option: Option, variable: str, text: str) -> bool:
    """Whether a variable that is set to `text` says something.

    An empty one doesn't, as with click. But an empty FORWARDED_ALLOW_IPS trusts nobody, as it
    does in Uvicorn: to fall back on the default there would trust more than was asked for.
    """
    return bool(text) or (variable in option.env and option.kind is Kind.PEERS)


def load_env_file(path: str, where: str) -> frozenset[str]:
    """Add the variables in the file at `path` to os.environ; those already set stay.

    What the same file set before counts as not set, so that a change in it is taken in.
    Returns the names it added. Raises ConfigError when python-dotenv is missing or the file
    can't be read.
    """
    try:
        from dotenv import load_dotenv
    except ImportError:
        raise ConfigError(
            f"{where}: reading {path!r} needs the python-dotenv package; install tricorn[dotenv]"
        ) from None
    stale = _forget(path)
    before = frozenset(os.environ)
    try:
        with _naming(path):
            load_dotenv(dotenv_path=path)
    except (OSError, ValueError) as error:
        os.environ.update(stale)
        _added[path] = stale
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError(f"{where}: {path!r} can't be read: {reason}") from None
    added = frozenset(os.environ) - before
    _added[path] = {name: os.environ[name] for name in added}
    return added


@contextmanager
def _naming(path: str) -> Iterator[None]:
    """Have python-dotenv's warnings name the file, and come once: files are read repeatedly."""
    import logging  # not for `--help`

    def is_news(record: logging.LogRecord) -> bool:
        text = f"{path}: {record.getMessage()}"
        record.msg, record.args = text, None
        is_new = text not in _told
        _told.add(text)
        return is_new

    logger = logging.getLogger("dotenv.main")
    logger.addFilter(is_news)
    try:
        yield
    finally:
        logger.removeFilter(is_news)


def _forget(path: str) -> dict[str, str]:
    """Take back what the file at `path` set, unless somebody has set it anew; return it."""
    ours = {name: text for name, text in _added.pop(path, {}).items() if _is_set(name, text)}
    for name in ours:
        del os.environ[name]
    return ours


def _is_set(name: str, text: str) -> bool:
    return os.environ.get(name) == text
