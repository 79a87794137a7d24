"""What `--version` prints."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec


def version_line(release: str) -> str:
    """tricorn's release and speed, the Python, the system, and the loop that `auto` means."""
    return (
        f"Running tricorn {release} ({_speed()}) with"
        f" {platform.python_implementation()} {platform.python_version()}"
        f" on {platform.system()}, loop {_loop()}"
    )


def _speed() -> str:
    spec = find_spec("tricorn.wire.h1")
    origin = spec.origin if spec is not None and spec.origin else ".py"
    return "interpreted" if origin.endswith(".py") else "compiled"


def _loop() -> str:
    if find_spec("uvloop") is None:
        return "asyncio"
    try:
        return f"uvloop {version('uvloop')}"
    except PackageNotFoundError:
        return "uvloop"
