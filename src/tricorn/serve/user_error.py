"""Errors in the user's own code, told without the server's frames."""

from __future__ import annotations

import traceback
from types import TracebackType

_IMPORT_MACHINERY = ("importlib", "_frozen_importlib", "multiprocessing", "runpy")


class UserCodeError(Exception):
    """The user's code raised while it was imported or while its factory ran.

    `str()` is a line that says what was being done, and below it the traceback as the user
    would see it by running the module with Python. `__cause__` is the original exception.
    `exit_code` is what a program that can't go on should exit with.
    """

    exit_code = 3

    def __init__(self, doing: str, error: BaseException) -> None:
        super().__init__(f"{doing}:\n{format_user_error(error)}")


def format_user_error(error: BaseException) -> str:
    """The traceback of `error` from the user's first frame on, without a final line break."""
    with_own_frames = error.__traceback__
    error.__traceback__ = _from_user_code(with_own_frames)
    try:
        return "".join(traceback.format_exception(error)).rstrip("\n")
    finally:
        error.__traceback__ = with_own_frames


def _from_user_code(found: TracebackType | None) -> TracebackType | None:
    while found is not None and _is_ours(found):
        found = found.tb_next
    return found


def _is_ours(found: TracebackType) -> bool:
    # By module name: a compiled module's file name is that of the machine that built it.
    name = found.tb_frame.f_globals.get("__name__") or ""
    package = name.partition(".")[0]
    return package == "tricorn" or package in _IMPORT_MACHINERY
