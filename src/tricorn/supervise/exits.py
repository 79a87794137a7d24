"""How a process ended, in words."""

from __future__ import annotations

import signal


def how(code: int) -> str:
    """Say it of an exit code, which is negative where a signal ended the process."""
    if code >= 0:
        return f"ended with {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = str(-code)
    likely = " (out of memory?)" if name == "SIGKILL" else ""
    return f"was ended by {name}{likely}"
