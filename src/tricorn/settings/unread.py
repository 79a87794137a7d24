"""Variables of the environment that look like options, and that nobody reads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Final

from tricorn.settings.options import BY_NAME, OPTIONS

_PREFIX: Final = re.compile(r"(?:TRICORN|UVICORN)_")
_PREFIXED: Final = re.compile(_PREFIX.pattern + r"\w*", re.ASCII)
# What else is read from the environment: by the server, by a worker's app, and when installing.
_OTHERS: Final = frozenset(
    f"TRICORN_{name}" for name in ("TRANSPORT", "WORKER_ID", "SUCCEEDS", "COMPILE", "OPTIMIZE")
)
# Kubernetes and Docker tell of a service named so: TRICORN_SERVICE_HOST, TRICORN_PORT_80_TCP_ADDR.
_SERVICES: Final = re.compile(
    _PREFIX.pattern + r"(?:SERVICE_HOST|SERVICE_PORT\w*|PORT_\d+_(?:TCP|UDP|SCTP)\w*)"
)


def warnings_of_unread(environ: Mapping[str, str]) -> list[str]:
    """A line for each variable with our prefix or Uvicorn's that sets nothing.

    They aren't errors: other programs may have set them.
    """
    prefixed = [name for name in sorted(environ) if _PREFIXED.fullmatch(name)]
    if not prefixed:
        return []
    known = [name for option in OPTIONS for name in option.environment]
    return [
        f"{name} in the environment has no effect{_advice(name, known)}"
        for name in prefixed
        if name not in known and name not in _OTHERS and not _SERVICES.fullmatch(name)
    ]


def _advice(name: str, known: list[str]) -> str:
    option = BY_NAME.get(_PREFIX.sub("", name, count=1).lower())
    if option is None or not option.on_command_line:
        return _nearest(name, known)
    if option.in_sources:  # of ours alone, with Uvicorn's prefix
        return f"; use {option.environment[0]}"
    return f"; use {option.positive_flag}"


def _nearest(name: str, known: list[str]) -> str:
    # Without the prefix, which alone makes any two alike.
    prefix, _, rest = name.partition("_")
    names = [one.removeprefix(f"{prefix}_") for one in known if one.startswith(f"{prefix}_")]
    found = get_close_matches(rest, names, n=1)
    return f"; did you mean {prefix}_{found[0]}?" if found else ""
