"""Uvicorn: its options are tricorn's, by the same names."""

from __future__ import annotations

from tricorn.settings.option import Kind, Option
from tricorn.settings.options import OPTIONS
from tricorn.translate import alike
from tricorn.translate.row import Default, Row, Takes, becomes
from tricorn.translate.source import Source


def _row(option: Option) -> Row:
    on, _, off = option.flags.partition("/")
    flag = (option.kind is Kind.BOOLEAN and not option.valued) or bool(option.bare)
    return becomes(
        option.name,
        on,
        note=option.uvicorn,
        takes=Takes.NOTHING if flag else Takes.VALUE,
        off=(off,) if off else (),
        many=option.kind in (Kind.LIST, Kind.FIELDS),
        means=option.bare or True,
    )


UVICORN = Source(
    name="uvicorn",
    title="Uvicorn",
    version="0.54",
    rows=(
        *(
            _row(option)
            for option in OPTIONS
            if option.on_command_line and not option.ours and option.name != "app"
        ),
        alike.asks_for_version("--version"),
    ),
    defaults=(
        Default(("timeout_graceful_shutdown",),
                "Requests that run at shutdown get 30 seconds, not for ever."
                " `--timeout-graceful-shutdown none` brings that back."),
        Default(("http2",),
                "HTTP/2 is on: for clients that ask for it over TLS, and for trusted proxies."
                " `--http2 off` turns it off."),
        Default(("timeout_head", "limit_request_line"),
                "Times and sizes of requests have bounds; docs/limits.md has them."),
    ),
    ignores=("PORT",),
)  # fmt: skip
