"""Where the shim is, and what a program needs to find it before Uvicorn."""

from collections.abc import Callable, Mapping
from pathlib import Path

from tests.support.server import Server

ROOT = Path(__file__).parents[2]
SHIM = ROOT / "shim"
APPS = Path(__file__).parent / "apps"

Start = Callable[..., Server]


def in_front(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a program that finds the shim, as `tricorn_uvicorn.pth` would have it."""
    import tricorn

    # Where this suite found tricorn, too: the program runs in another directory.
    return {"PYTHONPATH": f"{SHIM}:{Path(tricorn.__file__).parents[1]}", **(extra or {})}
