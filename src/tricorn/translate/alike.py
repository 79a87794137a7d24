"""What several programs have alike: rows of their tables, turns, and notes."""

from __future__ import annotations

from tricorn.translate.row import (
    Anyway,
    Asked,
    Became,
    Missing,
    Outcome,
    Row,
    Takes,
    Value,
    anyway,
    becomes,
)

COUNTS_FOR_HTTP1 = "Counts for HTTP/1.1 too."
FIXED = "tricorn chooses it; docs/http2.md."
FORMATS = "Formats belong into a file for --log-config; see docs/logging.md."
LOGGER_CLASS = "Handlers belong into a file for --log-config."
NO_FILE = "tricorn writes to stdout and stderr: redirect them, or see --log-config."
ONLY_STDOUT = "`-` only. " + NO_FILE
LOG_CONFIG_DICT = "Write it into a file for --log-config: JSON or TOML."
PROCESS_NAME = "The app can call `setproctitle`."
WITH_WORKER = "Stay with gunicorn, and take tricorn's worker: docs/deployment/gunicorn.md."


def loggers(error: str, access: str) -> str:
    """What a file for --log-config has to be changed in."""
    theirs = f"Its loggers `{error}` and `{access}`"
    return f"{theirs} are called `tricorn.error` and `tricorn.access` here."


def cleartext(title: str) -> str:
    return (
        f"HTTP/2 without TLS is for trusted proxies; {title} takes it from everybody."
        " `--http2 all` does too."
    )


def access_log(value: Value, asked: Asked) -> Outcome:
    return Became({"access_log": True}, "" if value == "-" else f"Not into a file. {NO_FILE}")


def error_log(value: Value, asked: Asked) -> Outcome:
    return Anyway("tricorn logs to stderr, too.") if value in ("-", None) else Missing(NO_FILE)


def root_path(name: str, flag: str) -> Row:
    note = (
        "The proxy must strip it: tricorn puts it in front of the path, as Uvicorn does."
        " If yours passes it on, leave this out."
    )
    return becomes(name, flag, to="root_path", note=note)


def asks_for_help(*flags: str) -> Row:
    return anyway("help", *flags, note="`tricorn --help`.", takes=Takes.NOTHING)


def asks_for_version(*flags: str) -> Row:
    note = "`tricorn --version` says what would run."
    return anyway("version", *flags, note=note, takes=Takes.NOTHING)
