"""What options may not say together, and what isn't there yet."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from tricorn.settings.errors import OptionError
from tricorn.settings.options import BY_NAME

# Uvicorn lets --uds and --fd pass beside --host and --port, and programs that start it pass
# all of them, so only these pairs can't be meant.
EXCLUSIVE: Final = (
    ("uds", "fd"),
    ("bind", "uds"),
    ("bind", "fd"),
    ("bind", "host"),
    ("bind", "port"),
)

# Options of which one makes connections speak TLS.
SPEAKS_TLS: Final = (
    "ssl_keyfile",
    "ssl_certfile",
    "ssl_certificates",
    "ssl_context_factory",
    "dev_https",
)

WHERE_TO_LISTEN: Final = ("host", "port", "bind", "uds", "fd")


def contradiction(first: str, second: str, what: str) -> OptionError:
    """The error for two options that both say `what`."""
    return OptionError(first, second, wrong=f" both say {what}; give only one of them")


def refuse_contradictions(values: Mapping[str, object]) -> None:
    """Raise ConfigError when `values` (by option name) hold two that exclude each other."""
    for first, second in EXCLUSIVE:
        if values[first] != BY_NAME[first].default and values[second] != BY_NAME[second].default:
            raise contradiction(first, second, "where to listen")
    for name in ("ssl_certfile", "ssl_keyfile", "ssl_certificates"):
        if values["dev_https"] and values[name]:
            raise contradiction("dev_https", name, "which certificate to use")
    health = values["health_path"]
    if health is not None and not re.fullmatch(r"/[^?#\s]*", str(health)):
        raise OptionError(
            "health_path", wrong=f": '{health}' is no path; write one such as /healthz"
        )
    if values["https_redirect"] is not None and not any(values[name] for name in SPEAKS_TLS):
        raise OptionError(
            "https_redirect", wrong=": there is no https here; give --ssl-certfile too"
        )
